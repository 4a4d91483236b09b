"""Orders of the Orange sandbox: from their creation to the end that the payer gives them."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from time import gmtime, strftime, time
from typing import Annotated, Any, Final, Literal

import msgspec

from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callback, Callbacks
from providers.sandbox.script import Step

from .tables import CURRENCIES, MERCHANT_KEYS, WORDY_COUNTRIES, outcome_for
from .wire import error

_ORDERS: Final = "order"  # by pay_token
_ORDER_IDS: Final = "order_id"  # by country and order_id

_Url = Annotated[str, msgspec.Meta(pattern="^https?://", max_length=120)]


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds."""

    approval_delay: float = 0.5  # from the payer's confirmation to Orange's word
    delayed_approval: float = 25.0  # the same for DELAYED
    pay_token_lifetime: float = 600.0  # Orange's default
    access_token_lifetime: int = 7_776_000


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant asks for. That the URLs are wanted is a third-party description's word."""

    merchant_key: str
    currency: str
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=30)]
    amount: Annotated[int, msgspec.Meta(gt=0, lt=10**12)]
    return_url: _Url
    cancel_url: _Url
    notif_url: _Url
    lang: str = "fr"
    reference: Annotated[str, msgspec.Meta(max_length=30)] = ""


class Question(msgspec.Struct, frozen=True):
    """The three values that a question about an order needs."""

    order_id: str
    amount: int
    pay_token: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order, as the book keeps it."""

    country: str
    currency: str
    order_id: str
    amount: int
    return_url: str
    cancel_url: str
    notif_url: str
    lang: str
    reference: str  # the name that the page shows
    pay_token: str
    notif_token: str
    dies_at: float  # unix time: a confirmation after that comes too late
    step: Step
    status: Literal["INITIATED", "PENDING", "SUCCESS", "FAILED", "EXPIRED"] = "INITIATED"
    payer: str = ""  # as typed on the page
    txnid: str = ""
    outcome: str = ""  # the status it will end with; PENDING: none
    due_at: float | None = None  # unix time of that end

    def shown(self) -> dict[str, Any]:
        """What the status call says."""
        return {"status": self.status, "order_id": self.order_id, "txnid": self.txnid or None}

    def notification(self) -> dict[str, Any]:
        """What the notification says; in some countries more, the amount as text among it."""
        said = {"status": self.status, "notif_token": self.notif_token, "txnid": self.txnid}
        if self.country in WORDY_COUNTRIES:
            said |= {
                "pay_token": self.pay_token,
                "order_id": self.order_id,
                "amount": str(self.amount),
                "currency": self.currency,
                "reference": self.reference,
            }
        return said


class Orders:
    """The orders of one book, and what ends them in the background."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._callbacks = Callbacks()
        self._resumed = False

    def find(self, pay_token: str) -> Order | None:
        """The order with that token."""
        state = self._book.resource(_ORDERS, pay_token)
        return None if state is None else msgspec.convert(state, Order)

    def asked(self, country: str, question: Question) -> Order:
        """The order that a question is about, if all three values are its own; or refuse."""
        order = self.find(question.pay_token)
        if order is None or order.country != country:
            raise error(60)
        if (order.order_id, order.amount) != (question.order_id, question.amount):
            raise error(60)
        return order

    async def create(self, country: str, wish: Wish, step: Step) -> Order:
        """A new order, or refuse. An order_id is used once, whatever became of its order."""
        if wish.merchant_key != MERCHANT_KEYS[country]:
            raise error(1202)
        if wish.currency != CURRENCIES[country]:
            raise error(1203)
        name = f"{country} {wish.order_id}"
        if self._book.resource(_ORDER_IDS, name) is not None:
            raise error(1204)
        fields = msgspec.structs.asdict(wish)
        del fields["merchant_key"]
        order = Order(
            **fields,
            country=country,
            pay_token=secrets.token_hex(32),
            notif_token=secrets.token_hex(16),
            dies_at=time() + self._settings.pay_token_lifetime,
            step=step,
        )
        # Nothing was awaited since the look at the order_id: nobody else can have taken it.
        await self._book.write(
            {
                _ORDERS: {order.pay_token: msgspec.to_builtins(order)},
                _ORDER_IDS: {name: {"pay_token": order.pay_token}},
            }
        )
        return order

    async def confirm(self, order: Order, payer: str, step: Step) -> Order:
        """The payer's code was right. How and when it ends is decided here, so that a restart
        changes nothing. A rule for `confirm` comes before one for `charge`, and that one before the
        number."""
        step = order.step if step == Step() else step
        outcome = step.outcome or outcome_for(payer)
        if outcome == "INITIATED":
            return order
        delay = self._settings.approval_delay
        if outcome == "DELAYED":
            outcome, delay = "SUCCESS", self._settings.delayed_approval
        if time() >= order.dies_at:
            outcome = "EXPIRED"
        order = msgspec.structs.replace(
            order, status="PENDING", payer=payer, outcome=outcome, step=step,
            due_at=None if outcome == "PENDING" else time() + (step.delay or delay),
        )  # fmt: skip
        await self._keep(order)
        self._wait_for(order)
        return order

    def resume(self) -> None:
        """Wait again, once, for what an earlier process began."""
        if self._resumed:
            return
        self._resumed = True
        for state in self._book.resources(_ORDERS).values():
            order = msgspec.convert(state, Order)
            if order.status == "PENDING":
                self._wait_for(order)

    def _wait_for(self, order: Order) -> None:
        if order.due_at is not None:
            self._callbacks.run(self._end(order.pay_token, order.due_at))

    async def _end(self, pay_token: str, due_at: float) -> None:
        """End it: in one record the state becomes final and the money moves."""
        await asyncio.sleep(max(0.0, due_at - time()))
        order = self.find(pay_token)
        if order is None or order.status != "PENDING":  # money moves once, whoever else waited
            return
        paid = order.outcome == "SUCCESS"
        order = msgspec.structs.replace(
            order, status=order.outcome, txnid=_transaction_id() if paid else ""
        )
        movement = Movement(
            reference=order.order_id,
            amount=order.amount,
            currency=order.currency.lower(),
            direction="in",
            kind="charge",
            payer=order.payer,
        )
        await self._keep(order, [movement] if paid else [])
        if order.status != "EXPIRED":
            body = json.dumps(order.notification()).encode()
            self._callbacks.send(Callback(order.notif_url, body), order.step)

    async def _keep(self, order: Order, movements: list[Movement] | None = None) -> None:
        state = {_ORDERS: {order.pay_token: msgspec.to_builtins(order)}}
        await self._book.write(state, movements or [])


def _transaction_id() -> str:
    """An id in Orange's form: MP, yymmdd, hhmm, a letter and five digits."""
    letter, number = secrets.choice("ABCDEFGH"), secrets.randbelow(100_000)
    return f"MP{strftime('%y%m%d.%H%M', gmtime())}.{letter}{number:05}"
