"""Make a batch's payouts, a chunk to a transaction, and say when the last of them is over.

The batch's row is locked while a chunk is made and remembers the last line, so that a process that
dies leaves whole chunks, and whoever goes on begins behind them.
"""

from datetime import timedelta

import msgspec

from processor.engine import Processor
from processor.events import log
from processor.events.log import Draft
from processor.jobs import Job
from processor.payout_batches.objects import BatchLine, PayoutBatch, progress, render
from processor.payouts import making
from processor.payouts.objects import Payout, PayoutDetails
from processor.payouts.states import FINAL, STATUSES
from tenants.database import Connection

# The job that makes a batch's payouts and watches them; its subject is the batch.
JOB = "payout_batch"

# What a batch's payouts will take: still the merchant's, and no longer available.
RESERVED = "merchant:reserved"

CHUNK = 500

# Between two looks at payouts that are not over: short while they are expected to end.
LONGEST_WAIT = 60

_line = msgspec.json.Decoder(BatchLine)


async def carry_out(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """Make the next chunk, or look whether all is over. Returns when to come back."""
    async with processor.database.tenant(job.schema) as connection:
        batch = await PayoutBatch.find(connection, job.subject, "for update")
        if batch is None or batch.status == "completed":
            return None
        if await _make(connection, batch, livemode):
            return timedelta(0)
        if not await _complete(connection, batch, livemode):
            return timedelta(seconds=min(job.attempts, LONGEST_WAIT))
    return None


async def _make(connection: Connection, batch: PayoutBatch, livemode: bool) -> bool:
    """Make the payouts of the next lines. Whether there were any."""
    records = await connection.fetch(
        "select data from payout_batch_lines where batch = $1 and line > $2 order by line limit $3",
        batch.id,
        batch.last_line,
        CHUNK,
    )
    lines = [_line.decode(record["data"]) for record in records]
    if not lines:
        return False
    payouts = [_payout(batch, line) for line in lines]
    await making.store(connection, livemode, payouts, [None] * len(payouts), RESERVED)
    batch.last_line = lines[-1].line
    await PayoutBatch.update(connection, [batch])
    return True


def _payout(batch: PayoutBatch, line: BatchLine) -> Payout:
    details = PayoutDetails(destination=line.destination, description=line.description)
    payout = making.draft(line.provider, line.amount, batch.currency, details)
    payout.batch, payout.line = batch.id, line.line
    payout.metadata = line.metadata
    return payout


async def _complete(connection: Connection, batch: PayoutBatch, livemode: bool) -> bool:
    """Close a batch whose payouts are all over. Whether it was."""
    parts = (await progress(connection, [batch]))[batch.id]
    over = {STATUSES[state] for state in FINAL}
    if any(part.count for status, part in parts.items() if status not in over):
        return False
    batch.status = "completed"
    batch.version += 1
    await PayoutBatch.update(connection, [batch])
    shown = render(batch, parts, livemode)
    await log.append(connection, [Draft("payout_batch.completed", shown, batch.version)])
    return True
