"""End mandates when their payment methods leave their customers."""

from collections.abc import Sequence

from processor.events.log import Draft, changed
from processor.mandates.objects import Mandate, render
from processor.operations import Work


async def revoke(work: Work, methods: Sequence[str]) -> None:
    """Make the active mandates for these payment methods inactive, with their events."""
    records = await work.connection.fetch(
        "select * from mandates where payment_method = any($1) and status = 'active'"
        " order by id for update",
        methods,
    )
    mandates = [Mandate.read(record) for record in records]
    for mandate in mandates:
        before = render(mandate, work.caller.livemode)
        mandate.status = "inactive"
        mandate.version += 1
        after = render(mandate, work.caller.livemode)
        previous = changed(before, after)
        work.events.append(Draft("mandate.updated", after, mandate.version, work.request, previous))
    if mandates:
        await Mandate.update(work.connection, mandates)
