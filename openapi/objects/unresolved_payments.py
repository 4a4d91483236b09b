"""A payment that nobody could explain in time, and what was done about it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from openapi.objects.common import Currency, Timestamp

Count = Annotated[int, Meta(ge=0)]
Outcome = Literal["succeeded", "failed"]


class UnresolvedPaymentAnswer(Struct):
    """What the provider said last."""

    verdict: Literal["succeeded", "declined", "pending", "not_sent", "unknown"]
    at: Timestamp
    evidence: dict[str, Any]


class UnresolvedPaymentAuthor(Struct):
    """Who did something."""

    type: Literal["api_key", "operator", "provider", "statement"]
    id: str
    name: str | None


class UnresolvedPaymentDeed(Struct):
    """Something that was done about an unresolved payment. It never changes."""

    id: str
    action: Literal["propose", "resolve", "approve", "reject", "answer", "contradict"]
    at: Timestamp
    by: UnresolvedPaymentAuthor
    evidence: dict[str, Any]
    outcome: Outcome | None
    provider_reference: str | None
    reason: str | None


class UnresolvedPayment(Struct, kw_only=True):
    """A charge, refund or payout that nobody could explain in time."""

    id: str
    object: Literal["unresolved_payment"]
    age: Count
    amount: int
    created: Timestamp
    currency: Currency
    history: list[UnresolvedPaymentDeed]
    last_answer: UnresolvedPaymentAnswer | None
    livemode: bool
    look_ups: Count
    next_look_up: Timestamp | None
    outcome: Outcome | None
    payment: str
    proposal: str | None
    provider_account: str
    provider_reference: str | None
    reason: Literal["outcome_unknown", "overdue", "contradiction"]
    reference: str
    resolved_at: Timestamp | None
    resolved_by: Literal["provider", "statement", "decision"] | None
    since: Timestamp
    status: Literal["open", "awaiting_approval", "resolved"]
    type: Literal["charge", "refund", "payout"]
