"""localstripe, which keeps what it is told in memory: what durability and tenants may cost.

As it comes, it also writes all it holds to a file twice for each request that changes something,
and a line of log for every request; it would get slower with each payment intent. Both are off
here: the limit is what it does in memory.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bench.fetching import python_package
from cpay.dev import free_port

REQUIREMENT = "localstripe==1.15.10"
START_SECONDS = 60

_PROGRAM = """
import sys
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
Store.dump_to_disk = lambda self: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
"""


@contextmanager
def localstripe() -> Iterator[str]:
    """The base URL of one that runs until the block ends. Raises bench.fetching.NotFetched."""
    folder = python_package(REQUIREMENT)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(port)],
        env={"PYTHONPATH": str(folder)},
        stdout=sys.stderr,  # ours is for results
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(base):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("localstripe does not start")
            time.sleep(0.1)
        yield base
    finally:
        process.kill()
        process.wait()


def _answers(base: str) -> bool:
    try:
        httpx.get(f"{base}/v1/charges", trust_env=False)
    except httpx.TransportError:
        return False
    return True
