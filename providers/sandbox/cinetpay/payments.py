"""Payments of the CinetPay sandbox, from the page nobody has opened to the end."""

import asyncio
import secrets
from dataclasses import dataclass
from time import gmtime, strftime, time
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from providers.cinetpay_notification import sign
from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callback, Callbacks
from providers.sandbox.script import CallbackBehaviour, Step

from .tables import EXPIRED, MESSAGES, PAID, SITES, TO_VALIDATE, UNOPENED, WAITING, Site, prefix_of

_KIND: Final = "payment"  # of resource in the book, by payment_token
_NAMED: Final = "transaction_id"  # by site and transaction_id: {"token": ...}
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds."""

    approval_delay: float = 0.5  # what a payer needs to confirm on the phone
    page_life: float = 900.0


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment, as the book keeps it."""

    token: str
    transaction_id: str
    site_id: str
    amount: int
    currency: str
    description: str
    metadata: str
    notify_url: str
    return_url: str
    channels: str
    lang: str
    phone: str
    step: Step
    code: str = UNOPENED
    outcome: str | None = None  # the code to come, once the payer has chosen
    method: str = ""
    number: str = ""  # of the wallet, or the last digits of the card
    operator_id: str | None = None
    paid_at: str = ""
    due_at: float  # unix time: of the outcome, or of the page's end

    @property
    def site(self) -> Site:
        """Whose it is."""
        return SITES[self.site_id]

    @property
    def status(self) -> str:
        """The word beside the code."""
        if self.code == PAID:
            return "ACCEPTED"
        return "WAITING_FOR_CUSTOMER" if self.code in WAITING else "REFUSED"

    def shown(self) -> dict[str, Any]:
        """What payment/check tells."""
        return {
            "amount": str(self.amount),
            "currency": self.currency,
            "status": self.status,
            "payment_method": self.method or None,
            "description": self.description,
            "metadata": self.metadata or None,
            "operator_id": self.operator_id,
            "payment_date": self.paid_at,
            "fund_availability_date": None,
        }


class Payments:
    """The payments of one book, and what ends them in the background."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._callbacks = Callbacks()
        self._resumed = False

    def by_token(self, token: str) -> Payment | None:
        """The payment that a token opens, as it is by now."""
        state = self._book.resource(_KIND, token)
        if state is None:
            return None
        payment = msgspec.convert(state, Payment)
        if payment.code == UNOPENED and payment.due_at <= time():
            return msgspec.structs.replace(payment, code=EXPIRED)
        return payment

    def by_transaction_id(self, site: Site, transaction_id: str) -> Payment | None:
        """The payment that a site's transaction_id names."""
        named = self._book.resource(_NAMED, f"{site.site_id} {transaction_id}")
        return self.by_token(named["token"]) if named else None

    async def create(self, fields: dict[str, Any], step: Step) -> Payment:
        """A new payment; nothing is awaited before it is in the book.

        `fields` are those of `Payment` that the merchant gives.
        """
        payment = Payment(
            token=secrets.token_hex(48),
            step=step,
            due_at=time() + self._settings.page_life,
            **fields,
        )
        named = {f"{payment.site_id} {payment.transaction_id}": {"token": payment.token}}
        await self._book.write(
            {_KIND: {payment.token: msgspec.to_builtins(payment)}, _NAMED: named}
        )
        self._callbacks.send(Callback(payment.notify_url, b"", method="GET"), Step())
        return payment

    async def choose(
        self, payment: Payment, method: str, number: str, outcome: str, step: Step
    ) -> None:
        """The payer chose how to pay; on the phone, or at the bank, it goes on. Only once."""
        if payment.code != UNOPENED:
            return
        decisive = step if step.outcome else payment.step
        payment = msgspec.structs.replace(
            payment,
            code=TO_VALIDATE,
            outcome=decisive.outcome or outcome,
            method=method,
            number=number,
            due_at=time() + (decisive.delay or payment.step.delay or self._settings.approval_delay),
        )
        await self._keep(payment)
        self._callbacks.run(self._end(payment))

    async def cancel(self, payment: Payment, code: str) -> None:
        """The payer left the page by its other door."""
        if payment.code == UNOPENED:
            await self._keep(msgspec.structs.replace(payment, code=code))

    def resume(self) -> None:
        """Wait again, once, for what an earlier process had begun."""
        if self._resumed:
            return
        self._resumed = True
        for state in self._book.resources(_KIND).values():
            payment = msgspec.convert(state, Payment)
            if payment.code == TO_VALIDATE:
                self._callbacks.run(self._end(payment))

    async def _end(self, payment: Payment) -> None:
        """End it: in one record the state becomes final and the money moves."""
        await asyncio.sleep(max(0.0, payment.due_at - time()))
        outcome = payment.outcome or PAID
        current = self.by_token(payment.token)
        if current is None or current.code != TO_VALIDATE or outcome == TO_VALIDATE:
            return  # money moves once, whoever else waited
        payment = msgspec.structs.replace(payment, code=outcome)
        movements = []
        if outcome == PAID:
            now = gmtime()
            payment = msgspec.structs.replace(
                payment,
                operator_id=f"MP{strftime('%y%m%d.%H%M', now)}.{secrets.token_hex(3).upper()}",
                paid_at=strftime("%Y-%m-%d %H:%M:%S", now),
            )
            movements.append(_movement(payment))
        await self._keep(payment, movements)

    async def _keep(self, payment: Payment, movements: list[Movement] | None = None) -> None:
        state = {_KIND: {payment.token: msgspec.to_builtins(payment)}}
        await self._book.write(state, movements or ())
        form = notification(payment)
        headers = {"content-type": _FORM, "x-token": sign(form, payment.site.secret_key)}
        callback = Callback(payment.notify_url, urlencode(form).encode(), headers)
        # A script is about the end; what tells of the way there is sent as it comes.
        normal = payment.code == TO_VALIDATE and (
            payment.step.callback is not CallbackBehaviour.LOST
        )
        self._callbacks.send(callback, Step() if normal else payment.step)


def notification(payment: Payment) -> dict[str, str]:
    """The sixteen fields; which words version, configuration and action have is from one example
    of CinetPay's."""
    card = payment.channels == "CREDIT_CARD"
    return {
        "cpm_site_id": payment.site_id,
        "cpm_trans_id": payment.transaction_id,
        "cpm_trans_date": payment.paid_at or strftime("%Y-%m-%d %H:%M:%S", gmtime()),
        "cpm_amount": str(payment.amount),
        "cpm_currency": payment.currency,
        "signature": secrets.token_hex(32),
        "payment_method": payment.method,
        "cel_phone_num": "" if card else payment.number,
        "cpm_phone_prefixe": "" if card else prefix_of(payment.site.country),
        "cpm_language": payment.lang,
        "cpm_version": "V4",
        "cpm_payment_config": "SINGLE",
        "cpm_page_action": "PAYMENT",
        "cpm_custom": payment.metadata,
        "cpm_designation": payment.description,
        "cpm_error_message": MESSAGES[payment.code],
    }


def _movement(payment: Payment) -> Movement:
    return Movement(
        reference=payment.metadata or payment.transaction_id,
        amount=payment.amount,  # francs, which are the minor unit
        currency=payment.currency.lower(),
        direction="in",
        kind="charge",
        payer=payment.number,
    )
