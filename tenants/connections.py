"""Connections that know their tenants.

A backend of PostgreSQL remembers the tables of every schema it has met, some 150 KB for each, and
never forgets: sixteen backends that all meet three thousand tenants hold gigabytes and run at half
the speed (docs/performance.md). So a tenant is served by the same two connections, and by more only
while it has more under way than they can carry.
"""

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

# What comes of a database that is away, and of a connection that broke in the midst of something.
DATABASE_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# Connections that a tenant with little to do is served by. With one, tenants would wait behind each
# other while connections are idle.
HOMES = 2

# A backend that has met so many schemas is replaced: at some 150 KB each it holds about 150 MB.
MOST_SCHEMAS = 1_000

# A connection that nobody has used for so long may have been forgotten by what is in between.
IDLE_SECONDS = 300.0


@dataclass(slots=True, eq=False)
class Lane:
    """One connection, opened when it is needed, and those who wait for it in turn."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    load: int = 0  # who holds it, and who waits
    connection: asyncpg.Connection | None = None
    used_at: float = 0.0
    schemas: set[str] = field(default_factory=set)  # that its backend has met


class Connections:
    """At most `size` connections to one database."""

    def __init__(self, dsn: str, size: int, most_schemas: int = MOST_SCHEMAS) -> None:
        """`dsn` is a postgresql:// URL. Opens none yet; to be made in the running event loop."""
        self._dsn = dsn
        self._lanes = [Lane() for _ in range(size)]
        self._under_way: Counter[str] = Counter()  # by schema
        self._most_schemas = most_schemas

    @asynccontextmanager
    async def acquire(self, schema: str | None) -> AsyncIterator[asyncpg.Connection]:
        """A connection for work in a tenant's schema; None: on the shared tables alone.

        Raises what asyncpg raises when there is no way to the database.
        """
        lane = self._lane(schema)
        lane.load += 1
        if schema is not None:
            self._under_way[schema] += 1
        try:
            async with lane.turn:
                connection = await self._open(lane, schema)
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    connection.terminate()  # it has lost its place: nobody can go on with it
                    raise
                lane.used_at = time.monotonic()
        finally:
            lane.load -= 1
            if schema is not None:
                self._leave(schema)

    async def close(self) -> None:
        """Close every connection, waiting for those at work."""
        for lane in self._lanes:
            async with lane.turn:
                if lane.connection is not None:
                    await lane.connection.close()
                    lane.connection = None

    def _lane(self, schema: str | None) -> Lane:
        """The least busy of those that are this tenant's; the first of them, if it is a draw."""
        if schema is None:
            return min(self._lanes, key=lambda lane: lane.load)
        count = len(self._lanes)
        first = zlib.crc32(schema.encode())
        reach = min(count, HOMES + self._under_way[schema])
        best = self._lanes[first % count]
        for number in range(first + 1, first + reach):
            if not best.load:
                break
            other = self._lanes[number % count]
            best = other if other.load < best.load else best
        return best

    def _leave(self, schema: str) -> None:
        self._under_way[schema] -= 1
        if not self._under_way[schema]:
            del self._under_way[schema]

    async def _open(self, lane: Lane, schema: str | None) -> asyncpg.Connection:
        """The lane's connection, a new one where the old one is gone, stale, or has met too many.
        The caller has the turn."""
        connection = lane.connection
        if connection is not None and not connection.is_closed():
            stale = time.monotonic() - lane.used_at > IDLE_SECONDS
            full = len(lane.schemas) >= self._most_schemas and schema not in lane.schemas
            if stale or full:
                lane.connection = None
                await connection.close(timeout=1)
                connection = None
        if connection is None or connection.is_closed():
            lane.schemas.clear()
            connection = lane.connection = await self._connect()
        if schema is not None:
            lane.schemas.add(schema)
        return connection

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._dsn,
            statement_cache_size=512,
            # A statement outside a transaction of ours finds no table, loudly.
            server_settings={"search_path": "", "application_name": "cpay"},
        )
