"""Nothing is lost and nobody is charged twice, whichever process dies and whenever.

A short run of what `make chaos` does at length, and the proof that its audit can see. What the
audit notices, kind by kind, is in `bench/test_chaos_audit.py`.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Stack, eventually, new_merchant, start_stack, stop_stack

from bench.chaos.books import attempts
from bench.chaos.kills import Killer
from bench.chaos.payers import Payer
from bench.chaos.plan import Payment, Plan, Scenario, draw
from bench.chaos.run import Sabotage, run
from bench.chaos.trouble import Psp


def test_killed_processes_and_broken_providers_cost_nobody_a_franc(tmp_path: Path) -> None:
    # Those with pages take the minutes that a page lasts: they are for `make chaos`.
    psps: tuple[Psp, ...] = ("cards", "flutterwave", "moov", "mtn", "orange_cm", "paygate")
    report = run(draw(seed=7, payments=60, kills=8, psps=psps), tmp_path / "state")
    assert report.violations == []
    assert report.kills.total() > 3
    assert {attempt.psp for attempt in report.attempts} >= set(psps)
    moved = [movement.kind for attempt in report.attempts for movement in attempt.moved]
    assert moved.count("charge") > 10
    assert {"charge", "refund", "payout"} == set(moved)
    assert report.replayed > 60


@pytest.mark.parametrize(
    ("sabotage", "scenario", "rule", "kinds"),
    [
        ("charges", "card", {"amount": 24_000}, {"doubled", "stray", "lost"}),
        # Of a charge that was given back whole its PSP would refuse to give back more.
        (
            "refunds",
            "refunded in parts",
            {"operation": "refund", "amount": 8_000},
            {"stray", "created"},
        ),
    ],
)
def test_an_engine_that_sends_again_what_is_unclear_is_found_out(
    tmp_path: Path,
    sabotage: Sabotage,
    scenario: Scenario,
    rule: dict[str, Any],
    kinds: set[str],
) -> None:
    payer = Payer("cards", "xaf", "pm_card_bypassPending")
    lost = {"times": 1, "fault": "reset_after_accepting", **rule}
    payment = Payment(0, 0, 24_000, scenario, payer, rule=lost)
    plan = Plan(seed=0, payments=[payment], kills=[], weather=[])
    report = run(plan, tmp_path / "state", batch=3, sabotage=sabotage, seconds_of_quiet=3)
    assert kinds <= {violation.kind for violation in report.violations}


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
    at_psps = attempts(fragile.state / "sandbox")
    assert [movement.amount for attempt in at_psps for movement in attempt.moved] == [5000]
