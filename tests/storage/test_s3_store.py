"""What only S3 can show: locks that the server itself enforces, and its ways to say no."""

import io
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention

from storage import (
    CorruptObjectError,
    ImmutableObjectError,
    StorageError,
    content_key,
    open_store,
)

if TYPE_CHECKING:
    from tests.storage.conftest import S3Server

PDF = "application/pdf"
KEY = "acct_1A/receipts/re_1.pdf"

pytestmark = pytest.mark.anyio


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.fixture(params=["fake_s3", "real_s3"])
def s3(request: pytest.FixtureRequest) -> "S3Server":
    server: S3Server = request.getfixturevalue(request.param)
    return server


async def test_the_server_refuses_even_its_owner(real_s3: "S3Server") -> None:
    bucket = real_s3.new_bucket()
    await real_s3.open(bucket).put(KEY, b"body", PDF, in_seconds(3600))

    client = real_s3.client()
    version = client.stat_object(bucket, KEY).version_id
    attempts = [
        lambda: client.remove_object(bucket, KEY, version_id=version),
        lambda: client.set_object_retention(
            bucket, KEY, Retention(COMPLIANCE, in_seconds(60)), version_id=version
        ),
        lambda: client.set_object_retention(
            bucket, KEY, Retention(GOVERNANCE, in_seconds(7200)), version_id=version
        ),
    ]
    for attempt in attempts:
        with pytest.raises(S3Error, match="AccessDenied"):
            attempt()
    assert await real_s3.open(bucket).get(KEY) == b"body"


async def test_an_outsiders_newer_version_shows_on_reading(real_s3: "S3Server") -> None:
    bucket = real_s3.new_bucket()
    store = real_s3.open(bucket)
    key = content_key("receipts", b"amount: 5000", "txt")
    await store.put(key, b"amount: 5000", "text/plain", in_seconds(60))

    real_s3.client().put_object(bucket, key, io.BytesIO(b"amount: 9000"), 12)

    with pytest.raises(CorruptObjectError):
        await store.get(key)


async def test_the_content_type_is_kept(s3: "S3Server") -> None:
    bucket = s3.new_bucket()
    await s3.open(bucket).put(KEY, b"body", PDF, None)
    assert s3.client().stat_object(bucket, KEY).content_type == PDF


async def test_a_bucket_without_lock_takes_no_retention(s3: "S3Server") -> None:
    store = s3.open(s3.new_bucket(object_lock=False))
    # Twice, because versitygw keeps the object that it could not retain: finding it there is no
    # reason to acknowledge it.
    for _ in range(2):
        with pytest.raises(StorageError, match=r"Object ?Lock"):
            await store.put(KEY, b"body", PDF, in_seconds(60))


async def test_with_the_lock_off_nothing_is_ever_deleted(s3: "S3Server") -> None:
    store = s3.open(s3.new_bucket(object_lock=False), "?object_lock=off")
    stored = await store.put(KEY, b"body", PDF, in_seconds(60))

    assert stored.retain_until is None  # nobody enforces one
    with pytest.raises(ImmutableObjectError):
        await store.delete(KEY)
    assert await store.get(KEY) == b"body"


@pytest.mark.parametrize("call", ["put", "get", "exists", "delete"])
async def test_a_missing_bucket_is_said(s3: "S3Server", call: str) -> None:
    store = s3.open("no-such-bucket")
    calls = {
        "put": lambda: store.put(KEY, b"body", PDF, None),
        "get": lambda: store.get(KEY),
        "exists": lambda: store.exists(KEY),
        "delete": lambda: store.delete(KEY),
    }
    with pytest.raises(StorageError, match="no-such-bucket: the bucket does not exist"):
        await calls[call]()


async def test_refused_credentials_are_said(real_s3: "S3Server") -> None:
    store = real_s3.open(real_s3.new_bucket(), secret_key="wrong")
    with pytest.raises(StorageError, match="check the access key"):
        await store.get(KEY)
    with pytest.raises(StorageError, match="check the access key"):
        await store.exists(KEY)


async def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    store = open_store(f"s3+http://127.0.0.1:{port}/bucket", access_key="a", secret_key="b")
    with pytest.raises(StorageError, match=f"127.0.0.1:{port}/bucket"):
        await store.get(KEY)


@pytest.mark.parametrize(
    "location",
    [
        "https://s3.example.com/bucket",
        "s3+https://s3.example.com",
        "s3+https://s3.example.com/bucket/folder",
        "s3+https://key:secret@s3.example.com/bucket",
        "s3+https://s3.example.com/bucket?object_lock=no",
        "s3+https://s3.example.com/bucket?regoin=eu-west-1",
    ],
)
async def test_unclear_locations_are_refused(location: str) -> None:
    with pytest.raises(StorageError) as raised:
        open_store(location)
    assert "secret" not in str(raised.value)
