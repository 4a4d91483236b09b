"""Reads from a streaming replica: only when asked for, and never at the price of an answer."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from live import Merchant, Stack, eventually, in_database, new_merchant
from second_server import serving

from tenants.embedded import EmbeddedPostgres
from tenants.embedded_binaries import Account, find_binaries


@pytest.fixture(scope="module")
def replica(stack: Stack) -> Iterator[EmbeddedPostgres]:
    """A replica of the stack's database that follows it."""
    # pytest's own temporary folders are private to root, where PostgreSQL's account can't enter.
    with tempfile.TemporaryDirectory(prefix="cpay-test-") as folder:
        Path(folder).chmod(0o711)
        home = Path(folder, "replica", "postgres")
        home.mkdir(parents=True)
        account = Account.for_directory(home)
        account.own(home)
        copy = account.run(
            [
                str(find_binaries(account, home) / "pg_basebackup"),
                f"--dbname={stack.database_url}",
                f"--pgdata={home / 'data'}",
                "--write-recovery-conf",
                "--checkpoint=fast",
            ]
        )
        assert copy.returncode == 0, copy.stderr
        shutil.copy(stack.state / "postgres" / "password", home / "password")
        account.own(home / "password")
        with EmbeddedPostgres(home.parent) as server:
            yield server


@pytest.fixture(scope="module")
def shop(stack: Stack, replica: EmbeddedPostgres) -> Iterator[Merchant]:
    """A merchant of an API process that has the replica."""
    with serving(stack, CPAY_REPLICA_URL=replica.dsn) as server:
        yield replace(new_merchant(stack), stack=server)


def customers(shop: Merchant, source: str | None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {shop.secret_key}"}
    if source is not None:
        headers["CPay-Read-From"] = source
    return httpx.get(f"{shop.stack.base}/v1/customers", headers=headers)


def names(shop: Merchant, source: str | None) -> list[str]:
    return [each["name"] for each in customers(shop, source).json()["data"]]


def on(server: EmbeddedPostgres, statement: str) -> Any:
    async def work(connection: asyncpg.Connection) -> Any:
        return await connection.fetchval(statement)

    return in_database(server.dsn, work)


def test_a_read_that_asks_for_it_comes_from_the_replica(
    shop: Merchant, replica: EmbeddedPostgres
) -> None:
    assert on(replica, "select pg_is_in_recovery()") is True
    shop.api.customers.create({"name": "Awa"})
    eventually(lambda: names(shop, "replica") == ["Awa"])
    on(replica, "select pg_wal_replay_pause()")
    try:
        shop.api.customers.create({"name": "Bo"})
        assert names(shop, None) == names(shop, "primary") == ["Bo", "Awa"]
        assert names(shop, "replica") == ["Awa"]
        # Of a merchant that it has not heard of, the primary tells.
        newest = replace(new_merchant(shop.stack), stack=shop.stack)
        assert names(newest, "replica") == []
    finally:
        on(replica, "select pg_wal_replay_resume()")
    eventually(lambda: names(shop, "replica") == ["Bo", "Awa"])


def test_a_write_goes_to_the_primary_whatever_is_asked_for(shop: Merchant) -> None:
    headers = {"Authorization": f"Bearer {shop.secret_key}", "CPay-Read-From": "replica"}
    made = httpx.post(f"{shop.stack.base}/v1/customers", headers=headers, data={"name": "Chi"})
    assert made.status_code == 200
    assert names(shop, None)[0] == "Chi"


def test_another_source_is_refused(shop: Merchant) -> None:
    reply = customers(shop, "moon")
    assert reply.status_code == 400
    assert "CPay-Read-From" in reply.json()["error"]["message"]


def test_without_the_replica_the_primary_answers(shop: Merchant, replica: EmbeddedPostgres) -> None:
    expected = names(shop, None)
    replica.stop()
    assert names(shop, "replica") == expected
    replica.start()
    eventually(lambda: names(shop, "replica") == expected)
