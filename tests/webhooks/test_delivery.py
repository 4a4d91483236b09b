"""What one endpoint gets and what is written down of it, over real sockets and a real queue."""

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import asyncpg
import msgspec
import pytest
import stripe
from webhook_merchant import QUICK, Merchant, Working
from webhook_receiver import Receiver, Reply, until

from processor.webhook_endpoints.objects import WebhookEndpoint
from webhooks.policy import DAY, Policy

DISABLED = "webhook_endpoint.disabled"


def seconds_to_next(attempt: asyncpg.Record) -> float:
    """From the attempt to the next one."""
    wait: timedelta = attempt["next_attempt_at"] - attempt["attempted_at"]
    return wait.total_seconds()


async def test_an_event_arrives_signed_and_leaves_the_queue(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    endpoint = await merchant.endpoint(f"{receiver.url}?shop=1%2F2")
    [event] = await merchant.happen()
    async with working():
        [attempt] = await merchant.settled()
    [request] = receiver.received
    verified = stripe.Webhook.construct_event(
        request.body, request.headers["Stripe-Signature"], merchant.secret(endpoint)
    )
    assert verified.id == event
    assert request.path == "/hooks?shop=1%2F2"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert request.headers["User-Agent"] == "CPay/1.0 (+webhooks)"
    assert await merchant.queued() == []
    assert (attempt["status"], attempt["error"], attempt["response"]) == (200, None, "ok")
    assert (attempt["attempt"], attempt["next_attempt_at"]) == (1, None)
    assert (await merchant.find(endpoint)) == endpoint  # no news, nothing written


async def test_the_body_is_the_event_as_the_api_shows_it(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    await merchant.endpoint(receiver.url)
    [event] = await merchant.happen()
    shown = msgspec.json.encode(await merchant.event(event))
    async with working():
        await merchant.settled(2)
    # Whoever is told second is told of one endpoint less that waits.
    first, second = (request.body for request in receiver.received)
    assert first == shown
    assert second in (shown, shown.replace(b'"pending_webhooks":2', b'"pending_webhooks":1'))


async def test_a_failure_is_tried_again_until_it_is_delivered(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    endpoint = await merchant.endpoint(receiver.url)
    receiver.replies = [Reply(500), Reply(404)]
    await merchant.happen()
    async with working():
        await merchant.settled(1)
        failing = await merchant.find(endpoint)
        attempts = await merchant.settled(3)
    assert [(a["attempt"], a["status"]) for a in attempts] == [(1, 500), (2, 404), (3, 200)]
    # QUICK's pause, and what a busy machine adds.
    assert all(0.01 < seconds_to_next(attempt) < 5 for attempt in attempts[:2])
    assert len(set(receiver.ids())) == 1
    assert await merchant.queued() == []
    assert failing.details.failing_since == pytest.approx(time.time(), abs=5)
    assert await merchant.find(endpoint) == endpoint  # forgiven, and its version never changed


async def test_every_attempt_is_signed_with_its_own_time(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    endpoint = await merchant.endpoint(receiver.url)
    receiver.replies = [Reply(500)]
    await merchant.happen()
    async with working(Policy(retries=(1.1,), jitter=0, poll=0.01)):
        await merchant.settled(2)
    for request in receiver.received:
        signature = request.headers["Stripe-Signature"]
        stripe.Webhook.construct_event(request.body, signature, merchant.secret(endpoint))
    first, second = (one.headers["Stripe-Signature"].split(",")[0] for one in receiver.received)
    assert int(second.removeprefix("t=")) > int(first.removeprefix("t="))


async def test_it_is_given_up_after_the_last_attempt(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.usual = Reply(500)
    await merchant.happen()
    async with working():
        attempts = await merchant.settled(len(QUICK.retries) + 1)
        await until(lambda: len(receiver.received) == len(attempts))
    assert [a["attempt"] for a in attempts] == [1, 2, 3, 4]
    assert [a["next_attempt_at"] is None for a in attempts] == [False, False, False, True]
    assert await merchant.queued() == []


IN_AN_HOUR = "the date in an hour"  # worked out when the test runs, not when it is collected
SCHEDULED = QUICK.retries[0]


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "3600", 3600),
        (503, "3600", 3600),
        (503, IN_AN_HOUR, 3600),
        (503, "999999999999", DAY),
        (503, "0", SCHEDULED),  # no sooner than we would anyway
        (503, "soon", SCHEDULED),
        (503, "Sat, 01 Jan 2000 00:00:00 GMT", SCHEDULED),
        (500, "3600", SCHEDULED),  # means nothing there
    ],
)
async def test_retry_after(
    merchant: Merchant,
    receiver: Receiver,
    working: Working,
    status: int,
    retry_after: str,
    seconds: float,
) -> None:
    await merchant.endpoint(receiver.url)
    if retry_after == IN_AN_HOUR:
        retry_after = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    receiver.replies = [Reply(status, {"Retry-After": retry_after})]
    await merchant.happen()
    async with working():
        attempt = (await merchant.settled())[0]
    # A date has whole seconds and is as old as the delivery; a busy machine writes late.
    assert seconds_to_next(attempt) == pytest.approx(seconds, abs=5)
    for row in await merchant.queued():
        assert row["run_at"] == attempt["next_attempt_at"]


async def test_gone_disables_the_endpoint_and_the_others_hear_of_it(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    gone = await merchant.endpoint(receiver.url)
    await merchant.happen(3)
    receiver.replies = [Reply(410), Reply(410), Reply(410)]
    async with working():
        await merchant.endpoint(f"{receiver.url}/others")  # hears only of what follows
        await until(lambda: any(one.path == "/hooks/others" for one in receiver.received))
        await merchant.settled(2)
    found = await merchant.find(gone)
    assert (found.status, found.version) == ("disabled", 2)
    [told] = [one.event for one in receiver.received if one.path == "/hooks/others"]
    assert (told["type"], told["object_sequence"]) == (DISABLED, 2)
    assert (told["data"]["object"]["id"], told["data"]["object"]["status"]) == (gone.id, "disabled")
    assert await merchant.queued() == []


@pytest.mark.parametrize(("days", "status"), [(4.9, "enabled"), (5.1, "disabled")])
async def test_an_endpoint_that_fails_for_five_days_is_disabled(
    merchant: Merchant, receiver: Receiver, working: Working, days: float, status: str
) -> None:
    since = int(time.time() - days * DAY)
    endpoint = await merchant.endpoint(receiver.url, failing_since=since)
    receiver.usual = Reply(500)
    await merchant.happen()
    async with working():
        await merchant.settled()
    found = await merchant.find(endpoint)
    assert (found.status, found.details.failing_since) == (status, since)
    types = [row["type"] for row in await merchant.fetch("select type from events")]
    assert types.count(DISABLED) == (status == "disabled")
    if status == "disabled":
        assert await merchant.queued() == []


async def test_redirects_are_failures(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.usual = Reply(302, {"Location": "/elsewhere"})
    await merchant.happen()
    async with working():
        attempt = (await merchant.settled(2))[0]
    assert (attempt["status"], attempt["error"]) == (302, "Redirects are not followed.")
    assert {one.path for one in receiver.received} == {"/hooks"}


async def test_who_does_not_answer_in_time_is_tried_again(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.replies = [Reply(after=5)]
    await merchant.happen()
    async with working():
        late, taken = await merchant.settled(2)
    assert (late["status"], late["error"]) == (None, "No answer within 1 s.")
    assert late["duration_ms"] == pytest.approx(1000, abs=300)
    assert taken["status"] == 200


async def test_nobody_listens(merchant: Merchant, working: Working) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        await merchant.endpoint(f"http://127.0.0.1:{closed.getsockname()[1]}/")
        await merchant.happen()
        async with working():
            attempt = (await merchant.settled())[0]
    assert attempt["status"] is None
    assert attempt["error"].startswith("The connection failed: ")


async def test_of_the_answer_only_the_harmless_beginning_is_kept(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    receiver.usual = Reply(200, body=b"\x1b[31m\x00red\xff\n" + b"x" * 100_000)
    await merchant.happen()
    async with working():
        [attempt] = await merchant.settled()
    assert attempt["status"] == 200
    assert attempt["response"].startswith("[31mred\ufffd\nxxx")
    assert len(attempt["response"]) < 2048


@pytest.mark.parametrize(("seconds_left", "generations"), [(60, [2, 1]), (-60, [2])])
async def test_during_a_rotation_both_secrets_sign(
    merchant: Merchant,
    receiver: Receiver,
    working: Working,
    seconds_left: int,
    generations: list[int],
) -> None:
    until_then = int(time.time()) + seconds_left
    endpoint = await merchant.endpoint(
        receiver.url, secret_generation=2, previous_secret_until=until_then
    )
    await merchant.happen()
    async with working():
        await merchant.settled()
    [request] = receiver.received
    signature = request.headers["Stripe-Signature"]
    assert signature.count("v1=") == len(generations)
    for generation in generations:
        secret = merchant.secret(endpoint, generation)
        stripe.Webhook.construct_event(request.body, signature, secret)


@pytest.mark.parametrize(
    "end",
    ["update webhook_endpoints set status = 'disabled'", "delete from webhook_endpoints"],
)
async def test_a_disabled_or_deleted_endpoint_hears_no_more(
    merchant: Merchant, receiver: Receiver, working: Working, end: str
) -> None:
    await merchant.endpoint(receiver.url)
    await merchant.happen(5)
    await merchant.fetch(end)
    async with working():
        async with asyncio.timeout(10):
            while await merchant.queued():
                pass
    assert receiver.received == []
    assert await merchant.attempts() == []


async def test_deleting_an_endpoint_and_recording_its_failure_do_not_lock_each_other_out(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    endpoint = await merchant.endpoint(receiver.url)
    receiver.usual = Reply(500)
    await merchant.happen()
    async with working():
        async with merchant.processor.database.tenant(merchant.schema) as connection:
            await WebhookEndpoint.find(connection, endpoint.id, "for update")
            await until(lambda: receiver.received)
            await asyncio.sleep(0.2)  # now the record waits for the endpoint
            await connection.execute("delete from webhook_endpoints")
            await connection.execute("delete from platform.deliveries")
        await merchant.settled()
    assert await merchant.queued() == []
