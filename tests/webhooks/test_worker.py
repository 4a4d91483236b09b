"""How workers share the queue, between tenants, endpoints and each other, and how they end."""

import asyncio
import time
from collections import Counter
from dataclasses import replace

from webhook_merchant import QUICK, Merchant, Working
from webhook_receiver import Receiver, Reply, listening, until

from processor.breaker import Limits


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
    assert waited < 1.0
    assert len(receiver.received) < 2000


async def test_a_dead_endpoint_neither_delays_its_neighbour_nor_eats_the_worker(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    limits = Limits(rest=30)
    async with listening() as dead:
        dead.usual = Reply(after=30)
        await merchant.endpoint(dead.url)
        await merchant.happen(500)
        await merchant.endpoint(receiver.url)
        async with working(replace(QUICK, breaker=limits, retries=(60.0,))):
            await until(lambda: dead.received)
            await merchant.happen()
            await until(lambda: receiver.received, seconds=0.9)  # before the first time-out
            await until(lambda: dead.now == 0)
            await asyncio.sleep(0.3)
            # Those on their way when the breaker opened, and a second for each before it did.
            assert len(dead.received) <= 2 * QUICK.endpoint_requests
            assert dead.most == QUICK.endpoint_requests
            attempted = len(dead.received)
        rows = await merchant.queued()
    # Not to be sent is no attempt: the rest of the queue is as it was.
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
    async with working(), working():
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
