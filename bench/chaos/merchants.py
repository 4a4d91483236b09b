"""What a merchant does in each scenario, as far as it goes while somebody watches."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from bench.chaos.clients import Client, Refused, Shown
from bench.chaos.pages import visit
from bench.chaos.payers import destination
from bench.chaos.plan import Payment, Scenario

# A payment that never reached its PSP is tried again so many times, after so many seconds.
TRIES = 4
PAUSE = 2.0

# A test payer disputes at some moment after the payment, so that what is to be given back may be
# disputed first.
_NOTHING_LEFT = frozenset({"charge_already_refunded", "amount_too_large"})
# A wallet whose own rail is down is charged through an aggregator, which gives nothing back.
_NOT_THERE = frozenset({"payment_method_not_available"})
_NO_MONEY = frozenset({"balance_insufficient"})


async def pay(client: Client, http: httpx.AsyncClient, payment: Payment) -> None:
    """Carry a payment through its scenario. Raises Refused and TimeoutError."""
    attempts = _Attempts(client, http, payment)
    intent = await attempts.first()
    if payment.scenario in _PAID_FIRST:
        paid = await attempts.reach(intent, "succeeded")
        if paid is not None:
            await _PAID_FIRST[payment.scenario](client, payment, paid)
    else:
        await attempts.finish(intent)


class _Attempts:
    """The payment itself, up to the point where money has been taken or will not be."""

    def __init__(self, client: Client, http: httpx.AsyncClient, payment: Payment) -> None:
        self._client = client
        self._http = http
        self._payment = payment
        self._key = str(payment.number)

    async def first(self) -> Shown:
        """Create and confirm; once more for a refusal that the scenario has not."""
        payment = self._payment
        intent = await self._create()
        hopeless = "refused" in payment.scenario
        for attempt in range(2, TRIES + 1):
            if intent.status != "requires_payment_method" or hopeless:
                break
            await asyncio.sleep(PAUSE)
            intent = await self._confirm(intent, payment.payer.means, f"confirm {attempt}")
        return intent

    async def reach(self, intent: Shown, *statuses: str) -> Shown | None:
        """As `Client.reach`, with a payer who goes to every page."""
        return await self._client.reach(intent, *statuses, visit=self._visit)

    async def finish(self, intent: Shown) -> None:
        """What the scenario does with an intent that is not simply paid."""
        client = self._client
        match self._payment.scenario:
            case "card refused, then another" | "wallet refused, then a card":
                if await self.reach(intent, "requires_payment_method"):
                    await self._confirm(intent, "pm_card_visa", "second card")
            case "held, captured" | "held, captured in part" | "held, captured, refunded":
                if held := await self.reach(intent, "requires_capture"):
                    await self._capture(held)
            case "held, canceled":
                if await self.reach(intent, "requires_capture"):
                    await self._on(intent, "cancel", {}, "cancel")
            case "card not authenticated, canceled":
                if await client.reach(intent, "requires_action"):
                    await self._on(intent, "cancel", {}, "cancel")
            case "card authenticated" | "page":
                await self.reach(intent, "succeeded")
            case "page refused":
                await self.reach(intent, "requires_payment_method")
            case "wallet" if intent.page is not None:  # its own rail was down
                await self._visit(intent.page)

    async def _visit(self, page: str) -> None:
        await visit(self._http, page, self._payment.payer)

    async def _create(self) -> Shown:
        payment = self._payment
        params: dict[str, Any] = {
            "amount": payment.amount,
            "currency": payment.payer.currency,
            "metadata": {"payment": self._key},
            "capture_method": "manual" if "held" in payment.scenario else "automatic",
        }
        if payment.separate:
            intent = await self._call("payment_intents.create", params, "create")
            return await self._confirm(intent, payment.payer.means, "confirm", payment.impatient)
        params |= {"confirm": True, **means(payment.payer.means)}
        return await self._call("payment_intents.create", params, "create", payment.impatient)

    async def _confirm(
        self, intent: Shown, payer: str, what: str, impatient: bool = False
    ) -> Shown:
        return await self._on(intent, "confirm", means(payer), what, impatient)

    async def _capture(self, held: Shown) -> None:
        payment = self._payment
        part = payment.scenario == "held, captured in part"
        params = {"amount_to_capture": payment.amount // 2} if part else {}
        await self._on(held, "capture", params, "capture")
        if payment.scenario != "held, captured, refunded":
            return
        if paid := await self.reach(held, "succeeded"):
            await _refund(self._client, payment, paid)

    async def _on(
        self, intent: Shown, verb: str, params: dict[str, Any], what: str, impatient: bool = False
    ) -> Shown:
        named = {"intent": intent.id, **params}
        return await self._call(f"payment_intents.{verb}", named, what, impatient)

    async def _call(
        self, method: str, params: dict[str, Any], what: str, impatient: bool = False
    ) -> Shown:
        key = f"{self._key} {what}"
        shown = await self._client.call(method, params, key, impatient=impatient)
        assert shown is not None, "no refusal is expected here"
        return shown


def means(payer: str) -> dict[str, Any]:
    """The parameters that name what pays."""
    if not payer.startswith("+"):
        return {"payment_method": payer, "return_url": "https://shop.example/thanks"}
    details = {"phone": payer}
    return {"payment_method_data": {"type": "mobile_money", "billing_details": details}}


# --- what follows a payment ---------------------------------------------------------------------


async def _refund(client: Client, payment: Payment, paid: Shown) -> None:
    await _give_back(client, payment, paid, "refund", payment.amount)


async def _refund_in_parts(client: Client, payment: Payment, paid: Shown) -> None:
    await _give_back(client, payment, paid, "first part", payment.amount // 3)
    await _give_back(client, payment, paid, "rest", None)


async def _refund_by_many(client: Client, payment: Payment, paid: Shown) -> None:
    """Four clerks, each of whom gives back two fifths at the same moment."""
    part = payment.amount * 2 // 5
    await asyncio.gather(
        *(_give_back(client, payment, paid, f"clerk {clerk}", part) for clerk in range(4))
    )


async def _refund_too_much(client: Client, payment: Payment, paid: Shown) -> None:
    if await _give_back(client, payment, paid, "too much", payment.amount + 1):
        raise Refused(f"payment {payment.number}: more was given back than was paid")


async def _give_back(
    client: Client, payment: Payment, paid: Shown, what: str, amount: int | None
) -> Shown | None:
    params = {"payment_intent": paid.id} | ({} if amount is None else {"amount": amount})
    key = f"{payment.number} {what}"
    return await client.call("refunds.create", params, key, refusals=_NOTHING_LEFT | _NOT_THERE)


async def _win(client: Client, payment: Payment, paid: Shown) -> None:
    await _answer_dispute(client, payment, paid, "winning_evidence")


async def _lose(client: Client, payment: Payment, paid: Shown) -> None:
    await _answer_dispute(client, payment, paid, "losing_evidence")


async def _answer_dispute(client: Client, payment: Payment, paid: Shown, words: str) -> None:
    if dispute := await client.dispute_of(paid):
        params = {"dispute": dispute, "evidence": {"uncategorized_text": words}}
        await client.call("disputes.update", params, f"{payment.number} evidence")


async def _give_up(client: Client, payment: Payment, paid: Shown) -> None:
    if dispute := await client.dispute_of(paid):
        await client.call("disputes.close", {"dispute": dispute}, f"{payment.number} close")


async def _pay_out(client: Client, payment: Payment, _: Shown) -> None:
    if made := await _payout(client, payment, payment.amount, _NO_MONEY):
        await client.reach(made, "paid", "failed")


async def _pay_out_and_cancel(client: Client, payment: Payment, _: Shown) -> None:
    """Whether it can still be canceled is a race with whoever sends it."""
    if made := await _payout(client, payment, payment.amount, _NO_MONEY):
        key, too_late = f"{payment.number} cancel", frozenset({"without a code"})
        await client.call("payouts.cancel", {"payout": made.id}, key, refusals=too_late)


async def _pay_out_too_much(client: Client, payment: Payment, _: Shown) -> None:
    # More than all merchants together take in the longest of runs.
    if await _payout(client, payment, 10**14, _NO_MONEY | {"amount_too_large"}):
        raise Refused(f"payment {payment.number}: more was paid out than there is")


async def _payout(
    client: Client, payment: Payment, amount: int, refusals: frozenset[str]
) -> Shown | None:
    currency = payment.payer.currency
    wallet = client.destinations[destination(payment.number, currency).phone]
    params = {"amount": amount, "currency": currency, "destination": wallet}
    return await client.call(
        "payouts.create", params, f"{payment.number} payout", refusals=refusals
    )


_PAID_FIRST: dict[Scenario, Callable[[Client, Payment, Shown], Awaitable[None]]] = {
    "refunded": _refund,
    "refunded in parts": _refund_in_parts,
    "refunded by many at once": _refund_by_many,
    "refunded too much": _refund_too_much,
    "disputed, won": _win,
    "disputed, lost": _lose,
    "disputed, given up": _give_up,
    "paid out": _pay_out,
    "paid out, canceled": _pay_out_and_cancel,
    "paid out too much": _pay_out_too_much,
}
