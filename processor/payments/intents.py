"""`/v1/payment_intents`: the operations. Create, confirm, capture and cancel work on sets.

Create without a confirmation is one transaction. Everything that talks to a provider is two: what
is about to be done is committed, then it is done, then what came of it is committed.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from processor import batches
from processor.errors import APIError, InvalidRequest, PermissionDenied, not_found
from processor.events import log
from processor.lists import page
from processor.operations import BatchWork, Item, Object, Operation, Work
from processor.parameters import Parameters, merged_metadata
from processor.payment_methods import store as payment_methods
from processor.payments import attempts, creation, drafting, steps
from processor.payments.drafting import Draft, References
from processor.payments.objects import Charge, Intent, Presenter
from processor.payments.parameters import (
    Cancel,
    Capture,
    Confirm,
    Create,
    List,
    Retrieve,
    Update,
)
from processor.payments.settlement import settle
from processor.payments.states import ALLOWED
from tenants.database import Connection
from tenants.keys import Caller

P = TypeVar("P", bound=Parameters)

SHOWN = Intent.table.c.id.startswith("pi_", autoescape=True)


# --- create and confirm -------------------------------------------------------------------------


async def create(work: BatchWork[Create]) -> None:
    """Make intents; those with `confirm` are attempted at once."""
    drafts: list[Draft[Create]] = []
    for item in work.items:
        try:
            drafts.append(Draft(item, drafting.new_intent(work.caller, item.parameters)))
        except APIError as error:
            item.outcome = error
    presenter = Presenter.of(work.processor, work.caller)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        plain = [draft for draft in drafts if creation.is_plain(draft.item.parameters)]
        await creation.store(connection, presenter, plain)
        rest = [draft for draft in drafts if draft.item.outcome is None]
        subjects = {id(draft.item): draft.intent.id for draft in rest}
        items, unfinished = await batches.claim(
            connection, "payment_intents.create", [draft.item for draft in rest], subjects
        )
        new = {id(item) for item in items}
        fresh = [draft for draft in rest if id(draft.item) in new]
        known = await _references(connection, fresh)
        ready = await _checked(connection, fresh, lambda draft: _complete(work, draft, known))
        await _store_new(connection, presenter, ready)
        unattempted = [draft for draft in ready if draft.charge is None]
        await _answer(work, connection, presenter, unattempted)
    await _attempt(work, presenter, [draft for draft in ready if draft.charge is not None])
    await _finish_earlier(work, presenter, unfinished)


def _complete(work: BatchWork[Create], draft: Draft[Create], known: References) -> None:
    """The checks of a new intent that need its references, and its attempt."""
    parameters = draft.item.parameters
    drafting.check_customer(draft, parameters.customer, known)
    drafting.choose_method(work.caller, draft, parameters, known)
    if draft.method is not None:
        draft.intent.status = "requires_confirmation"
    if parameters.confirm:
        _begin(work, draft, parameters)


async def _store_new(
    connection: Connection, presenter: Presenter, drafts: Sequence[Draft[Create]]
) -> None:
    if not drafts:
        return
    created = []
    for draft in drafts:
        shown = presenter.intent(draft.intent)
        created.append(
            log.Draft("payment_intent.created", shown, draft.intent.version, draft.item.request)
        )
    await payment_methods.write(connection, [draft.chosen for draft in drafts])
    await Intent.insert(connection, [draft.intent for draft in drafts])
    await log.append(connection, created)
    await _store_charges(connection, drafts)


async def confirm(work: BatchWork[Confirm]) -> None:
    """Make attempts at existing intents."""
    presenter = Presenter.of(work.processor, work.caller)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {id(item): item.parameters.intent for item in work.items}
        fresh, unfinished = await _drafts_of_existing(
            connection, "payment_intents.confirm", work.items, subjects
        )
        known = await _references(connection, fresh)
        ready = await _checked(
            connection, fresh, lambda draft: _confirm_one(work, presenter, draft, known)
        )
        await payment_methods.write(connection, [draft.chosen for draft in ready])
        if ready:
            await Intent.update(connection, [draft.intent for draft in ready])
        await _store_charges(connection, ready)
    await _attempt(work, presenter, ready)
    await _finish_earlier(work, presenter, unfinished)


def _confirm_one(
    work: BatchWork[Confirm], presenter: Presenter, draft: Draft[Confirm], known: References
) -> None:
    parameters, intent = draft.item.parameters, draft.intent
    presenter.check_client_secret(work.caller, intent.id, parameters.client_secret)
    _check_payers_rights(work.caller, parameters)
    _check_status(presenter, intent, "confirm")
    drafting.apply_fields(intent, parameters)
    if parameters.return_url is not None:
        drafting.apply_return_url(intent, parameters.return_url)
    drafting.choose_method(work.caller, draft, parameters, known)
    if draft.method is None and intent.payment_method is not None:
        draft.method = known.methods[intent.payment_method]
        drafting.check_method(intent, draft.method)
    _begin(work, draft, parameters)
    intent.version += 1


def _begin(work: BatchWork[Any], draft: Draft[Any], parameters: Create | Confirm) -> None:
    """Start an attempt in memory. Raises InvalidRequest."""
    if draft.method is None:
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method.",
            code="payment_intent_unexpected_state",
            payment_intent=Presenter.of(work.processor, work.caller).intent(draft.intent),
        )
    router = work.processor.router
    account = attempts.route(router, work.caller.livemode, draft.intent, draft.method)
    if draft.intent.details.capture_method == "manual" and not router.can_capture(account.name):
        raise InvalidRequest(
            "This payment method cannot be authorized first and captured later.",
            param="capture_method",
        )
    draft.charge = attempts.begin(
        account,
        draft.intent,
        draft.method,
        draft.item.request,
        off_session=drafting.off_session(parameters),
    )


async def _attempt(
    work: BatchWork[Any], presenter: Presenter, drafts: Sequence[Draft[Any]]
) -> None:
    """Send what was committed, then commit what came of it with the answers to the callers."""
    if not drafts:
        return
    charges = [draft.charge for draft in drafts if draft.charge is not None]
    requests = {draft.charge.id: draft.item.request for draft in drafts if draft.charge is not None}
    answers = await attempts.send(work.processor.router, presenter, charges)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        settled = await settle(connection, presenter, answers, requests)
        for draft, charge in zip(drafts, charges, strict=True):
            draft.intent = settled[charge.id].intent
            draft.charge = settled[charge.id].charge
        await _answer(work, connection, presenter, drafts)


# --- capture and cancel -------------------------------------------------------------------------


async def capture(work: BatchWork[Capture]) -> None:
    """Take held amounts."""
    await _take_steps(work, "payment_intents.capture", _plan_capture)


def _plan_capture(_: BatchWork[Any], presenter: Presenter, draft: Draft[Capture]) -> None:
    parameters, intent = draft.item.parameters, draft.intent
    _check_status(presenter, intent, "capture")
    amount = parameters.amount_to_capture
    if amount is not None and amount > intent.amount_capturable:
        raise InvalidRequest(
            f"Amount to capture {amount} is greater than the capturable amount"
            f" {intent.amount_capturable}.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if amount is not None and amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount_to_capture",
        )
    if parameters.metadata is not msgspec.UNSET:
        intent.metadata = merged_metadata(intent.metadata, parameters.metadata)
    assert draft.charge is not None
    steps.begin(draft.intent, draft.charge, "capture", amount=amount or intent.amount_capturable)


async def cancel(work: BatchWork[Cancel]) -> None:
    """Give up intents, releasing what is held."""
    await _take_steps(work, "payment_intents.cancel", _plan_cancel)


def _plan_cancel(work: BatchWork[Any], presenter: Presenter, draft: Draft[Cancel]) -> None:
    intent, reason = draft.intent, draft.item.parameters.cancellation_reason
    _check_status(presenter, intent, "cancel")
    if draft.charge is None or draft.charge.state not in ("authorized", "pending"):
        steps.cancel_intent(intent, reason)
        draft.charge = None
        return
    if not work.processor.router.can_capture(draft.charge.provider):
        raise _unexpected(
            presenter,
            intent,
            "The payer may still confirm this payment on the phone, and the request cannot be"
            " withdrawn. It can be canceled once the attempt has been refused or has expired.",
        )
    steps.begin(intent, draft.charge, "cancel", reason=reason)


async def _take_steps(work: BatchWork[Any], operation: str, plan: Any) -> None:
    """Commit the steps that are about to be taken, take them, commit what came of them."""
    presenter = Presenter.of(work.processor, work.caller)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {id(item): item.parameters.intent for item in work.items}
        fresh, unfinished = await _drafts_of_existing(connection, operation, work.items, subjects)
        await _load_charges(connection, fresh)
        ready = await _checked(connection, fresh, lambda draft: plan(work, presenter, draft))
        await steps.store(connection, presenter, ready)
        await _answer(
            work, connection, presenter, [draft for draft in ready if draft.charge is None]
        )
    waiting = [draft for draft in ready if draft.charge is not None]
    if waiting:
        charges = [draft.charge for draft in waiting if draft.charge is not None]
        answers = await steps.send(work.processor.router, presenter, charges)
        async with work.processor.database.tenant(work.caller.schema) as connection:
            requests = {
                charge.id: draft.item.request
                for charge, draft in zip(charges, waiting, strict=True)
            }
            settled = await steps.finish(connection, presenter, answers, requests)
            for draft, charge in zip(waiting, charges, strict=True):
                draft.intent = settled[charge.id].intent
                draft.item.outcome = steps.refusal(settled[charge.id], dict(answers)[charge.id])
            await _answer(work, connection, presenter, waiting)
    await _finish_earlier(work, presenter, unfinished)


async def _load_charges(connection: Connection, drafts: Sequence[Draft[Any]]) -> None:
    ids = sorted({draft.intent.latest_charge for draft in drafts if draft.intent.latest_charge})
    charges = {charge.id: charge for charge in await Charge.fetch(connection, ids, "for update")}
    for draft in drafts:
        draft.charge = charges.get(draft.intent.latest_charge or "")


# --- retrieve, update, list ---------------------------------------------------------------------


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
    _check_status(presenter, intent, "update")
    item = Item(work.request, parameters, b"")
    draft = Draft(item, intent)
    named = drafting.Named()
    named.add(parameters)
    known = await drafting.references(work.connection, named)
    touches_money = (
        parameters.amount is not msgspec.UNSET or parameters.currency is not msgspec.UNSET
    )
    if touches_money and intent.status in ("requires_capture", "requires_action"):
        raise _unexpected(
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


# --- what the batches share ---------------------------------------------------------------------


async def _drafts_of_existing(
    connection: Connection, operation: str, items: list[Item[P]], subjects: dict[int, str]
) -> tuple[list[Draft[P]], batches.Unfinished]:
    """Take the items' keys, and lock the intents they name in the order of their ids."""
    fresh, unfinished = await batches.claim(connection, operation, items, subjects)
    ids = sorted({subjects[id(item)] for item in fresh})
    rows = await Intent.fetch(connection, ids, "for update")
    intents = {row.id: row for row in rows if not row.direct}
    found = []
    for item in fresh:
        identifier = subjects[id(item)]
        if identifier in intents:
            found.append(Draft(item, intents[identifier]))
        else:
            item.outcome = not_found("payment_intent", identifier, "intent")
    await batches.release(connection, fresh)
    return found, unfinished


async def _checked(connection: Connection, drafts: list[Draft[P]], check: Any) -> list[Draft[P]]:
    """Run the checks; a refused item keeps its error and gives its key back."""
    for draft in drafts:
        try:
            check(draft)
        except APIError as error:
            draft.item.outcome = error
    await batches.release(connection, [draft.item for draft in drafts])
    return [draft for draft in drafts if draft.item.outcome is None]


async def _answer(
    work: BatchWork[Any], connection: Connection, presenter: Presenter, drafts: Sequence[Draft[Any]]
) -> None:
    for draft in drafts:
        if draft.item.outcome is None:
            draft.item.outcome = attempts.outcome(presenter, draft.intent, draft.charge)
    await batches.answer(work, connection, [draft.item for draft in drafts])


async def _finish_earlier(
    work: BatchWork[Any], presenter: Presenter, unfinished: batches.Unfinished
) -> None:
    """Answer repeated requests with what became of their intents."""

    async def recall(connection: Connection, item: Item[Any], subject: str) -> None:
        intent = await Intent.find(connection, subject)
        assert intent is not None, "a key is committed with its intent"
        charge = await Charge.find(connection, intent.latest_charge or "")
        item.outcome = attempts.outcome(presenter, intent, charge)

    await batches.answer_unfinished(work, unfinished, _busy, recall)


async def _busy(connection: Connection, subject: str) -> bool:
    """Whether the intent's attempt, or a step on it, has no outcome yet."""
    found: bool | None = await connection.fetchval(
        "select c.state = 'submitted' or c.details ? 'step'"
        " from payment_intents i join charges c on c.id = i.latest_charge where i.id = $1",
        subject,
    )
    return bool(found)


async def _references(connection: Connection, drafts: Sequence[Draft[Any]]) -> References:
    named = drafting.Named()
    for draft in drafts:
        named.add(draft.item.parameters)
        if draft.intent.payment_method:
            named.methods.add(draft.intent.payment_method)
    return await drafting.references(connection, named)


async def _store_charges(connection: Connection, drafts: Sequence[Draft[Any]]) -> None:
    charges = [draft.charge for draft in drafts if draft.charge is not None]
    if charges:
        await attempts.store(connection, charges)


def _check_status(presenter: Presenter, intent: Intent, action: str) -> None:
    if intent.status in ALLOWED[action]:
        return
    raise _unexpected(
        presenter,
        intent,
        f"You cannot {action} this PaymentIntent because it has a status of {intent.status}. Only a"
        " PaymentIntent with one of the following statuses may be used:"
        f" {', '.join(sorted(ALLOWED[action]))}.",
    )


def _check_payers_rights(caller: Caller, parameters: Confirm) -> None:
    """A payer's browser says how to pay, not on which terms."""
    for name in ("capture_method", "off_session", "setup_future_usage"):
        given = getattr(parameters, name)
        if caller.kind == "publishable" and given not in (msgspec.UNSET, None, False):
            raise PermissionDenied(
                f"{name} cannot be set with a publishable API key.",
                code="secret_key_required",
                param=name,
            )


def _unexpected(presenter: Presenter, intent: Intent, message: str) -> InvalidRequest:
    return InvalidRequest(
        message,
        code="payment_intent_unexpected_state",
        payment_intent=presenter.answer(intent),
    )


OPERATIONS = [
    Operation(
        name="payment_intents.create",
        method="POST",
        path="/v1/payment_intents",
        parameters=Create,
        returns="payment_intent",
        summary="Create a payment intent, and make the first attempt if `confirm` is true",
        batch=create,
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
        batch=confirm,
        publishable=True,
    ),
    Operation(
        name="payment_intents.capture",
        method="POST",
        path="/v1/payment_intents/{intent}/capture",
        parameters=Capture,
        returns="payment_intent",
        summary="Capture a held amount, whole or in part",
        batch=capture,
    ),
    Operation(
        name="payment_intents.cancel",
        method="POST",
        path="/v1/payment_intents/{intent}/cancel",
        parameters=Cancel,
        returns="payment_intent",
        summary="Cancel a payment intent and release what is held",
        batch=cancel,
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
