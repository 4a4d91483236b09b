"""What `cpay reconcile ...` does. Each returns what is printed."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from cpay.presenting import presenting, transaction
from cpay.settings import Settings
from processor.jobs import LEASE
from processor.operations import Object
from processor.reconciliation import importing, resolution
from processor.reconciliation.importing import Statement
from processor.reconciliation.objects import (
    Action,
    Reconciliation,
    ReconciliationItem,
    render,
    render_item,
)
from processor.reconciliation.operations import MOST_ERRORS
from processor.reconciliation.resolution import Decision
from processor.reconciliation.statements import StatementError
from tenants.database import Connection


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
        data=await asyncio.to_thread(file.read_bytes),
        provider=provider,
        mapping=mapping,
        origin="operator",
        by=f"operator {by}",
        filename=file.name,
        start=_seconds(start),
        end=_seconds(end),
    )
    async with presenting(settings, tenant, live) as presenter:
        try:
            async with transaction(presenter) as connection:
                # A worker goes on only if this process dies.
                accepted = await importing.accept(
                    connection, presenter, statement, delay_seconds=LEASE.total_seconds()
                )
        except StatementError as error:
            shown = [asdict(each) for each in error.errors[:MOST_ERRORS]]
            raise RuntimeError(
                f"Nothing was imported; {len(error.errors)} lines are wrong: {shown}"
            ) from None
        made = await importing.reconcile(presenter, accepted.id)
        async with transaction(presenter) as connection:
            return [render(made, live), *await _open_items(connection, made.id)]


async def report(
    settings: Settings, reconciliation: str | None, tenant: str, live: bool
) -> list[Object]:
    """One reconciliation with its open items; or all of them, newest first, after the last night's
    count of what is open. Raises LookupError if there is none of that id."""
    async with (
        presenting(settings, tenant, live) as presenter,
        transaction(presenter) as connection,
    ):
        if reconciliation is None:
            records = await connection.fetch(
                f"select {Reconciliation.columns('reconciliations')} from reconciliations"
                " order by id desc"
            )
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
    async with (
        presenting(settings, tenant, live) as presenter,
        transaction(presenter) as connection,
    ):
        return render_item(await resolution.resolve(connection, presenter, item, decision))


async def _open_items(connection: Connection, reconciliation: str) -> list[Object]:
    records = await connection.fetch(
        f"select {ReconciliationItem.columns('reconciliation_items')} from reconciliation_items"
        " where reconciliation = $1"
        " and status <> 'matched' and resolution is null order by line nulls last, id",
        reconciliation,
    )
    return [render_item(ReconciliationItem.read(record)) for record in records]


async def _last_night(connection: Connection) -> list[dict[str, Any]]:
    row = await connection.fetchrow("select day, counts from open_counts order by day desc limit 1")
    if row is None:
        return []
    counts = msgspec.json.decode(row["counts"])
    return [{"object": "open_count", "day": row["day"].isoformat(), "counts": counts}]


def _seconds(time: datetime | None) -> int | None:
    """Unix seconds; a time without a zone is in UTC."""
    if time is None:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
