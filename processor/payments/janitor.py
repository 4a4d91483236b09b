"""Ask what became of a charge, until somebody knows.

The janitor keeps a clock of its own: a callback only moves its next look to now. It never fails a
charge because time has passed; only the provider's word does that.
"""

import time
from datetime import timedelta

from processor.engine import Processor
from processor.jobs import Job
from processor.payments import steps
from processor.payments.attempts import as_sent
from processor.payments.objects import Charge, Presenter
from processor.payments.settlement import settle
from processor.payments.states import OPEN
from providers.boundary import Answer, Verdict

# Seconds until the next look, by how many there have been. The last one repeats for ever: a charge
# that nobody can explain is never forgotten.
SCHEDULE = (5, 10, 15, 30, 60, 120, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800)

# "Never seen it" is believed only when our request can no longer be on its way: longer than any
# provider's time-out while the call may still be running, a moment for the provider's own replicas
# once it has ended.
GRACE_WHILE_SUBMITTED = 45
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
    state = await look(processor, job.schema, livemode, job.subject)
    return None if state is None else delay(job.attempts)


async def look(processor: Processor, schema: str, livemode: bool, identifier: str) -> str | None:
    """Ask the provider and settle what it says. Returns the charge's state while it is open."""
    async with processor.database.tenant(schema) as connection:
        charge = await Charge.find(connection, identifier)
        if charge is not None and charge.details.step is not None:
            charge = await steps.mark_repeated(connection, identifier)
    if charge is None:
        return None
    presenter = Presenter(processor, schema, livemode)
    if charge.details.step is not None:
        answers = await steps.send(processor.router, presenter, [charge])
        async with processor.database.tenant(schema) as connection:
            settled = await steps.finish(connection, presenter, answers)
    elif charge.state in ("authorized", "succeeded"):
        return None
    else:
        answer = await _ask(processor, presenter, charge)
        if _says_nothing(charge, answer):
            return charge.state
        async with processor.database.tenant(schema) as connection:
            settled = await settle(connection, presenter, [(charge.id, answer)])
    now = settled[charge.id].charge
    return now.state if now.state in OPEN or now.details.step is not None else None


def _says_nothing(charge: Charge, answer: Answer) -> bool:
    """Whether an unclear look-up came while the call itself may still bring a clear answer."""
    return (
        charge.state == "submitted"
        and answer.verdict is Verdict.UNKNOWN
        and time.time() - charge.created < GRACE_WHILE_SUBMITTED
    )


async def _ask(processor: Processor, presenter: Presenter, charge: Charge) -> Answer:
    """The provider's word on a charge. An open one it has never seen is sent again while its payer
    is still there; one that was given up is only looked up, because a late success is booked."""
    sent = as_sent(presenter, charge)
    answer = await processor.router.look_up(charge.provider, sent)
    if answer.verdict is not Verdict.NOT_SENT or charge.state not in OPEN:
        return answer
    age = time.time() - charge.created
    if charge.state == "pending" or age < grace(charge.state):
        return Answer(Verdict.UNKNOWN, evidence=answer.evidence)
    if age > RESEND_WITHIN:
        return answer
    again = await processor.router.charge(charge.provider, sent)
    # A second sending that could not leave says nothing about the first: ask again later.
    not_sent = again.verdict is Verdict.NOT_SENT
    return Answer(Verdict.UNKNOWN, evidence=again.evidence) if not_sent else again
