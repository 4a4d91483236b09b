"""What `cpay ledger ...` does. Each returns what is printed."""

from dataclasses import asdict
from typing import Any

import asyncpg

from cpay.settings import Settings
from processor.ledger.verify import verify as verify_schema


async def verify(settings: Settings, tenant: str | None) -> list[dict[str, Any]]:
    """Prove the books of every schema, or of one tenant's two. Raises RuntimeError on a breach."""
    connection = await asyncpg.connect(settings.admin_database_url)
    try:
        schemas = await connection.fetch(
            "select schema_name, tenant from platform.tenant_schemas"
            " where $1::text is null or tenant = $1 order by schema_name",
            tenant,
        )
        if not schemas:
            raise LookupError("There is no such tenant." if tenant else "There are no tenants.")
        reports = []
        for row in schemas:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(f'set local search_path = "{row["schema_name"]}"')
                breaches = await verify_schema(connection)
            reports.append(
                {
                    "tenant": row["tenant"],
                    "schema": row["schema_name"],
                    "breaches": [asdict(breach) for breach in breaches],
                }
            )
    finally:
        await connection.close()
    broken = [report for report in reports if report["breaches"]]
    if broken:
        raise RuntimeError(f"The books of {len(broken)} schemas do not hold: {broken}")
    return reports
