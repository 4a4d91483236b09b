"""The queue of deliveries: who is next, what to send, and what became of it. Only SQL is here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from msgspec import Struct

from processor.engine import Processor, encode
from processor.events import log
from processor.rows import encoded
from processor.webhook_endpoints.objects import WebhookEndpoint, render
from tenants.database import Connection, Database

# An endpoint as the queue knows it: schema and id.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed row: an event that one endpoint has yet to hear of."""

    id: int
    event: str
    attempts: int  # made before
    due: datetime


@dataclass(frozen=True, slots=True)
class Parcel:
    """What was claimed for one endpoint, oldest first."""

    schema: str
    livemode: bool
    endpoint: str
    deliveries: list[Delivery]


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt as it is recorded. Without a next attempt, the delivery leaves the queue."""

    id: int  # of the delivery
    event: str
    endpoint: str
    attempt: int  # from 1
    attempted_at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    response: str | None
    next_attempt_at: datetime | None


# Fair between tenants, then between one tenant's endpoints, whatever the length of their queues:
# everybody's first endpoint gets its parcel before anybody's second does, and who is the first is
# drawn anew each time. `waiting` is a loose index scan: one step per endpoint that has anything
# queued, and none per row. Endpoints that are busy, resting or at their tenant's limit are passed
# over, which costs nothing and leaves their rows as they are. The commit waits for no disk: a claim
# that a crash of the database forgets was a claim of a worker who lost its connection.
_CLAIM = """
with recursive waiting as (
    (select schema_name, endpoint, run_at from platform.deliveries
     order by schema_name, endpoint, run_at limit 1)
    union all
    select next.schema_name, next.endpoint, next.run_at from waiting w cross join lateral (
        select d.schema_name, d.endpoint, d.run_at from platform.deliveries d
        where (d.schema_name, d.endpoint) > (w.schema_name, w.endpoint)
        order by d.schema_name, d.endpoint, d.run_at limit 1
    ) next
), turns as (
    select schema_name, endpoint,
           row_number() over (partition by schema_name order by random()) as turn
    from waiting
    where run_at <= now() and schema_name <> all($3::text[])
    and (schema_name, endpoint) not in (select * from unnest($4::text[], $5::text[]))
    and schema_name not in (
        select schema_name from platform.tenant_schemas where suspended_at is not null
    )
), due as (
    select d.id, d.run_at
    from (select * from turns where turn <= 2 order by turn, random() limit $1) t
    cross join lateral (
        select id, run_at from platform.deliveries
        where schema_name = t.schema_name and endpoint = t.endpoint and run_at <= now()
        order by run_at, id limit $2 for update skip locked
    ) d
    limit $1
)
update platform.deliveries d set run_at = now() + $6
from due, platform.tenant_schemas s, (select set_config('synchronous_commit', 'off', true)) _
where d.id = due.id and s.schema_name = d.schema_name
returning d.schema_name, s.livemode, d.endpoint, d.id, d.event, d.attempts, due.run_at
"""


async def claim(
    database: Database,
    limit: int,
    parcel: int,
    lease: float,
    full_schemas: Sequence[str],
    passed_over: Sequence[Key],
) -> list[Parcel]:
    """Take up to `limit` deliveries that are due, up to `parcel` of one endpoint.

    They are this worker's for `lease` seconds, and longer if it renews them; if it dies, they come
    due again after that.
    """
    rows = await database.fetch_platform(
        _CLAIM,
        limit,
        parcel,
        full_schemas,
        [schema for schema, _ in passed_over],
        [endpoint for _, endpoint in passed_over],
        timedelta(seconds=lease),
    )
    rows.sort(key=lambda row: (row["schema_name"], row["endpoint"], row["run_at"], row["id"]))
    return [
        Parcel(*key, [Delivery(r["id"], r["event"], r["attempts"], r["run_at"]) for r in group])
        for key, group in groupby(rows, lambda r: (r["schema_name"], r["livemode"], r["endpoint"]))
    ]


# What is being recorded or put back is locked, and needs no renewal. To wait for it could end in a
# deadlock, and with what was recorded being sent again.
_RENEW = """
with held as (
    select d.id from platform.deliveries d
    join unnest($1::bigint[], $2::int[]) r(id, attempts) on d.id = r.id and d.attempts = r.attempts
    for update of d skip locked
)
update platform.deliveries d set run_at = now() + $3 from held where d.id = held.id
"""


async def renew(database: Database, deliveries: Sequence[Delivery], lease: float) -> None:
    """Keep what was claimed for `lease` more seconds; what was recorded meanwhile is left alone."""
    if deliveries:
        await database.fetch_platform(
            _RENEW,
            [delivery.id for delivery in deliveries],
            [delivery.attempts for delivery in deliveries],
            timedelta(seconds=lease),
        )


async def release(database: Database, deliveries: Sequence[Delivery]) -> None:
    """Put back what was claimed and not sent, in its old place. No attempt was made."""
    async with database.platform() as connection:
        await connection.execute(
            "update platform.deliveries d set run_at = r.due"
            " from unnest($1::bigint[], $2::timestamptz[], $3::int[]) r(id, due, attempts)"
            " where d.id = r.id and d.attempts = r.attempts",
            [delivery.id for delivery in deliveries],
            [delivery.due for delivery in deliveries],
            [delivery.attempts for delivery in deliveries],
        )


async def read(
    processor: Processor, parcel: Parcel
) -> tuple[WebhookEndpoint, dict[str, bytes]] | None:
    """The endpoint and the bodies of its events by id; None if it is not to hear of any more.

    What can never be delivered is dropped: all of an endpoint that was deleted or disabled.
    """
    await processor.database.settled(parcel.schema)
    async with processor.database.tenant(parcel.schema) as connection:
        endpoint = await WebhookEndpoint.find(connection, parcel.endpoint)
        if endpoint is None or endpoint.status != "enabled":
            await _drop(connection, parcel.schema, parcel.endpoint)
            return None
        identifiers = [delivery.event for delivery in parcel.deliveries]
        events = await connection.fetch(log.SELECT, identifiers, parcel.schema)
    return endpoint, {row["id"]: encode(log.render(row, parcel.livemode)) for row in events}


_RECORD = """
with r as (
    select * from json_to_recordset($1::json) as r(
        id bigint, event text, endpoint text, attempt int, attempted_at timestamptz,
        duration_ms int, status smallint, error text, response text, next_attempt_at timestamptz)
), history as (
    insert into delivery_attempts
        (event, endpoint, attempt, attempted_at, duration_ms, status, error, response,
         next_attempt_at)
    select event, endpoint, attempt, attempted_at, duration_ms, status, error, response,
           next_attempt_at
    from r order by attempted_at
), ended as (
    delete from platform.deliveries d using r where d.id = r.id and r.next_attempt_at is null
)
-- A worker that was slower than its lease must not undo what the next one has found out.
update platform.deliveries d set run_at = r.next_attempt_at, attempts = r.attempt
from r where d.id = r.id and r.next_attempt_at is not null and d.attempts = r.attempt - 1
"""


async def record(
    database: Database,
    schema: str,
    livemode: bool,
    endpoint: WebhookEndpoint,
    attempts: Sequence[Attempt],
    disable_after: float,
) -> WebhookEndpoint:
    """Write the attempts on one endpoint, what follows from them for the queue, and its health.

    Returns the endpoint as it is now. One that has gone, or failed for `disable_after` seconds, is
    disabled; the other endpoints hear of it by the event `webhook_endpoint.disabled`.
    """
    async with database.tenant(schema) as connection:
        if _health(endpoint, attempts, disable_after) is None:  # the rule: nothing new to write
            await connection.execute(_RECORD, encoded(attempts))
            return endpoint
        # The endpoint before its queue, as who deletes or changes one through the API locks them.
        current = await WebhookEndpoint.find(connection, endpoint.id, "for update")
        await connection.execute(_RECORD, encoded(attempts))
        if current is None:  # deleted meanwhile, its queue with it
            return endpoint
        health = _health(current, attempts, disable_after)
        if health is None:
            return current
        current.status, current.details.failing_since = health
        if current.status == "disabled":
            await _disable(connection, schema, livemode, current)
        else:
            await WebhookEndpoint.update(connection, [current])
        return current


async def _disable(
    connection: Connection, schema: str, livemode: bool, endpoint: WebhookEndpoint
) -> None:
    endpoint.version += 1
    await WebhookEndpoint.update(connection, [endpoint])
    await _drop(connection, schema, endpoint.id)
    shown = render(endpoint, livemode)
    draft = log.Draft("webhook_endpoint.disabled", shown, endpoint.version)
    await log.append(connection, [draft])


def _health(
    endpoint: WebhookEndpoint, attempts: Sequence[Attempt], disable_after: float
) -> tuple[str, int | None] | None:
    """The endpoint's new status and `failing_since`; None when neither changes."""
    since = endpoint.details.failing_since
    if endpoint.status != "enabled":
        return None
    if any(attempt.status == 410 for attempt in attempts):
        return "disabled", since
    if any(attempt.status is not None and 200 <= attempt.status < 300 for attempt in attempts):
        return None if since is None else ("enabled", None)
    if since is None:
        return "enabled", int(min(attempt.attempted_at for attempt in attempts).timestamp())
    if datetime.now(UTC).timestamp() - since >= disable_after:
        return "disabled", since
    return None


async def _drop(connection: Connection, schema: str, endpoint: str) -> None:
    await connection.execute(
        "delete from platform.deliveries where schema_name = $1 and endpoint = $2",
        schema,
        endpoint,
    )
