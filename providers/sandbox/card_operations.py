"""What the card sandbox does for each operation of Stripe's API that it speaks.

An operation is a function from an authenticated call to an `Effect`. It reads the book and writes
nothing, so that whoever runs it can record the effect and the idempotency key in one line.
"""

import re
from itertools import islice
from time import time
from typing import Any
from uuid import uuid4

import msgspec

from .book import Book, Movement
from .card_calls import (
    ApiCall,
    Effect,
    Operation,
    Refused,
    check_names,
    metadata_of,
    missing,
    positive,
    required,
)
from .card_intents import Intent, as_json, canceled, captured, card_error, confirm
from .card_refund_operations import RefundOperations
from .card_setup_operations import SetupOperations, kept
from .card_table import DECLINES, SandboxCard, card_of_alias, card_of_number

NOT_INDEXED = "not_indexed"  # the outcome of a search that came too early
INDEXED_AFTER = 60  # seconds: "searchable in less than one minute", https://docs.stripe.com/search

_CREATE_PARAMETERS = frozenset(
    {
        "amount", "automatic_payment_methods", "capture_method", "confirm", "currency",
        "description", "error_on_requires_action", "metadata", "off_session", "payment_method",
        "payment_method_data", "payment_method_types", "return_url",
    }
)  # fmt: skip
_SEARCH = re.compile(r"""metadata\[['"]([^'"]+)['"]\]\s*:\s*['"]([^'"]*)['"]""")


class CardOperations:
    """The operations, over the intents and cards in the book."""

    def __init__(self, book: Book, public_url: str) -> None:
        """`public_url` is where a payer's browser finds the 3-D Secure pages."""
        self._book = book
        self._public_url = public_url
        self.refunds = RefundOperations(book, self._of_account)
        self.setups = SetupOperations(book, self._card_of_method, public_url)
        self._by_metadata: dict[tuple[str, str], list[str]] = {}
        self._indexed = 0  # intents that are in it
        self._table: list[tuple[str, re.Pattern[str], Operation]] = [
            ("POST", re.compile(r"/v1/payment_intents"), self._create),
            ("GET", re.compile(r"/v1/payment_intents/search"), self._search),
            ("GET", re.compile(r"/v1/payment_intents/(\w+)"), self._retrieve),
            ("POST", re.compile(r"/v1/payment_intents/(\w+)/capture"), self._capture),
            ("POST", re.compile(r"/v1/payment_intents/(\w+)/cancel"), self._cancel),
            ("POST", re.compile(r"/v1/payment_methods"), self._create_payment_method),
            *self.refunds.table,
            *self.setups.table,
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
        check_names(call.form, _CREATE_PARAMETERS)
        if call.form.get("confirm") != "true":
            raise Refused(400, "This sandbox confirms what it creates.", param="confirm")
        payment_method, card = self._card(call)
        intent = Intent(
            id=f"pi_{uuid4().hex[:24]}",
            account=call.account,
            created=int(time()),
            amount=positive(call.form, "amount"),
            currency=required(call.form, "currency").lower(),
            payment_method=payment_method,
            manual_capture=call.form.get("capture_method") == "manual",
            metadata=metadata_of(call.form),
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
        query = _SEARCH.fullmatch(required(call.form, "query").strip())
        if query is None:
            raise Refused(400, "This sandbox searches metadata['...']:'...'.", param="query")
        name, value = query.groups()
        intents = self._book.resources("intent")
        found = [
            self.show(msgspec.convert(intents[each], Intent))
            for each in self._named(name, value)
            if intents[each]["account"] == call.account
        ]
        if call.step.outcome == NOT_INDEXED:
            found = [intent for intent in found if intent["created"] <= time() - INDEXED_AFTER]
        data = found[::-1]
        page = {"object": "search_result", "url": "/v1/payment_intents/search", "data": data}
        return Effect(200, {**page, "has_more": False, "next_page": None})

    def _named(self, name: str, value: str) -> list[str]:
        """The ids of the intents with this metadata, oldest first. It never changes once an intent
        is made, so those that are new since the last search are all that has to be looked at."""
        intents = self._book.resources("intent")
        for identifier, state in islice(intents.items(), self._indexed, None):
            for entry in state["metadata"].items():
                self._by_metadata.setdefault(entry, []).append(identifier)
        self._indexed = len(intents)
        return self._by_metadata.get((name, value), [])

    def _capture(self, call: ApiCall) -> Effect:
        intent = self._intent(call)
        if intent.status != "requires_capture":
            raise self._wrong_state(intent, "captured")
        wanted = "amount_to_capture" in call.form
        amount = positive(call.form, "amount_to_capture") if wanted else intent.amount
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
        card = card_of_number(required(call.form, "card[number]"))
        method_id = f"pm_{uuid4().hex[:24]}"
        body = {
            "id": method_id,
            "object": "payment_method",
            "card": {"brand": card.brand, "last4": card.number[-4:]},
            "created": int(time()),
            "livemode": False,
            "type": "card",
        }
        return Effect(200, body, cards={method_id: kept(call.account, card)})

    def _card(self, call: ApiCall) -> tuple[str, SandboxCard]:
        """The card to try, and what the intent calls it."""
        if number := call.form.get("payment_method_data[card][number]"):
            return f"pm_{uuid4().hex[:24]}", card_of_number(number)
        method_id = required(call.form, "payment_method")
        return method_id, self._card_of_method(call.account, method_id)

    def _card_of_method(self, account: str, method_id: str) -> SandboxCard:
        state = self._book.resource("card", method_id)
        if state and state["account"] == account:
            return msgspec.convert({"number": "", **state}, SandboxCard)
        card = card_of_alias(method_id)
        if card is None:
            raise missing("PaymentMethod", method_id, 400, "payment_method")
        return card

    def _intent(self, call: ApiCall) -> Intent:
        return self._of_account(call.account, call.id)

    def _of_account(self, account: str, intent_id: str) -> Intent:
        intent = self.find(intent_id)
        if intent is None or intent.account != account:
            raise missing("payment_intent", intent_id, 404, "intent")
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
