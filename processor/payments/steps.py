"""Capture and release: second steps on a held or open charge, each with a reference of its own.

A step is committed in the charge before the provider hears of it. If its answer is lost the janitor
repeats it with the same reference, which can take effect once only.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from processor import jobs
from processor.errors import APIError, CardError
from processor.events import log
from processor.events.log import Draft as EventDraft
from processor.operations import Request
from processor.payments.attempts import as_sent
from processor.payments.drafting import Draft
from processor.payments.objects import Charge, Intent, PendingStep, Presenter
from processor.payments.settlement import Settled, lock, mark_paid, write
from processor.routing.router import Router
from providers.boundary import Answer, Verdict
from tenants.database import Connection


def begin(
    intent: Intent,
    charge: Charge,
    kind: Literal["capture", "cancel"],
    *,
    amount: int = 0,
    reason: str | None = None,
) -> None:
    """Write the step into the charge, in memory. While it is open the intent is processing, so
    that nobody takes another."""
    charge.details.step = PendingStep(kind, str(uuid.uuid4()), amount, reason)
    charge.version += 1
    intent.status = "processing"
    intent.version += 1


def cancel_intent(intent: Intent, reason: str | None) -> None:
    """Cancel an intent that holds nothing."""
    intent.status = "canceled"
    intent.amount_capturable = 0
    intent.details.canceled_at = int(time.time())
    intent.details.cancellation_reason = reason
    intent.details.next_action = None
    intent.version += 1


async def store(connection: Connection, presenter: Presenter, drafts: Sequence[Draft[Any]]) -> None:
    """Commit steps with the job that would repeat them, and cancellations that need none."""
    if not drafts:
        return
    await Intent.update(connection, [draft.intent for draft in drafts])
    waiting = [draft.charge for draft in drafts if draft.charge is not None]
    if waiting:
        await Charge.update(connection, waiting)
        ids = [charge.id for charge in waiting]
        await jobs.enqueue(connection, "look_up", ids, delay_seconds=5)
    await log.append(
        connection,
        [
            EventDraft(
                "payment_intent.canceled",
                presenter.intent(draft.intent),
                draft.intent.version,
                draft.item.request,
            )
            for draft in drafts
            if draft.charge is None
        ],
    )


async def mark_repeated(connection: Connection, identifier: str) -> Charge | None:
    """The charge, and a note in its step, if it still has one, that it is sent again.

    The note is committed before the repeat: from then on a try that was not sent says nothing about
    the other, and only a clear answer ends the step.
    """
    charge = await Charge.find(connection, identifier, "for update")
    if charge is not None and charge.details.step is not None:
        charge.details.step.repeated = True
        await Charge.update(connection, [charge])
    return charge


async def send(
    router: Router, presenter: Presenter, charges: Sequence[Charge]
) -> list[tuple[str, Answer]]:
    """Take committed steps. No transaction is open."""
    answers = await asyncio.gather(*(_send_one(router, presenter, charge) for charge in charges))
    return [(charge.id, answer) for charge, answer in zip(charges, answers, strict=True)]


async def _send_one(router: Router, presenter: Presenter, charge: Charge) -> Answer:
    step = charge.details.step
    assert step is not None
    sent = as_sent(presenter, charge)
    if step.kind == "capture":
        return await router.capture(charge.provider, sent, step.reference, step.amount)
    return await router.cancel(charge.provider, sent, step.reference)


async def finish(
    connection: Connection,
    presenter: Presenter,
    answers: Sequence[tuple[str, Answer]],
    requests: Mapping[str, Request] | None = None,
) -> dict[str, Settled]:
    """Write what came of steps. A step without a clear answer stays, to be repeated."""
    settled = await lock(connection, [charge for charge, _ in answers])
    for identifier, answer in answers:
        each = settled[identifier]
        step = each.charge.details.step
        if step is None:
            continue  # somebody else brought the answer first
        if answer.verdict is Verdict.SUCCEEDED:
            _succeed(presenter, each, answer, (requests or {}).get(identifier))
        elif answer.verdict is Verdict.DECLINED or (
            answer.verdict is Verdict.NOT_SENT and not step.repeated
        ):
            _give_up(each)
    await write(connection, presenter, list(settled.values()))
    return settled


def _succeed(
    presenter: Presenter, settled: Settled, answer: Answer, request: Request | None
) -> None:
    charge, intent = settled.charge, settled.intent
    step = charge.details.step
    assert step is not None
    _close(settled, answer)
    if step.kind == "capture":
        charge.state = "succeeded"
        charge.amount_captured = step.amount
        mark_paid(settled)
        intent.status = "succeeded"
        intent.amount_received = step.amount
        intent.amount_capturable = 0
        of_charge, of_intent = "charge.captured", "payment_intent.succeeded"
    else:
        held = charge.state == "authorized"
        charge.state = "canceled"
        cancel_intent(intent, step.reason)
        of_charge, of_intent = "charge.refunded" if held else "", "payment_intent.canceled"
    if of_charge:
        settled.drafts.append(
            EventDraft(of_charge, presenter.charge(charge), charge.version, request)
        )
    if not intent.direct:
        shown = presenter.intent(intent)
        settled.drafts.append(EventDraft(of_intent, shown, intent.version, request))


def _give_up(settled: Settled) -> None:
    """The provider refused the step, or never heard of it: all is as it was before, unless the
    payment itself was decided in the meantime."""
    charge, intent = settled.charge, settled.intent
    _close(settled, None)
    if intent.status == "processing":
        intent.status = "requires_capture" if charge.state == "authorized" else "requires_action"


def _close(settled: Settled, answer: Answer | None) -> None:
    settled.charge.details.step = None
    settled.charge.version += 1
    settled.intent.version += 1
    settled.changed = True
    if answer is not None and answer.evidence:
        settled.charge.details.evidence = dict(answer.evidence)


def refusal(settled: Settled, answer: Answer) -> APIError | None:
    """What the caller is told when the step was given up because of this answer."""
    if not settled.changed or answer.verdict is Verdict.SUCCEEDED:
        return None
    return CardError(
        "The provider did not carry out this request; the payment is as it was before. Try again"
        " in a while.",
        code="processing_error",
        charge=settled.charge.id,
    )
