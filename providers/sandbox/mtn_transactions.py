"""Money on its way in the MTN sandbox: from the accepted call to the end that the tables say.

A request to pay ends when its payer answers, a transfer, deposit or refund when the wallet is
credited; all that differs is who pays, and which rules a success must pass.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import time
from typing import Any, Final, Literal

import msgspec

from providers.money import from_decimal_string

from .book import Book, Movement
from .callbacks import Callback, Callbacks
from .mtn_bodies import KINDS, Party, Wish
from .mtn_tables import REFUND_REFERENCES, outcome_for
from .mtn_wallets import Wallets
from .script import Step

# How the book names the movement of each kind.
_MOVEMENTS: Final[dict[str, tuple[Literal["in", "out"], str]]] = {
    "requesttopay": ("in", "charge"),
    "transfer": ("out", "payout"),
    "deposit": ("out", "payout"),
    "refund": ("out", "refund"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds, and how rich its merchants are."""

    approval_delay: float = 0.5  # what a payer needs to answer the prompt, a wallet to be credited
    delayed_approval: float = 25.0  # the same for DELAYED, as measured on MTN's sandbox
    expiry: float = 300.0  # when what stays PENDING fails with EXPIRED
    token_lifetime: int = 3600
    callback_method: Literal["POST", "PUT"] = "POST"  # MTN's own pages disagree
    initial_float: Decimal = Decimal(100_000_000)  # in each environment, of its currency


def normalised(amount: Decimal) -> str:
    """MTN's spelling of an amount: 12.50 is "12.5"."""
    return f"{amount.normalize():f}"


class Transaction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One movement of money, as the book keeps it."""

    status: str  # CREATED, PENDING, SUCCESSFUL, FAILED
    amount: str
    currency: str
    external_id: str
    payer: Party | None = None
    payee: Party | None = None
    payer_message: str = ""
    payee_note: str = ""
    financial_transaction_id: str = ""
    reason: str = ""
    # What follows is not shown to the client.
    reference_id_to_refund: str = ""
    user: str  # id of the API user who asked
    callback_url: str | None = None
    due_at: float  # unix time of the end
    outcome: str  # the end: SUCCESSFUL, or the reason of FAILED; FAILED for none
    step: Step
    notified: bool = False  # by deliverynotification

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status in ("SUCCESSFUL", "FAILED")

    def shown(self) -> dict[str, Any]:
        """What the status call and the callback say: fields without a value are left out."""
        hidden = {
            "referenceIdToRefund", "user", "callbackUrl", "dueAt", "outcome", "step", "notified",
        }  # fmt: skip
        state: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in state.items() if name not in hidden}

    def ended(self, outcome: str) -> "Transaction":
        """The same, final."""
        if outcome != "SUCCESSFUL":
            reason = "" if outcome == "FAILED" else outcome
            return msgspec.structs.replace(self, status="FAILED", reason=reason)
        transaction_id = 1_000_000_000 + secrets.randbelow(9_000_000_000)
        return msgspec.structs.replace(
            self, status="SUCCESSFUL", financial_transaction_id=str(transaction_id)
        )


class Transactions:
    """The transactions of one book, and what ends them in the background."""

    def __init__(
        self, book: Book, settings: Settings, environment_of: Callable[[str], str]
    ) -> None:
        """`environment_of` says in which environment an API user works."""
        self._book = book
        self._settings = settings
        self._environment_of = environment_of
        self._callbacks = Callbacks()
        self._wallets = Wallets(settings.initial_float)
        self._resumed = False
        for kind, _, transaction in self._all():
            if transaction.status == "SUCCESSFUL":
                self._settle(kind, transaction)

    def get(self, kind: str, reference: str) -> Transaction | None:
        """The transaction of that kind with that reference."""
        state = self._book.resource(kind, reference)
        return None if state is None else msgspec.convert(state, Transaction)

    def balance(self, environment: str) -> Decimal:
        """What the environment's wallet holds, in units of its currency."""
        return self._wallets.balance(environment)

    async def begin(
        self,
        kind: str,
        reference: str,
        user: str,
        wish: Wish,
        callback_url: str | None,
        step: Step,
    ) -> None:
        """Accept; how and when it ends is decided here, so that a restart changes nothing.

        Nothing is awaited before the transaction is in the book: a caller that has just checked
        that the reference is new can rely on it.
        """
        refunded = self.get("requesttopay", wish.reference_id_to_refund)
        payee = refunded.payer if refunded else wish.payee
        party = wish.payer or payee or Party()
        outcome = step.outcome or outcome_for(kind, party.party_id, wish.reference_id_to_refund)
        status, delay = "PENDING", self._settings.approval_delay
        if outcome == "PENDING":
            outcome, delay = "EXPIRED", self._settings.expiry
        elif outcome == "DELAYED":
            status, outcome, delay = "CREATED", "SUCCESSFUL", self._settings.delayed_approval
        transaction = Transaction(
            status=status,
            amount=normalised(Decimal(wish.amount)),
            currency=wish.currency,
            external_id=wish.external_id,
            payer=wish.payer,
            payee=payee,
            payer_message=wish.payer_message,
            payee_note=wish.payee_note,
            reference_id_to_refund=wish.reference_id_to_refund,
            user=user,
            callback_url=callback_url,
            due_at=time() + (step.delay or delay),
            outcome=outcome,
            step=step,
        )
        await self._keep(kind, reference, transaction)
        self._callbacks.run(self._end(kind, reference, transaction.due_at))

    async def mark_notified(self, reference: str, transaction: Transaction) -> None:
        """Remember that the payer got the one message that `deliverynotification` allows."""
        notified = msgspec.structs.replace(transaction, notified=True)
        await self._keep("requesttopay", reference, notified)

    def resume(self) -> None:
        """Wait again, once, for what an earlier process accepted."""
        if self._resumed:
            return
        self._resumed = True
        for kind, reference, transaction in self._all():
            if not transaction.is_final:
                self._callbacks.run(self._end(kind, reference, transaction.due_at))

    def _all(self) -> list[tuple[str, str, Transaction]]:
        return [
            (kind, reference, msgspec.convert(state, Transaction))
            for kind in KINDS
            for reference, state in self._book.resources(kind).items()
        ]

    async def _end(self, kind: str, reference: str, due_at: float) -> None:
        """End it: in one record the state becomes final and the money moves."""
        await asyncio.sleep(max(0.0, due_at - time()))
        transaction = self.get(kind, reference)
        if transaction is None or transaction.is_final:  # money moves once, whoever else waited
            return
        outcome = transaction.outcome
        if outcome == "SUCCESSFUL":
            outcome = self._obstacle(kind, transaction) or outcome
        transaction = transaction.ended(outcome)
        movements = []
        if transaction.status == "SUCCESSFUL":
            self._settle(kind, transaction)
            movements.append(_movement(kind, reference, transaction))
        await self._keep(kind, reference, transaction, movements)
        if transaction.callback_url is not None:
            body = json.dumps(transaction.shown()).encode()
            method = self._settings.callback_method
            callback = Callback(transaction.callback_url, body, {}, method)
            self._callbacks.send(callback, transaction.step)

    def _obstacle(self, kind: str, transaction: Transaction) -> str | None:
        """The reason why a transaction cannot end well after all.

        What a refund may be is our assumption, MTN's pages are silent: a part or the whole of a
        request to pay that was paid, until nothing is left of it; the refusal is asynchronous.
        """
        if kind == "requesttopay":
            return None
        environment = self._environment_of(transaction.user)
        amount = Decimal(transaction.amount)
        original = transaction.reference_id_to_refund
        if kind == "refund" and original not in REFUND_REFERENCES:
            paid = self.get("requesttopay", original)
            if paid is None or self._environment_of(paid.user) != environment:
                return "RESOURCE_NOT_FOUND"
            if paid.status != "SUCCESSFUL":
                return "NOT_ALLOWED"
            if self._wallets.given_back(original) + amount > Decimal(paid.amount):
                return "AMOUNT_NOT_ALLOWED"
        return "NOT_ENOUGH_FUNDS" if amount > self._wallets.balance(environment) else None

    def _settle(self, kind: str, transaction: Transaction) -> None:
        environment = self._environment_of(transaction.user)
        amount = Decimal(transaction.amount)
        self._wallets.settle(kind, environment, amount, transaction.reference_id_to_refund)

    async def _keep(
        self,
        kind: str,
        reference: str,
        transaction: Transaction,
        movements: Sequence[Movement] = (),
    ) -> None:
        state = {kind: {reference: msgspec.to_builtins(transaction)}}
        await self._book.write(state, movements)


def _movement(kind: str, reference: str, transaction: Transaction) -> Movement:
    direction, name = _MOVEMENTS[kind]
    party = transaction.payer or transaction.payee or Party()
    return Movement(
        reference=reference,
        amount=from_decimal_string(transaction.amount, transaction.currency),
        currency=transaction.currency.lower(),
        direction=direction,
        kind=name,
        payer=party.party_id,
    )
