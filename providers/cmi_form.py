"""What passes between a merchant and CMI by way of the payer's browser, and CMI's callback.

The browser posts a signed form to CMI's page, where the card is typed and 3-D Secure is done. CMI
then calls back, server to server, and does what the answer says: an authorised amount is taken
only when the answer tells it to. Last, the browser is posted back to `okUrl` or `failUrl`.

Source: CMI's PHP and Node kits, as no public document of CMI's exists.
"""

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from .boundary import Charge, Form
from .cmi_account import CURRENCY_NUMBERS, CmiAccount, order_id
from .cmi_hash import is_signed, sign
from .money import from_decimal_string, to_decimal_string

PAGE: Final = "/fim/est3Dgate"

CAPTURE: Final = "ACTION=POSTAUTH"  # take the authorised amount
RECEIVED: Final = "APPROVED"  # leave it as it is: held, or refused
CANCEL: Final = "FAILURE"  # release what was authorised

# 3-D Secure: 1 is a full authentication; 2, 3 and 4 are cards or banks not enrolled, and attempts.
# Whatever else there is (0, 5, 6, 7, 8) failed.
AUTHENTICATED: Final = frozenset({"1", "2", "3", "4"})

_LONGEST_CALLBACK: Final = 65_536  # bytes
_MOST_FIELDS: Final = 500


def build_form(account: CmiAccount, charge: Charge) -> Form:
    """The signed form of an attempt. Raises KeyError for a currency that CMI has not.

    `rnd` is there to make forms differ; ours is derived from the reference under the store key, so
    that the form of a charge is always the same. The kits send `callbackUrl` in three spellings;
    this is the commonest, and what is sent is what is signed.
    """
    back = charge.return_url or charge.form_url or ""
    fields = {
        "clientid": account.client_id,
        "storetype": "3D_PAY_HOSTING",
        "TranType": "PreAuth",
        "amount": to_decimal_string(charge.amount, charge.currency),
        "currency": CURRENCY_NUMBERS[charge.currency],
        "oid": order_id(charge.reference),
        "okUrl": back,
        "failUrl": back,
        "shopurl": charge.cancel_url or back,  # of a payer who gives up
        "callbackUrl": charge.callback_url or "",
        "lang": charge.language,
        "rnd": _rnd(account, charge),
        "hashAlgorithm": "ver3",
        "encoding": "UTF-8",
        "refreshtime": "5",  # seconds until the page goes back to the shop by itself
        "AutoRedirect": "true",
        **_billing(charge),
    }
    fields["HASH"] = sign(fields, account.store_key)
    return Form(account.base_url.rstrip("/") + PAGE, fields)


def _billing(charge: Charge) -> dict[str, str]:
    """The payer, as far as known. The kits never leave out the first two, empty or not."""
    billing = charge.billing
    required = {"BillToName": billing.name, "email": billing.email}
    optional = {
        "BillToStreet1": billing.line1,
        "BillToCity": billing.city,
        "BillToStateProv": billing.state,
        "BillToPostalCode": billing.postal_code,
        "BillToCountry": billing.country,
        "tel": billing.phone,
    }
    fields = required | {name: value for name, value in optional.items() if value}
    # On one line: a browser rewrites line breaks as it posts them, and the hash would not agree.
    return {name: " ".join(value.split()) for name, value in fields.items()}


def _rnd(account: CmiAccount, charge: Charge) -> str:
    return hmac.digest(account.store_key.encode(), charge.reference.encode(), "sha256").hex()[:20]


def read_callback(account: CmiAccount, body: bytes) -> dict[str, str] | None:
    """The fields of a callback signed with the store key; None for anything else.

    UTF-8, form-encoded. A name may come once only: of two values, nobody could say which was meant.
    """
    if len(body) > _LONGEST_CALLBACK:
        return None
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:  # not UTF-8, or too many fields
        return None
    fields = dict(pairs)
    whole = len(fields) == len(pairs) and is_signed(fields, account.store_key)
    return fields if whole else None


def reply_to(account: CmiAccount, charge: Charge | None, fields: Mapping[str, str] | None) -> str:
    """What to answer a callback with. `fields` None: it was not signed by CMI.

    An approval without an authentication that counts is given back: we would never take it.
    """
    if fields is None or charge is None or not _is_about(account, charge, fields):
        return CANCEL
    if fields.get("ProcReturnCode") != "00" or fields.get("Response") != "Approved":
        return RECEIVED
    if fields.get("mdStatus") not in AUTHENTICATED:
        return CANCEL
    return CAPTURE if charge.capture else RECEIVED


def _is_about(account: CmiAccount, charge: Charge, fields: Mapping[str, str]) -> bool:
    """Whether a callback speaks of this shop, this attempt and this money."""
    try:
        amount = from_decimal_string(fields.get("amount", ""), charge.currency)
    except ValueError:
        return False
    return (
        fields.get("clientid") == account.client_id
        and fields.get("oid") == order_id(charge.reference)
        and amount == charge.amount
        and fields.get("currency") == CURRENCY_NUMBERS.get(charge.currency)
    )
