"""Rows of unresolved payments and of what was done about them, and the objects that are shown."""

import time
import unicodedata
from typing import Any, Literal

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.rows import Row
from processor.unresolved_payments.rules import Outcome, Reason, Type
from tenants import tables
from tenants.database import Connection
from tenants.keys import Caller

Action = Literal["propose", "resolve", "approve", "reject", "answer", "contradict"]


class Author(Struct, frozen=True, omit_defaults=True):
    """Who did something: a person behind an API key, one of the operator's, or the other side."""

    type: Literal["api_key", "operator", "provider", "statement"]
    id: str  # key_..., the operator's name for its person, the provider account, rcn_...
    name: str | None = None  # of an API key

    @classmethod
    def of(cls, caller: Caller) -> "Author":
        """The person behind a key."""
        return cls("api_key", caller.key, caller.name)

    def same_person(self, other: "Author") -> bool:
        """Whether both may be one person. A key that was rolled has a new id and its old name."""
        if self.type != other.type:
            return False
        names = {_folded(self.name), _folded(other.name)}
        return _folded(self.id) == _folded(other.id) or (len(names) == 1 and None not in names)


def _folded(name: str | None) -> str | None:
    """A name as nobody can vary it: without case, width, and what surrounds it."""
    return unicodedata.normalize("NFKC", name).strip().casefold() if name else None


class LastAnswer(Struct):
    """What the provider said last, scrubbed."""

    verdict: str  # of providers.boundary.Verdict
    at: int  # unix seconds
    evidence: dict[str, Any]


class UnresolvedDetails(Struct, omit_defaults=True):
    """What the queue's statements do not look at."""

    reference: str = ""  # ours, that the provider was given
    provider_reference: str | None = None
    last_answer: LastAnswer | None = None
    look_ups: int = 0
    alerted: int = 0  # the last age that was spoken of, in seconds
    resolved_by: Literal["provider", "statement", "decision"] | None = None
    resolved_at: int | None = None
    decided: bool = False  # by a person: what the provider says from now on is held against it
    said: Outcome | None = None  # after a decision: the word that the provider's account stands at


class UnresolvedPayment(Row, kw_only=True):
    """A row of `unresolved_payments`."""

    table = tables.unresolved_payments

    status: Literal["open", "awaiting_approval", "resolved"] = "open"
    type: Type
    reason: Reason
    payment: str
    provider: str
    amount: int
    currency: str
    since: int
    outcome: Outcome | None = None
    proposal: str | None = None
    details: UnresolvedDetails = msgspec.field(default_factory=UnresolvedDetails)


class Deed(Struct, kw_only=True):
    """A row of `unresolved_payment_deeds`: something that was done, and by whom."""

    id: str
    created: int
    unresolved_payment: str
    action: Action
    by: Author
    outcome: Outcome | None = None
    provider_reference: str | None = None
    reason: str | None = None
    evidence: dict[str, Any] = {}

    async def write(self, connection: Connection) -> None:
        """Store it, for good."""
        await connection.execute(
            "insert into unresolved_payment_deeds (id, created, unresolved_payment, action, by,"
            " outcome, provider_reference, reason, evidence)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self.id,
            self.created,
            self.unresolved_payment,
            self.action,
            msgspec.json.encode(self.by).decode(),
            self.outcome,
            self.provider_reference,
            self.reason,
            msgspec.json.encode(self.evidence).decode(),
        )


def render(
    item: UnresolvedPayment, history: list[Deed], next_look_up: int | None, livemode: bool
) -> Object:
    """The unresolved payment object."""
    details = item.details
    return {
        "id": item.id,
        "object": "unresolved_payment",
        "age": max(0, (details.resolved_at or int(time.time())) - item.since),
        "amount": item.amount,
        "created": item.created,
        "currency": item.currency,
        "history": [_deed(deed) for deed in history],
        "last_answer": msgspec.to_builtins(details.last_answer),
        "livemode": livemode,
        "look_ups": details.look_ups,
        "next_look_up": next_look_up,
        "outcome": item.outcome,
        "payment": item.payment,
        "proposal": item.proposal,
        "provider_account": item.provider,
        "provider_reference": details.provider_reference,
        "reason": item.reason,
        "reference": details.reference,
        "resolved_at": details.resolved_at,
        "resolved_by": details.resolved_by,
        "since": item.since,
        "status": item.status,
        "type": item.type,
    }


def _deed(deed: Deed) -> Object:
    return {
        "id": deed.id,
        "action": deed.action,
        "at": deed.created,
        "by": {"type": deed.by.type, "id": deed.by.id, "name": deed.by.name},
        "evidence": deed.evidence,
        "outcome": deed.outcome,
        "provider_reference": deed.provider_reference,
        "reason": deed.reason,
    }
