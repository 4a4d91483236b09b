"""Parts that several objects share."""

from typing import Annotated

from msgspec import Meta, Struct

Timestamp = Annotated[int, Meta(ge=0)]  # unix seconds
Amount = Annotated[int, Meta(ge=0)]  # in the currency's minor unit
Currency = Annotated[str, Meta(pattern="^[a-z]{3}$")]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Last4 = Annotated[str, Meta(min_length=4, max_length=4)]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=500)]],
    Meta(max_length=50),
]


class Address(Struct):
    """A postal address."""

    city: str | None
    country: str | None
    line1: str | None
    line2: str | None
    postal_code: str | None
    state: str | None


class Shipping(Struct):
    """Where goods go, and to whom."""

    address: Address
    name: str
    carrier: str | None
    phone: str | None
    tracking_number: str | None


class BillingDetails(Struct):
    """Who pays."""

    address: Address
    email: str | None
    name: str | None
    phone: str | None
    tax_id: str | None
