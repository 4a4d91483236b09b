"""A real stack to test against, and merchants on it.

The stack is what `make run` runs: embedded PostgreSQL, API, worker and sandbox PSPs as processes.
Tests speak to it as clients do, with the official Stripe SDK, and read the database where a promise
is about the database.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import stripe

from tenants import keys, provision

T = TypeVar("T")

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stack:
    """A running dev stack."""

    base: str  # of the API, without a slash at the end
    sandbox: str  # of the sandbox PSPs
    database_url: str  # of the owner
    state: Path

    @property
    def pepper(self) -> bytes:
        """The installation's pepper, to make keys."""
        return (self.state / "key_pepper").read_bytes()


@dataclass(frozen=True, slots=True)
class Merchant:
    """A tenant of its own for one test, and its clients."""

    stack: Stack
    tenant: provision.Tenant
    secret_key: str
    publishable_key: str

    @property
    def client(self) -> stripe.StripeClient:
        """The official SDK, unmodified, with only its base address changed."""
        base = self.stack.base
        return stripe.StripeClient(self.secret_key, base_addresses={"api": base, "files": base})

    @property
    def api(self) -> Any:
        """The SDK's v1 services."""
        return self.client.v1

    def key(self, **options: Any) -> str:
        """Another key of this merchant: `kind`, `scopes`, `livemode`, `expires_at`."""
        livemode = options.pop("livemode", False)
        schema = self.tenant.live_schema if livemode else self.tenant.test_schema
        return self.run(
            lambda connection: keys.create_key(
                connection, self.stack.pepper, schema, livemode, **options
            )
        )[1]

    def run(self, work: Callable[[asyncpg.Connection], Any]) -> Any:
        """Run an async function with the owner's connection to the database."""
        return in_database(self.stack.database_url, work)

    def rows(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        """Rows of this merchant's test schema."""

        async def fetch(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            await connection.execute(f'set search_path = "{self.tenant.test_schema}"')
            rows: list[asyncpg.Record] = await connection.fetch(query, *parameters)
            return rows

        result: list[asyncpg.Record] = self.run(fetch)
        return result


def in_database(database_url: str, work: Callable[[asyncpg.Connection], Any]) -> Any:
    """Run an async function with a connection of its own."""

    async def run() -> Any:
        connection = await asyncpg.connect(database_url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def start_stack(state: Path) -> tuple[subprocess.Popen[bytes], Stack]:
    """Start a stack on a free port with its data in `state`, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"CPAY_PORT": str(port), "CPAY_STATE_DIR": str(state)}
    log = (state.parent / f"{state.name}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "cpay", "dev"], env=environment, stdout=log, stderr=log
    )
    log.close()
    deadline = time.monotonic() + START_SECONDS
    while not (state / "dev.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            pytest.fail((state.parent / f"{state.name}.log").read_text(), pytrace=False)
        time.sleep(0.1)
    dev = json.loads((state / "dev.json").read_text())
    return process, Stack(dev["api_base"], dev["sandbox_url"], dev["database_url"], state)


def stop_stack(process: subprocess.Popen[bytes]) -> None:
    """Stop a stack as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)


def new_merchant(stack: Stack, name: str = "Boutique Test") -> Merchant:
    """A new tenant with its keys."""

    async def make(connection: asyncpg.Connection) -> tuple[provision.Tenant, str, str]:
        tenant = await provision.create_tenant(connection, name)
        made = [
            (await keys.create_key(connection, stack.pepper, tenant.test_schema, False, kind))[1]
            for kind in ("secret", "publishable")
        ]
        return tenant, made[0], made[1]

    tenant, secret, publishable = in_database(stack.database_url, make)
    return Merchant(stack, tenant, secret, publishable)


def eventually(check: Callable[[], T | None], seconds: float = 15) -> T:
    """Ask until the answer is true. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := check():
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"still {answer!r} after {seconds} seconds")
        time.sleep(0.1)
