"""Take or release what is held: `payment_intents.capture` and `payment_intents.cancel`.

The step is committed, then it is taken at the provider, then what came of it is committed.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from processor import batches
from processor.errors import InvalidRequest
from processor.operations import BatchWork
from processor.parameters import merged_metadata
from processor.payments import steps
from processor.payments.drafting import Draft
from processor.payments.intent_batches import (
    answer,
    check_status,
    drafts_of_existing,
    finish_earlier,
    unexpected,
)
from processor.payments.objects import Charge, Presenter
from processor.payments.parameters import Cancel, Capture
from tenants.database import Connection


async def capture(work: BatchWork[Capture]) -> None:
    """Take held amounts."""
    await _take_steps(work, "payment_intents.capture", _plan_capture)


def _plan_capture(_: BatchWork[Any], presenter: Presenter, draft: Draft[Capture]) -> None:
    parameters, intent = draft.item.parameters, draft.intent
    check_status(presenter, intent, "capture")
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
    check_status(presenter, intent, "cancel")
    if draft.charge is None or draft.charge.state not in ("authorized", "pending"):
        steps.cancel_intent(intent, reason)
        draft.charge = None
        return
    if not work.processor.router.can_capture(draft.charge.provider):
        raise unexpected(
            presenter,
            intent,
            f"The payer may still {_where_it_waits(draft.charge)}, and the request cannot be"
            " withdrawn. It can be canceled once the attempt has been refused or has expired.",
        )
    steps.begin(intent, draft.charge, "cancel", reason=reason)


def _where_it_waits(charge: Charge) -> str:
    if charge.details.redirect_url is not None:
        return "make this payment on the provider's page"
    return "confirm this payment on the phone"


async def _take_steps(work: BatchWork[Any], operation: str, plan: Any) -> None:
    """Commit the steps that are about to be taken, take them, commit what came of them."""
    presenter = Presenter.of(work.processor, work.caller)
    async with work.processor.database.tenant(work.caller.schema) as connection:
        subjects = {id(item): item.parameters.intent for item in work.items}
        fresh, unfinished = await drafts_of_existing(connection, operation, work.items, subjects)
        await _load_charges(connection, fresh)
        ready = await batches.checked(connection, fresh, lambda draft: plan(work, presenter, draft))
        await steps.store(connection, presenter, ready)
        await answer(
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
            await answer(work, connection, presenter, waiting)
    await finish_earlier(work, presenter, unfinished)


async def _load_charges(connection: Connection, drafts: Sequence[Draft[Any]]) -> None:
    ids = sorted({draft.intent.latest_charge for draft in drafts if draft.intent.latest_charge})
    charges = {charge.id: charge for charge in await Charge.fetch(connection, ids, "for update")}
    for draft in drafts:
        draft.charge = charges.get(draft.intent.latest_charge or "")
