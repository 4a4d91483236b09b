"""References that attempts left behind when they moved on to another account.

Only what was never sent moves on, so nothing should ever be heard of them again. Should a provider
have taken the money all the same, that is a charge of its own: the attempt at the second account is
neither settled by it nor hides it.
"""

from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from processor.engine import Processor
from processor.jobs import Job
from processor.payments import janitor
from processor.payments.attempts import as_sent
from processor.payments.objects import Charge, Intent, Presenter, Try
from processor.payments.settlement import settle
from providers.boundary import Verdict
from tenants.database import Connection
from tenants.ids import new_id

JOB = "look_up_moved"  # its subject is the reference

# The charges that left a reference behind. The index is on those that left any, which are few.
LEFT_BEHIND = """
select id from charges
where details->'routing' ? 'tries' and details->'routing'->'tries'
    @> jsonb_build_array(jsonb_build_object('reference', $1::text))
"""


@dataclass(frozen=True, slots=True)
class Left:
    """A charge, and the try of it that had this reference."""

    charge: Charge
    left: Try


async def find(connection: Connection, reference: str) -> Left | None:
    """What left this reference behind; None if nothing did, or if it is a charge by now."""
    identifier = await connection.fetchval(
        f"{LEFT_BEHIND} and not exists (select from charges where reference = $1)", reference
    )
    charge = await Charge.find(connection, identifier) if identifier else None
    if charge is None or charge.details.routing is None:
        return None
    tries = {each.reference: each for each in charge.details.routing.tries}
    return Left(charge, tries[reference])


async def look_up(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """The job: one look at a reference that somebody knocked about."""
    open_ = await look(processor, job.schema, livemode, job.subject)
    return janitor.delay(job.attempts) if open_ and job.attempts < len(janitor.SCHEDULE) else None


async def look(processor: Processor, schema: str, livemode: bool, reference: str) -> bool:
    """Ask the account that was left, and book what it took. Returns whether it may still take."""
    async with processor.database.tenant(schema) as connection:
        found = await find(connection, reference)
    if found is None:
        return False
    presenter = Presenter(processor, schema, livemode)
    late = _as_charge(found)
    answer = await processor.router.look_up(late.provider, as_sent(presenter, late))
    if answer.verdict is not Verdict.SUCCEEDED:
        return answer.verdict in (Verdict.PENDING, Verdict.UNKNOWN)
    async with processor.database.tenant(schema) as connection:
        # Looked for again under the intent's lock: somebody else may have brought the same news.
        await Intent.find(connection, late.payment_intent, "for update")
        if await find(connection, reference) is not None:
            await Charge.insert(connection, [late])
            await settle(connection, presenter, [(late.id, answer)])
    return False


def _as_charge(found: Left) -> Charge:
    """The try as a charge of its own, given up."""
    charge, details = found.charge, found.charge.details
    return replace(
        charge,
        id=new_id("ch" if details.method_type == "card" else "py"),
        version=1,
        state="failed",
        amount_captured=0,
        amount_refunded=0,
        provider=found.left.account,
        reference=found.left.reference,
        provider_reference=None,
        details=replace(
            details,
            routing=None,
            redirect_url=None,
            expires_at=None,
            step=None,
            failure=None,
            balance_transaction=None,
            held=False,
            sent_at=None,
            sent_again_at=None,
            late=False,
            evidence=dict(found.left.evidence),
        ),
    )
