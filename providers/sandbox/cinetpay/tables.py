"""What the CinetPay sandbox knows by heart: sites, test numbers and cards, codes.

Codes and their words are CinetPay's. Sites are ours, and so are the test numbers: one that ends in
000 and a code of `ENDS` has that end (+225 07 00 000 602 has not enough money), 000623 and 000663
wait for ever. Every other number pays. Cards are the kit's test cards: 4242 4242 4242 4242 pays,
4000 0000 0000 9995 has not enough money, and every other one fails.
"""

import re
from dataclasses import dataclass
from typing import Final

from providers.cinetpay import CURRENCIES, CinetPayAccount
from providers.sandbox.card_table import card_of_number

PAID: Final = "00"
CREATED: Final = "201"
MISSING: Final = "608"
UNKNOWN_KEY: Final = "609"
WRONG_CURRENCY: Final = "612"
UNKNOWN_SITE: Final = "613"
TAKEN: Final = "620"
TO_VALIDATE: Final = "623"
EXPIRED: Final = "625"
CANCELLED: Final = "627"
UNOPENED: Final = "662"
NOT_FOUND: Final = "404"  # ours

MESSAGES: Final = {
    PAID: "SUCCES",
    CREATED: "CREATED",
    "600": "PAYMENT_FAILED",
    "602": "INSUFFICIENT_BALANCE",
    "604": "OTP_CODE_ERROR",
    "606": "INCORRECT_SETTINGS",
    MISSING: "MINIMUM_REQUIRED_FIELDS",
    UNKNOWN_KEY: "AUTH_NOT_FOUND",
    WRONG_CURRENCY: "ERROR_CURRENCY_NOTVALID",
    UNKNOWN_SITE: "ERROR_SITE_ID_NOTVALID",
    TAKEN: "ERROR_DOUBLE_PAYMENT",
    TO_VALIDATE: "WAITING_CUSTOMER_TO_VALIDATE",
    EXPIRED: "ABONNEMENT_OR_TRANSACTIONS_EXPIRED",
    "626": "ERROR_FLOOZPAY_UNAVAILABLE",
    CANCELLED: "TRANSACTION_CANCEL",
    "635": "ERROR_PHONE_NUMBER_NOT_FOUND",
    "636": "ERROR_PHONE_NUMBER_NOT_SUPPORTED",
    "637": "ERROR_PHONE_PREFIX_NOT_SUPPORTED",
    "641": "ERROR_AMOUNT_TOO_LOW",
    "642": "ERROR_AMOUNT_TOO_HIGH",
    UNOPENED: "WAITING_CUSTOMER_PAYMENT",
    "663": "WAITING_CUSTOMER_OTP_CODE",
    "804": "OPERATOR_UNAVAILABLE",
    "807": "DAILY_MAX_NUMBER_TRANSACTION_REACHED",
    "808": "DAILY_MAX_AMOUNT_TRANSACTION_REACHED",
    "809": "MONTHLY_MAX_AMOUNT_TRANSACTION_REACHED",
    "810": "MONTHLY_MAX_NUMBER_TRANSACTION_REACHED",
    "811": "WEEKLY_MAX_AMOUNT_TRANSACTION_REACHED",
    "812": "WEEKLY_MAX_NUMBER_TRANSACTION_REACHED",
    NOT_FOUND: "TRANSACTION_NOT_FOUND",
}

WAITING: Final = (TO_VALIDATE, UNOPENED, "663")
ENDS: Final = (
    "600", "602", "604", "606", EXPIRED, "626", CANCELLED, "635", "636", "637", "641", "642",
    "804", "807", "808", "809", "810", "811", "812",
)  # fmt: skip
OUTCOMES: Final = (PAID, TO_VALIDATE, "663", *ENDS)  # what a script may ask for

_TEST_NUMBER: Final = re.compile(r"[0-9]*000([0-9]{3})", re.ASCII)


def outcome_of_number(number: str) -> str:
    """What the tables say of a wallet's number, in digits."""
    code = found[1] if (found := _TEST_NUMBER.fullmatch(number)) else PAID
    return code if code in OUTCOMES else PAID


def outcome_of_card(number: str) -> str:
    """What the tables say of a card's number."""
    outcome = card_of_number(number).outcome
    return {"succeeded": PAID, "insufficient_funds": "602"}.get(outcome, "600")


@dataclass(frozen=True, slots=True)
class Site:
    """A merchant's site. Keys are public: only the sandbox knows them."""

    site_id: str
    country: str
    api_key: str
    secret_key: str

    @property
    def currency(self) -> str:
        """ISO 4217, upper case."""
        return CURRENCIES[self.country].upper()


_CALLING_CODES: Final = {
    "CI": "225", "SN": "221", "TG": "228", "BJ": "229", "CM": "237", "ML": "223", "BF": "226",
}  # fmt: skip

SITES: Final = {
    site.site_id: site
    for site in (
        Site(
            site_id=f"105900{calling_code}",
            country=country,
            api_key=f"{calling_code}0000005a4db0c5a4db0c.00000001",
            secret_key=f"{calling_code}0000005ec4e75ec4e75ec.00000002",
        )
        for country, calling_code in _CALLING_CODES.items()
    )
}


def prefix_of(country: str) -> str:
    """A country's calling code."""
    return _CALLING_CODES[country]


def demo_account(site: Site, base_url: str) -> CinetPayAccount:
    """What test mode opens with; `base_url` is that of this sandbox PSP."""
    return CinetPayAccount(
        country=site.country,
        site_id=site.site_id,
        api_key=site.api_key,
        secret_key=site.secret_key,
        base_url=base_url,
    )
