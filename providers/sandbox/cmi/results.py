"""What CMI tells a shop of a payment, by callback and by the payer's browser: the shop's own fields
and the result, signed."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from providers.cmi_hash import sign

from .orders import Order, Transaction
from .tables import ERRORS, MESSAGES, SHOPS


def answer_of(fields: Mapping[str, str], order: Order, line: Transaction) -> dict[str, str]:
    """What the shop is told, by callback and by browser: its own fields, and the result."""
    is_approved = line.state == "A"
    failed = line.state == "ERR"
    message = (
        "3-D Secure: authentification echouee" if failed else MESSAGES.get(line.return_code, "")
    )
    told = {
        "ReturnOid": order.oid,
        "TRANID": "",
        "PAResSyntaxOK": "true",
        "PAResVerified": "true",
        "Response": "Approved" if is_approved else "Error" if failed else "Declined",
        "ProcReturnCode": line.return_code,
        "AuthCode": line.authorisation_code,
        "HostRefNum": line.host_reference,
        "TransId": line.id,
        "acqStan": line.host_reference[-6:],
        "xid": secrets.token_hex(14),
        "mdStatus": order.md_status,
        "eci": "05" if order.md_status == "1" else "",
        "cavv": "",
        "maskedCreditCard": order.card,
        "EXTRA.TRXDATE": f"{datetime.fromtimestamp(line.authorised_at, UTC):%Y%m%d %H:%M:%S}",
        "EXTRA.CARDBRAND": "VISA" if order.card.startswith("4") else "MASTERCARD",
        "ErrMsg": message,
    }
    return _signed(fields, told)


def refusal_of(fields: Mapping[str, str], error: str) -> dict[str, str]:
    """The answer to a form that CMI refuses before any card is typed."""
    told = {
        "ReturnOid": fields["oid"],
        "Response": "Error",
        "ProcReturnCode": "99",
        "ErrMsg": ERRORS[error],
        "ErrorCode": error,
    }
    return _signed(fields, told)


def _signed(fields: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    sent = {name: value for name, value in fields.items() if name.lower() != "hash"}
    answer = {**sent, **told, "rnd": secrets.token_urlsafe(15)}
    return {**answer, "HASH": sign(answer, SHOPS[fields["clientid"]].store_key)}
