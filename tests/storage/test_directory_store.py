"""What only the directory can show: files, modes, tampering, processes that die."""

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import CorruptObjectError, StorageError, content_key, open_store

pytestmark = pytest.mark.anyio


async def test_files_are_read_only_and_only_ours(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "new" / "objects"))
    await store.put("receipts/r.pdf", b"body", "application/pdf", None)

    root = tmp_path / "new" / "objects"
    assert root.stat().st_mode & 0o777 == 0o700
    assert (root / "receipts" / "r.pdf").stat().st_mode & 0o777 == 0o444
    assert (root / "receipts" / "r.pdf").stat().st_nlink == 1
    assert list((root / ".partial").iterdir()) == []


async def test_tampering_shows_on_reading(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    key = content_key("receipts", b"amount: 5000", "txt")
    await store.put(key, b"amount: 5000", "text/plain", None)

    (tmp_path / key).chmod(0o644)
    (tmp_path / key).write_bytes(b"amount: 9000")

    with pytest.raises(CorruptObjectError):
        await store.get(key)


async def test_the_retention_is_the_modification_time(tmp_path: Path) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3653)
    await open_store(str(tmp_path)).put("r.pdf", b"body", "application/pdf", until)
    assert (tmp_path / "r.pdf").stat().st_mtime == until.timestamp()


async def test_a_root_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"):
        open_store(str(tmp_path / "file"))


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    (tmp_path / "receipts").write_bytes(b"a file where a folder belongs")
    with pytest.raises(StorageError):
        await store.put("receipts/r.pdf", b"body", "application/pdf", None)
    assert list((tmp_path / ".partial").iterdir()) == []


WRITER = """
import asyncio, os, sys
from storage import content_key, open_store

async def main():
    store = open_store(sys.argv[1])
    for number in range(1_000_000):
        body = os.urandom(64) * 16384
        await store.put(content_key("torn", body, "bin"), body, "application/octet-stream", None)
        print(content_key("torn", body, "bin"), flush=True)

asyncio.run(main())
"""


def write_until_killed(root: Path, seconds: float) -> list[str]:
    """Let a process write objects, kill it some time after the first; the keys it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    ) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline().strip()
        time.sleep(seconds)
        writer.kill()
        return [first, *writer.stdout.read().split()]


async def test_a_killed_writer_leaves_whole_objects(tmp_path: Path) -> None:
    randomness = random.Random(8)
    acknowledged = {
        key for _ in range(4) for key in write_until_killed(tmp_path, randomness.uniform(0, 0.05))
    }

    found = {f"torn/{path.name}" for path in (tmp_path / "torn").iterdir()}
    assert acknowledged <= found
    for key in found:  # `get` checks the digest that the key names
        assert len(await open_store(str(tmp_path)).get(key)) == 64 * 16384
