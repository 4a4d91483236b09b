"""`POST /fim/est3Dgate` and what follows it: the card, 3-D Secure, the callback, the way back.

A form that is not taken brings an error page with status 200 and no callback; what CMI shows is not
documented. An order that was approved once refuses a second payment page (CORE-2507); one that was
declined may be tried again. A 3-D Secure that fails is kept as an ERR transaction with return code
99 and its mdStatus; whether CMI keeps any is not documented.
"""

import secrets
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from providers.cmi_form import AUTHENTICATED, CANCEL, CAPTURE
from providers.money import from_decimal_string
from providers.sandbox.book import Book
from providers.sandbox.script import Step

from .answers import Question, Questions
from .confidential import masked
from .forms import callback_url, card_error, problem_of, read_form
from .orders import NUMBERS, Order, Orders, Transaction, approved, refused
from .pages import card_page, code_page, error_page, result_page
from .results import answer_of, refusal_of
from .tables import CARDS, CODE, ERRORS, NOT_AUTHENTICATED


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A payment page that was opened, as the book keeps it."""

    fields: dict[str, str]  # of the shop's form
    card: str = ""  # masked, once it was typed
    outcome: str = "00"  # what follows 3-D Secure
    step: Step = Step()  # of the call in which the card was typed, followed to its end
    waiting: str = ""  # id of the transaction that waits for 3-D Secure

    @property
    def amount(self) -> int:
        """In minor units; checked when the page was opened."""
        return from_decimal_string(self.fields["amount"], self.currency)

    @property
    def currency(self) -> str:
        """ISO 4217, lower case."""
        return NUMBERS[self.fields["currency"]]


class Gate:
    """CMI's pages. Every method returns HTML."""

    def __init__(self, book: Book, orders: Orders, url: str) -> None:
        """`url` is where a payer's browser reaches this PSP."""
        self._book = book
        self._orders = orders
        self._url = url
        self._questions = Questions()

    def page(self, id: str) -> Page | None:
        """An open page."""
        state = self._book.resource("page", id)
        return None if state is None else msgspec.convert(state, Page)

    async def open(self, body: bytes) -> str:
        """The shop's form: the page for the card, or what is wrong with the form."""
        fields = read_form(body)
        if fields is None:
            return error_page({}, "form: not UTF-8, or a field came twice")
        problem = problem_of(fields)
        if problem:
            return error_page(fields, problem)
        if not self._may_be_paid(fields):
            return result_page(fields["failUrl"], refusal_of(fields, "CORE-2507"))
        page_id = secrets.token_hex(16)
        await self._keep(page_id, Page(fields=fields))
        return card_page(f"{self._url}/fim/card/{page_id}", fields)

    async def pay(self, id: str, body: bytes, step: Step) -> str:
        """The card was typed."""
        page = self.page(id)
        if page is None or page.card:  # a page takes one card
            return error_page({} if page is None else page.fields, "gone")
        typed = read_form(body) or {}
        number = typed.get("pan", "").replace(" ", "")
        card = CARDS.get(number)
        error = card_error(card, typed)
        if card is None or error:
            return card_page(f"{self._url}/fim/card/{id}", page.fields, error)
        if not self._may_be_paid(page.fields):
            return result_page(page.fields["failUrl"], refusal_of(page.fields, "CORE-2507"))
        outcome = step.outcome or card.outcome
        page = replace(page, card=masked(number), outcome=outcome, step=step)
        if card.asks_for_code and step.outcome is None:
            line = refused("S", "PN", page.amount, "")
            await self._attempt(page, line, "")
            await self._keep(id, replace(page, waiting=line.id))
            return code_page(f"{self._url}/fim/3ds/{id}", page.fields)
        md_status = "0" if outcome == NOT_AUTHENTICATED else card.md_status
        return await self._finish(id, page, md_status)

    async def authenticate(self, id: str, body: bytes) -> str:
        """The holder typed a code: right, or wrong for good."""
        page = self.page(id)
        order = None if page is None else self._order(page.fields)
        line = None if order is None else order.payment
        if page is None or line is None or (line.state, line.id) != ("PN", page.waiting):
            return error_page({} if page is None else page.fields, "gone")
        typed = (read_form(body) or {}).get("code", "").strip()
        return await self._finish(id, page, "1" if typed == CODE else "0")

    async def _finish(self, id: str, page: Page, md_status: str) -> str:
        """The bank has answered: keep it, call the shop back, send the payer back."""
        if md_status not in AUTHENTICATED:
            line = refused("S", "ERR", page.amount, "99")
        elif page.outcome != "00":
            code = "99" if page.outcome in ERRORS else page.outcome
            line = refused("S", "D", page.amount, code)
        else:
            line = approved("S", "A", page.amount)
        order = await self._attempt(page, line, md_status)
        await self._keep(id, page)
        answer = answer_of(page.fields, order, line)
        self._call_back(page, answer)
        url = page.fields["okUrl" if line.state == "A" else "failUrl"]
        return result_page(url, answer)

    def _call_back(self, page: Page, answer: Mapping[str, str]) -> None:
        url = callback_url(page.fields)
        if not url:
            return
        question = Question(
            url=url,
            body=urlencode(answer).encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
            answered=partial(self._answered, page.fields),
        )
        self._questions.send(question, page.step)

    async def _answered(self, fields: Mapping[str, str], text: str) -> None:
        """Do what the shop says with what is held. Whatever is neither of the two leaves it."""
        order = self._order(fields)
        if order is None or order.payment is None or order.payment.state != "A":
            return
        if text == CAPTURE:
            await self._orders.capture(order)
        elif text == CANCEL:
            await self._orders.void(order)

    def _order(self, fields: Mapping[str, str]) -> Order | None:
        return self._orders.get(fields["clientid"], fields["oid"])

    def _may_be_paid(self, fields: Mapping[str, str]) -> bool:
        order = self._order(fields)
        return order is None or order.is_open

    async def _attempt(self, page: Page, line: Transaction, md_status: str) -> Order:
        order = self._order(page.fields) or Order(
            client_id=page.fields["clientid"],
            oid=page.fields["oid"],
            amount=page.amount,
            currency=page.currency,
        )
        # A shop may have changed its mind about the amount since an attempt that was declined.
        order = replace(
            order,
            amount=page.amount,
            currency=page.currency,
            card=page.card,
            md_status=md_status,
        )
        return await self._orders.attempt(order, line)

    async def _keep(self, id: str, page: Page) -> None:
        await self._book.write({"page": {id: msgspec.to_builtins(page)}})
