"""What the operations on unresolved payments take."""

from typing import Annotated

from msgspec import Meta

from processor.parameters import Id, ListParameters, Parameters, ShortText
from processor.unresolved_payments.rules import Outcome, Type

Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class List(ListParameters, kw_only=True):
    """The queue; `resolved` is true for those that have left it."""

    type: Type | None = None
    provider_account: ShortText | None = None
    min_age: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    resolved: bool = False


class Retrieve(Parameters, kw_only=True):
    """Which unresolved payment."""

    unresolved_payment: Id


class LookUp(Parameters, kw_only=True):
    """Which unresolved payment."""

    unresolved_payment: Id


class Resolve(Parameters, kw_only=True):
    """What became of the payment, how that is known, and the provider's number for it: needed for
    money that has moved."""

    unresolved_payment: Id
    outcome: Outcome
    reason: Reason
    provider_reference: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class Approve(Parameters, kw_only=True):
    """Which proposal, so that nobody approves another one than was read."""

    unresolved_payment: Id
    proposal: Id
    reason: Reason | None = None


class Reject(Parameters, kw_only=True):
    """Which proposal, and why not."""

    unresolved_payment: Id
    proposal: Id
    reason: Reason
