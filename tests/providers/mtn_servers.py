"""The MTN sandbox on real ports of 127.0.0.1, with settings of its own, and access to it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
from sandbox_servers import SandboxPsp, serve

from providers.mtn import MtnCredentials
from providers.sandbox.book import Book
from providers.sandbox.mtn import create_app
from providers.sandbox.mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS
from providers.sandbox.mtn_transactions import Settings
from providers.sandbox.script import Script

KEY = SUBSCRIPTION_KEYS["collection"]
DISBURSEMENT_KEY = SUBSCRIPTION_KEYS["disbursement"]

# Merchants begin with nothing, so that a balance shows what was collected.
QUICK = Settings(approval_delay=0.05, delayed_approval=0.4, expiry=0.8, initial_float=Decimal(0))
UNHURRIED = replace(QUICK, approval_delay=0.5)  # so that PENDING can be seen on a slow machine
RICH = replace(QUICK, initial_float=Decimal(100_000))


@contextmanager
def mtn_at(book: Book, settings: Settings) -> Iterator[SandboxPsp]:
    """The sandbox alone, without the other PSPs."""
    with serve(create_app(book, Script(), "http://unused.test", settings)) as url:
        yield SandboxPsp(url)


def credentials(url: str, environment: str = "mtncameroon", key: str = KEY) -> MtnCredentials:
    """The demo account of an environment, for the product that `key` opens."""
    return MtnCredentials(key, DEMO_API_USERS[environment], DEMO_API_KEY, environment, url)


SERVER = """
import sys
from pathlib import Path
import uvicorn
from providers.sandbox.book import Book
from providers.sandbox.mtn import create_app
from providers.sandbox.mtn_transactions import Settings
from providers.sandbox.script import Script
book, port, delay = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
app = create_app(Book(book), Script(), "", Settings(approval_delay=delay))
uvicorn.run(app, host="127.0.0.1", port=port, lifespan="off", log_level="error")
"""


@contextmanager
def process(book: Path, url: str, delay: float) -> Iterator[subprocess.Popen[bytes]]:
    """The sandbox in a process of its own; killed with SIGKILL at the end, if not before."""
    arguments = [str(book), url.rpartition(":")[2], str(delay)]
    server = subprocess.Popen([sys.executable, "-c", SERVER, *arguments], cwd=Path.cwd())
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/control/script", trust_env=False)
                break
            except httpx.ConnectError:
                assert server.poll() is None, "the sandbox did not start"
                assert time.monotonic() < deadline, "the sandbox did not start in time"
                time.sleep(0.05)
        yield server
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
