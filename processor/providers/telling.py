"""Tell merchants that a provider is in trouble, and that it is back.

A job per tenant, account and operation compares what is so now with what the tenant was told last:
a state that came and went before anybody could be told is no news, and no news is told twice.
"""

from processor.engine import Processor
from processor.events import log
from processor.events.log import Draft
from processor.jobs import Job
from processor.providers.objects import render_health
from processor.routing import health
from processor.routing.health import Seen

JOB = health.JOB

_TOLD = """
select type, object_version from events
where object_id = $1 and type in ('provider.degraded', 'provider.recovered')
order by object_version desc limit 1
"""


async def tell(processor: Processor, job: Job) -> None:
    """Write `provider.degraded` or `provider.recovered`, if it is news to the tenant."""
    name, operation = job.subject.split(" ")
    account = processor.router.directory.usable(job.schema, name)
    if account is None:  # it was deleted meanwhile
        return
    known = await health.read(processor.database, name)
    seen = known.get((name, operation), Seen())
    now = "provider.degraded" if seen.state == "open" else "provider.recovered"
    window = processor.router.health.limits.window
    shown = render_health(account, operation, seen, window)
    async with processor.database.tenant(job.schema) as connection:
        # Two workers may hold this job, if it was asked for again while one was at it.
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(concat_ws('/', current_schema(),"
            " $1::text), 0))",
            shown["id"],
        )
        told = await connection.fetchrow(_TOLD, shown["id"])
        last, version = tuple(told) if told else ("provider.recovered", 0)
        if last != now:
            await log.append(connection, [Draft(now, shown, version + 1)])
