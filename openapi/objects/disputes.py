"""The dispute."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, defstruct

from openapi.objects.common import Amount, Currency, Metadata, Timestamp
from openapi.objects.ledger import BalanceTransaction
from openapi.objects.payment_methods import Brand
from processor.disputes.objects import FILES, TEXTS, DisputeStatus


class Nothing(Struct):
    """Always empty."""


DisputeEvidence = defstruct(
    "DisputeEvidence",
    [*((name, str | None) for name in (*TEXTS, *FILES)), ("enhanced_evidence", Nothing)],
    namespace={"__doc__": "What you tell the payer's bank: texts, and IDs of files."},
    module=__name__,
)


class EvidenceDetails(Struct):
    """Until when the evidence is wanted, and whether it was sent."""

    due_by: Timestamp
    enhanced_eligibility: Nothing
    has_evidence: bool
    past_due: bool
    submission_count: int
    submission_method: Literal["manual", "not_submitted"]


class DisputeCard(Struct):
    """The card whose payer disputes."""

    brand: Brand
    case_type: Literal["chargeback"]
    network: Brand
    network_reason_code: None


class DisputeMethodDetails(Struct):
    """What was charged."""

    type: Literal["card"]
    card: DisputeCard


class Dispute(Struct, kw_only=True):
    """A payer's bank takes a charge's money back, until it is decided whose it is."""

    id: str
    object: Literal["dispute"]
    amount: Amount
    balance_transactions: list[BalanceTransaction]
    charge: str
    created: Timestamp
    currency: Currency
    enhanced_eligibility_types: list[Any]
    evidence: DisputeEvidence  # type: ignore[valid-type]  # made by defstruct
    evidence_details: EvidenceDetails
    intended_submission_method: None
    is_charge_refundable: bool
    livemode: bool
    metadata: Metadata
    payment_intent: str
    payment_method_details: DisputeMethodDetails | UnsetType = UNSET
    reason: str
    status: DisputeStatus
