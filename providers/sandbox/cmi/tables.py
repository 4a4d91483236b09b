"""What the CMI sandbox knows by heart: its shop, its cards, and the words of its refusals.

The first three cards are CMI's public test cards. The others are ours: their twelfth and thirteenth
digits are what the bank will say. Any date to come and any three digits of CVC will do, as at CMI.
Whatever other card is typed is turned away, because a sandbox must not hold real ones.
"""

from dataclasses import dataclass, field
from typing import Final

from providers.cmi_account import CmiAccount


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant's shop: its keys, and the ISO 4217 codes (lower case) of its contract."""

    store_key: str = field(repr=False)
    api_user: str
    api_password: str = field(repr=False)
    currencies: tuple[str, ...] = ("mad", "eur", "usd")


DEMO_CLIENT_ID: Final = "600000000"
SHOPS: Final = {
    DEMO_CLIENT_ID: Shop("CPAYSANDBOXSTOREKEY1", "cpaysandbox", "cpay-sandbox-password"),
}


def demo_account(base_url: str) -> CmiAccount:
    """The demo shop's account at the sandbox with this base URL."""
    shop = SHOPS[DEMO_CLIENT_ID]
    return CmiAccount(
        client_id=DEMO_CLIENT_ID,
        store_key=shop.store_key,
        api_user=shop.api_user,
        api_password=shop.api_password,
        currencies=",".join(shop.currencies),
        base_url=base_url,
    )


@dataclass(frozen=True, slots=True)
class Card:
    """A card, what its bank says (a return code), and what its 3-D Secure comes to (an mdStatus).

    `asks_for_code`: the holder has to type `CODE` first.
    """

    outcome: str = "00"
    md_status: str = "1"
    asks_for_code: bool = False


CODE: Final = "123"

CARDS: Final = {
    "4000000000000010": Card(),
    "5453010000066100": Card(),
    "5191630100004896": Card(asks_for_code=True),
    # Ours from here on.
    "4000000000001000": Card("01"),
    "4000000000002008": Card("02"),
    "4000000000005001": Card("05"),
    "4000000000009003": Card("09"),
    "4000000000012007": Card("12"),
    "4000000000028003": Card("28"),
    "4000000000051005": Card("51"),
    "4000000000054009": Card("54"),
    "4000000000057002": Card("57"),
    "4000000000062002": Card("62"),
    "4000000000077000": Card("77"),
    "4000000000099004": Card("99"),
    "4000000000022220": Card(md_status="2"),  # not enrolled, but it pays
    "4000000000033300": Card(md_status="0"),  # 3-D Secure fails
}

# ErrMsg of a bank's code, in our words but for 51, which is recorded.
MESSAGES: Final = {
    "01": "Contactez votre banque",
    "02": "Contactez votre banque",
    "05": "Transaction refusee",
    "09": "Reessayez",
    "12": "Transaction invalide",
    "28": "Transaction refusee",
    "51": "Provision insuffisante",
    "54": "Carte expiree",
    "57": "Transaction non permise au porteur",
    "62": "Carte restreinte",
    "77": "Transaction refusee",
    "99": "Erreur generale",
}

NOT_AUTHENTICATED: Final = "not_authenticated"  # an outcome: 3-D Secure fails, whatever is typed

# Errors of the platform, by its manual; ErrMsg in the manual's sense.
ERRORS: Final = {
    "CORE-2001": "Invalid transaction type",
    "CORE-2008": "No transaction to void",
    "CORE-2014": "Invalid request",
    "CORE-2105": "Currency not allowed for merchant",
    "CORE-2117": "No captured transaction to credit",
    "CORE-2119": "Currency mismatch with the order",
    "CORE-2201": "The user is not authenticated",
    "CORE-2202": "The user has no permission for this",
    "CORE-2304": "There is an ongoing transaction related to the order",
    "CORE-2503": "Cannot refund more than net amount",
    "CORE-2504": "Cannot refund on zero net amount",
    "CORE-2506": "Cannot post auth on zero net amount",
    "CORE-2507": "Order has already successful transaction",
    "CORE-2508": "Cannot refund, transaction not settled",
    "CORE-2509": "Cannot post, no matching preauth",
    "CORE-2511": "Cannot void, settlement required",
    "CORE-2512": "Not authorized to exceed pre authorization amount",
    "CORE-3000": "System error. Last commit",
}

# What the script may choose: for a card the bank's code (or that 3-D Secure fails), for a PostAuth,
# Void or Credit that or an error.
OUTCOMES: Final = ("00", *MESSAGES, NOT_AUTHENTICATED, *ERRORS)
