"""The balance and its transactions, as the API shows them."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from processor.ledger.balances import MerchantBalance
from processor.operations import Object

# Stripe's grouping of types for reports; a type that is not here is its own.
REPORTING_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "payment_failure_refund": "refund_failure",
    "adjustment": "dispute",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
}


# What `render_transaction` needs of a row of `ledger_transactions`.
TRANSACTION_COLUMNS = (
    "id, amount, available_on, created, currency, description, fee, fee_details, kind, source"
)


def render_balance(
    balances: list[MerchantBalance], default_currency: str, livemode: bool
) -> Object:
    """The balance object; an account that never had money has zero in its own currency."""
    shown = balances or [MerchantBalance(default_currency, 0, 0)]
    return {
        "object": "balance",
        "available": [_part(each.currency, each.available) for each in shown],
        "livemode": livemode,
        "pending": [_part(each.currency, each.pending) for each in shown],
    }


def _part(currency: str, amount: int) -> Object:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def render_transaction(row: Mapping[str, Any]) -> Object:
    """The balance transaction object."""
    details = msgspec.json.decode(row["fee_details"])
    return {
        "id": row["id"],
        "object": "balance_transaction",
        "amount": row["amount"],
        "available_on": row["available_on"],
        "balance_type": "payments",
        "created": row["created"],
        "currency": row["currency"],
        "description": row["description"],
        "exchange_rate": None,
        "fee": row["fee"],
        "fee_details": [
            {**detail, "application": None, "currency": row["currency"]} for detail in details
        ],
        "net": row["amount"] - row["fee"],
        "reporting_category": REPORTING_CATEGORIES.get(row["kind"], row["kind"]),
        "source": row["source"],
        "status": "available" if row["available_on"] <= time.time() else "pending",
        "type": row["kind"],
    }
