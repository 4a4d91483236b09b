"""What `cpay reconcile ...` does. Each returns what is printed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from cpay.settings import Settings
from cpay.wiring import build_engine
from processor.engine import Processor
from processor.errors import APIError
from processor.operations import Object
from processor.payments.objects import Presenter
from processor.reconciliation import resolution
from processor.reconciliation.importing import Statement, import_statement
from processor.reconciliation.objects import (
    Action,
    Reconciliation,
    ReconciliationItem,
    render,
    render_item,
)
from processor.reconciliation.resolution import Decision
from processor.reconciliation.statements import StatementError
from tenants.database import Connection

# A statement of nonsense has as many errors as lines.
_MOST_ERRORS = 100


async def import_file(
    settings: Settings,
    file: Path,
    provider: str,
    mapping: str,
    start: datetime | None,
    end: datetime | None,
    tenant: str,
    live: bool,
    by: str,
) -> list[Object]:
    """Match a statement. Returns the reconciliation and its open items.

    Raises RuntimeError with every error of a statement that cannot be read.
    """
    statement = Statement(
        await asyncio.to_thread(file.read_bytes),
        provider,
        mapping,
        file.name,
        _seconds(start),
        _seconds(end),
    )
    async with _schema(settings, tenant, live) as (connection, presenter):
        try:
            made = await import_statement(connection, presenter, statement, f"operator {by}")
        except StatementError as error:
            shown = [asdict(each) for each in error.errors[:_MOST_ERRORS]]
            raise RuntimeError(
                f"Nothing was imported; {len(error.errors)} lines are wrong: {shown}"
            ) from None
        return [render(made, live), *await _open_items(connection, made.id)]


async def report(
    settings: Settings, reconciliation: str | None, tenant: str, live: bool
) -> list[Object]:
    """One reconciliation with its open items; or all of them, newest first, after the last night's
    count of what is open. Raises LookupError if there is none of that id."""
    async with _schema(settings, tenant, live) as (connection, _):
        if reconciliation is None:
            records = await connection.fetch("select * from reconciliations order by id desc")
            listed = [render(Reconciliation.read(record), live) for record in records]
            return [*await _last_night(connection), *listed]
        found = await Reconciliation.find(connection, reconciliation)
        if found is None:
            raise LookupError("There is no such reconciliation.")
        return [render(found, live), *await _open_items(connection, found.id)]


async def resolve(
    settings: Settings, item: str, action: Action, reason: str, tenant: str, live: bool, by: str
) -> Object:
    """Resolve an item; a look-up is made by the worker, in a moment."""
    decision = Decision(action, reason, f"operator {by}")
    async with _schema(settings, tenant, live) as (connection, presenter):
        return render_item(await resolution.resolve(connection, presenter, item, decision))


@asynccontextmanager
async def _schema(
    settings: Settings, tenant: str, live: bool
) -> AsyncIterator[tuple[Connection, Presenter]]:
    """A transaction in one of a tenant's schemas. Raises LookupError if there is none, RuntimeError
    for what the engine refuses."""
    settings.need("database_url", "key_pepper")
    async with build_engine(settings).running() as processor:
        schema = await _find_schema(processor, tenant, live)
        try:
            async with processor.database.tenant(schema) as connection:
                yield connection, Presenter(processor, schema, live)
        except APIError as error:
            raise RuntimeError(error.message) from None


async def _find_schema(processor: Processor, tenant: str, live: bool) -> str:
    rows = await processor.database.fetch_platform(
        "select schema_name from platform.tenant_schemas where tenant = $1 and livemode = $2",
        tenant,
        live,
    )
    if not rows:
        raise LookupError("There is no such tenant.")
    name: str = rows[0]["schema_name"]
    return name


async def _open_items(connection: Connection, reconciliation: str) -> list[Object]:
    records = await connection.fetch(
        "select * from reconciliation_items where reconciliation = $1"
        " and status <> 'matched' and resolution is null order by line nulls last, id",
        reconciliation,
    )
    return [render_item(ReconciliationItem.read(record)) for record in records]


async def _last_night(connection: Connection) -> list[dict[str, Any]]:
    row = await connection.fetchrow("select * from open_counts order by day desc limit 1")
    if row is None:
        return []
    counts = msgspec.json.decode(row["counts"])
    return [{"object": "open_count", "day": row["day"].isoformat(), "counts": counts}]


def _seconds(time: datetime | None) -> int | None:
    """Unix seconds; a time without a zone is in UTC."""
    if time is None:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
