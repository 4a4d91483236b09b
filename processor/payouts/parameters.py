"""What the operations on payouts take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta

from processor.parameters import (
    Amount,
    Created,
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    Text,
    Timestamp,
)

Method = Literal["standard", "instant"]
Status = Literal["pending", "in_transit", "paid", "failed", "canceled"]


class Create(Parameters, kw_only=True):
    """To an external account; without one, to the default of the currency."""

    amount: Amount
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    description: Text | None = None
    destination: Id | None = None
    metadata: Metadata | None = None
    method: Method = "standard"
    payout_method: Id | None = None
    source_type: Literal["card", "bank_account", "fpx"] = "card"
    statement_descriptor: Annotated[str, Meta(max_length=22)] | None = None


class Update(Parameters, kw_only=True):
    """Only metadata can change."""

    payout: Id
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which payout."""

    payout: Id


class Cancel(Parameters, kw_only=True):
    """Which payout."""

    payout: Id


class Reverse(Parameters, kw_only=True):
    """Which payout to ask back from the bank."""

    payout: Id
    metadata: Metadata | None = None


class List(ListParameters, kw_only=True):
    """Filter by status, destination, batch or arrival."""

    arrival_date: Created | Timestamp | None = None
    batch: Id | None = None
    destination: Id | None = None
    status: Status | None = None
