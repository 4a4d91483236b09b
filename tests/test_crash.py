"""Nothing is lost and nobody is charged twice, whichever process dies and whenever.

A short run of what `make chaos` does at length, and the proof that its audit can see.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from live import Stack, eventually, new_merchant, start_stack, stop_stack

from bench.chaos.audit import audit
from bench.chaos.books import Attempt, Charge, Intent, Ours, attempts
from bench.chaos.clients import Acknowledged
from bench.chaos.kills import Killer
from bench.chaos.plan import Payment, Plan, draw
from bench.chaos.run import run
from processor.ledger.verify import Breach


def test_killed_processes_and_broken_providers_cost_nobody_a_franc(tmp_path: Path) -> None:
    report = run(draw(seed=7, payments=40, kills=10), tmp_path / "state")
    assert report.violations == []
    assert report.kills.total() > 6
    assert sum(len(attempt.taken) for attempt in report.attempts) > 10
    assert report.replayed > 40


def test_the_audit_notices_an_engine_that_sends_again_what_is_unclear(tmp_path: Path) -> None:
    payments = [
        Payment(
            number=number,
            merchant=0,
            amount=20_000 + number,
            scenario="card",
            payer="pm_card_visa",
            separate=False,
            impatient=False,
            rule={"amount": 20_000 + number, "times": 1, "fault": "reset_after_accepting"},
            ambush=None,
        )
        for number in range(3)
    ]
    plan = Plan(seed=0, payments=payments, kills=[], weather=[])
    report = run(plan, tmp_path / "state", sabotage=True, seconds_of_quiet=3)
    kinds = Counter(violation.kind for violation in report.violations)
    assert kinds["doubled"] == kinds["stray"] == len(payments)


# --- each kind of loss, in books made up for it -------------------------------------------------

TAKEN = Attempt("mtn", "reference", 500, "taken", [500])
CHARGE = Charge(
    schema="t1_test",
    id="py_1",
    intent="pi_1",
    state="succeeded",
    reference="reference",
    amount=500,
    amount_captured=500,
    step=None,
    late=False,
    receipt=True,
    posted=[500],
)
INTENT = Intent("t1_test", "pi_1", 1, "succeeded", 500, "py_1")
EVENTS = Counter({("pi_1", "payment_intent.succeeded"): 1, ("py_1", "charge.succeeded"): 1})
TOLD = Acknowledged(
    merchant=0,
    path="/v1/payment_intents",
    form={},
    key="1 create",
    status=200,
    body=b'{"id": "pi_1", "status": "succeeded", "latest_charge": "py_1"}',
)


def kinds_found(
    at_psps: list[Attempt],
    charges: list[Charge],
    intents: list[Intent],
    events: Counter[tuple[str, str]] = EVENTS,
    cleared: int = 500,
) -> set[str]:
    ours = Ours(charges, intents, events, cleared=cleared)
    return {violation.kind for violation in audit(at_psps, ours, [TOLD])}


def test_books_that_agree_are_in_order() -> None:
    assert kinds_found([TAKEN], [CHARGE], [INTENT]) == set()


@pytest.mark.parametrize(
    ("at_psp", "charge", "kind"),
    [
        (replace(TAKEN, reference="other"), CHARGE, "stray"),
        (TAKEN, replace(CHARGE, state="failed"), "lost"),
        (replace(TAKEN, fate="held", taken=[]), replace(CHARGE, state="canceled"), "lost"),
        (TAKEN, replace(CHARGE, amount_captured=499), "wrong amount"),
        (replace(TAKEN, taken=[500, 500]), CHARGE, "doubled"),
        (replace(TAKEN, fate="nothing", taken=[]), CHARGE, "invented"),
        (TAKEN, replace(CHARGE, state="authorized"), "invented"),
        (TAKEN, replace(CHARGE, state="pending"), "unsettled"),
        (TAKEN, replace(CHARGE, state="unknown"), "unsettled"),
        (TAKEN, replace(CHARGE, step="capture"), "unsettled"),
        (TAKEN, replace(CHARGE, late=True), "refused too early"),
        (TAKEN, replace(CHARGE, receipt=False), "no receipt"),
        (TAKEN, replace(CHARGE, posted=[500, 500]), "ledger"),
        (TAKEN, replace(CHARGE, id="py_2"), "forgotten"),
    ],
)
def test_a_charge_that_disagrees_is_noticed(at_psp: Attempt, charge: Charge, kind: str) -> None:
    assert kind in kinds_found([at_psp], [charge], [INTENT])


@pytest.mark.parametrize(
    ("intents", "kind"),
    [
        ([], "forgotten"),
        ([replace(INTENT, status="requires_payment_method")], "taken back"),
        ([replace(INTENT, amount_received=0)], "contradiction"),
        ([INTENT, replace(INTENT, id="pi_2")], "doubled"),
    ],
)
def test_an_intent_that_disagrees_is_noticed(intents: list[Intent], kind: str) -> None:
    assert kind in kinds_found([TAKEN], [CHARGE], intents)


def test_a_second_attempt_that_took_the_money_is_noticed() -> None:
    second = replace(TAKEN, psp="cards", reference="second", taken=[500])
    charges = [CHARGE, replace(CHARGE, id="ch_2", reference="second")]
    assert "doubled" in kinds_found([TAKEN, second], charges, [INTENT])


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("about", list(EVENTS))
def test_an_event_that_is_missing_or_repeated_is_noticed(
    about: tuple[str, str], count: int
) -> None:
    events = EVENTS | Counter({about: count})
    events[about] = count
    assert kinds_found([TAKEN], [CHARGE], [INTENT], events) == {"event"}


def test_a_ledger_that_is_a_franc_short_is_noticed() -> None:
    assert kinds_found([TAKEN], [CHARGE], [INTENT], cleared=499) == {"ledger"}


def test_a_ledger_that_breaks_its_own_promise_is_noticed() -> None:
    ours = Ours([CHARGE], [INTENT], EVENTS, [Breach("every transaction balances", ["txn_1"])], 500)
    assert [each.about for each in audit([TAKEN], ours, [TOLD])] == ["every transaction balances"]


# --- what chaos has found before ----------------------------------------------------------------


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose parts may be killed."""
    process, stack = start_stack(tmp_path / "state")
    yield stack
    stop_stack(process)


def test_a_capture_without_an_answer_outlives_a_repeat_that_cannot_be_sent(fragile: Stack) -> None:
    merchant = new_merchant(fragile)
    held = merchant.api.payment_intents.create(
        {
            "amount": 5000,
            "currency": "xaf",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "capture_method": "manual",
        }
    )
    rule = {"operation": "capture", "fault": "reset_after_accepting", "times": 1}
    httpx.post(f"{fragile.sandbox}/cards/control/script", json=rule).raise_for_status()
    assert merchant.api.payment_intents.capture(held.id).status == "processing"

    async def keep_the_provider_down() -> None:
        killer, until = Killer(fragile.pid), time.monotonic() + 7
        while time.monotonic() < until:  # the janitor repeats the capture after five seconds
            await killer.kill("sandbox", "while the capture is repeated")

    asyncio.run(keep_the_provider_down())

    def captured() -> bool:
        return bool(merchant.api.payment_intents.retrieve(held.id).status == "succeeded")

    assert eventually(captured, 40)
    taken = [attempt.taken for attempt in attempts(fragile.state / "sandbox")]
    assert taken == [[5000]]
