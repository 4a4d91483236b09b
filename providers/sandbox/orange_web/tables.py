"""What the Orange sandbox knows by heart: its client, its currencies, numbers and errors.

The currencies of `dev` and of the countries, and the errors with codes 40 to 53 and 12xx, are
Orange's. Ours are:

- the demo client, which stands for an application in Orange's developer portal, and its merchant
  keys, one per country;
- the numbers (Orange publishes none): any number that ends in 0000 and one of these pairs;
- the texts of errors; code 22 of a body that cannot be read, and code 60 of an order that cannot be
  found (Orange's list of errors for this API has neither).
"""

import re
from typing import Final

from providers.orange_web_account import OrangeWebAccount

CURRENCIES: Final = {
    "dev": "OUV",
    "bf": "XOF",
    "ci": "XOF",
    "cm": "XAF",
    "gn": "GNF",
    "ml": "XOF",
    "sn": "XOF",
}

CLIENT: Final = ("cpay-sandbox-client", "0ra5ec11e75ec2e70000000000000000")  # id, secret
MERCHANT_KEYS: Final = {country: f"mk-{country}-0ra5e0000cafe" for country in CURRENCIES}

# Test mode's accounts at this sandbox, and their countries.
DEMO_ACCOUNTS: Final = {
    "orange_web_test": "ci",
    "orange_web_bf_test": "bf",
    "orange_web_gn_test": "gn",
    "orange_web_ml_test": "ml",
    "orange_web_sn_test": "sn",
}


def demo_account(country: str, base_url: str) -> OrangeWebAccount:
    """The demo client's account in a country, at the sandbox PSP with that address."""
    return OrangeWebAccount(
        country=country,
        client_id=CLIENT[0],
        client_secret=CLIENT[1],
        merchant_key=MERCHANT_KEYS[country],
        merchant_name="Boutique X",
        base_url=base_url,
    )


# Where notifications say more than status, notif_token and txnid (third-party description).
WORDY_COUNTRIES: Final = {"ml"}

# What becomes of a payer's confirmation, by the last digits of the number.
TEST_NUMBERS: Final = {
    "51": "FAILED",
    "52": "EXPIRED",
    "53": "PENDING",  # for ever
    "54": "DELAYED",  # SUCCESS after a while
}
_TEST_NUMBER: Final = re.compile(r"[0-9]*0000([0-9]{2})", re.ASCII)

# What a script may ask for: of `charge` and `confirm`; INITIATED leaves the order as it is, as if
# the payer had typed nothing. Then of `token`: a text in `expires_in`, and a refusal.
OUTCOMES: Final = (
    "SUCCESS",
    *TEST_NUMBERS.values(),
    "INITIATED",
    "EXPIRES_IN_TEXT",
    "TOO_MANY_REQUESTS",
)


def outcome_for(msisdn: str) -> str:
    """What the table says about a payer."""
    number = _TEST_NUMBER.fullmatch(msisdn)
    return TEST_NUMBERS.get(number[1], "SUCCESS") if number else "SUCCESS"


# By Orange's code: the HTTP status, the message and the description.
ERRORS: Final = {
    22: (400, "Invalid body", "The body of the request cannot be read."),
    40: (401, "Missing credentials", "The Authorization header is missing."),
    41: (401, "Invalid credentials", "The access token is not valid."),
    42: (401, "Expired credentials", "The access token has expired."),
    50: (403, "Access denied", "The application may not use this API in this country."),
    53: (403, "Access denied", "The application may not use this API."),
    60: (404, "Resource not found", "No order has these three values."),
    1202: (403, "Invalid merchant key", "The merchant key is not one of this country."),
    1203: (403, "Unauthorised currency", "The currency is not allowed in this country."),
    1204: (403, "Order id already exists", "Every order needs an order_id of its own."),
}
