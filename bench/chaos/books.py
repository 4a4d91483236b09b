"""What was written down: by the sandbox PSPs in their own books, and by us in PostgreSQL.

A PSP's book is read from its file, not through any code that could share a mistake with the engine.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import asyncpg
import msgspec

from processor.ledger.verify import Breach, verify
from providers.sandbox.book import Change

Fate = Literal["open", "held", "taken", "nothing"]

# How each PSP words what became of the money; what is not here took nothing and never will.
_FATES: dict[str, Fate] = {
    "SUCCESSFUL": "taken",
    "PENDING": "open",
    "CREATED": "open",
    "succeeded": "taken",
    "requires_capture": "held",
    "requires_action": "open",
    "processing": "open",
}


@dataclass(slots=True)
class Attempt:
    """A charge as a PSP knows it."""

    psp: str
    reference: str  # ours, as the PSP was told
    amount: int  # asked for, in minor units
    fate: Fate
    taken: list[int] = field(default_factory=list)  # each movement of money


@dataclass(frozen=True, slots=True)
class Charge:
    """Our row of a charge, with what must exist beside it."""

    schema: str
    id: str
    intent: str
    state: str
    reference: str
    amount: int
    amount_captured: int
    step: str | None  # a capture or cancellation without an answer
    late: bool  # it had been called a failure before
    receipt: bool
    posted: list[int]  # amounts of its ledger transactions


@dataclass(frozen=True, slots=True)
class Intent:
    """Our row of a payment intent."""

    schema: str
    id: str
    payment: int  # its number in the plan
    status: str
    amount_received: int
    latest_charge: str | None


@dataclass(slots=True)
class Ours:
    """All tenants' rows."""

    charges: list[Charge] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)  # by object id and type
    breaches: list[Breach] = field(default_factory=list)  # of the ledgers' own promises
    cleared: int = 0  # what the ledgers say that providers took for the merchants


def attempts(sandbox: Path) -> list[Attempt]:
    """Every attempt in the PSPs' books, which are in this directory."""
    found: dict[tuple[str, str], Attempt] = {}
    moved: list[tuple[str, str, int]] = []
    for psp in ("cards", "mtn"):
        content = (sandbox / f"{psp}.jsonl").read_bytes()
        for line in content.rpartition(b"\n")[0].splitlines():
            change = msgspec.json.decode(line, type=Change)
            for kind, states in change.resources.items():
                for name, state in states.items():
                    if kind in ("intent", "requesttopay"):
                        found[psp, name] = _attempt(psp, name, state)
            moved += [(psp, m.reference, m.amount) for m in change.movements]
    by_reference: dict[tuple[str, str], Attempt] = {}
    for (psp, _), attempt in found.items():
        by_reference.setdefault((psp, attempt.reference), attempt)
    for psp, reference, amount in moved:
        by_reference[psp, reference].taken.append(amount)
    return list(found.values())


def _attempt(psp: str, name: str, state: dict[str, Any]) -> Attempt:
    reference = state["metadata"]["reference"] if psp == "cards" else name
    return Attempt(psp, reference, int(state["amount"]), _FATES.get(state["status"], "nothing"))


_CHARGES = """
select c.id, c.payment_intent as intent, c.state, c.reference, c.amount, c.amount_captured,
       c.details->'step'->>'kind' as step, coalesce((c.details->>'late')::bool, false) as late,
       exists (select from receipts r where r.charge = c.id) as receipt,
       array(select t.amount from ledger_transactions t where t.source = c.id) as posted
from charges c
"""
_INTENTS = """
select id, (metadata->>'payment')::int as payment, status, amount_received, latest_charge
from payment_intents
"""
_CLEARED = """
select -coalesce(sum(amount), 0)::bigint from ledger_balances where account like 'clearing:%'
"""


async def ours(connection: asyncpg.Connection, schemas: Sequence[str]) -> Ours:
    """What these tenants' schemas hold."""
    found = Ours()
    for schema in schemas:
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute(f'set local search_path = "{schema}"')
            charges, intents = await connection.fetch(_CHARGES), await connection.fetch(_INTENTS)
            events = await connection.fetch(
                "select object_id, type, count(*) from events group by 1, 2"
            )
            found.cleared += await connection.fetchval(_CLEARED)
            found.breaches += await verify(connection)
        found.charges += [Charge(schema, **row) for row in charges]
        found.intents += [Intent(schema, **row) for row in intents]
        found.events.update({(row[0], row[1]): row[2] for row in events})
    return found
