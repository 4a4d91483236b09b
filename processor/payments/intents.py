"""`/v1/payment_intents`: the operations. `paying.py` and `held.py` have those that move money."""

import msgspec

from processor.errors import not_found
from processor.lists import page
from processor.operations import Item, Object, Operation, Work
from processor.payment_methods import store as payment_methods
from processor.payments import drafting, held, paying
from processor.payments.drafting import Draft
from processor.payments.intent_batches import check_status, unexpected
from processor.payments.objects import Intent, Presenter
from processor.payments.parameters import (
    Cancel,
    Capture,
    Confirm,
    Create,
    List,
    Retrieve,
    Update,
)

SHOWN = Intent.table.c.id.startswith("pi_", autoescape=True)


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One intent."""
    intent = await Intent.find(work.connection, parameters.intent)
    if intent is None or intent.direct:
        raise not_found("payment_intent", parameters.intent, "intent")
    presenter = Presenter.of(work.processor, work.caller)
    presenter.check_client_secret(work.caller, intent.id, parameters.client_secret)
    return presenter.answer(intent)


async def update(work: Work, parameters: Update) -> Object:
    """Change an intent that is not being paid right now."""
    presenter = Presenter.of(work.processor, work.caller)
    intent = await Intent.find(work.connection, parameters.intent, "for update")
    if intent is None or intent.direct:
        raise not_found("payment_intent", parameters.intent, "intent")
    check_status(presenter, intent, "update")
    item = Item(work.request, parameters, b"")
    draft = Draft(item, intent)
    named = drafting.Named()
    named.add(parameters)
    known = await drafting.references(work.connection, named)
    touches_money = (
        parameters.amount is not msgspec.UNSET or parameters.currency is not msgspec.UNSET
    )
    if touches_money and intent.status in ("requires_capture", "requires_action"):
        raise unexpected(
            presenter,
            intent,
            f"This PaymentIntent's amount could not be updated because it has a status of"
            f" {intent.status}.",
        )
    drafting.apply_amount(intent, parameters)
    drafting.check_customer(draft, parameters.customer, known)
    drafting.apply_fields(intent, parameters)
    drafting.choose_method(work.caller, draft, parameters, known)
    await payment_methods.write(work.connection, [draft.chosen])
    if intent.status in ("requires_payment_method", "requires_confirmation"):
        intent.status = (
            "requires_confirmation" if intent.payment_method else "requires_payment_method"
        )
    intent.version += 1
    await Intent.update(work.connection, [intent])
    return presenter.intent(intent)


async def list_(work: Work, parameters: List) -> Object:
    """A page of intents, newest first."""
    table = Intent.table
    where = [SHOWN]
    if parameters.customer is not None:
        where.append(table.c.customer == parameters.customer)
    presenter = Presenter.of(work.processor, work.caller)
    return await page(
        work.connection,
        table,
        parameters,
        kind="payment_intent",
        url="/v1/payment_intents",
        render=lambda row: presenter.intent(Intent.read(row)),
        where=where,
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Payment intent objects by id, for expansion."""
    presenter = Presenter.of(work.processor, work.caller)
    return {row.id: presenter.intent(row) for row in await Intent.fetch(work.connection, ids)}


OPERATIONS = [
    Operation(
        name="payment_intents.create",
        method="POST",
        path="/v1/payment_intents",
        parameters=Create,
        returns="payment_intent",
        summary="Create a payment intent, and make the first attempt if `confirm` is true",
        batch=paying.create,
        linked=paying.create_linked,
    ),
    Operation(
        name="payment_intents.retrieve",
        method="GET",
        path="/v1/payment_intents/{intent}",
        parameters=Retrieve,
        returns="payment_intent",
        summary="Retrieve a payment intent",
        read=retrieve,
        publishable=True,
    ),
    Operation(
        name="payment_intents.update",
        method="POST",
        path="/v1/payment_intents/{intent}",
        parameters=Update,
        returns="payment_intent",
        summary="Update a payment intent",
        write=update,
    ),
    Operation(
        name="payment_intents.confirm",
        method="POST",
        path="/v1/payment_intents/{intent}/confirm",
        parameters=Confirm,
        returns="payment_intent",
        summary="Make an attempt to collect the payment",
        batch=paying.confirm,
        publishable=True,
    ),
    Operation(
        name="payment_intents.capture",
        method="POST",
        path="/v1/payment_intents/{intent}/capture",
        parameters=Capture,
        returns="payment_intent",
        summary="Capture a held amount, whole or in part",
        batch=held.capture,
    ),
    Operation(
        name="payment_intents.cancel",
        method="POST",
        path="/v1/payment_intents/{intent}/cancel",
        parameters=Cancel,
        returns="payment_intent",
        summary="Cancel a payment intent and release what is held",
        batch=held.cancel,
    ),
    Operation(
        name="payment_intents.list",
        method="GET",
        path="/v1/payment_intents",
        parameters=List,
        returns="list:payment_intent",
        summary="List payment intents, newest first",
        read=list_,
    ),
]
