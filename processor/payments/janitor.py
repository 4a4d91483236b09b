"""Ask what became of a charge, until somebody knows.

The janitor keeps a clock of its own: a callback only moves its next look to now. It never fails a
charge because time has passed; only the provider's word does that, or the end of a page that the
provider itself has limited in time.
"""

import time
from datetime import timedelta

from processor.engine import Processor
from processor.jobs import Job
from processor.payments import attempts, pages, steps
from processor.payments.objects import Charge, Presenter
from processor.payments.settlement import settle
from processor.payments.states import OPEN
from processor.unresolved_payments import rules, store
from providers.boundary import Answer, Verdict

# Seconds until the next look, by how many there have been. The last one repeats for ever: a charge
# that nobody can explain is never forgotten.
SCHEDULE = (5, 10, 15, 30, 60, 120, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800)

# "Never seen it" is believed only when our request can no longer be on its way: while the call may
# still be running, longer than one may wait to begin (`router.BEGIN_SECONDS`) and then for its
# provider; a moment for the provider's own replicas once it has ended.
GRACE_WHILE_SUBMITTED = 60
GRACE_AFTERWARDS = 4

# A provider that has never seen a young charge is sent it again, with the same reference, because
# the payer is still waiting. After this many seconds it is given up instead.
RESEND_WITHIN = 180


def grace(state: str) -> int:
    """Seconds after which a provider that has never seen a reference is believed."""
    return GRACE_WHILE_SUBMITTED if state == "submitted" else GRACE_AFTERWARDS


def delay(attempts: int) -> timedelta:
    """How long to wait after this many looks."""
    return timedelta(seconds=SCHEDULE[min(attempts, len(SCHEDULE)) - 1])


async def look_up(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """One look at a charge. Returns when to look again; None when there is nothing more to know."""
    charge = await _look(processor, job.schema, livemode, job.subject)
    if charge is None:
        return None
    if _while_open(charge) is None:
        return rules.next_look(charge.details.decided_at, time.time())
    left = pages.seconds_left(processor.router, charge)
    return min(delay(job.attempts), timedelta(seconds=left)) if left else delay(job.attempts)


async def look(processor: Processor, schema: str, livemode: bool, identifier: str) -> Charge | None:
    """Ask the provider and settle what it says. Returns the charge while it is open."""
    charge = await _look(processor, schema, livemode, identifier)
    return None if charge is None else _while_open(charge)


async def _look(
    processor: Processor, schema: str, livemode: bool, identifier: str
) -> Charge | None:
    """Ask and settle. Returns the charge as it is then; None if there was nothing to ask."""
    charge = await processor.gather(_find, schema, identifier)
    presenter = Presenter(processor, schema, livemode)
    if charge is not None and charge.details.step is not None:
        return await _repeat_step(processor, presenter, identifier)
    if charge is None:
        return None
    if charge.state in ("authorized", "succeeded") and charge.details.decided_at is None:
        return None
    answer = await _ask(processor, presenter, charge)
    if _says_nothing(charge, answer):
        return charge
    # Two attempts at one intent are settled one after the other: what the first leaves decides
    # what the second means for the intent.
    return await processor.gather(
        _settle, (schema, livemode), (charge.id, answer), apart=charge.payment_intent
    )


async def _find(processor: Processor, schema: str, ids: list[str]) -> list[Charge | None]:
    async with processor.database.tenant(schema) as connection:
        charges = {charge.id: charge for charge in await Charge.fetch(connection, ids)}
    return [charges.get(identifier) for identifier in ids]


async def _settle(
    processor: Processor, tenant: tuple[str, bool], answers: list[tuple[str, Answer]]
) -> list[Charge]:
    """Settle the answers of look-ups that came at the same time."""
    schema, livemode = tenant
    async with processor.database.tenant(schema) as connection:
        settled = await settle(connection, Presenter(processor, schema, livemode), answers)
    return [settled[identifier].charge for identifier, _ in answers]


async def _repeat_step(
    processor: Processor, presenter: Presenter, identifier: str
) -> Charge | None:
    """Send an open capture or release again, with its reference."""
    async with processor.database.tenant(presenter.schema) as connection:
        charge = await steps.mark_repeated(connection, identifier)
    if charge is None or charge.details.step is None:  # ended meanwhile
        return charge
    answers = await steps.send(processor.router, presenter, [charge])
    async with processor.database.tenant(presenter.schema) as connection:
        settled = await steps.finish(connection, presenter, answers)
    return settled[identifier].charge


def _while_open(charge: Charge) -> Charge | None:
    """The charge, if there is more to know about it."""
    return charge if charge.state in OPEN or charge.details.step is not None else None


def _says_nothing(charge: Charge, answer: Answer) -> bool:
    """Whether an unclear look-up came while the call itself may still bring a clear answer."""
    return (
        charge.state == "submitted"
        and answer.verdict is Verdict.UNKNOWN
        and time.time() - charge.sent < GRACE_WHILE_SUBMITTED
    )


async def _ask(processor: Processor, presenter: Presenter, charge: Charge) -> Answer:
    """The provider's word on a charge. An open one it has never seen is sent again while its payer
    is still there; one that was given up, or that a person has decided, is only looked up, because
    a late word is heard."""
    sent = attempts.as_sent(presenter, charge)
    answer = await processor.router.look_up(charge.provider, sent)
    known = processor.router.account(charge.provider).remembers(charge.sent)
    if answer.verdict is Verdict.NOT_SENT and not known:
        return Answer(Verdict.UNKNOWN, evidence=answer.evidence)
    if pages.is_over(processor.router, charge, answer):
        return pages.expired(answer)
    if answer.verdict is not Verdict.NOT_SENT or charge.state not in OPEN:
        return answer
    return await _not_seen(processor, presenter, charge, answer)


async def _not_seen(
    processor: Processor, presenter: Presenter, charge: Charge, answer: Answer
) -> Answer:
    """What follows for an open charge that its provider says it has never seen: it is sent again
    while its payer waits, and given up afterwards."""
    unclear = Answer(Verdict.UNKNOWN, evidence=answer.evidence)
    now = time.time()
    if charge.state == "pending" or now - charge.last_sent < grace(charge.state):
        return unclear
    if now - charge.sent > RESEND_WITHIN:
        lag = processor.router.account(charge.provider).provider.capabilities.look_up_lag
        over = now - charge.sent > lag and now - charge.last_sent >= rules.SENDING_SECONDS
        return answer if over else unclear
    # Committed first: whatever the call before comes to now, this one may have been sent.
    async with processor.database.tenant(presenter.schema) as connection:
        if not await store.may_send_again(connection, "charges", charge.id):
            return unclear
    charge.details.sent_again_at = int(now)
    ended = await attempts.prepare(presenter, [charge])
    if charge.id in ended:
        again = ended[charge.id]
    else:
        again = await processor.router.charge(
            charge.provider,
            attempts.as_sent(presenter, charge),
            presenter.schema,
            charge.last_sent,
        )
    # A second sending that could not leave says nothing about the first: ask again later.
    not_sent = again.verdict is Verdict.NOT_SENT
    return Answer(Verdict.UNKNOWN, evidence=again.evidence) if not_sent else again
