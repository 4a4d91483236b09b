"""Money on its way in the sandbox: from a payToken to the end that the tables say."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import time

import msgspec

from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callback, Callbacks
from providers.sandbox.script import Step

from .records import Kind, Record, Wish, new_record, new_transaction_id
from .tables import (
    CHANNEL_MSISDN,
    HOLDER,
    LACK_OF_FUNDS,
    LACK_OF_FUNDS_IN_200,
    MSISDN,
    PIN,
    PROMPT,
    REFUSALS,
    TEST_NUMBERS,
    UNKNOWN_NUMBER,
    WRONG_PIN,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds, and how rich its merchant is."""

    approval_delay: float = 0.5  # what a subscriber needs to answer the prompt
    delayed_approval: float = 25.0  # the same for DELAYED
    pay_token_life: float = 420.0  # at least seven minutes, says a client; the truth is unknown
    token_lifetime: float = 3600.0  # of access tokens
    initial_float: int = 100_000_000  # XAF


class Transactions:
    """The payments and cash-ins of one book, and what ends them in the background."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._callbacks = Callbacks()
        self._resumed = False
        self._float = settings.initial_float
        for movement in book.movements():
            self._move(movement)

    def get(self, kind: Kind, pay_token: str) -> Record | None:
        """The record of that kind with that payToken."""
        state = self._book.resource(kind, pay_token)
        return None if state is None else msgspec.convert(state, Record)

    async def init(self, kind: Kind) -> Record:
        """A new payToken."""
        record = new_record(kind)
        await self._keep(record)
        return record

    async def pay(self, record: Record, wish: Wish, step: Step) -> Record:
        """Use the payToken; how and when it ends is decided here, so that a restart changes
        nothing.

        Nothing is awaited before the record is in the book: a caller that has just checked that
        the payToken is unused can rely on it.
        """
        record = msgspec.structs.replace(
            record,
            channel=wish.channel_user_msisdn,
            subscriber=wish.subscriber_msisdn,
            amount=int(wish.amount),
            order_id=wish.order_id,
            description=wish.description,
            notif_url=wish.notif_url,
            step=step,
        )
        outcome = self._mistake(wish) or step.outcome
        outcome = outcome or TEST_NUMBERS.get(wish.subscriber_msisdn, "SUCCESSFULL")
        if record.kind == "cashin":
            return await self._cash_in(record, outcome)
        if outcome == LACK_OF_FUNDS_IN_200:
            return await self._refuse(record, LACK_OF_FUNDS, answer=200)
        if outcome in REFUSALS:
            return await self._refuse(record, outcome)
        return await self._prompt(record, outcome)

    def resume(self) -> None:
        """Wait again, once, for the subscribers an earlier process had asked."""
        if self._resumed:
            return
        self._resumed = True
        for state in self._book.resources("mp").values():
            record = msgspec.convert(state, Record)
            if record.is_waiting:
                self._callbacks.run(self._end(record))

    def _mistake(self, wish: Wish) -> str | None:
        """The refusal of what is wrong with the merchant's side, or with the number.

        Which code these have is not documented; ours are assumptions.
        """
        if wish.channel_user_msisdn != CHANNEL_MSISDN:
            return UNKNOWN_NUMBER
        if wish.pin != PIN:
            return WRONG_PIN
        return None if MSISDN.fullmatch(wish.subscriber_msisdn) else UNKNOWN_NUMBER

    async def _refuse(self, record: Record, code: str, answer: int = 417) -> Record:
        refused = msgspec.structs.replace(
            record,
            status="FAILED",
            init_status=code,
            init_message=REFUSALS[code],
            answer=answer,
        )
        await self._keep(refused)
        return refused

    async def _prompt(self, record: Record, outcome: str) -> Record:
        """Show the subscriber what to confirm; the answer comes in the background."""
        delay = self._settings.approval_delay
        if outcome == "EXPIRED":
            delay = self._settings.pay_token_life
        elif outcome == "DELAYED":
            outcome, delay = "SUCCESSFULL", self._settings.delayed_approval
        asked = msgspec.structs.replace(
            record,
            status="PENDING",
            transaction_id=new_transaction_id("mp"),
            init_status="200",
            init_message=PROMPT,
            outcome=outcome,
            due_at=time() + (record.step.delay or delay),
        )
        await self._keep(asked)
        self._callbacks.run(self._end(asked))
        return asked

    async def _cash_in(self, record: Record, outcome: str) -> Record:
        """Credit the subscriber at once, out of the merchant's float."""
        code = LACK_OF_FUNDS if outcome == LACK_OF_FUNDS_IN_200 else outcome
        if code in REFUSALS:
            return await self._refuse(record, code)
        if record.amount > self._float:
            return await self._refuse(record, LACK_OF_FUNDS)
        done = msgspec.structs.replace(
            record,
            status="SUCCESSFULL",
            transaction_id=new_transaction_id("cashin"),
            init_status="200",
        )
        await self._keep(done, [_movement(done)])
        return done

    async def _end(self, record: Record) -> None:
        """End a payment: in one record the state becomes final and the money moves."""
        await asyncio.sleep(max(0.0, record.due_at - time()))
        waiting = self.get("mp", record.pay_token)
        if waiting is None or not waiting.is_waiting:  # money moves once, whoever else waited
            return
        ended = msgspec.structs.replace(waiting, status=waiting.outcome)
        movements = []
        if ended.status == "SUCCESSFULL":
            ended = self._confirmed(ended)
            movements.append(_movement(ended))
        await self._keep(ended, movements)
        if ended.notif_url and ended.status != "EXPIRED":
            self._callbacks.send(Callback(ended.notif_url, _notification(ended)), ended.step)

    def _confirmed(self, record: Record) -> Record:
        holder = " ".join(HOLDER)
        message = (
            f"Successful Payment of CPAY SANDBOX from {record.subscriber} {holder}. Transaction "
            f"ID:{record.transaction_id}, Amount:{record.amount}, "
            f"New balance:{self._float + record.amount}."
        )
        return msgspec.structs.replace(record, confirm_status="200", confirm_message=message)

    async def _keep(self, record: Record, movements: Sequence[Movement] = ()) -> None:
        for movement in movements:
            self._move(movement)
        states = {record.pay_token: msgspec.to_builtins(record)}
        await self._book.write({str(record.kind): states}, movements)

    def _move(self, movement: Movement) -> None:
        self._float += movement.amount if movement.direction == "in" else -movement.amount


def _movement(record: Record) -> Movement:
    """Named by the merchant's orderId: a payToken serves once, and one order might get several."""
    pays_out = record.kind == "cashin"
    return Movement(
        reference=record.order_id,
        amount=record.amount,
        currency="xaf",
        direction="out" if pays_out else "in",
        kind="payout" if pays_out else "charge",
        payer=record.subscriber,
    )


def _notification(record: Record) -> bytes:
    """The callback. That a cancelled payment is notified as FAILED, and an expired one not at all,
    is our assumption."""
    succeeded = record.status == "SUCCESSFULL"
    return json.dumps(
        {
            "payToken": record.pay_token,
            "status": record.status if succeeded else "FAILED",
            "message": "Transaction completed" if succeeded else "Transaction failed",
        }
    ).encode()
