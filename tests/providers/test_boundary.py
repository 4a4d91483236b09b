"""What every adapter owes the engine, over real HTTP and with both HTTP clients.

An answer that got lost is UNKNOWN, a call that never left is NOT_SENT, a look-up finds the truth,
and the PSP's own book says that nobody paid twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport
from sandbox_servers import Sandbox, SandboxPsp, listen, url_of

from providers.boundary import Answer, Captures, Charge, DeclineCode, Provider, Verdict
from providers.mtn import MtnCollection, MtnCredentials
from providers.sandbox.mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS
from providers.stripe import StripeCards


def stripe(base_url: str, client: httpx.AsyncClient) -> Provider:
    return StripeCards("sk_test_boundary", client, f"{base_url}/cards")


def mtn(base_url: str, client: httpx.AsyncClient) -> Provider:
    credentials = MtnCredentials(
        subscription_key=SUBSCRIPTION_KEYS["collection"],
        api_user=DEMO_API_USERS["mtncameroon"],
        api_key=DEMO_API_KEY,
        target_environment="mtncameroon",
        base_url=f"{base_url}/mtn",
    )
    return MtnCollection(credentials, client)


@dataclass
class Side:
    """An adapter and the PSP it talks to."""

    create: Callable[[str, httpx.AsyncClient], Provider]
    psp_name: str
    payer: str
    poor_payer: str
    poor_code: DeclineCode
    delay: float  # seconds that the payer thinks


SIDES = [
    Side(
        stripe,
        "cards",
        "pm_card_visa",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        DeclineCode.INSUFFICIENT_FUNDS,
        0.0,
    ),
    Side(mtn, "mtn", "+237670000000", "+237670000055", DeclineCode.PAYER_NOT_FOUND, 0.02),
]


@dataclass
class Stage:
    """One test's adapter, PSP and charge."""

    side: Side
    provider: Provider
    psp: SandboxPsp
    charge: Charge

    def script(self, **rule: Any) -> None:
        """Script the PSP, with a payer who thinks quickly."""
        self.psp.script(**rule, delay=self.side.delay)

    async def outcome(self) -> Answer:
        """What a look-up says, once it is neither PENDING nor UNKNOWN."""
        async with asyncio.timeout(5):
            while True:
                answer = await self.provider.look_up(self.charge)
                if answer.verdict not in (Verdict.PENDING, Verdict.UNKNOWN):
                    return answer
                await asyncio.sleep(0.02)


@pytest.fixture(params=["httpx", "httpx_aiohttp"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """httpx alone, and with the transport that production uses."""
    transport = AiohttpTransport(verify=False) if request.param == "httpx_aiohttp" else None
    async with httpx.AsyncClient(
        transport=transport, timeout=0.3, trust_env=False, verify=False
    ) as client:
        yield client


@pytest.fixture(params=SIDES, ids=lambda side: side.create.__name__)
async def stage(
    request: pytest.FixtureRequest, shared_sandbox: Sandbox, client: httpx.AsyncClient
) -> Stage:
    side: Side = request.param
    charge = Charge(str(uuid4()), 1500, "xaf", side.payer, external_id="ch_1")
    provider = side.create(shared_sandbox.url, client)
    # Adapters that need a token have one from here on, so that faults meet the call itself.
    assert (await provider.look_up(charge)).verdict is Verdict.NOT_SENT
    stage = Stage(side, provider, shared_sandbox.psp(side.psp_name), charge)
    stage.script()
    return stage


async def test_a_charge_succeeds_and_moves_the_money_once(stage: Stage) -> None:
    answer = await stage.provider.charge(stage.charge)
    assert answer.verdict in (Verdict.SUCCEEDED, Verdict.PENDING)
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    [movement] = stage.psp.movements(stage.charge.reference)
    assert (movement["amount"], movement["currency"]) == (1500, "xaf")


async def test_the_same_reference_twice_moves_the_money_once(stage: Stage) -> None:
    await asyncio.gather(*(stage.provider.charge(stage.charge) for _ in range(5)))
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    assert len(stage.psp.movements(stage.charge.reference)) == 1


async def test_a_refusal_has_a_code_and_its_raw_reason(stage: Stage) -> None:
    stage.charge = replace(stage.charge, payer=stage.side.poor_payer)
    await stage.provider.charge(stage.charge)
    answer = await stage.outcome()
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, stage.side.poor_code)
    assert answer.evidence
    assert stage.psp.movements(stage.charge.reference) == []


async def test_a_refused_connection_is_not_sent(stage: Stage, client: httpx.AsyncClient) -> None:
    with listen() as nobody:  # bound, never listening: connections are refused
        provider = stage.side.create(url_of(nobody), client)
        assert (await provider.charge(stage.charge)).verdict is Verdict.NOT_SENT
        # Not having been able to ask is not the same as "never seen".
        assert (await provider.look_up(stage.charge)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("fault", ["reset_before_accepting", "error_500", "error_503"])
async def test_a_fault_before_accepting_is_unknown_until_looked_up(
    stage: Stage, fault: str
) -> None:
    stage.script(fault=fault)
    assert (await stage.provider.charge(stage.charge)).verdict is Verdict.UNKNOWN
    assert (await stage.provider.look_up(stage.charge)).verdict is Verdict.NOT_SENT
    assert stage.psp.movements(stage.charge.reference) == []


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
    assert (await stage.provider.charge(stage.charge)).verdict is Verdict.UNKNOWN
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    assert len(stage.psp.movements(stage.charge.reference)) == 1


async def test_during_an_outage_nothing_is_claimed(stage: Stage) -> None:
    stage.psp.script(outage=True)
    assert (await stage.provider.charge(stage.charge)).verdict is Verdict.UNKNOWN
    assert (await stage.provider.look_up(stage.charge)).verdict is Verdict.UNKNOWN
    stage.psp.script(outage=False)
    assert (await stage.provider.look_up(stage.charge)).verdict is Verdict.NOT_SENT


@pytest.mark.parametrize(
    "fault",
    [
        "reset_before_accepting",
        "timeout_after_accepting",
        "error_500",
        "unparsable_after_accepting",
    ],
)
async def test_a_broken_look_up_says_nothing_about_the_charge(stage: Stage, fault: str) -> None:
    await stage.provider.charge(stage.charge)
    stage.psp.script(operation="look_up", fault=fault, fault_seconds=1)
    assert (await stage.provider.look_up(stage.charge)).verdict is Verdict.UNKNOWN
    stage.psp.clear()
    assert (await stage.outcome()).verdict is Verdict.SUCCEEDED


async def test_a_hold_is_taken_in_part_or_released_where_the_provider_can(stage: Stage) -> None:
    stage.charge = replace(stage.charge, capture=False)
    answer = await stage.provider.charge(stage.charge)
    if not isinstance(stage.provider, Captures):
        assert answer.verdict is Verdict.NOT_SENT
        return
    assert answer.verdict is Verdict.SUCCEEDED
    assert stage.psp.movements(stage.charge.reference) == []
    assert (await stage.provider.capture(stage.charge, str(uuid4()), 900)).verdict is (
        Verdict.SUCCEEDED
    )
    [movement] = stage.psp.movements(stage.charge.reference)
    assert movement["amount"] == 900
    assert (await stage.provider.cancel(stage.charge, str(uuid4()))).verdict is Verdict.DECLINED


async def test_no_secret_reaches_the_evidence(stage: Stage) -> None:
    said = str((await stage.provider.charge(stage.charge)).evidence)
    said += str((await stage.outcome()).evidence)
    for secret in ("sk_test", "_secret_", DEMO_API_KEY, SUBSCRIPTION_KEYS["collection"]):
        assert secret not in said
