"""One sandbox PSP with settings of its own, and all of them in a process that can be killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from litestar.types import ASGIApp, Receive, Scope, Send
from sandbox_servers import SandboxPsp, listen, serve, url_of


@contextmanager
def psp_at(name: str, create: Callable[[str], ASGIApp]) -> Iterator[SandboxPsp]:
    """One sandbox PSP alone, at /<name>, where its pages expect to be; `create` is given the public
    URL."""
    listener = listen()
    app = create(url_of(listener))

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = scope["path"].removeprefix(f"/{name}")
        await app(scope, receive, send)

    with serve(mounted, listener) as url:
        yield SandboxPsp(f"{url}/{name}")


SERVER = """
import sys
from pathlib import Path
import uvicorn
from providers.sandbox.server import create_sandbox
directory, port = Path(sys.argv[1]), int(sys.argv[2])
app = create_sandbox(directory, f"http://127.0.0.1:{port}")
uvicorn.run(app, host="127.0.0.1", port=port, lifespan="off", log_level="error")
"""


@contextmanager
def process(directory: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """All sandboxes in a process of their own; killed with SIGKILL at the end."""
    arguments = [str(directory), url.rpartition(":")[2]]
    server = subprocess.Popen([sys.executable, "-c", SERVER, *arguments], cwd=Path.cwd())
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/healthz", trust_env=False)
                break
            except httpx.ConnectError:
                assert server.poll() is None, "the sandbox did not start"
                assert time.monotonic() < deadline, "the sandbox did not start in time"
                time.sleep(0.05)
        yield server
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
