"""A payout batch's rows, and the object the API shows."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from processor.operations import Object
from processor.payouts.objects import Destination
from processor.payouts.states import STATUSES
from processor.rows import Row
from tenants import tables
from tenants.database import Connection


class BatchDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    description: str | None = None


class PayoutBatch(Row, kw_only=True):
    """A row of `payout_batches`."""

    table = tables.payout_batches

    status: Literal["processing", "completed"] = "processing"
    currency: str
    amount: int
    lines: int
    last_line: int = 0  # up to which the payouts have been made
    details: BatchDetails


class BatchLine(Struct, omit_defaults=True):
    """One accepted line: all that its payout needs."""

    line: int  # of the file, or the place in the list; from 1
    amount: int
    provider: str
    destination: Destination
    description: str | None = None
    metadata: dict[str, str] = {}


class Progress(Struct):
    """How much of a batch has one status."""

    amount: int = 0
    count: int = 0


async def progress(
    connection: Connection, batches: Sequence[PayoutBatch]
) -> dict[str, dict[str, Progress]]:
    """How far each batch is, by its id and by the status of its payouts.

    A line whose payout has not been made yet is pending.
    """
    rows = await connection.fetch(
        "select batch, state, count(*) as count, sum(amount)::bigint as amount from payouts"
        " where batch = any($1) group by batch, state",
        [batch.id for batch in batches],
    )
    found = {batch.id: {name: Progress() for name in STATUSES.values()} for batch in batches}
    for row in rows:
        part = found[row["batch"]][STATUSES[row["state"]]]
        part.count += row["count"]
        part.amount += row["amount"]
    for batch in batches:
        parts = found[batch.id]
        parts["pending"].count += batch.lines - sum(part.count for part in parts.values())
        parts["pending"].amount += batch.amount - sum(part.amount for part in parts.values())
    return found


def render(batch: PayoutBatch, parts: Mapping[str, Progress], livemode: bool) -> Object:
    """The payout batch object."""
    return {
        "id": batch.id,
        "object": "payout_batch",
        "amount": batch.amount,
        "count": batch.lines,
        "created": batch.created,
        "currency": batch.currency,
        "description": batch.details.description,
        "livemode": livemode,
        "metadata": batch.metadata,
        "progress": {
            status: {"amount": part.amount, "count": part.count} for status, part in parts.items()
        },
        "status": batch.status,
    }
