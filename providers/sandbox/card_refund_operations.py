"""What the card sandbox does for each operation of Stripe's API about refunds."""

import re
from collections.abc import Callable
from time import time
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
from .card_intents import Intent
from .card_refunds import CardRefund, as_json, begin
from .card_table import Refunding

_CREATE_PARAMETERS = frozenset({"amount", "metadata", "payment_intent", "reason"})
_LIST_PARAMETERS = frozenset({"limit", "payment_intent", "starting_after"})

FindIntent = Callable[[str, str], Intent]
"""From account and id to the intent. Raises Refused if that account has no such intent."""


class RefundOperations:
    """The operations, over the intents and refunds in the book."""

    def __init__(self, book: Book, find_intent: FindIntent) -> None:
        self._book = book
        self._find_intent = find_intent
        self.table: list[tuple[str, re.Pattern[str], Operation]] = [
            ("POST", re.compile(r"/v1/refunds"), self._create),
            ("GET", re.compile(r"/v1/refunds"), self._list),
            ("GET", re.compile(r"/v1/refunds/(\w+)"), self._retrieve),
        ]

    def find(self, refund_id: str) -> CardRefund | None:
        """The refund of any account."""
        state = self._book.resource("refund", refund_id)
        return None if state is None else msgspec.convert(state, CardRefund)

    def leave(self, refund: CardRefund) -> Effect:
        """Leave `refund` as it is now: the answer is itself."""
        return Effect(200, as_json(refund), refund, movements=_given_back(refund))

    def _create(self, call: ApiCall) -> Effect:
        check_names(call.form, _CREATE_PARAMETERS)
        intent = self._find_intent(call.account, required(call.form, "payment_intent"))
        if intent.status != "succeeded":
            raise Refused(400, f"The payment {intent.id} has no successful charge to refund.")
        left = self._left_of(intent)
        if left == 0:
            message = f"The charge {intent.charge_id} has already been refunded."
            raise Refused(400, message, code="charge_already_refunded")
        amount = positive(call.form, "amount") if "amount" in call.form else left
        if amount > left:
            # Stripe has no code for this one.
            raise Refused(400, f"{amount} is more than what is left ({left}).", param="amount")
        refund = CardRefund(
            id=f"re_{uuid4().hex[:24]}",
            account=call.account,
            created=int(time()),
            intent=intent.id,
            charge=intent.charge_id,
            payment_method=intent.payment_method,
            amount=amount,
            currency=intent.currency,
            reason=call.form.get("reason"),
            metadata=metadata_of(call.form),
            step=call.step,
        )
        return self.leave(begin(refund, Refunding(intent.refunding), time()))

    def _retrieve(self, call: ApiCall) -> Effect:
        refund = self.find(call.id)
        if refund is None or refund.account != call.account:
            raise missing("refund", call.id, 404, "id")
        return Effect(200, as_json(refund))

    def _list(self, call: ApiCall) -> Effect:
        """The refunds of one payment, newest first."""
        check_names(call.form, _LIST_PARAMETERS)
        intent = self._find_intent(call.account, required(call.form, "payment_intent"))
        limit = positive(call.form, "limit") if "limit" in call.form else 10
        refunds = self._of(intent)[::-1]
        if last_seen := call.form.get("starting_after"):
            ids = [refund.id for refund in refunds]
            if last_seen not in ids:
                raise missing("refund", last_seen, 400, "starting_after")
            refunds = refunds[ids.index(last_seen) + 1 :]
        data = [as_json(refund) for refund in refunds[:limit]]
        page = {"object": "list", "url": "/v1/refunds", "data": data}
        return Effect(200, {**page, "has_more": len(refunds) > limit})

    def _of(self, intent: Intent) -> list[CardRefund]:
        states = self._book.resources("refund").values()
        return [msgspec.convert(s, CardRefund) for s in states if s["intent"] == intent.id]

    def _left_of(self, intent: Intent) -> int:
        given_back = sum(r.amount for r in self._of(intent) if r.status != "failed")
        return intent.amount_received - given_back


def _given_back(refund: CardRefund) -> tuple[Movement, ...]:
    if not refund.reached_the_payer:
        return ()
    return (
        Movement(
            reference=refund.reference,
            amount=refund.amount,
            currency=refund.currency,
            direction="out",
            kind="refund",
            payer=refund.payment_method,
        ),
    )
