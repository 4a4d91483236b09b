"""What every adapter owes the engine, over real HTTP and with both HTTP clients.

Charges, refunds and payouts owe the same: an answer that got lost is UNKNOWN, a call that never
left is NOT_SENT, a look-up finds the truth, and the PSP's own book says that no money moved twice.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import kinds_cards
import kinds_cinetpay
import kinds_cmi
import kinds_flutterwave
import kinds_moov
import kinds_mtn
import kinds_orange_cm
import kinds_orange_web
import kinds_paygate
import kinds_paypal
import pytest
from boundary_kinds import Create, Stage
from httpx_aiohttp import AiohttpTransport
from kinds_cards import stripe
from kinds_cmi import cmi
from kinds_flutterwave import flutterwave
from kinds_moov import moov
from kinds_mtn import mtn, mtn_out
from kinds_paypal import paypal
from sandbox_servers import Sandbox, listen, url_of

from providers.boundary import (
    Captures,
    CredentialChecks,
    PayoutPreparations,
    Payouts,
    Preparations,
    Refunds,
    Verdict,
)

KINDS = {
    **kinds_cards.KINDS,
    **kinds_cinetpay.KINDS,
    **kinds_cmi.KINDS,
    **kinds_flutterwave.KINDS,
    **kinds_moov.KINDS,
    **kinds_mtn.KINDS,
    **kinds_orange_cm.KINDS,
    **kinds_orange_web.KINDS,
    **kinds_paygate.KINDS,
    **kinds_paypal.KINDS,
}


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
    assert isinstance(stage.provider, CredentialChecks)
    await stage.provider.check_credentials()
    assert (await stage.look_up()).verdict is kind.never_seen
    stage.script()
    return stage


async def test_it_succeeds_and_moves_the_money_once(stage: Stage) -> None:
    answer = await stage.send()
    assert answer.verdict in (Verdict.SUCCEEDED, Verdict.PENDING)
    assert (await stage.finish(answer)).verdict is Verdict.SUCCEEDED
    [movement] = stage.moved()
    moved = stage.attempt.charge if stage.kind.send == "refund" else stage.attempt
    assert (movement["amount"], movement["currency"]) == (1500, moved.currency)
    assert movement["direction"] == stage.kind.direction


async def test_the_same_reference_twice_moves_the_money_once(stage: Stage) -> None:
    first = await stage.send()  # as the engine would: the provider's id is known to the others
    answers = [first, *await asyncio.gather(*(stage.send() for _ in range(4)))]
    pages = [answer for answer in answers if answer.redirect_url]
    assert (await stage.finish(pages[-1] if pages else first)).verdict is Verdict.SUCCEEDED
    assert len(stage.moved()) == 1


async def test_a_refusal_has_a_code_and_its_raw_reason(stage: Stage) -> None:
    stage.script(outcome=stage.kind.refusal, delay=0.02)
    answer = await stage.send()
    await asyncio.sleep(0.1)  # a card's refund that fails has succeeded first
    answer = answer if answer.verdict is Verdict.DECLINED else await stage.finish(answer)
    assert answer.verdict is Verdict.DECLINED
    assert answer.decline_code is stage.kind.code
    assert answer.evidence
    assert stage.moved() == []


async def test_a_refused_connection_is_not_sent(stage: Stage, client: httpx.AsyncClient) -> None:
    with listen() as nobody:  # bound, never listening: connections are refused
        provider = stage.kind.create(url_of(nobody), client)
        if stage.kind.sends:
            assert (await stage.send(provider)).verdict is Verdict.NOT_SENT
        if stage.kind.found_again:
            # Not having been able to ask is not the same as "never seen".
            assert (await stage.look_up(provider)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("fault", ["reset_before_accepting", "error_500", "error_503"])
async def test_a_fault_before_accepting_is_unknown_until_looked_up(
    stage: Stage, fault: str
) -> None:
    skip_unless_it_sends(stage)
    stage.script(fault=fault)
    assert (await stage.send()).verdict is Verdict.UNKNOWN
    assert (await stage.look_up()).verdict is stage.kind.never_seen
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
    skip_unless_it_sends(stage)
    stage.script(fault=fault, fault_seconds=1, times=1)
    assert (await stage.send()).verdict is Verdict.UNKNOWN
    if stage.kind.visit is not None:
        # Nobody has the page, so nothing can have moved: it is asked for again.
        assert (await stage.look_up()).verdict in (Verdict.NOT_SENT, Verdict.PENDING)
        assert (await stage.finish(await stage.send())).verdict is Verdict.SUCCEEDED
    else:
        assert (await stage.outcome()).verdict is Verdict.SUCCEEDED
    assert len(stage.moved()) == 1


async def test_during_an_outage_nothing_is_claimed(stage: Stage) -> None:
    skip_unless_it_sends(stage)
    stage.psp.script(outage=True)
    prepares = isinstance(stage.provider, (Preparations, PayoutPreparations))
    # An attempt that could not be prepared was not sent, whatever became of the preparation.
    assert (await stage.send()).verdict is (Verdict.NOT_SENT if prepares else Verdict.UNKNOWN)
    if stage.kind.found_again and not prepares:
        assert (await stage.look_up()).verdict is Verdict.UNKNOWN
    stage.psp.script(outage=False)
    assert (await stage.look_up()).verdict is stage.kind.never_seen
    assert stage.moved() == []


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
    answer = await stage.send()
    stage.psp.script(operation=stage.kind.question, fault=fault, fault_seconds=1)
    assert (await stage.look_up()).verdict is Verdict.UNKNOWN
    stage.psp.clear()
    stage.script()
    assert (await stage.finish(answer)).verdict is Verdict.SUCCEEDED


async def test_no_secret_reaches_the_evidence(stage: Stage) -> None:
    answer = await stage.send()
    said = str(answer.evidence) + str((await stage.finish(answer)).evidence)
    assert stage.kind.secrets
    for secret in stage.kind.secrets:
        assert secret not in said


def skip_unless_it_sends(stage: Stage) -> None:
    if not stage.kind.sends:
        pytest.skip("the payer's browser sends it")


@pytest.mark.parametrize(
    ("create", "can"),
    [
        (stripe, {Captures, Refunds}),
        (mtn, set()),
        (mtn_out, {Payouts, Refunds}),
        (cmi, {Captures, Refunds}),
        (flutterwave, {Refunds}),
        (moov, {Payouts, Refunds}),
        (paypal, {Captures, Refunds}),
    ],
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


@pytest.mark.parametrize(
    "stage", ["card_refund", "cmi_refund", "mtn_refund", "paypal_refund"], indirect=True
)
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
