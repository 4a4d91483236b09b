"""What the operations on refunds take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta

from processor.parameters import (
    Amount,
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    ShortText,
)

Reason = Literal["duplicate", "fraudulent", "requested_by_customer"]


class Create(Parameters, kw_only=True):
    """Of a charge, or of a payment intent's charge; without an amount, all that is left."""

    charge: Id | None = None
    payment_intent: Id | None = None
    amount: Amount | None = None
    currency: Annotated[str, Meta(min_length=3, max_length=3)] | None = None
    instructions_email: ShortText | None = None
    metadata: Metadata | None = None
    reason: Reason | None = None


class Update(Parameters, kw_only=True):
    """Only metadata can change."""

    refund: Id
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which refund."""

    refund: Id


class Cancel(Parameters, kw_only=True):
    """Which refund."""

    refund: Id


class List(ListParameters, kw_only=True):
    """Filter by charge or payment intent."""

    charge: Id | None = None
    payment_intent: Id | None = None
