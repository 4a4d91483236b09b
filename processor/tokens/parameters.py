"""What the operations on tokens take."""

from typing import Annotated

from msgspec import Meta, Struct

from processor.parameters import Id, Parameters, ShortText


class TokenCard(Struct, forbid_unknown_fields=True, kw_only=True):
    """A typed card: in test mode only, and only Stripe's test numbers."""

    number: str | int
    exp_month: int
    exp_year: int
    cvc: str | int | None = None
    name: ShortText | None = None
    address_city: ShortText | None = None
    address_country: Annotated[str, Meta(max_length=2)] | None = None
    address_line1: ShortText | None = None
    address_line2: ShortText | None = None
    address_state: ShortText | None = None
    address_zip: ShortText | None = None


class Create(Parameters, kw_only=True):
    """A card to be used once."""

    card: TokenCard


class Retrieve(Parameters, kw_only=True):
    """Which token."""

    token: Id
