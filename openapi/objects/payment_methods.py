"""The payment method: a card or a mobile money wallet."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from openapi.objects.common import BillingDetails, Country, Last4, Metadata, Timestamp

Brand = str  # an open set: visa, mastercard, amex, ...
Network = Literal["moov", "mtn", "orange", "tmoney"]
MethodType = Literal["card", "hosted_card", "mobile_money", "paypal"]
Month = Annotated[int, Meta(ge=1, le=12)]


class CardChecks(Struct):
    """What the issuer compared."""

    address_line1_check: None
    address_postal_code_check: None
    cvc_check: None


class CardNetworks(Struct):
    """Over which networks the card can be charged."""

    available: list[Brand]
    preferred: None


class ThreeDSecureUsage(Struct):
    """Whether 3-D Secure can be asked for."""

    supported: bool


class Card(Struct):
    """What may be known of a card; its number is not among it."""

    brand: Brand
    checks: CardChecks
    country: Country | None
    display_brand: Brand
    exp_month: Month
    exp_year: int
    fingerprint: str
    funding: str
    generated_from: None
    last4: Last4
    networks: CardNetworks
    regulated_status: Literal["unregulated"]
    three_d_secure_usage: ThreeDSecureUsage
    wallet: None


class MobileMoney(Struct):
    """A mobile money wallet. Its full number is in `billing_details.phone` only."""

    country: Country
    fingerprint: str
    last4: Last4
    network: Network


class HostedCard(Struct):
    """A card that is typed on the acquirer's page: nothing is known of it."""


class PayPal(Struct):
    """A PayPal account, chosen on PayPal's page."""

    country: None
    fingerprint: None
    payer_email: None
    payer_id: None


class PaymentMethod(Struct, kw_only=True):
    """A means of payment: a card, a mobile money wallet, or one that a provider's page asks for."""

    id: str
    object: Literal["payment_method"]
    allow_redisplay: Literal["always", "limited", "unspecified"]
    billing_details: BillingDetails
    card: Card | UnsetType = UNSET
    created: Timestamp
    customer: str | None
    customer_account: None
    hosted_card: HostedCard | UnsetType = UNSET
    livemode: bool
    metadata: Metadata
    mobile_money: MobileMoney | UnsetType = UNSET
    paypal: PayPal | UnsetType = UNSET
    type: MethodType
