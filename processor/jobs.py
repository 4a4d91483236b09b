"""The queue of work to be done later: asked for in the transaction that makes it necessary.

A job is one row per tenant schema, kind and subject. A worker claims rows by pushing `run_at` into
the future; a worker that dies simply lets them come due again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tenants.database import Connection

# How long a claimed job is left to its worker: longer than any provider's time-out.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed job."""

    id: int
    schema: str
    kind: str
    subject: str
    attempts: int  # this one included


async def enqueue(
    connection: Connection, kind: str, subjects: Sequence[str], delay_seconds: float = 0
) -> None:
    """Ask for work on these subjects, inside a tenant's transaction. What is queued stays once,
    and is done at the earlier of the two times."""
    await connection.execute(
        "insert into platform.jobs as j (kind, subject, run_at)"
        " select $1, s, now() + $3 from unnest($2::text[]) s"
        " on conflict (schema_name, kind, subject)"
        " do update set run_at = least(j.run_at, excluded.run_at), attempts = 0",
        kind,
        subjects,
        timedelta(seconds=delay_seconds),
    )


async def forget(connection: Connection, kind: str, subjects: Sequence[str]) -> None:
    """Drop work that is no longer needed, inside a tenant's transaction."""
    await connection.execute(
        "delete from platform.jobs"
        " where schema_name = current_user and kind = $1 and subject = any($2)",
        kind,
        subjects,
    )


# The condition is that of an index: a parameter would not let the planner see it.
_CLAIM = """
update platform.jobs j set run_at = now() + $2, attempts = attempts + 1
from (
    select id from platform.jobs
    where run_at <= now() and kind {} 'receipt' and schema_name not in (
        select schema_name from platform.tenant_schemas where suspended_at is not null
    )
    order by run_at limit $1 for update skip locked
) due
where j.id = due.id
returning j.id, j.schema_name, j.kind, j.subject, j.attempts
"""
_CLAIM_RECEIPTS, _CLAIM_OTHERS = _CLAIM.format("="), _CLAIM.format("<>")


async def claim(connection: Connection, limit: int, *, receipts: bool) -> list[Job]:
    """Take up to `limit` jobs that are due: `receipts` alone, or all others."""
    rows = await connection.fetch(_CLAIM_RECEIPTS if receipts else _CLAIM_OTHERS, limit, LEASE)
    return [Job(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job: when to do it again, if at all, and what went wrong."""

    job: Job
    again_in: timedelta | None
    error: str | None = None


async def write_down(connection: Connection, done: Sequence[Done]) -> None:
    """Remove finished jobs and put the others back for later, except those that were asked for
    again in the meantime."""
    over = [each.job for each in done if each.again_in is None]
    if over:
        await connection.execute(
            "delete from platform.jobs j using unnest($1::bigint[], $2::int[]) as d(id, attempts)"
            " where j.id = d.id and j.attempts = d.attempts",
            [job.id for job in over],
            [job.attempts for job in over],
        )
    later = [each for each in done if each.again_in is not None]
    if later:
        await connection.execute(
            "update platform.jobs j set run_at = now() + d.delay, last_error = d.error"
            " from unnest($1::bigint[], $2::int[], $3::interval[], $4::text[])"
            " as d(id, attempts, delay, error)"
            " where j.id = d.id and j.attempts = d.attempts",
            [each.job.id for each in later],
            [each.job.attempts for each in later],
            [each.again_in for each in later],
            [each.error for each in later],
        )
