"""A merchant's server: real HTTP on 127.0.0.1, which keeps what it gets and answers as told."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float  # time.monotonic()

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = msgspec.json.decode(self.body)
        return event


@dataclass
class Reply:
    """What to answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    after: float = 0.0  # seconds


@dataclass
class Receiver:
    """Answers with the next of `replies`, and when they are used up with `usual`."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    usual: Reply = field(default_factory=Reply)
    now: int = 0  # requests being answered
    most: int = 0  # at one time

    def ids(self) -> list[str]:
        """The events that arrived, in order."""
        return [one.event["id"] for one in self.received]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.received.append(
            Received(request.path_qs, dict(request.headers), await request.read(), time.monotonic())
        )
        reply = self.replies.pop(0) if self.replies else self.usual
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(reply.after)
        finally:
            self.now -= 1
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """A receiver on a free port until the block ends."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    receiver.url = f"http://127.0.0.1:{port}/hooks"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - whatever it is, nothing signals it
            await asyncio.sleep(0.005)
