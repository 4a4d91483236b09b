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
from processor.unresolved_payments import rules, store
from providers import boundary
from providers.boundary import Answer, Verdict
from tenants.database import Connection

# How long a test payout to a bank stays pending: long enough for a test to cancel it.
TEST_BANK_SECONDS = 3


async def carry_out(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """Do the next thing for a payout. Returns when to come back; None when it is over."""
    payout = await processor.gather(_find, job.schema, job.subject)
    if payout is None:
        return None
    if payout.provider == BANK:
        return await _pay_in_test_mode(processor, job, payout, livemode)
    if payout.state == "pending":
        outcome = await _send(processor, job.schema, livemode, payout)
    elif payout.state in UNDER_WAY:
        outcome = await _look_up(processor, job.schema, payout)
    elif payout.details.decided_at is not None:
        outcome = Outcome.of(payout, await _ask(processor, job.schema, payout))
    else:
        return None
    if outcome is None:
        return janitor.delay(job.attempts)
    settled = await processor.gather(_settle, (job.schema, livemode), outcome, apart=payout.id)
    if settled.state in UNDER_WAY or settled.state == "pending":
        return janitor.delay(job.attempts)
    return rules.next_look(settled.details.decided_at, time.time())


async def _find(processor: Processor, schema: str, ids: list[str]) -> list[Payout | None]:
    """Payouts, for jobs that come at the same time."""
    async with processor.database.tenant(schema) as connection:
        payouts = {payout.id: payout for payout in await Payout.fetch(connection, ids)}
    return [payouts.get(identifier) for identifier in ids]


async def _settle(
    processor: Processor, tenant: tuple[str, bool], outcomes: list[Outcome]
) -> list[Payout]:
    """Settle the outcomes of jobs that end at the same time."""
    schema, livemode = tenant
    async with processor.database.tenant(schema) as connection:
        settled = await settle(connection, livemode, outcomes)
    return [settled[outcome.payout] for outcome in outcomes]


async def _pay_in_test_mode(
    processor: Processor, job: Job, payout: Payout, livemode: bool
) -> timedelta | None:
    if livemode or payout.state != "pending":
        return None
    failure = TEST_NUMBERS.get(payout.details.destination.number)
    verdict = Verdict.SUCCEEDED if failure is None else Verdict.DECLINED
    outcome = Outcome(payout.id, verdict, failure_code=failure or "could_not_process")
    await processor.gather(_settle, (job.schema, livemode), outcome, apart=payout.id)
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
    payout.details.sent_again_at = None  # that was another sending, of a reference that is spent
    payout.details.waits_for_float = False
    payout.version += 1
    await Payout.update(connection, [payout])
    shown = render(payout, livemode)
    previous = {"status": "pending"}
    await log.append(
        connection, [Draft("payout.updated", shown, payout.version, previous=previous)]
    )


async def _hand_out(processor: Processor, schema: str, payout: Payout) -> Outcome:
    """Send a submitted payout, under the provider's own id where the rail hands one out first."""
    since = payout.last_sent
    prepared = await processor.router.prepare_payout(
        payout.provider, _as_sent(processor, schema, payout), schema, since
    )
    if prepared is not None and prepared.verdict is not Verdict.PENDING:
        declined = prepared.verdict is Verdict.DECLINED
        # Money cannot have moved, whatever became of the preparation.
        unsent = Answer(Verdict.NOT_SENT, evidence=prepared.evidence)
        return Outcome.of(payout, prepared if declined else unsent)
    if prepared is not None and prepared.provider_reference != payout.provider_reference:
        payout.provider_reference = prepared.provider_reference
        async with processor.database.tenant(schema) as connection:
            await connection.execute(_KEEP_PREPARED, payout.id, prepared.provider_reference)
    sent = _as_sent(processor, schema, payout)
    return Outcome.of(payout, await processor.router.pay_out(payout.provider, sent, schema, since))


_KEEP_PREPARED = "update payouts set provider_reference = $2 where id = $1"


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
        network=payout.details.destination.network,
    )


async def _ask(processor: Processor, schema: str, payout: Payout) -> Answer:
    """What the provider says of a payout. Nothing is sent."""
    payer = processor.router.payouts(payout.provider)
    assert payer is not None, "a payout is only made where the rail has payouts"
    return await payer.look_up_payout(_as_sent(processor, schema, payout))


async def _look_up(processor: Processor, schema: str, payout: Payout) -> Outcome | None:
    """Ask what became of a payout. None: nothing that could be believed.

    One that its provider has never seen, when our request can no longer be on its way, is sent
    again with the same reference, which moves money at most once (`providers.boundary.Payouts`).
    What that second sending leaves unclear stays unknown.
    """
    answer = await _ask(processor, schema, payout)
    age = time.time() - (payout.details.submitted_at or payout.created)
    young = age < janitor.grace(payout.state)
    known = processor.router.account(payout.provider).remembers(
        payout.details.submitted_at or payout.created
    )
    if answer.verdict is Verdict.NOT_SENT and payout.state != "in_transit" and known and not young:
        async with processor.database.tenant(schema) as connection:
            if not await store.may_send_again(connection, "payouts", payout.id):
                return None
        payout.details.sent_again_at = int(time.time())
        again = await _hand_out(processor, schema, payout)
        unclear = again.verdict is Verdict.NOT_SENT
        return Outcome(payout.id, Verdict.UNKNOWN) if unclear else again
    if answer.verdict is Verdict.NOT_SENT and not young:
        # Not believed, of a payout that was accepted or by an account that has forgotten.
        return Outcome(payout.id, Verdict.UNKNOWN, payout.reference, evidence=answer.evidence)
    if answer.verdict is Verdict.NOT_SENT:
        return None
    if payout.state == "submitted" and young and answer.verdict is Verdict.UNKNOWN:
        return None
    return Outcome.of(payout, answer)
