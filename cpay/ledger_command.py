"""What `cpay ledger ...` does. Each returns what is printed."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from cpay.settings import Settings
from cpay.wiring import build_store
from processor.ledger.close import CloseError, close_until, signing_key
from processor.ledger.verify import verify as verify_schema
from tenants.connections import MOST_SCHEMAS


async def verify(settings: Settings, tenant: str | None) -> list[dict[str, Any]]:
    """Prove the books of every schema, or of one tenant's two. Raises RuntimeError on a breach."""
    reports = []
    async for connection, owner, schema in _schemas(settings, tenant):
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f'set local search_path = "{schema}"')
            breaches = await verify_schema(connection)
        found = [asdict(breach) for breach in breaches]
        reports.append({"tenant": owner, "schema": schema, "breaches": found})
    broken = [report for report in reports if report["breaches"]]
    if broken:
        raise RuntimeError(f"The books of {len(broken)} schemas do not hold: {broken}")
    return reports


async def close(settings: Settings, day: date | None, tenant: str | None) -> list[dict[str, Any]]:
    """Close every day up to `day` that is still open. Raises RuntimeError for a day not over."""
    settings.need("ledger_key")
    key, store = signing_key(settings.ledger_key), build_store(settings)
    last = day or (datetime.now(UTC) - timedelta(days=1)).date()
    closed = []
    async for connection, owner, schema in _schemas(settings, tenant):
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute(f'set local search_path = "{schema}"')
            try:
                closes = await close_until(connection, store, schema, last, key)
            except CloseError as error:
                raise RuntimeError(str(error)) from None
        closed += [{"tenant": owner, "schema": schema, **asdict(each)} for each in closes]
    return closed


async def _schemas(
    settings: Settings, tenant: str | None
) -> AsyncIterator[tuple[asyncpg.Connection, str, str]]:
    """A connection, with each schema and its tenant. Raises LookupError if there is none."""
    connection = await asyncpg.connect(settings.admin_database_url)
    try:
        rows = await connection.fetch(
            "select tenant, schema_name from platform.tenant_schemas"
            " where $1::text is null or tenant = $1 order by schema_name",
            tenant,
        )
        if not rows:
            raise LookupError("There is no such tenant." if tenant else "There are no tenants.")
        for number, row in enumerate(rows, 1):
            yield connection, row["tenant"], row["schema_name"]
            if number % MOST_SCHEMAS == 0:  # its backend remembers every table of each
                await connection.close()
                connection = await asyncpg.connect(settings.admin_database_url)
    finally:
        await connection.close()
