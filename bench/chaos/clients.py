"""Merchants' servers: they pay over plain HTTP and ask again, with the same key, until answered.

That is what the official Stripe SDKs do, except that these never give up after two retries.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from bench.chaos.plan import Payment

PATIENCE = 180.0  # seconds of asking again; within them every call must have got an answer
CALL_SECONDS = 30.0
HANG_UP_SECONDS = 0.15  # of an impatient client's first call
REACH_SECONDS = 20.0  # how long a merchant watches an intent before leaving it to itself


class Refused(Exception):
    """An answer that no scenario expects."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An answer a client was given. What it says must stay true."""

    merchant: int
    path: str
    form: dict[str, str]
    key: str
    status: int  # 200, or 402 for a refused attempt
    body: bytes

    @property
    def intent(self) -> dict[str, Any]:
        """The payment intent in the answer or refusal; empty when a refused step names none."""
        answer: dict[str, Any] = msgspec.json.decode(self.body)
        if "error" not in answer:
            return answer
        shown: dict[str, Any] = answer["error"].get("payment_intent", {})
        return shown


@dataclass(slots=True)
class Diary:
    """What all clients of a run were told."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    retries: int = 0


class Client:
    """One merchant's server."""

    def __init__(
        self, http: httpx.AsyncClient, base: str, key: str, merchant: int, diary: Diary
    ) -> None:
        self._http = http
        self._base = base
        self._headers = {"Authorization": f"Bearer {key}"}
        self._merchant = merchant
        self._diary = diary

    async def post(
        self, path: str, form: dict[str, str], key: str, *, impatient: bool = False
    ) -> dict[str, Any]:
        """Call until there is an answer; returns the intent in it. Raises Refused, TimeoutError."""
        headers = self._headers | {"Idempotency-Key": key}
        answer = await self._insist("POST", path, headers, form, impatient)
        if answer.status_code not in (200, 402):
            raise Refused(f"{path} {key}: {answer.status_code} {answer.text[:300]}")
        told = Acknowledged(self._merchant, path, form, key, answer.status_code, answer.content)
        self._diary.acknowledged.append(told)
        return told.intent

    async def again(self, told: Acknowledged) -> httpx.Response:
        """Make an answered call once more."""
        headers = self._headers | {"Idempotency-Key": told.key}
        return await self._insist("POST", told.path, headers, told.form, False)

    async def reach(self, intent: str, *statuses: str) -> dict[str, Any] | None:
        """Watch an intent until it has one of these statuses; None if that takes too long."""
        deadline = time.monotonic() + REACH_SECONDS
        while time.monotonic() < deadline:
            path = f"/v1/payment_intents/{intent}"
            answer = await self._insist("GET", path, self._headers, None, False)
            if answer.status_code != 200:
                raise Refused(f"{path}: {answer.status_code} {answer.text[:300]}")
            shown: dict[str, Any] = answer.json()
            if shown["status"] in statuses:
                return shown
            await asyncio.sleep(0.25)
        return None

    async def _insist(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        form: dict[str, str] | None,
        impatient: bool,
    ) -> httpx.Response:
        seconds = HANG_UP_SECONDS if impatient else CALL_SECONDS
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = await self._http.request(
                    method, self._base + path, headers=headers, data=form, timeout=seconds
                )
                if answer.status_code != 409 and answer.status_code < 500:
                    return answer
            except httpx.HTTPError:
                seconds = CALL_SECONDS
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path} was never answered")
            self._diary.retries += 1
            await asyncio.sleep(0.3)


def attempt_with(payer: str) -> dict[str, str]:
    """The parameters that name what pays."""
    if not payer.startswith("+"):
        return {"payment_method": payer, "return_url": "https://shop.example/thanks"}
    return {
        "payment_method_data[type]": "mobile_money",
        "payment_method_data[billing_details][phone]": payer,
    }


async def pay(client: Client, http: httpx.AsyncClient, payment: Payment) -> None:
    """Carry a payment through its scenario, as far as it goes while the merchant watches."""
    intent = await _first_attempt(client, payment)
    path, key = f"/v1/payment_intents/{intent['id']}", str(payment.number)
    match payment.scenario:
        case "card refused, then another" | "wallet refused, then a card":
            if await client.reach(intent["id"], "requires_payment_method"):
                form = attempt_with("pm_card_visa")
                await client.post(f"{path}/confirm", form, f"{key} second confirm")
        case "card held, captured" | "card held, captured in part":
            if await client.reach(intent["id"], "requires_capture"):
                part = payment.scenario.endswith("in part")
                form = {"amount_to_capture": str(payment.amount // 2)} if part else {}
                await client.post(f"{path}/capture", form, f"{key} capture")
        case "card held, canceled":
            if await client.reach(intent["id"], "requires_capture"):
                await client.post(f"{path}/cancel", {}, f"{key} cancel")
        case "card not authenticated, canceled":
            if await client.reach(intent["id"], "requires_action"):
                await client.post(f"{path}/cancel", {}, f"{key} cancel")
        case "card authenticated":
            if shown := await client.reach(intent["id"], "requires_action"):
                await _authenticate(http, shown["next_action"]["redirect_to_url"]["url"])


async def _first_attempt(client: Client, payment: Payment) -> dict[str, Any]:
    key = str(payment.number)
    form = {
        "amount": str(payment.amount),
        "currency": "xaf",
        "metadata[payment]": key,
        "capture_method": "manual" if "held" in payment.scenario else "automatic",
    }
    attempt = attempt_with(payment.payer)
    if not payment.separate:
        return await client.post(
            "/v1/payment_intents",
            form | attempt | {"confirm": "true"},
            f"{key} create",
            impatient=payment.impatient,
        )
    intent = await client.post("/v1/payment_intents", form, f"{key} create")
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    return await client.post(path, attempt, f"{key} confirm", impatient=payment.impatient)


async def _authenticate(http: httpx.AsyncClient, page: str) -> None:
    """The payer passes 3-D Secure on the bank's page, and may try again when it is down."""
    deadline = time.monotonic() + REACH_SECONDS
    while time.monotonic() < deadline:
        try:
            passed = await http.post(page, data={"result": "complete"})
        except httpx.HTTPError:
            await asyncio.sleep(0.5)
            continue
        if passed.status_code < 500:
            return
