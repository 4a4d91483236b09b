"""The webhooks of the Flutterwave sandbox: what they say, and where they go.

An event's own id is `id` in one type and `webhook_id` in the others, and its time is in
milliseconds in one and in seconds in the others, as Flutterwave's are.
"""

import secrets
from time import gmtime, strftime, time
from typing import Any, Final

import msgspec

from providers.flutterwave_webhook import HEADER, sign
from providers.sandbox.book import Book
from providers.sandbox.callbacks import Callback, Callbacks
from providers.sandbox.script import Step

from .tables import SIGNED_WITH

_KIND: Final = "webhook"  # the address that the dashboard was told
_REPEATS: Final = 3


def timestamp() -> str:
    """Now, as Flutterwave's objects write it."""
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())


class Webhooks:
    """Signs events and sends them, and again while they are not answered with a 2xx."""

    def __init__(self, book: Book, pause: float) -> None:
        """`pause` in seconds, before each repeat."""
        self._book = book
        self._pause = pause
        self._callbacks = Callbacks()

    @property
    def url(self) -> str:
        """The account's address; empty until one was given."""
        state = self._book.resource(_KIND, "account")
        return "" if state is None else str(state["url"])

    async def set_url(self, url: str) -> None:
        """Tell the dashboard another address."""
        await self._book.write({_KIND: {"account": {"url": url}}})

    def charge_completed(self, charge: dict[str, Any], step: Step) -> None:
        """A charge came to its end, whichever. Its payment method is shown more shortly."""
        method = charge.pop("payment_method_details")
        data = charge | {"payment_method": method, "updated_datetime": timestamp()}
        event = {"id": f"wbk_{secrets.token_urlsafe(12)}", "timestamp": int(time() * 1000)}
        self._send(event | {"type": "charge.completed", "data": data}, step)

    def refund_completed(self, refund: dict[str, Any], step: Step) -> None:
        """A refund came to its end, whichever."""
        event = {"webhook_id": f"wbk_{secrets.token_urlsafe(12)}", "timestamp": int(time())}
        self._send(event | {"type": "refund.completed", "data": refund}, step)

    def _send(self, event: dict[str, Any], step: Step) -> None:
        url = event["data"]["meta"].get("callback_url") or self.url
        if not url:
            return
        body = msgspec.json.encode(event)
        headers = {HEADER: sign(body, SIGNED_WITH)}
        self._callbacks.send(
            Callback(url, body, headers, repeats=_REPEATS, pause=self._pause), step
        )
