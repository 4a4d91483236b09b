"""What the operations on reconciliations take."""

from typing import Annotated

from msgspec import Meta, Struct

from processor.parameters import (
    Id,
    ListParameters,
    Metadata,
    Parameters,
    ShortText,
    Timestamp,
)
from processor.reconciliation.objects import Action, Finding


class StatementPeriod(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a statement covers; the end is not included."""

    start: Timestamp | None = None
    end: Timestamp | None = None


class Create(Parameters, kw_only=True):
    """A provider's statement that was uploaded, and how to read it."""

    file: Id
    provider_account: ShortText
    mapping: ShortText = "standard"
    period: StatementPeriod | None = None
    metadata: Metadata | None = None


class Retrieve(Parameters, kw_only=True):
    """Which reconciliation."""

    reconciliation: Id


class List(ListParameters, kw_only=True):
    """Filter by provider account."""

    provider_account: ShortText | None = None


class ItemList(ListParameters, kw_only=True):
    """The items of one reconciliation; `resolved` is false for those that wait for somebody."""

    reconciliation: Id
    result: Finding | None = None
    resolved: bool | None = None


class ResolveItem(Parameters, kw_only=True):
    """What to do about an item, and why: the auditor reads it."""

    reconciliation: Id
    item: Id
    action: Action
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
