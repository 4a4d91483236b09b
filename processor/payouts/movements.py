"""Payouts in the ledger: each step moves the whole amount from one account to the next."""

from processor.ledger import posting
from processor.ledger.posting import Transaction
from processor.payouts.objects import Payout
from tenants.ids import new_id


def take(payout: Payout, source: str = posting.AVAILABLE) -> Transaction:
    """The merchant pays for a payout that is being made."""
    return Transaction(
        id=_named(payout),
        kind="payout",
        source=payout.id,
        currency=payout.currency,
        amount=-payout.amount,
        description=payout.details.description or "PAYOUT",
        entries={source: -payout.amount, posting.PAYOUTS_IN_TRANSIT: payout.amount},
    )


def paid(payout: Payout) -> Transaction:
    """The money has arrived: whoever carried it owes us that much less.

    A reversal brings its money now, not when it was asked for: it could be paid out twice else.
    """
    if payout.original_payout is not None:
        back = -payout.amount
        return Transaction(
            id=_named(payout),
            kind="payout",
            source=payout.id,
            currency=payout.currency,
            amount=back,
            description="PAYOUT REVERSAL",
            entries={posting.clearing(payout.provider): -back, posting.AVAILABLE: back},
        )
    return Transaction(
        kind="payout_settled",
        source=payout.id,
        currency=payout.currency,
        shown=False,
        entries={
            posting.PAYOUTS_IN_TRANSIT: -payout.amount,
            posting.clearing(payout.provider): payout.amount,
        },
    )


def give_back(payout: Payout, kind: str, *, returned: bool) -> Transaction:
    """The merchant has its money again. `kind` is "payout_failure" or "payout_cancel"; `returned`
    says that the money had arrived, and came back."""
    payout.details.failure_balance_transaction = new_id("txn")
    holder = posting.clearing(payout.provider) if returned else posting.PAYOUTS_IN_TRANSIT
    return Transaction(
        id=payout.details.failure_balance_transaction,
        kind=kind,
        source=payout.id,
        currency=payout.currency,
        amount=payout.amount,
        description=kind.replace("_", " ").upper(),
        entries={holder: -payout.amount, posting.AVAILABLE: payout.amount},
    )


def _named(payout: Payout) -> str:
    """The id of a payout's balance transaction, made known to the payout."""
    payout.details.balance_transaction = new_id("txn")
    return payout.details.balance_transaction
