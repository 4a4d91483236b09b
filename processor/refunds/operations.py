"""`/v1/refunds`."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

from processor import batches, jobs, lists
from processor.errors import InvalidRequest, missing, not_found
from processor.events import log
from processor.events.log import Draft, changed
from processor.ledger.posting import post
from processor.operations import BatchWork, Item, Object, Operation, Request, Work
from processor.parameters import merged_metadata
from processor.payments.objects import Charge, Presenter
from processor.refunds import settlement
from processor.refunds.objects import OPEN, Refund, RefundDetails, render
from processor.refunds.parameters import Cancel, Create, List, Retrieve, Update
from tenants.database import Connection
from tenants.ids import new_id


@dataclass(slots=True)
class Plan:
    """One refund that is about to be made."""

    item: Item[Create]
    identifier: str  # committed with the idempotency key
    charge: Charge | None = None
    refund: Refund | None = None


async def create(work: BatchWork[Create]) -> None:
    """Make refunds: the merchant's balance pays at once, the provider hears after the commit."""
    presenter = Presenter.of(work.processor, work.caller)
    plans = {id(item): Plan(item, new_id("re")) for item in work.items}
    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {key: plan.identifier for key, plan in plans.items()}
        fresh, unfinished = await batches.claim(connection, "refunds.create", work.items, subjects)
        charges = await _lock_charges(connection, fresh)
        ready = await batches.accepted(
            connection, fresh, lambda item: _plan(work, plans[id(item)], charges)
        )
        await _store(connection, ready)
    pairs = [(p.refund, p.charge) for p in ready if p.refund and p.charge]
    if pairs:
        answers = await settlement.send(work.processor.router, presenter, pairs)
        requests = {plan.identifier: plan.item.request for plan in ready}
        async with work.processor.database.tenant(work.caller.schema) as connection:
            settled = await settlement.settle(connection, presenter, answers, requests)
            for plan in ready:
                plan.item.outcome = render(settled[plan.identifier].refund)
            await batches.answer(work, connection, [plan.item for plan in ready])
    await batches.answer_unfinished(work, unfinished, _busy, _recall)


async def _busy(connection: Connection, subjects: Sequence[str]) -> set[str]:
    rows = await connection.fetch(
        "select id from refunds where id = any($1) and state = 'submitted'", subjects
    )
    return {row["id"] for row in rows}


async def _recall(connection: Connection, ended: Sequence[tuple[Item[Any], str]]) -> None:
    refunds = await Refund.fetch(connection, [subject for _, subject in ended])
    shown = {refund.id: render(refund) for refund in refunds}
    for item, subject in ended:
        item.outcome = shown[subject]


async def _lock_charges(connection: Connection, items: list[Item[Create]]) -> dict[str, Charge]:
    """The charges that the items name, locked in the order of their ids, under their own id and,
    where an item names the intent, under that."""
    ids = {item.parameters.charge for item in items if item.parameters.charge}
    intents = {item.parameters.payment_intent for item in items if item.parameters.payment_intent}
    records = await connection.fetch(
        f"select {Charge.columns('c')}"
        " from charges c left join payment_intents i on i.latest_charge = c.id"
        " where c.id = any($1) or i.id = any($2) order by c.id for update of c",
        sorted(ids),
        sorted(intents),
    )
    charges = [Charge.read(record) for record in records]
    return {charge.id: charge for charge in charges} | {
        charge.payment_intent: charge for charge in charges if charge.payment_intent in intents
    }


def _plan(work: BatchWork[Create], plan: Plan, charges: dict[str, Charge]) -> Plan:
    """Check one refund and make its row in memory. Raises InvalidRequest."""
    parameters = plan.item.parameters
    charge = _charge(plan.item, charges)
    if charge.details.disputed:
        raise InvalidRequest(
            f"Charge {charge.id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            param="charge",
        )
    left = charge.amount_captured - charge.amount_refunded
    if charge.state != "succeeded":
        raise InvalidRequest(
            f"This charge cannot be refunded: it has not been paid (its status is {charge.state}).",
            param="charge",
        )
    if left == 0:
        raise InvalidRequest(
            f"Charge {charge.id} has already been refunded.",
            code="charge_already_refunded",
            param="charge",
        )
    if parameters.currency is not None and parameters.currency.lower() != charge.currency:
        raise InvalidRequest(
            f"The charge's currency is {charge.currency}, and so is its refund's.",
            param="currency",
        )
    amount = left if parameters.amount is None else parameters.amount
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > left:
        raise InvalidRequest(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).",
            code="amount_too_large",
            param="amount",
        )
    if work.processor.router.directory.find(charge.provider) is None:
        raise InvalidRequest(
            "The provider account that took this charge was deleted: nothing can be given back"
            " through it.",
            code="payment_method_not_available",
            param="charge",
        )
    if work.processor.router.refunds(charge.provider) is None:
        raise InvalidRequest(
            "This payment method has no refund on its rail.",
            code="payment_method_not_available",
            param="charge",
        )
    charge.amount_refunded += amount
    charge.version += 1
    plan.charge = charge
    plan.refund = Refund(
        id=plan.identifier,
        created=int(time.time()),
        state="submitted",
        charge=charge.id,
        payment_intent=charge.payment_intent,
        amount=amount,
        currency=charge.currency,
        provider=charge.provider,
        reference=str(uuid.uuid4()),
        metadata=parameters.metadata or {},
        details=RefundDetails(method_type=charge.details.method_type, reason=parameters.reason),
    )
    return plan


def _charge(item: Item[Create], charges: dict[str, Charge]) -> Charge:
    parameters = item.parameters
    if parameters.charge is None and parameters.payment_intent is None:
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or"
            " charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    if parameters.charge is not None:
        charge = charges.get(parameters.charge)
        if charge is None or not charge.shown:
            raise missing("charge", parameters.charge, "charge")
        if parameters.payment_intent not in (None, charge.payment_intent):
            raise InvalidRequest(
                "The charge does not belong to this payment intent.", param="payment_intent"
            )
        return charge
    assert parameters.payment_intent is not None
    if parameters.payment_intent not in charges:
        raise missing("payment_intent", parameters.payment_intent, "payment_intent")
    return charges[parameters.payment_intent]


async def _store(connection: Connection, plans: list[Plan]) -> None:
    """Commit refunds with their ledger entries, events and the jobs that will look them up."""
    refunds = [plan.refund for plan in plans if plan.refund is not None]
    if not refunds:
        return
    transactions = [settlement.take(refund) for refund in refunds]
    charges = {plan.charge.id: plan.charge for plan in plans if plan.charge is not None}
    await Refund.insert(connection, refunds)
    await Charge.update(connection, list(charges.values()))
    await post(connection, transactions)
    await jobs.enqueue(
        connection, "look_up_refund", [refund.id for refund in refunds], delay_seconds=5
    )
    await log.append(connection, [draft for plan in plans for draft in _created(plan)])


def _created(plan: Plan) -> list[Draft]:
    assert plan.refund is not None
    request: Request = plan.item.request
    return [Draft("refund.created", render(plan.refund), plan.refund.version, request)]


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One refund."""
    return render(await _found(work, parameters.refund))


async def update(work: Work, parameters: Update) -> Object:
    """Change a refund's metadata."""
    refund = await _found(work, parameters.refund, "for update")
    before = render(refund)
    refund.metadata = merged_metadata(refund.metadata, parameters.metadata)
    after = render(refund)
    if previous := changed(before, after):
        refund.version += 1
        await Refund.update(work.connection, [refund])
        work.events += [
            Draft(name, after, refund.version, work.request, previous)
            for name in ("refund.updated", "charge.refund.updated")
        ]
    return after


async def cancel(work: Work, parameters: Cancel) -> Object:
    """Refuse, and say why: a refund is with the provider from the moment it is made."""
    refund = await _found(work, parameters.refund)
    state = "is already with the provider" if refund.state in OPEN else f"has {refund.state}"
    raise InvalidRequest(
        f"Refund {refund.id} {state} and can no longer be canceled.",
        code="refund_not_cancelable",
    )


async def list_(work: Work, parameters: List) -> Object:
    """A page of refunds, newest first."""
    table = Refund.table
    where: list[ColumnElement[bool]] = []
    if parameters.charge is not None:
        where.append(table.c.charge == parameters.charge)
    if parameters.payment_intent is not None:
        where.append(table.c.payment_intent == parameters.payment_intent)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="refund",
        url="/v1/refunds",
        render=lambda row: render(Refund.read(row)),
        where=where,
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Refund objects by id, for expansion."""
    return {row.id: render(row) for row in await Refund.fetch(work.connection, ids)}


async def _found(work: Work, identifier: str, tail: str = "") -> Refund:
    refund = await Refund.find(work.connection, identifier, tail)
    if refund is None:
        raise not_found("refund", identifier)
    return refund


OPERATIONS = [
    Operation(
        name="refunds.create",
        method="POST",
        path="/v1/refunds",
        parameters=Create,
        returns="refund",
        summary="Refund a charge, whole or in part",
        batch=create,
    ),
    Operation(
        name="refunds.retrieve",
        method="GET",
        path="/v1/refunds/{refund}",
        parameters=Retrieve,
        returns="refund",
        summary="Retrieve a refund",
        read=retrieve,
    ),
    Operation(
        name="refunds.update",
        method="POST",
        path="/v1/refunds/{refund}",
        parameters=Update,
        returns="refund",
        summary="Update a refund's metadata",
        write=update,
    ),
    Operation(
        name="refunds.cancel",
        method="POST",
        path="/v1/refunds/{refund}/cancel",
        parameters=Cancel,
        returns="refund",
        summary="Cancel a refund that the provider does not have yet",
        write=cancel,
    ),
    Operation(
        name="refunds.list",
        method="GET",
        path="/v1/refunds",
        parameters=List,
        returns="list:refund",
        summary="List refunds, newest first",
        read=list_,
    ),
]
