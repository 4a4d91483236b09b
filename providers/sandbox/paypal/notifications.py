"""The webhooks of the PayPal sandbox: who wants to be told, and the telling.

https://developer.paypal.com/docs/api/webhooks/v1. PayPal repeats what was not answered with a 2xx
up to 25 times in three days; this sandbox tells once, as its script wants.
"""

from typing import Any
from uuid import uuid4

import msgspec

from providers.sandbox.book import Book
from providers.sandbox.callbacks import Callback, Callbacks

from .calls import Effect, invalid, not_found, read
from .operations import Operations
from .resources import Order, Refund, show_authorization, show_capture
from .signature import Signer, Verification


class Webhook(msgspec.Struct, frozen=True):
    """Where an app wants to be told."""

    id: str
    client: str
    url: str


class _Registration(msgspec.Struct):
    url: str
    event_types: list[dict[str, Any]] = []  # PayPal filters by them; this sandbox tells all


class Notifications:
    """The webhooks of all apps."""

    def __init__(
        self, book: Book, callbacks: Callbacks, signer: Signer, operations: Operations
    ) -> None:
        self._book = book
        self._callbacks = callbacks
        self._signer = signer
        self._operations = operations

    async def serve(self, client: str, method: str, path: str, body: bytes) -> Effect:
        """Register, list and delete webhooks; check a signature."""
        match method, path.removeprefix("/v1/notifications/").split("/"):
            case "POST", ["webhooks"]:
                return await self._register(client, read(body, _Registration).url)
            case "GET", ["webhooks"]:
                shown = [{"id": w.id, "url": w.url} for w in self._webhooks_of(client)]
                return Effect(200, {"webhooks": shown})
            case "DELETE", ["webhooks", webhook_id]:
                if all(webhook.id != webhook_id for webhook in self._webhooks_of(client)):
                    raise not_found()
                await self._book.write({"webhook": {webhook_id: {}}})
                return Effect(204, None)
            case "POST", ["verify-webhook-signature"]:
                signed = self._signer.is_ours(read(body, Verification))
                return Effect(200, {"verification_status": "SUCCESS" if signed else "FAILURE"})
        raise not_found()

    def send(self, subject: Order | Refund, event: str) -> None:
        """Tell every webhook of the app what happened to an order or refund."""
        for webhook in self._webhooks_of(subject.client):
            body = msgspec.json.encode(
                {
                    "id": f"WH-{uuid4().hex.upper()}",
                    "event_version": "1.0",
                    "event_type": event,
                    "resource_type": _resource_type(subject, event),
                    "resource_version": "2.0",
                    "resource": self._resource_of(subject, event),
                }
            )
            headers = self._signer.headers(webhook.id, body)
            self._callbacks.send(Callback(webhook.url, body, headers), subject.step)

    async def _register(self, client: str, url: str) -> Effect:
        # PayPal takes https only; a receiver beside the sandbox may do without.
        if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise invalid("INVALID_PARAMETER_VALUE", "/url")
        webhook = Webhook(f"WH-{uuid4().hex[:17].upper()}", client, url)
        await self._book.write({"webhook": {webhook.id: msgspec.to_builtins(webhook)}})
        return Effect(201, {"id": webhook.id, "url": webhook.url})

    def _webhooks_of(self, client: str) -> list[Webhook]:
        states = self._book.resources("webhook").values()  # a deleted one is empty
        webhooks = [msgspec.convert(state, Webhook) for state in states if state]
        return [webhook for webhook in webhooks if webhook.client == client]

    def _resource_of(self, subject: Order | Refund, event: str) -> dict[str, Any]:
        if isinstance(subject, Order) and ".CAPTURE." in event:
            return show_capture(subject, [])
        if isinstance(subject, Order) and ".AUTHORIZATION." in event:
            return show_authorization(subject)
        return self._operations.shown(subject)


def _resource_type(subject: Order | Refund, event: str) -> str:
    if isinstance(subject, Refund):
        return "refund"
    if event.startswith("CHECKOUT."):
        return "checkout-order"
    return "capture" if ".CAPTURE." in event else "authorization"
