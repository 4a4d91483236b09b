"""How many webhooks are delivered in a second, and the limit: signing and posting, nothing else.

The limit runs as a process of its own (`python -m bench.delivery`), as the worker does: the same
HTTP client, as many requests at a time, the same bytes, and no database.
"""

import asyncio
import subprocess
import sys
import time

import aiohttp
import asyncpg
import httpx
import msgspec
import uvloop
from msgspec import Struct

from bench.receiver import Receiver, listening, subscribe
from bench.stack import Stack, create_merchant
from webhooks.policy import Policy
from webhooks.signature import HEADER, sign

PATIENCE = 30.0  # seconds without a delivery: something is wrong


class Plan(Struct):
    """What to post."""

    url: str
    body: str
    secret: str
    count: int
    at_once: int


def ours(stack: Stack, count: int) -> tuple[float, str, str]:
    """Webhooks that the stack's worker delivers in a second, when `count` are due; and the body and
    the secret of one of them."""
    tenant, secret_key, _ = create_merchant(stack, "Deliveries")

    async def run() -> tuple[float, str, str]:
        async with listening(Receiver()) as receiver:
            secret = subscribe(stack, secret_key, receiver.url, "customer.created")
            _event(stack, secret_key)
            await receiver.until(1, PATIENCE)
            connection = await asyncpg.connect(stack.database_url)
            try:
                await _make_due(connection, tenant.test_schema, count)
                await receiver.until(1 + count, PATIENCE)
            finally:
                await connection.close()
            return receiver.rate(first=1), receiver.last.decode(), secret

    return uvloop.run(run())


def _event(stack: Stack, secret_key: str) -> None:
    httpx.post(
        f"{stack.base}/v1/customers",
        data={"name": "Aïcha", "email": "aicha@example.com"},
        headers={"Authorization": f"Bearer {secret_key}"},
    ).raise_for_status()


# The event of the one customer, again and again, each with its delivery.
_AGAIN = """
with made as (
    insert into events (id, created, type, object_id, object_version, data)
    select 'evt_bench' || lpad(n::text, 12, '0'), created, type, object_id, object_version, data
    from events, generate_series(1, $1::bigint) n where type = 'customer.created'
    returning id
)
insert into platform.deliveries (schema_name, event, endpoint)
select $2, made.id, w.id from made, webhook_endpoints w
"""


async def _make_due(connection: asyncpg.Connection, schema: str, count: int) -> None:
    await connection.execute(f'set search_path = "{schema}"')
    await connection.execute(_AGAIN, count, schema)


def limit(body: str, secret: str, count: int) -> float:
    """Signed requests that a loop posts in a second."""

    async def run() -> float:
        async with listening(Receiver()) as receiver:
            plan = Plan(receiver.url, body, secret, count, Policy().endpoint_requests)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.delivery", stdin=subprocess.PIPE
            )
            await process.communicate(msgspec.json.encode(plan))
            return receiver.rate()

    return uvloop.run(run())


async def post(plan: Plan) -> None:
    """Sign and post `plan.count` times, `plan.at_once` at a time."""
    body, left = plan.body.encode(), iter(range(plan.count))

    async def loop(session: aiohttp.ClientSession) -> None:
        for _ in left:
            headers = {HEADER: sign(body, [plan.secret], int(time.time()))}
            async with session.post(plan.url, data=body, headers=headers) as response:
                assert response.status == 200
                await response.read()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(loop(session) for _ in range(plan.at_once)))


if __name__ == "__main__":
    uvloop.run(post(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)))
