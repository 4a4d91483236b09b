"""Charges in the ledger: what moved, what it cost, and when the merchant can have it."""

import time
from collections.abc import Sequence

from processor.ledger import posting
from processor.ledger.posting import Transaction
from processor.payment_methods.test_aliases import SETTLES_AT_ONCE
from processor.payments.objects import Charge, Presenter


async def charge_transactions(presenter: Presenter, charges: Sequence[Charge]) -> list[Transaction]:
    """The ledger transactions of charges that have just been paid.

    The provider owes the whole amount; the merchant is owed what the fee and its tax leave.
    """
    now = int(time.time())
    return [await _charge_transaction(presenter, charge, now) for charge in charges]


async def _charge_transaction(presenter: Presenter, charge: Charge, now: int) -> Transaction:
    plan = await presenter.processor.prices.plan(
        presenter.schema, charge.provider, charge.details.method_type, charge.currency
    )
    amount = charge.amount_captured
    details = plan.fee(amount)
    fee = sum(detail.amount for detail in details)
    tax = sum(detail.amount for detail in details if detail.type == "tax")
    at_once = not presenter.livemode and charge.details.token in SETTLES_AT_ONCE
    available_on = now if at_once else plan.available_on(now)
    merchant = posting.AVAILABLE if available_on <= now else posting.PENDING
    assert charge.details.balance_transaction is not None, "its id is in the charge's event"
    return Transaction(
        id=charge.details.balance_transaction,
        kind="charge" if charge.details.method_type == "card" else "payment",
        source=charge.id,
        currency=charge.currency,
        amount=amount,
        fee=fee,
        fee_details=details,
        available_on=available_on,
        description=charge.details.description,
        entries={
            posting.clearing(charge.provider): -amount,
            merchant: amount - fee,
            posting.FEES: fee - tax,
            posting.TAXES: tax,
        },
    )
