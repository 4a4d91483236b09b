"""How to read the statements of each provider: a table, so that a new export is a new line."""

from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["collection", "refund", "payout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Which column says what. A column that is None is not in the export.

    `kinds` and `statuses` map the provider's words, in lower case, to a kind and to whether money
    moved. A word that is in neither is an error of the line, never a guess.
    """

    delimiter: str = ","
    reference: str | None = None  # ours, that the provider was given
    external_id: str | None = None  # our id: ch_, py_, re_, po_
    provider_reference: str | None = None
    amount: str
    unit: Literal["major", "minor"]  # "12.50" or "1250"
    currency: str
    kind: str
    kinds: Names[str, Kind]
    time: str
    time_format: str | None = None  # of strptime; None: ISO 8601. Without a zone, UTC
    status: str | None = None  # None: only what moved is listed
    statuses: Names[str, bool] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns that a statement must have."""
        named = (
            *(self.reference, self.external_id, self.provider_reference),
            *(self.amount, self.currency, self.kind, self.time, self.status),
        )
        return [name for name in named if name is not None]


_OURS: dict[str, Kind] = {"collection": "collection", "refund": "refund", "payout": "payout"}

MAPPINGS: dict[str, Mapping] = {
    # Our own form, for statements that somebody has put into it.
    "standard": Mapping(
        reference="reference",
        external_id="external_id",
        provider_reference="provider_reference",
        amount="amount",
        unit="minor",
        currency="currency",
        kind="kind",
        kinds=_OURS,
        time="time",
        status="status",
        statuses={"succeeded": True, "failed": False, "pending": False},
    ),
    # The transaction export of MTN's partner portal. No public page documents its columns: hold
    # them against the first export of a new account.
    "mtn": Mapping(
        external_id="External id",
        provider_reference="Id",
        amount="Amount",
        unit="major",
        currency="Currency",
        kind="Type",
        kinds={
            "payment": "collection",
            "debit": "collection",
            "refund": "refund",
            "transfer": "payout",
        },
        time="Date",
        time_format="%Y-%m-%d %H:%M:%S",
        status="Status",
        statuses={"successful": True, "failed": False, "pending": False},
    ),
    # Stripe's `balance_change_from_activity.itemized.3`, where each line has moved money. Charges
    # carry our reference in their metadata (`providers/stripe.py`); refunds have their own id.
    "stripe": Mapping(
        reference="payment_metadata[reference]",
        provider_reference="source_id",
        amount="gross",
        unit="major",
        currency="currency",
        kind="reporting_category",
        kinds={"charge": "collection", "refund": "refund", "payout": "payout"},
        time="created_utc",
        time_format="%Y-%m-%d %H:%M:%S",
    ),
}
