"""Running ASGI apps and sandbox PSPs on real ports of 127.0.0.1, and driving them."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from litestar.types import ASGIApp, Receive, Scope, Send


@contextmanager
def serve(app: ASGIApp, listener: socket.socket | None = None) -> Iterator[str]:
    """Run an ASGI app with uvicorn in a thread; yields its base URL, without a trailing slash."""
    listener = listener or listen()
    config = uvicorn.Config(
        app, log_level="error", lifespan="auto", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            assert thread.is_alive(), "uvicorn did not start"
            assert time.monotonic() < deadline, "uvicorn did not start in time"
            time.sleep(0.005)
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def listen() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL of a listening socket, without a trailing slash."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass
class SandboxPsp:
    """One PSP of a running sandbox, driven by its control API."""

    url: str  # base URL of the PSP, without a trailing slash

    def script(self, **rule: Any) -> None:
        """Add a rule (the fields of `providers.sandbox.script.Rule`) or switch the outage."""
        self._ask("POST", "script", json=rule)

    def clear(self) -> None:
        """Forget all rules."""
        self._ask("DELETE", "script")

    def movements(self, reference: str | None = None) -> list[dict[str, Any]]:
        """The book's movements, those of one reference if given."""
        book = self._ask("GET", "book")
        return [m for m in book["movements"] if reference in (None, m["reference"])]

    def requests(self) -> list[dict[str, Any]]:
        """The last requests, newest first."""
        entries: list[dict[str, Any]] = self._ask("GET", "requests")
        return entries

    def _ask(self, method: str, what: str, **content: Any) -> Any:
        # Without `verify`, every call would build a TLS context, which takes 20 ms.
        with httpx.Client(verify=False, trust_env=False) as client:
            response = client.request(method, f"{self.url}/control/{what}", **content)
            return response.raise_for_status().json()


@dataclass
class Sandbox:
    """A running sandbox."""

    url: str

    def psp(self, name: str) -> SandboxPsp:
        """The PSP mounted at `/<name>`."""
        return SandboxPsp(f"{self.url}/{name}")


@dataclass
class Received:
    """One callback that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A real HTTP server that keeps the callbacks it gets."""

    url: str = ""
    status: int = 200  # of its answers
    callbacks: list[Received] = field(default_factory=list)

    def wait_for(self, count: int, seconds: float = 3.0) -> list[Received]:
        """The callbacks, once there are at least `count`; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while len(self.callbacks) < count:
            assert time.monotonic() < deadline, f"{len(self.callbacks)} callbacks, not {count}"
            time.sleep(0.005)
        return list(self.callbacks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body, more = body + message["body"], message["more_body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.callbacks.append(Received(scope["method"], scope["path"], headers, body))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
