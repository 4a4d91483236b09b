"""How quickly thousands of schemas are migrated, by a runner that is killed half way and by the one
that goes on. Each goes all the way from an empty schema to the newest revision, the longest way."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import asyncpg

from bench.stack import Stack, in_database
from tenants import migrate, provision

_TENANT = "insert into platform.tenants (id, name, country, default_currency) values"
_SCHEMA = "insert into platform.tenant_schemas (schema_name, tenant, livemode) values"


def killed_and_resumed(stack: Stack, count: int) -> dict[str, Any]:
    """Schemas a second of both runners together, how long each took, and how many schemas the
    second one found done. Raises RuntimeError if it does not leave all of them done."""
    in_database(stack.database_url, lambda connection: _register(connection, count))
    left = _left(stack)
    first, began = _runner(stack), time.monotonic()
    while first.poll() is None and _left(stack) > left // 2:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed = time.monotonic()
    found = left - _left(stack)
    second = _runner(stack)
    if second.wait() or _left(stack):
        raise RuntimeError(f"{_left(stack)} of {left} schemas are not migrated")
    seconds = [killed - began, time.monotonic() - killed]
    return {
        "schemas": left,
        "schemas_per_second": round(left / sum(seconds), 2),
        "resumed_from": found,
        "seconds": [round(each, 1) for each in seconds],
    }


async def _register(connection: asyncpg.Connection, count: int) -> None:
    """Schemas that no migration has seen yet."""
    for number in range(count):
        schema = f"t{10**17 + number}_test"
        async with connection.transaction():
            await provision.create_role(connection, schema, spread=False)
            await connection.execute(
                f"create schema {schema};"
                f"{_TENANT} ('acct_{schema}', 'Behind', 'CM', 'xaf');"
                f"{_SCHEMA} ('{schema}', 'acct_{schema}', false)"
            )


def _left(stack: Stack) -> int:
    query = "select count(*) from platform.tenant_schemas where revision is distinct from $1"
    behind: int = in_database(
        stack.database_url, lambda connection: connection.fetchval(query, migrate.head("tenant"))
    )
    return behind


def _runner(stack: Stack) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cpay", "migrate"],
        env=os.environ | stack.environment | {"CPAY_ADMIN_DATABASE_URL": stack.database_url},
        stdout=subprocess.DEVNULL,
    )
