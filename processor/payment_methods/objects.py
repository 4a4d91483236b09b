"""A payment method's row, and the object the API shows."""

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.parameters import BillingDetails
from processor.rows import Row
from tenants import tables


class Card(Struct, omit_defaults=True):
    """What may be known of a card: never its number."""

    brand: str
    last4: str
    funding: str
    country: str | None
    exp_month: int
    exp_year: int


# Paid on a page of the provider, who asks there for what it needs: a card typed at the acquirer's,
# a PayPal account.
HOSTED = ("hosted_card", "paypal")


class Mandated(Struct):
    """The owner's standing approval of charges that come while nobody is there."""

    mandate: str  # its id
    account: str  # that it was given through


class MobileMoney(Struct, omit_defaults=True):
    """A wallet: the number itself is the row's token."""

    network: str  # mtn, orange, moov, tmoney
    country: str  # ISO 3166-1 alpha-2
    mandated: Mandated | None = None  # as long as the mandate is active


class Details(Struct, omit_defaults=True):
    """The kind's own half, and who pays."""

    card: Card | None = None
    mobile_money: MobileMoney | None = None
    billing_details: BillingDetails = msgspec.field(default_factory=BillingDetails)
    allow_redisplay: str = "unspecified"


class PaymentMethod(Row, kw_only=True):
    """A row of `payment_methods`."""

    table = tables.payment_methods

    type: str
    token: str
    customer: str | None = None
    details: Details

    @property
    def last4(self) -> str:
        """The last digits of the card or of the wallet's number."""
        return self.details.card.last4 if self.details.card else self.token[-4:]


def fingerprint(token: str) -> str:
    """Equal for equal cards or wallets, and telling nothing of them."""
    return hashlib.sha256(b"fingerprint\0" + token.encode()).hexdigest()[:16]


def card_fingerprint(card: Card, token: str) -> str:
    """A card's fingerprint. Test tokens of one card differ by outcome, so the token counts."""
    return fingerprint(f"{card.brand}\0{card.last4}\0{token}")


def render(method: PaymentMethod, livemode: bool) -> Object:
    """The payment method object."""
    details = method.details
    shown = {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": details.allow_redisplay,
        "billing_details": billing_details(details.billing_details),
        "created": method.created,
        "customer": method.customer,
        "customer_account": None,
        "livemode": livemode,
        "metadata": method.metadata,
        "type": method.type,
    }
    if details.card is not None:
        shown["card"] = _card(details.card, method.token)
    if method.type == "hosted_card":
        shown["hosted_card"] = {}
    if method.type == "paypal":
        shown["paypal"] = dict.fromkeys(("country", "fingerprint", "payer_email", "payer_id"))
    if details.mobile_money is not None:
        shown["mobile_money"] = {
            "country": details.mobile_money.country,
            "fingerprint": fingerprint(method.token),
            "last4": method.last4,
            "network": details.mobile_money.network,
        }
    return shown


def billing_details(details: BillingDetails) -> dict[str, Any]:
    """Billing details with an address that has all its members."""
    shown: dict[str, Any] = msgspec.to_builtins(details)
    if shown["address"] is None:
        shown["address"] = dict.fromkeys(
            ("city", "country", "line1", "line2", "postal_code", "state")
        )
    return shown


def card_checks() -> dict[str, str | None]:
    """What the issuer checked: our PSP does not say."""
    return {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None}


def _card(card: Card, token: str) -> dict[str, Any]:
    return {
        "brand": card.brand,
        "checks": card_checks(),
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card_fingerprint(card, token),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
