"""What the PayGate sandbox knows by heart: its accounts, numbers and words.

PayGate has no sandbox, so that all of it is ours but for the numbers of the answers and the three
spellings of each network:

- the accounts and their tokens;
- telephone numbers: any that begins with two digits of a network's and goes on 0000 and one of
  these pairs, as in 90000051;
- the limits of an amount, which are hearsay from one client library;
- how errors look: their shape is not documented beyond `error_code` and `error_message`, nor is the
  number of a disbursement that is refused for lack of funds.
"""

import re
from typing import Final

from providers.paygate_calls import PaygateAccount

ACCOUNTS: Final = {  # by token
    "cpay-sandbox-paygate-one": "one",
    "cpay-sandbox-paygate-two": "two",
}
DEMO_TOKEN: Final = next(iter(ACCOUNTS))


def demo_account(base_url: str) -> PaygateAccount:
    """The first account, at the sandbox PSP with that address."""
    return PaygateAccount(DEMO_TOKEN, base_url)


NETWORKS: Final = ("FLOOZ", "TMONEY")  # of pay and disburse
PAGE_NETWORKS: Final = {"MOOV": "FLOOZ", "TOGOCEL": "TMONEY"}
PAYMENT_METHODS: Final = {"FLOOZ": "FLOOZ", "TMONEY": "T-Money"}  # of status and callback

LEAST, MOST = 100, 1_000_000

# Answers to pay, which disburse and check-balance are given too, where they apply.
REGISTERED, INVALID_TOKEN, INVALID_PARAMETERS, DUPLICATE = 0, 2, 4, 6
ACCEPTED, INSUFFICIENT_FUNDS = 200, 402  # answers to disburse; the second number is ours

# Answers to status.
PAID, PENDING, EXPIRED, CANCELLED = 0, 2, 4, 6

# What becomes of a payment or a disbursement, by the last digits of the number.
TEST_NUMBERS: Final = {
    "51": "cancelled",
    "52": "expired",
    "53": "unanswered",  # pending until it expires
    "54": "delayed",  # paid after a while
}
_TEST_NUMBER: Final = re.compile(r"[79][0-9]0000([0-9]{2})", re.ASCII)
FINAL_STATUSES: Final = {"paid": PAID, "cancelled": CANCELLED, "expired": EXPIRED}

# What a script may ask for: an end of a payment or disbursement; and of any call, an answer with
# its numbers as text, or (of `disburse` and `balance`) that the caller's address is on no list.
OUTCOMES: Final = ("paid", *TEST_NUMBERS.values(), "codes_as_text", "address_refused")


def outcome_for(phone_number: str) -> str:
    """What the table says about a wallet."""
    number = _TEST_NUMBER.fullmatch(phone_number)
    return TEST_NUMBERS.get(number[1], "paid") if number else "paid"
