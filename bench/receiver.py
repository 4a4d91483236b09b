"""A merchant's server that costs little: it answers every POST with 200 and notes when it came."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import httpx

from bench.stack import Stack

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Receiver:
    """What arrived. `counts` says which bodies are noted."""

    counts: Callable[[bytes], bool] = lambda _: True
    url: str = ""
    times: list[float] = field(default_factory=list)  # of time.perf_counter, in ascending order
    last: bytes = b""  # body

    async def until(self, number: int, patience: float) -> None:
        """Wait until so many have come. Raises TimeoutError after `patience` without one."""
        while len(self.times) < number:
            before = len(self.times)
            deadline = time.perf_counter() + patience
            while len(self.times) == before:
                if time.perf_counter() > deadline:
                    raise TimeoutError(f"{before} of {number} came")
                await asyncio.sleep(0.01)

    def rate(self, first: int = 0, last: int | None = None) -> float:
        """How many came in a second, from that number to this."""
        counted = self.times[first:last]
        return (len(counted) - 1) / (counted[-1] - counted[0])


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with a Content-Length, which is all that our senders speak."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._received = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 :])
        if self._receiver.counts(body):
            self._receiver.times.append(time.perf_counter())
            self._receiver.last = body
        self._received.clear()
        self._transport.write(_OK)


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[Receiver]:
    """Listen on a free port of this machine until the block ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(receiver), "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    async with server:
        yield receiver


def subscribe(stack: Stack, secret_key: str, url: str, event: str) -> str:
    """Have the merchant with this key hear of one type of event. Returns the endpoint's secret."""
    answer = httpx.post(
        f"{stack.base}/v1/webhook_endpoints",
        data={"url": url, "enabled_events[]": event},
        headers={"Authorization": f"Bearer {secret_key}"},
        timeout=60,
    )
    secret: str = answer.raise_for_status().json()["secret"]
    return secret
