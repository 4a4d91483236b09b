"""Orders and refunds of the PayPal sandbox: their states, and PayPal's JSON for them.

Nothing here does I/O: each change is a function from a state to the next one.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from providers.money import to_decimal_string
from providers.sandbox.book import Movement
from providers.sandbox.script import Step

from .tables import COMPLETED, DECLINED, FAILED, PENDING

REVIEW: float = 1.0  # seconds that PayPal reviews a payment, where no script says how long
BUYER = "buyer@personal.example.com"


class Authorization(msgspec.Struct, frozen=True):
    """Money that is held."""

    id: str
    status: str


class Capture(msgspec.Struct, frozen=True):
    """Money that was taken, or is on its way."""

    id: str
    status: str
    amount: int  # minor units


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the book keeps it."""

    id: str
    client: str
    created: int  # unix seconds
    intent: str  # CAPTURE, AUTHORIZE
    amount: int  # minor units
    currency: str  # ISO 4217, upper case
    invoice_id: str
    custom_id: str
    description: str
    return_url: str
    cancel_url: str
    locale: str
    with_source: bool  # made with a payment source: what its links are called depends on it
    step: Step  # the script of the call that made it, followed to its end
    status: str
    choice: str = ""  # the button that its payer pressed
    authorization: Authorization | None = None
    capture: Capture | None = None
    due: float | None = None  # unix seconds at which a PENDING capture ends

    @property
    def reference(self) -> str:
        """What the client calls this payment: the name of its movement in the book."""
        return self.invoice_id or self.id

    @property
    def taken(self) -> int:
        """What was taken so far, in minor units."""
        done = self.capture is not None and self.capture.status == COMPLETED
        return self.capture.amount if self.capture is not None and done else 0


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as the book keeps it."""

    id: str
    client: str
    created: int  # unix seconds
    order: str
    capture: str
    amount: int  # minor units
    currency: str
    invoice_id: str
    custom_id: str
    step: Step
    status: str
    end: str = COMPLETED  # the status after `due`
    due: float | None = None

    @property
    def reference(self) -> str:
        """As `Order.reference`."""
        return self.invoice_id or self.id


def authorized(order: Order, authorization_id: str, outcome: str, now: float) -> Order:
    """The money is held, denied, or under review for a while."""
    status, due = _reviewed_until(order.step, outcome, now)
    shown = {DECLINED: "DENIED", COMPLETED: "CREATED"}.get(status, status)
    held = Authorization(authorization_id, shown)
    return replace(order, status="COMPLETED", authorization=held, due=due)


def captured(order: Order, capture_id: str, amount: int, outcome: str, now: float) -> Order:
    """The money is taken, declined, or under review for a while."""
    status, due = _reviewed_until(order.step, outcome, now)
    held = order.authorization
    if held is not None and status != DECLINED:
        held = replace(held, status="CAPTURED")
    taken = Capture(capture_id, status, amount)
    return replace(order, status="COMPLETED", capture=taken, authorization=held, due=due)


def reviewed(order: Order) -> Order:
    """What was PENDING is done."""
    if order.capture is not None:
        return replace(order, capture=replace(order.capture, status=COMPLETED), due=None)
    assert order.authorization is not None
    return replace(order, authorization=replace(order.authorization, status="CREATED"), due=None)


def _reviewed_until(step: Step, outcome: str, now: float) -> tuple[str, float | None]:
    """A payment's first status, and the unix time at which it changes if it will."""
    if outcome == PENDING or (step.delay and outcome == COMPLETED):
        return PENDING, now + (step.delay or REVIEW)
    return outcome, None


def begun(refund: Refund, outcome: str, now: float) -> Refund:
    """The refund is done, or on its way to its end."""
    delay = refund.step.delay
    if outcome == FAILED:
        return replace(refund, status=PENDING, end=FAILED, due=now + (delay or REVIEW))
    if outcome == PENDING or delay:
        return replace(refund, status=PENDING, due=now + (delay or REVIEW))
    return replace(refund, status=COMPLETED)


def ended(refund: Refund) -> Refund:
    """A refund that was PENDING has come to its end."""
    return replace(refund, status=refund.end, due=None)


def movements_of(subject: Order | Refund) -> tuple[Movement, ...]:
    """The movement with which `subject` has entered the state it is in."""
    if isinstance(subject, Refund):
        if subject.status != COMPLETED:
            return ()
        return (_movement(subject, subject.amount, "refund"),)
    return (_movement(subject, subject.taken, "charge"),) if subject.taken else ()


def _movement(subject: Order | Refund, amount: int, kind: str) -> Movement:
    return Movement(
        reference=subject.reference,
        amount=amount,
        currency=subject.currency.lower(),
        direction="in" if kind == "charge" else "out",
        kind=kind,
        payer=BUYER,
    )


# --- JSON -----------------------------------------------------------------------------------------


def show_order(order: Order, refunds: list[Refund], api: str, page: str) -> dict[str, Any]:
    """The order in PayPal's JSON. `api` is the base URL of the API, `page` that of the payer's."""
    unit: dict[str, Any] = {
        "reference_id": "default",
        "amount": money(order.amount, order.currency),
        **_ids(order),
    }
    if order.description:
        unit["description"] = order.description
    payments = _payments(order, refunds)
    if payments:
        unit["payments"] = payments
    shown: dict[str, Any] = {
        "id": order.id,
        "intent": order.intent,
        "status": order.status,
        "purchase_units": [unit],
        "create_time": _clock(order.created),
        "links": _links(order, api, page),
    }
    if order.choice:
        shown["payer"] = {"email_address": BUYER, "payer_id": payer_id(order)}
    if order.with_source:
        shown["payment_source"] = {"paypal": {}}
    return shown


def _payments(order: Order, refunds: list[Refund]) -> dict[str, Any]:
    payments: dict[str, Any] = {}
    if order.authorization is not None:
        payments["authorizations"] = [show_authorization(order)]
    if order.capture is not None:
        payments["captures"] = [show_capture(order, refunds)]
    if refunds:
        payments["refunds"] = [show_refund(refund) for refund in refunds]
    return payments


def show_authorization(order: Order) -> dict[str, Any]:
    """The authorization in PayPal's JSON."""
    assert order.authorization is not None
    return {
        "id": order.authorization.id,
        "status": order.authorization.status,
        "amount": money(order.amount, order.currency),
        **_ids(order),
        "create_time": _clock(order.created),
    }


def show_capture(order: Order, refunds: list[Refund]) -> dict[str, Any]:
    """The capture in PayPal's JSON; its status tells how much of it was given back."""
    assert order.capture is not None
    status, given_back = order.capture.status, given(refunds)
    if given_back:
        status = "REFUNDED" if given_back == order.capture.amount else "PARTIALLY_REFUNDED"
    return {
        "id": order.capture.id,
        "status": status,
        "amount": money(order.capture.amount, order.currency),
        **_ids(order),
        "final_capture": True,
        "create_time": _clock(order.created),
    }


def show_refund(refund: Refund) -> dict[str, Any]:
    """The refund in PayPal's JSON."""
    return {
        "id": refund.id,
        "status": refund.status,
        "amount": money(refund.amount, refund.currency),
        **_ids(refund),
        "create_time": _clock(refund.created),
    }


def given(refunds: list[Refund]) -> int:
    """What was given back, or is on its way, in minor units."""
    return sum(refund.amount for refund in refunds if refund.status != FAILED)


def payer_id(order: Order) -> str:
    """PayPal's id of the payer, as it comes back in the return URL."""
    return f"P{order.id[:12]}"


def money(amount: int, currency: str) -> dict[str, str]:
    """PayPal's JSON of an amount in minor units; all our currencies have two decimals."""
    return {"currency_code": currency, "value": to_decimal_string(amount, "eur")}


def _ids(subject: Order | Refund) -> dict[str, str]:
    ids = {"invoice_id": subject.invoice_id, "custom_id": subject.custom_id}
    return {name: value for name, value in ids.items() if value}


def _links(order: Order, api: str, page: str) -> list[dict[str, str]]:
    own = f"{api}/v2/checkout/orders/{order.id}"
    links = [{"href": own, "rel": "self", "method": "GET"}]
    if order.status in ("CREATED", "PAYER_ACTION_REQUIRED"):
        rel = "payer-action" if order.with_source else "approve"
        links.append({"href": page, "rel": rel, "method": "GET"})
    if order.status == "APPROVED":
        step = order.intent.lower()
        links.append({"href": f"{own}/{step}", "rel": step, "method": "POST"})
    return links


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
