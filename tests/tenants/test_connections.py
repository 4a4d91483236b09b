"""Which connection serves whom, over real ones: backends are told apart by their process ids."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from live import Stack

from tenants.connections import HOMES, Connections
from tenants.database import Database
from tenants.migrate import APP_ROLE

SCHEMAS = [f"t{number}_test" for number in range(200)]


def dsn(stack: Stack) -> str:
    password = (stack.state / "app_password").read_text()
    address = urlsplit(stack.database_url)
    return f"postgresql://{APP_ROLE}:{password}@{address.hostname}:{address.port}{address.path}"


@asynccontextmanager
async def connections(stack: Stack, size: int, **limits: int) -> AsyncIterator[Connections]:
    opened = Connections(dsn(stack), size, **limits)
    yield opened
    await opened.close()


async def backend(
    opened: Connections,
    schema: str | None,
    work: Callable[[asyncpg.Connection], Awaitable[Any]] | None = None,
) -> int:
    """The process that served some work of a tenant."""
    async with opened.acquire(schema) as connection:
        if work is not None:
            await work(connection)
        return int(await connection.fetchval("select pg_backend_pid()"))


async def test_a_tenant_with_one_thing_to_do_has_one_connection(stack: Stack) -> None:
    async with connections(stack, 4) as opened:
        first = [await backend(opened, schema) for schema in SCHEMAS]
        again = [await backend(opened, schema) for schema in SCHEMAS]
    assert first == again
    assert {first.count(each) > 20 for each in set(first)} == {True}  # and tenants are spread
    assert len(set(first)) == 4


async def test_crowds_of_tenants_keep_to_their_homes(stack: Stack) -> None:
    async with connections(stack, 8) as opened:
        served: dict[str, set[int]] = {schema: set() for schema in SCHEMAS}

        async def client(number: int) -> None:
            for turn in range(100):
                schema = SCHEMAS[number * 12 + turn % 12]  # of no other client
                served[schema].add(await backend(opened, schema))

        await asyncio.gather(*(client(number) for number in range(16)))
    assert max(map(len, served.values())) == HOMES


async def test_a_tenant_alone_may_use_every_connection(stack: Stack) -> None:
    async with connections(stack, 6) as opened:
        all_here = asyncio.Barrier(6)
        meet = [backend(opened, "t1_test", lambda _: all_here.wait()) for _ in range(6)]
        async with asyncio.timeout(30):
            assert len(set(await asyncio.gather(*meet))) == 6


async def test_a_backend_that_has_met_too_many_is_replaced(stack: Stack) -> None:
    async with connections(stack, 1, most_schemas=3) as opened:
        pids = [await backend(opened, schema) for schema in SCHEMAS[:7]]
        assert pids[0] == pids[1] == pids[2] != pids[3]
        assert pids[3] == pids[4] == pids[5] != pids[6]
        assert await backend(opened, SCHEMAS[6]) == pids[6]
        assert await backend(opened, None) == pids[6]  # the shared tables are nobody's


@pytest.mark.parametrize("while_it_works", [False, True])
async def test_a_backend_that_was_killed_is_replaced(stack: Stack, while_it_works: bool) -> None:
    async with connections(stack, 1) as opened:
        pid = await backend(opened, "t1_test")

        async def kill() -> None:
            owner = await asyncpg.connect(stack.database_url)
            await owner.execute("select pg_terminate_backend($1, 5000)", pid)
            await owner.close()

        if while_it_works:
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await backend(opened, "t1_test", lambda _: kill())
        else:
            await kill()
            await asyncio.sleep(0)
        assert await backend(opened, "t1_test") != pid


async def test_nobody_goes_on_in_a_transaction_that_was_cut_off_twice(stack: Stack) -> None:
    """Cancelled at work, and again while it rolls back."""
    database = Database(dsn(stack), 1)
    loop = asyncio.get_running_loop()
    others = loop.get_exception_handler() or type(loop).default_exception_handler

    def heard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # asyncpg leaves word of a connection it was told to drop in a future that nobody awaits.
        if str(context.get("exception")) != "unexpected connection_lost() call":
            others(loop, context)

    loop.set_exception_handler(heard)

    async def work() -> None:
        async with database.platform() as connection:
            await connection.execute("select pg_sleep(60)")

    async with database:
        for pause in (0.0, 0.001, 0.01, 0.1):
            working = asyncio.create_task(work())
            await asyncio.sleep(0.1)
            working.cancel()
            await asyncio.sleep(pause)
            working.cancel()
            with pytest.raises(asyncio.CancelledError):
                await working
            async with asyncio.timeout(30), database.platform() as connection:
                began, now = await connection.fetchrow("select now(), statement_timestamp()") or ()
                assert now - began < timedelta(seconds=0.1), "the transaction is an old one"


async def test_a_connection_that_has_lost_its_place_is_replaced(stack: Stack) -> None:
    async with connections(stack, 1) as opened:
        pid = await backend(opened, "t1_test")

        async def two_at_once(connection: asyncpg.Connection) -> None:
            sleeping = asyncio.create_task(connection.execute("select pg_sleep(60)"))
            await asyncio.sleep(0.1)
            sleeping.cancel()
            raise asyncpg.InternalClientError("cannot switch to state 12")

        with pytest.raises(asyncpg.InternalClientError):
            await backend(opened, "t1_test", two_at_once)
        assert await backend(opened, "t1_test") != pid


async def test_work_that_is_cancelled_gives_its_turn_back(stack: Stack) -> None:
    async with connections(stack, 1) as opened:
        pid = await backend(opened, "t1_test")
        sleeping = asyncio.create_task(
            backend(opened, "t1_test", lambda each: each.execute("select pg_sleep(60)"))
        )
        waiting = asyncio.create_task(backend(opened, "t2_test"))
        await asyncio.sleep(0.1)
        sleeping.cancel()
        async with asyncio.timeout(30):
            assert await waiting == pid
        with pytest.raises(asyncio.CancelledError):
            await sleeping


async def test_the_least_busy_serves_the_shared_tables(stack: Stack) -> None:
    async with connections(stack, 2) as opened, opened.acquire("t1_test") as mine:
        held = mine.get_server_pid()
        async with asyncio.timeout(30):
            assert await backend(opened, None) != held
