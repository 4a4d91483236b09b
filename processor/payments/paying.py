"""Make intents and attempt them: `payment_intents.create` and `payment_intents.confirm`.

Create without a confirmation is one transaction. What talks to a provider is two: the attempt is
committed, then it is sent, then what came of it is committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from processor import batches
from processor.errors import APIError, InvalidRequest, PermissionDenied
from processor.events import log
from processor.gathering import retry_stale
from processor.operations import BatchWork
from processor.payment_methods import store as payment_methods
from processor.payments import attempts, creation, drafting, routes
from processor.payments.drafting import Draft, References
from processor.payments.intent_batches import (
    answer,
    check_status,
    drafts_of_existing,
    finish_earlier,
    references,
    store_charges,
)
from processor.payments.objects import Charge, Intent, Presenter
from processor.payments.parameters import Confirm, Create
from processor.payments.settlement import settle
from providers.boundary import Answer
from tenants.database import Connection
from tenants.keys import Caller

if TYPE_CHECKING:
    from processor.engine import Processor


async def create(work: BatchWork[Create]) -> None:
    """Make intents; those with `confirm` are attempted at once."""
    presenter = Presenter.of(work.processor, work.caller)
    ready, unfinished = await batches.commit_first(work, _commit_created)
    await _attempt(work, presenter, [draft for draft in ready if draft.charge is not None])
    await finish_earlier(work, presenter, unfinished)


async def _commit_created(
    work: BatchWork[Create],
) -> tuple[list[Draft[Create]], batches.Unfinished]:
    """Store intents, with the attempts that are to be made."""
    drafts = _new_drafts(work)
    presenter = Presenter.of(work.processor, work.caller)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        return await _make(work, connection, presenter, drafts)


async def create_linked(work: BatchWork[Create], connection: Connection) -> None:
    """Make intents in a transaction that others share. None of them may be attempted."""
    for item in work.items:
        if item.parameters.confirm:
            item.outcome = InvalidRequest(
                "A linked PaymentIntent cannot be confirmed at once, since a payment cannot be"
                " undone with the rest of the batch. Confirm it in a call of its own.",
                param="confirm",
            )
            return
    presenter = Presenter.of(work.processor, work.caller)
    _, unfinished = await _make(work, connection, presenter, _new_drafts(work))
    assert not unfinished, "what asks no provider is committed with its answer"


def _new_drafts(work: BatchWork[Create]) -> list[Draft[Create]]:
    drafts: list[Draft[Create]] = []
    for item in work.items:
        try:
            drafts.append(Draft(item, drafting.new_intent(work.caller, item.parameters)))
        except APIError as error:
            item.outcome = error
    return drafts


async def _make(
    work: BatchWork[Create],
    connection: Connection,
    presenter: Presenter,
    drafts: Sequence[Draft[Create]],
) -> tuple[list[Draft[Create]], batches.Unfinished]:
    """Write intents down, and answer those that are not attempted. Gives those that were written
    in the general way, and the repeated requests that have no answer yet."""
    plain = [draft for draft in drafts if creation.is_plain(draft.item.parameters)]
    await creation.store(connection, presenter, plain)
    rest = [draft for draft in drafts if draft.item.outcome is None]
    subjects = {id(draft.item): draft.intent.id for draft in rest}
    items, unfinished = await batches.claim(
        connection, "payment_intents.create", [draft.item for draft in rest], subjects
    )
    new = {id(item) for item in items}
    fresh = [draft for draft in rest if id(draft.item) in new]
    known = await references(connection, fresh)
    ready = await batches.checked(connection, fresh, lambda draft: _complete(work, draft, known))
    await _store_new(connection, presenter, ready)
    unattempted = [draft for draft in ready if draft.charge is None]
    await answer(work, connection, presenter, unattempted)
    return ready, unfinished


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
    await store_charges(connection, drafts)


async def confirm(work: BatchWork[Confirm]) -> None:
    """Make attempts at existing intents."""
    presenter = Presenter.of(work.processor, work.caller)
    ready, unfinished = await batches.commit_first(work, _commit_confirmed)
    await _attempt(work, presenter, ready)
    await finish_earlier(work, presenter, unfinished)


async def _commit_confirmed(
    work: BatchWork[Confirm],
) -> tuple[list[Draft[Confirm]], batches.Unfinished]:
    """Store the attempts that are to be made at intents."""
    presenter = Presenter.of(work.processor, work.caller)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {id(item): item.parameters.intent for item in work.items}
        fresh, unfinished = await drafts_of_existing(
            connection, "payment_intents.confirm", work.items, subjects
        )
        known = await references(connection, fresh)
        ready = await batches.checked(
            connection, fresh, lambda draft: _confirm_one(work, presenter, draft, known)
        )
        await payment_methods.write(connection, [draft.chosen for draft in ready])
        if ready:
            await Intent.update(connection, [draft.intent for draft in ready])
        await store_charges(connection, ready)
    return ready, unfinished


def _confirm_one(
    work: BatchWork[Confirm], presenter: Presenter, draft: Draft[Confirm], known: References
) -> None:
    parameters, intent = draft.item.parameters, draft.intent
    presenter.check_client_secret(work.caller, intent.id, parameters.client_secret)
    _check_payers_rights(work.caller, parameters)
    check_status(presenter, intent, "confirm")
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
    off_session = drafting.off_session(parameters)
    router, schema = work.processor.router, work.caller.schema
    draft.charge = attempts.begin(
        routes.choose(router, schema, draft.intent, draft.method, off_session=off_session),
        draft.intent,
        draft.method,
        draft.item.request,
        off_session=off_session,
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


async def _attempt(
    work: BatchWork[Any], presenter: Presenter, drafts: Sequence[Draft[Any]]
) -> None:
    """Send what was committed, then commit what came of it with the answers to the callers."""
    if not drafts:
        return
    charges = [draft.charge for draft in drafts if draft.charge is not None]
    answers = await attempts.send(presenter, charges)
    outcome = _Outcome(drafts, charges, answers)
    if len(drafts) > 1:
        await retry_stale(lambda: _conclude(work.processor, work.caller, [outcome]))
    else:
        [draft] = drafts
        await work.processor.gather(_conclude, work.caller, outcome, apart=draft.intent.id)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the providers answered about the attempts of one batch."""

    drafts: Sequence[Draft[Any]]
    charges: Sequence[Charge]  # of the drafts, as they were sent
    answers: Sequence[tuple[str, Answer]]


async def _conclude(
    processor: "Processor", caller: Caller, outcomes: Sequence[_Outcome]
) -> list[None]:
    """Commit what came of attempts, with the answers to the callers."""
    presenter = Presenter.of(processor, caller)
    drafts = [draft for outcome in outcomes for draft in outcome.drafts]
    charges = [charge for outcome in outcomes for charge in outcome.charges]
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    requests = {
        charge.id: draft.item.request for charge, draft in zip(charges, drafts, strict=True)
    }
    async with processor.database.tenant(caller.schema) as connection:
        settled = await settle(connection, presenter, answers, requests, first_call=True)
        for draft, charge in zip(drafts, charges, strict=True):
            draft.item.outcome = None  # of a transaction that was rolled back
            draft.intent = settled[charge.id].intent
            draft.charge = settled[charge.id].charge
        items = [draft.item for draft in drafts]
        await answer(BatchWork(processor, caller, items), connection, presenter, drafts)
    return [None] * len(outcomes)
