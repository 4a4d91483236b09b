"""Payments and disbursements of the PayGate sandbox, and the wallets they fill and empty."""

import asyncio
import json
import secrets
from collections import defaultdict
from dataclasses import dataclass
from time import gmtime, strftime, time
from typing import Any, Final, Literal

import msgspec

from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callback, Callbacks
from providers.sandbox.script import Step

from .tables import FINAL_STATUSES, PAID, PAYMENT_METHODS, PENDING, outcome_for

_TRANSACTIONS: Final = "transaction"  # by tx_reference
_NAMES: Final = "name"  # tx_reference by account, kind and the merchant's name for it
_CALLBACK_URLS: Final = "callback_url"  # by account


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds, and how rich its merchants are, in XOF."""

    approval_delay: float = 0.5  # what a payer needs to confirm, a wallet to be credited
    delayed_approval: float = 25.0
    expiry: float = 300.0  # not documented
    initial_balance: int = 100_000_000  # of each wallet


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A payment or a disbursement, as the book keeps it."""

    kind: Literal["pay", "disburse"]
    account: str
    name: str  # the merchant's: identifier of a payment, reference of a disbursement
    tx_reference: str
    phone_number: str
    amount: int
    network: str  # FLOOZ or TMONEY
    due_at: float  # unix time of its end
    outcome: str  # that end, a key of FINAL_STATUSES
    step: Step
    status: int = PENDING
    payment_reference: str = ""  # the network's
    datetime: str = ""

    def shown(self) -> dict[str, Any]:
        """What the status calls say. There is no amount in it."""
        return {
            "tx_reference": self.tx_reference,
            "identifier": self.name,
            "payment_reference": self.payment_reference,
            "status": self.status,
            "datetime": self.datetime,
            "payment_method": PAYMENT_METHODS[self.network],
        }

    def notification(self) -> dict[str, Any]:
        """What the callback says: no status, as it comes when a payment is paid."""
        said = self.shown() | {"amount": self.amount, "phone_number": self.phone_number}
        del said["status"]
        return said


class Transactions:
    """The transactions of one book, and what ends them in the background."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._callbacks = Callbacks()
        self._resumed = False
        self._balances: defaultdict[tuple[str, str], int] = defaultdict(
            lambda: settings.initial_balance
        )
        for transaction in self._all():
            self._count(transaction, begins=True)
            if transaction.status != PENDING:
                self._count(transaction, begins=False)

    def balance(self, account: str, network: str) -> int:
        """What a wallet has for disbursements."""
        return self._balances[account, network]

    def find(self, account: str, tx_reference: str) -> Transaction | None:
        """By PayGate's name."""
        state = self._book.resource(_TRANSACTIONS, tx_reference)
        transaction = None if state is None else msgspec.convert(state, Transaction)
        return transaction if transaction and transaction.account == account else None

    def named(self, account: str, kind: str, name: str) -> Transaction | None:
        """By the merchant's name. Of disbursements that share one it is the last."""
        state = self._book.resource(_NAMES, f"{account} {kind} {name}")
        return None if state is None else self.find(account, state["tx_reference"])

    async def begin(
        self,
        kind: Literal["pay", "disburse"],
        account: str,
        name: str,
        phone_number: str,
        amount: int,
        network: str,
        step: Step,
    ) -> Transaction:
        """Accept; how and when it ends is decided here, so that a restart changes nothing.

        Nothing is awaited before it is in the book: a caller who has just looked for the name, or
        at the balance, can rely on what was seen.
        """
        scripted = step.outcome in (*FINAL_STATUSES, "unanswered", "delayed")
        outcome = (step.outcome if scripted else None) or outcome_for(phone_number)
        delay = self._settings.approval_delay
        if outcome == "unanswered":
            outcome, delay = "expired", self._settings.expiry
        elif outcome == "delayed":
            outcome, delay = "paid", self._settings.delayed_approval
        tx_reference = str(10**9 + secrets.randbelow(9 * 10**9))
        transaction = Transaction(
            kind=kind,
            account=account,
            name=name or tx_reference,
            tx_reference=tx_reference,
            phone_number=phone_number,
            amount=amount,
            network=network,
            due_at=time() + (step.delay or delay),
            outcome=outcome,
            step=step,
        )
        self._count(transaction, begins=True)
        self._callbacks.run(self._end(tx_reference, transaction.due_at))
        known_as = f"{account} {kind} {transaction.name}"
        await self._book.write(
            {
                _TRANSACTIONS: {tx_reference: msgspec.to_builtins(transaction)},
                _NAMES: {known_as: {"tx_reference": tx_reference}},
            }
        )
        return transaction

    def callback_url(self, account: str) -> str:
        """The one address that an account's callbacks go to; empty until one was given."""
        state = self._book.resource(_CALLBACK_URLS, account)
        return "" if state is None else str(state["url"])

    async def set_callback_url(self, account: str, url: str) -> None:
        """From now on."""
        await self._book.write({_CALLBACK_URLS: {account: {"url": url}}})

    def resume(self) -> None:
        """Wait again, once, for what an earlier process accepted."""
        if self._resumed:
            return
        self._resumed = True
        for transaction in self._all():
            if transaction.status == PENDING:
                self._callbacks.run(self._end(transaction.tx_reference, transaction.due_at))

    def _all(self) -> list[Transaction]:
        states = self._book.resources(_TRANSACTIONS).values()
        return [msgspec.convert(state, Transaction) for state in states]

    def _count(self, transaction: Transaction, *, begins: bool) -> None:
        """A disbursement's money is set aside when it begins, and put back if it fails."""
        wallet = (transaction.account, transaction.network)
        if transaction.kind == "disburse" and begins:
            self._balances[wallet] -= transaction.amount
        elif not begins and (transaction.kind == "pay") == (transaction.status == PAID):
            self._balances[wallet] += transaction.amount

    async def _end(self, tx_reference: str, due_at: float) -> None:
        """End it: in one record the state becomes final and the money moves."""
        await asyncio.sleep(max(0.0, due_at - time()))
        state = self._book.resource(_TRANSACTIONS, tx_reference)
        transaction = None if state is None else msgspec.convert(state, Transaction)
        if transaction is None or transaction.status != PENDING:  # money moves once
            return
        paid = transaction.outcome == "paid"
        transaction = msgspec.structs.replace(
            transaction,
            status=FINAL_STATUSES[transaction.outcome],
            payment_reference=secrets.token_hex(6).upper() if paid else "",
            datetime=strftime("%Y-%m-%d %H:%M:%S", gmtime()),
        )
        self._count(transaction, begins=False)
        change = {_TRANSACTIONS: {tx_reference: msgspec.to_builtins(transaction)}}
        await self._book.write(change, [_movement(transaction)] if paid else [])
        url = self.callback_url(transaction.account)
        # Whether disbursements and failures call back is not documented: they don't.
        if paid and transaction.kind == "pay" and url:
            body = json.dumps(transaction.notification()).encode()
            self._callbacks.send(Callback(url, body), transaction.step)


def _movement(transaction: Transaction) -> Movement:
    takes = transaction.kind == "pay"
    return Movement(
        reference=transaction.name,
        amount=transaction.amount,
        currency="xof",
        direction="in" if takes else "out",
        kind="charge" if takes else "payout",
        payer=transaction.phone_number,
    )
