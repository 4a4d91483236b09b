"""Compare what we wrote down with what we said about it: events, webhooks, answers to clients."""

from collections.abc import Iterable, Sequence

from bench.chaos.clients import Acknowledged
from bench.chaos.ours import Ours
from bench.chaos.violations import Violation

# What a client was shown may go on from there, but only so. A status that is not here may become
# anything.
_LATER = {
    ("payment_intent", "succeeded"): {"succeeded"},
    ("payment_intent", "canceled"): {"canceled"},
    ("payment_intent", "requires_capture"): {
        "requires_capture", "processing", "succeeded", "canceled",
    },
    # A bank can send a refund back.
    ("refund", "succeeded"): {"succeeded", "failed"},
    ("refund", "failed"): {"failed"},
    ("payout", "paid"): {"paid"},
    ("payout", "failed"): {"failed"},
    ("payout", "canceled"): {"canceled"},
    ("dispute", "won"): {"won"},
    ("dispute", "lost"): {"lost"},
}  # fmt: skip

# What an object in a state must have been announced as, once each.
_ANNOUNCED = {
    ("intent", "succeeded"): ("payment_intent.succeeded",),
    ("intent", "canceled"): ("payment_intent.canceled",),
    ("charge", "succeeded"): ("charge.succeeded",),
    ("charge", "authorized"): ("charge.succeeded",),
    ("refund", "succeeded"): ("refund.created",),
    ("refund", "failed"): ("refund.created", "refund.failed"),
    ("payout", "paid"): ("payout.created", "payout.paid"),
    ("payout", "failed"): ("payout.created", "payout.failed"),
    ("payout", "canceled"): ("payout.created", "payout.canceled"),
    ("dispute", "needs_response"): ("charge.dispute.created",),
    ("dispute", "under_review"): ("charge.dispute.created",),
    ("dispute", "won"): ("charge.dispute.created", "charge.dispute.closed"),
    ("dispute", "lost"): ("charge.dispute.created", "charge.dispute.closed"),
}


def events(ours: Ours) -> Iterable[Violation]:
    """Every change was announced once, and the last event of an object shows it as it is."""
    states = [
        *(("intent", intent.id, intent.status) for intent in ours.intents),
        *(("charge", charge.id, charge.state) for charge in ours.charges),
        *((row.kind, row.id, row.state) for row in ours.outgoing),
        *(("dispute", dispute.id, dispute.status) for dispute in ours.disputes),
    ]
    for noun, identifier, state in states:
        for kind in _ANNOUNCED.get((noun, state), ()):
            if (count := ours.announced[identifier, kind]) != 1:
                yield Violation("event", identifier, f"{state}, and {count} times {kind}")
        # A charge has other words for its states than its row.
        if noun != "charge" and (noun, state) in _ANNOUNCED:
            shown = ours.last.get(identifier)
            if shown != state:
                yield Violation("event", identifier, f"{state}, and the last event says {shown}")


def webhooks(ours: Ours, received: Sequence[set[str]]) -> Iterable[Violation]:
    """Each endpoint heard of every event of its own, and of nothing else."""
    for merchant, (wanted, heard) in enumerate(zip(ours.wanted, received, strict=True)):
        if gap := wanted - heard:
            detail = f"{len(gap)} of {len(wanted)} events, such as {min(gap)}"
            yield Violation("not delivered", f"merchant {merchant}", detail)
        if foreign := heard - wanted:
            detail = f"{len(foreign)} events that are not in its log, such as {min(foreign)}"
            yield Violation("untrue webhook", f"merchant {merchant}", detail)


def acknowledged(ours: Ours, told: Sequence[Acknowledged]) -> Iterable[Violation]:
    """What a client was told is still so, or has gone on from there."""
    statuses = {intent.id: intent.status for intent in ours.intents}
    statuses |= {dispute.id: dispute.status for dispute in ours.disputes}
    refunds = {row.id for row in ours.outgoing if row.kind == "refund"}
    # Statuses of outgoing money are not the states of its rows until it has found its end.
    statuses |= {row.id: row.state for row in ours.outgoing}
    charges = {charge.id for charge in ours.charges}
    for answer in told:
        shown = answer.shown
        if shown.object not in ("payment_intent", "refund", "payout", "dispute"):
            continue
        now = statuses.get(shown.id)
        if now is None or (shown.object == "refund") != (shown.id in refunds):
            yield Violation("forgotten", shown.id, f"acknowledged to {answer.call.key}")
            continue
        if now not in _LATER.get((shown.object, shown.status), {now}):
            yield Violation("taken back", shown.id, f"{shown.status} became {now}")
        if shown.latest_charge and shown.latest_charge not in charges:
            yield Violation("forgotten", shown.latest_charge, f"acknowledged to {answer.call.key}")
