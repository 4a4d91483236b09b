"""Compare what the PSPs moved with what we wrote down and with what clients were told.

Everything here is a function of the books, so that it can be shown to notice each kind of loss.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from bench.chaos.announcements import acknowledged, events, webhooks
from bench.chaos.books import Attempt
from bench.chaos.clients import Acknowledged
from bench.chaos.ours import Charge, Ours, Outgoing
from bench.chaos.resources import Fate, psp_of
from bench.chaos.violations import Violation

# States of ours whose money, by our own word, is where the PSP's book must have it.
_MOVED = frozenset({"succeeded", "paid"})
_OPEN = frozenset({"submitted", "unknown", "pending", "in_transit"})

_REFUND_BY_PAYOUT = frozenset({"moov", "paygate"})

# Where an attempt that the PSP has never seen stays open. PayGate has no documented way to say so;
# Moov and Flutterwave, which would move the money again, are not believed. CMI hears of a payment
# only when its payer opens the page. Stripe's search is believed two hours later.
_UNEXPLAINED = frozenset(
    {
        ("cards", "in"),
        ("cmi", "in"),
        ("flutterwave", "out"),
        ("moov", "out"),
        ("paygate", "in"),
        ("paygate", "out"),
    }
)


def audit(
    attempts: Sequence[Attempt],
    ours: Ours,
    told: Sequence[Acknowledged],
    received: Sequence[set[str]],
) -> list[Violation]:
    """Every disagreement between the books, and between the books and what clients were told.

    `received` are the ids of the events that each merchant's endpoint heard of.
    """
    return [
        *_money(attempts, ours),
        *_attempts(attempts, ours),
        *_twice(attempts),
        *_states(attempts, ours),
        *(found for charge in ours.charges for found in _charge(charge)),
        *_intents(ours),
        *(Violation("ledger", breach.promise, f"{breach.rows}") for breach in ours.breaches),
        *events(ours),
        *webhooks(ours, received),
        *acknowledged(ours, told),
    ]


def _money(attempts: Sequence[Attempt], ours: Ours) -> Iterable[Violation]:
    """Reference by reference, what the PSPs moved in and out is what our clearing accounts say.

    Money that a PSP has and our ledger has not is lost; money that only our ledger has is created,
    be it booked twice or given out unbooked.
    """
    moved: Counter[tuple[str, str]] = Counter()
    for attempt in attempts:
        for movement in attempt.moved:
            sign = 1 if movement.direction == "in" else -1
            moved[attempt.reference, movement.currency] += sign * movement.amount
    booked: Counter[tuple[str, str]] = Counter()
    references = {charge.id: charge.at_psp for charge in ours.charges}
    references |= {row.id: row.at_psp for row in ours.outgoing}
    lost_disputes = {each.id for each in ours.disputes if each.status == "lost"}
    for entry in ours.entries:
        # A payer's bank takes a lost dispute's money beside the PSPs' books.
        if entry.source not in lost_disputes:
            reference = references.get(entry.source, f"none, for {entry.source}")
            booked[reference, entry.currency] -= entry.amount
    for reference, currency in sorted(moved.keys() | booked.keys()):
        there, here = moved[reference, currency], booked[reference, currency]
        if there != here:
            kind = "lost" if there > here else "created"
            detail = f"moved {there} {currency} (out is negative), booked {here}"
            yield Violation(kind, reference, detail)


def _attempts(attempts: Sequence[Attempt], ours: Ours) -> Iterable[Violation]:
    """Each attempt belongs to one row of ours that means the same money, in the same direction."""
    meant: dict[str, tuple[str, str, int, str]] = {}
    for charge in ours.charges:
        meant[charge.at_psp] = (charge.id, "in", charge.amount, charge.currency)
    for row in ours.outgoing:
        meant[row.at_psp] = (row.id, "out", row.amount, row.currency)
    for attempt in attempts:
        known = (attempt.direction, attempt.amount, attempt.currency)
        owner, *wanted = meant.get(attempt.reference, ("", *known))
        if not owner:
            yield Violation("stray", attempt.where, f"{attempt.fate}, {known}, and no row of ours")
        elif tuple(wanted) != known:
            yield Violation("wrong money", attempt.where, f"{known}, {owner} means {wanted}")


def _twice(attempts: Sequence[Attempt]) -> Iterable[Violation]:
    """No reference is taken twice or moves money twice; no payment is taken or held by two
    attempts, no payout is sent by two.

    Payments and payouts are told apart by their amounts alone, so that this needs none of our rows.
    """
    for attempt in attempts:
        if len(attempt.moved) > 1:
            amounts = [movement.amount for movement in attempt.moved]
            yield Violation("doubled", attempt.where, f"{amounts} moved")
    for reference, count in Counter(attempt.reference for attempt in attempts).items():
        if count > 1:
            yield Violation("doubled", reference, f"{count} attempts with one reference")
    effects: Counter[tuple[str, int]] = Counter()
    for attempt in attempts:
        kinds = {movement.kind for movement in attempt.moved} - {"refund"}
        if attempt.psp in _REFUND_BY_PAYOUT:  # and two refunds may be of one amount
            kinds -= {"payout"}
        if attempt.fate == "held":
            kinds = {"charge"}
        effects.update((kind, attempt.amount) for kind in kinds)
    for (kind, amount), count in effects.items():
        if count > 1:
            yield Violation("doubled", f"the {kind} of {amount}", f"by {count} attempts")


def _states(attempts: Sequence[Attempt], ours: Ours) -> Iterable[Violation]:
    """What a row claims is in the PSP's book, and it is open only while the PSP's attempt is."""
    fates = _fates(attempts)
    rows: list[Charge | Outgoing] = [*ours.charges, *ours.outgoing]
    for row in rows:
        there = fates[row.at_psp]
        detail = f"{row.state}; at the PSP: {there or 'never seen'}"
        if row.state in _MOVED and "moved" not in there:
            yield Violation("invented", row.id, detail)
        elif (row.state in _MOVED, row.state == "authorized") != (
            "moved" in there,
            "held" in there,
        ):
            yield Violation("contradiction", row.id, detail)
    yield from unsettled(attempts, rows)


def unsettled(
    attempts: Sequence[Attempt], rows: Iterable[Charge | Outgoing]
) -> Iterable[Violation]:
    """Rows that are open although their PSP knows the outcome."""
    fates = _fates(attempts)
    for row in rows:
        there = fates[row.at_psp]
        if isinstance(row, Charge) and row.step:
            yield Violation("unsettled", row.id, f"{row.state}, {row.step} without an answer")
        elif row.state in _OPEN and "open" not in there and not _left_to_people(row, there):
            detail = f"{row.state}; at the PSP: {there or 'never seen'}"
            yield Violation("unsettled", row.id, detail)


def unexplained(attempts: Sequence[Attempt], ours: Ours) -> list[str]:
    """The ids of open rows that no machine can close."""
    fates = _fates(attempts)
    rows: list[Charge | Outgoing] = [*ours.charges, *ours.outgoing]
    return [
        row.id for row in rows if row.state in _OPEN and _left_to_people(row, fates[row.at_psp])
    ]


def _left_to_people(row: Charge | Outgoing, there: set[Fate]) -> bool:
    """Whether an open row is one that no machine can close: its PSP has not seen it, and cannot be
    believed to say so, or waits for a payer who may still come."""
    direction = "in" if isinstance(row, Charge) else "out"
    return not there and (psp_of(row.provider), direction) in _UNEXPLAINED


def _fates(attempts: Sequence[Attempt]) -> defaultdict[str, set[Fate]]:
    fates: defaultdict[str, set[Fate]] = defaultdict(set)
    for attempt in attempts:
        fates[attempt.reference].add(attempt.fate)
    return fates


def _charge(charge: Charge) -> Iterable[Violation]:
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
