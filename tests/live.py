"""A real stack to test against, and merchants on it.

The stack is what `make run` runs: embedded PostgreSQL, API, worker and sandbox PSPs as processes.
Tests speak to it as clients do, with the official Stripe SDK, and read the database where a promise
is about the database.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import pytest
import stripe

from bench.stack import Stack, create_merchant, in_database, start_stack, stop_stack
from tenants import keys, provision

__all__ = [
    "Merchant",
    "Stack",
    "eventually",
    "in_database",
    "new_merchant",
    "start_stack",
    "stop_stack",
]

T = TypeVar("T")


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


def new_merchant(stack: Stack, name: str = "Boutique Test") -> Merchant:
    """A new tenant with its keys."""
    return Merchant(stack, *create_merchant(stack, name))


def eventually(check: Callable[[], T | None], seconds: float = 15) -> T:
    """Ask until the answer is true. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := check():
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"still {answer!r} after {seconds} seconds")
        time.sleep(0.1)
