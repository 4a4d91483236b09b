"""Orders of the CMI sandbox: what was authorised, taken, voided and given back, in its book.

One line per payment attempt and per Credit. That a PostAuth turns the line of its PreAuth into a
captured one, rather than adding its own, is our assumption, and so is that a PreAuth which lapsed
shows as voided. Money moves when an authorisation is captured, not before.

Movements are named by the order's `oid`; the one of a Credit by `<oid> Credit <amount>`, which is
all by which the protocol itself could tell a refund from its repetition.
"""

import secrets
from dataclasses import dataclass
from time import time
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from providers.money import to_decimal_string
from providers.sandbox.book import Book, Movement

from .tables import ERRORS, MESSAGES


@dataclass(frozen=True, slots=True)
class Settings:
    """CMI's clock, in seconds. CMI settles at the end of the day; here it does at once, so that
    refunds can be tried the same minute."""

    settlement: float = 0.0  # from the capture on; before it, a Credit is refused
    authorisation: float = 15 * 86_400.0  # how long an amount stays held (manual: 15 days)


class Refused(Exception):
    """An operation is refused: an error of the platform, or a bank's return code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.error = code if code in ERRORS else ""
        self.return_code = "99" if self.error else code
        self.response = "Error" if self.error else "Declined"
        self.message = ERRORS.get(code) or MESSAGES.get(code, "")


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order's history. Times are unix seconds."""

    id: str
    kind: Literal["S", "C"]  # payment, refund
    state: str  # PN, A, C, S, D, ERR, V
    amount: int  # minor units
    captured: int | None = None
    authorised_at: float
    captured_at: float | None = None
    voided_at: float | None = None
    return_code: str = ""
    host_reference: str = ""
    authorisation_code: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order: its last payment attempt is what its status shows."""

    client_id: str
    oid: str
    amount: int  # minor units
    currency: str  # ISO 4217, lower case
    card: str = ""  # masked
    md_status: str = ""
    transactions: tuple[Transaction, ...] = ()  # oldest first

    @property
    def payment(self) -> Transaction | None:
        """The last payment attempt."""
        return next((t for t in reversed(self.transactions) if t.kind == "S"), None)

    @property
    def is_open(self) -> bool:
        """Whether it may (still) be paid: no attempt was ever approved."""
        return self.payment is None or self.payment.state in ("PN", "D", "ERR")

    @property
    def credited(self) -> int:
        """What was given back."""
        return sum(t.amount for t in self.transactions if t.kind == "C" and t.state == "C")


def approved(kind: Literal["S", "C"], state: str, amount: int) -> Transaction:
    """A new line with the bank's approval."""
    return Transaction(
        id=_new_id(),
        kind=kind,
        state=state,
        amount=amount,
        authorised_at=time(),
        return_code="00",
        host_reference=f"{secrets.randbelow(10**12):012}",
        authorisation_code=f"P{secrets.randbelow(10**5):05}",
    )


def refused(kind: Literal["S", "C"], state: str, amount: int, code: str) -> Transaction:
    """A new line with a refusal."""
    return Transaction(
        id=_new_id(), kind=kind, state=state, amount=amount, authorised_at=time(), return_code=code
    )


def _new_id() -> str:
    return f"26325{secrets.token_hex(4).upper()}"


class Orders:
    """The orders of one book."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings

    def get(self, client_id: str, oid: str) -> Order | None:
        """The order as it is now: what the clock has settled or let lapse included."""
        state = self._book.resource("order", f"{client_id} {oid}")
        if state is None:
            return None
        order = msgspec.convert(state, Order)
        return replace(order, transactions=tuple(map(self._now, order.transactions)))

    def _now(self, line: Transaction) -> Transaction:
        held_until = line.authorised_at + self._settings.authorisation
        if line.state == "A" and time() >= held_until:
            return replace(line, state="V", voided_at=held_until)
        if line.state == "C" and line.kind == "S" and line.captured_at is not None:
            settled = time() >= line.captured_at + self._settings.settlement
            return replace(line, state="S") if settled else line
        return line

    async def attempt(self, order: Order, line: Transaction) -> Order:
        """Add a payment attempt; it takes the place of one that waits for 3-D Secure."""
        before = order.transactions
        if order.payment is not None and order.payment.state == "PN":
            before = before[:-1]
        order = replace(order, transactions=(*before, line))
        await self._write(order)
        return order

    async def capture(self, order: Order, amount: int | None = None) -> Transaction:
        """Take the held amount, or a part; the rest is released."""
        held = order.payment
        if held is None or held.state != "A":
            raise Refused("CORE-2509")
        amount = held.amount if amount is None else amount
        if amount > held.amount:
            raise Refused("CORE-2512")
        if amount <= 0:
            raise Refused("CORE-2506")
        taken = replace(held, state="C", captured=amount, captured_at=time())
        movement = _movement(order, order.oid, amount, "in", "charge")
        await self._write(_with(order, taken), movement)
        return taken

    async def void(self, order: Order) -> Transaction:
        """Release a held amount, or give back one that was captured and not settled."""
        line = order.payment
        if line is not None and line.state == "S":
            raise Refused("CORE-2511")
        if line is None or line.state not in ("A", "C"):
            raise Refused("CORE-2008")
        voided = replace(line, state="V", voided_at=time())
        back = [
            _movement(order, f"{order.oid} Void", line.captured or 0, "out", "refund")
            for _ in range(line.state == "C")
        ]
        await self._write(_with(order, voided), *back)
        return voided

    async def credit(self, order: Order, amount: int | None = None) -> Transaction:
        """Give back a part of what was captured, or all that is left; once it is settled."""
        paid = order.payment
        if paid is None or paid.state not in ("C", "S"):
            raise Refused("CORE-2117")
        if paid.state == "C":
            raise Refused("CORE-2508")
        left = (paid.captured or 0) - order.credited
        amount = left if amount is None else amount
        if left <= 0 or amount <= 0:
            raise Refused("CORE-2504")
        if amount > left:
            raise Refused("CORE-2503")
        line = replace(approved("C", "C", amount), captured=amount, captured_at=time())
        name = f"{order.oid} Credit {to_decimal_string(amount, order.currency)}"
        whole = replace(order, transactions=(*order.transactions, line))
        await self._write(whole, _movement(order, name, amount, "out", "refund"))
        return line

    async def _write(self, order: Order, *movements: Movement) -> None:
        state = {f"{order.client_id} {order.oid}": msgspec.to_builtins(order)}
        await self._book.write({"order": state}, movements)


def _with(order: Order, line: Transaction) -> Order:
    """The order with a new state of one of its lines."""
    lines = tuple(line if each.id == line.id else each for each in order.transactions)
    return replace(order, transactions=lines)


def _movement(
    order: Order, reference: str, amount: int, direction: Literal["in", "out"], kind: str
) -> Movement:
    return Movement(
        reference=reference,
        amount=amount,
        currency=order.currency,
        direction=direction,
        kind=kind,
        payer=order.card,
    )


NUMBERS: Final = {"504": "mad", "978": "eur", "840": "usd"}
