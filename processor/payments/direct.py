"""Charges made without an intent, as before there were any: `charges.create` and `charges.capture`.

Each has an intent behind it that nobody sees, so that the same engine moves all money. There is no
one to answer a 3-D Secure challenge: a card that wants one is refused.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from processor import batches
from processor.customers.objects import Customer
from processor.errors import APIError, CardError, InvalidRequest, missing, not_found
from processor.money import check_amount, currency_named
from processor.operations import BatchWork, Item, Operation
from processor.payment_methods import store as payment_methods
from processor.payment_methods.objects import PaymentMethod
from processor.payment_methods.store import Chosen
from processor.payments import attempts, routes, steps
from processor.payments.drafting import Draft, Named, References, references
from processor.payments.objects import DIRECT, Charge, Intent, IntentDetails, Presenter
from processor.payments.parameters import ChargeCapture, ChargeCreate
from processor.payments.settlement import Settled, lock, settle
from tenants.database import Connection
from tenants.ids import new_id
from tenants.keys import Caller


@dataclass(frozen=True, slots=True)
class _Source:
    """What is charged, and what has to be written for it."""

    method: PaymentMethod
    chosen: Chosen | None = None


async def create(work: BatchWork[ChargeCreate]) -> None:
    """Charge cards at once."""
    presenter = Presenter.of(work.processor, work.caller)
    identifiers = {id(item): new_id(DIRECT) for item in work.items}
    async with work.processor.database.tenant(work.caller.schema) as connection:
        fresh, unfinished = await batches.claim(
            connection, "charges.create", work.items, identifiers
        )
        known = await _references(connection, fresh)
        ready = await batches.accepted(
            connection, fresh, lambda item: _draft(work, item, identifiers[id(item)], known)
        )
        charges = [draft.charge for draft in ready if draft.charge is not None]
        if charges:
            await payment_methods.write(connection, [draft.chosen for draft in ready])
            await Intent.insert(connection, [draft.intent for draft in ready])
            await attempts.store(connection, charges)
    if charges:
        answers = await attempts.send(presenter, charges)
        requests = {
            charge.id: draft.item.request for charge, draft in zip(charges, ready, strict=True)
        }
        async with work.processor.database.tenant(work.caller.schema) as connection:
            settled = await settle(connection, presenter, answers, requests, first_call=True)
            for draft, charge in zip(ready, charges, strict=True):
                now = settled[charge.id]
                draft.item.outcome = attempts.outcome(presenter, now.intent, now.charge)
            await batches.answer(work, connection, [draft.item for draft in ready])
    await _finish_earlier(work, presenter, unfinished)


async def _references(connection: Connection, items: Sequence[Item[ChargeCreate]]) -> References:
    """What the items name, and what their customers pay with unless they say otherwise."""
    named = Named()
    for item in items:
        named.add(item.parameters)
    sources = {item.parameters.source for item in items if item.parameters.source}
    named.tokens |= sources
    customers = await Customer.fetch(connection, sorted(named.customers))
    named.methods |= sources | {
        default for customer in customers if (default := _default(customer)) is not None
    }
    return await references(connection, named)


def _default(customer: Customer) -> str | None:
    details = customer.details
    return details.default_source or details.invoice_settings.default_payment_method


def _draft(
    work: BatchWork[ChargeCreate], item: Item[ChargeCreate], identifier: str, known: References
) -> Draft[ChargeCreate]:
    """One charge in memory, with the intent behind it. Raises APIError."""
    parameters = item.parameters
    currency = currency_named(parameters.currency)
    check_amount(parameters.amount, currency)
    source = _source(work.caller, parameters, known)
    intent = Intent(
        id=identifier,
        created=int(time.time()),
        status="requires_confirmation",
        amount=parameters.amount,
        currency=currency.code,
        customer=parameters.customer,
        payment_method=source.method.id,
        metadata=parameters.metadata or {},
        details=IntentDetails(
            capture_method="automatic" if parameters.capture else "manual",
            description=parameters.description,
            receipt_email=parameters.receipt_email,
            shipping=parameters.shipping,
            statement_descriptor=parameters.statement_descriptor,
            statement_descriptor_suffix=parameters.statement_descriptor_suffix,
            transfer_group=parameters.transfer_group,
            payment_method_types=["card"],
        ),
    )
    decision = routes.choose(
        work.processor.router, work.caller.schema, intent, source.method, hold_param="capture"
    )
    charge = attempts.begin(decision, intent, source.method, item.request, off_session=True)
    return Draft(item, intent, source.method, source.chosen, charge)


def _source(caller: Caller, parameters: ChargeCreate, known: References) -> _Source:
    """What an item charges: a token, or a card that its customer has saved. Raises APIError."""
    if parameters.customer is None:
        if parameters.source is None:
            raise InvalidRequest(
                "Must provide source or customer.", code="parameter_missing", param="source"
            )
        method = payment_methods.from_token(caller, parameters.source, known.tokens, "source")
        token = known.tokens.get(parameters.source)
        return _Source(method, Chosen(method, new=True, token=token))
    customer = known.customers.get(parameters.customer)
    if customer is None:
        raise missing("customer", parameters.customer, "customer")
    identifier = parameters.source or _default(customer)
    if identifier is None:
        raise CardError(
            "Cannot charge a customer that has no active card", code="missing", param="card"
        )
    saved = known.methods.get(identifier)
    if saved is None or saved.customer != customer.id:
        raise InvalidRequest(
            f"Customer {customer.id} does not have a linked source with ID {identifier}.",
            code="missing",
            param="source",
        )
    if saved.type != "card":
        raise InvalidRequest(
            "Only cards can be charged without a payment intent: nobody would see what the payer"
            " has to do.",
            param="source",
        )
    return _Source(saved)


async def capture(work: BatchWork[ChargeCapture]) -> None:
    """Take held amounts."""
    presenter = Presenter.of(work.processor, work.caller)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {id(item): item.parameters.charge for item in work.items}
        fresh, unfinished = await batches.claim(connection, "charges.capture", work.items, subjects)
        held = await lock(connection, [item.parameters.charge for item in fresh])
        drafts = await batches.accepted(connection, fresh, lambda item: _taking(item, held))
        await steps.store(connection, presenter, drafts)
    charges = [draft.charge for draft in drafts if draft.charge is not None]
    if charges:
        answers = await steps.send(work.processor.router, presenter, charges)
        requests = {
            charge.id: draft.item.request for charge, draft in zip(charges, drafts, strict=True)
        }
        async with work.processor.database.tenant(work.caller.schema) as connection:
            settled = await steps.finish(connection, presenter, answers, requests)
            for draft, (identifier, answer) in zip(drafts, answers, strict=True):
                now = settled[identifier]
                draft.item.outcome = steps.refusal(now, answer) or presenter.charge(now.charge)
            await batches.answer(work, connection, [draft.item for draft in drafts])
    await _finish_earlier(work, presenter, unfinished)


def _taking(item: Item[ChargeCapture], held: Mapping[str, Settled]) -> Draft[ChargeCapture]:
    """One capture, begun in memory. Raises InvalidRequest."""
    found = held.get(item.parameters.charge)
    if found is None or not found.charge.shown:
        raise not_found("charge", item.parameters.charge)
    _begin_capture(item.parameters, found.intent, found.charge)
    return Draft(item, found.intent, charge=found.charge)


def _begin_capture(parameters: ChargeCapture, intent: Intent, charge: Charge) -> None:
    """Write the capture into the charge, in memory. Raises InvalidRequest."""
    if charge.state == "succeeded":
        raise InvalidRequest(
            f"Charge {charge.id} has already been captured.", code="charge_already_captured"
        )
    if charge.state != "authorized" or charge.details.step is not None:
        released = charge.state == "canceled"
        raise InvalidRequest(
            f"Charge {charge.id} cannot be captured: its state is {charge.state}.",
            code="charge_expired_for_capture" if released else "charge_invalid_parameter",
        )
    amount = charge.amount if parameters.amount is None else parameters.amount
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > charge.amount:
        raise InvalidRequest(
            f"Amount {amount} is greater than the capturable amount {charge.amount}.",
            code="amount_too_large",
            param="amount",
        )
    for name in (
        "receipt_email",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    ):
        if (value := getattr(parameters, name)) is not None:
            setattr(charge.details, name, value)
    steps.begin(intent, charge, "capture", amount=amount)


async def _finish_earlier(
    work: BatchWork[Any], presenter: Presenter, unfinished: batches.Unfinished
) -> None:
    """Answer repeated requests with what became of their charges."""

    async def recall(connection: Connection, ended: Sequence[tuple[Item[Any], str]]) -> None:
        charges = await _charges(connection, [subject for _, subject in ended])
        ids = [charge.payment_intent for charge in charges.values()]
        intents = {row.id: row for row in await Intent.fetch(connection, ids)}
        for item, subject in ended:
            charge = charges[subject]
            item.outcome = attempts.outcome(presenter, intents[charge.payment_intent], charge)
            if not isinstance(item.outcome, APIError):
                item.outcome = presenter.charge(charge)

    await batches.answer_unfinished(work, unfinished, _busy, recall)


async def _charges(connection: Connection, subjects: Sequence[str]) -> dict[str, Charge]:
    """The charges of keys: each named by itself, or by the intent behind it, which has no other."""
    records = await connection.fetch(
        f"select {Charge.columns('charges')} from charges"
        " where id = any($1) or payment_intent = any($1)",
        subjects,
    )
    charges = [Charge.read(record) for record in records]
    return {charge.id: charge for charge in charges} | {
        charge.payment_intent: charge for charge in charges
    }


async def _busy(connection: Connection, subjects: Sequence[str]) -> set[str]:
    charges = await _charges(connection, subjects)
    return {
        subject
        for subject, charge in charges.items()
        if charge.state == "submitted" or charge.details.step is not None
    }


OPERATIONS = [
    Operation(
        name="charges.create",
        method="POST",
        path="/v1/charges",
        parameters=ChargeCreate,
        returns="charge",
        summary="Charge a card without a payment intent",
        batch=create,
    ),
    Operation(
        name="charges.capture",
        method="POST",
        path="/v1/charges/{charge}/capture",
        parameters=ChargeCapture,
        returns="charge",
        summary="Capture a held charge, whole or in part",
        batch=capture,
    ),
]
