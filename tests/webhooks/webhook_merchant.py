"""A merchant as the tests of webhooks need one: events happen to it, and its tables can be read."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import asyncpg

from processor.engine import Processor
from processor.events import log
from processor.operations import Object
from processor.webhook_endpoints.objects import Details, WebhookEndpoint
from tenants.ids import new_id
from webhooks.policy import Policy

# Everything as in production, only sooner.
QUICK = Policy(
    retries=(0.05, 0.05, 0.05),
    jitter=0.0,
    answer_within=1.0,
    connect_within=1.0,
    poll=0.01,
    record_every=0.02,
)

Working = Callable[..., AbstractAsyncContextManager[asyncio.Task[None]]]


@dataclass
class Merchant:
    """One tenant's mode: its schema, and what a test does and reads in it."""

    processor: Processor
    schema: str
    livemode: bool

    async def endpoint(self, url: str, **details: Any) -> WebhookEndpoint:
        """A new endpoint that wants every event."""
        endpoint = WebhookEndpoint(
            id=new_id("we"),
            created=1,
            url=url,
            enabled_events=["*"],
            details=Details(**details),
        )
        async with self.processor.database.tenant(self.schema) as connection:
            await WebhookEndpoint.insert(connection, [endpoint])
        return endpoint

    def secret(self, endpoint: WebhookEndpoint, generation: int = 1) -> str:
        """What the merchant was shown."""
        return self.processor.secrets.webhook_secret(self.schema, endpoint.id, generation)

    async def happen(self, count: int = 1) -> list[str]:
        """Events happen. Returns their ids, in order."""
        drafts = [
            log.Draft("customer.updated", {"id": "cus_1", "object": "customer"}, version)
            for version in range(1, count + 1)
        ]
        async with self.processor.database.tenant(self.schema) as connection:
            await log.append(connection, drafts)
            rows = await connection.fetch("select id from events order by id desc limit $1", count)
        return [row["id"] for row in reversed(rows)]

    async def fetch(self, query: str, *parameters: object) -> list[asyncpg.Record]:
        """Rows, as this tenant may read them."""
        async with self.processor.database.tenant(self.schema) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(query, *parameters)
        return rows

    async def queued(self) -> list[asyncpg.Record]:
        """What is still to be delivered."""
        return await self.fetch("select * from platform.deliveries order by id")

    async def attempts(self) -> list[asyncpg.Record]:
        """The history."""
        return await self.fetch("select * from delivery_attempts order by id")

    async def find(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        """An endpoint as it is now."""
        async with self.processor.database.tenant(self.schema) as connection:
            found = await WebhookEndpoint.find(connection, endpoint.id)
        assert found is not None
        return found

    async def settled(self, attempts: int = 1, seconds: float = 10.0) -> list[asyncpg.Record]:
        """The history, once it has this many rows. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(rows := await self.attempts()) < attempts:  # noqa: ASYNC110 - it is a table
                await asyncio.sleep(0.01)
        return rows

    async def event(self, identifier: str) -> Object:
        """An event as the API renders it."""
        rows = await self.fetch(log.SELECT, [identifier], self.schema)
        return log.render(rows[0], self.livemode)
