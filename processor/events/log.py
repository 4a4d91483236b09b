"""Append to the log, and read an event back as every tap shows it.

The object inside an event is frozen as text when the change commits; the API, webhooks and the CLI
send those bytes and nothing newer.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from processor.operations import Object, Request
from tenants.database import Connection
from tenants.ids import new_id

# The shape of our objects is that of this version of Stripe's API.
API_VERSION = "2026-10-28.endive"


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it is written."""

    type: str  # "payment_intent.succeeded"
    object: Object  # as the API would answer at this moment
    version: int  # of the object: greater is newer
    request: Request | None = None  # None: no request caused it
    previous: Object | None = None  # of an `.updated` event: the changed members as they were


# Parts of a statement that has a relation `input` of events: they are stored, with a delivery for
# each endpoint that wants one.
APPENDED = """appended as (
    insert into events
        (id, created, type, object_id, object_version, data, request_id, idempotency_key)
    select id, created, type, object_id, object_version, data, request_id, idempotency_key
    from input
), delivered as (
    insert into platform.deliveries (event, endpoint)
    select input.id, w.id from input join webhook_endpoints w
    on w.status = 'enabled' and (w.enabled_events ? input.type or w.enabled_events ? '*')
)"""

_APPEND = f"""
with input as (
    select *, $8::bigint as created
    from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[])
    as r(id, type, object_id, object_version, data, request_id, idempotency_key)
), {APPENDED}
select
"""


async def append(connection: Connection, drafts: Sequence[Draft]) -> None:
    """Write events, in order, with their deliveries, in the caller's transaction."""
    if not drafts:
        return
    await connection.execute(
        _APPEND,
        [new_id("evt") for _ in drafts],
        [draft.type for draft in drafts],
        [draft.object["id"] for draft in drafts],
        [draft.version for draft in drafts],
        [_data(draft) for draft in drafts],
        [draft.request.id if draft.request else None for draft in drafts],
        [draft.request.idempotency_key if draft.request else None for draft in drafts],
        int(time.time()),
    )


def _data(draft: Draft) -> str:
    data: Object = {"object": draft.object}
    if draft.previous is not None:
        data["previous_attributes"] = draft.previous
    return msgspec.json.encode(data).decode()


def changed(before: Object, after: Object) -> Object:
    """The members of `before` that differ in `after`: an event's `previous_attributes`.

    One level of nesting is compared member by member, as Stripe does for metadata and addresses.
    """
    previous: Object = {}
    for name, old in before.items():
        new = after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            names = old.keys() | new.keys()
            previous[name] = {
                key: old.get(key) for key in sorted(names) if old.get(key) != new.get(key)
            }
        else:
            previous[name] = old
    return previous


# How many endpoints have yet to hear of the events $1 of the schema $2. The queue is searched by
# values of our own, because neither `current_user` nor `e.id` has the collation of its index, and
# apart from the events, because the two may be on different machines. PostgreSQL believes that any
# one schema has few rows there, and would read them all, which may be many thousands, for want of a
# reason to take the index by event. An order that only that index has is one.
_WAITING = """
select event, endpoints from unnest($1::text[]) asked(event) cross join lateral (
    select count(*) as endpoints from (
        select from platform.deliveries d
        where d.schema_name = $2 and d.event between asked.event and asked.event
        order by d.event offset 0
    ) queued
) counted where endpoints > 0
"""

# What `render` needs of the events $1 of the schema $2.
SELECT = f"""
select e.id, e.created, e.data, e.object_version, e.request_id, e.idempotency_key, e.type,
       coalesce(waiting.endpoints, 0) as pending_webhooks
from events e left join ({_WAITING}) waiting on waiting.event = e.id
where e.id = any($1)
"""


async def waiting(connection: Connection, schema: str, events: Sequence[str]) -> dict[str, int]:
    """How many endpoints have yet to hear of each of these events, where there are any."""
    rows = await connection.fetch(_WAITING, events, schema)
    return {row["event"]: row["endpoints"] for row in rows}


def render(row: Mapping[str, Any], livemode: bool) -> Object:
    """An event as the API and webhooks show it."""
    return {
        "id": row["id"],
        "object": "event",
        "api_version": API_VERSION,
        "created": row["created"],
        "data": msgspec.Raw(row["data"].encode()),
        "livemode": livemode,
        "object_sequence": row["object_version"],
        "pending_webhooks": row.get("pending_webhooks", 0),
        "request": {"id": row["request_id"], "idempotency_key": row["idempotency_key"]},
        "type": row["type"],
    }
