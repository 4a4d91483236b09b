"""`/v1/setup_intents`, and their attempts.

As with payments, what talks to a provider is two transactions: what is about to be done is
committed, then it is done, then what came of it is committed.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from processor import batches, jobs, lists
from processor.errors import APIError, not_found
from processor.events import log
from processor.events.log import Draft as Event
from processor.mandates.store import WITHDRAW_JOB
from processor.operations import BatchWork, Item, Object, Operation, Work
from processor.parameters import Parameters, merged_metadata
from processor.payment_methods import store as payment_methods
from processor.payments.drafting import Named, References, references
from processor.payments.objects import Presenter
from processor.setup_intents import drafting, settlement
from processor.setup_intents.drafting import Draft
from processor.setup_intents.objects import (
    SetupAttempt,
    SetupIntent,
    for_caller,
    render,
    render_attempt,
)
from processor.setup_intents.parameters import (
    AttemptList,
    Cancel,
    Confirm,
    Create,
    List,
    Retrieve,
    Update,
)
from processor.setup_intents.states import OPEN
from tenants.database import Connection

P = TypeVar("P", bound=Parameters)


async def create(work: BatchWork[Create]) -> None:
    """Make setup intents; those with `confirm` are attempted at once."""
    drafts: list[Draft[Create]] = []
    for item in work.items:
        try:
            drafts.append(Draft(item, drafting.new_intent(item.parameters)))
        except APIError as error:
            item.outcome = error
    presenter = Presenter.of(work.processor, work.caller)

    def complete(draft: Draft[Create], known: References) -> None:
        parameters = draft.item.parameters
        drafting.apply_references(work.caller, draft, parameters, known)
        if draft.method is not None:
            draft.intent.status = "requires_confirmation"
        if parameters.confirm:
            drafting.begin(work.processor.router, presenter, draft, draft.item.request)

    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {id(draft.item): draft.intent.id for draft in drafts}
        items, unfinished = await batches.claim(
            connection, "setup_intents.create", [draft.item for draft in drafts], subjects
        )
        new = {id(item) for item in items}
        fresh = [draft for draft in drafts if id(draft.item) in new]
        ready = await _checked(connection, fresh, complete)
        await payment_methods.write(connection, [draft.chosen for draft in ready])
        await _store_new(connection, presenter, ready)
        await _answer(work, connection, presenter, [d for d in ready if d.attempt is None])
    await _attempt(work, presenter, [draft for draft in ready if draft.attempt is not None])
    await _finish_earlier(work, presenter, unfinished)


async def _store_new(
    connection: Connection, presenter: Presenter, drafts: Sequence[Draft[Create]]
) -> None:
    if not drafts:
        return
    await SetupIntent.insert(connection, [draft.intent for draft in drafts])
    created = [
        Event(
            "setup_intent.created",
            render(presenter, draft.intent),
            draft.intent.version,
            draft.item.request,
        )
        for draft in drafts
    ]
    await log.append(connection, created)
    await _store_attempts(connection, drafts)


async def confirm(work: BatchWork[Confirm]) -> None:
    """Make attempts at existing setup intents."""
    presenter = Presenter.of(work.processor, work.caller)

    def check(draft: Draft[Confirm], known: References) -> None:
        parameters, intent = draft.item.parameters, draft.intent
        presenter.check_client_secret(work.caller, intent.id, parameters.client_secret)
        drafting.check_status(presenter, intent, "confirm")
        drafting.apply_fields(intent, parameters)
        drafting.apply_consent(intent, parameters)
        drafting.apply_references(work.caller, draft, parameters, known)
        drafting.begin(work.processor.router, presenter, draft, draft.item.request)
        intent.version += 1

    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {id(item): item.parameters.intent for item in work.items}
        items, unfinished = await batches.claim(
            connection, "setup_intents.confirm", work.items, subjects
        )
        fresh = await _drafts_of_existing(connection, items)
        ready = await _checked(connection, fresh, check)
        await payment_methods.write(connection, [draft.chosen for draft in ready])
        if ready:
            await SetupIntent.update(connection, [draft.intent for draft in ready])
        await _store_attempts(connection, ready)
    await _attempt(work, presenter, ready)
    await _finish_earlier(work, presenter, unfinished)


async def _drafts_of_existing(
    connection: Connection, items: Sequence[Item[Confirm]]
) -> list[Draft[Confirm]]:
    """The setup intents that the items name, locked in the order of their ids."""
    ids = sorted({item.parameters.intent for item in items})
    intents = {row.id: row for row in await SetupIntent.fetch(connection, ids, "for update")}

    def found(item: Item[Confirm]) -> Draft[Confirm]:
        if item.parameters.intent not in intents:
            raise not_found("setup_intent", item.parameters.intent, "intent")
        return Draft(item, intents[item.parameters.intent])

    return await batches.accepted(connection, items, found)


async def _checked(
    connection: Connection,
    drafts: Sequence[Draft[P]],
    check: Callable[[Draft[P], References], None],
) -> list[Draft[P]]:
    """The drafts that pass the check."""
    named = Named()
    for draft in drafts:
        named.add(draft.item.parameters)
        if draft.intent.payment_method is not None:
            named.methods.add(draft.intent.payment_method)
    known = await references(connection, named)
    return await batches.checked(connection, drafts, lambda draft: check(draft, known))


async def _store_attempts(connection: Connection, drafts: Sequence[Draft[Any]]) -> None:
    """Store new attempts with the jobs that will look them up."""
    attempts = [draft.attempt for draft in drafts if draft.attempt is not None]
    if attempts:
        await SetupAttempt.insert(connection, attempts)
        ids = [attempt.id for attempt in attempts]
        await jobs.enqueue(connection, settlement.JOB, ids, delay_seconds=5)


async def _attempt(
    work: BatchWork[Any], presenter: Presenter, drafts: Sequence[Draft[Any]]
) -> None:
    """Send what was committed, then commit what came of it with the answers to the callers."""
    if not drafts:
        return
    attempts = [draft.attempt for draft in drafts if draft.attempt is not None]
    requests = {d.attempt.id: d.item.request for d in drafts if d.attempt is not None}
    answers = await settlement.send(work.processor.router, presenter, attempts)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        settled = await settlement.settle(connection, presenter, answers, requests)
        for draft, attempt in zip(drafts, attempts, strict=True):
            draft.intent = settled[attempt.id].intent
            draft.attempt = settled[attempt.id].attempt
        await _answer(work, connection, presenter, drafts)


async def _answer(
    work: BatchWork[Any], connection: Connection, presenter: Presenter, drafts: Sequence[Draft[Any]]
) -> None:
    for draft in drafts:
        draft.item.outcome = settlement.outcome(presenter, draft.intent, draft.attempt)
    await batches.answer(work, connection, [draft.item for draft in drafts])


async def _finish_earlier(
    work: BatchWork[Any], presenter: Presenter, unfinished: batches.Unfinished
) -> None:
    """Answer repeated requests with what became of their setup intents."""

    async def recall(connection: Connection, ended: Sequence[tuple[Item[Any], str]]) -> None:
        ids = [subject for _, subject in ended]
        intents = {row.id: row for row in await SetupIntent.fetch(connection, ids)}
        latest = [row.latest_attempt for row in intents.values() if row.latest_attempt]
        attempts = {row.id: row for row in await SetupAttempt.fetch(connection, latest)}
        for item, subject in ended:
            intent = intents[subject]
            attempt = attempts.get(intent.latest_attempt or "")
            item.outcome = settlement.outcome(presenter, intent, attempt)

    await batches.answer_unfinished(work, unfinished, _busy, recall)


async def _busy(connection: Connection, subjects: Sequence[str]) -> set[str]:
    rows = await connection.fetch(
        "select s.id from setup_intents s join setup_attempts a on a.id = s.latest_attempt"
        " where s.id = any($1) and a.state = 'submitted'",
        subjects,
    )
    return {row["id"] for row in rows}


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One setup intent."""
    intent = await _found(work, parameters.intent)
    presenter = Presenter.of(work.processor, work.caller)
    presenter.check_client_secret(work.caller, intent.id, parameters.client_secret)
    return for_caller(presenter, intent)


async def update(work: Work, parameters: Update) -> Object:
    """Change a setup intent that is not being attempted right now."""
    presenter = Presenter.of(work.processor, work.caller)
    intent = await _found(work, parameters.intent, "for update")
    drafting.check_status(presenter, intent, "update")
    draft = Draft(Item(work.request, parameters, b""), intent)
    named = Named()
    named.add(parameters)
    if intent.payment_method is not None:
        named.methods.add(intent.payment_method)
    known = await references(work.connection, named)
    drafting.apply_fields(intent, parameters)
    drafting.apply_references(work.caller, draft, parameters, known)
    intent.metadata = merged_metadata(intent.metadata, parameters.metadata)
    await payment_methods.write(work.connection, [draft.chosen])
    if intent.status != "requires_action":
        named_one = intent.payment_method is not None
        intent.status = "requires_confirmation" if named_one else "requires_payment_method"
    intent.version += 1
    await SetupIntent.update(work.connection, [intent])
    return render(presenter, intent)


async def cancel(work: Work, parameters: Cancel) -> Object:
    """Give up a setup intent. A payer who still authenticates saves nothing any more."""
    presenter = Presenter.of(work.processor, work.caller)
    intent = await _found(work, parameters.intent, "for update")
    drafting.check_status(presenter, intent, "cancel")
    attempts = await SetupAttempt.fetch(
        work.connection, [intent.latest_attempt or ""], "for update"
    )
    for attempt in attempts:
        if attempt.state in OPEN:
            attempt.state = "canceled"
            attempt.version += 1
            if attempt.details.mobile_money is not None:
                await jobs.enqueue(work.connection, WITHDRAW_JOB, [attempt.id])
    if attempts:
        await SetupAttempt.update(work.connection, attempts)
        await jobs.forget(work.connection, settlement.JOB, [each.id for each in attempts])
    intent.status = "canceled"
    intent.details.cancellation_reason = parameters.cancellation_reason
    intent.details.next_action = None
    intent.version += 1
    await SetupIntent.update(work.connection, [intent])
    shown = render(presenter, intent)
    work.events.append(Event("setup_intent.canceled", shown, intent.version, work.request))
    return shown


async def list_(work: Work, parameters: List) -> Object:
    """A page of setup intents, newest first."""
    table = SetupIntent.table
    where = []
    if parameters.customer is not None:
        where.append(table.c.customer == parameters.customer)
    if parameters.payment_method is not None:
        where.append(table.c.payment_method == parameters.payment_method)
    presenter = Presenter.of(work.processor, work.caller)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="setup_intent",
        url="/v1/setup_intents",
        render=lambda row: render(presenter, SetupIntent.read(row)),
        where=where,
    )


async def list_attempts(work: Work, parameters: AttemptList) -> Object:
    """A page of the attempts of one setup intent, newest first."""
    table = SetupAttempt.table
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="setup_attempt",
        url="/v1/setup_attempts",
        render=lambda row: render_attempt(SetupAttempt.read(row), work.caller.livemode),
        where=[table.c.setup_intent == parameters.setup_intent],
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Setup intent objects by id, for expansion."""
    presenter = Presenter.of(work.processor, work.caller)
    rows = await SetupIntent.fetch(work.connection, ids)
    return {row.id: render(presenter, row) for row in rows}


async def load_attempts(work: Work, ids: list[str]) -> dict[str, Object]:
    """Setup attempt objects by id, for expansion."""
    rows = await SetupAttempt.fetch(work.connection, ids)
    return {row.id: render_attempt(row, work.caller.livemode) for row in rows}


async def _found(work: Work, identifier: str, tail: str = "") -> SetupIntent:
    intent = await SetupIntent.find(work.connection, identifier, tail)
    if intent is None:
        raise not_found("setup_intent", identifier, "intent")
    return intent


OPERATIONS = [
    Operation(
        name="setup_intents.create",
        method="POST",
        path="/v1/setup_intents",
        parameters=Create,
        returns="setup_intent",
        summary="Create a setup intent, and check the payment method if `confirm` is true",
        batch=create,
    ),
    Operation(
        name="setup_intents.retrieve",
        method="GET",
        path="/v1/setup_intents/{intent}",
        parameters=Retrieve,
        returns="setup_intent",
        summary="Retrieve a setup intent",
        read=retrieve,
        publishable=True,
    ),
    Operation(
        name="setup_intents.update",
        method="POST",
        path="/v1/setup_intents/{intent}",
        parameters=Update,
        returns="setup_intent",
        summary="Update a setup intent",
        write=update,
    ),
    Operation(
        name="setup_intents.confirm",
        method="POST",
        path="/v1/setup_intents/{intent}/confirm",
        parameters=Confirm,
        returns="setup_intent",
        summary="Check the payment method, and save it on the customer",
        batch=confirm,
        publishable=True,
    ),
    Operation(
        name="setup_intents.cancel",
        method="POST",
        path="/v1/setup_intents/{intent}/cancel",
        parameters=Cancel,
        returns="setup_intent",
        summary="Cancel a setup intent",
        write=cancel,
    ),
    Operation(
        name="setup_intents.list",
        method="GET",
        path="/v1/setup_intents",
        parameters=List,
        returns="list:setup_intent",
        summary="List setup intents, newest first",
        read=list_,
    ),
    Operation(
        name="setup_attempts.list",
        method="GET",
        path="/v1/setup_attempts",
        parameters=AttemptList,
        returns="list:setup_attempt",
        summary="List the attempts of a setup intent, newest first",
        read=list_attempts,
    ),
]
