"""The engine in the test's own process, on the stack's database and sandbox PSPs, with every
statement counted that it sends in a tenant's transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
from live import Merchant
from statements_made import settings

from cpay.wiring import build_engine
from processor.engine import Call, Processor
from processor.operations import Request, Stored
from tenants.database import Connection, Database
from tenants.keys import Caller


@dataclass
class Counted:
    """A connection of a tenant's transaction, and what was sent through it."""

    connection: Connection
    sent: list[str]

    async def execute(self, query: str, *parameters: Any) -> str:
        self.sent.append(query)
        return await self.connection.execute(query, *parameters)

    async def fetch(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        self.sent.append(query)
        return await self.connection.fetch(query, *parameters)

    async def fetchrow(self, query: str, *parameters: Any) -> asyncpg.Record | None:
        self.sent.append(query)
        return await self.connection.fetchrow(query, *parameters)

    async def fetchval(self, query: str, *parameters: Any) -> Any:
        self.sent.append(query)
        return await self.connection.fetchval(query, *parameters)


class CountingDatabase:
    """A database as the engine sees it, whose tenants' statements are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.sent: list[str] = []
        self.transactions = 0
        self.fetch_platform = database.fetch_platform
        self.platform = database.platform
        self.settled = database.settled

    @asynccontextmanager
    async def tenant(self, schema: str) -> AsyncIterator[Connection]:
        self.transactions += 1
        async with self._database.tenant(schema) as connection:
            yield Counted(connection, self.sent)


@dataclass
class Here:
    """An engine and the merchant who calls it."""

    processor: Processor
    database: CountingDatabase
    caller: Caller
    _numbers: Any = field(default_factory=count)

    def call(self, operation: str, key: str | None = None, **parameters: Any) -> Call:
        """A call of this merchant's; without `key`, with an idempotency key of its own."""
        number = next(self._numbers)
        request = Request(f"req_{number}", key or f"{self.caller.key}-{number}")
        return Call(self.processor.operations[operation], parameters, request)

    async def at_once(self, *calls: Call) -> list[Stored]:
        """Calls that arrive one by one at the same time, as from so many clients."""
        return await asyncio.gather(
            *(self.processor.call(self.caller, call, strict=True) for call in calls)
        )

    async def together(self, *calls: Call) -> list[Stored]:
        """Calls of one batch."""
        return await self.processor.call_many(self.caller, calls, strict=True)

    def counted(self) -> int:
        """The statements since the last count."""
        number = len(self.database.sent)
        self.database.sent.clear()
        self.database.transactions = 0
        return number


@asynccontextmanager
async def engine_of(merchant: Merchant) -> AsyncIterator[Here]:
    """An engine of its own for this merchant, until the block ends."""
    engine = build_engine(settings(merchant))
    database = CountingDatabase(engine.database)
    engine.processor.database = database  # type: ignore[assignment]
    async with engine.running() as processor:
        caller = await processor.authenticate(merchant.secret_key)
        await processor.router.load(caller.schema)  # as a process has that served before
        yield Here(processor, database, caller)
