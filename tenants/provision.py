"""Create, list, suspend and delete tenants, online.

A tenant is an account (`acct_...`) with two schemas, test and live, each with a role of its own of
the same name. The serving role may become a tenant's role, and inherits nothing from it.
"""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from tenants import distributed
from tenants.database import LOCK_TIMEOUT_MS
from tenants.ids import new_id
from tenants.migrate import grants, head, upgrade_sql

# The names that `create_tenant` gives to schemas: what comes out of a URL must look like one before
# it is used as one.
SCHEMA_NAME = re.compile(r"t[0-9]{1,18}_(test|live)")

# The jobs that every schema is born with and that never end: to forget old idempotency keys, and to
# make available the money that has been pending long enough.
PRUNE_JOB, RELEASE_JOB = DAILY_JOBS = ("prune", "release")

# The shared tables with rows of a schema, in the order in which these can be deleted.
TABLES_OF_SCHEMAS = (
    *("jobs", "deliveries", "unresolved_queue", "routing_changes", "api_keys"),
    "tenant_schemas",
)


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
        await connection.execute(
            "insert into platform.tenants (id, name, country, default_currency)"
            " values ($1, $2, $3, $4)",
            account,
            name,
            country,
            default_currency,
        )
        # Drawn, not counted: a tenant keeps its names when it moves to another database.
        number = secrets.randbelow(9 * 10**14) + 10**14
        schemas = {livemode: f"t{number}_{mode}" for mode, livemode in MODES.items()}
        spread = await distributed.is_distributed(connection)
        await distributed.distribute_schemas(connection, wanted=True)
        for livemode, schema in schemas.items():
            place = [f'create schema "{schema}"', f'set local search_path = "{schema}"']
            await distributed.run_all(
                connection, place + upgrade_sql("tenant", None), spread=spread
            )
            await connection.execute(
                "insert into platform.tenant_schemas"
                " (schema_name, tenant, livemode, revision, migrated_at)"
                " values ($1, $2, $3, $4, now())",
                schema,
                account,
                livemode,
                head("tenant"),
            )
        await connection.executemany(
            "insert into platform.jobs (schema_name, kind, subject) values ($1, $2, 'daily')",
            [(schema, kind) for schema in schemas.values() for kind in DAILY_JOBS],
        )
        # Roles come last: the first one keeps every other tenant from getting its own until the
        # commit, and the tables, which take a hundred times as long, need none.
        for schema in schemas.values():
            await create_role(connection, schema, spread=spread)
            await distributed.run_all(connection, grants(schema), spread=spread)
    return Tenant(account, name, country, default_currency, schemas[False], schemas[True])


async def create_role(connection: asyncpg.Connection, schema: str, *, spread: bool) -> None:
    """The role that owns nothing and may use this schema, and that the serving role may become.
    `spread`: schemas are on Citus' nodes."""
    await connection.execute(
        f'create role "{schema}" {"login" if spread else "nologin"} in role cpay_tenants;'
        f'grant "{schema}" to cpay_app with inherit false, set true'
    )
    if spread:
        # Citus connects to the tenant's node as this role, and does not hand `set local` on.
        await connection.execute(f'alter role "{schema}" set lock_timeout = {LOCK_TIMEOUT_MS}')


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


async def suspend_tenant(
    connection: asyncpg.Connection, account: str, *, suspended: bool
) -> Tenant:
    """Let nothing happen to a tenant any more, or let it go on. Raises LookupError.

    Every process follows within a second; what was under way is over when the longest call to a
    provider and the lease of a job are.
    """
    tenant = await find_tenant(connection, account)
    await connection.execute(
        "update platform.tenant_schemas"
        " set suspended_at = case when $2 then coalesce(suspended_at, now()) end"
        " where tenant = $1",
        account,
        suspended,
    )
    return tenant


async def delete_tenant(connection: asyncpg.Connection, account: str) -> None:
    """Delete a tenant whole: rows in the shared tables, schemas and roles. There is no way back."""
    tenant = await find_tenant(connection, account)
    schemas = [tenant.test_schema, tenant.live_schema]
    async with connection.transaction():
        for table in TABLES_OF_SCHEMAS:
            await connection.execute(
                f"delete from platform.{table} where schema_name = any($1)", schemas
            )
        await connection.execute("delete from platform.price_plans where tenant = $1", account)
        await connection.execute("delete from platform.tenants where id = $1", account)
        for schema in schemas:
            # The role owns nothing, and its rights go with the schema's tables.
            await connection.execute(f'drop schema "{schema}" cascade; drop role "{schema}"')
