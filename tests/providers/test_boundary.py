"""What every adapter owes the engine, over real HTTP and with both HTTP clients.

Charges, refunds and payouts owe the same: an answer that got lost is UNKNOWN, a call that never
left is NOT_SENT, a look-up finds the truth, and the PSP's own book says that no money moved twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport
from sandbox_servers import Sandbox, SandboxPsp, listen, url_of

from providers.boundary import (
    Answer,
    Captures,
    Charge,
    DeclineCode,
    Payout,
    Payouts,
    Provider,
    Refund,
    Refunds,
    Verdict,
)
from providers.mtn import MtnCollection, MtnCredentials
from providers.mtn_disbursement import MtnDisbursement
from providers.sandbox.mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS
from providers.stripe import StripeCards


def stripe(base_url: str, client: httpx.AsyncClient) -> StripeCards:
    return StripeCards("sk_test_boundary", client, f"{base_url}/cards")


def mtn_credentials(base_url: str, product: str) -> MtnCredentials:
    return MtnCredentials(
        subscription_key=SUBSCRIPTION_KEYS[product],
        api_user=DEMO_API_USERS["mtncameroon"],
        api_key=DEMO_API_KEY,
        target_environment="mtncameroon",
        base_url=f"{base_url}/mtn",
    )


def mtn(base_url: str, client: httpx.AsyncClient) -> MtnCollection:
    return MtnCollection(mtn_credentials(base_url, "collection"), client)


def mtn_out(base_url: str, client: httpx.AsyncClient) -> MtnDisbursement:
    return MtnDisbursement(mtn_credentials(base_url, "disbursement"), client)


async def of_a_card(url: str, client: httpx.AsyncClient) -> Charge:
    return Charge(str(uuid4()), 1500, "xaf", "pm_card_visa", external_id="ch_1")


async def of_a_wallet(url: str, client: httpx.AsyncClient) -> Charge:
    return Charge(str(uuid4()), 1500, "xaf", "+237670000000", external_id="ch_1")


async def refund_of(provider: Provider, charge: Charge) -> Refund:
    """A refund of a charge that has just been paid."""
    await provider.charge(charge)
    answer = await final(lambda: provider.look_up(charge))
    assert answer.verdict is Verdict.SUCCEEDED
    paid = replace(charge, provider_reference=answer.provider_reference)
    return Refund(str(uuid4()), 1500, paid, external_id="re_1")


async def back_to_a_card(url: str, client: httpx.AsyncClient) -> Refund:
    return await refund_of(stripe(url, client), await of_a_card(url, client))


async def back_to_a_wallet(url: str, client: httpx.AsyncClient) -> Refund:
    return await refund_of(mtn(url, client), await of_a_wallet(url, client))


async def out_to_a_wallet(url: str, client: httpx.AsyncClient) -> Payout:
    return Payout(str(uuid4()), 1500, "xaf", "+237670000000", external_id="po_1")


Create = Callable[[str, httpx.AsyncClient], Any]


@dataclass(frozen=True)
class Kind:
    """A way to move money, and the PSP that moves it."""

    psp_name: str
    create: Create  # the adapter
    prepare: Callable[[str, httpx.AsyncClient], Awaitable[Any]]  # what to send
    send: str  # method of the adapter
    look_up: str
    direction: str
    operation: str  # in the sandbox's script, as are the next two
    question: str
    refusal: str
    code: DeclineCode
    delay: float = 0.0  # seconds until it ends


KINDS = {
    "card_charge": Kind(
        "cards", stripe, of_a_card, "charge", "look_up",
        "in", "charge", "look_up", "insufficient_funds", DeclineCode.INSUFFICIENT_FUNDS,
    ),
    "card_refund": Kind(
        "cards", stripe, back_to_a_card, "refund", "look_up_refund",
        "out", "refund", "look_up_refund", "failed", DeclineCode.EXPIRED_CARD,
    ),
    "mtn_charge": Kind(
        "mtn", mtn, of_a_wallet, "charge", "look_up",
        "in", "charge", "look_up", "PAYER_NOT_FOUND", DeclineCode.PAYER_NOT_FOUND, 0.02,
    ),
    "mtn_refund": Kind(
        "mtn", mtn_out, back_to_a_wallet, "refund", "look_up_refund",
        "out", "refund", "look_up_refund", "PAYEE_NOT_FOUND", DeclineCode.PAYER_NOT_FOUND, 0.02,
    ),
    "mtn_payout": Kind(
        "mtn", mtn_out, out_to_a_wallet, "pay_out", "look_up_payout",
        "out", "transfer", "look_up_transfer", "NOT_ENOUGH_FUNDS",
        DeclineCode.FLOAT_INSUFFICIENT, 0.02,
    ),
}  # fmt: skip


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
        answer: Answer = await getattr(provider or self.provider, self.kind.send)(self.attempt)
        return answer

    async def look_up(self, provider: Any = None) -> Answer:
        answer: Answer = await getattr(provider or self.provider, self.kind.look_up)(self.attempt)
        return answer

    async def outcome(self) -> Answer:
        return await final(self.look_up)

    def moved(self) -> list[dict[str, Any]]:
        return self.psp.movements(self.attempt.reference)


@pytest.fixture(params=["httpx", "httpx_aiohttp"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """httpx alone, and with the transport that production uses."""
    transport = AiohttpTransport(verify=False) if request.param == "httpx_aiohttp" else None
    async with httpx.AsyncClient(
        transport=transport, timeout=0.3, trust_env=False, verify=False
    ) as client:
        yield client


@pytest.fixture(params=KINDS)
async def stage(
    request: pytest.FixtureRequest, shared_sandbox: Sandbox, client: httpx.AsyncClient
) -> Stage:
    kind = KINDS[request.param]
    psp = shared_sandbox.psp(kind.psp_name)
    psp.script(operation="charge", delay=kind.delay)  # for what a refund is of
    attempt = await kind.prepare(shared_sandbox.url, client)
    stage = Stage(kind, kind.create(shared_sandbox.url, client), psp, attempt)
    # Adapters that need a token have one from here on, so that faults meet the call itself.
    assert (await stage.look_up()).verdict is Verdict.NOT_SENT
    stage.script()
    return stage


async def test_it_succeeds_and_moves_the_money_once(stage: Stage) -> None:
    assert (await stage.send()).verdict in (Verdict.SUCCEEDED, Verdict.PENDING)
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    [movement] = stage.moved()
    assert (movement["amount"], movement["currency"]) == (1500, "xaf")
    assert movement["direction"] == stage.kind.direction


async def test_the_same_reference_twice_moves_the_money_once(stage: Stage) -> None:
    await asyncio.gather(*(stage.send() for _ in range(5)))
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    assert len(stage.moved()) == 1


async def test_a_refusal_has_a_code_and_its_raw_reason(stage: Stage) -> None:
    stage.script(outcome=stage.kind.refusal, delay=0.02)
    await stage.send()
    await asyncio.sleep(0.1)  # a card's refund that fails has succeeded first
    answer = await stage.outcome()
    assert answer.verdict is Verdict.DECLINED
    assert answer.decline_code is stage.kind.code
    assert answer.evidence
    assert stage.moved() == []


async def test_a_refused_connection_is_not_sent(stage: Stage, client: httpx.AsyncClient) -> None:
    with listen() as nobody:  # bound, never listening: connections are refused
        provider = stage.kind.create(url_of(nobody), client)
        assert (await stage.send(provider)).verdict is Verdict.NOT_SENT
        # Not having been able to ask is not the same as "never seen".
        assert (await stage.look_up(provider)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("fault", ["reset_before_accepting", "error_500", "error_503"])
async def test_a_fault_before_accepting_is_unknown_until_looked_up(
    stage: Stage, fault: str
) -> None:
    stage.script(fault=fault)
    assert (await stage.send()).verdict is Verdict.UNKNOWN
    assert (await stage.look_up()).verdict is Verdict.NOT_SENT
    assert stage.moved() == []


@pytest.mark.parametrize(
    "fault",
    [
        "reset_after_accepting",
        "timeout_after_accepting",
        "error_500_after_accepting",
        "unparsable_after_accepting",
    ],
)
async def test_a_fault_after_accepting_is_unknown_and_the_money_is_found(
    stage: Stage, fault: str
) -> None:
    stage.script(fault=fault, fault_seconds=1)
    assert (await stage.send()).verdict is Verdict.UNKNOWN
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    assert len(stage.moved()) == 1


async def test_during_an_outage_nothing_is_claimed(stage: Stage) -> None:
    stage.psp.script(outage=True)
    assert (await stage.send()).verdict is Verdict.UNKNOWN
    assert (await stage.look_up()).verdict is Verdict.UNKNOWN
    stage.psp.script(outage=False)
    assert (await stage.look_up()).verdict is Verdict.NOT_SENT


@pytest.mark.parametrize(
    "fault",
    [
        "reset_before_accepting",
        "timeout_after_accepting",
        "error_500",
        "unparsable_after_accepting",
    ],
)
async def test_a_broken_look_up_says_nothing_about_the_money(stage: Stage, fault: str) -> None:
    await stage.send()
    stage.psp.script(operation=stage.kind.question, fault=fault, fault_seconds=1)
    assert (await stage.look_up()).verdict is Verdict.UNKNOWN
    stage.psp.clear()
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED


async def test_no_secret_reaches_the_evidence(stage: Stage) -> None:
    said = str((await stage.send()).evidence)
    said += str((await stage.outcome()).evidence)
    for secret in ("sk_test", "_secret_", DEMO_API_KEY, *SUBSCRIPTION_KEYS.values()):
        assert secret not in said


@pytest.mark.parametrize(
    ("create", "can"),
    [(stripe, {Captures, Refunds}), (mtn, set()), (mtn_out, {Payouts, Refunds})],
)
async def test_having_the_methods_is_the_opt_in(
    client: httpx.AsyncClient, create: Create, can: set[Any]
) -> None:
    provider = create("http://127.0.0.1", client)
    assert {
        protocol for protocol in (Captures, Payouts, Refunds) if isinstance(provider, protocol)
    } == can


@pytest.mark.parametrize("stage", ["card_charge"], indirect=True)
async def test_a_hold_is_taken_in_part(stage: Stage) -> None:
    stage.attempt = replace(stage.attempt, capture=False)
    assert (await stage.send()).verdict is Verdict.SUCCEEDED
    assert stage.moved() == []
    taken = await stage.provider.capture(stage.attempt, str(uuid4()), 900)
    assert taken.verdict is Verdict.SUCCEEDED
    [movement] = stage.moved()
    assert movement["amount"] == 900
    canceled = await stage.provider.cancel(stage.attempt, str(uuid4()))
    assert canceled.verdict is Verdict.DECLINED


@pytest.mark.parametrize("stage", ["mtn_charge"], indirect=True)
async def test_a_hold_where_the_provider_has_none_is_not_sent(stage: Stage) -> None:
    stage.attempt = replace(stage.attempt, capture=False)
    assert (await stage.send()).verdict is Verdict.NOT_SENT


@pytest.mark.parametrize("stage", ["card_refund", "mtn_refund"], indirect=True)
async def test_refunds_add_up_to_the_charge_and_no_further(stage: Stage) -> None:
    whole = stage.attempt
    for amount, fits in ((600, True), (901, False), (900, True)):
        stage.attempt = replace(whole, reference=str(uuid4()), amount=amount)
        answer = await stage.send()
        if answer.verdict is Verdict.PENDING:
            answer = await stage.outcome()
        assert answer.verdict is (Verdict.SUCCEEDED if fits else Verdict.DECLINED)
        assert [moved["amount"] for moved in stage.moved()] == ([amount] if fits else [])


@pytest.mark.parametrize("stage", ["mtn_charge", "mtn_refund", "mtn_payout"], indirect=True)
async def test_the_balance_follows_the_money(
    stage: Stage, shared_sandbox: Sandbox, client: httpx.AsyncClient
) -> None:
    before = await stage.provider.balance()
    assert before is not None
    await stage.send()
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    change = 1500 if stage.kind.direction == "in" else -1500
    for create in (mtn, mtn_out):  # one wallet, whichever product asks
        after = await create(shared_sandbox.url, client).balance()
        assert after == replace(before, amount=before.amount + change)


@pytest.mark.parametrize("create", [mtn, mtn_out])
async def test_a_balance_that_nobody_tells_is_none(
    client: httpx.AsyncClient, create: Create
) -> None:
    with listen() as nobody:
        assert await create(url_of(nobody), client).balance() is None
