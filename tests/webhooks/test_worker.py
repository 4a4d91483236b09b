"""How workers share the queue, between tenants, endpoints and each other, and how they end."""

import asyncio
import time
from collections import Counter
from dataclasses import replace

import asyncpg
from webhook_merchant import QUICK, Merchant, Working
from webhook_receiver import Receiver, Reply, listening, until

from processor.breaker import Limits
from processor.engine import Processor
from processor.events import log
from webhooks import queue

# For tests that must be quicker than an endpoint, on a busy machine too.
SLOWER = replace(QUICK, answer_within=3.0)

# With the transaction that wrote each row last.
WITH_WRITER = "select id, attempts, xmin::text from platform.deliveries order by id"


async def test_events_arrive_in_order_at_an_endpoint_that_takes_one_at_a_time(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    events = await merchant.happen(100)
    async with working(replace(QUICK, endpoint_requests=1)):
        await merchant.settled(100)
    assert receiver.ids() == events
    assert receiver.most == 1


async def test_one_tenants_queue_does_not_delay_another(
    merchant: Merchant, other: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(f"{receiver.url}/big")
    await other.endpoint(f"{receiver.url}/small")
    receiver.usual = Reply(after=0.02)
    for _ in range(10):
        await merchant.happen(1000)
    async with working():
        await until(lambda: len(receiver.received) > 100)
        began = time.monotonic()
        await other.happen()
        await until(lambda: any(one.path == "/hooks/small" for one in receiver.received))
        waited = time.monotonic() - began
    assert waited < 2.0
    assert len(receiver.received) < 2000


async def test_a_tenant_with_many_slow_endpoints_leaves_room_for_others(
    merchant: Merchant, other: Merchant, receiver: Receiver, working: Working
) -> None:
    await other.endpoint(receiver.url)
    async with listening() as slow:
        slow.usual = Reply(after=2.0)
        for _ in range(8):
            await merchant.endpoint(slow.url)
        await merchant.happen(50)
        async with working(replace(SLOWER, parcel=16, tenant_claimed=32, claimed=96)):
            await until(lambda: slow.now == 32)
            await asyncio.sleep(0.1)
            await other.happen()
            await until(lambda: receiver.received, seconds=1.5)
            assert slow.most == 32


async def test_a_dead_endpoint_neither_delays_its_neighbour_nor_eats_the_worker(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    limits = Limits(rest=30)
    async with listening() as dead:
        dead.usual = Reply(after=30)
        await merchant.endpoint(dead.url)
        await merchant.happen(500)
        await merchant.endpoint(receiver.url)
        async with working(replace(SLOWER, breaker=limits, retries=(60.0,))):
            await until(lambda: dead.received)
            await merchant.happen()
            await until(lambda: receiver.received, seconds=2.5)  # before the first time-out
            for _ in range(2):  # the last ones may set out just as the first ones have timed out
                await until(lambda: dead.now == 0)
                await asyncio.sleep(0.3)
            # Those on their way when the breaker opened, and a second for each before it did.
            assert len(dead.received) <= 2 * QUICK.endpoint_requests
            assert dead.most == QUICK.endpoint_requests
            attempted = len(dead.received)
            rows = await merchant.fetch(WITH_WRITER)
            await asyncio.sleep(0.3)
            assert await merchant.fetch(WITH_WRITER) == rows  # it rests: nobody claims for it
    # Not to be sent is no attempt.
    assert Counter(row["attempts"] for row in rows) == {1: attempted, 0: 501 - attempted}


async def test_an_endpoint_that_comes_back_gets_everything(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.replies = [Reply(500)] * 20
    events = await merchant.happen(100)
    async with working(replace(QUICK, breaker=Limits(rest=0.1))):
        await merchant.settled(120)
    assert set(receiver.ids()) == set(events)
    assert await merchant.queued() == []


async def test_two_workers_deliver_each_event_once(
    merchant: Merchant, other: Merchant, receiver: Receiver, working: Working
) -> None:
    for one in (merchant, other):
        await one.endpoint(receiver.url)
        await one.endpoint(receiver.url)
    receiver.usual = Reply(after=0.005)
    events = await merchant.happen(300) + await other.happen(300)
    async with working(SLOWER), working(SLOWER):
        await merchant.settled(600)
        await other.settled(600)
    assert Counter(receiver.ids()) == dict.fromkeys(events, 2)


async def test_what_a_killed_worker_had_claimed_is_sent_again_after_the_lease(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.replies = [Reply(after=30)]
    [event] = await merchant.happen()
    policy = replace(QUICK, lease=1.5)
    async with working(policy) as worker:
        await until(lambda: receiver.now == 1)
        worker.cancel()
    killed = receiver.received[0].at
    async with working(policy):
        [attempt] = await merchant.settled()
    assert receiver.ids() == [event, event]
    assert receiver.received[1].at - killed > 1.3
    assert (attempt["attempt"], attempt["status"]) == (1, 200)


async def test_a_worker_told_to_stop_finishes_what_is_on_its_way_and_puts_back_the_rest(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.usual = Reply(after=0.3)
    await merchant.happen(100)
    async with working(replace(QUICK, endpoint_requests=4)):
        await until(lambda: receiver.now == 4)
    assert len(receiver.received) == 4
    assert [a["status"] for a in await merchant.attempts()] == [200] * 4
    due = await merchant.fetch("select attempts from platform.deliveries where run_at <= now()")
    assert [row["attempts"] for row in due] == [0] * 96


async def test_a_worker_keeps_what_it_has_claimed_longer_than_its_lease(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.usual = Reply(after=0.8)
    events = await merchant.happen(3)
    policy = replace(QUICK, lease=0.5, renew_every=0.1, endpoint_requests=1)
    async with working(policy), working(policy):
        await merchant.settled(3)
    assert sorted(receiver.ids()) == sorted(events)


async def test_a_renewal_does_not_wait_for_what_is_being_recorded(
    merchant: Merchant, receiver: Receiver, processor: Processor, owner: asyncpg.Connection
) -> None:
    await merchant.endpoint(receiver.url)
    await merchant.happen(2)
    [parcel] = await queue.claim(processor.database, 10, 10, 30.0, [], [])
    recorded, held = parcel.deliveries
    recording = "update platform.deliveries set attempts = attempts + 1 where id = $1"
    async with owner.transaction(), asyncio.timeout(10):
        await owner.execute(recording, recorded.id)
        await queue.renew(processor.database, parcel.deliveries, 600.0)
    renewed = "select id from platform.deliveries where run_at > now() + interval '1 minute'"
    assert [row["id"] for row in await owner.fetch(renewed)] == [held.id]


async def test_a_worker_slower_than_its_lease_undoes_nothing(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.replies = [Reply(500, after=0.8)]
    receiver.usual = Reply(500)
    await merchant.happen()
    async with working(replace(QUICK, lease=0.3, renew_every=60.0, retries=(0.05, 60.0))):
        attempts = await merchant.settled(3)
        await asyncio.sleep(0.2)
    assert [a["attempt"] for a in attempts] == [1, 2, 1]  # the first was recorded last
    assert [row["attempts"] for row in await merchant.queued()] == [2]
    assert len(receiver.received) == 3


async def test_a_long_queue_is_not_read_for_each_parcel(
    merchant: Merchant, receiver: Receiver
) -> None:
    await merchant.endpoint(receiver.url)
    events = await merchant.happen(2000)
    plan = await merchant.fetch(f"explain {log.SELECT}", events[:128], merchant.schema)
    assert "deliveries_schema_name_event_endpoint_key" in str(plan)
