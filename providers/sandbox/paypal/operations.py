"""What the PayPal sandbox does for each call of Orders v2 and Payments v2.

An operation is a function from an authenticated call to an `Effect`. It reads the book and writes
nothing, so that whoever runs it can record the effect and the request id in one line.
"""

import re
import secrets
import string
from time import time
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from providers.sandbox.book import Book

from .bodies import CaptureBody, OrderBody, RefundBody
from .calls import ApiCall, Effect, Operation, invalid, not_found, unprocessable
from .resources import (
    Order,
    Refund,
    authorized,
    begun,
    captured,
    given,
    movements_of,
    show_authorization,
    show_capture,
    show_order,
    show_refund,
)
from .tables import (
    AMOUNTS,
    CANCEL,
    CHOICES,
    COMPLETED,
    COMPLETION_REFUSALS,
    DECLINED,
    FAILED,
    ISSUES,
    PENDING,
    REFUND_REFUSALS,
)

_COMPLETIONS: Final = (COMPLETED, DECLINED, PENDING, *COMPLETION_REFUSALS)
_REFUNDINGS: Final = (COMPLETED, PENDING, FAILED, *REFUND_REFUSALS)
_ID_SIGNS: Final = string.ascii_uppercase + string.digits
_LONGEST_TEXT: Final = 127


class Operations:
    """The operations, over the orders and refunds in the book."""

    def __init__(self, book: Book, public_url: str) -> None:
        """`public_url` is where a payer's browser, and clients, find this PSP."""
        self._book = book
        self._public_url = public_url
        order, payments = r"/v2/checkout/orders", r"/v2/payments"
        self._table: list[tuple[str, re.Pattern[str], Operation]] = [
            ("POST", re.compile(order), self._create),
            ("GET", re.compile(rf"{order}/([A-Z0-9]+)"), self._show),
            ("POST", re.compile(rf"{order}/([A-Z0-9]+)/capture"), self._complete_capture),
            ("POST", re.compile(rf"{order}/([A-Z0-9]+)/authorize"), self._complete_authorization),
            ("GET", re.compile(rf"{payments}/authorizations/(\w+)"), self._show_authorization),
            ("POST", re.compile(rf"{payments}/authorizations/(\w+)/capture"), self._capture),
            ("POST", re.compile(rf"{payments}/authorizations/(\w+)/void"), self._void),
            ("GET", re.compile(rf"{payments}/captures/(\w+)"), self._show_capture),
            ("POST", re.compile(rf"{payments}/captures/(\w+)/refund"), self._refund),
            ("GET", re.compile(rf"{payments}/refunds/(\w+)"), self._show_refund),
        ]

    def route(self, method: str, path: str) -> tuple[Operation, str]:
        """The operation at `path` and the id in it (or ""). Raises Refused if there is none."""
        for allowed, pattern, operation in self._table:
            if allowed == method and (match := pattern.fullmatch(path)):
                return operation, match.group(1) if pattern.groups else ""
        raise not_found()

    def order(self, order_id: str) -> Order | None:
        """The order of any app."""
        state = self._book.resource("order", order_id)
        return None if state is None else msgspec.convert(state, Order)

    def refund(self, refund_id: str) -> Refund | None:
        """The refund of any app."""
        state = self._book.resource("refund", refund_id)
        return None if state is None else msgspec.convert(state, Refund)

    def refunds_of(self, order: Order) -> list[Refund]:
        """The refunds of an order, oldest first."""
        states = self._book.resources("refund").values()
        return [msgspec.convert(s, Refund) for s in states if s["order"] == order.id]

    def page_of(self, order: Order) -> str:
        """Where the payer of an order goes."""
        return f"{self._public_url}/checkoutnow?token={order.id}"

    def shown(self, subject: Order | Refund) -> dict[str, Any]:
        """An order or refund in PayPal's JSON."""
        if isinstance(subject, Refund):
            return show_refund(subject)
        refunds = self.refunds_of(subject)
        return show_order(subject, refunds, self._public_url, self.page_of(subject))

    def _create(self, call: ApiCall) -> Effect:
        body = call.decode(OrderBody)
        if body.intent not in ("CAPTURE", "AUTHORIZE"):
            raise invalid("INVALID_PARAMETER_VALUE", "/intent")
        if len(body.purchase_units) != 1:
            raise invalid("INVALID_ARRAY_MAX_ITEMS", "/purchase_units")
        if body.payment_source is not None and not call.request_id:
            raise invalid("PAYPAL_REQUEST_ID_REQUIRED")
        unit = body.purchase_units[0]
        _check_texts(unit.invoice_id, unit.custom_id, unit.description)
        experience = body.experience
        order = Order(
            id=_new_id(),
            client=call.client,
            created=int(time()),
            intent=body.intent,
            amount=unit.amount.minor_units(),
            currency=unit.amount.currency_code,
            invoice_id=unit.invoice_id,
            custom_id=unit.custom_id,
            description=unit.description,
            return_url=experience.return_url,
            cancel_url=experience.cancel_url,
            locale=experience.locale,
            with_source=body.payment_source is not None,
            step=call.step,
            status="CREATED" if body.payment_source is None else "PAYER_ACTION_REQUIRED",
        )
        # With a payment source PayPal answers 200, as there is more to do; 201 without.
        return Effect(200 if order.with_source else 201, self.shown(order), order)

    def _show(self, call: ApiCall) -> Effect:
        return Effect(200, self.shown(self._order_of(call)))

    def _complete_capture(self, call: ApiCall) -> Effect:
        order = self._order_of(call)
        if order.capture is not None:
            raise unprocessable("ORDER_ALREADY_CAPTURED")
        outcome = self._outcome(call, order, "CAPTURE")
        order = captured(order, _new_id(), order.amount, outcome, time())
        return self._leave(201, order, self.shown(order), _event_of_capture(order))

    def _complete_authorization(self, call: ApiCall) -> Effect:
        order = self._order_of(call)
        if order.authorization is not None:
            raise unprocessable("ORDER_ALREADY_AUTHORIZED")
        outcome = self._outcome(call, order, "AUTHORIZE")
        order = authorized(order, _new_id(), outcome, time())
        return self._leave(201, order, self.shown(order), "PAYMENT.AUTHORIZATION.CREATED")

    def _outcome(self, call: ApiCall, order: Order, intent: str) -> str:
        """How the completion of an approved order ends, or refuse."""
        if order.intent != intent:
            raise unprocessable("ACTION_DOES_NOT_MATCH_INTENT")
        if order.status != "APPROVED":
            raise unprocessable("ORDER_NOT_APPROVED")
        if order.invoice_id and self._invoice_is_paid(order):
            raise unprocessable("DUPLICATE_INVOICE_ID")
        if call.mock:
            raise unprocessable(call.mock)
        of_the_payer = order.choice if order.choice != COMPLETED else ""
        wishes = (call.step.outcome, order.step.outcome, of_the_payer, AMOUNTS.get(order.amount))
        outcome = next((wish for wish in wishes if wish in _COMPLETIONS), COMPLETED)
        if outcome in COMPLETION_REFUSALS:
            back = self.page_of(order) if outcome == "PAYER_ACTION_REQUIRED" else ""
            raise unprocessable(outcome, back)
        return outcome

    def _invoice_is_paid(self, order: Order) -> bool:
        """Whether another order of this app has been completed for the same invoice."""
        return any(
            state["invoice_id"] == order.invoice_id
            and state["client"] == order.client
            and state["status"] == "COMPLETED"
            for state in self._book.resources("order").values()
        )

    def _show_authorization(self, call: ApiCall) -> Effect:
        return Effect(200, show_authorization(self._order_with("authorization", call)))

    def _capture(self, call: ApiCall) -> Effect:
        order = self._order_with("authorization", call)
        assert order.authorization is not None
        match order.authorization.status:
            case "VOIDED":
                raise unprocessable("AUTHORIZATION_VOIDED")
            case "DENIED" | "PENDING":
                raise unprocessable("AUTHORIZATION_DENIED")
        if order.capture is not None:  # our captures are final
            raise unprocessable("AUTHORIZATION_ALREADY_CAPTURED")
        if call.mock:
            raise unprocessable(call.mock)
        amount = call.decode(CaptureBody).amount
        taken = order.amount if amount is None else amount.minor_units()
        if amount is not None and amount.currency_code != order.currency:
            raise unprocessable("AUTH_CAPTURE_CURRENCY_MISMATCH")
        if taken > order.amount:  # PayPal allows a little more; this sandbox does not
            raise unprocessable("MAX_CAPTURE_AMOUNT_EXCEEDED")
        outcome = call.step.outcome if call.step.outcome in _COMPLETIONS else COMPLETED
        if outcome in COMPLETION_REFUSALS:
            raise unprocessable(outcome)
        order = captured(order, _new_id(), taken, outcome, time())
        return self._leave(201, order, show_capture(order, []), _event_of_capture(order))

    def _void(self, call: ApiCall) -> Effect:
        order = self._order_with("authorization", call)
        assert order.authorization is not None
        if order.capture is not None:
            raise unprocessable("PREVIOUSLY_CAPTURED")
        if order.authorization.status == "VOIDED":
            raise unprocessable("PREVIOUSLY_VOIDED")
        order = replace(order, authorization=replace(order.authorization, status="VOIDED"))
        body = show_authorization(order)
        return Effect(200, body, order, event="PAYMENT.AUTHORIZATION.VOIDED")

    def _show_capture(self, call: ApiCall) -> Effect:
        order = self._order_with("capture", call)
        return Effect(200, show_capture(order, self.refunds_of(order)))

    def _refund(self, call: ApiCall) -> Effect:
        order = self._order_with("capture", call)
        assert order.capture is not None
        body = call.decode(RefundBody)
        _check_texts(body.invoice_id, body.custom_id)
        if order.capture.status == PENDING:
            raise unprocessable("PENDING_CAPTURE")
        if order.capture.status != COMPLETED:
            raise unprocessable("REFUND_NOT_ALLOWED")
        refunds = self.refunds_of(order)
        left = order.capture.amount - given(refunds)
        if left == 0:
            raise unprocessable("CAPTURE_FULLY_REFUNDED")
        amount = left if body.amount is None else body.amount.minor_units()
        if body.amount is not None and body.amount.currency_code != order.currency:
            raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH")
        if amount > left:
            raise unprocessable("REFUND_AMOUNT_EXCEEDED")
        if body.invoice_id and any(r.invoice_id == body.invoice_id for r in refunds):
            raise unprocessable("DUPLICATE_INVOICE_ID")
        outcome = call.mock or call.step.outcome or COMPLETED
        if outcome not in _REFUNDINGS:
            outcome = COMPLETED
        if outcome in REFUND_REFUSALS:
            raise unprocessable(outcome)
        refund = Refund(
            id=_new_id(),
            client=call.client,
            created=int(time()),
            order=order.id,
            capture=order.capture.id,
            amount=amount,
            currency=order.currency,
            invoice_id=body.invoice_id,
            custom_id=body.custom_id,
            step=call.step,
            status=PENDING,
        )
        refund = begun(refund, outcome, time())
        event = "PAYMENT.CAPTURE.REFUNDED" if refund.status == COMPLETED else ""
        return self._leave(201, refund, show_refund(refund), event)

    def _show_refund(self, call: ApiCall) -> Effect:
        refund = self.refund(call.id)
        if refund is None or refund.client != call.client:
            raise not_found()
        return Effect(200, show_refund(refund))

    def _order_of(self, call: ApiCall) -> Order:
        order = self.order(call.id)
        if order is None or order.client != call.client:
            raise not_found()
        return order

    def _order_with(self, kind: str, call: ApiCall) -> Order:
        """The order whose authorization or capture has the id of the call."""
        for state in self._book.resources("order").values():
            payment = state[kind]
            if payment and payment["id"] == call.id and state["client"] == call.client:
                return msgspec.convert(state, Order)
        raise not_found()

    def _leave(
        self, status: int, subject: Order | Refund, body: dict[str, Any], event: str
    ) -> Effect:
        return Effect(status, body, subject, movements_of(subject), event)


def pressed(order: Order, choice: str) -> Order:
    """The payer has pressed a button of the page; one that CHOICES does not have does nothing."""
    open_to_payer = order.status in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED")
    if choice == CANCEL or choice not in CHOICES or not open_to_payer:
        return order
    return replace(order, status="APPROVED", choice=choice)


def known_issue(word: str) -> str:
    """`word` if it is an issue that a call can be made to refuse with, else ""."""
    return word if word in ISSUES else ""


def _event_of_capture(order: Order) -> str:
    assert order.capture is not None
    status = "DENIED" if order.capture.status == DECLINED else order.capture.status
    return f"PAYMENT.CAPTURE.{status}"


def _check_texts(*texts: str) -> None:
    if any(len(text) > _LONGEST_TEXT for text in texts):
        raise invalid("INVALID_STRING_LENGTH")


def _new_id() -> str:
    return "".join(secrets.choice(_ID_SIGNS) for _ in range(17))
