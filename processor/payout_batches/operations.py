"""`/v1/payout_batches`."""

import time
from typing import Any

import anyio

from processor import jobs, lists
from processor.errors import InvalidRequest, not_found
from processor.events.log import Draft
from processor.ledger import balances, posting
from processor.ledger.posting import Transaction, post
from processor.money import currency_named
from processor.operations import Object, Operation, Work
from processor.payout_batches import lines as reading
from processor.payout_batches.making import JOB, RESERVED
from processor.payout_batches.objects import (
    BatchDetails,
    BatchLine,
    PayoutBatch,
    progress,
    render,
)
from processor.payout_batches.parameters import Create, List, Retrieve
from processor.rows import encoded
from tenants.ids import new_id

# Ten thousand lines of JSON, each with a name, a description and some metadata.
LARGEST_BODY = 8_000_000


async def create(work: Work, parameters: Create) -> Object:
    """Check every line, reserve the money of all of them, and accept the batch. Its payouts are
    made by a job from then on, whatever happens to this process."""
    currency = currency_named(parameters.currency).code
    # Ten thousand phone numbers take a second to check: other requests go on meanwhile.
    checked = await anyio.to_thread.run_sync(_checked, work, parameters, currency)
    batch = PayoutBatch(
        id=new_id("pb"),
        created=int(time.time()),
        currency=currency,
        amount=sum(line.amount for line in checked),
        lines=len(checked),
        metadata=parameters.metadata or {},
        details=BatchDetails(description=parameters.description),
    )
    available = await balances.lock_account(work.connection, posting.AVAILABLE, currency)
    if batch.amount > available:
        raise InvalidRequest(
            f"You have insufficient funds in your account for this batch: it takes {batch.amount},"
            f" and {available} is available. Nothing was paid out.",
            code="balance_insufficient",
        )
    await PayoutBatch.insert(work.connection, [batch])
    await work.connection.execute(
        "insert into payout_batch_lines (batch, line, data)"
        " select $1, (r->>'line')::int, r from jsonb_array_elements($2::jsonb) r",
        batch.id,
        encoded(checked),
    )
    await post(work.connection, [_reservation(batch)])
    await jobs.enqueue(work.connection, JOB, [batch.id])
    parts = await progress(work.connection, [batch])
    shown = render(batch, parts[batch.id], work.caller.livemode)
    work.events.append(Draft("payout_batch.created", shown, batch.version, work.request))
    return shown


def _checked(work: Work, parameters: Create, currency: str) -> list[BatchLine]:
    if (parameters.lines is None) == (parameters.file is None):
        raise InvalidRequest(
            "Give the payouts of a batch as lines or as a CSV file, one of the two.",
            code="parameter_missing" if parameters.lines is None else None,
            param="lines",
        )
    if parameters.file is not None:
        lines, param = reading.from_csv(parameters.file.data), "file"
    else:
        lines, param = reading.from_list(parameters.lines or []), "lines"
    return reading.check(work.processor.router, work.caller, currency, lines, param)


def _reservation(batch: PayoutBatch) -> Transaction:
    """Set the money of all lines aside; each payout then takes its own from there."""
    return Transaction(
        kind="payout_batch",
        source=batch.id,
        currency=batch.currency,
        shown=False,
        entries={posting.AVAILABLE: -batch.amount, RESERVED: batch.amount},
    )


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One batch, and how far it is."""
    batch = await PayoutBatch.find(work.connection, parameters.payout_batch)
    if batch is None:
        raise not_found("payout batch", parameters.payout_batch)
    parts = await progress(work.connection, [batch])
    return render(batch, parts[batch.id], work.caller.livemode)


async def list_(work: Work, parameters: List) -> Object:
    """A page of batches, newest first."""
    found: Object = await lists.page(
        work.connection,
        PayoutBatch.table,
        parameters,
        kind="payout batch",
        url="/v1/payout_batches",
        render=lambda row: {"row": PayoutBatch.read(row)},
    )
    batches: list[Any] = [each["row"] for each in found["data"]]
    parts = await progress(work.connection, batches)
    found["data"] = [render(each, parts[each.id], work.caller.livemode) for each in batches]
    return found


OPERATIONS = [
    Operation(
        name="payout_batches.create",
        method="POST",
        path="/v1/payout_batches",
        parameters=Create,
        returns="payout_batch",
        summary="Pay out to thousands of wallets at once: all lines are accepted, or none",
        write=create,
        largest_body=LARGEST_BODY,
    ),
    Operation(
        name="payout_batches.retrieve",
        method="GET",
        path="/v1/payout_batches/{payout_batch}",
        parameters=Retrieve,
        returns="payout_batch",
        summary="Retrieve a payout batch and its progress",
        read=retrieve,
    ),
    Operation(
        name="payout_batches.list",
        method="GET",
        path="/v1/payout_batches",
        parameters=List,
        returns="list:payout_batch",
        summary="List payout batches, newest first",
        read=list_,
    ),
]
