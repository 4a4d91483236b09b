"""The ways to move money that the contract in `test_boundary.py` is tried on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
from sandbox_servers import SandboxPsp

from providers.boundary import (
    Answer,
    Charge,
    DeclineCode,
    Payout,
    PayoutPreparations,
    Preparations,
    Provider,
    Refund,
    Verdict,
)

Create = Callable[[str, httpx.AsyncClient], Any]


@dataclass(frozen=True)
class Kind:
    """A way to move money, and the PSP that moves it."""

    psp_name: str
    create: Create  # the adapter, from the sandbox's base URL and a client
    prepare: Callable[[str, httpx.AsyncClient], Awaitable[Any]]  # what to send
    send: str  # method of the adapter
    look_up: str
    direction: str
    operation: str  # in the sandbox's script, as are the next two
    question: str
    refusal: str
    code: DeclineCode
    delay: float = 0.0  # seconds until it ends
    secrets: tuple[str, ...] = ()  # that no evidence may show
    # Of providers with a page of their own: be the payer, who opens the page and pays there (or is
    # refused, if the script says so).
    visit: Callable[[Answer], Awaitable[None]] | None = None
    sends: bool = True  # False where the payer's browser sends the attempt, and nothing else does
    # False for providers who can only be asked by an id of their own, which a lost answer takes
    # along: a look-up then says NOT_SENT without asking, and is right as far as money goes, since
    # nobody has their page or the token to pay with.
    found_again: bool = True
    # What a look-up says of an attempt that the PSP has never seen. UNKNOWN where the PSP would
    # move money twice for one reference, so that nothing may ever tell the engine to send again.
    never_seen: Verdict = Verdict.NOT_SENT
    # What the book calls the movement of an attempt, where it is not our reference.
    booked_as: Callable[[Any], str] = lambda attempt: attempt.reference


async def final(look_up: Callable[[], Awaitable[Answer]]) -> Answer:
    """What a look-up says, once it is neither PENDING nor UNKNOWN."""
    async with asyncio.timeout(5):
        while True:
            answer = await look_up()
            if answer.verdict not in (Verdict.PENDING, Verdict.UNKNOWN):
                return answer
            await asyncio.sleep(0.02)


@dataclass
class Stage:
    """One test's adapter, PSP, and the charge, refund or payout to send."""

    kind: Kind
    provider: Any
    psp: SandboxPsp
    attempt: Any

    def script(self, **rule: Any) -> None:
        """Script the PSP for this kind of call, with an end that comes quickly."""
        self.psp.script(**{"operation": self.kind.operation, "delay": self.kind.delay, **rule})

    async def send(self, provider: Any = None) -> Answer:
        """Send the attempt as the engine does: prepared first, its provider's id kept."""
        provider = provider or self.provider
        prepared = await self._prepared(provider)
        if prepared is not None and prepared.verdict is not Verdict.PENDING:
            return prepared
        answer: Answer = await getattr(provider, self.kind.send)(self.attempt)
        self._keep(answer)
        return answer

    async def look_up(self, provider: Any = None) -> Answer:
        answer: Answer = await getattr(provider or self.provider, self.kind.look_up)(self.attempt)
        return answer

    async def finish(self, answer: Answer) -> Answer:
        """The outcome, once the payer has been on the provider's page, if there is one."""
        if self.kind.visit is not None:
            await self.kind.visit(answer)
        return await self.outcome()

    async def outcome(self) -> Answer:
        return await final(self.look_up)

    def moved(self) -> list[dict[str, Any]]:
        return self.psp.movements(self.kind.booked_as(self.attempt))

    async def _prepared(self, provider: Any) -> Answer | None:
        answer: Answer | None = None
        if self.kind.send == "charge" and isinstance(provider, Preparations):
            answer = await provider.prepare(self.attempt)
        elif self.kind.send == "pay_out" and isinstance(provider, PayoutPreparations):
            answer = await provider.prepare_payout(self.attempt)
        if answer is not None:
            self._keep(answer)
        return answer

    def _keep(self, answer: Answer) -> None:
        if answer.provider_reference is not None:
            self.attempt = replace(self.attempt, provider_reference=answer.provider_reference)


def charge_of(payer: str, currency: str = "xaf") -> Charge:
    """A charge of 1,500 minor units."""
    return Charge(str(uuid4()), 1500, currency, payer, external_id="ch_1")


def payout_to(recipient: str, currency: str = "xaf") -> Payout:
    """A payout of 1,500 minor units."""
    return Payout(str(uuid4()), 1500, currency, recipient, external_id="po_1")


async def refund_of(provider: Provider, charge: Charge) -> Refund:
    """A refund of a charge that has just been paid."""
    await provider.charge(charge)
    answer = await final(lambda: provider.look_up(charge))
    assert answer.verdict is Verdict.SUCCEEDED
    paid = replace(charge, provider_reference=answer.provider_reference)
    return Refund(str(uuid4()), 1500, paid, external_id="re_1")
