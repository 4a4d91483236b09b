"""PayPal's orders: the payer approves one on PayPal's page, then we complete it.

Protocol: https://developer.paypal.com/docs/api/orders/v2. An order of the intent CAPTURE is paid by
`POST .../capture`, one of the intent AUTHORIZE held by `POST .../authorize`; until we send that
call no money moves, whatever the payer does.
"""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from .boundary import Answer, Charge, DeclineCode, Verdict
from .json_replies import decode
from .paypal_api import (
    AUTHORIZATION_ENDS,
    CAPTURE_ENDS,
    Access,
    Link,
    Money,
    Payment,
    approval_url,
    evidence,
    money,
    read_error,
    read_payment,
    read_refusal,
)

_LOCALES: Final = {"en": "en-US", "fr": "fr-FR"}
_LONGEST_DESCRIPTION: Final = 127


def build_order(access: Access, charge: Charge) -> httpx.Request:
    """POST /v2/checkout/orders.

    Our reference is the PayPal-Request-Id and the invoice. PayPal forgets a request id after some
    hours; that one invoice can't be paid twice holds for ever (unless the account switched it off).
    """
    unit: dict[str, Any] = {
        "amount": money(charge.amount, charge.currency),
        "invoice_id": charge.reference,
        "custom_id": charge.external_id or charge.reference,
    }
    if charge.description:
        unit["description"] = charge.description[:_LONGEST_DESCRIPTION]
    experience = {
        "user_action": "PAY_NOW",
        "shipping_preference": "NO_SHIPPING",
        "locale": _LOCALES.get(charge.language, "en-US"),
    }
    if charge.return_url:
        back = charge.cancel_url or charge.return_url
        experience |= {"return_url": charge.return_url, "cancel_url": back}
    body = {
        "intent": "CAPTURE" if charge.capture else "AUTHORIZE",
        "purchase_units": [unit],
        "payment_source": {"paypal": {"experience_context": experience}},
    }
    return access.post("/v2/checkout/orders", body, charge.reference)


def build_look_up(access: Access, order_id: str) -> httpx.Request:
    """GET /v2/checkout/orders/{id}."""
    return access.get(_path(order_id))


def build_completion(access: Access, charge: Charge, order_id: str) -> httpx.Request:
    """Capture or authorize an approved order.

    The request id is derived from our reference, so that however often it is sent, PayPal does it
    once.
    """
    step = "capture" if charge.capture else "authorize"
    return access.post(f"{_path(order_id)}/{step}", {}, f"{charge.reference}-{step}")


def _path(order_id: str) -> str:
    return f"/v2/checkout/orders/{quote(order_id, safe='')}"


class _Payments(msgspec.Struct):
    authorizations: list[Payment] = []
    captures: list[Payment] = []
    refunds: list[Payment] = []


class _PurchaseUnit(msgspec.Struct):
    amount: Money | None = None
    invoice_id: str = ""
    payments: _Payments = msgspec.field(default_factory=_Payments)


class Order(msgspec.Struct):
    """An order; ours have one purchase unit."""

    id: str
    status: str
    purchase_units: list[_PurchaseUnit] = []
    links: list[Link] = []

    @property
    def payments(self) -> _Payments:
        """What was held, taken and given back."""
        return self.purchase_units[0].payments if self.purchase_units else _Payments()

    def is_of(self, charge: Charge) -> bool:
        """Whether it is about this charge: our reference and our money. What a reply leaves out is
        not held against it, as the reply to a completion may have the payments alone."""
        return len(self.purchase_units) <= 1 and all(
            unit.invoice_id in ("", charge.reference)
            and (unit.amount is None or unit.amount.is_about(charge.amount, charge.currency))
            for unit in self.purchase_units
        )


def read_order_in(reply: httpx.Response) -> Order | None:
    """The order that a successful reply shows."""
    return decode(reply.content, Order) if reply.status_code in (200, 201) else None


def read_creation(charge: Charge, reply: httpx.Response) -> Answer:
    """The verdict on a new order: PENDING, and where its payer goes. A refused order is DECLINED,
    as there is nothing that anybody could pay."""
    order = read_order_in(reply)
    if order is None:
        return read_error(reply)
    return read_order(charge, order, reply)


def read_look_up(charge: Charge, reply: httpx.Response) -> Answer:
    """The verdict on an order that was asked for. Anything but an order is UNKNOWN, "not found"
    too: how long PayPal shows an order is not documented, and a wrong account finds none either."""
    order = read_order_in(reply)
    if order is None:
        return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=evidence(reply))
    return read_order(charge, order, reply)


def read_completion(charge: Charge, order: Order, reply: httpx.Response) -> Answer:
    """The verdict on the completion of an approved `order`.

    What PayPal refused is DECLINED, unless the payer only has to go back to the page. As this is
    part of a look-up, what was not done yet is never "not sent".
    """
    completed = read_order_in(reply)
    if completed is not None:
        return read_order(charge, completed, reply)
    refusal = read_refusal(reply)
    if reply.status_code == 422 and refusal is not None:
        if refusal.issue in ("ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED"):
            page = approval_url(refusal.links) or approval_url(order.links)
            return _waiting(order.id, page, reply)
        return replace(read_error(reply), provider_reference=order.id)
    return Answer(Verdict.UNKNOWN, order.id, evidence=evidence(reply))


def read_order(charge: Charge, order: Order, reply: httpx.Response) -> Answer:
    """The verdict on an order, which must be the one of this charge."""
    if not order.is_of(charge):
        return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=evidence(reply))
    match order.status:
        case "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED":
            return _waiting(order.id, approval_url(order.links), reply)
        case "APPROVED":
            return Answer(Verdict.PENDING, order.id, evidence=evidence(reply))
        case "COMPLETED":
            return _read_completed(charge, order, reply)
        case "VOIDED":
            expired = DeclineCode.EXPIRED
            return Answer(Verdict.DECLINED, order.id, expired, evidence=evidence(reply))
    return Answer(Verdict.UNKNOWN, order.id, evidence=evidence(reply))


def _waiting(order_id: str, page: str | None, reply: httpx.Response) -> Answer:
    """An order that its payer has yet to approve."""
    return Answer(
        Verdict.PENDING, order_id, redirect_url=page, evidence=evidence(reply), untouched=True
    )


def _read_completed(charge: Charge, order: Order, reply: httpx.Response) -> Answer:
    """The verdict on a completed order: that of its only capture, or of its only authorization."""
    payments = order.payments.captures if charge.capture else order.payments.authorizations
    if len(payments) != 1:
        return Answer(Verdict.UNKNOWN, order.id, evidence=evidence(reply))
    ends = CAPTURE_ENDS if charge.capture else AUTHORIZATION_ENDS
    answer = read_payment(payments[0], ends, charge.amount, charge.currency, reply)
    return replace(answer, provider_reference=order.id)
