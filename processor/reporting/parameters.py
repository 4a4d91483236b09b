"""What the operations on reports take."""

from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from msgspec import Meta, Struct

from processor.errors import InvalidRequest
from processor.money import currency_named
from processor.parameters import Id, ListParameters, Parameters, ShortText, Timestamp
from processor.reporting.report_types import Availability, ReportType

# Stripe's, those included that nothing here has caused so far: such a report is empty.
Category = Literal[
    "advance",
    "advance_funding",
    "charge",
    "charge_failure",
    "connect_collection_transfer",
    "connect_reserved_funds",
    "contribution",
    "dispute",
    "dispute_reversal",
    "fee",
    "network_cost",
    "other_adjustment",
    "partial_capture_reversal",
    "payout",
    "payout_reversal",
    "platform_earning",
    "platform_earning_refund",
    "refund",
    "refund_failure",
    "risk_reserved_funds",
    "tax",
    "topup",
    "topup_reversal",
    "transfer",
    "transfer_reversal",
]


class ReportParameters(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a report is about, and how it is written."""

    interval_start: Timestamp  # inclusive
    interval_end: Timestamp  # exclusive
    columns: Annotated[list[ShortText], Meta(min_length=1, max_length=100)] | None = None
    currency: Annotated[str, Meta(min_length=3, max_length=3)] | None = None
    reporting_category: Category | None = None
    timezone: ShortText | None = None


class Create(Parameters, kw_only=True):
    """Which report, and of what."""

    report_type: Id
    parameters: ReportParameters


class Retrieve(Parameters, kw_only=True):
    """Which run."""

    report_run: Id


class List(ListParameters, kw_only=True):
    """All runs, newest first."""


class RetrieveType(Parameters, kw_only=True):
    """Which type."""

    report_type: Id


class ListTypes(Parameters, kw_only=True):
    """All types; there is one page."""


def check(kind: ReportType, asked: ReportParameters, available: Availability) -> None:
    """Refuse parameters that a report cannot be made with; the currency's code is lowered.

    Raises InvalidRequest for the first that is wrong.
    """
    _check_interval(asked, available)
    if asked.currency is not None:
        asked.currency = currency_named(asked.currency, _named("currency")).code
    if asked.timezone is not None and asked.timezone not in _zones():
        raise InvalidRequest(
            f"Invalid timezone: {asked.timezone[:60]} is no name of the IANA time zone database,"
            " such as Africa/Douala.",
            param=_named("timezone"),
        )
    if asked.reporting_category is not None and not kind.by_category:
        raise InvalidRequest(
            f"{kind.id} does not take a reporting_category.",
            code="parameter_unknown",
            param=_named("reporting_category"),
        )
    columns = asked.columns or []
    unknown = [name for name in columns if kind.column(name) is None]
    if unknown:
        raise InvalidRequest(
            f"{kind.id} has no column {unknown[0][:60]}. It has: {', '.join(kind.columns)}.",
            param=_named("columns"),
        )
    if len(set(columns)) < len(columns):
        raise InvalidRequest("A column can be in a report once only.", param=_named("columns"))


def _check_interval(asked: ReportParameters, available: Availability) -> None:
    """Stripe's rule: both ends within what is available, and the start before the end."""
    for name, time in (
        ("interval_start", asked.interval_start),
        ("interval_end", asked.interval_end),
    ):
        if not available.start <= time <= available.end:
            raise InvalidRequest(
                f"{name} ({time}) must be between data_available_start ({available.start}) and"
                f" data_available_end ({available.end}).",
                param=_named(name),
            )
    if asked.interval_start >= asked.interval_end:
        raise InvalidRequest(
            f"interval_end ({asked.interval_end}) must be later than interval_start"
            f" ({asked.interval_start}).",
            param=_named("interval_end"),
        )


def _named(name: str) -> str:
    return f"parameters[{name}]"


@cache
def _zones() -> frozenset[str]:
    """Reading the names takes a walk through the time zone database."""
    return frozenset(available_timezones())
