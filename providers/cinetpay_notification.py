"""CinetPay's notifications: a form of sixteen fields, signed in the header x-token.

https://docs.cinetpay.com/api/1.0-en/checkout/hmac
"""

import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from .boundary import ForgedCallback

# The signature is over their values, one behind the other in this order.
SIGNED_FIELDS: Final = (
    "cpm_site_id",
    "cpm_trans_id",
    "cpm_trans_date",
    "cpm_amount",
    "cpm_currency",
    "signature",
    "payment_method",
    "cel_phone_num",
    "cpm_phone_prefixe",
    "cpm_language",
    "cpm_version",
    "cpm_payment_config",
    "cpm_page_action",
    "cpm_custom",
    "cpm_designation",
    "cpm_error_message",
)

_LONGEST_BODY: Final = 20_000  # bytes
_TRANSACTION_ID: Final = re.compile(
    r"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(-[0-9])?"
)


def sign(fields: Mapping[str, str], secret_key: str) -> str:
    """The x-token of a notification: HMAC-SHA256 in hexadecimal. A missing field is empty."""
    signed = "".join(fields.get(name, "") for name in SIGNED_FIELDS)
    return hmac.new(secret_key.encode(), signed.encode(), "sha256").hexdigest()


def read_notification(
    headers: Mapping[str, str], body: bytes, site_id: str, secret_key: str
) -> str:
    """Our reference, out of the transaction_id. Raises ForgedCallback.

    An empty `secret_key` leaves the signature unchecked.
    """
    fields = _fields(body)
    if fields.get("cpm_site_id") != site_id:
        raise ForgedCallback("A CinetPay notification is about one's own site.")
    if secret_key:
        given = next((value for name, value in headers.items() if name.lower() == "x-token"), "")
        expected = sign(fields, secret_key)
        if not hmac.compare_digest(given.strip().lower().encode(), expected.encode()):
            raise ForgedCallback("The x-token of a CinetPay notification is wrong.")
    transaction_id = _TRANSACTION_ID.fullmatch(fields.get("cpm_trans_id", ""))
    if transaction_id is None:
        raise ForgedCallback("This transaction_id is none of ours.")
    return transaction_id[1]


def _fields(body: bytes) -> dict[str, str]:
    try:
        text = body.decode() if len(body) <= _LONGEST_BODY else ""
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:  # not UTF-8, or too many fields
        pairs = []
    if not pairs:
        raise ForgedCallback("A CinetPay notification is a form.")
    return dict(pairs)
