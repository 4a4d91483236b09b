"""Charges of the Flutterwave sandbox: from their making to the end that the payer gives them."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from time import time
from typing import Annotated, Any, Final

import msgspec

from providers.money import from_decimal_string
from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callbacks
from providers.sandbox.script import Step

from .access import error
from .tables import (
    ACTIONS,
    CALLING_CODES,
    CURRENCIES,
    ENDS,
    NETWORKS,
    PAGE,
    PROMPT,
    WAITING,
    outcome_of,
)
from .webhooks import Webhooks, timestamp

_CHARGES: Final = "charge"  # by id
_REFERENCES: Final = "reference"  # {"charge": id}

Meta = dict[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds."""

    approval_delay: float = 0.5  # what a payer needs to confirm
    refund_delay: float = 0.5  # days, at Flutterwave
    token_lifetime: float = 600.0
    webhook_pause: float = 1800.0


class Name(msgspec.Struct, frozen=True):
    """A customer's name."""

    first: str = ""
    last: str = ""


class Customer(msgspec.Struct, frozen=True):
    """Who pays. Flutterwave makes or finds the customer by the address."""

    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=320)]
    name: Name = Name()


class MobileMoney(msgspec.Struct, frozen=True):
    """A wallet."""

    network: str
    country_code: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,4}$")]
    phone_number: Annotated[str, msgspec.Meta(pattern="^[0-9]{5,14}$")]


class PaymentMethod(msgspec.Struct, frozen=True):
    """How it is paid; this sandbox has wallets only."""

    type: str
    mobile_money: MobileMoney


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant asks for."""

    amount: Decimal
    currency: str
    reference: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9-]{6,42}$")]
    customer: Customer
    payment_method: PaymentMethod
    redirect_url: Annotated[str, msgspec.Meta(pattern="^https?://")] | None = None
    meta: Meta = {}


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A charge, as the book keeps it."""

    id: str
    reference: str
    amount: int  # francs, which are the minor unit
    currency: str
    customer_id: str
    customer: Customer
    wallet: MobileMoney
    redirect_url: str | None
    meta: Meta
    page: str  # token of the payer's page
    action: str
    outcome: str
    step: Step
    created: str
    status: str = "pending"
    code: str = ""
    refunded: int = 0
    due_at: float | None = None  # unix time of the end, once the payer has done what there is to do

    def shown(self, pages_url: str) -> dict[str, Any]:
        """The charge object. `disputed` and `refunded` are there only if they are true."""
        shown: dict[str, Any] = {
            "id": self.id,
            "amount": self.amount,
            "fees": [],
            "billing_details": {
                "email": self.customer.email,
                "name": msgspec.to_builtins(self.customer.name),
                "phone": {
                    "country_code": self.wallet.country_code,
                    "number": self.wallet.phone_number,
                },
            },
            "currency": self.currency,
            "customer_id": self.customer_id,
            "settled": False,
            "settlement_id": [],
            "meta": self.meta,
            "payment_method_details": {
                "type": "mobile_money",
                "mobile_money": msgspec.to_builtins(self.wallet),
                "customer_id": self.customer_id,
            },
            "redirect_url": self.redirect_url,
            "reference": self.reference,
            "status": self.status,
            "processor_response": {"type": self.outcome, "code": self.code} if self.code else {},
            "created_datetime": self.created,
        }
        if self.status == "pending":
            shown["next_action"] = self._next_action(pages_url)
        if self.refunded:
            shown["refunded"] = True
        return shown

    def _next_action(self, pages_url: str) -> dict[str, Any]:
        details: dict[str, Any] = {}
        if self.action == PAGE:
            details = {PAGE: {"url": f"{pages_url}/redirects/{self.page}"}}
        elif self.action == PROMPT:
            details = {PROMPT: {"note": "Please authorise the payment on your mobile phone."}}
        return {"type": self.action, **details}


class Charges:
    """The charges of one book, and what ends them in the background."""

    def __init__(self, book: Book, settings: Settings, webhooks: Webhooks) -> None:
        self._book = book
        self._settings = settings
        self._webhooks = webhooks
        self._background = Callbacks()

    def find(self, identifier: str) -> Charge | None:
        """The charge with that id."""
        state = self._book.resource(_CHARGES, identifier)
        return None if state is None else msgspec.convert(state, Charge)

    def listed(self, reference: str | None) -> list[Charge]:
        """All charges, newest first, or the one with a reference."""
        if reference is not None:
            named = self._book.resource(_REFERENCES, reference)
            found = None if named is None else self.find(named["charge"])
            return [] if found is None else [found]
        return list(self._all())[::-1]

    def _all(self) -> Iterator[Charge]:
        for state in self._book.resources(_CHARGES).values():
            yield msgspec.convert(state, Charge)

    def made(self, wish: Wish, action: str | None, step: Step) -> Charge:
        """A new charge, not yet in the book; or refuse. `action` is what the scenario says."""
        amount, country = _checked(wish)
        if self._book.resource(_REFERENCES, wish.reference) is not None:
            raise error(409)
        # The scenario, the script and the number may all have a word; the first one counts.
        said = (action, step.outcome, outcome_of(wish.payment_method.mobile_money.phone_number))
        action = next((word for word in said if word in ACTIONS), PROMPT)
        outcome = next((word for word in said if word and word not in ACTIONS), "approved")
        delay = step.delay or self._settings.approval_delay
        return Charge(
            id=f"chg_{secrets.token_urlsafe(8)}",
            reference=wish.reference,
            amount=amount,
            currency=CURRENCIES[country],
            customer_id=f"cus_{secrets.token_urlsafe(8)}",
            customer=wish.customer,
            wallet=wish.payment_method.mobile_money,
            redirect_url=wish.redirect_url,
            meta=wish.meta,
            page=secrets.token_urlsafe(24),
            action=action,
            outcome=outcome,
            step=step,
            created=timestamp(),
            due_at=time() + delay if action == PROMPT and outcome != WAITING else None,
        )

    def resources(self, charge: Charge) -> dict[str, dict[str, dict[str, Any]]]:
        """A new charge as the book takes it."""
        return {
            _CHARGES: {charge.id: msgspec.to_builtins(charge)},
            _REFERENCES: {charge.reference: {"charge": charge.id}},
        }

    def paid_on(self, page: str) -> Charge | None:
        """The charge whose payer's page has that token."""
        return next((charge for charge in self._all() if charge.page == page), None)

    async def go_on(self, charge: Charge, step: Step, outcome: str | None = None) -> Charge:
        """The payer did what there was to do: it ends after a moment. Only once."""
        current = self.find(charge.id)
        if current is None or current.status != "pending" or current.due_at is not None:
            return current or charge
        outcome = outcome or step.outcome or charge.outcome
        delay = step.delay or charge.step.delay or self._settings.approval_delay
        due_at = None if outcome == WAITING else time() + delay
        charge = msgspec.structs.replace(charge, outcome=outcome, due_at=due_at)
        await self.keep(charge)
        self.wait_for(charge)
        return charge

    async def keep(self, charge: Charge, movements: list[Movement] | None = None) -> None:
        """Record a charge's new state, with the money that moved."""
        state = {_CHARGES: {charge.id: msgspec.to_builtins(charge)}}
        await self._book.write(state, movements or ())

    def resume(self) -> None:
        """Wait again for what an earlier process began."""
        for charge in self._all():
            self.wait_for(charge)

    def wait_for(self, charge: Charge) -> None:
        """End it when it is due."""
        if charge.status == "pending" and charge.due_at is not None:
            self._background.run(self._end(charge.id, charge.due_at))

    async def _end(self, identifier: str, due_at: float) -> None:
        """End it: in one record the state becomes final and the money moves."""
        await asyncio.sleep(max(0.0, due_at - time()))
        charge = self.find(identifier)
        if charge is None or charge.status != "pending":  # money moves once, whoever else waited
            return
        status, code = ENDS[charge.outcome]
        charge = msgspec.structs.replace(charge, status=status, code=code)
        await self.keep(charge, [_movement(charge)] if status == "succeeded" else [])
        self._webhooks.charge_completed(charge.shown(""), charge.step)


def _checked(wish: Wish) -> tuple[int, str]:
    """The amount in francs and the wallet's country, or refuse."""
    wallet = wish.payment_method.mobile_money
    if wish.payment_method.type != "mobile_money":
        raise error(400, {"payment_method.type": "must be mobile_money in this sandbox"})
    country = CALLING_CODES.get(wallet.country_code)
    if country is None:
        raise error(400, {"payment_method.mobile_money.country_code": "is not supported"})
    if wallet.network not in NETWORKS[country]:
        raise error(400, {"payment_method.mobile_money.network": "is not supported"})
    if wish.currency != CURRENCIES[country]:
        raise error(400, {"currency": f"must be {CURRENCIES[country]}"})
    return francs(wish.amount, wish.currency, "amount"), country


def francs(amount: Decimal, currency: str, name: str) -> int:
    """An amount as a whole number of francs, or refuse the field of that name."""
    try:
        whole = from_decimal_string(str(amount), currency)
    except ValueError:
        whole = 0
    if not 0 < whole < 10**12:
        raise error(400, {name: "must be a whole number of francs"})
    return whole


def _movement(charge: Charge) -> Movement:
    return Movement(
        reference=charge.reference,
        amount=charge.amount,
        currency=charge.currency.lower(),
        direction="in",
        kind="charge",
        payer=f"+{charge.wallet.country_code}{charge.wallet.phone_number}",
    )
