"""A closed day proves itself to somebody who has the file and the public key, and nothing else."""

import asyncio
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from live import Merchant

from processor.ledger import close
from processor.ledger.close import CloseError
from processor.ledger.posting import Transaction, post
from storage.directory import DirectoryStore

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()
DAY_BEFORE = YESTERDAY - timedelta(days=1)
KEY = Ed25519PrivateKey.generate()


def closed_days(merchant: Merchant, folder: Path) -> tuple[bytes, bytes]:
    """The files of the day before yesterday and of yesterday, with two transactions each."""

    async def work(connection: asyncpg.Connection) -> list[close.Close]:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        for day in (DAY_BEFORE, YESTERDAY):
            made = [
                Transaction(
                    "charge", f"ch_{day}_{n}", "xaf", {"clearing:x": -n, "merchant:pending": n}
                )
                for n in (500, 700)
            ]
            await post(connection, made)
            noon = int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) + 43_200
            await connection.execute(
                "update ledger_transactions set created = $1 where source like $2",
                noon,
                f"ch_{day}_%",
            )
        return await close.close_until(connection, DirectoryStore(folder), "test", YESTERDAY, KEY)

    closes = merchant.run(work)
    assert [made.day for made in closes] == [DAY_BEFORE, YESTERDAY]
    store = DirectoryStore(folder)
    first, second = (asyncio.run(store.get(made.object_key)) for made in closes)
    return first, second


def test_a_closed_day_verifies_with_the_file_and_the_key(
    merchant: Merchant, tmp_path: Path
) -> None:
    first, second = closed_days(merchant, tmp_path)
    key = close.public_key(KEY)
    assert close.check_file(first, key)["transactions"] == 2
    assert close.check_file(second, key, previous=first)["day"] == YESTERDAY.isoformat()


def test_the_auditor_needs_no_database(merchant: Merchant, tmp_path: Path) -> None:
    first, second = closed_days(merchant, tmp_path)
    (tmp_path / "first").write_bytes(first)
    (tmp_path / "second").write_bytes(second)
    command = [sys.executable, "-m", "cpay", "ledger", "check", str(tmp_path / "second")]
    command += ["--public-key", close.public_key(KEY), "--previous", str(tmp_path / "first")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert YESTERDAY.isoformat() in done.stdout


def test_any_changed_byte_is_found(merchant: Merchant, tmp_path: Path) -> None:
    _, file = closed_days(merchant, tmp_path)
    key = close.public_key(KEY)
    for position in range(len(file) - 1):
        changed = bytearray(file)
        changed[position] ^= 1
        with pytest.raises(CloseError):
            close.check_file(bytes(changed), key)


def test_another_key_does_not_open_it(merchant: Merchant, tmp_path: Path) -> None:
    file, _ = closed_days(merchant, tmp_path)
    with pytest.raises(CloseError, match="signature"):
        close.check_file(file, close.public_key(Ed25519PrivateKey.generate()))


def test_a_day_follows_its_own_yesterday_only(merchant: Merchant, tmp_path: Path) -> None:
    first, second = closed_days(merchant, tmp_path)
    with pytest.raises(CloseError):
        close.check_file(first, close.public_key(KEY), previous=second)


def test_a_day_that_is_not_over_is_not_closed(merchant: Merchant, tmp_path: Path) -> None:
    today: date = datetime.now(UTC).date()

    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        await close.close_until(connection, DirectoryStore(tmp_path), "test", today, KEY)

    with pytest.raises(CloseError, match="can be closed from"):
        merchant.run(work)
