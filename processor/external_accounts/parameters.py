"""What the operations on external accounts take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from processor.parameters import (
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    ShortText,
)

Kind = Literal["bank_account", "mobile_wallet"]
HolderType = Literal["individual", "company"]
Country = Annotated[str, Meta(min_length=2, max_length=2)]
CurrencyCode = Annotated[str, Meta(min_length=3, max_length=3)]
HolderName = Annotated[str, Meta(max_length=140)]  # what a bank file has room for


class Data(Struct, forbid_unknown_fields=True, kw_only=True):
    """The account itself: a bank account by its number, a wallet by its phone."""

    object: Kind
    country: Country | None = None
    currency: CurrencyCode | None = None
    account_holder_name: HolderName | None = None
    account_holder_type: HolderType | None = None
    account_number: Annotated[str, Meta(max_length=60)] | None = None
    routing_number: Annotated[str, Meta(max_length=40)] | None = None
    bank_name: Annotated[str, Meta(max_length=140)] | None = None
    phone: ShortText | None = None
    network: ShortText | None = None


class Create(Parameters, kw_only=True):
    """A new destination of payouts. The first of a currency becomes its default."""

    account: Id
    external_account: Data
    default_for_currency: bool | None = None
    metadata: Metadata | None = None


class Update(Parameters, kw_only=True):
    """Only what is given changes; the number never does."""

    account: Id
    id: Id
    account_holder_name: HolderName | None | UnsetType = UNSET
    account_holder_type: HolderType | None | UnsetType = UNSET
    default_for_currency: bool | None = None
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which external account."""

    account: Id
    id: Id


class Delete(Parameters, kw_only=True):
    """Which external account."""

    account: Id
    id: Id


class List(ListParameters, kw_only=True):
    """Filter by kind."""

    account: Id
    object: Kind | None = None
