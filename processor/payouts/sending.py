"""Carry payouts out: one job for each, which does what its state asks for until it is over.

A pending payout to a wallet is sent, one under way is looked up. In test mode a payout to a bank is
paid by itself; in live mode the operator's file carries it (`bank_files.py`), and there is no job.
"""

import time
from datetime import timedelta

from processor.engine import Processor
from processor.events import log
from processor.events.log import Draft
from processor.external_accounts.numbers import TEST_NUMBERS
from processor.jobs import Job
from processor.payments import janitor
from processor.payouts.objects import BANK, Payout, render
from processor.payouts.settlement import Outcome, settle
from processor.payouts.states import UNDER_WAY
from providers import boundary
from providers.boundary import Answer, Verdict
from tenants.database import Connection

# How long a test payout to a bank stays pending: long enough for a test to cancel it.
TEST_BANK_SECONDS = 3


async def carry_out(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """Do the next thing for a payout. Returns when to come back; None when it is over."""
    async with processor.database.tenant(job.schema) as connection:
        payout = await Payout.find(connection, job.subject)
    if payout is None:
        return None
    if payout.provider == BANK:
        return await _pay_in_test_mode(processor, job, payout, livemode)
    if payout.state == "pending":
        outcome = await _send(processor, job.schema, livemode, payout)
    elif payout.state in UNDER_WAY:
        outcome = await _look_up(processor, job.schema, payout)
    else:
        return None
    if outcome is None:
        return janitor.delay(job.attempts)
    async with processor.database.tenant(job.schema) as connection:
        settled = (await settle(connection, livemode, [outcome]))[payout.id]
    over = settled.state not in UNDER_WAY and settled.state != "pending"
    return None if over else janitor.delay(job.attempts)


async def _pay_in_test_mode(
    processor: Processor, job: Job, payout: Payout, livemode: bool
) -> timedelta | None:
    if livemode or payout.state != "pending":
        return None
    failure = TEST_NUMBERS.get(payout.details.destination.number)
    verdict = Verdict.SUCCEEDED if failure is None else Verdict.DECLINED
    outcome = Outcome(payout.id, verdict, failure_code=failure or "could_not_process")
    async with processor.database.tenant(job.schema) as connection:
        await settle(connection, livemode, [outcome])
    return None


async def _send(
    processor: Processor, schema: str, livemode: bool, payout: Payout
) -> Outcome | None:
    """Send a pending payout, if the operator's float at its provider suffices. None: not now."""
    held = await processor.router.float_of(payout.provider)
    short = held is not None and held.amount < payout.amount
    async with processor.database.tenant(schema) as connection:
        locked = await Payout.find(connection, payout.id, "for update")
        if locked is None or locked.state != "pending":
            return None
        if short:
            await _wait(connection, locked, livemode)
            return None
        await _submit(connection, locked, livemode)
    return await _hand_out(processor, schema, locked)


async def _wait(connection: Connection, payout: Payout, livemode: bool) -> None:
    """Say, once, that a payout waits for the operator to fill the float."""
    if payout.details.waits_for_float:
        return
    payout.details.waits_for_float = True
    payout.version += 1
    await Payout.update(connection, [payout])
    previous = {"pending_reason": None}
    await log.append(
        connection,
        [Draft("payout.updated", render(payout, livemode), payout.version, previous=previous)],
    )


async def _submit(connection: Connection, payout: Payout, livemode: bool) -> None:
    """Commit to sending: from here on the payout cannot be canceled."""
    payout.state = "submitted"
    payout.details.submitted_at = int(time.time())
    payout.details.waits_for_float = False
    payout.version += 1
    await Payout.update(connection, [payout])
    shown = render(payout, livemode)
    previous = {"status": "pending"}
    await log.append(
        connection, [Draft("payout.updated", shown, payout.version, previous=previous)]
    )


async def _hand_out(processor: Processor, schema: str, payout: Payout) -> Outcome:
    payer = processor.router.payouts(payout.provider)
    assert payer is not None, "a payout is only made where the rail has payouts"
    return Outcome.of(payout, await payer.pay_out(_as_sent(processor, schema, payout)))


def _as_sent(processor: Processor, schema: str, payout: Payout) -> boundary.Payout:
    base = processor.public_url
    return boundary.Payout(
        reference=payout.reference,
        amount=payout.amount,
        currency=payout.currency,
        recipient=payout.details.destination.number,
        callback_url=f"{base}/callbacks/{payout.provider}/{schema}/{payout.reference}",
        description=payout.details.statement_descriptor or "",
        external_id=payout.id,
        provider_reference=payout.provider_reference,
    )


async def _look_up(processor: Processor, schema: str, payout: Payout) -> Outcome | None:
    """Ask what became of a payout. None: nothing that could be believed.

    One that its provider has never seen, when our request can no longer be on its way, is sent
    again with the same reference, which moves money at most once (`providers.boundary.Payouts`).
    What that second sending leaves unclear stays unknown.
    """
    payer = processor.router.payouts(payout.provider)
    assert payer is not None, "a payout is only made where the rail has payouts"
    answer = await payer.look_up_payout(_as_sent(processor, schema, payout))
    age = time.time() - (payout.details.submitted_at or payout.created)
    young = age < janitor.grace(payout.state)
    if answer.verdict is Verdict.NOT_SENT and payout.state != "in_transit" and not young:
        again = await payer.pay_out(_as_sent(processor, schema, payout))
        unclear = again.verdict is Verdict.NOT_SENT
        answer = Answer(Verdict.UNKNOWN, evidence=again.evidence) if unclear else again
    elif answer.verdict is Verdict.NOT_SENT:
        return None
    if payout.state == "submitted" and young and answer.verdict is Verdict.UNKNOWN:
        return None
    return Outcome.of(payout, answer)
