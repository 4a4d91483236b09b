"""A dispute's row, its state machine, and the object the API shows."""

import time
from typing import Any, Literal

from msgspec import Struct

from processor.operations import Object
from processor.payments.objects import shown_intent
from processor.rows import Row
from tenants import tables

DisputeStatus = Literal["needs_response", "under_review", "won", "lost"]

# status -> what may follow. Closing gives the dispute up; a verdict comes from the card network.
TRANSITIONS: dict[DisputeStatus, frozenset[DisputeStatus]] = {
    "needs_response": frozenset({"under_review", "lost", "won"}),
    "under_review": frozenset({"won", "lost"}),
    "won": frozenset(),
    "lost": frozenset(),
}

# Members of the evidence that are sentences, and those that are uploaded files.
TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)

# Evidence as a whole, in characters: Stripe's bound.
LONGEST_EVIDENCE = 150_000


class DisputeDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    provider: str
    due_by: int
    card_brand: str | None = None
    evidence: dict[str, str] = {}
    submission_count: int = 0
    transactions: list[str] = []  # of the ledger


class Dispute(Row, kw_only=True):
    """A row of `disputes`."""

    table = tables.disputes

    status: DisputeStatus
    charge: str
    payment_intent: str
    amount: int
    currency: str
    reason: str
    details: DisputeDetails


def render(dispute: Dispute, livemode: bool, transactions: list[Object]) -> Object:
    """The dispute object, with the balance transactions it caused."""
    details = dispute.details
    shown: Object = {
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": transactions,
        "charge": dispute.charge,
        "created": dispute.created,
        "currency": dispute.currency,
        "enhanced_eligibility_types": [],
        "evidence": _evidence(details.evidence),
        "evidence_details": {
            "due_by": details.due_by,
            "enhanced_eligibility": {},
            "has_evidence": bool(details.evidence),
            "past_due": details.due_by < time.time(),
            "submission_count": details.submission_count,
            "submission_method": "manual" if details.submission_count else "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": livemode,
        "metadata": dispute.metadata,
        "payment_intent": shown_intent(dispute.payment_intent),
        "reason": dispute.reason,
        "status": dispute.status,
    }
    if details.card_brand is not None:
        shown["payment_method_details"] = {
            "type": "card",
            "card": {
                "brand": details.card_brand,
                "case_type": "chargeback",
                "network": details.card_brand,
                "network_reason_code": None,
            },
        }
    return shown


def _evidence(given: dict[str, str]) -> dict[str, Any]:
    return {name: given.get(name) for name in (*TEXTS, *FILES)} | {"enhanced_evidence": {}}
