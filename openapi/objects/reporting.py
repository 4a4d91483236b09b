"""Reports: their types, and runs of them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from openapi.objects.common import Currency, Timestamp
from openapi.objects.files import File
from processor.reporting.parameters import Category


class ReportingReportType(Struct):
    """Something that can be reported."""

    id: str
    object: Literal["reporting.report_type"]
    data_available_end: Timestamp
    data_available_start: Timestamp
    default_columns: list[str]
    livemode: bool
    name: str
    updated: Timestamp
    version: Annotated[int, Meta(ge=1)]


class ReportRunParameters(Struct, kw_only=True):
    """What the report is about, as it was asked for."""

    columns: list[str] | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    interval_end: Timestamp
    interval_start: Timestamp
    reporting_category: Category | UnsetType = UNSET
    timezone: str | UnsetType = UNSET


class ReportingReportRun(Struct):
    """A report that was asked for, and its file once it is made."""

    id: str
    object: Literal["reporting.report_run"]
    created: Timestamp
    error: str | None
    livemode: bool
    parameters: ReportRunParameters
    report_type: str
    result: File | None
    status: Literal["pending", "succeeded", "failed"]
    succeeded_at: Timestamp | None
