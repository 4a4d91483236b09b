"""A client that costs little: bytes prepared in advance, over a few connections that stay open.

It runs as a process of its own (`python -m bench.load`), takes a `Plan` as JSON on standard input
and prints an `Outcome`. An SDK in its place would measure the SDK: it needs more time for a request
than the server.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, cycle
from typing import Literal, cast
from urllib.parse import urlsplit
from uuid import uuid4

import cbor2
import msgspec
import uvloop
from msgspec import Struct


class Plan(Struct):
    """What to send, and for how long."""

    base: str  # of the API
    secret_keys: list[str]  # each request has the next one of them
    kind: Literal["rest_create", "batch_create"]
    connections: int
    seconds: float
    warm_up: float = 1.0  # seconds that are not counted
    warm_up_requests: int = 0  # that are not counted either, however long they take
    batch: int = 500  # calls in a body of `batch_create`
    rate: float | None = None  # requests a second of all connections together; None: the most


class Outcome(Struct):
    """What came back."""

    requests: int
    items: int  # payment intents made
    seconds: float
    latencies: list[float]  # seconds, of each counted request, in ascending order
    made: int  # payment intents, those of the warm-up too

    @property
    def rate(self) -> float:
        """Payment intents a second."""
        return self.items / self.seconds


class Refused(Exception):
    """An answer was not 200. The message is its first bytes."""


def requests(plan: Plan) -> Iterator[bytes]:
    """HTTP/1.1 requests without end, each with idempotency keys of its own."""
    run = uuid4().hex[:12]
    bodies = _batches(plan, run) if plan.kind == "batch_create" else _forms(run)
    host = urlsplit(plan.base).netloc
    path, content_type = {
        "rest_create": ("/v1/payment_intents", "application/x-www-form-urlencoded"),
        "batch_create": ("/rpc.batch", "application/cbor"),
    }[plan.kind]
    starts = [
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\n"
        for key in plan.secret_keys
    ]
    for start, (headers, body) in zip(cycle(starts), bodies, strict=False):  # both without end
        head = f"{start}{headers}Content-Length: {len(body)}\r\n\r\n"
        yield head.encode() + body


def _forms(run: str) -> Iterator[tuple[str, bytes]]:
    for number in count():
        body = f"amount=5000&currency=xaf&metadata[order]={number}".encode()
        yield f"Idempotency-Key: {run}-{number}\r\n", body


def _batches(plan: Plan, run: str) -> Iterator[tuple[str, bytes]]:
    """Bodies of many calls, put together from the bytes of one: only the numbers differ."""
    head = cbor2.dumps({"calls": [None] * plan.batch})[: -plan.batch]
    params = {"amount": 5000, "currency": "xaf", "metadata": {"order": "#" * 10}}
    call = {"method": "payment_intents.create", "params": params}
    one = cbor2.dumps(call | {"idempotency_key": f"{run}-{'#' * 10}"})
    parts = one.split(b"#" * 10)
    assert len(parts) == 3
    for number in count(0, plan.batch):
        calls = (f"{number + i:010}".encode().join(parts) for i in range(plan.batch))
        yield "", head + b"".join(calls)


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its answer, sends the next."""

    def __init__(
        self,
        following: Iterator[bytes],
        answered: Callable[[float], None],
        first: float = 0.0,
        every: float = 0.0,
    ) -> None:
        """With `every`, a request is due `first` seconds from now and then every so many; it is as
        late as it is answered after that, even if the one before held it up."""
        self._following = following
        self._answered = answered
        self._every = every
        self._due = time.perf_counter() + first
        self._received = bytearray()
        self._needed = 0  # length of the answer that is arriving; 0 before its head is there
        self._sent_at = 0.0
        self._transport: asyncio.Transport
        self.stopping = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has other ancestors
        self._send_when_due()

    def _send_when_due(self) -> None:
        wait = self._due - time.perf_counter() if self._every else 0.0
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send)
        else:
            self._send()

    def _send(self) -> None:
        request = next(self._following)
        self._sent_at = self._due if self._every else time.perf_counter()
        self._due += self._every
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._needed:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            _, _, length = self._received[:end].lower().partition(b"content-length:")
            self._needed = end + 4 + int(length.partition(b"\r")[0])
        if len(self._received) < self._needed:
            return
        if not self._received.startswith(b"HTTP/1.1 200 "):
            self.ended.set_exception(Refused(bytes(self._received[:2000]).decode(errors="replace")))
            return
        self._answered(time.perf_counter() - self._sent_at)
        self._received.clear()
        self._needed = 0
        if self.stopping:
            self.ended.set_result(None)
            self._transport.close()
        else:
            self._send_when_due()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(Refused(f"the connection ended: {error}"))


async def run(plan: Plan) -> Outcome:
    """Carry out a plan. Raises Refused for the first answer that is not 200."""
    host, _, port = urlsplit(plan.base).netloc.partition(":")
    following = requests(plan)
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    connections = []
    every = plan.connections / plan.rate if plan.rate else 0.0
    for number in range(plan.connections):
        first = every * number / plan.connections
        _, connection = await loop.create_connection(
            partial(_Connection, following, latencies.append, first, every), host, int(port)
        )
        connections.append(connection)
    ended = asyncio.gather(*(connection.ended for connection in connections))
    await asyncio.wait([ended], timeout=plan.warm_up)
    while len(latencies) < plan.warm_up_requests and not ended.done():
        await asyncio.wait([ended], timeout=0.05)
    before, began = len(latencies), time.perf_counter()
    await asyncio.wait([ended], timeout=plan.seconds)
    while len(latencies) == before and not ended.done():  # a turn shorter than an answer
        await asyncio.wait([ended], timeout=0.05)
    counted, seconds = len(latencies) - before, time.perf_counter() - began
    for connection in connections:
        connection.stopping = True
    await ended
    size = plan.batch if plan.kind == "batch_create" else 1
    measured = sorted(latencies[before : before + counted])
    return Outcome(counted, counted * size, seconds, measured, len(latencies) * size)


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(given))))
