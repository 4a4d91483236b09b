"""Read and write unresolved payments, and keep the operator's queue of all tenants' in step."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, literal_column

from processor import jobs
from processor.events import log
from processor.events.log import Draft
from processor.operations import Object, Request
from processor.unresolved_payments.objects import Deed, UnresolvedPayment, render
from tenants.database import Connection

# The job that speaks of an item's age; its subject is the item.
JOB = "unresolved_payment"

# The table of each type of payment, and the job that asks its provider.
TABLES = {"charge": "charges", "refund": "refunds", "payout": "payouts"}
LOOK_UPS = {"charge": "look_up", "refund": "look_up_refund", "payout": "payout"}

# What is shown beside a row's own columns, as a column that a select of the table may have.
HISTORY = (
    "(select coalesce(json_agg(d order by d.id), '[]') from unresolved_payment_deeds d"
    " where d.unresolved_payment = unresolved_payments.id)"
)
EXTRA: list[ColumnElement[Any]] = [literal_column(HISTORY).label("history")]

_SELECT = (
    f"select {UnresolvedPayment.columns('unresolved_payments')}, {HISTORY} as history"
    " from unresolved_payments"
)

_read_deeds = msgspec.json.Decoder(list[Deed]).decode


async def deeds(connection: Connection, ids: Sequence[str]) -> list[Deed]:
    """The deeds with these ids, in order."""
    found = await connection.fetchval(
        "select coalesce(json_agg(d order by d.id), '[]')"
        " from unresolved_payment_deeds d where id = any($1)",
        ids,
    )
    return _read_deeds(found)


def show(record: Any, livemode: bool) -> Object:
    """The object of a record that has the columns of `EXTRA`, without its next look-up."""
    item = UnresolvedPayment.read(record)
    return render(item, _read_deeds(record["history"]), None, livemode)


async def add_next_look_ups(connection: Connection, shown: Sequence[Object]) -> None:
    """Write into objects when their providers are asked next. Read apart from the items, because
    the queue may be on another machine."""
    rows = await connection.fetch(
        "select subject, extract(epoch from run_at)::bigint as run_at from platform.jobs"
        " where schema_name = current_user and kind = any($1) and subject = any($2)",
        list(LOOK_UPS.values()),
        [each["payment"] for each in shown],
    )
    due = {row["subject"]: row["run_at"] for row in rows}
    for each in shown:
        each["next_look_up"] = due.get(each["payment"])


async def objects(connection: Connection, ids: Sequence[str], livemode: bool) -> dict[str, Object]:
    """The objects with these ids."""
    records = await connection.fetch(f"{_SELECT} where id = any($1)", ids)
    shown = {record["id"]: show(record, livemode) for record in records}
    await add_next_look_ups(connection, list(shown.values()))
    return shown


async def enter(connection: Connection, items: Sequence[UnresolvedPayment]) -> None:
    """Put items, whose rows are stored, into the queue (again), and begin to count their age."""
    await connection.execute(
        "insert into platform.unresolved_queue (id, type, provider, since)"
        " select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[])"
        " on conflict (schema_name, id) do update set since = excluded.since",
        [item.id for item in items],
        [item.type for item in items],
        [item.provider for item in items],
        [item.since for item in items],
    )
    await jobs.enqueue(connection, JOB, [item.id for item in items])


async def leave(connection: Connection, items: Sequence[UnresolvedPayment]) -> None:
    """Take resolved items out of the queue."""
    ids = [item.id for item in items]
    await connection.execute(
        "delete from platform.unresolved_queue where schema_name = current_user and id = any($1)",
        ids,
    )
    await jobs.forget(connection, JOB, ids)


async def mark(connection: Connection, table: str, payments: Sequence[str], **details: Any) -> None:
    """Write something of the queue into payments, whose rows are locked."""
    await connection.execute(
        f"update {table} set version = version + 1, details = details || $2::text::jsonb"
        " where id = any($1)",
        payments,
        msgspec.json.encode(details).decode(),
    )


async def may_send_again(connection: Connection, table: str, payment: str) -> bool:
    """Note that a refund or payout which its provider has not seen is being sent again. False if
    it has been settled meanwhile, and must not be. Nobody decides about it while it may be on its
    way (`rules.SENDING_SECONDS`)."""
    marked = await connection.fetchval(
        f"update {table} set details = details || jsonb_build_object('sent_again_at',"
        " extract(epoch from now())::bigint)"
        " where id = $1 and state in ('submitted', 'unknown') returning id",
        payment,
    )
    return marked is not None


async def announce(
    connection: Connection,
    livemode: bool,
    happened: Sequence[tuple[UnresolvedPayment, str]],
    request: Request | None = None,
) -> None:
    """Write events `unresolved_payment.(word)` about items as they are now stored."""
    shown = await objects(connection, [item.id for item, _ in happened], livemode)
    drafts = [
        Draft(f"unresolved_payment.{word}", shown[item.id], item.version, request)
        for item, word in happened
    ]
    await log.append(connection, drafts)
