"""The state machines, row by row: what each verdict does to a charge, its intent and the log."""

import itertools
from copy import deepcopy
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpay.settings import Secret, Settings
from cpay.wiring import build_engine
from processor.payment_methods.objects import Card, MobileMoney
from processor.payments.objects import Charge, ChargeDetails, Intent, IntentDetails, Presenter
from processor.payments.settlement import Settled, apply
from processor.payments.states import ALLOWED, ChargeState, IntentStatus, next_state
from providers.boundary import Answer, DeclineCode, Verdict

# What a verdict makes of a charge in each state; "." leaves it as it is. A charge to be captured
# later reads "authorized" for "succeeded".
CHARGES = """
state       succeeded  declined  pending  not_sent  unknown
submitted   succeeded  failed    pending  failed    unknown
pending     succeeded  failed    .        .         .
unknown     succeeded  failed    pending  failed    .
authorized  .          .         .        .         .
succeeded   .          .         .        .         .
failed      succeeded  .         .        .         .
canceled    succeeded  .         .        .         .
"""

# What a charge's new state makes of its intent, and what is announced: a wallet's attempt first,
# a card's that asks for 3-D Secure and one that is captured later below.
INTENTS = """
reached     kind    intent                   received  capturable  events
pending     wallet  requires_action          0         0           charge.pending payment_intent.requires_action
pending     card    processing               0         0           payment_intent.processing
pending     3ds     requires_action          0         0           payment_intent.requires_action
unknown     wallet  processing               0         0           payment_intent.processing
unknown     card    processing               0         0           payment_intent.processing
succeeded   wallet  succeeded                5000      0           charge.succeeded payment_intent.succeeded
succeeded   card    succeeded                5000      0           charge.succeeded payment_intent.succeeded
authorized  card    requires_capture         0         5000        charge.succeeded payment_intent.amount_capturable_updated
failed      wallet  requires_payment_method  0         0           charge.failed payment_intent.payment_failed
failed      card    requires_payment_method  0         0           charge.failed payment_intent.payment_failed
"""  # noqa: E501 - a table has one row a line

# Which operations an intent allows in each status.
OPERATIONS = """
status                   update  confirm  capture  cancel
requires_payment_method  yes     yes      no       yes
requires_confirmation    yes     yes      no       yes
requires_action          yes     no       no       yes
processing               no      no       no       no
requires_capture         yes     no       yes      yes
canceled                 no      no       no       no
succeeded                no      no       no       no
"""


def rows(table: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    return [line.split(maxsplit=5) for line in table.strip().splitlines()[1:]]


PAIRS = [
    (row[0], verdict, after)
    for row in rows(CHARGES)
    for verdict, after in zip(
        ("succeeded", "declined", "pending", "not_sent", "unknown"), row[1:], strict=True
    )
]

PRESENTER = Presenter(
    build_engine(Settings(database_url=Secret("postgresql://"), key_pepper=Secret("p"))).processor,
    "t1_test",
    livemode=False,
)


def settled(state: str, kind: str = "wallet", *, capture: bool = True) -> Settled:
    """A charge in a state, and the intent whose latest attempt it is."""
    details = ChargeDetails(method_type="card", token="pm_card_visa", capture=capture)
    if kind == "wallet":
        details.method_type, details.token = "mobile_money", "+237670000000"
        details.mobile_money = MobileMoney("mtn", "CM")
    else:
        details.card = Card("visa", "4242", "credit", "US", exp_month=12, exp_year=2030)
    charge = Charge(
        id="ch_1" if details.card else "py_1",
        created=1_700_000_000,
        state=state,  # type: ignore[arg-type]  # read from a table of text
        payment_intent="pi_1",
        amount=5000,
        currency="xaf",
        payment_method="pm_1",
        provider="somebody",
        reference="8a6f2f0c-30c9-4f8c-8ba0-3cbd5eb9bd0f",
        details=details,
    )
    intent = Intent(
        id="pi_1",
        created=1_700_000_000,
        status="processing",
        amount=5000,
        currency="xaf",
        payment_method="pm_1",
        latest_charge=charge.id,
        details=IntentDetails(payment_method_types=["card", "mobile_money"]),
    )
    return Settled(intent, charge)


def bring(case: Settled, *verdicts: Verdict, redirect: str | None = None) -> None:
    """Let answers come, one after the other."""
    for verdict in verdicts:
        code = DeclineCode.INSUFFICIENT_FUNDS if verdict is Verdict.DECLINED else None
        apply(PRESENTER, case, Answer(verdict, "financial-1", code, redirect), None, None)


def announced(case: Settled) -> list[str]:
    return [draft.type for draft in case.drafts]


def test_the_tables_cover_every_state_and_status() -> None:
    assert {(state, verdict) for state, verdict, _ in PAIRS} == set(
        itertools.product(get_args(ChargeState), [verdict.value for verdict in Verdict])
    )
    assert {row[0] for row in rows(OPERATIONS)} == set(get_args(IntentStatus))


@pytest.mark.parametrize(("state", "verdict", "after"), PAIRS)
def test_a_verdict_takes_a_charge_where_the_table_says(
    state: ChargeState, verdict: str, after: str
) -> None:
    later = "authorized" if after == "succeeded" else after
    assert next_state(state, Verdict(verdict), capture=True) == (None if after == "." else after)
    assert next_state(state, Verdict(verdict), capture=False) == (None if after == "." else later)


@pytest.mark.parametrize(("state", "verdict", "after"), PAIRS)
def test_applying_an_answer_follows_the_table_and_is_silent_when_nothing_changes(
    state: str, verdict: str, after: str
) -> None:
    case = settled(state)
    bring(case, Verdict(verdict))
    assert case.charge.state == (state if after == "." else after)
    assert bool(announced(case)) == (after != ".")


@pytest.mark.parametrize("row", rows(INTENTS), ids=lambda row: f"{row[0]}-{row[1]}")
def test_an_attempt_moves_its_intent_as_the_table_says(row: list[str]) -> None:
    reached, kind, status, received, capturable, events = row
    verdict = {"authorized": "succeeded", "failed": "declined"}.get(reached, reached)
    case = settled("submitted", kind, capture=reached != "authorized")
    page = "https://bank.example/3ds" if kind == "3ds" else None
    bring(case, Verdict(verdict), redirect=page)
    intent = case.intent
    assert case.charge.state == reached
    assert intent.status == status
    assert (intent.amount_received, intent.amount_capturable) == (int(received), int(capturable))
    assert announced(case) == events.split()
    assert (intent.details.next_action is not None) == (status == "requires_action")
    assert (intent.details.last_payment_error is not None) == (reached == "failed")
    assert (intent.payment_method is None) == (reached == "failed")


@pytest.mark.parametrize("row", rows(OPERATIONS), ids=lambda row: row[0])
def test_an_intent_allows_what_the_table_says(row: list[str]) -> None:
    allowed = [row[0] in ALLOWED[name] for name in ("update", "confirm", "capture", "cancel")]
    assert allowed == [cell == "yes" for cell in row[1:]]


def test_a_success_after_a_refusal_is_booked_and_shown() -> None:
    case = settled("submitted")
    bring(case, Verdict.DECLINED, Verdict.SUCCEEDED)
    assert case.charge.details.late
    assert (case.intent.status, case.intent.amount_received) == ("succeeded", 5000)
    assert case.intent.payment_method == "pm_1"
    assert case.intent.details.last_payment_error is None
    assert announced(case)[2:] == ["charge.succeeded", "payment_intent.succeeded"]


def test_a_success_after_the_intent_was_canceled_shows_the_charge_and_leaves_the_intent() -> None:
    case = settled("failed")
    case.intent.status = "canceled"
    bring(case, Verdict.SUCCEEDED)
    assert (case.charge.state, case.charge.details.late) == ("succeeded", True)
    assert (case.intent.status, case.intent.amount_received) == ("canceled", 0)
    # An event that calls the intent succeeded would contradict the object inside it.
    assert announced(case) == ["charge.succeeded"]


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("status", ["processing", "requires_action", "succeeded"])
def test_an_old_attempt_does_not_overwrite_a_newer_one(
    status: IntentStatus, verdict: Verdict
) -> None:
    case = settled("unknown")
    case.intent.status, case.intent.latest_charge = status, "py_2"
    bring(case, verdict)
    assert (case.intent.status, case.intent.latest_charge) == (status, "py_2")
    assert not [name for name in announced(case) if name.startswith("payment_intent.")]


def test_a_late_success_decides_when_the_newer_attempt_has_failed() -> None:
    case = settled("unknown")
    case.intent.status, case.intent.latest_charge = "requires_payment_method", "py_2"
    bring(case, Verdict.SUCCEEDED)
    assert (case.intent.status, case.intent.latest_charge) == ("succeeded", "py_1")


def test_a_late_hold_is_captured_when_nothing_else_has_been_tried() -> None:
    case = settled("failed", "card", capture=False)
    case.intent.status, case.intent.payment_method = "requires_payment_method", None
    bring(case, Verdict.SUCCEEDED)
    assert (case.intent.status, case.intent.amount_capturable) == ("requires_capture", 5000)
    assert case.intent.payment_method == "pm_1"


@pytest.mark.parametrize(
    ("state", "status", "event"),
    [
        ("succeeded", "succeeded", "payment_intent.succeeded"),
        ("authorized", "requires_capture", "payment_intent.amount_capturable_updated"),
    ],
)
def test_an_older_attempt_with_the_money_decides_when_the_latest_is_refused(
    state: ChargeState, status: IntentStatus, event: str
) -> None:
    case, older = settled("pending"), settled(state).charge
    older.id, older.payment_method = "py_0", "pm_0"
    older.amount_captured = 5000 if state == "succeeded" else 0
    case.older = older
    bring(case, Verdict.DECLINED)
    intent = case.intent
    assert (intent.status, intent.latest_charge, intent.payment_method) == (status, "py_0", "pm_0")
    assert intent.amount_received + intent.amount_capturable == 5000
    assert announced(case) == ["charge.failed", event]


answers = st.lists(st.sampled_from(list(Verdict)), min_size=1, max_size=8)
starts = st.sampled_from(["submitted", "pending", "unknown"])


@given(starts, answers)
def test_after_any_answers_charge_and_intent_agree(start: str, verdicts: list[Verdict]) -> None:
    case = settled(start)
    for verdict in verdicts:
        before = case.charge.state
        bring(case, verdict)
        if before == "succeeded":
            assert case.charge.state == "succeeded"
    charge, intent = case.charge, case.intent
    expected = {
        "succeeded": "succeeded",
        "failed": "requires_payment_method",
        "pending": "requires_action",
        "unknown": "processing",
    }
    if announced(case):
        assert intent.status == expected[charge.state]
    assert intent.amount_received == charge.amount_captured
    assert charge.amount_captured == (5000 if charge.state == "succeeded" else 0)
    assert announced(case).count("payment_intent.succeeded") == (charge.state == "succeeded")


@given(starts, answers)
def test_an_answer_that_comes_twice_says_nothing_new(start: str, verdicts: list[Verdict]) -> None:
    case = settled(start)
    for verdict in verdicts:
        bring(case, verdict)
        before = deepcopy((case.charge, case.intent)), announced(case)
        bring(case, verdict)
        assert ((case.charge, case.intent), announced(case)) == before


@given(starts, answers, st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_change_where_the_money_is(
    start: str, verdicts: list[Verdict], random: Random
) -> None:
    shuffled = list(verdicts)
    random.shuffle(shuffled)
    case, other = settled(start), settled(start)
    bring(case, *verdicts)
    bring(other, *shuffled)
    assert (case.charge.state == "succeeded") == (other.charge.state == "succeeded")
    assert (case.charge.state == "succeeded") == (Verdict.SUCCEEDED in verdicts)
    assert case.charge.amount_captured == other.charge.amount_captured
