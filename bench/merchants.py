"""Thousands of merchants on one stack, each made as `cpay tenant create` makes it; and what making
one costs beside its bare DDL."""

import asyncio
import os
import subprocess
import sys
import time
from itertools import count, islice
from typing import Any, NamedTuple

import asyncpg

from bench.stack import Stack, in_database
from tenants import keys, provision

MAKERS = 4  # connections that make merchants at the same time
MADE_BY_ONE = 25  # merchants, and a backend that remembers all their tables is let go
IDLE_SECONDS = 600  # what the jobs that merchants are born with may take

_PART = 100  # schemas that are counted by one statement, which has to lock them all


class Merchant(NamedTuple):
    """A tenant in test mode."""

    schema: str
    secret_key: str


def make(stack: Stack, number: int) -> list[Merchant]:
    """So many new merchants. Says on standard error how far it is, and how fast."""
    made: list[Merchant] = []
    left = iter(range(number))
    began = time.monotonic()

    async def maker() -> None:
        while part := list(islice(left, MADE_BY_ONE)):
            connection = await asyncpg.connect(stack.database_url)
            for name in part:
                await one(connection, f"Merchant {name}")
            await connection.close()

    async def one(connection: asyncpg.Connection, name: str) -> None:
        tenant = await provision.create_tenant(connection, name)
        schema = tenant.test_schema
        _, key = await keys.create_key(connection, stack.pepper, schema, livemode=False)
        made.append(Merchant(schema, key))
        if len(made) % 100 == 0:
            rate = len(made) / (time.monotonic() - began)
            print(f"{len(made)} of {number} merchants, {rate:.1f} a second", file=sys.stderr)

    async def makers() -> None:
        await asyncio.gather(*(maker() for _ in range(min(MAKERS, number))))

    asyncio.run(makers())
    return made


def until_idle(stack: Stack) -> None:
    """Wait until the worker has done the jobs that were due. Raises TimeoutError."""

    async def wait(connection: asyncpg.Connection) -> None:
        deadline = time.monotonic() + IDLE_SECONDS
        due = "select count(*) from platform.jobs where run_at <= now()"
        while left := await connection.fetchval(due):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} jobs are still to be done")
            await asyncio.sleep(0.2)

    in_database(stack.database_url, wait)


def intents(stack: Stack, schemas: list[str]) -> int:
    """How many payment intents there are in these schemas."""

    async def add(connection: asyncpg.Connection) -> int:
        total = 0
        for at in range(0, len(schemas), _PART):
            counts = " union all ".join(
                f'select count(*) as n from "{schema}".payment_intents'
                for schema in schemas[at : at + _PART]
            )
            total += await connection.fetchval(f"select sum(n)::bigint from ({counts}) c")
        return total

    found: int = in_database(stack.database_url, add)
    return found


def books(stack: Stack) -> dict[str, Any]:
    """What `cpay ledger verify` says of every schema: whether all books hold, in how many seconds,
    and either how many schemas it has proven or its last words."""
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-m", "cpay", "ledger", "verify"],
        env=os.environ | stack.environment | {"CPAY_ADMIN_DATABASE_URL": stack.database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    hold = {"hold": ran.returncode == 0, "seconds": round(time.monotonic() - began, 1)}
    if ran.returncode != 0:
        return hold | {"said": ran.stderr[-5000:]}
    return hold | {"schemas": len(ran.stdout.splitlines())}


# --- making one ---------------------------------------------------------------------------------


def made_in_a_second(stack: Stack, number: int) -> float:
    """Tenants that one connection makes, one after the other."""

    async def run(connection: asyncpg.Connection) -> float:
        began = time.perf_counter()
        for _ in range(number):
            await provision.create_tenant(connection, "Provisioned")
        return number / (time.perf_counter() - began)

    rate: float = in_database(stack.database_url, run)
    return rate


def ddl_in_a_second(stack: Stack, number: int) -> float:
    """How often one connection carries out the DDL of a tenant alone: roles, schemas, tables and
    rights, in one transaction and one message."""

    async def run(connection: asyncpg.Connection) -> float:
        script, names = await _ddl(connection)
        began = time.perf_counter()
        for _ in range(number):
            statements = script
            for name in names:
                statements = statements.replace(name, f"raw{next(_NUMBERS)}_{name[-4:]}")
            await connection.execute(f"begin; {statements}; commit")
        return number / (time.perf_counter() - began)

    rate: float = in_database(stack.database_url, run)
    return rate


_NUMBERS = count()


async def _ddl(connection: asyncpg.Connection) -> tuple[str, list[str]]:
    """What was carried out to make a real tenant, and the names of its schemas: the statements
    without parameters that name one of them."""
    queries: list[str] = []

    def remember(query: Any) -> None:
        if not query.args:
            queries.append(query.query)

    connection.add_query_logger(remember)
    tenant = await provision.create_tenant(connection, "Provisioned")
    connection.remove_query_logger(remember)
    names = [tenant.test_schema, tenant.live_schema]
    return "; ".join(q for q in queries if any(name in q for name in names)), names
