"""The audit of a chaos run notices each kind of loss, in books made up for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bench.chaos.audit import audit
from bench.chaos.books import Attempt
from bench.chaos.clients import Acknowledged, Shown
from bench.chaos.doors import Call
from bench.chaos.ours import Charge, Dispute, Entry, Intent, Ours, Outgoing
from processor.ledger.verify import Breach
from providers.sandbox.book import Movement


def moved(reference: str, amount: int, kind: str) -> Movement:
    return Movement(
        reference=reference,
        amount=amount,
        currency="xaf",
        direction="in" if kind == "charge" else "out",
        kind=kind,
        payer="237671234567",
    )


def told(call: str, **shown: str) -> Acknowledged:
    return Acknowledged(0, Call(call, {}, "1"), 200, b"", Shown(**shown))


# A payment of 500 of which 200 were given back; 100 were paid out, 50 lost in a dispute.
TAKEN = Attempt("mtn", "r1", "in", 500, "xaf", "moved", [moved("r1", 500, "charge")])
CHARGE = Charge(
    schema="t1_test",
    id="py_1",
    intent="pi_1",
    state="succeeded",
    reference="r1",
    amount=500,
    amount_captured=500,
    currency="xaf",
    step=None,
    late=False,
    receipt=True,
    provider="mtncameroon_test",
)
INTENT = Intent("t1_test", "pi_1", 1, "succeeded", 500, "py_1")
WORLD: dict[str, Any] = {
    "taken": TAKEN,
    "returned": Attempt("mtn", "r2", "out", 200, "xaf", "moved", [moved("r2", 200, "refund")]),
    "sent": Attempt("mtn", "r3", "out", 100, "xaf", "moved", [moved("r3", 100, "payout")]),
    "charge": CHARGE,
    "refund": Outgoing("t1_test", "refund", "re_1", "succeeded", "r2", 200, "xaf", "mtn_test"),
    "payout": Outgoing("t1_test", "payout", "po_1", "paid", "r3", 100, "xaf", "mtn_test"),
    "intent": INTENT,
    "dispute": Dispute("t1_test", "dp_1", "lost", 50, "xaf"),
}


def entry(source: str, kind: str, amount: int) -> Entry:
    return Entry("t1_test", source, kind, "clearing:mtn", "xaf", amount)


ENTRIES = [
    entry("py_1", "charge", -500),
    entry("re_1", "refund_settled", 200),
    entry("po_1", "payout", 100),
    entry("dp_1", "dispute_lost", 50),
]
ANNOUNCED = [
    ("pi_1", "payment_intent.succeeded"),
    ("py_1", "charge.succeeded"),
    ("re_1", "refund.created"),
    ("po_1", "payout.created"),
    ("po_1", "payout.paid"),
    ("dp_1", "charge.dispute.created"),
    ("dp_1", "charge.dispute.closed"),
]
TOLD = [
    told(
        "payment_intents.create",
        id="pi_1",
        object="payment_intent",
        status="succeeded",
        latest_charge="py_1",
    ),
    told("refunds.create", id="re_1", object="refund", status="pending"),
    told("payouts.create", id="po_1", object="payout", status="paid"),
    told("disputes.close", id="dp_1", object="dispute", status="lost"),
]


def kinds_found(world: Mapping[str, Any] = WORLD, **of_ours: Any) -> set[str]:
    """The kinds of violation found in a world, once fields of `Ours` are changed."""
    ours = Ours(
        [world["charge"]],
        [world["refund"], world["payout"]],
        [world["intent"]],
        [world["dispute"]],
        ENTRIES,
        Counter(ANNOUNCED),
        {"pi_1": "succeeded", "re_1": "succeeded", "po_1": "paid", "dp_1": "lost"},
        wanted=[{"evt_1"}],
    )
    attempts = [world["taken"], world["returned"], world["sent"]]
    found = audit(attempts, replace(ours, **of_ours), TOLD, [{"evt_1"}])
    return {violation.kind for violation in found}


TWICE = [moved("r1", 500, "charge")] * 2
NOTHING = {"fate": "nothing", "moved": []}


def test_books_that_agree_are_in_order() -> None:
    assert kinds_found() == set()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        # What the PSP did, and we do not know of.
        ({"taken": {"reference": "other"}}, "stray"),
        ({"returned": {"reference": "other"}}, "stray"),
        ({"taken": {"amount": 499}}, "wrong money"),
        ({"taken": {"currency": "xof"}}, "wrong money"),
        ({"taken": {"direction": "out"}}, "wrong money"),
        ({"taken": {"moved": TWICE}}, "doubled"),
        ({"taken": {"moved": TWICE}}, "lost"),
        ({"returned": {"moved": [moved("r2", 300, "refund")]}}, "created"),
        ({"sent": {"reference": "r2"}}, "doubled"),
        # What we claim, and the PSP did not do.
        ({"taken": NOTHING}, "invented"),
        ({"taken": NOTHING}, "created"),
        ({"returned": NOTHING}, "invented"),
        ({"returned": NOTHING}, "lost"),
        ({"sent": NOTHING}, "invented"),
        ({"taken": {"fate": "held"}, "charge": {"state": "failed"}}, "contradiction"),
        ({"charge": {"state": "authorized"}}, "contradiction"),
        ({"charge": {"state": "failed"}}, "contradiction"),
        ({"refund": {"state": "failed"}}, "contradiction"),
        ({"payout": {"state": "canceled"}}, "contradiction"),
        ({"taken": NOTHING, "charge": {"state": "pending"}}, "unsettled"),
        ({"taken": NOTHING, "charge": {"state": "unknown"}}, "unsettled"),
        ({"returned": NOTHING, "refund": {"state": "unknown"}}, "unsettled"),
        ({"sent": NOTHING, "payout": {"state": "in_transit"}}, "unsettled"),
        ({"charge": {"step": "capture"}}, "unsettled"),
        ({"charge": {"late": True}}, "refused too early"),
        ({"charge": {"receipt": False}}, "no receipt"),
        # What we say in one place and not in another, or said before.
        ({"intent": {"amount_received": 0}}, "contradiction"),
        ({"intent": {"status": "canceled"}}, "contradiction"),
        ({"intent": {"status": "canceled"}}, "taken back"),
        ({"intent": {"status": "canceled"}}, "event"),
        ({"refund": {"state": "failed"}}, "event"),
        ({"payout": {"state": "failed"}}, "taken back"),
        ({"dispute": {"status": "won"}}, "taken back"),
        ({"dispute": {"status": "won"}}, "lost"),
        ({"charge": {"id": "py_2"}}, "forgotten"),
        ({"intent": {"id": "pi_2"}}, "forgotten"),
        ({"refund": {"id": "re_2"}}, "forgotten"),
        ({"refund": {"kind": "payout"}}, "forgotten"),
    ],
)
def test_one_disagreement_is_noticed(changes: Mapping[str, dict[str, Any]], kind: str) -> None:
    changed = {name: replace(WORLD[name], **change) for name, change in changes.items()}
    assert kind in kinds_found(WORLD | changed)


def test_two_attempts_that_took_the_same_money_are_noticed_in_the_psps_books_alone() -> None:
    second = replace(TAKEN, psp="cards", reference="r4")
    found = audit([TAKEN, second], Ours(), [], [])
    assert ("doubled", "the charge of 500") in {(each.kind, each.about) for each in found}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"entries": ENTRIES[1:]}, {"lost"}),
        ({"entries": [*ENTRIES, ENTRIES[0]]}, {"created"}),
        ({"entries": [ENTRIES[0], *ENTRIES[2:]]}, {"created"}),
        ({"entries": [*ENTRIES, entry("po_9", "payout", 7)]}, {"lost"}),
        ({"intents": [INTENT, replace(INTENT, id="pi_2")]}, {"doubled"}),
        ({"charges": [CHARGE, replace(CHARGE, id="py_2")]}, {"doubled"}),
        ({"breaches": [Breach("every transaction balances", ["txn_1"])]}, {"ledger"}),
        ({"last": {"pi_1": "processing"}}, {"event"}),
        ({"wanted": [{"evt_1", "evt_2"}]}, {"not delivered"}),
        ({"wanted": [set()]}, {"untrue webhook"}),
    ],
)
def test_what_is_missing_or_too_much_is_noticed(changes: dict[str, Any], kinds: set[str]) -> None:
    assert kinds <= kinds_found(**changes)


@pytest.mark.parametrize("times", [0, 2])
@pytest.mark.parametrize("about", ANNOUNCED)
def test_an_event_that_is_missing_or_repeated_is_noticed(
    about: tuple[str, str], times: int
) -> None:
    announced = Counter(ANNOUNCED) | Counter({about: times})
    announced[about] = times
    assert kinds_found(announced=announced) == {"event"}
