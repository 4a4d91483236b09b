"""Refunds of the card sandbox: their states, and Stripe's JSON for them.

https://docs.stripe.com/refunds. Nothing here does I/O: each change is a function from a refund to
the next one.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from .card_table import Refunding
from .script import Step

REFUND_OUTCOMES = tuple(Refunding)

_BANK_DELAY = 1.0  # seconds that a bank needs, where it needs any and no script says how long

Status = Literal["pending", "succeeded", "failed"]


class CardRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as the book keeps it."""

    id: str
    account: str  # whose key created it
    created: int  # unix seconds
    intent: str  # id of the payment
    charge: str
    payment_method: str
    amount: int  # minor units
    currency: str
    reason: str | None
    metadata: dict[str, str]
    step: Step  # the script of the call that created it, followed to its end
    status: Status = "pending"
    end: Status = "succeeded"  # the status after `due`
    due: float | None = None  # unix seconds at which the bank answers; None: it has

    @property
    def reference(self) -> str:
        """What the client calls this refund: the name of its movement in the book."""
        return self.metadata.get("reference", self.id)

    @property
    def reached_the_payer(self) -> bool:
        """Whether money moved. A success that a bank will send back has moved none."""
        return self.status == "succeeded" and self.due is None


def begin(refund: CardRefund, refunding: Refunding, now: float) -> CardRefund:
    """Send the money to the card's bank, as the script or else the card wants it."""
    outcome = refund.step.outcome
    wanted = Refunding(outcome) if outcome in REFUND_OUTCOMES else refunding
    delay = refund.step.delay
    if wanted is Refunding.SUCCEEDED and not delay:
        return replace(refund, status="succeeded")
    due = now + (delay or _BANK_DELAY)
    if wanted is Refunding.FAILED:
        return replace(refund, status="succeeded", end="failed", due=due)
    return replace(refund, due=due)


def finish(refund: CardRefund) -> CardRefund:
    """The bank has answered."""
    return replace(refund, status=refund.end, due=None)


def event_of(refund: CardRefund, *, is_new: bool) -> str:
    """The event of the state that `refund` has just entered."""
    if refund.status == "failed":
        return "refund.failed"
    return "refund.created" if is_new else "refund.updated"


def as_json(refund: CardRefund) -> dict[str, Any]:
    """The refund as Stripe shows it."""
    shown: dict[str, Any] = {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": None,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "receipt_number": None,
        "status": refund.status,
    }
    if refund.status == "failed":
        shown["failure_reason"] = "expired_or_canceled_card"
    if refund.status == "pending":
        shown["pending_reason"] = "processing"
    return shown
