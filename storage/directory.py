"""Objects as read-only files below one directory: the default, and enough for one machine.

An object is written and synced under `.partial/`, then hard-linked to its name: the link appears
whole or not at all, and fails if the name is taken. The file's modification time is the end of its
retention, set before the link, so that no object exists without its retention; it survives `cp -p`,
rsync and tar. A crash can leave a file in `.partial/`; those older than an hour may be removed.

This protects objects from our own mistakes and shows tampering. It does not stop a person who has
the rights of the process or of root: S3 with object lock does.
"""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from storage.batches import in_threads
from storage.keys import check_folder, check_key, check_new, check_stored, digest
from storage.port import ImmutableObjectError, Kept, ObjectNotFoundError, StorageError, Stored
from storage.retention import effective


class DirectoryStore:
    """An `ObjectStore` below `root`, which is created if missing; several processes may share it.

    `root` must be on a file system with hard links and flock. Raises StorageError if it cannot be
    used.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._partial = self._root / ".partial"
        with _as_storage_errors():
            self._root.parent.mkdir(parents=True, exist_ok=True)
            # Receipts hold personal data: only our own user may look in.
            self._root.mkdir(mode=0o700, exist_ok=True)
            self._partial.mkdir(exist_ok=True)

    async def put(
        self, key: str, body: bytes, content_type: str, retain_until: datetime | None
    ) -> Stored:
        """See `ObjectStore.put`. The content type is not kept: the key's extension tells it."""
        del content_type
        check_new(key, body)
        return await asyncio.to_thread(self._put, key, body, effective(retain_until))

    async def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        check_key(key)
        return await asyncio.to_thread(self._get, key)

    async def exists(self, key: str) -> bool:
        """See `ObjectStore.exists`."""
        check_key(key)
        with _as_storage_errors():
            return await asyncio.to_thread((self._root / key).is_file)

    def below(self, folder: str) -> AsyncIterator[Kept]:
        """See `ObjectStore.below`."""
        check_folder(folder)
        return in_threads(self._below(folder))

    async def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        check_key(key)
        await asyncio.to_thread(self._delete, key)

    def _put(self, key: str, body: bytes, until: datetime | None) -> Stored:
        path = self._root / key
        with _as_storage_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._partial) as partial:
                _write(partial.file, body, until)
                while not _link(partial.name, path):
                    kept = _keep(path, body, until)
                    if kept is not None:
                        until = effective(kept)
                        break
            # Also when somebody else made the folders or the link: they may not have synced yet,
            # and what we acknowledge must outlive a power cut.
            for folder in path.parents:
                _sync(folder)
                if folder == self._root:
                    break
        return Stored(key, digest(body), len(body), until)

    def _get(self, key: str) -> bytes:
        with _as_storage_errors():
            try:
                return check_stored(key, (self._root / key).read_bytes())
            except FileNotFoundError:
                raise ObjectNotFoundError(f"no object is stored as {key}") from None

    def _below(self, folder: str) -> Iterator[Kept]:
        with _as_storage_errors():
            for place, _, names in os.walk(self._root / folder):
                for name in names:
                    path = Path(place, name)
                    with path.open("rb") as file:
                        until = _retention(file)
                    yield Kept(str(path.relative_to(self._root)), effective(until))

    def _delete(self, key: str) -> None:
        path = self._root / key
        with _as_storage_errors(), _locked(path) as file:
            if file is None:
                return
            until = _retention(file)
            if until > datetime.now(UTC):
                raise ImmutableObjectError(f"{key} is retained until {until.isoformat()}")
            path.unlink()
            _sync(path.parent)


@contextmanager
def _as_storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"the object directory failed: {error}") from error


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes] | None]:
    """Hold the object's lock, so that it is not deleted while its retention is being extended.

    Yields None if there is no such object, or if it was deleted while we waited for the lock.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            still_there = os.path.samestat(path.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            still_there = False
        yield file if still_there else None


def _write(file: IO[bytes], body: bytes, until: datetime | None) -> None:
    file.write(body)
    file.flush()
    os.fchmod(file.fileno(), 0o444)
    if until is not None:
        _set_retention(file.fileno(), until)
    os.fsync(file.fileno())


def _link(partial: str, path: Path) -> bool:
    """Give the written file its name; False if the name is taken. A rename would overwrite."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        return False
    return True


def _keep(path: Path, body: bytes, until: datetime | None) -> datetime | None:
    """Check that the stored object is `body` and extend its retention; None if it has vanished."""
    with _locked(path) as file:
        if file is None:
            return None
        if file.read() != body:
            raise ImmutableObjectError(f"{path.name} already holds other bytes")
        if until is not None and until > _retention(file):
            _set_retention(file.fileno(), until)
            os.fsync(file.fileno())
        return _retention(file)


def _retention(file: IO[bytes]) -> datetime:
    return datetime.fromtimestamp(int(os.fstat(file.fileno()).st_mtime), UTC)


def _set_retention(descriptor: int, until: datetime) -> None:
    seconds = int(until.timestamp())
    os.utime(descriptor, (seconds, seconds))
    # Old file systems end in 2038 and clamp what is later without saying so.
    if int(os.fstat(descriptor).st_mtime) != seconds:
        raise StorageError(f"this file system cannot record a retention until {until.isoformat()}")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
