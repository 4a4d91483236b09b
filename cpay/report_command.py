"""What `cpay report` does: a report goes to standard output, its progress to standard error."""

import sys
from datetime import UTC, datetime
from typing import Any

from cpay.presenting import find_schema
from cpay.settings import Settings
from cpay.wiring import build_engine
from processor.engine import Processor
from processor.errors import APIError, missing
from processor.parameters import parse
from processor.reporting import pages
from processor.reporting.parameters import Create, ReportParameters, check
from processor.reporting.report_types import REPORT_TYPES, Availability, ReportType

# Between two looks whether the interval is settled.
WAIT_SECONDS = 0.2


async def report(
    settings: Settings,
    type: str,
    tenant: str,
    live: bool,
    start: datetime,
    end: datetime | None,
    **filters: str | None,
) -> list[object]:
    """Write a report as CSV; there is nothing else to print. A time without a zone is in UTC.

    `filters`: currency, reporting_category, timezone, and columns with commas between them. Raises
    LookupError if there is no such tenant, RuntimeError with a sentence for a wrong parameter.
    """
    settings.need("database_url", "key_pepper")
    async with build_engine(settings).running() as processor:
        schema = await find_schema(processor, tenant, live)
        available = Availability.of(tenant)
        asked: dict[str, Any] = {name: value for name, value in filters.items() if value}
        if "columns" in asked:
            asked["columns"] = asked["columns"].split(",")
        asked["interval_start"] = _seconds(start)
        asked["interval_end"] = available.end if end is None else _seconds(end)
        try:
            kind, parameters = _checked(type, asked, available)
        except APIError as error:
            raise RuntimeError(error.message) from None
        await _write(processor, schema, kind, parameters)
    return []


def _checked(
    type: str, asked: dict[str, Any], available: Availability
) -> tuple[ReportType, ReportParameters]:
    """The same checks that the API makes. Raises InvalidRequest."""
    parsed = parse(Create, {"report_type": type, "parameters": asked}, strict=True)
    if type not in REPORT_TYPES:
        raise missing("report type", type, "report_type")
    check(REPORT_TYPES[type], parsed.parameters, available)
    return REPORT_TYPES[type], parsed.parameters


async def _write(
    processor: Processor, schema: str, kind: ReportType, asked: ReportParameters
) -> None:
    """Every page, each in a transaction of its own, so that a long report holds nothing up."""
    horizon = await pages.horizon(processor.database)
    async with processor.database.tenant(schema) as connection:
        while not await pages.passed(connection, horizon):
            await connection.execute(f"select pg_sleep({WAIT_SECONDS})")
    last: str | None = ""
    rows = 0
    while last is not None:
        async with processor.database.tenant(schema) as connection:
            page = await pages.read_page(connection, kind, asked, last)
        sys.stdout.buffer.write(page.body)
        last, rows = page.last, rows + page.rows
        print(f"{rows} rows", file=sys.stderr)
    sys.stdout.buffer.flush()


def _seconds(time: datetime) -> int:
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
