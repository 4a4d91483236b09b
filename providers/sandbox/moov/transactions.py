"""Money on its way in the Moov sandbox: pushes, which wait for their payers, and transfers."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from time import gmtime, strftime, time
from typing import Final, Literal

import msgspec

from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callbacks
from providers.sandbox.script import Step

from .tables import (
    AFTER_THE_PROMPT,
    COMPLETED,
    FLOAT_INSUFFICIENT,
    PENDING,
    PLATFORM_FAILURES,
    PROMPT_OVER,
    Merchant,
    outcome_for,
)

_KIND: Final = "transaction"  # of resource in the book, by Moov's id
_NAMED: Final = "reference"  # by the merchant's user and id: {"id": Moov's, of the latest}


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds, and how rich its merchants are."""

    approval_delay: float = 0.5  # what a payer needs to answer the prompt
    prompt_life: float = 60.0  # when a prompt that nobody answers is over
    initial_float: int = 100_000_000  # francs


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of money, as the book keeps it."""

    id: str  # Moov's
    reference: str  # the merchant's; may be empty
    user: str
    kind: Literal["charge", "payout"]
    msisdn: str
    amount: int
    currency: str
    status: str  # PENDING, or the final code
    outcome: str  # the final code to come
    due_at: float  # unix time of it


class Transactions:
    """The transactions of one book, and what ends them in the background."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._background = Callbacks()
        self._resumed = False
        self._moved: defaultdict[str, int] = defaultdict(int)  # by user
        self._prompts: dict[str, str] = {}  # the open transaction of a number
        for transaction in self._all():
            self._account_for(transaction)

    def find(self, merchant: Merchant, name: str) -> Transaction | None:
        """By the merchant's id or by Moov's; the latest, if the merchant used its id twice."""
        named = self._book.resource(_NAMED, f"{merchant.user} {name}")
        transaction = self.get(named["id"] if named else name)
        return transaction if transaction and transaction.user == merchant.user else None

    def get(self, id: str) -> Transaction | None:
        """By Moov's id."""
        state = self._book.resource(_KIND, id)
        return None if state is None else msgspec.convert(state, Transaction)

    def balance(self, merchant: Merchant) -> int:
        """What the merchant's account holds, in francs."""
        return self._settings.initial_float + self._moved[merchant.user]

    async def push(
        self, merchant: Merchant, msisdn: str, amount: int, reference: str, step: Step
    ) -> Transaction | None:
        """Ask a wallet to pay; None when the platform failed at it."""
        outcome = step.outcome or outcome_for(msisdn)
        if outcome in PLATFORM_FAILURES:
            return None
        if msisdn in self._prompts:
            await self._finish(self._prompts[msisdn], PROMPT_OVER)
        delay = step.delay or self._settings.approval_delay
        if outcome == PENDING:
            outcome, delay = PROMPT_OVER, self._settings.prompt_life
        transaction = Transaction(
            id=self._new_id("7"),
            reference=reference,
            user=merchant.user,
            kind="charge",
            msisdn=msisdn,
            amount=amount,
            currency=merchant.currency,
            status=PENDING if outcome in AFTER_THE_PROMPT else outcome,
            outcome=outcome,
            due_at=time() + delay,
        )
        await self._keep(transaction)
        if transaction.status == PENDING:
            self._background.run(self.end(transaction))
        return transaction

    async def transfer(
        self, merchant: Merchant, msisdn: str, amount: int, reference: str, step: Step
    ) -> Transaction | None:
        """Send money to a wallet, at once; None when the platform failed at it."""
        outcome = step.outcome or outcome_for(msisdn)
        if outcome in PLATFORM_FAILURES:
            return None
        if outcome in (COMPLETED, PENDING, PROMPT_OVER):  # nobody has to answer anything
            outcome = COMPLETED if amount <= self.balance(merchant) else FLOAT_INSUFFICIENT
        transaction = Transaction(
            id=self._new_id("9"),
            reference=reference,
            user=merchant.user,
            kind="payout",
            msisdn=msisdn,
            amount=amount,
            currency=merchant.currency,
            status=outcome,
            outcome=outcome,
            due_at=time(),
        )
        await self._keep(transaction)
        return transaction

    async def end(self, transaction: Transaction) -> None:
        """Wait for the payer's answer, or for the end of the prompt."""
        await asyncio.sleep(max(0.0, transaction.due_at - time()))
        await self._finish(transaction.id, transaction.outcome)

    def resume(self) -> None:
        """Wait again, once, for the payers that an earlier process had asked."""
        if self._resumed:
            return
        self._resumed = True
        for transaction in self._all():
            if transaction.status == PENDING:
                self._background.run(self.end(transaction))

    async def _finish(self, id: str, status: str) -> None:
        transaction = self.get(id)
        if transaction and transaction.status == PENDING:  # money moves once, whoever else waited
            await self._keep(msgspec.structs.replace(transaction, status=status))

    async def _keep(self, transaction: Transaction) -> None:
        """Record a state; the money of a completed one moves in the same record.

        Nothing is awaited before that, so that two who wait for one prompt cannot both end it.
        """
        self._account_for(transaction)
        resources = {_KIND: {transaction.id: msgspec.to_builtins(transaction)}}
        if transaction.reference:
            name = f"{transaction.user} {transaction.reference}"
            resources[_NAMED] = {name: {"id": transaction.id}}
        movements = [_movement(transaction)] if transaction.status == COMPLETED else []
        await self._book.write(resources, movements)

    def _account_for(self, transaction: Transaction) -> None:
        """Keep up with a state: the open prompt of its number, the merchant's balance."""
        if transaction.kind == "charge" and transaction.status == PENDING:
            self._prompts[transaction.msisdn] = transaction.id
        elif self._prompts.get(transaction.msisdn) == transaction.id:
            del self._prompts[transaction.msisdn]
        if transaction.status == COMPLETED:
            sign = 1 if transaction.kind == "charge" else -1
            self._moved[transaction.user] += sign * transaction.amount

    def _all(self) -> list[Transaction]:
        return [
            msgspec.convert(state, Transaction) for state in self._book.resources(_KIND).values()
        ]

    def _new_id(self, prefix: str) -> str:
        """As in the recorded examples: a digit, the date, a number that counts up."""
        count = len(self._book.resources(_KIND)) + 1
        return f"{prefix}{strftime('%Y%m%d', gmtime())}{count:08d}"


def _movement(transaction: Transaction) -> Movement:
    return Movement(
        reference=transaction.reference or transaction.id,
        amount=transaction.amount,
        currency=transaction.currency,
        direction="in" if transaction.kind == "charge" else "out",
        kind=transaction.kind,
        payer=transaction.msisdn,
    )
