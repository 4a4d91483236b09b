"""Read a report from the ledger and write it as CSV, a page at a time."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import asyncpg

from processor.reporting.cells import Column, cell, local_time
from processor.reporting.parameters import ReportParameters
from processor.reporting.report_types import ReportType
from tenants.database import Connection, Database

# Rows of a page: some megabyte of memory, and a fraction of a second of work.
ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a report: CSV (RFC 4180, UTF-8), under the names of its columns if it is the first.

    `last` is the position to go on after; None at the end of the report.
    """

    body: bytes
    rows: int
    last: str | None


async def read_page(
    connection: Connection, kind: ReportType, asked: ReportParameters, after: str = ""
) -> Page:
    """The page after a position, `""` for the first, in the schema of this transaction.

    Pages of one report may be read in different transactions, once its interval is settled: the
    ledger's past does not change.
    """
    zone = _zone(asked)
    arguments: list[Any] = [asked.interval_start, asked.interval_end, asked.currency]
    if kind.shape == "balance":
        last_second = asked.interval_end - 1
        arguments += [local_time(each, zone)[:10] for each in (asked.interval_start, last_second)]
    else:
        arguments.append(asked.reporting_category)
    if kind.shape == "itemized":
        arguments += [after, ROWS]
    rows = await connection.fetch(kind.statement, *arguments)
    # Thousands of rows take a while to write: other work goes on meanwhile.
    body = await anyio.to_thread.run_sync(_written, kind, asked, rows, not after)
    more = kind.shape == "itemized" and len(rows) >= ROWS
    return Page(body, len(rows), rows[-1]["id"] if more else None)


def _written(
    kind: ReportType, asked: ReportParameters, rows: Sequence[asyncpg.Record], first: bool
) -> bytes:
    zone = _zone(asked)
    names = asked.columns or list(kind.columns)
    columns: list[Column] = []
    for name in names:
        column = kind.column(name)
        assert column is not None, "names are checked when a report is asked for"
        columns.append(column)
    out = io.StringIO()
    writer = csv.writer(out)
    if first:
        writer.writerow(names)
    writer.writerows([cell(row, column, zone) for column in columns] for row in rows)
    return out.getvalue().encode()


def _zone(asked: ReportParameters) -> tzinfo:
    return ZoneInfo(asked.timezone) if asked.timezone else UTC


# --- when an interval is settled ----------------------------------------------------------------


async def horizon(database: Database) -> str:
    """A transaction id later than that of any transaction that has begun to write.

    An entry's time is taken by a process after its transaction has begun to write. So once all
    transactions before the horizon are over, no entry from before this moment can still appear.

    The id is drawn for it alone: that of the caller's transaction may be an old one, and a snapshot
    ends behind the last transaction that is over, which those under way may all have come after.
    """
    rows = await database.fetch_platform("select pg_current_xact_id()::text")
    found: str = rows[0][0]
    return found


async def passed(connection: Connection, horizon: str) -> bool:
    """Whether all transactions before a horizon are over."""
    found: bool = await connection.fetchval(
        "select pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8", horizon
    )
    return found
