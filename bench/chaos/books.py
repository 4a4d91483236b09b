"""What the sandbox PSPs have written down, read from their files.

Not through any code that could share a mistake with the engine, nor through the PSPs themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.chaos.resources import READERS, Direction, Fate, Seen, name_of_movement
from providers.sandbox.book import Change, Movement

# Of several pages (or tokens) made for one reference, because the answer that named the first was
# lost, one can be paid: what became of that one counts.
_BY_WEIGHT: list[Fate] = ["nothing", "open", "held", "moved"]
_MADE_ANEW = frozenset({"cinetpay", "orange_cm", "orange_web", "paypal"})


@dataclass(slots=True)
class Attempt:
    """What a PSP knows under one reference of ours."""

    psp: str
    reference: str  # as the PSP words it: `resources.name_at`
    direction: Direction
    amount: int  # asked for, in minor units
    currency: str
    fate: Fate
    moved: list[Movement] = field(default_factory=list)

    @property
    def where(self) -> str:
        """How a report names it."""
        return f"{self.psp} {self.reference}"


def attempts(sandbox: Path) -> list[Attempt]:
    """Every attempt in the books of every PSP, which are in this directory."""
    return [attempt for book in sorted(sandbox.glob("*.jsonl")) for attempt in _of_psp(book)]


def _of_psp(book: Path) -> list[Attempt]:
    psp = book.stem
    read = READERS[psp]  # type: ignore[index]  # a PSP without a reader cannot be audited
    found: dict[tuple[str, str, int], Attempt] = {}
    movements: list[Movement] = []
    for change in _changes(book):
        for kind, states in change.resources.items():
            for name, state in states.items():
                for place, seen in enumerate(read(kind, name, state)):
                    found[kind, name, place] = _attempt(psp, seen)
        movements += change.movements
    known = list(found.values())
    if psp in _MADE_ANEW:
        known = _one_each(known)
    return [*known, *_moved(psp, known, movements)]


def _attempt(psp: str, seen: Seen) -> Attempt:
    return Attempt(psp, seen.reference, seen.direction, seen.amount, seen.currency, seen.fate)


def _one_each(known: list[Attempt]) -> list[Attempt]:
    best: dict[tuple[Direction, str], Attempt] = {}
    for attempt in sorted(known, key=lambda each: _BY_WEIGHT.index(each.fate)):
        best[attempt.direction, attempt.reference] = attempt
    return list(best.values())


def _moved(psp: str, known: list[Attempt], movements: list[Movement]) -> list[Attempt]:
    """Give each movement to its attempt. Returns attempts of which nothing but movements tell."""
    # The first of several with one reference has its movements: the audit sees them all.
    owners: dict[tuple[Direction, str], Attempt] = {}
    for attempt in known:
        owners.setdefault((attempt.direction, attempt.reference), attempt)
    strangers = []
    for movement in movements:
        reference = name_of_movement(psp, movement.reference)
        key = (movement.direction, reference)
        if key not in owners:
            owners[key] = Attempt(
                psp, reference, movement.direction, movement.amount, movement.currency, "moved"
            )
            strangers.append(owners[key])
        owners[key].moved.append(movement)
    return strangers


def _changes(book: Path) -> Iterator[Change]:
    decoder = msgspec.json.Decoder(Change)
    with book.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):  # what a killed PSP was still writing is not in its book
                yield decoder.decode(line)
