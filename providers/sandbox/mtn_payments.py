"""Requests to pay in the MTN sandbox: from the prompt on the payer's phone to the money."""

import asyncio
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import time
from typing import Annotated, Any, Final, Literal

import msgspec

from providers.money import from_decimal_string

from .book import Book, Movement
from .callbacks import Callback, Callbacks
from .mtn_http import Refused, decode, error
from .mtn_tables import outcome_for
from .script import Step

_KIND: Final = "requesttopay"  # of resource in the book
_WHOLE_UNITS: Final = ("XAF", "XOF", "GNF")


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is. Seconds."""

    approval_delay: float = 0.5  # what a payer needs to answer the prompt
    delayed_approval: float = 25.0  # the same for DELAYED, as measured on MTN's sandbox
    expiry: float = 300.0  # when a prompt that nobody answers fails with EXPIRED
    token_lifetime: int = 3600
    callback_method: Literal["POST", "PUT"] = "POST"  # MTN's own pages disagree


class Party(msgspec.Struct, frozen=True, rename="camel"):
    """Who pays."""

    party_id_type: str = ""
    party_id: str = ""


_Note = Annotated[str, msgspec.Meta(max_length=160)]


class Wish(msgspec.Struct, frozen=True, rename="camel"):
    """The body of POST /collection/v1_0/requesttopay."""

    amount: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")]
    currency: str
    external_id: str
    payer: Party
    payer_message: _Note = ""
    payee_note: _Note = ""


def read_wish(body: bytes) -> Wish:
    """Check a body as MTN does, or refuse."""
    if b"'" in body:  # several integrators met this 400
        raise Refused(400)
    wish = decode(body, Wish)
    payer = wish.payer
    if payer == Party():
        raise error("INTERNAL_PROCESSING_ERROR")  # so the tests of MTN's own Java client say
    if payer.party_id_type not in ("MSISDN", "EMAIL", "PARTY_CODE"):
        raise Refused(400)
    if payer.party_id_type == "MSISDN" and not re.fullmatch("[1-9][0-9]{6,14}", payer.party_id):
        raise Refused(400)
    if Decimal(wish.amount) == 0 or ("." in wish.amount and wish.currency in _WHOLE_UNITS):
        raise Refused(400)
    return wish


def normalised(amount: Decimal) -> str:
    """MTN's spelling of an amount: 12.50 is "12.5"."""
    return f"{amount.normalize():f}"


class Payment(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A request to pay, as the book keeps it."""

    status: str  # CREATED, PENDING, SUCCESSFUL, FAILED
    amount: str
    currency: str
    external_id: str
    payer: Party
    payer_message: str = ""
    payee_note: str = ""
    financial_transaction_id: str = ""
    reason: str = ""
    # What follows is not shown to the client.
    user: str  # id of the API user who asked
    callback_url: str | None = None
    due_at: float  # unix time of the end
    outcome: str  # the end: SUCCESSFUL, or the reason of FAILED
    step: Step
    notified: bool = False  # by deliverynotification

    @property
    def is_final(self) -> bool:
        """Whether the payer has answered, or run out of time."""
        return self.status in ("SUCCESSFUL", "FAILED")

    def shown(self) -> dict[str, Any]:
        """What the status call and the callback say: fields without a value are left out."""
        hidden = {"user", "callbackUrl", "dueAt", "outcome", "step", "notified"}
        state: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in state.items() if name not in hidden}

    def ended(self) -> "Payment":
        """The same, final."""
        if self.outcome != "SUCCESSFUL":
            return msgspec.structs.replace(self, status="FAILED", reason=self.outcome)
        transaction_id = 1_000_000_000 + secrets.randbelow(9_000_000_000)
        return msgspec.structs.replace(
            self, status="SUCCESSFUL", financial_transaction_id=str(transaction_id)
        )


class Payments:
    """The requests to pay of one book, and the payers who answer them in the background."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._callbacks = Callbacks()
        self._resumed = False

    def get(self, reference: str) -> Payment | None:
        """The payment with that reference."""
        state = self._book.resource(_KIND, reference)
        return None if state is None else msgspec.convert(state, Payment)

    def taken_by(self, user: str) -> Decimal:
        """What an API user's payers have paid so far."""
        states = self._book.resources(_KIND).values()
        payments = [msgspec.convert(state, Payment) for state in states]
        return sum(
            (Decimal(p.amount) for p in payments if p.user == user and p.status == "SUCCESSFUL"),
            Decimal(),
        )

    async def prompt(
        self, reference: str, user: str, wish: Wish, callback_url: str | None, step: Step
    ) -> None:
        """Ask the payer; how and when it ends is decided here, so that a restart changes nothing.

        Nothing is awaited before the payment is in the book: a caller that has just checked that
        the reference is new can rely on it.
        """
        outcome = step.outcome or outcome_for(wish.payer.party_id)
        status, delay = "PENDING", self._settings.approval_delay
        if outcome == "PENDING":
            outcome, delay = "EXPIRED", self._settings.expiry
        elif outcome == "DELAYED":
            status, outcome, delay = "CREATED", "SUCCESSFUL", self._settings.delayed_approval
        payment = Payment(
            status=status,
            amount=normalised(Decimal(wish.amount)),
            currency=wish.currency,
            external_id=wish.external_id,
            payer=wish.payer,
            payer_message=wish.payer_message,
            payee_note=wish.payee_note,
            user=user,
            callback_url=callback_url,
            due_at=time() + (step.delay or delay),
            outcome=outcome,
            step=step,
        )
        await self._keep(reference, payment)
        self._callbacks.run(self._end(reference, payment.due_at))

    async def mark_notified(self, reference: str, payment: Payment) -> None:
        """Remember that the payer got the one message that `deliverynotification` allows."""
        await self._keep(reference, msgspec.structs.replace(payment, notified=True))

    def resume(self) -> None:
        """Wait again, once, for the payers whom an earlier process prompted."""
        if self._resumed:
            return
        self._resumed = True
        for reference, state in self._book.resources(_KIND).items():
            payment = msgspec.convert(state, Payment)
            if not payment.is_final:
                self._callbacks.run(self._end(reference, payment.due_at))

    async def _end(self, reference: str, due_at: float) -> None:
        """Let the payer answer: in one record the state becomes final and the money moves."""
        await asyncio.sleep(max(0.0, due_at - time()))
        payment = self.get(reference)
        if payment is None or payment.is_final:  # money moves once, whoever else was waiting
            return
        payment = payment.ended()
        movement = Movement(
            reference=reference,
            amount=from_decimal_string(payment.amount, payment.currency),
            currency=payment.currency.lower(),
            direction="in",
            kind="charge",
            payer=payment.payer.party_id,
        )
        await self._keep(reference, payment, [movement] if payment.status == "SUCCESSFUL" else [])
        if payment.callback_url is not None:
            body = json.dumps(payment.shown()).encode()
            method = self._settings.callback_method
            self._callbacks.send(Callback(payment.callback_url, body, {}, method), payment.step)

    async def _keep(
        self, reference: str, payment: Payment, movements: Sequence[Movement] = ()
    ) -> None:
        state = {_KIND: {reference: msgspec.to_builtins(payment)}}
        await self._book.write(state, movements)
