"""The names of objects: safe on every backend, and where possible made of the content's digest."""

import hashlib
import re

from storage.port import CorruptObjectError, InvalidKeyError

# Folders never contain a dot and names always do, so that no key is a folder of another one: a
# bucket would allow that, a file system would not. It also rules out "..", and hidden files, which
# backends keep for themselves.
_FOLDER = r"[A-Za-z0-9_-]{1,64}"
_NAME = r"[A-Za-z0-9_-]{1,128}\.[a-z0-9]{1,8}"
_FOLDERS = re.compile(rf"{_FOLDER}(?:/{_FOLDER}){{0,7}}")
_KEY = re.compile(rf"(?:{_FOLDER}/){{0,8}}{_NAME}")
_CONTENT_KEY = re.compile(r"(?:.*/)?([0-9a-f]{64})\.[a-z0-9]+")


def content_key(folder: str, body: bytes, extension: str) -> str:
    """Name `body` after its digest: `acct_1/receipts` gives `acct_1/receipts/<sha256>.pdf`.

    Such a key can never be asked to hold other bytes, and tampering shows on reading. `folder` is
    one to eight segments of `[A-Za-z0-9_-]`, `extension` has no dot. Raises InvalidKeyError.
    """
    key = f"{folder}/{digest(body)}.{extension}"
    check_key(key)
    return key


def digest(body: bytes) -> str:
    """Return the SHA-256 of `body` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def check_key(key: str) -> None:
    """Raise InvalidKeyError unless `key` is up to eight folders and a name with an extension."""
    if not _KEY.fullmatch(key):
        raise InvalidKeyError(f"{key[:200]!r} is not a key such as 'folder/name.pdf'")


def check_folder(folder: str) -> None:
    """Raise InvalidKeyError unless `folder` is one to eight folders."""
    if not _FOLDERS.fullmatch(folder):
        raise InvalidKeyError(f"{folder[:200]!r} is not a folder such as 'acct_1/receipts'")


def check_new(key: str, body: bytes) -> None:
    """Raise InvalidKeyError if `key` is malformed, or names a digest that is not that of `body`."""
    check_key(key)
    named = _CONTENT_KEY.fullmatch(key)
    if named and named[1] != digest(body):
        raise InvalidKeyError(f"{key} names the digest of other bytes")


def check_stored(key: str, body: bytes) -> bytes:
    """Return `body`, or raise CorruptObjectError if `key` names a digest that is not its own."""
    named = _CONTENT_KEY.fullmatch(key)
    if named and named[1] != digest(body):
        raise CorruptObjectError(f"the bytes stored as {key} are not those that were written")
    return body
