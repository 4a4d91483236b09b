"""Resolve differences, each once: the provider is asked, the books are moved, or it is let be.

Every deed is kept with the item: what, why, by whom and when.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from processor import jobs
from processor.engine import Processor
from processor.errors import InvalidRequest, not_found
from processor.events import log
from processor.events.log import Draft
from processor.jobs import Job
from processor.ledger import balances
from processor.ledger.posting import RECONCILIATION, Transaction, clearing, post
from processor.operations import Request
from processor.payments import janitor
from processor.payments import settlement as payments
from processor.payments.objects import Presenter
from processor.payouts import sending
from processor.payouts import settlement as payouts
from processor.reconciliation.importing import event
from processor.reconciliation.objects import (
    Action,
    Deed,
    Reconciliation,
    ReconciliationItem,
    render_item,
)
from processor.refunds import settlement as refunds
from providers.boundary import Answer, Verdict
from tenants.database import Connection
from tenants.ids import new_id

# The job that asks a provider about an item's source; its subject is the item.
JOB = "reconciliation_look_up"

_LOOK_UPS: dict[str, Callable[[Processor, Job, bool], Awaitable[timedelta | None]]] = {
    "collection": janitor.look_up,
    "refund": refunds.look_up,
    "payout": sending.carry_out,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody wants done about an item, why, and who."""

    action: Action
    reason: str
    by: str
    request: Request | None = None


async def resolve(
    connection: Connection, presenter: Presenter, identifier: str, decision: Decision
) -> ReconciliationItem:
    """Do what was decided, in the caller's transaction; a look-up only begins there.

    Raises NotFound, and InvalidRequest for an item that is resolved or that the action does not
    fit.
    """
    reconciliation, item = await _lock(connection, identifier)
    _check_open(reconciliation, item)
    deed = Deed(decision.action, decision.reason, decision.by, int(time.time()))
    item.details.deeds.append(deed)
    if decision.action == "look_up":
        _need_source(item)
        await jobs.enqueue(connection, JOB, [item.id])
        await ReconciliationItem.update(connection, [item])
        return item
    if decision.action == "book":
        await _book(connection, presenter, item)
    elif decision.action == "adjust":
        await _adjust(connection, item, deed)
    await _close(connection, presenter, reconciliation, item, deed, decision.request)
    return item


async def look_up(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """Ask the provider as the noun's own clock does, and see whether the books now agree."""
    async with processor.database.tenant(job.schema) as connection:
        item = await ReconciliationItem.find(connection, job.subject)
    if item is None or not item.open or item.source is None:
        return None
    await _LOOK_UPS[item.kind](processor, replace(job, subject=item.source), livemode)
    async with processor.database.tenant(job.schema) as connection:
        reconciliation, item = await _lock(connection, job.subject)
        deed = next((d for d in reversed(item.details.deeds) if d.action == "look_up"), None)
        if not item.open or deed is None:
            return None
        if await _agrees(connection, item):
            deed.result = "The books now say what the statement says."
            presenter = Presenter(processor, job.schema, livemode)
            await _close(connection, presenter, reconciliation, item, deed, None)
        else:
            deed.result = "The provider's answer did not change the books."
            await ReconciliationItem.update(connection, [item])
    return None


async def _lock(
    connection: Connection, identifier: str
) -> tuple[Reconciliation, ReconciliationItem]:
    """An item and its reconciliation, which is locked first: two items never wait crosswise."""
    found = await ReconciliationItem.find(connection, identifier)
    if found is None:
        raise not_found("reconciliation item", identifier)
    reconciliation = await Reconciliation.find(connection, found.reconciliation, "for update")
    item = await ReconciliationItem.find(connection, identifier, "for update")
    assert reconciliation is not None, "items are stored with their reconciliation"
    assert item is not None, "items are never deleted"
    return reconciliation, item


def _check_open(reconciliation: Reconciliation, item: ReconciliationItem) -> None:
    if reconciliation.status == "processing":
        raise InvalidRequest(
            f"{reconciliation.id} is still being matched. Try again when that has ended.",
            code="reconciliation_processing",
        )
    if item.status == "matched":
        raise InvalidRequest(
            f"Item {item.id} agrees with the books; there is nothing to resolve.",
            code="reconciliation_item_matched",
        )
    if item.resolution is not None:
        raise InvalidRequest(
            f"Item {item.id} has been resolved already ({item.resolution}).",
            code="reconciliation_item_resolved",
        )


def _need_source(item: ReconciliationItem) -> str:
    """What of ours an item is about. Raises InvalidRequest if nothing is, or nothing to act on."""
    if item.source is None or item.kind not in _LOOK_UPS or item.status == "duplicate":
        raise InvalidRequest(
            "No charge, refund or payout of yours stands behind this item: adjust or ignore it.",
            code="reconciliation_item_without_source",
            param="action",
        )
    return item.source


async def _book(connection: Connection, presenter: Presenter, item: ReconciliationItem) -> None:
    """Settle a charge, refund or payout by the statement's word, as if its provider had answered.

    Refused, with all that it did, if the books then still differ: the amount is another one, or
    the state machine has no such way.
    """
    source = _need_source(item)
    if item.line is None:
        raise InvalidRequest(
            "The statement has no line about this: there is nothing to book by.", param="action"
        )
    verdict = Verdict.SUCCEEDED if item.moved else Verdict.DECLINED
    evidence = {"reconciliation": item.reconciliation, "line": item.line}
    answer = Answer(verdict, item.provider_reference, evidence=evidence)
    if item.kind == "collection":
        await payments.settle(connection, presenter, [(source, answer)])
    elif item.kind == "refund":
        await refunds.settle(connection, presenter, [(source, answer)])
    else:
        outcome = payouts.Outcome(
            source, verdict, provider_reference=item.provider_reference, evidence=evidence
        )
        await payouts.settle(connection, presenter.livemode, [outcome])
    if not await _agrees(connection, item):
        raise InvalidRequest(
            f"{source} cannot be booked by this line: its state or its amount forbids it.",
            code="reconciliation_item_not_bookable",
            param="action",
        )


async def _agrees(connection: Connection, item: ReconciliationItem) -> bool:
    return await _booked(connection, item) == item.statement_amount


async def _booked(connection: Connection, item: ReconciliationItem) -> int:
    """What the ledger has now of an item's source: money into the provider's account."""
    assert item.source is not None, "asked of items with a source"
    return await balances.cleared(connection, item.source, item.provider, item.currency)


async def _adjust(connection: Connection, item: ReconciliationItem, deed: Deed) -> None:
    """Move the clearing account to where the statement is, against the reconciliation account.

    What has a source of ours is booked under it, so that later statements find it adjusted. What
    has none is remembered by the provider's name for it.
    """
    account = clearing(item.provider)
    await balances.lock_account(connection, account, item.currency)
    source = item.source
    if source is None or item.status == "duplicate":
        source = item.id
        item.adjusts = _adjusts(item)
        await _check_unadjusted(connection, item.adjusts)
    elif await _booked(connection, item) != item.ledger_amount:
        raise InvalidRequest(
            f"The books of {source} have moved since the statement was imported. Look it up first.",
            code="reconciliation_item_outdated",
            param="action",
        )
    deed.transaction = new_id("txn")
    adjustment = Transaction(
        id=deed.transaction,
        kind="reconciliation_adjustment",
        source=source,
        currency=item.currency,
        shown=False,
        description=f"{item.id}, by {deed.by}: {deed.reason}",
        entries={account: -item.difference, RECONCILIATION: item.difference},
    )
    await post(connection, [adjustment])


def _adjusts(item: ReconciliationItem) -> str:
    """A name for a movement that only the provider knows, the same in each of its statements."""
    known_as = item.source or item.reference or item.provider_reference or item.external_id
    return f"{item.provider}/{item.kind}/{item.currency}/{known_as}/{item.occurrence}"


async def _check_unadjusted(connection: Connection, adjusts: str) -> None:
    earlier = await connection.fetchval(
        "select id from reconciliation_items where adjusts = $1", adjusts
    )
    if earlier is not None:
        raise InvalidRequest(
            f"The same movement has been adjusted already, as {earlier} of another statement.",
            code="reconciliation_item_already_adjusted",
            param="action",
        )


async def _close(
    connection: Connection,
    presenter: Presenter,
    reconciliation: Reconciliation,
    item: ReconciliationItem,
    deed: Deed,
    request: Request | None,
) -> None:
    """Write a resolved item down, and say so, also when it was the last one."""
    deed.resolved = True
    item.resolution = deed.action
    item.version += 1
    reconciliation.open_items -= 1
    reconciliation.version += 1
    await ReconciliationItem.update(connection, [item])
    drafts = [Draft("reconciliation.item_resolved", render_item(item), item.version, request)]
    if reconciliation.open_items == 0:
        reconciliation.status = "completed"
        drafts.append(event(presenter, reconciliation, "completed", request))
    await Reconciliation.update(connection, [reconciliation])
    await log.append(connection, drafts)
