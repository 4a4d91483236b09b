"""Deliveries, over real sockets and a real queue."""

import stripe
from webhook_merchant import Merchant, Working
from webhook_receiver import Receiver


async def test_an_event_arrives_signed_and_leaves_the_queue(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    endpoint = await merchant.endpoint(f"{receiver.url}?shop=1%2F2")
    [event] = await merchant.happen()
    async with working():
        [attempt] = await merchant.settled()
    [request] = receiver.received
    secret = merchant.processor.secrets.webhook_secret(merchant.schema, endpoint.id, 1)
    verified = stripe.Webhook.construct_event(
        request.body, request.headers["Stripe-Signature"], secret
    )
    assert verified.id == event
    assert request.path == "/hooks?shop=1%2F2"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert request.headers["User-Agent"] == "CPay/1.0 (+webhooks)"
    assert await merchant.queued() == []
    assert (attempt["status"], attempt["error"], attempt["response"]) == (200, None, "ok")
    assert (attempt["attempt"], attempt["next_attempt_at"]) == (1, None)
