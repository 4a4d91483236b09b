"""Who enters the queue when, what is said at which age, and who may decide: tables, row by row."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.payments.states import OPEN as OPEN_CHARGES
from processor.payments.states import ChargeState
from processor.payouts.states import UNDER_WAY, PayoutState
from processor.refunds.objects import OPEN as OPEN_REFUNDS
from processor.refunds.objects import RefundState
from processor.unresolved_payments.objects import Author
from processor.unresolved_payments.rules import (
    ALERT_AGES,
    LEAST_PATIENCE,
    LOOKS_AFTER_DECISION,
    OUTCOMES,
    Rail,
    Type,
    needs_two,
    next_alert,
    next_look,
    patience,
    read_limits,
)

MINUTE, HOUR, DAY = 60, 3600, 86_400

# Seconds until nobody can explain it any more; "." is never.
PATIENCE = """
type    state       wallet  card     page    bank
charge  submitted   300     300      300     300
charge  pending     900     900      86400   900
charge  unknown     300     300      300     300
charge  authorized  .       .        .       .
charge  succeeded   .       .        .       .
charge  failed      .       .        .       .
charge  canceled    .       .        .       .
refund  submitted   300     300      300     300
refund  pending     86400   1209600  86400   86400
refund  unknown     300     300      300     300
refund  succeeded   .       .        .       .
refund  failed      .       .        .       .
payout  pending     .       .        .       .
payout  submitted   300     300      300     300
payout  in_transit  86400   86400    86400   604800
payout  unknown     300     300      300     300
payout  paid        .       .        .       .
payout  failed      .       .        .       .
payout  canceled    .       .        .       .
"""
RAILS: tuple[Rail, ...] = ("wallet", "card", "page", "bank")
ROWS = [line.split() for line in PATIENCE.strip().splitlines()[1:]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_state_is_explained_for_as_long_as_the_table_says(row: list[str]) -> None:
    noun, state, *seconds = row
    for rail, expected in zip(RAILS, seconds, strict=True):
        found = patience(noun, state, rail)  # type: ignore[arg-type]  # read from a table of text
        assert (found is None, found) == (expected == ".", None if found is None else int(expected))


def test_the_table_has_every_state_and_those_in_it_are_open_or_have_an_outcome() -> None:
    states: dict[Type, tuple[str, ...]] = {
        "charge": get_args(ChargeState),
        "refund": get_args(RefundState),
        "payout": get_args(PayoutState),
    }
    everything = {(noun, state) for noun, named in states.items() for state in named}
    assert {(row[0], row[1]) for row in ROWS} == everything
    open_states = {(row[0], row[1]) for row in ROWS if row[2] != "."}
    expected = {("charge", state) for state in OPEN_CHARGES}
    expected |= {("refund", state) for state in OPEN_REFUNDS}
    expected |= {("payout", state) for state in UNDER_WAY}
    assert open_states == expected
    # A payout that has not been handed out is nobody's question.
    assert everything - open_states - OUTCOMES.keys() == {("payout", "pending")}
    assert not open_states & OUTCOMES.keys()


def test_a_page_that_ends_by_itself_is_waited_for_and_a_little_longer() -> None:
    assert patience("charge", "pending", "page", 1800) == 1800 + 10 * MINUTE
    assert patience("charge", "unknown", "page", 1800) == LEAST_PATIENCE


@pytest.mark.parametrize(
    ("age", "said", "following"),
    [
        (0, 0, HOUR),
        (HOUR - 1, 0, HOUR),
        (HOUR, 0, HOUR),
        (HOUR, HOUR, DAY),
        (2 * DAY, 0, DAY),  # nobody was there to speak of the first hour
        (2 * DAY, DAY, 3 * DAY),
        (9 * DAY, HOUR, 3 * DAY),
        (9 * DAY, 3 * DAY, None),
    ],
)
def test_each_age_is_spoken_of_once(age: int, said: int, following: int | None) -> None:
    assert next_alert(age, said) == following


@given(st.lists(st.integers(0, 5 * DAY), max_size=30).map(sorted))
def test_whenever_the_clock_is_read_no_age_is_spoken_of_twice_or_too_early(
    ages: list[int],
) -> None:
    spoken: list[int] = []
    for age in ages:
        alert = next_alert(age, spoken[-1] if spoken else 0)
        if alert is not None and alert <= age:
            spoken.append(alert)
    assert spoken == sorted(set(spoken))
    passed = [alert for alert in ALERT_AGES if ages and alert <= ages[-1]]
    assert spoken[-1:] == passed[-1:]
    assert set(spoken) <= set(passed)


def test_a_decided_payment_is_asked_about_for_ninety_days() -> None:
    looks, now = 0, 1_000_000.0
    while (rest := next_look(1_000_000, now)) is not None:
        now += rest.total_seconds()
        looks += 1
    assert looks == len(LOOKS_AFTER_DECISION)
    assert now - 1_000_000 == 90 * DAY
    assert next_look(None, now) is None


LIMITS = read_limits("xaf:100000,eur:15000")


@pytest.mark.parametrize(
    ("amount", "currency", "two"),
    [
        (100_000, "xaf", False),
        (100_001, "xaf", True),
        (-100_001, "xaf", True),  # a payout's reversal
        (15_000, "eur", False),
        (15_001, "eur", True),
        (1, "mad", True),  # a currency without a limit
    ],
)
def test_above_the_limit_of_its_currency_an_amount_needs_two(
    amount: int, currency: str, two: bool
) -> None:
    assert needs_two(LIMITS, amount, currency) == two


AWA = Author("api_key", "key_1", "Awa")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (AWA, AWA, True),
        (AWA, Author("api_key", "key_2", "Awa"), True),  # her key was rolled
        (AWA, Author("api_key", "key_2", " AWA "), True),
        (AWA, Author("api_key", "key_1", "renamed"), True),
        (AWA, Author("api_key", "key_2", "Bo"), False),
        (AWA, Author("api_key", "key_2"), False),
        (Author("api_key", "key_1"), Author("api_key", "key_2"), False),
        (Author("operator", "awa"), Author("operator", "Ａｗａ "), True),
        (Author("operator", "awa"), Author("operator", "bo"), False),
        (AWA, Author("operator", "Awa"), False),
    ],
)
def test_who_may_be_the_same_person(one: Author, other: Author, same: bool) -> None:
    assert one.same_person(other) == same
    assert other.same_person(one) == same
