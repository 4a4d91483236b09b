"""PayPal's payments: taking or releasing what an order holds, and giving back what it took.

Protocol: https://developer.paypal.com/docs/api/payments/v2.
"""

from dataclasses import replace
from urllib.parse import quote

import httpx

from .boundary import Answer, DeclineCode, Refund, Verdict
from .json_replies import decode
from .paypal_api import (
    CAPTURE_ENDS,
    REFUND_ENDS,
    Access,
    Payment,
    evidence,
    money,
    read_error,
    read_payment,
    read_refusal,
)
from .paypal_orders import Order, read_order_in


def build_capture(
    access: Access, authorization_id: str, reference: str, amount: int, currency: str
) -> httpx.Request:
    """Take `amount` (minor units) of what is held; as it is the final capture, PayPal releases the
    rest."""
    body = {"amount": money(amount, currency), "final_capture": True}
    path = f"/v2/payments/authorizations/{quote(authorization_id, safe='')}/capture"
    return access.post(path, body, reference)


def build_void(access: Access, authorization_id: str) -> httpx.Request:
    """Release what is held. The call has no request id: voiding twice is refused as such."""
    return access.post(f"/v2/payments/authorizations/{quote(authorization_id, safe='')}/void", {})


def build_refund(access: Access, refund: Refund, capture_id: str) -> httpx.Request:
    """Give back a part of a capture, or all of it. Our reference is request id and invoice, as with
    an order; by the invoice a refund whose answer was lost is found in its order."""
    body = {
        "amount": money(refund.amount, refund.charge.currency),
        "invoice_id": refund.reference,
        "custom_id": refund.external_id or refund.reference,
    }
    path = f"/v2/payments/captures/{quote(capture_id, safe='')}/refund"
    return access.post(path, body, refund.reference)


def build_look_up_refund(access: Access, refund_id: str) -> httpx.Request:
    """GET /v2/payments/refunds/{id}."""
    return access.get(f"/v2/payments/refunds/{quote(refund_id, safe='')}")


def read_capture(order_id: str, amount: int, currency: str, reply: httpx.Response) -> Answer:
    """The verdict on a capture: SUCCEEDED when exactly `amount` was taken. The reference stays that
    of the order."""
    payment = _payment_in(reply)
    if payment is None:
        answer = _of_a_change(reply)
    else:
        answer = read_payment(payment, CAPTURE_ENDS, amount, currency, reply)
    return replace(answer, provider_reference=order_id)


def read_void(order_id: str, reply: httpx.Response) -> Answer:
    """SUCCEEDED when nothing is held (any more), DECLINED when the money has been taken.

    PayPal answers 200 when the whole authorization was asked for, 204 without a body otherwise.
    """
    refusal = read_refusal(reply)
    voided = refusal is not None and refusal.issue == "PREVIOUSLY_VOIDED"
    if reply.status_code in (200, 204) or voided:
        return Answer(Verdict.SUCCEEDED, order_id, evidence=evidence(reply))
    return replace(_of_a_change(reply), provider_reference=order_id)


def read_refund(refund: Refund, reply: httpx.Response) -> Answer:
    """The verdict on the call that sends a refund."""
    payment = _payment_in(reply)
    return _of_a_change(reply) if payment is None else _read_refund(refund, payment, reply)


def read_look_up_refund(refund: Refund, reply: httpx.Response) -> Answer:
    """The verdict on a refund asked for by its id; anything else is UNKNOWN."""
    payment = _payment_in(reply)
    if payment is None:
        return Answer(Verdict.UNKNOWN, refund.provider_reference, evidence=evidence(reply))
    return _read_refund(refund, payment, reply)


def read_refund_in_order(refund: Refund, reply: httpx.Response) -> Answer:
    """The verdict on a refund sought in its order, which shows its refunds (all, we assume, and at
    once). An order without the capture it was paid by shows too little to say "never seen"."""
    order = read_order_in(reply)
    if order is None or not order.is_of(refund.charge) or only_capture(order) is None:
        return Answer(Verdict.UNKNOWN, evidence=evidence(reply))
    for payment in order.payments.refunds:
        if payment.invoice_id == refund.reference:
            return _read_refund(refund, payment, reply)
    found = len(order.payments.refunds)
    return Answer(Verdict.NOT_SENT, evidence={**evidence(reply), "other_refunds": found})


def cancel_empty(order: Order, reply: httpx.Response) -> Answer:
    """The cancellation of an order that holds nothing: done, unless it was paid at once."""
    if not order.payments.captures and order.status != "COMPLETED":
        return Answer(Verdict.SUCCEEDED, order.id, evidence=evidence(reply))
    return Answer(Verdict.DECLINED, order.id, DeclineCode.PROVIDER_ERROR, evidence=evidence(reply))


def only_capture(order: Order) -> Payment | None:
    """What was taken: ours is one capture, direct or of an authorization."""
    captures = order.payments.captures
    return captures[0] if len(captures) == 1 else None


def _read_refund(refund: Refund, payment: Payment, reply: httpx.Response) -> Answer:
    return read_payment(payment, REFUND_ENDS, refund.amount, refund.charge.currency, reply)


def _payment_in(reply: httpx.Response) -> Payment | None:
    return decode(reply.content, Payment) if reply.status_code in (200, 201) else None


def _of_a_change(reply: httpx.Response) -> Answer:
    """The verdict on a change that did not show what it made."""
    if reply.status_code < 400:
        return Answer(Verdict.UNKNOWN, evidence=evidence(reply))
    return read_error(reply)
