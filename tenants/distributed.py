"""Tenants' schemas on several machines: what Citus needs beyond what PostgreSQL does.

Each tenant's schema lies whole on one node (Citus: schema-based sharding). The shared tables are
plain tables of the coordinator, which all processes connect to. `docs/distributed.md` has the
set-up and the limits, `docs/decisions/0016-distributed-engine.md` the reasons. In a database
without Citus nothing here does anything.
"""

import asyncpg

# Without a change to a table that Citus keeps on the coordinator itself, it would commit on the
# tenant's node first and here afterwards: a crash in between would leave a charge without the job
# that looks it up. With one, it commits on both or on neither (two-phase commit). So a tenant's
# transaction opens by emptying this table, which is always empty.
COMMIT_TABLE = "platform.two_phase_commit"
OPENING = f"delete from {COMMIT_TABLE};"


async def is_distributed(connection: asyncpg.Connection) -> bool:
    """Whether Citus is in this database."""
    found: bool = await connection.fetchval(
        "select exists (select from pg_extension where extname = 'citus')"
    )
    return found


async def prepare_platform(connection: asyncpg.Connection) -> None:
    """Make what tenants' transactions open with, in the owner's transaction, if Citus is here."""
    if not await is_distributed(connection):
        return
    if await connection.fetchval("select to_regclass($1)", COMMIT_TABLE) is None:
        await connection.execute(f"create table {COMMIT_TABLE} (id bigint primary key)")
        await connection.execute("select citus_add_local_table_to_metadata($1)", COMMIT_TABLE)
        await connection.execute(f"grant select, delete on {COMMIT_TABLE} to cpay_app")


async def distribute_schemas(connection: asyncpg.Connection, wanted: bool) -> None:
    """Whether Citus spreads the schemas that this transaction creates over its nodes. PostgreSQL
    without Citus takes the setting and ignores it."""
    await connection.execute(
        f"set local citus.enable_schema_based_sharding = {'on' if wanted else 'off'}"
    )


async def run_all(connection: asyncpg.Connection, statements: list[str], *, spread: bool) -> None:
    """Run statements in one trip; where schemas are `spread` over nodes one by one, because Citus
    hands DDL on as the text that it came in."""
    for text in statements if spread else [";".join(statements)]:
        await connection.execute(text)
