"""A second API process beside a stack's own, on the same database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
from live import Stack, eventually

from cpay.dev import free_port


@contextmanager
def serving(stack: Stack, **variables: str) -> Iterator[Stack]:
    """The same installation through a process of its own, with these variables beside its own."""
    port = free_port()
    settings = stack.environment | {"CPAY_PORT": str(port), "CPAY_DEV": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cpay", "serve"], env=os.environ | settings | variables
    )
    base = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return httpx.get(f"{base}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(ready, 60)
        yield replace(stack, base=base)
    finally:
        process.terminate()
        process.wait(timeout=30)
