"""The types of reports, and the columns of each.

Ids, columns and parameters are Stripe's (https://docs.stripe.com/reports/report-types), as far as
there is something to show in them. `provider_activity` is ours. Stripe's reconciliation of payouts
(`payout_reconciliation`, `ending_balance_reconciliation`) is left out: it lists what each automatic
payout consists of, and payouts here are made by hand, of amounts.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from processor.ledger.fees import DAY
from processor.reporting import statements
from processor.reporting.cells import Column
from tenants.ids import made_at

# `payment_metadata[order]`: a column for each name that is asked for.
_METADATA = re.compile(r"(payment_metadata|refund_metadata)\[(.{1,40})\]", re.DOTALL)

# Processes may differ by this many seconds in what time it is, and so may the entries they write.
CLOCK_SKEW = 1


@dataclass(frozen=True, slots=True)
class ReportType:
    """One type. `columns` are all it has, in order, by name; all are in a report that asks
    for none in particular."""

    id: str
    name: str
    shape: Literal["balance", "summary", "itemized"]
    statement: str
    columns: Mapping[str, Column]
    metadata: tuple[str, ...] = ()  # the kinds of metadata that can be columns

    @property
    def by_category(self) -> bool:
        """Whether it can be of one reporting category alone."""
        return self.shape != "balance"

    def column(self, name: str) -> Column | None:
        """The column of this name; None if there is none."""
        asked = _METADATA.fullmatch(name)
        if asked and asked[1] in self.metadata:
            return Column(asked[1], "metadata", key=asked[2])
        return self.columns.get(name)


@dataclass(frozen=True, slots=True)
class Availability:
    """Of which interval an account can have reports, in unix seconds, both ends included."""

    start: int
    end: int

    @classmethod
    def of(cls, account: str) -> "Availability":
        """From before the account was made, a day earlier so that its first day is whole in every
        zone, to a moment ago: a second that is over, on all clocks."""
        return cls(made_at(account) // DAY * DAY - DAY, int(time.time()) - CLOCK_SKEW)


_SUMMARY = {
    "reporting_category": Column("reporting_category"),
    "currency": Column("currency"),
    "count": Column("count"),
    "gross": Column("gross", "amount"),
    "fee": Column("fee", "amount"),
    "net": Column("net", "amount"),
}

_AMOUNTS = {
    "currency": Column("currency"),
    "gross": Column("gross", "amount"),
    "fee": Column("fee", "amount"),
    "net": Column("net", "amount"),
    "reporting_category": Column("reporting_category"),
}

_BALANCE = {
    "category": Column("category"),
    "description": Column("description"),
    "net_amount": Column("amount", "amount"),
    "currency": Column("currency"),
}

_ACTIVITY = {
    "balance_transaction_id": Column("id"),
    "created_utc": Column("created", "utc"),
    "created": Column("created", "local"),
    "available_on_utc": Column("available_on", "utc"),
    "available_on": Column("available_on", "local"),
    **_AMOUNTS,
    "source_id": Column("source"),
    "description": Column("description", "text"),
    "customer_id": Column("customer_id"),
    "charge_id": Column("charge_id"),
    "payment_intent_id": Column("payment_intent_id"),
    "payment_method_id": Column("payment_method_id"),
    "payment_method_type": Column("payment_method_type"),
    "network": Column("network"),
    "customer_email": Column("customer_email", "text"),
    "customer_name": Column("customer_name", "text"),
    "charge_created_utc": Column("charge_created", "utc"),
    "charge_created": Column("charge_created", "local"),
    "card_brand": Column("card_brand"),
    "card_funding": Column("card_funding"),
    "card_country": Column("card_country"),
    "statement_descriptor": Column("statement_descriptor", "text"),
    "dispute_reason": Column("dispute_reason"),
}

_PAYOUTS = {
    "payout_id": Column("source"),
    "effective_at_utc": Column("created", "utc"),
    "effective_at": Column("created", "local"),
    **_AMOUNTS,
    "balance_transaction_id": Column("id"),
    "description": Column("description", "text"),
    "payout_expected_arrival_date": Column("arrival_date", "utc"),
    "payout_status": Column("status"),
    "payout_reversed_at_utc": Column("reversed_at", "utc"),
    "payout_reversed_at": Column("reversed_at", "local"),
    "payout_type": Column("payout_type"),
    "payout_description": Column("payout_description", "text"),
    "payout_destination_id": Column("destination"),
    "trace_id": Column("trace_id", "text"),
    "payout_batch_id": Column("batch"),
}

_PROVIDER_ACTIVITY = {
    "ledger_transaction_id": Column("id"),
    "created_utc": Column("created", "utc"),
    "created": Column("created", "local"),
    "provider_account": Column("provider_account"),
    "network": Column("network"),
    "reporting_category": Column("reporting_category"),
    "currency": Column("currency"),
    "amount": Column("amount", "amount"),
    "reference": Column("reference"),
    "provider_reference": Column("provider_reference", "text"),
    "source_id": Column("source"),
    "charge_id": Column("charge_id"),
    "payment_intent_id": Column("payment_intent_id"),
}

REPORT_TYPES = {
    kind.id: kind
    for kind in (
        ReportType(
            "balance.summary.1",
            "Balance summary",
            "balance",
            statements.BALANCE,
            _BALANCE,
        ),
        ReportType(
            "balance_change_from_activity.itemized.3",
            "Itemized balance change from activity",
            "itemized",
            statements.ACTIVITY,
            _ACTIVITY,
            metadata=("payment_metadata", "refund_metadata"),
        ),
        ReportType(
            "balance_change_from_activity.summary.1",
            "Balance change from activity summary",
            "summary",
            statements.ACTIVITY_SUMMARY,
            _SUMMARY,
        ),
        ReportType(
            "payouts.itemized.3",
            "Itemized payouts",
            "itemized",
            statements.PAYOUTS,
            _PAYOUTS,
        ),
        ReportType(
            "payouts.summary.1",
            "Payouts summary",
            "summary",
            statements.PAYOUTS_SUMMARY,
            _SUMMARY,
        ),
        ReportType(
            "provider_activity.itemized.1",
            "Itemized activity by provider account",
            "itemized",
            statements.PROVIDER_ACTIVITY,
            _PROVIDER_ACTIVITY,
        ),
    )
}
