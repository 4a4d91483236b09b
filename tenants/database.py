"""Connections, and the two ways to open a transaction: as a tenant, or on the shared tables."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self

import asyncpg

from tenants import distributed
from tenants.connections import DATABASE_ERRORS, Connections


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


class CommitUnderWay(Exception):
    """Something was committed for a tenant that its node does not show yet."""


# A waiter on somebody's idempotency key or intent gives up after this long; the client may retry.
LOCK_TIMEOUT_MS = 10_000

# What a tenant's node has prepared and not committed yet, asked in the tenant's transaction: the
# join is what sends the statement to that node.
_UNDER_WAY = """
select p.gid from alembic_version cross join pg_prepared_xact() p
where p.ownerid = current_user::regrole::oid
"""

# Seconds between looks at that. As a rule it is over in milliseconds; after a crash it takes until
# Citus has cleared up, a minute or so.
_LOOKS = (0.0, 0.005, 0.02, 0.1, 0.5)


class Database:
    """Connections that belong to nobody until a transaction opens.

    The login role's default search path is empty: a statement outside `tenant()` or `platform()`
    finds no table, loudly. Nothing has to be reset after a transaction: our settings are all `set
    local` and end with it.
    """

    def __init__(self, dsn: str, size: int = 16) -> None:
        """`dsn` is a postgresql:// URL; `size` the most connections to hold, beside one for
        reads of the shared tables. Opens none yet."""
        self._dsn = dsn
        self._size = size
        self._connections: Connections
        self._reading: Connections
        self._distributed: bool | None = None

    async def __aenter__(self) -> Self:
        """Connections open as they are needed."""
        self._connections = Connections(self._dsn, self._size)
        # Shared tables are also read in the midst of a tenant's transaction. If those reads took a
        # connection of the many, transactions could wait for each other in a ring.
        self._reading = Connections(self._dsn, 1)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection, waiting for those at work."""
        await self._connections.close()
        await self._reading.close()

    @asynccontextmanager
    async def tenant(self, schema: str) -> AsyncIterator[Connection]:
        """A transaction inside one tenant's schema, with that tenant's rights alone.

        Commits at the end of the block, rolls back on any exception. `schema` is a name we made
        (`tenants.provision`), never a client's text.
        """
        opening = "" if not await self._is_distributed() else distributed.OPENING
        async with self._transaction(
            schema,
            f'begin; {opening} set local role "{schema}"; set local search_path = "{schema}"; '
            f"set local lock_timeout = {LOCK_TIMEOUT_MS}",
        ) as connection:
            yield connection

    async def settled(self, schema: str) -> None:
        """Wait until the tenant's rows show all that was committed before this call. To be awaited
        before work that a row of the shared tables has told of.

        With Citus a commit is seen on the coordinator a moment before it is seen on the tenant's
        node. Without, this does nothing. Raises CommitUnderWay if it takes longer than a moment.
        """
        if not await self._is_distributed():
            return
        before: set[str] | None = None
        for pause in _LOOKS:
            await asyncio.sleep(pause)
            async with self.tenant(schema) as connection:
                found = {row["gid"] for row in await connection.fetch(_UNDER_WAY)}
            before = found if before is None else before & found
            if not before:
                return
        raise CommitUnderWay(f"{schema}: {sorted(before or ())}")

    async def _is_distributed(self) -> bool:
        """Whether tenants' schemas are on Citus' nodes; asked once."""
        if self._distributed is None:
            rows = await self.fetch_platform(
                "select to_regclass($1) is not null", distributed.COMMIT_TABLE
            )
            self._distributed = bool(rows[0][0])
        return self._distributed

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[Connection]:
        """A transaction on the shared tables, which are named with their schema."""
        async with self._transaction(None, "begin") as connection:
            yield connection

    async def fetch_platform(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        """One read of the shared tables, without the trips of a transaction."""
        async with self._reading.acquire(None) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(query, *parameters)
            return rows

    @asynccontextmanager
    async def _transaction(self, schema: str | None, opening: str) -> AsyncIterator[Connection]:
        """Begin with one simple-protocol trip, so that role and path cost nothing extra."""
        async with self._connections.acquire(schema) as connection:
            try:
                await connection.execute(opening)
                yield connection
                await connection.execute("commit")
            except BaseException:
                if not connection.is_closed():
                    await _roll_back(connection)
                raise


async def _roll_back(connection: asyncpg.Connection) -> None:
    """End a transaction, or else its connection: whoever has it next must not go on in there."""
    try:
        await connection.execute("rollback")
    except asyncio.CancelledError:
        connection.terminate()
        raise
    except DATABASE_ERRORS:
        connection.terminate()
