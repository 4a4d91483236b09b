"""Where the merchants' webhooks arrive: a server that checks signatures as the official SDK does.

It is never killed, so that whatever it has not heard in the end was never delivered.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec
import stripe
from aiohttp import web
from msgspec import Struct

from bench.chaos.plan import MERCHANTS


class _About(Struct, frozen=True):
    id: str
    object: str
    payment_intent: str | None = None


class _Data(Struct, frozen=True):
    object: _About


class _Event(Struct, frozen=True):
    id: str
    type: str
    data: _Data


class Inbox:
    """One endpoint for each merchant. `received` are the ids of its events."""

    def __init__(self) -> None:
        self.received: list[set[str]] = [set() for _ in range(MERCHANTS)]
        self.deliveries = 0
        self.forged = 0
        self.secrets: dict[int, str] = {}  # by merchant, as the API showed them
        self._base = ""
        self._runner: web.AppRunner | None = None
        self._waiting: dict[str, set[asyncio.Future[str]]] = {}

    def url(self, merchant: int) -> str:
        """Where this merchant's events are to be sent."""
        return f"{self._base}/{merchant}"

    async def news(self, about: str, seconds: float) -> str | None:
        """Wait for an event of this object (or "dispute of <intent>"), and return the object's id;
        None if there is none for so long."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(about, set())
        waiting.add(future)
        try:
            with suppress(TimeoutError):
                return await asyncio.wait_for(future, seconds)
            return None
        finally:
            waiting.discard(future)
            if not waiting:
                self._waiting.pop(about, None)

    async def _take(self, request: web.Request) -> web.Response:
        merchant, body = int(request.match_info["merchant"]), await request.text()
        self.deliveries += 1
        try:
            # The function is the SDK's own, whose types it does not export.
            stripe.WebhookSignature.verify_header(
                body, request.headers["Stripe-Signature"], self.secrets.get(merchant, ""), 300
            )
        except stripe.SignatureVerificationError:
            self.forged += 1
            return web.Response(status=400)
        event = msgspec.json.decode(body, type=_Event)
        self.received[merchant].add(event.id)
        about = event.data.object
        self._tell(about.id, about.id)
        if about.object == "dispute":
            self._tell(f"dispute of {about.payment_intent}", about.id)
        return web.Response()

    def _tell(self, about: str, identifier: str) -> None:
        for future in self._waiting.get(about, ()):
            if not future.done():
                future.set_result(identifier)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1_000_000)
        app.router.add_post("/{merchant}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
