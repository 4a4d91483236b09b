"""Objects in an S3 bucket; with object lock, nobody can delete them before their retention ends.

Works with any server that has conditional writes (`If-None-Match: *`, in Amazon S3 since 2024) and,
unless it is switched off, object lock in COMPLIANCE mode:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html. The credentials need
GetObject, PutObject, DeleteObjectVersion, ListBucket, GetObjectRetention and PutObjectRetention.
"""

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.credentials.providers import (
    ChainedProvider,
    EnvAWSProvider,
    IamAwsProvider,
    StaticProvider,
)
from minio.error import MinioException, S3Error
from minio.retention import Retention

from storage.batches import in_threads
from storage.keys import check_folder, check_key, check_new, check_stored, digest
from storage.port import ImmutableObjectError, Kept, ObjectNotFoundError, StorageError, Stored
from storage.retention import effective

_CONNECTIONS = 32  # asyncio's default executor never has more threads
_ATTEMPTS = 5
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True, slots=True)
class _Head:
    version: str | None
    retain_until: datetime | None


class S3Store:
    """An `ObjectStore` in one bucket of an S3 server.

    `endpoint` is `host[:port]`, spoken to by TLS if `secure`. Without an access key, credentials
    come from AWS's environment variables or the machine's role. Without `region` the server is
    asked for it.

    `object_lock=False` is for buckets that have none: retentions are then not recorded, and this
    store refuses every deletion, because it can't know which are due.

    Nothing is sent before the first call; a missing bucket, refused credentials and a retention
    that the bucket can't enforce are `StorageError`s of that call.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access_key: str = "",
        secret_key: str = "",
        region: str | None = None,
        secure: bool = True,
        object_lock: bool = True,
    ) -> None:
        self._bucket = bucket
        self._address = f"{endpoint}/{bucket}"
        self._object_lock = object_lock
        self._bucket_seen = False
        self._client = Minio(
            endpoint,
            credentials=StaticProvider(access_key, secret_key)
            if access_key
            else ChainedProvider([EnvAWSProvider(), IamAwsProvider()]),
            region=region,
            secure=secure,
            http_client=_CreateOnlyPool(
                maxsize=_CONNECTIONS,
                timeout=urllib3.Timeout(connect=5, read=30),
                retries=urllib3.Retry(
                    total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]
                ),
            ),
        )

    async def put(
        self, key: str, body: bytes, content_type: str, retain_until: datetime | None
    ) -> Stored:
        """See `ObjectStore.put`."""
        check_new(key, body)
        until = effective(retain_until) if self._object_lock else None
        return await asyncio.to_thread(self._put, key, body, content_type, until)

    async def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        check_key(key)
        body = await asyncio.to_thread(self._get, key)
        if body is None:
            raise ObjectNotFoundError(f"no object is stored as {key}")
        return check_stored(key, body)

    async def exists(self, key: str) -> bool:
        """See `ObjectStore.exists`."""
        check_key(key)
        return await asyncio.to_thread(self._head, key) is not None

    def below(self, folder: str) -> AsyncIterator[Kept]:
        """See `ObjectStore.below`. Each object's retention takes a request of its own."""
        check_folder(folder)
        return in_threads(self._below(folder))

    async def delete(self, key: str) -> None:
        """See `ObjectStore.delete`; without object lock, always refused."""
        check_key(key)
        if not self._object_lock:
            raise ImmutableObjectError(
                f"{self._address} has no object lock: we delete nothing there"
            )
        await asyncio.to_thread(self._delete, key)

    def _put(self, key: str, body: bytes, content_type: str, until: datetime | None) -> Stored:
        for _ in range(_ATTEMPTS):
            # Asked first, because a server that ignores If-None-Match would overwrite.
            head = self._head(key)
            if head is None:
                if self._create(key, body, content_type, until):
                    return Stored(key, digest(body), len(body), until)
                continue
            held = self._get(key, head.version)
            if held == body:
                return Stored(key, digest(body), len(body), self._extend(key, head, until))
            if held is not None:  # None: it was deleted since we asked
                raise ImmutableObjectError(f"{key} already holds other bytes")
        raise StorageError(f"{self._address}: other writers keep coming between us and {key}")

    def _create(self, key: str, body: bytes, content_type: str, until: datetime | None) -> bool:
        """Write the object; False if somebody else has just done so."""
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        with self._errors():
            try:
                self._client.put_object(
                    self._bucket,
                    key,
                    io.BytesIO(body),
                    len(body),
                    content_type,
                    # S3 takes a retained object only with a checksum of its content; over plain
                    # HTTP the client sends none by itself.
                    metadata={
                        "x-amz-sdk-checksum-algorithm": "SHA256",
                        "x-amz-checksum-sha256": checksum,
                    },
                    retention=Retention(COMPLIANCE, until) if until else None,
                )
            except S3Error as error:
                if error.code in _TAKEN:
                    return False
                raise
        return True

    def _extend(self, key: str, head: _Head, until: datetime | None) -> datetime | None:
        """Retain the object until `until` or its present date, whichever is later."""
        kept = effective(head.retain_until)
        if until is None or (kept is not None and kept >= until):
            return kept
        with self._errors():
            self._client.set_object_retention(
                self._bucket, key, Retention(COMPLIANCE, until), version_id=head.version
            )
        return until

    def _head(self, key: str) -> _Head | None:
        with self._errors():
            try:
                found = self._client.stat_object(self._bucket, key)
            except S3Error as error:
                if error.response.status != 404:
                    raise
                self._check_bucket()
                return None
        retained = (found.metadata or {}).get("x-amz-object-lock-retain-until-date")
        return _Head(found.version_id, datetime.fromisoformat(retained) if retained else None)

    def _check_bucket(self) -> None:
        """Tell a missing bucket from a missing object: a HEAD is answered 404 for both."""
        if not self._bucket_seen and not self._client.bucket_exists(self._bucket):
            raise StorageError(f"{self._address}: the bucket does not exist")
        self._bucket_seen = True

    def _get(self, key: str, version: str | None = None) -> bytes | None:
        with self._errors():
            try:
                response = self._client.get_object(self._bucket, key, version_id=version)
            except S3Error as error:
                if error.code in {"NoSuchKey", "NoSuchVersion"}:
                    return None
                raise
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    def _below(self, folder: str) -> Iterator[Kept]:
        with self._errors():
            found = self._client.list_objects(self._bucket, f"{folder}/", recursive=True)
            keys = (each.object_name for each in found)
            while (key := next(keys, None)) is not None:
                head = self._head(key)
                if head is not None:  # else it was deleted since it was listed
                    yield Kept(key, effective(head.retain_until))

    def _delete(self, key: str) -> None:
        head = self._head(key)
        if head is None:
            return
        if head.retain_until is not None and head.retain_until > datetime.now(UTC):
            raise ImmutableObjectError(f"{key} is retained until {head.retain_until.isoformat()}")
        with self._errors():
            # Without its version, a versioned bucket would only hide the object.
            self._client.remove_object(self._bucket, key, version_id=head.version)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            reason = f"{error.code}: {error.message}"
            if error.code == "NoSuchBucket":
                reason = "the bucket does not exist"
            elif error.response.status == 403:
                reason += " (check the access key, the secret key and what they may do)"
            raise StorageError(f"{self._address}: {reason}") from error
        except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
            # ValueError is the client's word for an impossible bucket name, among others.
            raise StorageError(f"{self._address}: {error}") from error


class _CreateOnlyPool(urllib3.PoolManager):
    """Makes every upload fail if the object exists; the client has no parameter for that header."""

    def urlopen(  # type: ignore[override]  # urllib3 leaves the keyword arguments untyped
        self, method: str, url: str, redirect: bool = True, **arguments: Any
    ) -> urllib3.BaseHTTPResponse:
        if method == "PUT" and "?" not in url:  # with a query it is a setting such as ?retention
            arguments["headers"]["If-None-Match"] = "*"
        return super().urlopen(method, url, redirect=redirect, **arguments)
