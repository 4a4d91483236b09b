"""Compare what the PSPs moved with what we wrote down and with what clients were told.

Everything here is a function of the books, so that it can be shown to notice each kind of loss.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.chaos.books import Attempt, Charge, Intent, Ours
from bench.chaos.clients import Acknowledged

# What a refused or unfinished intent may still become is anything; these stay what they are.
_LAST = {
    "succeeded": {"succeeded"},
    "canceled": {"canceled"},
    "requires_capture": {"requires_capture", "processing", "succeeded", "canceled"},
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    kind: str  # "lost", "doubled", "invented"...
    about: str
    detail: str


def audit(attempts: Sequence[Attempt], ours: Ours, told: Sequence[Acknowledged]) -> list[Violation]:
    """Every disagreement between the books, and between the books and what clients were told."""
    by_reference: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_reference[attempt.reference].append(attempt)
    return [
        *_movements(attempts, ours.charges),
        *_twice(attempts),
        *(found for charge in ours.charges for found in _charge(charge, by_reference)),
        *_intents(ours),
        *_ledger(attempts, ours),
        *_events(ours),
        *_acknowledged(ours, told),
    ]


def _movements(attempts: Sequence[Attempt], charges: Sequence[Charge]) -> Iterable[Violation]:
    """What a PSP took or holds belongs to one charge that says so."""
    owners = {charge.reference: charge for charge in charges}
    for attempt in attempts:
        owner = owners.get(attempt.reference)
        where = f"{attempt.psp} {attempt.reference}"
        if owner is None:
            yield Violation("stray", where, f"{attempt.fate} {attempt.amount}, and no charge")
        elif attempt.taken and owner.state != "succeeded":
            yield Violation("lost", where, f"{attempt.taken} taken, {owner.id} is {owner.state}")
        elif attempt.taken and attempt.taken != [owner.amount_captured]:
            yield Violation("wrong amount", where, f"{attempt.taken}, not {owner.amount_captured}")
        elif attempt.fate == "held" and owner.state != "authorized":
            yield Violation("lost", where, f"amount held, {owner.id} is {owner.state}")


def _twice(attempts: Sequence[Attempt]) -> Iterable[Violation]:
    """No reference moves money twice; no payment is taken or held by two attempts.

    Payments are told apart by their amounts alone, so that this needs none of our own rows.
    """
    for attempt in attempts:
        if len(attempt.taken) > 1:
            yield Violation("doubled", f"{attempt.psp} {attempt.reference}", f"{attempt.taken}")
    charged = Counter(a.amount for a in attempts if a.taken or a.fate == "held")
    for amount, count in charged.items():
        if count > 1:
            yield Violation("doubled", f"the payment of {amount}", f"by {count} attempts")


def _charge(charge: Charge, by_reference: dict[str, list[Attempt]]) -> Iterable[Violation]:
    """What a charge claims is in the PSP's book, and it is open only while the PSP's attempt is."""
    known = by_reference.get(charge.reference, [])
    fates = {attempt.fate for attempt in known}
    if len(known) > 1:
        yield Violation("doubled", charge.id, f"{len(known)} attempts with one reference")
    if charge.state == "succeeded" and "taken" not in fates:
        yield Violation("invented", charge.id, f"succeeded; at the PSP: {fates or 'never seen'}")
    if charge.state == "authorized" and "held" not in fates:
        yield Violation("invented", charge.id, f"authorized; at the PSP: {fates or 'never seen'}")
    if charge.state in ("submitted", "unknown") or charge.step:
        yield Violation("unsettled", charge.id, f"{charge.state}, {charge.step or 'no step'}")
    if charge.state == "pending" and "open" not in fates:
        yield Violation("unsettled", charge.id, f"pending; at the PSP: {fates or 'never seen'}")
    if charge.late:
        yield Violation("refused too early", charge.id, "taken after we had called it a failure")
    if charge.state == "succeeded" and not charge.receipt:
        yield Violation("no receipt", charge.id, "")


def _intents(ours: Ours) -> Iterable[Violation]:
    """One intent per payment, which says what its one paid charge says."""
    for payment, count in Counter(intent.payment for intent in ours.intents).items():
        if count > 1:
            yield Violation("doubled", f"payment {payment}", f"{count} intents for one key")
    paid: dict[str, list[Charge]] = defaultdict(list)
    for charge in ours.charges:
        if charge.state == "succeeded":
            paid[charge.intent].append(charge)
    for intent in ours.intents:
        takers = paid[intent.id]
        if len(takers) > 1:
            yield Violation("doubled", intent.id, f"{len(takers)} charges took the money")
        received = sum(charge.amount_captured for charge in takers)
        if (intent.status == "succeeded") != bool(takers) or received != intent.amount_received:
            detail = f"{intent.status}, received {intent.amount_received}; charges: {received}"
            yield Violation("contradiction", intent.id, detail)


def _ledger(attempts: Sequence[Attempt], ours: Ours) -> Iterable[Violation]:
    """Each ledger holds by itself, and their sum is what the PSPs moved."""
    for charge in ours.charges:
        wanted = [charge.amount_captured] if charge.state == "succeeded" else []
        if charge.posted != wanted:
            yield Violation("ledger", charge.id, f"{charge.posted}, not {wanted}")
    for breach in ours.breaches:
        yield Violation("ledger", breach.promise, f"{breach.rows}")
    moved = sum(amount for attempt in attempts for amount in attempt.taken)
    if moved != ours.cleared:
        yield Violation("ledger", "all tenants", f"{ours.cleared} booked, {moved} moved")


def _events(ours: Ours) -> Iterable[Violation]:
    """What was paid or held was announced once."""
    wanted: list[tuple[str, str]] = []
    for intent in ours.intents:
        if intent.status == "succeeded":
            wanted.append((intent.id, "payment_intent.succeeded"))
        elif intent.status == "canceled":
            wanted.append((intent.id, "payment_intent.canceled"))
    wanted += [
        (charge.id, "charge.succeeded")
        for charge in ours.charges
        if charge.state in ("succeeded", "authorized")
    ]
    for about, kind in wanted:
        if ours.events[about, kind] != 1:
            yield Violation("event", about, f"{ours.events[about, kind]} times {kind}")


def _acknowledged(ours: Ours, told: Sequence[Acknowledged]) -> Iterable[Violation]:
    """What a client was told is still so, or has gone on from there."""
    intents: dict[str, Intent] = {intent.id: intent for intent in ours.intents}
    charges = {charge.id: charge for charge in ours.charges}
    for answer in told:
        shown = answer.intent
        if not shown:
            continue
        now = intents.get(shown["id"])
        if now is None:
            yield Violation("forgotten", shown["id"], f"acknowledged to {answer.key}")
            continue
        if now.status not in _LAST.get(shown["status"], {now.status}):
            yield Violation("taken back", now.id, f"{shown['status']} became {now.status}")
        if shown["latest_charge"] and shown["latest_charge"] not in charges:
            yield Violation("forgotten", shown["latest_charge"], f"acknowledged to {answer.key}")
