"""What the card sandbox does for each operation of Stripe's API about setup intents."""

import re
from collections.abc import Callable
from dataclasses import asdict
from time import time
from typing import Any
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from .book import Book
from .card_calls import (
    ApiCall,
    Effect,
    Operation,
    Refused,
    check_names,
    metadata_of,
    missing,
    required,
)
from .card_setups import CardSetup, as_json, check, setup_error
from .card_table import Authentication, SandboxCard

_PARAMETERS = frozenset(
    {
        "automatic_payment_methods", "confirm", "metadata", "payment_method",
        "payment_method_types", "return_url", "usage",
    }
)  # fmt: skip

FindCard = Callable[[str, str], SandboxCard]
"""From account and payment method to the card. Raises Refused if there is none."""


class SetupOperations:
    """The operations, over the setup intents and cards in the book."""

    def __init__(self, book: Book, find_card: FindCard, public_url: str) -> None:
        """`public_url` is where a payer's browser finds the 3-D Secure pages."""
        self._book = book
        self._find_card = find_card
        self._public_url = public_url
        self.table: list[tuple[str, re.Pattern[str], Operation]] = [
            ("POST", re.compile(r"/v1/setup_intents"), self._create),
            ("GET", re.compile(r"/v1/setup_intents/(\w+)"), self._retrieve),
        ]

    def find(self, setup_id: str) -> CardSetup | None:
        """The setup intent of any account."""
        state = self._book.resource("setup", setup_id)
        return None if state is None else msgspec.convert(state, CardSetup)

    def leave(self, setup: CardSetup) -> Effect:
        """Leave `setup` as it is now: the answer is itself, or its card's refusal.

        A card that remembers being set up gets a payment method of its own, if it has none yet.
        """
        card = self._find_card(setup.account, setup.payment_method)
        cards = {}
        if setup.status == "succeeded" and card.authentication is Authentication.UNTIL_SET_UP:
            method = setup.payment_method
            if self._book.resource("card", method) is None:
                method = f"pm_{uuid4().hex[:24]}"
            cards[method] = kept(setup.account, card, authentication=Authentication.ON_SESSION)
            setup = replace(setup, payment_method=method)
        body = self.show(setup)
        if setup.decline is None:
            return Effect(200, body, setup, cards=cards)
        error = {**setup_error(setup.decline), "setup_intent": body}
        return Effect(402, {"error": error}, setup)

    def show(self, setup: CardSetup) -> dict[str, Any]:
        """The setup intent in Stripe's JSON."""
        return as_json(setup, f"{self._public_url}/3ds/{setup.id}")

    def _create(self, call: ApiCall) -> Effect:
        check_names(call.form, _PARAMETERS)
        if call.form.get("confirm") != "true":
            raise Refused(400, "This sandbox confirms what it creates.", param="confirm")
        method = required(call.form, "payment_method")
        setup = CardSetup(
            id=f"seti_{uuid4().hex[:24]}",
            account=call.account,
            created=int(time()),
            payment_method=method,
            usage=call.form.get("usage", "off_session"),
            metadata=metadata_of(call.form),
            return_url=call.form.get("return_url"),
            step=call.step,
        )
        return self.leave(check(setup, self._find_card(call.account, method)))

    def _retrieve(self, call: ApiCall) -> Effect:
        setup = self.find(call.id)
        if setup is None or setup.account != call.account:
            raise missing("setup_intent", call.id, 404, "intent")
        return Effect(200, self.show(setup))


def kept(account: str, card: SandboxCard, **changes: Any) -> dict[str, Any]:
    """What the book keeps of a card: how it behaves, and never its number."""
    behaviour = {name: value for name, value in asdict(card).items() if name != "number"}
    return {"account": account, **behaviour, **changes}
