"""Immutable objects (receipts, invoices, documents) behind one small port.

`open_store` chooses the backend, `content_key` names an object after its digest, and `ObjectStore`
is all that the rest of the house knows.
"""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from storage.directory import DirectoryStore
from storage.keys import content_key
from storage.port import (
    CorruptObjectError,
    ImmutableObjectError,
    InvalidKeyError,
    Kept,
    ObjectNotFoundError,
    ObjectStore,
    StorageError,
    Stored,
)
from storage.s3 import S3Store

__all__ = [
    "CorruptObjectError",
    "ImmutableObjectError",
    "InvalidKeyError",
    "Kept",
    "ObjectNotFoundError",
    "ObjectStore",
    "StorageError",
    "Stored",
    "content_key",
    "open_store",
]


def open_store(location: str, *, access_key: str = "", secret_key: str = "") -> ObjectStore:
    """Open the store at `location`: the path of a directory, or the URL of a bucket.

    A bucket is `s3+https://host[:port]/bucket` (`s3+http` without TLS), with `?region=` and, for
    buckets that can't lock objects, `?object_lock=off`. Credentials never go into the URL, which
    is logged; without them they come from AWS's environment variables or the machine's role.

    Raises StorageError if the location is not of these forms, or its directory can't be used.
    """
    if "://" not in location:
        return DirectoryStore(Path(location))
    url = urlsplit(location)
    options = {name: values[-1] for name, values in parse_qs(url.query).items()}
    bucket = url.path.strip("/")
    if (
        url.scheme not in {"s3+https", "s3+http"}
        or "@" in url.netloc
        or not (url.netloc and bucket)
        or "/" in bucket
        or not options.keys() <= {"region", "object_lock"}
        or options.get("object_lock", "on") not in {"on", "off"}
    ):
        raise StorageError(
            f"{url.scheme}://...{url.path} is not a path or s3+https://host[:port]/bucket"
            "[?region=...&object_lock=off]"
        )
    return S3Store(
        url.netloc,
        bucket,
        access_key=access_key,
        secret_key=secret_key,
        region=options.get("region"),
        secure=url.scheme == "s3+https",
        object_lock=options.get("object_lock") != "off",
    )
