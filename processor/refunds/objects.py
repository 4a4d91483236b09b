"""A refund's row, and the object the API shows."""

from typing import Any, Literal

from msgspec import Struct

from processor.operations import Object
from processor.payments.objects import shown_intent
from processor.rows import Row
from providers.boundary import Verdict
from tenants import tables

RefundState = Literal["submitted", "pending", "unknown", "succeeded", "failed"]

# (state, verdict) -> next state. A pair that is not here changes nothing: a refund that did not
# reach the provider is sent again, with its reference, until it does.
TRANSITIONS: dict[tuple[RefundState, Verdict], RefundState] = {
    ("submitted", Verdict.SUCCEEDED): "succeeded",
    ("submitted", Verdict.DECLINED): "failed",
    ("submitted", Verdict.PENDING): "pending",
    ("submitted", Verdict.UNKNOWN): "unknown",
    ("pending", Verdict.SUCCEEDED): "succeeded",
    ("pending", Verdict.DECLINED): "failed",
    ("unknown", Verdict.SUCCEEDED): "succeeded",
    ("unknown", Verdict.DECLINED): "failed",
    ("unknown", Verdict.PENDING): "pending",
    # A card refund can come back after it was said to be done.
    ("succeeded", Verdict.DECLINED): "failed",
}

OPEN: frozenset[RefundState] = frozenset({"submitted", "pending", "unknown"})


class RefundDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    method_type: str
    reason: str | None = None
    failure_reason: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    evidence: dict[str, Any] = {}  # the provider's last words, scrubbed
    sent_again_at: int | None = None  # after its provider had not seen it, in unix seconds
    unresolved_payment: str | None = None  # where nobody could explain it, then or now
    decided_at: int | None = None  # when a person last said what became of it, in unix seconds


class Refund(Row, kw_only=True):
    """A row of `refunds`."""

    table = tables.refunds

    state: RefundState
    charge: str
    payment_intent: str
    amount: int
    currency: str
    provider: str
    reference: str
    provider_reference: str | None = None
    details: RefundDetails

    @property
    def last_sent(self) -> int:
        """When it was last on its way to its provider, in unix seconds."""
        return self.details.sent_again_at or self.created


def render(refund: Refund) -> Object:
    """The refund object."""
    details = refund.details
    shown: Object = {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": details.balance_transaction,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": _destination(refund),
        "metadata": refund.metadata,
        "payment_intent": shown_intent(refund.payment_intent),
        "payment_method": None,
        "reason": details.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.state if refund.state in ("succeeded", "failed") else "pending",
        "transfer_reversal": None,
    }
    if details.failure_reason is not None:
        shown["failure_reason"] = details.failure_reason
    if details.failure_balance_transaction is not None:
        shown["failure_balance_transaction"] = details.failure_balance_transaction
    if refund.state in OPEN:
        shown["pending_reason"] = "processing"
    if details.unresolved_payment is not None:
        shown["unresolved_payment"] = details.unresolved_payment
    return shown


def _destination(refund: Refund) -> Object:
    method = refund.details.method_type
    if method != "card":
        return {"type": method, method: {"reference": refund.provider_reference}}
    return {
        "type": "card",
        "card": {
            "reference": refund.provider_reference,
            "reference_status": "available" if refund.provider_reference else "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
    }
