"""What the card sandbox does for each operation of Stripe's API that it speaks.

An operation is a function from an authenticated call to an `Effect`. It reads the book and writes
nothing, so that whoever runs it can record the effect and the idempotency key in one line.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any
from uuid import uuid4

import msgspec

from .book import Book, Movement
from .card_intents import Intent, as_json, canceled, captured, card_error, confirm
from .card_table import DECLINES, Authentication, SandboxCard, card_of_alias, card_of_number
from .script import Step

NOT_INDEXED = "not_indexed"  # the outcome of a search that came too early

_CREATE_PARAMETERS = frozenset(
    {
        "amount", "automatic_payment_methods", "capture_method", "confirm", "currency",
        "description", "error_on_requires_action", "metadata", "off_session", "payment_method",
        "payment_method_data", "return_url",
    }
)  # fmt: skip
_SEARCH = re.compile(r"""metadata\[['"]([^'"]+)['"]\]\s*:\s*['"]([^'"]*)['"]""")


class Refused(Exception):
    """A request that is refused before anything is made. Its idempotency key stays free."""

    def __init__(self, status: int, message: str, **error: Any) -> None:
        """`error` holds more fields of Stripe's error object: code, param, another type."""
        super().__init__(message)
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, **error}


@dataclass(frozen=True, slots=True)
class ApiCall:
    """An authenticated request. `form` is flat: `{"metadata[reference]": "..."}`."""

    account: str
    id: str  # of the object in the path; empty if there is none
    form: Mapping[str, str]
    step: Step


@dataclass(frozen=True, slots=True)
class Effect:
    """The answer to a request, and what becomes true with it."""

    status: int
    body: dict[str, Any]
    intent: Intent | None = None
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)  # by payment method
    movements: tuple[Movement, ...] = ()


Operation = Callable[[ApiCall], Effect]


class CardOperations:
    """The operations, over the intents and cards in the book."""

    def __init__(self, book: Book, public_url: str) -> None:
        """`public_url` is where a payer's browser finds the 3-D Secure pages."""
        self._book = book
        self._public_url = public_url
        self._table: list[tuple[str, re.Pattern[str], Operation]] = [
            ("POST", re.compile(r"/v1/payment_intents"), self._create),
            ("GET", re.compile(r"/v1/payment_intents/search"), self._search),
            ("GET", re.compile(r"/v1/payment_intents/(\w+)"), self._retrieve),
            ("POST", re.compile(r"/v1/payment_intents/(\w+)/capture"), self._capture),
            ("POST", re.compile(r"/v1/payment_intents/(\w+)/cancel"), self._cancel),
            ("POST", re.compile(r"/v1/payment_methods"), self._create_payment_method),
        ]

    def route(self, method: str, path: str) -> tuple[Operation, str]:
        """The operation at `path` and the id in it (or ""). Raises Refused if there is none."""
        for allowed, pattern, operation in self._table:
            if allowed == method and (match := pattern.fullmatch(path)):
                return operation, match.group(1) if pattern.groups else ""
        raise Refused(404, f"Unrecognized request URL ({method}: {path}).")

    def find(self, intent_id: str) -> Intent | None:
        """The intent of any account."""
        state = self._book.resource("intent", intent_id)
        return None if state is None else msgspec.convert(state, Intent)

    def leave(self, intent: Intent) -> Effect:
        """Leave `intent` as it is now: the answer is itself, or its card's refusal."""
        body = self.show(intent)
        if intent.decline is None:
            return Effect(200, body, intent, movements=_taken(intent))
        error = {**card_error(intent, DECLINES[intent.decline]), "payment_intent": body}
        return Effect(402, {"error": error}, intent)

    def show(self, intent: Intent) -> dict[str, Any]:
        """The intent in Stripe's JSON."""
        return as_json(intent, f"{self._public_url}/3ds/{intent.id}")

    def _create(self, call: ApiCall) -> Effect:
        _check_names(call.form)
        if call.form.get("confirm") != "true":
            raise Refused(400, "This sandbox confirms what it creates.", param="confirm")
        payment_method, card = self._card(call)
        intent = Intent(
            id=f"pi_{uuid4().hex[:24]}",
            account=call.account,
            created=int(time()),
            amount=_positive(call.form, "amount"),
            currency=_required(call.form, "currency").lower(),
            payment_method=payment_method,
            manual_capture=call.form.get("capture_method") == "manual",
            metadata=_hash(call.form, "metadata"),
            description=call.form.get("description"),
            return_url=call.form.get("return_url"),
            step=call.step,
        )
        tried = confirm(
            intent,
            card,
            off_session=call.form.get("off_session") == "true",
            refuse_action=call.form.get("error_on_requires_action") == "true",
            now=time(),
        )
        return self.leave(tried)

    def _retrieve(self, call: ApiCall) -> Effect:
        return Effect(200, self.show(self._intent(call)))

    def _search(self, call: ApiCall) -> Effect:
        query = _SEARCH.fullmatch(_required(call.form, "query").strip())
        if query is None:
            raise Refused(400, "This sandbox searches metadata['...']:'...'.", param="query")
        name, value = query.groups()
        found = [
            self.show(msgspec.convert(state, Intent))
            for state in self._book.resources("intent").values()
            if state["account"] == call.account and state["metadata"].get(name) == value
        ]
        data = [] if call.step.outcome == NOT_INDEXED else found[::-1]
        page = {"object": "search_result", "url": "/v1/payment_intents/search", "data": data}
        return Effect(200, {**page, "has_more": False, "next_page": None})

    def _capture(self, call: ApiCall) -> Effect:
        intent = self._intent(call)
        if intent.status != "requires_capture":
            raise self._wrong_state(intent, "captured")
        wanted = "amount_to_capture" in call.form
        amount = _positive(call.form, "amount_to_capture") if wanted else intent.amount
        if amount > intent.amount:
            raise Refused(
                400,
                "More than the amount that is held.",
                code="amount_too_large",
                param="amount_to_capture",
            )
        return self.leave(captured(intent, amount))

    def _cancel(self, call: ApiCall) -> Effect:
        intent = self._intent(call)
        if intent.status in ("succeeded", "canceled", "processing"):
            raise self._wrong_state(intent, "canceled")
        after = canceled(intent, time())
        return Effect(200, self.show(after), after)

    def _create_payment_method(self, call: ApiCall) -> Effect:
        """Keep how a card behaves, and never its number."""
        card = card_of_number(_required(call.form, "card[number]"))
        method_id = f"pm_{uuid4().hex[:24]}"
        body = {
            "id": method_id,
            "object": "payment_method",
            "card": {"brand": card.brand, "last4": card.number[-4:]},
            "created": int(time()),
            "livemode": False,
            "type": "card",
        }
        kept = {
            "account": call.account,
            "outcome": card.outcome,
            "authentication": card.authentication,
        }
        return Effect(200, body, cards={method_id: kept})

    def _card(self, call: ApiCall) -> tuple[str, SandboxCard]:
        """The card to try, and what the intent calls it."""
        if number := call.form.get("payment_method_data[card][number]"):
            return f"pm_{uuid4().hex[:24]}", card_of_number(number)
        method_id = _required(call.form, "payment_method")
        kept = self._book.resource("card", method_id)
        if kept and kept["account"] == call.account:
            authentication = Authentication(kept["authentication"])
            return method_id, SandboxCard(
                "", outcome=kept["outcome"], authentication=authentication
            )
        card = card_of_alias(method_id)
        if card is None:
            raise _missing("PaymentMethod", method_id, 400, "payment_method")
        return method_id, card

    def _intent(self, call: ApiCall) -> Intent:
        intent = self.find(call.id)
        if intent is None or intent.account != call.account:
            raise _missing("payment_intent", call.id, 404, "intent")
        return intent

    def _wrong_state(self, intent: Intent, verb: str) -> Refused:
        return Refused(
            400,
            f"A payment in the state {intent.status} can't be {verb}.",
            code="payment_intent_unexpected_state",
            payment_intent=self.show(intent),
        )


def _taken(intent: Intent) -> tuple[Movement, ...]:
    if intent.status != "succeeded":
        return ()
    return (
        Movement(
            reference=intent.reference,
            amount=intent.amount_received,
            currency=intent.currency,
            direction="in",
            kind="charge",
            payer=intent.payment_method,
        ),
    )


def _missing(kind: str, id: str, status: int, param: str) -> Refused:
    return Refused(status, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def _check_names(form: Mapping[str, str]) -> None:
    for name in form:
        if name.partition("[")[0] not in _CREATE_PARAMETERS:
            message = f"Received unknown parameter: {name}"
            raise Refused(400, message, code="parameter_unknown", param=name)


def _required(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        message = f"Missing required param: {name}."
        raise Refused(400, message, code="parameter_missing", param=name)
    return value


def _positive(form: Mapping[str, str], name: str) -> int:
    value = _required(form, name)
    if not value.isdecimal() or int(value) == 0:
        message = f"Invalid positive integer: {value}"
        raise Refused(400, message, code="parameter_invalid_integer", param=name)
    return int(value)


def _hash(form: Mapping[str, str], name: str) -> dict[str, str]:
    """`{"metadata[charge]": "ch_1"}` as `{"charge": "ch_1"}`."""
    start = f"{name}["
    return {
        key.removeprefix(start).removesuffix("]"): value
        for key, value in form.items()
        if key.startswith(start)
    }
