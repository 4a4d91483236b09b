"""What stands in front of every sandbox PSP: the request log, the faults and `/control`."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from .requests import RequestLog
from .script import Fault, Script, Step

_BEFORE_ACCEPTING = {Fault.ERROR_500: 500, Fault.ERROR_503: 503}

LONGEST_BODY = 262_144  # bytes; no call of any PSP comes near it


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks of the PSP, as far as the script cares."""

    operation: str  # "charge" for what takes money from a payer; others are the PSP's own names
    payer: str | None = None  # as the protocol writes it
    amount: int | None = None  # minor units


Describe = Callable[[str, str, bytes], Call | None]
"""From method, path and body to a `Call`; None for requests that are never scripted."""


def step_of(scope: Scope) -> Step:
    """What the script says about the request being handled."""
    step: Step = scope["state"]["step"]
    return step


class Gateway:
    """An ASGI app around a PSP's own; the PSP knows outcomes and never sees a fault.

    It has to be reached by uvicorn's own `send` (other ASGI apps may dispatch to it, but not wrap
    `send`), because ASGI has no word for closing a connection without an answer.
    """

    def __init__(
        self, psp: ASGIApp, control: ASGIApp, script: Script, log: RequestLog, describe: Describe
    ) -> None:
        self._psp = psp
        self._control = control
        self._script = script
        self._log = log
        self._describe = describe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            return
        path = scope["path"]
        if path == "/control" or path.startswith("/control/"):
            await self._control(scope, receive, send)
            return
        exchange = _Exchange(receive, send, await read_body(receive))
        if len(exchange.body) > LONGEST_BODY:
            await exchange.answer(413, b"payload too large")
            return
        started = time()
        query = scope["query_string"].decode("latin-1")
        entry = self._log.add(
            started,
            scope["method"],
            f"{path}?{query}" if query else path,
            scope["headers"],
            exchange.body,
        )
        call = self._describe(scope["method"], path, exchange.body)
        step = self._script.take(call.operation, call.payer, call.amount) if call else Step()
        scope.setdefault("state", {})["step"] = step
        entry.fault = "outage" if self._script.outage else step.fault
        entry.status = await self._serve(scope, exchange, step)
        entry.seconds = round(time() - started, 6)

    async def _serve(self, scope: Scope, exchange: "_Exchange", step: Step) -> int | None:
        """Answer as the script wants; returns the status sent, None if there was no answer."""
        fault = step.fault
        if self._script.outage or fault is Fault.RESET_BEFORE_ACCEPTING:
            exchange.reset()
            return None
        if fault in _BEFORE_ACCEPTING:
            return await exchange.answer(_BEFORE_ACCEPTING[fault], b"upstream connect error")
        if fault is Fault.SLOW:
            await asyncio.sleep(step.fault_seconds)
        if fault in (None, Fault.SLOW):
            await self._psp(scope, exchange.receive, exchange.pass_on)
            return exchange.status
        await self._psp(scope, exchange.receive, exchange.withhold)
        if fault is Fault.ERROR_500_AFTER_ACCEPTING:
            return await exchange.answer(500, b"upstream connect error")
        if fault is Fault.UNPARSABLE_AFTER_ACCEPTING:
            return await exchange.answer(200, b"<html><body>OK")
        if fault is Fault.TIMEOUT_AFTER_ACCEPTING:
            await exchange.wait_for_the_client_to_leave(step.fault_seconds)
        exchange.reset()
        return None


async def read_body(receive: Receive) -> bytes:
    """The request's body; of one longer than `LONGEST_BODY` a part that is still too long."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        if len(body) <= LONGEST_BODY:
            body += message["body"]
        if not message["more_body"]:
            return bytes(body)


@dataclass(slots=True)
class _Exchange:
    """One request and its connection, with the body already read."""

    client_receive: Receive
    client_send: Send
    body: bytes
    status: int | None = None
    _body_given: bool = field(default=False, init=False)

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """Give the PSP the body that was read before it, then whatever the client does next."""
        if self._body_given:
            return await self.client_receive()
        self._body_given = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def pass_on(self, message: Message) -> None:
        """Send the PSP's answer to the client."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.client_send(message)

    async def withhold(self, message: Message) -> None:
        """Swallow the PSP's answer."""

    async def answer(self, status: int, body: bytes) -> int:
        """Send an answer that is not the PSP's, as a proxy in front of it would."""
        headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(body))]
        await self.client_send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        await self.client_send({"type": "http.response.body", "body": body, "more_body": False})
        return status

    def reset(self) -> None:
        """Close the connection with a TCP reset and no answer."""
        send: Any = self.client_send  # a method of uvicorn's request cycle, which has the transport
        transport: asyncio.Transport = send.__self__.transport
        connection = transport.get_extra_info("socket")
        # Lingering for zero seconds turns the close into a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    async def wait_for_the_client_to_leave(self, seconds: float) -> None:
        """Say nothing until the client gives up, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (await self.client_receive())["type"] != "http.disconnect":
                    pass
