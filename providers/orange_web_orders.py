"""Orders of Orange Money Web Payment: how one is made, and what Orange says of it.

Protocol: as in `orange_web`.
"""

import secrets
from base64 import b32encode
from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from uuid import UUID

import httpx
import msgspec

from .boundary import Answer, Charge, DeclineCode, Verdict
from .json_replies import decode, evidence
from .money import from_decimal_string, to_decimal_string
from .orange_web_account import SANDBOX, SANDBOX_CURRENCY, OrangeWebAccount

LONGEST_URL: Final = 120
_LONGEST_NAME: Final = 30

# What only Orange and we may know: with them one opens the page, or makes a notification up.
_HIDDEN: Final = ("pay_token", "notif_token", "payment_url")


def new_order_id(reference: str) -> str:
    """A name for a new order of our reference, and another one every time.

    Orange takes an order_id of at most 30 characters once, for ever, and a UUID has 36. So: the 26
    characters of its base32, from which it can be read back, and 4 random ones for this creation.
    """
    of_reference = b32encode(UUID(reference).bytes)[:26]
    of_creation = b32encode(secrets.token_bytes(3))[:4]
    return (of_reference + of_creation).decode().lower()


def build_order(
    account: OrangeWebAccount, token: str, charge: Charge, order_id: str
) -> httpx.Request:
    """POST .../webpayment. `reference`, there, is the name that the page shows."""
    body: dict[str, object] = {
        "merchant_key": account.merchant_key,
        "currency": _currency(account, charge),
        "order_id": order_id,
        "amount": _amount(charge),
        "return_url": charge.return_url,
        "cancel_url": _way_back(charge),
        "notif_url": charge.callback_url,
        "lang": charge.language,
    }
    shown = account.merchant_name or charge.description
    if shown:
        body["reference"] = shown[:_LONGEST_NAME]
    return _call(account, token, "webpayment", body)


def build_status(
    account: OrangeWebAccount, token: str, charge: Charge, order_id: str, pay_token: str
) -> httpx.Request:
    """POST .../transactionstatus. Orange wants all three values to be those of the order."""
    body = {"order_id": order_id, "amount": _amount(charge), "pay_token": pay_token}
    return _call(account, token, "transactionstatus", body)


def _call(
    account: OrangeWebAccount, token: str, call: str, body: Mapping[str, object]
) -> httpx.Request:
    return httpx.Request(
        "POST",
        f"{account.base_url.rstrip('/')}/orange-money-webpay/{account.country}/v1/{call}",
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        json=body,
    )


def _currency(account: OrangeWebAccount, charge: Charge) -> str:
    return SANDBOX_CURRENCY if account.country == SANDBOX else charge.currency.upper()


def _way_back(charge: Charge) -> str | None:
    """Of a payer who cancels: our address for them, unless it is longer than Orange takes."""
    fits = charge.cancel_url is not None and len(charge.cancel_url) <= LONGEST_URL
    return charge.cancel_url if fits else charge.return_url


def _amount(charge: Charge) -> int:
    """Orange wants a whole number, and every currency of COUNTRIES is in whole units."""
    return int(to_decimal_string(charge.amount, charge.currency))


class _Order(msgspec.Struct):
    pay_token: str
    payment_url: str


class _Error(msgspec.Struct):
    code: int = 0


def read_order(reply: httpx.Response, order_id: str) -> Answer:
    """PENDING with the page; a refusal is believed, and created nothing.

    1204, that the order_id was used, can only be news of a repetition of this very call on its way
    (a proxy's, say): nobody has the page of that order, so that a new one does no harm.
    """
    order = decode(reply.content, _Order) if reply.status_code in (200, 201) else None
    if order is not None and order.pay_token and order.payment_url.startswith("http"):
        return Answer(
            Verdict.PENDING,
            f"{order_id}:{order.pay_token}",
            redirect_url=order.payment_url,
            evidence=evidence(reply, hidden=_HIDDEN),
        )
    error = decode(reply.content, _Error, strict=False)
    code = error.code if error else 0
    said = evidence(reply, hidden=_HIDDEN, reason=code or None)
    match reply.status_code:
        case 403 if code == 1204:
            return Answer(Verdict.NOT_SENT, evidence=said)
        case 400 | 401 | 403:
            return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=said)
        case 429:
            return Answer(Verdict.NOT_SENT, evidence=said)
    return Answer(Verdict.UNKNOWN, evidence=said)


class _Status(msgspec.Struct):
    status: str
    order_id: str | None = None
    txnid: str | None = None
    amount: Decimal | None = None  # not documented here; of the notification in some countries

    def is_about(self, charge: Charge, order_id: str) -> bool:
        """Whether it speaks of the same order and, where it tells, of the same money."""
        if self.order_id not in (None, order_id):
            return False
        if self.amount is None:
            return True
        try:
            return from_decimal_string(str(self.amount), charge.currency) == charge.amount
        except ValueError:
            return False


def read_status(reply: httpx.Response, charge: Charge, order_id: str) -> Answer:
    """SUCCESS, FAILED and EXPIRED are final; INITIATED, PENDING and words of tomorrow are PENDING.

    An order that its payer leaves alone is INITIATED for ever, and the reply does not tell its age:
    whoever keeps time has to give it up once its token (10 minutes by default) is dead. EXPIRED is
    said only of a payer who confirmed after that. Orange gives no reason for FAILED.
    """
    body = decode(reply.content, _Status, strict=False)
    if reply.status_code not in (200, 201) or body is None or not body.is_about(charge, order_id):
        return Answer(Verdict.UNKNOWN, evidence=evidence(reply, hidden=_HIDDEN))
    said = evidence(reply, hidden=_HIDDEN)
    match body.status:
        case "SUCCESS":
            return Answer(Verdict.SUCCEEDED, body.txnid or None, evidence=said)
        case "FAILED":
            code = DeclineCode.PROVIDER_ERROR
        case "EXPIRED":
            code = DeclineCode.EXPIRED
        case word:
            return Answer(Verdict.PENDING, evidence=said, untouched=word == "INITIATED")
    said = evidence(reply, hidden=_HIDDEN, reason=body.status)
    return Answer(Verdict.DECLINED, None, code, evidence=said)
