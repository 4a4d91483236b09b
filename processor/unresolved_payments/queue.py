"""The queue hears whatever is said of payments, where it is said: in the transaction that settles.

Each noun's `settle` calls `hear` with the payments it has locked and what was said of them. One
that has been open for too long enters. One that is in the queue leaves when its end is known. What
is said about one that a person has decided is held against the decision.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from processor import jobs
from processor.unresolved_payments import rules, store
from processor.unresolved_payments.books import align
from processor.unresolved_payments.heard import Heard
from processor.unresolved_payments.objects import (
    Action,
    Author,
    Deed,
    LastAnswer,
    UnresolvedDetails,
    UnresolvedPayment,
)
from processor.unresolved_payments.rules import Outcome
from tenants.database import Connection
from tenants.ids import new_id


@dataclass(slots=True)
class _Changes:
    """What follows from what was heard."""

    items: list[UnresolvedPayment] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    happened: list[tuple[UnresolvedPayment, str]] = field(default_factory=list)


async def hear(connection: Connection, livemode: bool, heard: Sequence[Heard]) -> None:
    """Let payments enter the queue, leave it, and come back. Costs nothing for those that have
    nothing to do with it."""
    now = int(time.time())
    known = {
        each.payment.details.unresolved_payment: each
        for each in heard
        if each.payment.details.unresolved_payment is not None
    }
    late = [
        each
        for each in heard
        if now - each.sent >= rules.LEAST_PATIENCE
        and each.payment.details.unresolved_payment is None
        and each.patience is not None
        and now - each.sent >= each.patience
    ]
    if late:
        await _enter(connection, livemode, late, now)
    if known:
        await _consider_known(connection, livemode, known, now)


async def _enter(connection: Connection, livemode: bool, late: Sequence[Heard], now: int) -> None:
    items = [_new(each, now) for each in late]
    await UnresolvedPayment.insert(connection, items)
    for each, item in zip(late, items, strict=True):
        await store.mark(
            connection, store.TABLES[each.type], [each.payment.id], unresolved_payment=item.id
        )
        each.payment.details.unresolved_payment = item.id
        each.payment.version += 1
    await store.enter(connection, items)
    await store.announce(connection, livemode, [(item, "created") for item in items])


def _new(heard: Heard, now: int) -> UnresolvedPayment:
    payment = heard.payment
    item = UnresolvedPayment(
        id=new_id("unp"),
        created=now,
        type=heard.type,
        reason="outcome_unknown" if payment.state in rules.UNCERTAIN else "overdue",
        payment=payment.id,
        provider=payment.provider,
        amount=payment.amount,
        currency=payment.currency,
        since=heard.sent,
        details=UnresolvedDetails(reference=payment.reference),
    )
    _remember(item, heard, now)
    return item


def _remember(item: UnresolvedPayment, heard: Heard, now: int) -> None:
    """Keep what was said last."""
    item.details.provider_reference = heard.payment.provider_reference
    if heard.verdict is not None:
        item.details.last_answer = LastAnswer(heard.verdict.value, now, dict(heard.evidence))
        item.details.look_ups += 1


async def _consider_known(
    connection: Connection, livemode: bool, known: Mapping[str, Heard], now: int
) -> None:
    items = await UnresolvedPayment.fetch(connection, list(known), "for update")
    changes = _Changes()
    for item in items:
        heard = known[item.id]
        if heard.evidence.get("unresolved_payment") == item.id:
            continue  # a decision of ours, which comes by here on its way
        _remember(item, heard, now)
        changes.items.append(item)
        if not item.details.decided:
            _consider(item, heard, changes, now)
        elif heard.said not in (None, item.details.said):
            await _contradict(connection, item, heard, changes, now)
    if not changes.items:
        return
    await UnresolvedPayment.update(connection, changes.items)
    for deed in changes.deeds:
        await deed.write(connection)
    touched = [item for item, _ in changes.happened]
    if resolved := [item for item in touched if item.status == "resolved"]:
        await store.leave(connection, resolved)
    if back := [item for item in touched if item.status != "resolved"]:
        await store.enter(connection, back)
    if touched:
        await store.announce(connection, livemode, changes.happened)


def _consider(item: UnresolvedPayment, heard: Heard, changes: _Changes, now: int) -> None:
    """An item that no person has decided ends when its payment does."""
    outcome = rules.OUTCOMES.get((heard.type, heard.payment.state))
    if outcome is None or (item.status == "resolved" and item.outcome == outcome):
        return
    author = _author(item, heard)
    item.status, item.outcome, item.proposal = "resolved", outcome, None
    item.details.resolved_by = "statement" if author.type == "statement" else "provider"
    item.details.resolved_at = now
    item.version += 1
    changes.deeds.append(_deed(item, "answer", author, heard, outcome, now))
    changes.happened.append((item, "resolved"))


async def _contradict(
    connection: Connection, item: UnresolvedPayment, heard: Heard, changes: _Changes, now: int
) -> None:
    """Somebody who can know says other than a person has decided. The books follow, the item comes
    back, and what had been proposed meanwhile was proposed without knowing."""
    said = heard.said
    assert said is not None
    author = _author(item, heard)
    await align(connection, item, heard.payment, said, f"{author.type} {author.id} says {said}")
    if item.status == "resolved":
        item.since, item.details.alerted = now, 0
    item.status, item.reason = "open", "contradiction"
    item.outcome = item.proposal = None
    item.details.said = said
    item.details.resolved_at = item.details.resolved_by = None
    item.version += 1
    later = rules.next_look(heard.payment.details.decided_at, now)
    if later is not None:  # the settlement of a final state has forgotten it
        kind, payment = store.LOOK_UPS[item.type], heard.payment.id
        await jobs.enqueue(connection, kind, [payment], delay_seconds=later.total_seconds())
    changes.deeds.append(_deed(item, "contradict", author, heard, said, now))
    changes.happened.append((item, "contradicted"))


def _author(item: UnresolvedPayment, heard: Heard) -> Author:
    statement = heard.evidence.get("reconciliation")
    if statement is not None:
        return Author("statement", str(statement))
    return Author("provider", item.provider)


def _deed(
    item: UnresolvedPayment,
    action: Action,
    author: Author,
    heard: Heard,
    outcome: Outcome,
    now: int,
) -> Deed:
    return Deed(
        id=new_id("upd"),
        created=now,
        unresolved_payment=item.id,
        action=action,
        by=author,
        outcome=outcome,
        provider_reference=heard.payment.provider_reference,
        evidence=dict(heard.evidence),
    )
