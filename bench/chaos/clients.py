"""Merchants' servers: they ask again, with the same key, until they are answered.

That is what the official Stripe SDKs do, except that these never give up after two retries.
"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from bench.chaos.doors import Answer, Call, Door
from bench.chaos.inbox import Inbox

FIRST_PAUSE, LONGEST_PAUSE = 0.3, 3.0  # seconds before asking again; hundreds do at once
PATIENCE = 240.0  # seconds of asking again; within them every call must have got an answer
REACH_SECONDS = 120.0  # how long a merchant watches an object before leaving it to itself
POLL_SECONDS = 3.0  # without news for so long, a merchant asks


Visit = Callable[[str], Awaitable[None]]
"""What a payer does on a page, by its address."""


class Refused(Exception):
    """An answer that no scenario expects."""


class Shown(Struct, frozen=True):
    """What audits remember of an object that a client was shown."""

    id: str = ""
    object: str = ""
    status: str = ""
    latest_charge: str | None = None
    payment_intent: str | None = None
    next_action: dict[str, Any] | None = None
    secret: str = ""  # of a webhook endpoint

    @property
    def page(self) -> str | None:
        """Where the payer is sent."""
        action = self.next_action or {}
        found: str | None = action.get("redirect_to_url", {}).get("url")
        return found


class _Error(Struct, frozen=True):
    code: str | None = None
    payment_intent: Shown | None = None


class _Refusal(Struct, frozen=True):
    error: _Error


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An answer a client was given. What it says must stay true."""

    merchant: int
    call: Call
    status: int  # 200, or 402 for a refused attempt
    digest: bytes  # of the body
    shown: Shown  # the object in it; an empty one where a refusal shows none


@dataclass(slots=True)
class Diary:
    """What all clients of a run were told."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)  # those that were to come, by code
    refused: list[str] = field(default_factory=list)  # those that were not
    unanswered: list[str] = field(default_factory=list)
    retries: int = 0


class Client:
    """One merchant's server."""

    def __init__(self, door: Door, merchant: int, diary: Diary, inbox: Inbox) -> None:
        self._door = door
        self._merchant = merchant
        self._diary = diary
        self._inbox = inbox
        self.destinations: dict[str, str] = {}  # external accounts by the numbers of their wallets

    async def call(
        self,
        method: str,
        params: Mapping[str, Any],
        key: str,
        *,
        impatient: bool = False,
        refusals: frozenset[str] = frozenset(),
    ) -> Shown | None:
        """Carry out a write, asking until there is an answer; returns the object in it.

        None: it was refused for one of the reasons in `refusals`. Raises Refused for any other
        reason and TimeoutError.
        """
        call = Call(method, params, key, impatient)
        answer = await self._insist(call)
        if answer.status in (200, 402):
            told = Acknowledged(
                self._merchant, call, answer.status, digest(answer.body), _shown(answer)
            )
            self._diary.acknowledged.append(told)
            return told.shown
        code = msgspec.json.decode(answer.body, type=_Refusal).error.code or "without a code"
        if code not in refusals:
            raise Refused(f"{method} {key}: {answer.status} {answer.body[:300]!r}")
        self._diary.refusals[f"{method}: {code}"] += 1
        return None

    async def read(self, method: str, params: Mapping[str, Any]) -> bytes:
        """Carry out a read, asking until there is an answer. Raises Refused and TimeoutError."""
        answer = await self._insist(Call(method, params))
        if answer.status != 200:
            raise Refused(f"{method}: {answer.status} {answer.body[:300]!r}")
        return answer.body

    async def again(self, call: Call) -> Answer:
        """Make an answered call once more. Raises TimeoutError."""
        return await self._insist(Call(call.method, call.params, call.key))

    async def reach(self, shown: Shown, *statuses: str, visit: Visit | None = None) -> Shown | None:
        """Watch an intent or payout until it has one of these statuses; None if that takes too
        long. Webhooks tell; whoever hears nothing asks. A payer who is sent to a page visits it."""
        deadline = time.monotonic() + REACH_SECONDS
        while shown.status not in statuses:
            if time.monotonic() > deadline:
                return None
            if visit is not None and shown.page is not None:
                await visit(shown.page)
            await self._inbox.news(shown.id, POLL_SECONDS)
            name = {"payment_intent": "intent"}.get(shown.object, shown.object)
            body = await self.read(f"{shown.object}s.retrieve", {name: shown.id})
            shown = msgspec.json.decode(body, type=Shown)
        return shown

    async def dispute_of(self, intent: Shown) -> str | None:
        """Wait until a payment is disputed, and return the dispute's id; None if that takes too
        long."""
        deadline = time.monotonic() + REACH_SECONDS
        while time.monotonic() < deadline:
            found = await self._inbox.news(f"dispute of {intent.id}", POLL_SECONDS)
            if found is not None:
                return found
            body = await self.read("disputes.list", {"payment_intent": intent.id})
            page = msgspec.json.decode(body, type=_Page)
            if page.data:
                return page.data[0].id
        return None

    async def _insist(self, call: Call) -> Answer:
        deadline = time.monotonic() + PATIENCE
        hurried, pause = call.impatient, FIRST_PAUSE
        while (answer := await self._door.send(call, hurried=hurried)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{call.method} {call.key} was never answered")
            hurried = False
            self._diary.retries += 1
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return answer


class _Page(Struct, frozen=True):
    data: list[Shown]


def _shown(answer: Answer) -> Shown:
    if answer.status == 200:
        return msgspec.json.decode(answer.body, type=Shown)
    return msgspec.json.decode(answer.body, type=_Refusal).error.payment_intent or Shown()


def digest(body: bytes) -> bytes:
    """What is kept of an answer, to tell whether a later one is the same byte for byte."""
    return hashlib.sha256(body).digest()
