"""What the MTN sandbox knows by heart: its accounts, test numbers, currencies and error texts.

Official tables are those of momodeveloper.mtn.com. Ours are:

- the demo accounts, one per target environment, which stand for MTN's partner portal;
- the numbers +2376700000xx, which do in XAF what the official 467331234xx do in EUR, and some more;
- the currency of each environment but "sandbox" (EUR) and "mtncameroon" (XAF): we assume that the
  others work in their country's currency.
"""

import re
from typing import Final

CURRENCIES: Final = {
    "sandbox": "EUR",
    "mtncameroon": "XAF",
    "mtncongo": "XAF",
    "mtnbenin": "XOF",
    "mtnivorycoast": "XOF",
    "mtnguineaconakry": "GNF",
}

# One subscription per product; a key opens its own product only.
SUBSCRIPTION_KEYS: Final = {
    "collection": "c011ec7100000000000000000000cafe",
    "disbursement": "d15b0f5e00000000000000000000cafe",
}

# The demo account of each environment: the id ends like the country's calling code (46: the
# sandbox's numbers). Callbacks may go to any port of this machine.
DEMO_CALLBACK_HOST: Final = "127.0.0.1"
DEMO_API_KEY: Final = "de30a91ce7de30a91ce7de30a91ce700"
DEMO_API_USERS: Final = {
    "sandbox": "c0ffee00-0000-4000-8000-000000000046",
    "mtncameroon": "c0ffee00-0000-4000-8000-000000000237",
    "mtncongo": "c0ffee00-0000-4000-8000-000000000242",
    "mtnbenin": "c0ffee00-0000-4000-8000-000000000229",
    "mtnivorycoast": "c0ffee00-0000-4000-8000-000000000225",
    "mtnguineaconakry": "c0ffee00-0000-4000-8000-000000000224",
}

# Official table of request-to-pay by the last two digits of 467331234xx. A word that is not a
# reason of FAILED says how the payer behaves.
TEST_NUMBERS: Final = {
    "50": "INTERNAL_PROCESSING_ERROR",
    "51": "APPROVAL_REJECTED",
    "52": "EXPIRED",
    "53": "PENDING",  # for ever, which is until the request expires
    "54": "DELAYED",  # CREATED, then SUCCESSFUL
    "55": "PAYER_NOT_FOUND",
    "56": "PAYEE_NOT_ALLOWED_TO_RECEIVE",
    "57": "NOT_ALLOWED",
    "58": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "59": "INVALID_CALLBACK_URL_HOST",
    "60": "INVALID_CURRENCY",
    "61": "INTERNAL_PROCESSING_ERROR",
    "62": "SERVICE_UNAVAILABLE",
    "63": "COULD_NOT_PERFORM_TRANSACTION",
    "64": "TRANSFER_TYPE_UNKNOWN",
}
# Of a deposit; and of a transfer.
_DEPOSIT_NUMBERS: Final = {
    suffix: TEST_NUMBERS[suffix] for suffix in TEST_NUMBERS if suffix != "64"
}
TRANSFER_NUMBERS: Final = {
    "50": "FAILED",  # without a reason
    "51": "REJECTED",
    "52": "EXPIRED",
    "53": "PENDING",
    "54": "DELAYED",
    "55": "NOT_ENOUGH_FUNDS",  # the merchant's
    "56": "PAYER_LIMIT_REACHED",
    "57": "PAYEE_NOT_FOUND",
    "58": "NOT_ALLOWED",
    "59": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "60": "INVALID_CALLBACK_URL_HOST",
    "61": "INVALID_CURRENCY",
    "62": "INTERNAL_PROCESSING_ERROR",
    "63": "SERVICE_UNAVAILABLE",
}

# Of a refund, by its referenceIdToRefund; no request to pay has such a reference.
REFUND_REFERENCES: Final = {
    "1": "RESOURCE_NOT_FOUND",
    "2": "FAILED",
    "3": "REJECTED",
    "4": "EXPIRED",
    "5": "PENDING",
    "6": "DELAYED",
    "7": "NOT_ALLOWED",
    "8": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "9": "INVALID_CALLBACK_URL_HOST",
    "10": "INVALID_CURRENCY",
    "11": "INTERNAL_PROCESSING_ERROR",
    "12": "SERVICE_UNAVAILABLE",
    "13": "COULD_NOT_PERFORM_TRANSACTION",
}

# Of a pre-approval: the official table, and a payer who allows it and takes it back a moment later.
PREAPPROVAL_NUMBERS: Final = {
    "50": "FAILED",
    "51": "APPROVAL_REJECTED",
    "52": "EXPIRED",
    "53": "PENDING",
    "54": "DELAYED",
    "55": "PAYER_NOT_FOUND",
    "56": "NOT_ALLOWED",
    "57": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "58": "INVALID_CALLBACK_URL_HOST",
    "59": "INVALID_CURRENCY",
    "60": "INTERNAL_PROCESSING_ERROR",
    "61": "SERVICE_UNAVAILABLE",
}
WITHDRAWN: Final = "WITHDRAWN"  # ours

_OFFICIAL_NUMBER: Final = re.compile(r"467331234(\d\d)", re.ASCII)
_CAMEROONIAN_NUMBER: Final = re.compile(r"2376700000(\d\d)", re.ASCII)

# Two more than the official numbers, of which any other succeeds.
CAMEROONIAN_NUMBERS: Final = TEST_NUMBERS | {"65": "NOT_ENOUGH_FUNDS", "66": "PAYER_LIMIT_REACHED"}

# Payers who pay, and whose refunds then end so.
_REFUND_NUMBERS: Final = {
    "70": "PAYEE_NOT_FOUND",
    "71": "DELAYED",
    "72": "NOT_ENOUGH_FUNDS",
    "73": "PENDING",
}

_OFFICIAL: Final = {
    "requesttopay": TEST_NUMBERS,
    "deposit": _DEPOSIT_NUMBERS,
    "transfer": TRANSFER_NUMBERS,
    "refund": dict[str, str](),
    "preapproval": PREAPPROVAL_NUMBERS,
}
_CAMEROONIAN: Final = _OFFICIAL | {
    "requesttopay": CAMEROONIAN_NUMBERS,
    "refund": _REFUND_NUMBERS,
    "preapproval": PREAPPROVAL_NUMBERS | {"74": WITHDRAWN},
}


def outcome_for(kind: str, party: str, refunded: str = "") -> str:
    """What the tables say about a kind of resource: SUCCESSFUL for whatever is in none.

    `party` is whose wallet it is about (digits, no plus); `refunded` is what a refund is of.
    """
    if refunded in REFUND_REFERENCES:
        return REFUND_REFERENCES[refunded]
    if number := _OFFICIAL_NUMBER.fullmatch(party):
        return _OFFICIAL[kind].get(number[1], "SUCCESSFUL")
    if number := _CAMEROONIAN_NUMBER.fullmatch(party):
        return _CAMEROONIAN[kind].get(number[1], "SUCCESSFUL")
    return "SUCCESSFUL"


# What a script may ask for: how the payer behaves, or any reason of FAILED known to be used.
OUTCOMES: Final = (
    "SUCCESSFUL",
    *dict.fromkeys((*TEST_NUMBERS.values(), *TRANSFER_NUMBERS.values())),
    "AMOUNT_NOT_ALLOWED",
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
    "PAYEE_LIMIT_REACHED",
    "PAYMENT_NOT_APPROVED",
    "RESOURCE_ALREADY_EXIST",
    "RESOURCE_NOT_FOUND",
    "SENDER_ACCOUNT_NOT_ACTIVE",
    "TRANSACTION_CANCELED",
    "TRANSACTION_NOT_COMPLETED",
    "TRANSACTION_NOT_FOUND",
    "VALIDATION_ERROR",
    WITHDRAWN,  # of a pre-approval
)

# Official table of "active": what each kind of identifier is answered, by type.
_HOLDER_ANSWERS: Final = (
    "RESOURCE_NOT_FOUND",
    "INACTIVE",
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "INTERNAL_PROCESSING_ERROR",
    "SERVICE_UNAVAILABLE",
)
_HOLDERS: Final = {
    "msisdn": [f"467331234{suffix}" for suffix in range(50, 56)],
    "email": [
        "notfound@email.com",
        "notactive@email.com",
        "notallowed@email.com",
        "notallowedtargetenvironment@email.com",
        "internalprocessingerror@email.com",
        "serviceunavailable@email.com",
    ],
    "party_code": [
        "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc",
        "b0040b3c-b426-4a90-af6e-673e65861cd7",
        "4d5f500f-c385-4901-9be5-25b6d36ad220",
        "d2265f9b-0c22-496d-908f-79a65ad66266",
        "8f548a78-ceb8-4d12-a243-5640b91e91a4",
        "585c07a4-2c80-42f7-9e73-e586b36dee68",
    ],
}
HOLDERS: Final = {
    kind: dict(zip(holders, _HOLDER_ANSWERS, strict=True)) for kind, holders in _HOLDERS.items()
}
HOLDERS["msisdn"]["237670000055"] = "INACTIVE"  # ours: the Cameroonian payer who is not found

ERRORS: Final = {
    "RESOURCE_NOT_FOUND": (404, "Requested resource was not found."),
    "RESOURCE_ALREADY_EXIST": (409, "Duplicated reference id. Creation of resource failed."),
    "NOT_ALLOWED": (500, "Authorization failed. Insufficient permissions."),
    "NOT_ALLOWED_TARGET_ENVIRONMENT": (500, "Access to target environment is forbidden."),
    "INVALID_CALLBACK_URL_HOST": (500, "Callback URL does not match the configured value."),
    "INVALID_CURRENCY": (500, "Currency not supported."),
    "INTERNAL_PROCESSING_ERROR": (500, "An internal error occurred while processing."),
    "SERVICE_UNAVAILABLE": (503, "Service temporarily unavailable, try again later."),
}
