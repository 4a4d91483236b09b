"""What the operations on sets of payment intents share: locking, checking, answering."""

from collections.abc import Sequence
from typing import Any, TypeVar

from processor import batches
from processor.errors import InvalidRequest, not_found
from processor.operations import BatchWork, Item
from processor.parameters import Parameters
from processor.payments import attempts, drafting
from processor.payments.drafting import Draft, References
from processor.payments.objects import Charge, Intent, Presenter
from processor.payments.states import ALLOWED
from tenants.database import Connection

P = TypeVar("P", bound=Parameters)


async def drafts_of_existing(
    connection: Connection, operation: str, items: list[Item[P]], subjects: dict[int, str]
) -> tuple[list[Draft[P]], batches.Unfinished]:
    """Take the items' keys, and lock the intents they name in the order of their ids."""
    fresh, unfinished = await batches.claim(connection, operation, items, subjects)
    ids = sorted({subjects[id(item)] for item in fresh})
    rows = await Intent.fetch(connection, ids, "for update")
    intents = {row.id: row for row in rows if not row.direct}

    def found(item: Item[P]) -> Draft[P]:
        identifier = subjects[id(item)]
        if identifier not in intents:
            raise not_found("payment_intent", identifier, "intent")
        return Draft(item, intents[identifier])

    return await batches.accepted(connection, fresh, found), unfinished


async def answer(
    work: BatchWork[Any], connection: Connection, presenter: Presenter, drafts: Sequence[Draft[Any]]
) -> None:
    """Store what became of the intents as the answers of these calls."""
    for draft in drafts:
        if draft.item.outcome is None:
            draft.item.outcome = attempts.outcome(presenter, draft.intent, draft.charge)
    await batches.answer(work, connection, [draft.item for draft in drafts])


async def finish_earlier(
    work: BatchWork[Any], presenter: Presenter, unfinished: batches.Unfinished
) -> None:
    """Answer repeated requests with what became of their intents."""

    async def recall(connection: Connection, ended: Sequence[tuple[Item[Any], str]]) -> None:
        intents = {
            row.id: row for row in await Intent.fetch(connection, [subject for _, subject in ended])
        }
        latest = [row.latest_charge for row in intents.values() if row.latest_charge]
        charges = {row.id: row for row in await Charge.fetch(connection, latest)}
        for item, subject in ended:
            intent = intents[subject]
            charge = charges.get(intent.latest_charge or "")
            item.outcome = attempts.outcome(presenter, intent, charge)

    await batches.answer_unfinished(work, unfinished, _busy, recall)


async def _busy(connection: Connection, subjects: Sequence[str]) -> set[str]:
    """The intents whose attempt, or a step on it, has no outcome yet."""
    rows = await connection.fetch(
        "select i.id from payment_intents i join charges c on c.id = i.latest_charge"
        " where i.id = any($1) and (c.state = 'submitted' or c.details ? 'step')",
        subjects,
    )
    return {row["id"] for row in rows}


async def references(connection: Connection, drafts: Sequence[Draft[Any]]) -> References:
    """What the parameters of these calls name, and the methods that their intents have."""
    named = drafting.Named()
    for draft in drafts:
        named.add(draft.item.parameters)
        if draft.intent.payment_method:
            named.methods.add(draft.intent.payment_method)
    return await drafting.references(connection, named)


async def store_charges(connection: Connection, drafts: Sequence[Draft[Any]]) -> None:
    """Store the attempts that these calls begin."""
    charges = [draft.charge for draft in drafts if draft.charge is not None]
    if charges:
        await attempts.store(connection, charges)


def check_status(presenter: Presenter, intent: Intent, action: str) -> None:
    """Raise InvalidRequest where an intent's status does not allow this."""
    if intent.status in ALLOWED[action]:
        return
    raise unexpected(
        presenter,
        intent,
        f"You cannot {action} this PaymentIntent because it has a status of {intent.status}. Only a"
        " PaymentIntent with one of the following statuses may be used:"
        f" {', '.join(sorted(ALLOWED[action]))}.",
    )


def unexpected(presenter: Presenter, intent: Intent, message: str) -> InvalidRequest:
    """That an intent is not in a state for what was asked."""
    return InvalidRequest(
        message,
        code="payment_intent_unexpected_state",
        payment_intent=presenter.answer(intent),
    )
