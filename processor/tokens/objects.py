"""A token's row, and the object the API shows."""

import time
from collections.abc import Sequence

from msgspec import Struct

from processor.errors import InvalidRequest
from processor.operations import Object
from processor.parameters import Address, BillingDetails
from processor.payment_methods.objects import Card, card_fingerprint
from processor.rows import Row
from tenants import tables
from tenants.database import Connection

# A payer's page makes a token and its server uses it at once; what is found later is a leftover.
KEPT_SECONDS = 3600

_BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


class Details(Struct, omit_defaults=True):
    """What the token stands for; of the card, never its number."""

    card_id: str
    card: Card
    name: str | None = None
    address: Address | None = None
    cvc_given: bool = False

    @property
    def billing_details(self) -> BillingDetails:
        """Who pays, as the card was typed."""
        return BillingDetails(address=self.address, name=self.name)


class Token(Row, kw_only=True):
    """A row of `tokens`."""

    table = tables.tokens

    type: str
    token: str  # what the card PSP knows the card by
    used: bool = False
    details: Details


async def usable(connection: Connection, ids: Sequence[str]) -> dict[str, Token]:
    """The tokens with these ids that are not too old, locked, by id."""
    found = await Token.fetch(connection, ids, "for update")
    oldest = int(time.time()) - KEPT_SECONDS
    return {token.id: token for token in found if token.created >= oldest}


def spend(token: Token) -> None:
    """Use a token, in memory; its caller writes the row. Raises InvalidRequest the second time."""
    if token.used:
        raise InvalidRequest(
            f"You cannot use a token more than once: {token.id}.", code="token_already_used"
        )
    token.used = True
    token.version += 1


def render(token: Token, livemode: bool) -> Object:
    """The token object, with its card in the older shape that cards have in tokens."""
    return {
        "id": token.id,
        "object": "token",
        "card": card_object(token),
        "client_ip": None,
        "created": token.created,
        "livemode": livemode,
        "type": token.type,
        "used": token.used,
    }


def card_object(token: Token) -> Object:
    """The card object inside a token."""
    details, card = token.details, token.details.card
    address = details.address or Address()
    return {
        "id": details.card_id,
        "object": "card",
        "address_city": address.city,
        "address_country": address.country,
        "address_line1": address.line1,
        "address_line1_check": "unchecked" if address.line1 else None,
        "address_line2": address.line2,
        "address_state": address.state,
        "address_zip": address.postal_code,
        "address_zip_check": "unchecked" if address.postal_code else None,
        "brand": _BRANDS.get(card.brand, card.brand),
        "country": card.country,
        "cvc_check": "unchecked" if details.cvc_given else None,
        "dynamic_last4": None,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card_fingerprint(card, token.token),
        "funding": card.funding,
        "last4": card.last4,
        "metadata": {},
        "name": details.name,
        "networks": {"preferred": None},
        "regulated_status": "unregulated",
        "tokenization_method": None,
    }
