"""Connections, and the two ways to open a transaction: as a tenant, or on the shared tables."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self

import asyncpg


class Connection(Protocol):
    """What is used of asyncpg's connections, whose package has no types. Rows are asyncpg records:
    mappings whose columns are also found by position."""

    async def execute(self, query: str, *parameters: Any) -> str:
        """Run a statement, or several without parameters. Returns the command's tag."""

    async def fetch(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        """Every row."""

    async def fetchrow(self, query: str, *parameters: Any) -> asyncpg.Record | None:
        """The first row."""

    async def fetchval(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row."""


# A waiter on somebody's idempotency key or intent gives up after this long; the client may retry.
LOCK_TIMEOUT_MS = 10_000


async def _no_reset(_: Connection) -> None:
    """Skip the pool's reset trip: our settings are all `set local` and end with the transaction."""


class Database:
    """A pool of connections that belong to nobody until a transaction opens.

    The login role's default search path is empty: a statement outside `tenant()` or `platform()`
    finds no table, loudly.
    """

    def __init__(self, dsn: str, size: int = 16) -> None:
        """`dsn` is a postgresql:// URL; `size` the most connections to hold. Opens none yet."""
        self._dsn = dsn
        self._size = size
        self._pool: asyncpg.Pool

    async def __aenter__(self) -> Self:
        """Make the pool, in the running event loop. Connections open as they are needed."""
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._size,
            reset=_no_reset,
            statement_cache_size=512,
            max_inactive_connection_lifetime=300,
            server_settings={"search_path": "", "application_name": "cpay"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection, waiting for those at work."""
        await self._pool.close()

    @asynccontextmanager
    async def tenant(self, schema: str) -> AsyncIterator[Connection]:
        """A transaction inside one tenant's schema, with that tenant's rights alone.

        Commits at the end of the block, rolls back on any exception. `schema` is a name we made
        (`tenants.provision`), never a client's text.
        """
        async with self._transaction(
            f'begin; set local role "{schema}"; set local search_path = "{schema}"; '
            f"set local lock_timeout = {LOCK_TIMEOUT_MS}"
        ) as connection:
            yield connection

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[Connection]:
        """A transaction on the shared tables, which are named with their schema."""
        async with self._transaction("begin") as connection:
            yield connection

    async def fetch_platform(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        """One read of the shared tables, without the trips of a transaction."""
        rows: list[asyncpg.Record] = await self._pool.fetch(query, *parameters)
        return rows

    @asynccontextmanager
    async def _transaction(self, opening: str) -> AsyncIterator[Connection]:
        """Begin with one simple-protocol trip, so that role and path cost nothing extra."""
        async with self._pool.acquire() as connection:
            try:
                await connection.execute(opening)
                yield connection
                await connection.execute("commit")
            except BaseException:
                if not connection.is_closed():
                    await connection.execute("rollback")
                raise
