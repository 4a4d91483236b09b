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


_CLAIM = """
update platform.jobs j set run_at = now() + $2, attempts = attempts + 1
from (
    select id from platform.jobs where run_at <= now()
    order by run_at limit $1 for update skip locked
) due
where j.id = due.id
returning j.id, j.schema_name, j.kind, j.subject, j.attempts
"""


async def claim(connection: Connection, limit: int) -> list[Job]:
    """Take up to `limit` jobs that are due."""
    rows = await connection.fetch(_CLAIM, limit, LEASE)
    return [Job(*row) for row in rows]


async def done(connection: Connection, job: Job) -> None:
    """Remove a finished job, unless it was asked for again in the meantime."""
    await connection.execute(
        "delete from platform.jobs where id = $1 and attempts = $2", job.id, job.attempts
    )


async def again(
    connection: Connection, job: Job, delay: timedelta, error: str | None = None
) -> None:
    """Put a job back for later, unless it was asked for again in the meantime."""
    await connection.execute(
        "update platform.jobs set run_at = now() + $3, last_error = $4"
        " where id = $1 and attempts = $2",
        job.id,
        job.attempts,
        delay,
        error,
    )
