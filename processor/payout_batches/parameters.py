"""What the operations on payout batches take."""

from typing import Annotated

from msgspec import Meta, Struct

from processor.files.operations import Upload
from processor.parameters import (
    Amount,
    Id,
    ListParameters,
    Metadata,
    Parameters,
    ShortText,
    Text,
)

MOST_LINES = 10_000


class Line(Struct, forbid_unknown_fields=True, kw_only=True):
    """One payout: how much, to which wallet. Without a network it is found from the number."""

    amount: Amount
    phone: ShortText
    network: ShortText | None = None
    account_holder_name: Annotated[str, Meta(max_length=140)] | None = None
    description: Annotated[str, Meta(max_length=500)] | None = None
    metadata: Metadata | None = None


class Create(Parameters, kw_only=True):
    """Payouts of one currency, as `lines` or as a CSV `file` with the same columns."""

    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    lines: Annotated[list[Line], Meta(max_length=MOST_LINES)] | None = None
    file: Upload | None = None
    description: Text | None = None
    metadata: Metadata | None = None


class Retrieve(Parameters, kw_only=True):
    """Which batch."""

    payout_batch: Id


class List(ListParameters, kw_only=True):
    """Every batch."""
