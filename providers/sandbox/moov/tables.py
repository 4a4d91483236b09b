"""What the Moov sandbox knows by heart: its accounts, its test numbers, its words. All are ours but
the meaning of the status codes.

A number that ends in 000 and a three-digit code of `STATUSES` is a wallet with that fate:
+2290194000010 and +22896000010 have insufficient funds. 100 never answers its prompt, 555 has no
wallet, 009 has an inactive one. 051, 052, 053 and 065 do what these digits do at the other
sandboxes, as far as Moov has a word for it: the payer refuses (which is the same word as the next),
does not answer in time, does not answer at all, has no money. Every other number pays, and is paid.
"""

import re
from dataclasses import dataclass
from typing import Final

from providers.moov import MoovAccount

COMPLETED: Final = "0"
CALLER_REFUSED: Final = "4"
FLOAT_INSUFFICIENT: Final = "10"
PARAMETERS_INCOMPLETE: Final = "91"
PROMPT_OVER: Final = "92"
NEVER_SEEN: Final = "94"
INVALID_CREDENTIALS: Final = "98"
PENDING: Final = "100"

# The words are not documented but for 0, 4 and 100.
STATUSES: Final = {
    COMPLETED: "SUCCESS",
    "1": "METHOD_NOT_ALLOWED",
    "2": "TRANSACTION_NOT_ALLOWED",
    "3": "INVALID_NUMBER",
    CALLER_REFUSED: "UNAUTHORISED_ERROR",
    "6": "DESTINATION_NOT_ALLOWED",
    "7": "DESTINATION_LOCKED",
    "8": "CALLER_BALANCE_INSUFFICIENT",
    "9": "DESTINATION_INACTIVE",
    FLOAT_INSUFFICIENT: "INSUFFICIENT_FUNDS",
    "11": "AMOUNT_ABOVE_MAXIMUM",
    "12": "AMOUNT_BELOW_MINIMUM",
    "13": "DAILY_AMOUNT_REACHED",
    "14": "MONTHLY_AMOUNT_REACHED",
    "15": "DAILY_COUNT_REACHED",
    "16": "MONTHLY_COUNT_REACHED",
    "17": "DESTINATION_MINIMUM",
    "18": "DESTINATION_MAXIMUM_BALANCE",
    "19": "SENDER_DAILY_LIMIT",
    "20": "SENDER_MONTHLY_LIMIT",
    PARAMETERS_INCOMPLETE: "PARAMETERS_INCOMPLETE",
    PROMPT_OVER: "USSD_PUSH_TIMEOUT_OR_CANCEL",
    NEVER_SEEN: "TRANSACTION_NOT_FOUND",
    "95": "TRANSACTION_FAILED",
    INVALID_CREDENTIALS: "INVALID_CREDENTIALS",
    "99": "INTERNAL_ERROR",
    "-1": "INTERNAL_ERROR",
    PENDING: "PENDING",
    "555": "NOT_REGISTERED",
}

# Codes that only the payer's answer brings about; the others are known before there is a prompt.
AFTER_THE_PROMPT: Final = {COMPLETED, "8", "10", "19", "20", PROMPT_OVER, "95", PENDING}
# Nothing was kept of what the platform itself failed at.
PLATFORM_FAILURES: Final = {"99", "-1"}
OUTCOMES: Final = tuple(STATUSES)  # what a script may ask for

TEST_NUMBERS: Final = {
    **{code.zfill(3): code for code in STATUSES if code not in (COMPLETED, "-1")},
    "051": PROMPT_OVER,
    "052": PROMPT_OVER,
    "053": PENDING,
    "065": FLOAT_INSUFFICIENT,
}
_TEST_NUMBER: Final = re.compile(r"228\d\d000(\d{3})|229\d{4}000(\d{3})", re.ASCII)


def outcome_for(msisdn: str) -> str:
    """The status code of a number (digits with country code, no plus)."""
    number = _TEST_NUMBER.fullmatch(msisdn)
    return TEST_NUMBERS.get(number[1] or number[2], COMPLETED) if number else COMPLETED


@dataclass(frozen=True, slots=True)
class Merchant:
    """An account of the sandbox. Passwords and keys are public: only the sandbox knows them."""

    country: str
    currency: str  # ISO 4217, lower case
    user: str
    password: str
    encryption_key: str
    msisdn: str  # digits with country code, no plus


MERCHANTS: Final = {
    merchant.country: merchant
    for merchant in (
        Merchant(
            "BJ", "xof", "sandbox-bj", "pass-of-the-sandbox", "sandbox-key-bj-0123456789-abcdef",
            "2290194999999",
        ),
        Merchant(
            "TG", "xof", "sandbox-tg", "pass-of-the-sandbox", "sandbox-key-tg-0123456789-abcdef",
            "22896999999",
        ),
    )
}  # fmt: skip


def demo_account(country: str, base_url: str) -> MoovAccount:
    """What test mode opens with; `base_url` is that of this sandbox PSP."""
    merchant = MERCHANTS[country]
    return MoovAccount(
        country=country,
        msisdn=f"+{merchant.msisdn}",
        user=merchant.user,
        password=merchant.password,
        encryption_key=merchant.encryption_key,
        base_url=base_url,
    )
