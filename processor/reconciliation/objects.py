"""Rows of reconciliations and of their items, and the objects that are shown of them."""

from typing import Literal, get_args

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.rows import Row
from tenants import tables

Finding = Literal["matched", "missing_here", "missing_there", "different_amount", "duplicate"]
Action = Literal["look_up", "book", "adjust", "ignore"]

# Who brought a statement: only the operator's is evidence against what the operator itself owes.
Origin = Literal["merchant", "operator"]


class Total(Struct):
    """One currency of a statement: signed sums of the provider's account, in minor units.

    `timing` is the part of the difference that no item explains: what the statement and the ledger
    put on different sides of the period's borders.
    """

    currency: str
    statement: int
    ledger: int
    difference: int
    timing: int


class ReconciliationDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    mapping: str
    created_by: str
    filename: str | None = None
    file: str | None = None  # the upload that the statement came as
    size: int = 0
    object_key: str = ""  # of the statement, in the object store
    lines: int = 0
    stored: int = 0  # the lines that are items already
    counts: dict[Finding, int] = {}
    totals: list[Total] = []


class Reconciliation(Row, kw_only=True):
    """A row of `reconciliations`."""

    table = tables.reconciliations

    status: Literal["processing", "open", "completed"] = "processing"
    origin: Origin
    provider: str
    content_hash: str
    period_start: int
    period_end: int
    open_items: int = 0
    details: ReconciliationDetails


class Deed(Struct, omit_defaults=True):
    """Something that was done about a difference: the item's audit trail."""

    action: Action
    reason: str
    by: str
    at: int  # unix seconds
    resolved: bool = False
    transaction: str | None = None  # of the ledger
    result: str | None = None  # of a look-up, when it has been made


class ItemDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    deeds: list[Deed] = []


class ReconciliationItem(Row, kw_only=True):
    """A row of `reconciliation_items`."""

    table = tables.reconciliation_items

    reconciliation: str
    provider: str
    line: int | None = None
    kind: Literal["collection", "refund", "payout", "dispute", "other"]
    reference: str | None = None
    external_id: str | None = None
    provider_reference: str | None = None
    amount: int
    currency: str
    moved: bool
    occurred_at: int
    source: str | None = None
    matched_by: str | None = None
    status: Finding = "missing_here"
    occurrence: int = 1
    statement_amount: int = 0
    ledger_amount: int = 0
    resolution: Action | None = None
    adjusts: str | None = None
    details: ItemDetails = msgspec.field(default_factory=ItemDetails)

    @property
    def difference(self) -> int:
        """What the statement has more than the ledger."""
        return self.statement_amount - self.ledger_amount

    @property
    def open(self) -> bool:
        """Whether somebody has yet to resolve it."""
        return self.status != "matched" and self.resolution is None


def render(reconciliation: Reconciliation, livemode: bool) -> Object:
    """The reconciliation object."""
    details = reconciliation.details
    return {
        "id": reconciliation.id,
        "object": "reconciliation",
        "counts": {finding: details.counts.get(finding, 0) for finding in get_args(Finding)},
        "created": reconciliation.created,
        "created_by": details.created_by,
        "file": details.file,
        "filename": details.filename,
        "livemode": livemode,
        "mapping": details.mapping,
        "metadata": reconciliation.metadata,
        "open_items": reconciliation.open_items,
        "origin": reconciliation.origin,
        "period": {"start": reconciliation.period_start, "end": reconciliation.period_end},
        "progress": {"lines": details.lines, "stored": details.stored},
        "provider_account": reconciliation.provider,
        "sha256": reconciliation.content_hash,
        "size": details.size,
        "status": reconciliation.status,
        "totals": msgspec.to_builtins(details.totals),
    }


def render_item(item: ReconciliationItem) -> Object:
    """The reconciliation item object."""
    return {
        "id": item.id,
        "object": "reconciliation_item",
        "amount": item.amount,
        "created": item.created,
        "currency": item.currency,
        "difference": item.difference,
        "external_id": item.external_id,
        "history": [_deed(deed) for deed in item.details.deeds],
        "kind": item.kind,
        "ledger_amount": item.ledger_amount,
        "line": item.line,
        "matched_by": item.matched_by,
        "moved": item.moved,
        "occurred_at": item.occurred_at,
        "provider_account": item.provider,
        "provider_reference": item.provider_reference,
        "reconciliation": item.reconciliation,
        "reference": item.reference,
        "resolution": item.resolution,
        "resolved": not item.open,
        "result": item.status,
        "source": item.source,
        "statement_amount": item.statement_amount,
    }


def _deed(deed: Deed) -> Object:
    return {
        "action": deed.action,
        "at": deed.at,
        "by": deed.by,
        "ledger_transaction": deed.transaction,
        "reason": deed.reason,
        "resolved": deed.resolved,
        "result": deed.result,
    }
