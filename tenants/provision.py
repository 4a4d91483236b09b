"""Create, list, export and delete tenants, online.

A tenant is an account (`acct_...`) with two schemas, test and live, each with a role of its own of
the same name. The serving role may become a tenant's role, and inherits nothing from it.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from tenants.ids import new_id
from tenants.migrate import migrate_schema

# The names that `create_tenant` gives to schemas: what comes out of a URL must look like one before
# it is used as one.
SCHEMA_NAME = re.compile(r"t[0-9]{1,18}_(test|live)")

# The jobs that every schema is born with and that never end: to forget old idempotency keys, and to
# make available the money that has been pending long enough.
PRUNE_JOB, RELEASE_JOB = DAILY_JOBS = ("prune", "release")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One merchant account."""

    id: str
    name: str
    country: str  # ISO 3166-1 alpha-2
    default_currency: str  # ISO 4217, lower case
    test_schema: str
    live_schema: str


async def create_tenant(
    connection: asyncpg.Connection, name: str, country: str = "CM", default_currency: str = "xaf"
) -> Tenant:
    """Create an account with its schemas and roles, in one transaction.

    `connection` is the owner's: it may create roles and schemas.
    """
    account = new_id("acct")
    async with connection.transaction():
        number = await connection.fetchval(
            "insert into platform.tenants (id, name, country, default_currency)"
            " values ($1, $2, $3, $4) returning number",
            account,
            name,
            country,
            default_currency,
        )
        schemas = {livemode: f"t{number}_{mode}" for mode, livemode in MODES.items()}
        for livemode, schema in schemas.items():
            await connection.execute(
                f'create role "{schema}" nologin in role cpay_tenants;'
                f'grant "{schema}" to cpay_app with inherit false, set true;'
                f'create schema "{schema}"'
            )
            await connection.execute(
                "insert into platform.tenant_schemas (schema_name, tenant, livemode)"
                " values ($1, $2, $3)",
                schema,
                account,
                livemode,
            )
            await migrate_schema(connection, schema, start=None)
            await connection.executemany(
                "insert into platform.jobs (schema_name, kind, subject) values ($1, $2, 'daily')",
                [(schema, kind) for kind in DAILY_JOBS],
            )
    return Tenant(account, name, country, default_currency, schemas[False], schemas[True])


MODES = {"test": False, "live": True}

_TENANTS = """
select t.id, t.name, t.country, t.default_currency,
       max(s.schema_name) filter (where not s.livemode) as test_schema,
       max(s.schema_name) filter (where s.livemode) as live_schema
from platform.tenants t join platform.tenant_schemas s on s.tenant = t.id
where $1::text is null or t.id = $1
group by t.id order by t.number
"""


async def list_tenants(connection: asyncpg.Connection) -> AsyncIterator[Tenant]:
    """Every tenant, oldest first."""
    async with connection.transaction():
        async for row in connection.cursor(_TENANTS, None):
            yield Tenant(**row)


async def find_tenant(connection: asyncpg.Connection, account: str) -> Tenant:
    """The tenant with this id. Raises LookupError."""
    row = await connection.fetchrow(_TENANTS, account)
    if row is None:
        raise LookupError(f"There is no tenant {account}.")
    return Tenant(**row)


async def delete_tenant(connection: asyncpg.Connection, account: str) -> None:
    """Delete a tenant whole: rows in the shared tables, schemas and roles. There is no way back."""
    tenant = await find_tenant(connection, account)
    schemas = [tenant.test_schema, tenant.live_schema]
    async with connection.transaction():
        for table in ("jobs", "deliveries", "api_keys", "tenant_schemas"):
            await connection.execute(
                f"delete from platform.{table} where schema_name = any($1)", schemas
            )
        await connection.execute("delete from platform.price_plans where tenant = $1", account)
        await connection.execute("delete from platform.tenants where id = $1", account)
        for schema in schemas:
            await connection.execute(
                f'drop schema "{schema}" cascade; drop owned by "{schema}"; drop role "{schema}"'
            )


async def export_tenant(dsn: str, tenant: Tenant, target: Path, pg_dump: str = "pg_dump") -> None:
    """Write both schemas of a tenant to `target` in pg_dump's custom format.

    Raises RuntimeError with pg_dump's own words. The file appears whole or not at all.
    """
    partial = target.with_suffix(target.suffix + ".partial")
    address, password = _without_password(dsn)
    process = await asyncio.create_subprocess_exec(
        pg_dump,
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--schema={tenant.test_schema}",
        f"--schema={tenant.live_schema}",
        f"--file={partial}",
        f"--dbname={address}",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PGCONNECT_TIMEOUT": "10", "PGPASSWORD": password},
    )
    _, errors = await process.communicate()
    if process.returncode != 0:
        partial.unlink(missing_ok=True)
        raise RuntimeError(errors.decode(errors="replace").strip())
    partial.rename(target)


def _without_password(dsn: str) -> tuple[str, str]:
    """A database's URL as everybody on the machine may see it in the list of processes, and the
    password that was in it."""
    parts = urlsplit(dsn)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    public = parts._replace(netloc=f"{name}@{host}" if name else host)
    return urlunsplit(public), unquote(parts.password or os.environ.get("PGPASSWORD", ""))
