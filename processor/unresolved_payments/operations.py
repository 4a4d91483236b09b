"""`/v1/unresolved_payments`."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement

from processor import batches, lists
from processor.errors import APIError, not_found
from processor.operations import BatchWork, Item, Object, Operation, Work
from processor.payments.objects import Presenter
from processor.unresolved_payments import decisions, looking, store
from processor.unresolved_payments.decisions import Decision, Review
from processor.unresolved_payments.objects import Author, UnresolvedPayment
from processor.unresolved_payments.parameters import (
    Approve,
    List,
    LookUp,
    Reject,
    Resolve,
    Retrieve,
)
from tenants.database import Connection


async def list_(work: Work, parameters: List) -> Object:
    """A page of the queue, oldest first."""
    table = UnresolvedPayment.table
    resolved = table.c.status == "resolved"
    where: list[ColumnElement[bool]] = [resolved if parameters.resolved else ~resolved]
    if parameters.type is not None:
        where.append(table.c.type == parameters.type)
    if parameters.provider_account is not None:
        where.append(table.c.provider == parameters.provider_account)
    if parameters.min_age is not None:
        where.append(table.c.since <= int(time.time()) - parameters.min_age)
    page = await lists.page(
        work.connection,
        table,
        parameters,
        kind="unresolved payment",
        url="/v1/unresolved_payments",
        render=lambda row: store.show(row, work.caller.livemode),
        where=where,
        extra=store.EXTRA,
        oldest_first=True,
    )
    await store.add_next_look_ups(work.connection, page["data"])
    return page


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One unresolved payment, with all that was done about it."""
    return await _shown(work.connection, parameters.unresolved_payment, work.caller.livemode)


async def look_up(work: BatchWork[LookUp]) -> None:
    """Ask the providers now. No transaction is open meanwhile."""
    processor, caller = work.processor, work.caller
    subjects = {id(item): item.parameters.unresolved_payment for item in work.items}
    async with processor.database.tenant(caller.schema) as connection:
        fresh, unfinished = await batches.claim(
            connection, "unresolved_payments.look_up", work.items, subjects
        )
        found = await UnresolvedPayment.fetch(connection, list(subjects.values()))
    known = {each.id: each for each in found}
    for item in fresh:
        if item.outcome is not None:
            continue
        identifier = item.parameters.unresolved_payment
        try:
            if identifier not in known:
                raise not_found("unresolved payment", identifier)
            await looking.look(processor, caller.schema, caller.livemode, known[identifier])
        except APIError as error:
            item.outcome = error
    async with processor.database.tenant(caller.schema) as connection:
        await batches.release(connection, fresh)
        looked = [item for item in fresh if item.outcome is None]
        for item in looked:
            item.outcome = await _shown(
                connection, item.parameters.unresolved_payment, caller.livemode
            )
        await batches.answer(work, connection, looked)

    async def recall(connection: Connection, waiting: Sequence[tuple[Item[Any], str]]) -> None:
        for item, subject in waiting:
            item.outcome = await _shown(connection, subject, caller.livemode)

    await batches.answer_unfinished(work, unfinished, _never_busy, recall)


async def _never_busy(_: Connection, __: Sequence[str]) -> set[str]:
    """A look changes nothing by itself: whoever repeats the request is told what is known."""
    return set()


async def resolve(work: Work, parameters: Resolve) -> Object:
    """Decide what became of the payment; above the limit, propose it."""
    decision = Decision(
        parameters.outcome,
        parameters.reason,
        Author.of(work.caller),
        parameters.provider_reference,
        work.request,
    )
    presenter = Presenter.of(work.processor, work.caller)
    identifier = parameters.unresolved_payment
    await decisions.resolve(work.connection, presenter, identifier, decision)
    return await _shown(work.connection, identifier, work.caller.livemode)


async def approve(work: Work, parameters: Approve) -> Object:
    """Carry out another person's proposal."""
    presenter = Presenter.of(work.processor, work.caller)
    identifier = parameters.unresolved_payment
    await decisions.approve(work.connection, presenter, identifier, _review(work, parameters))
    return await _shown(work.connection, identifier, work.caller.livemode)


async def reject(work: Work, parameters: Reject) -> Object:
    """Turn a proposal down, or take one's own back."""
    presenter = Presenter.of(work.processor, work.caller)
    identifier = parameters.unresolved_payment
    await decisions.reject(work.connection, presenter, identifier, _review(work, parameters))
    return await _shown(work.connection, identifier, work.caller.livemode)


def _review(work: Work, parameters: Approve | Reject) -> Review:
    return Review(parameters.proposal, Author.of(work.caller), parameters.reason, work.request)


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Unresolved payments by id, for expansion."""
    return await store.objects(work.connection, ids, work.caller.livemode)


async def _shown(connection: Connection, identifier: str, livemode: bool) -> Object:
    shown = await store.objects(connection, [identifier], livemode)
    if identifier not in shown:
        raise not_found("unresolved payment", identifier)
    return shown[identifier]


OPERATIONS = [
    Operation(
        name="unresolved_payments.list",
        method="GET",
        path="/v1/unresolved_payments",
        parameters=List,
        returns="list:unresolved_payment",
        summary="List payments that nobody can explain, oldest first",
        read=list_,
    ),
    Operation(
        name="unresolved_payments.retrieve",
        method="GET",
        path="/v1/unresolved_payments/{unresolved_payment}",
        parameters=Retrieve,
        returns="unresolved_payment",
        summary="Retrieve an unresolved payment and its history",
        read=retrieve,
    ),
    Operation(
        name="unresolved_payments.look_up",
        method="POST",
        path="/v1/unresolved_payments/{unresolved_payment}/look_up",
        parameters=LookUp,
        returns="unresolved_payment",
        summary="Ask the provider now",
        batch=look_up,
    ),
    Operation(
        name="unresolved_payments.resolve",
        method="POST",
        path="/v1/unresolved_payments/{unresolved_payment}/resolve",
        parameters=Resolve,
        returns="unresolved_payment",
        summary="Decide what became of the payment, or propose it above the limit",
        write=resolve,
    ),
    Operation(
        name="unresolved_payments.approve",
        method="POST",
        path="/v1/unresolved_payments/{unresolved_payment}/approve",
        parameters=Approve,
        returns="unresolved_payment",
        summary="Approve another person's proposal",
        write=approve,
    ),
    Operation(
        name="unresolved_payments.reject",
        method="POST",
        path="/v1/unresolved_payments/{unresolved_payment}/reject",
        parameters=Reject,
        returns="unresolved_payment",
        summary="Reject a proposal, or take one's own back",
        write=reject,
    ),
]
