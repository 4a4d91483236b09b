"""While tenants are migrated one after the other, running processes serve both versions."""

import asyncpg
from everything import one_of_everything
from live import Merchant, eventually

from tenants import tables


def test_a_column_that_a_migration_adds_disturbs_no_statement_already_prepared(
    merchant: Merchant,
) -> None:
    one_of_everything(merchant)
    names = [table.name for table in tables.tenant.sorted_tables]

    async def expand(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        for name in names:
            await connection.execute(f"alter table {name} add column of_the_next_version int")

    merchant.run(expand)
    one_of_everything(merchant)
    # The worker's own statements too: nothing of this merchant's has failed.
    schema = merchant.tenant.test_schema
    failed = """
    select kind, last_error from platform.jobs where schema_name = $1 and last_error is not null
    """
    waiting = "select from platform.jobs where schema_name = $1 and run_at <= now()"
    eventually(lambda: not merchant.rows(waiting, schema), 60)
    assert merchant.rows(failed, schema) == []
