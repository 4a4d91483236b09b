"""What every object store promises, whichever machine keeps the bytes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class StorageError(Exception):
    """The store could not do what was asked: unreachable, full, misconfigured, or a subclass."""


class InvalidKeyError(StorageError):
    """The key is not of the form `storage.keys` describes, or names the digest of other bytes."""


class ObjectNotFoundError(StorageError):
    """No object is stored under the key."""


class ImmutableObjectError(StorageError):
    """The call would have changed a stored object, or deleted one that is still retained."""


class CorruptObjectError(StorageError):
    """The bytes read back are not those whose digest the key names: they were tampered with."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is durably in the store."""

    key: str
    sha256: str  # of the whole body, 64 lower-case hexadecimal digits
    size: int  # bytes
    retain_until: datetime | None  # UTC; what the store enforces, which may be later than asked


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that was found in the store."""

    key: str
    retain_until: datetime | None  # UTC; None: it may be deleted


class ObjectStore(Protocol):
    """Objects that are written once, read often, and deleted only after their retention.

    Keys are checked by every call, which raises `InvalidKeyError` (see `storage.keys`). All other
    failures are `StorageError`s too; nothing else is raised for what a store did.
    """

    async def put(
        self, key: str, body: bytes, content_type: str, retain_until: datetime | None
    ) -> Stored:
        """Store `body`, durably, before returning.

        The same bytes under the same key again change nothing, except that a later `retain_until`
        extends the retention; an earlier one never shortens it. `retain_until` is an aware
        datetime, rounded up to the second; one in the past counts as None.

        Raises ImmutableObjectError if the key already holds other bytes, also when two writers
        race: exactly one of them wins. Raises ValueError for a naive `retain_until`.
        """

    async def get(self, key: str) -> bytes:
        """Return the whole object.

        Raises ObjectNotFoundError, and CorruptObjectError if the key names a digest (as those of
        `content_key` do) and the bytes have another.
        """

    async def exists(self, key: str) -> bool:
        """Tell whether an object is stored under the key."""

    def below(self, folder: str) -> AsyncIterator[Kept]:
        """Every object whose key begins with `folder/`, in no particular order.

        What is stored meanwhile may be missing. Raises InvalidKeyError for what is no folder.
        """

    async def delete(self, key: str) -> None:
        """Remove the object for good. Removing what is not there does nothing.

        Raises ImmutableObjectError before the end of the retention.
        """
