"""Every night, count what nobody could explain for an hour, and see that somebody looks.

Each charge, refund and payout has a clock of its own (`payments/janitor.py`). Here its next look
only moves to now, where the clock goes on from; a look-up that is not planned any more, though the
money is still open, is planned again. What should be in the queue of unresolved payments by now is
put there.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from processor.engine import Processor
from processor.jobs import Job
from processor.payments import states as payments
from processor.payouts import states as payouts
from processor.payouts.settlement import JOB as PAYOUT_JOB
from processor.refunds import objects as refunds
from processor.unresolved_payments.nightly import enter_overdue
from tenants.database import Connection

# The job that every schema has once, and that never ends.
JOB = "count_open"

OLD_SECONDS = 3600


def _select(noun: str, job: str, states: Iterable[str]) -> str:
    listed = ", ".join(f"'{state}'" for state in sorted(states))
    return (
        f"select '{noun}' as noun, '{job}' as job, id, created, currency, amount"
        f" from {noun} where state in ({listed}) and created < $1"
    )


_OPEN = " union all ".join(
    [
        _select("charges", "look_up", payments.OPEN),
        _select("refunds", "look_up_refund", refunds.OPEN),
        _select("payouts", PAYOUT_JOB, payouts.UNDER_WAY),
    ]
)

# One statement: the looks that are due now, those that had been forgotten, and the count.
_COUNT = f"""
with open as ({_OPEN}), hurried as (
    update platform.jobs j set run_at = least(j.run_at, now()) from open o
    where j.schema_name = current_user and j.kind = o.job and j.subject = o.id
    returning j.subject
), restored as (
    insert into platform.jobs (kind, subject)
    select job, id from open where id not in (select subject from hurried)
    on conflict do nothing returning 1
), sums as (
    select noun, currency, count(*) as number, min(created) as oldest, sum(amount) as amount
    from open group by noun, currency
)
insert into open_counts (day, counts, restored)
select $2, coalesce((select jsonb_object_agg(noun, currencies) from (
    select noun, jsonb_object_agg(currency, jsonb_build_object(
        'number', number, 'oldest', oldest, 'amount', amount)) as currencies
    from sums group by noun) nouns), '{{}}'), (select count(*) from restored)
on conflict (day) do update set counts = excluded.counts, restored = excluded.restored
"""


async def count_nightly(processor: Processor, job: Job, livemode: bool) -> timedelta:
    """The nightly job of one schema. Returns when to come back: after the next midnight, UTC."""
    async with processor.database.tenant(job.schema) as connection:
        await count(connection)
    async with processor.database.tenant(job.schema) as connection:
        await enter_overdue(connection, processor.router, livemode)
    day = timedelta(days=1).total_seconds()
    return timedelta(seconds=day - time.time() % day + 600)


async def count(connection: Connection) -> None:
    """Count what has been open for an hour, write the day's count, and hurry the look-ups."""
    now = datetime.now(UTC)
    await connection.execute(_COUNT, int(now.timestamp()) - OLD_SECONDS, now.date())
