"""A report run's row, and the objects the API shows of runs and types."""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from processor.files import objects as files
from processor.files.objects import File
from processor.operations import Object
from processor.reporting.parameters import ReportParameters
from processor.reporting.report_types import Availability, ReportType
from processor.rows import Row
from tenants import tables


class ReportRunDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    parameters: ReportParameters
    horizon: str  # nothing is read before all transactions up to it are over
    last: str = ""  # the position up to which the file is made
    parts: list[str] = []  # the keys of its parts in the object store
    size: int = 0  # of the parts so far, in bytes
    file: str | None = None
    error: str | None = None
    succeeded_at: int | None = None


class ReportRun(Row, kw_only=True):
    """A row of `report_runs`."""

    table = tables.report_runs

    status: Literal["pending", "succeeded", "failed"] = "pending"
    report_type: str
    details: ReportRunDetails

    @property
    def filename(self) -> str:
        """What its file is called: the type, and the interval's days in UTC."""
        asked = self.details.parameters
        days = (
            f"{datetime.fromtimestamp(time, UTC):%Y%m%d}"
            for time in (asked.interval_start, asked.interval_end)
        )
        return f"{self.report_type}_{'_'.join(days)}.csv"


def render(run: ReportRun, file: File | None, livemode: bool, public_url: str) -> Object:
    """The report run object, with its file once it is made."""
    return {
        "id": run.id,
        "object": "reporting.report_run",
        "created": run.created,
        "error": run.details.error,
        "livemode": livemode,
        "parameters": msgspec.to_builtins(run.details.parameters),
        "report_type": run.report_type,
        "result": files.render(file, public_url) if file else None,
        "status": run.status,
        "succeeded_at": run.details.succeeded_at,
    }


def render_type(kind: ReportType, available: Availability, livemode: bool) -> Object:
    """The report type object."""
    return {
        "id": kind.id,
        "object": "reporting.report_type",
        "data_available_end": available.end,
        "data_available_start": available.start,
        "default_columns": list(kind.columns),
        "livemode": livemode,
        "name": kind.name,
        "updated": available.end,
        "version": int(kind.id.rpartition(".")[2]),
    }
