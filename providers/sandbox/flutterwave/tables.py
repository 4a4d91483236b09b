"""What the Flutterwave sandbox knows by heart: clients, networks, test numbers, codes, errors.

Processor codes, types of errors and of next actions, and the header X-Scenario-Key are
Flutterwave's. Ours are the demo client, the short names of the networks (the published example
has MTN), and the test numbers: one that ends in 0000 and a pair of `TEST_NUMBERS`. Every other
number is asked on the phone, and pays.
"""

import re
from typing import Any, Final

from providers.flutterwave import FlutterwaveAccount

CLIENT: Final = ("cpay-sandbox-client", "f1a77e4c11e475ec4e7000000000cafe")  # id, secret
SIGNED_WITH: Final = "f1a77e4ec4e7ha5h"  # the secret hash of webhooks

# By country: the short name that a charge is made with, and the commercial one.
NETWORKS: Final = {
    "CG": {"AIRTEL": "Airtel Money", "MTN": "MTN Mobile Money"},
    "CI": {"MOOV": "Moov Money", "MTN": "MTN Mobile Money", "ORANGEMONEY": "Orange Money"},
    "CM": {"MTN": "MTN Mobile Money", "ORANGEMONEY": "Orange Money"},
    "GA": {"AIRTEL": "Airtel Money", "MOOV": "Moov Money"},
    "SN": {"ORANGEMONEY": "Orange Money", "WAVE": "Wave"},
    "TD": {"AIRTEL": "Airtel Money", "MOOV": "Moov Money"},
}
# Countries whose networks Flutterwave lists, too; this sandbox knows none there.
OTHER_COUNTRIES: Final = frozenset({"EG", "ET", "GH", "KE", "MW", "RW", "TZ", "UG", "ZM"})
CALLING_CODES: Final = {
    "242": "CG", "225": "CI", "237": "CM", "241": "GA", "221": "SN", "235": "TD",
}  # fmt: skip
CURRENCIES: Final = {
    "CG": "XAF", "CI": "XOF", "CM": "XAF", "GA": "XAF", "SN": "XOF", "TD": "XAF",
}  # fmt: skip

# Ends of a charge: its status, and the code of `processor_response`.
ENDS: Final = {
    "approved": ("succeeded", "00"),
    "do_not_honor": ("failed", "05"),
    "insufficient_funds": ("failed", "51"),
    "incorrect_pin": ("failed", "55"),
    "issuer_unavailable": ("failed", "91"),
    "voided": ("voided", ""),
}
WAITING: Final = "pending"  # for ever

PROMPT: Final = "payment_instruction"
PAGE: Final = "redirect_url"
PIN: Final = "requires_pin"
CODE: Final = "requires_otp"
ACTIONS: Final = (PAGE, PIN, CODE)

TEST_NUMBERS: Final = {
    "05": "do_not_honor",
    "51": "insufficient_funds",
    "55": "incorrect_pin",
    "91": "issuer_unavailable",
    "60": "voided",
    "53": WAITING,
    "61": PAGE,
    "62": PIN,
    "63": CODE,
}
_TEST_NUMBER: Final = re.compile(r"[0-9]*0000([0-9]{2})", re.ASCII)

# X-Scenario-Key: what a payer has to do, whatever the number says.
SCENARIOS: Final = {
    "scenario:auth_redirect": PAGE,
    "scenario:auth_pin": PIN,
    "scenario:auth_otp": CODE,
}

# Ends of a refund, and the outcomes that a script may ask for.
REFUND_ENDS: Final = ("completed", "failed", "cancelled")
OUTCOMES: Final = (*ENDS, WAITING, *ACTIONS, *REFUND_ENDS)

REASONS: Final = frozenset(
    {"duplicate", "fraudulent", "requested_by_customer", "expired_uncaptured_charge"}
)


def outcome_of(number: str) -> str:
    """What the table says of a wallet, by the digits behind the calling code."""
    found = _TEST_NUMBER.fullmatch(number)
    return TEST_NUMBERS.get(found[1], "approved") if found else "approved"


# By HTTP status: type, code, message.
ERRORS: Final = {
    400: ("REQUEST_NOT_VALID", "10400", "Request is not valid"),
    401: ("UNAUTHORIZED", "10401", "Unauthorized"),
    403: ("FORBIDDEN", "10403", "Forbidden"),
    404: ("NOT_FOUND", "10404", "Resource not found"),
    409: ("RESOURCE_CONFLICT", "10409", "Resource conflict"),
}


def error_body(status: int, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """A refusal; `fields` are those that are wrong, and why."""
    kind, code, message = ERRORS[status]
    error: dict[str, Any] = {"type": kind, "code": code, "message": message}
    if fields:
        error["validation_errors"] = [
            {"field_name": name, "message": text} for name, text in fields.items()
        ]
    return {"status": "failed", "error": error}


# In which test mode has an account; in Chad no other provider has any.
DEMO_COUNTRIES: Final = ("CI", "CM", "TD")


def demo_account(country: str, base_url: str) -> FlutterwaveAccount:
    """What test mode opens with; `base_url` is that of this sandbox PSP."""
    return FlutterwaveAccount(
        country=country,
        client_id=CLIENT[0],
        client_secret=CLIENT[1],
        secret_hash=SIGNED_WITH,
        payer_email="payer@example.test",
        base_url=base_url,
    )
