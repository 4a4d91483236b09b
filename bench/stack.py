"""A dev stack of one's own, as `make run` starts it, and merchants on it.

Measurements, chaos and tests run against the same thing: embedded PostgreSQL, API, worker and
sandbox PSPs, each a process.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from cpay.dev import free_port
from tenants import keys, provision
from tenants.migrate import APP_ROLE

START_SECONDS = 180


class StackError(Exception):
    """The stack did not start; the message is what it printed."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running dev stack."""

    base: str  # of the API, without a slash at the end
    sandbox: str  # of the sandbox PSPs
    database_url: str  # of the owner
    state: Path
    pid: int  # of the supervisor

    @property
    def pepper(self) -> bytes:
        """The installation's pepper, to make keys."""
        return (self.state / "key_pepper").read_bytes()

    @property
    def environment(self) -> dict[str, str]:
        """The settings of its processes, as environment variables: enough for an engine of one's
        own on it."""
        server = self.database_url.rpartition("@")[2]
        password = (self.state / "app_password").read_text()
        return {
            "CPAY_DATABASE_URL": f"postgresql://{APP_ROLE}:{password}@{server}",
            "CPAY_KEY_PEPPER": self.pepper.decode(),
            "CPAY_ENCRYPTION_KEYS": f"dev:{(self.state / 'encryption_key').read_text()}",
            "CPAY_SANDBOX_URL": self.sandbox,
            "CPAY_STATE_DIR": str(self.state),
        }


def start_stack(
    state: Path, extra: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], Stack]:
    """Start a stack on a free port with its data in `state`, and wait until it answers.

    `extra` are environment variables for it and all its processes. Raises StackError.
    """
    environment = os.environ | {
        "CPAY_PORT": str(free_port()),
        "CPAY_STATE_DIR": str(state),
        "CPAY_END_WITH_PARENT": str(os.getpid()),
    }
    output = state.parent / f"{state.name}.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cpay", "dev"],
            env=environment | dict(extra or {}),
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + START_SECONDS
    while not (state / "dev.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise StackError(output.read_text())
        time.sleep(0.1)
    dev = json.loads((state / "dev.json").read_text())
    base, sandbox, database = dev["api_base"], dev["sandbox_url"], dev["database_url"]
    return process, Stack(base, sandbox, database, state, process.pid)


def stop_stack(process: subprocess.Popen[bytes]) -> None:
    """Stop a stack as Ctrl-C does, which what a shell runs in the background does not hear."""
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=90)  # each part has 15 s to end in order, PostgreSQL twice as long


def create_merchant(stack: Stack, name: str) -> tuple[provision.Tenant, str, str]:
    """A new tenant with a secret and a publishable key of test mode."""

    async def make(connection: asyncpg.Connection) -> tuple[provision.Tenant, str, str]:
        tenant = await provision.create_tenant(connection, name)
        made = [
            (await keys.create_key(connection, stack.pepper, tenant.test_schema, False, kind))[1]
            for kind in ("secret", "publishable")
        ]
        return tenant, made[0], made[1]

    made: tuple[provision.Tenant, str, str] = in_database(stack.database_url, make)
    return made


def in_database(database_url: str, work: Callable[[asyncpg.Connection], Any]) -> Any:
    """Run an async function with a connection of its own."""

    async def run() -> Any:
        connection = await asyncpg.connect(database_url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())
