"""The token, with its card in the older shape that cards have in tokens."""

from typing import Literal

from msgspec import Struct

from openapi.objects.common import Last4, Metadata, Timestamp
from openapi.objects.payment_methods import Month


class TokenCardNetworks(Struct):
    """Over which network the card is best charged."""

    preferred: None


class TokenCard(Struct):
    """What may be known of a card; its number is not among it."""

    id: str
    object: Literal["card"]
    address_city: str | None
    address_country: str | None
    address_line1: str | None
    address_line1_check: Literal["unchecked"] | None
    address_line2: str | None
    address_state: str | None
    address_zip: str | None
    address_zip_check: Literal["unchecked"] | None
    brand: str
    country: str | None
    cvc_check: Literal["unchecked"] | None
    dynamic_last4: None
    exp_month: Month
    exp_year: int
    fingerprint: str
    funding: str
    last4: Last4
    metadata: Metadata
    name: str | None
    networks: TokenCardNetworks
    regulated_status: Literal["unregulated"]
    tokenization_method: None


class Token(Struct):
    """Stands for a card, once and for an hour, so that your server never sees its number."""

    id: str
    object: Literal["token"]
    card: TokenCard
    client_ip: None
    created: Timestamp
    livemode: bool
    type: Literal["card"]
    used: bool
