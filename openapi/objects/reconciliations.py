"""The reconciliation of a provider's statement, and its items."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from openapi.objects.common import Currency, Metadata, Timestamp

Count = Annotated[int, Meta(ge=0)]
Result = Literal["matched", "missing_here", "missing_there", "different_amount", "duplicate"]
Action = Literal["look_up", "book", "adjust", "ignore"]


class ReconciliationCounts(Struct):
    """How many items there are of each result."""

    matched: Count
    missing_here: Count
    missing_there: Count
    different_amount: Count
    duplicate: Count


class StatementPeriod(Struct):
    """What the statement covers; the end is not included."""

    start: Timestamp
    end: Timestamp


class ReconciliationProgress(Struct):
    """How many of the statement's lines are stored; they are matched when all are."""

    lines: Count
    stored: Count


class ReconciliationTotal(Struct):
    """Signed sums of one currency: money into the provider's account is positive."""

    currency: Currency
    statement: int
    ledger: int
    difference: int
    timing: int


class Reconciliation(Struct, kw_only=True):
    """A provider's statement held against the books."""

    id: str
    object: Literal["reconciliation"]
    counts: ReconciliationCounts
    created: Timestamp
    created_by: str
    file: str | None
    filename: str | None
    livemode: bool
    mapping: str
    metadata: Metadata
    open_items: Count
    origin: Literal["merchant", "operator"]
    period: StatementPeriod
    progress: ReconciliationProgress
    provider_account: str
    sha256: str
    size: Count
    status: Literal["processing", "open", "completed"]
    totals: list[ReconciliationTotal]


class ReconciliationDeed(Struct):
    """Something that was done about a difference."""

    action: Action
    at: Timestamp
    by: str
    ledger_transaction: str | None
    reason: str
    resolved: bool
    result: str | None


class ReconciliationItem(Struct, kw_only=True):
    """A line of a statement, or a movement of yours that the statement lacks."""

    id: str
    object: Literal["reconciliation_item"]
    amount: Count
    created: Timestamp
    currency: Currency
    difference: int
    external_id: str | None
    history: list[ReconciliationDeed]
    kind: Literal["collection", "refund", "payout", "dispute", "other"]
    ledger_amount: int
    line: int | None
    matched_by: Literal["reference", "provider_reference", "external_id"] | None
    moved: bool
    occurred_at: Timestamp
    provider_account: str
    provider_reference: str | None
    reconciliation: str
    reference: str | None
    resolution: Action | None
    resolved: bool
    result: Result
    source: str | None
    statement_amount: int
