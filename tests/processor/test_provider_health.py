"""A provider goes down under two processes at once: what may goes elsewhere, what is unclear stays.

Neither process sees enough failures to open its breaker by itself. Together they do; the merchant
hears of it once, and once more when a probe has come back.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from live import Merchant, Stack, eventually, new_merchant
from sandbox_control import by_phone, movements, tell
from second_server import serving
from test_provider_accounts import MTN, Answer, call, made

from processor.payments.objects import Try
from providers.sandbox.mtn_tables import DEMO_API_USERS

# Amounts of this test alone, so that the PSP's script touches nobody else.
NEVER_ARRIVED, LOST_AFTERWARDS, FINE = 7_135, 7_140, 7_145

NUMBERS = itertools.count()

IVORIAN = MTN | {
    "target_environment": "mtnivorycoast",
    "api_user": DEMO_API_USERS["mtnivorycoast"],
}


@pytest.fixture(scope="module")
def second(stack: Stack) -> Iterator[Stack]:
    """The same installation, through another API process."""
    with serving(stack) as server:
        yield server


def pay(merchant: Merchant, amount: int) -> Answer:
    """Ask an MTN wallet in Côte d'Ivoire, each time another, for money. Returns the charge."""
    wish = by_phone(f"+22505040{next(NUMBERS):05}", amount=amount, currency="xof")
    intent = merchant.api.payment_intents.create(wish)
    return call(merchant, "GET", f"charges/{intent.latest_charge}")[1]


def health(merchant: Merchant, account: str) -> Answer:
    status, page = call(merchant, "GET", f"providers/health?account={account}")
    assert status == 200, page
    found: Answer = next(each for each in page["data"] if each["operation"] == "charge")
    return found


def told(merchant: Merchant) -> list[Answer]:
    """The events about providers, oldest first."""
    return [
        event
        for event in reversed(call(merchant, "GET", "events?limit=100")[1]["data"])
        if event["type"] in ("provider.degraded", "provider.recovered")
    ]


def test_one_of_two_providers_goes_down_and_comes_back(stack: Stack, second: Stack) -> None:
    here = new_merchant(stack)
    there = replace(here, stack=second)
    account = made(here, provider="mtn", credentials=IVORIAN)["id"]
    targets = [
        {"account": account, "percentage": 100},
        {"account": "cinetpay_ci_test", "percentage": 0},
    ]
    status, _ = call(here, "POST", "routing_rules", targets=targets, fallback=False)
    assert status == 200
    eventually(lambda: pay(there, FINE)["routing"]["account"] == account, 5)
    for amount, fault in (
        (NEVER_ARRIVED, "reset_before_accepting"),
        (LOST_AFTERWARDS, "reset_after_accepting"),
    ):
        tell(stack, "mtn", amount=amount, fault=fault)

    unclear = [pay(here, NEVER_ARRIVED) for _ in range(5)]
    assert health(here, account)["state"] == "closed"
    # The first payments, which went well, are in the same window: the last may find it open.
    later = [pay(there, LOST_AFTERWARDS) for _ in range(5)]
    unclear += [charge for charge in later if charge["routing"]["account"] == account]
    assert len(unclear) >= 8

    for merchant in (here, there):
        eventually(lambda at=merchant: health(at, account)["state"] != "closed", 10)
        charge = pay(merchant, FINE)
        assert charge["routing"]["account"] == "cinetpay_ci_test"
        assert charge["routing"]["considered"][1] == {
            "account": account,
            "result": "fallback",
            "reason": "provider_degraded",
        }
    (event,) = eventually(lambda: told(here), 15)
    assert event["type"] == "provider.degraded"
    about = event["data"]["object"]
    assert (about["account"], about["operation"], about["state"]) == (account, "charge", "open")

    def back() -> bool:
        return bool(pay(here, FINE)["routing"]["account"] == account)

    eventually(back, 30)  # its rest is over, and a probe got an answer
    events = eventually(lambda: told(here) if len(told(here)) > 1 else None, 15)
    assert [each["type"] for each in events] == ["provider.degraded", "provider.recovered"]
    assert [each["object_sequence"] for each in events] == [1, 2]
    eventually(lambda: health(there, account)["state"] == "closed", 10)
    nothing_twice(here, account, [charge["id"] for charge in unclear])


def nothing_twice(merchant: Merchant, account: str, charges: list[str]) -> None:
    """What was unclear is still with its provider, under its one reference, and moved money once
    at most; nobody else was ever asked for it."""
    rows = merchant.rows(
        "select provider, reference, details->'routing'->'tries' as tries from charges"
        " where id = any($1)",
        charges,
    )
    assert len(rows) == len(charges)
    for row in rows:
        assert (row["provider"], row["tries"]) == (account, None)
        assert len(movements(merchant.stack, "mtn", row["reference"])) <= 1
        assert movements(merchant.stack, "cinetpay", row["reference"]) == []


def test_a_switch_of_the_merchants_own_is_seen_in_its_health(merchant: Merchant) -> None:
    account = made(merchant)["id"]
    call(merchant, "POST", f"provider_accounts/{account}", disabled=True, disabled_reason="moving")
    seen = eventually(lambda: _if(health(merchant, account), state="disabled"), 5)
    assert seen["disabled_reason"] == "moving"


def _if(answer: Answer, **members: Any) -> Answer | None:
    return answer if {**answer, **members} == answer else None


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({"account": "disabled"}, "disabled"),
        ({"breaker": "open"}, "provider_degraded"),
        ({"queue": "full"}, "busy"),
        ({"error": "ConnectError"}, "not_reached"),
        ({}, "not_reached"),
    ],
)
def test_why_nothing_was_sent(evidence: Answer, reason: str) -> None:
    assert Try("mtn", "reference", evidence).reason == reason
