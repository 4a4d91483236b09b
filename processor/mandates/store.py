"""End mandates, when their payment methods leave their customers or their payers take them back."""

from collections.abc import Sequence

from processor import jobs
from processor.events import log
from processor.events.log import Draft, changed
from processor.mandates.objects import Mandate, render
from processor.operations import Request, Work
from tenants.database import Connection

FOLLOW_JOB = "follow_mandate"  # a mandate whose approval a provider keeps, until it ends
WITHDRAW_JOB = "withdraw_approval"  # of a setup attempt, from the provider that keeps it


async def revoke(work: Work, methods: Sequence[str]) -> None:
    """Make the active mandates for these payment methods inactive, with their events, and tell the
    providers that keep them."""
    records = await work.connection.fetch(
        f"select {Mandate.columns('mandates')} from mandates"
        " where payment_method = any($1) and status = 'active' order by id for update",
        methods,
    )
    mandates = [Mandate.read(record) for record in records]
    livemode = work.caller.livemode
    work.events.extend(await _end(work.connection, mandates, livemode, work.request))
    kept = [each.details.attempt for each in mandates if each.details.attempt is not None]
    if kept:
        await jobs.enqueue(work.connection, WITHDRAW_JOB, kept)


async def end(connection: Connection, identifier: str, livemode: bool) -> None:
    """Make a mandate inactive that its payer has taken back, or whose time is over."""
    # The wallet first, as whoever detaches it does.
    await connection.execute(
        "select 1 from payment_methods p join mandates m on m.payment_method = p.id"
        " where m.id = $1 for update of p",
        identifier,
    )
    mandate = await Mandate.find(connection, identifier, "for update")
    if mandate is not None and mandate.status == "active":
        await log.append(connection, await _end(connection, [mandate], livemode, None))


async def _end(
    connection: Connection, mandates: Sequence[Mandate], livemode: bool, request: Request | None
) -> list[Draft]:
    """Write active mandates as ended. Returns their events."""
    drafts = []
    for mandate in mandates:
        before = render(mandate, livemode)
        mandate.status = "inactive"
        mandate.version += 1
        after = render(mandate, livemode)
        previous = changed(before, after)
        drafts.append(Draft("mandate.updated", after, mandate.version, request, previous))
    if mandates:
        await Mandate.update(connection, mandates)
        await connection.execute(_FORGET, [mandate.id for mandate in mandates])
        await jobs.forget(connection, FOLLOW_JOB, [mandate.id for mandate in mandates])
    return drafts


# A wallet says under which mandate it is charged while nobody is there.
_FORGET = """
update payment_methods p set details = p.details #- '{mobile_money,mandated}'
from mandates m
where m.id = any($1) and p.id = m.payment_method
  and p.details #>> '{mobile_money,mandated,mandate}' = m.id
"""
