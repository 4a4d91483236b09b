"""What operations on sets share: to take the items' idempotency keys, to give them back, to answer.

Such an operation commits its keys with what it is about to do, talks to a provider with no
transaction open, and stores the answers in the commit of what came of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from processor import idempotency
from processor.errors import APIError, IdempotencyInProgress
from processor.idempotency import Earlier
from processor.operations import BatchWork, Item, Stored, Work
from processor.parameters import Parameters
from tenants.database import Connection

P = TypeVar("P", bound=Parameters)

Unfinished = list[tuple[Item[Any], Earlier]]

# How long a repeated request waits for the first one's outcome before it is told to come back.
PATIENCE_SECONDS = 8.0

encode = msgspec.json.Encoder().encode


async def claim(
    connection: Connection, operation: str, items: Sequence[Item[P]], subjects: Mapping[int, str]
) -> tuple[list[Item[P]], Unfinished]:
    """Take the items' keys. Returns the items that are new, and those whose earlier request has no
    answer yet; what was answered before has its outcome.

    `subjects` maps `id(item)` to the object that the item will be answered from.
    """
    by_key = {
        item.request.idempotency_key: subjects[id(item)]
        for item in items
        if item.request.idempotency_key
    }
    earlier = await idempotency.claim(connection, operation, items, int(time.time()), by_key)
    unfinished: Unfinished = []
    for item in items:
        before = earlier.get(item.request.idempotency_key or "")
        if before is None or item.outcome is not None:
            continue
        if before.answer is not None:
            item.outcome = before.answer
        else:
            unfinished.append((item, before))
    fresh = [item for item in items if (item.request.idempotency_key or "") not in earlier]
    return fresh, unfinished


async def release(connection: Connection, items: Iterable[Item[Any]]) -> None:
    """Give back the keys of items that were refused before they had any effect."""
    refused = [
        item.request.idempotency_key
        for item in items
        if isinstance(item.outcome, APIError) and item.request.idempotency_key
    ]
    if refused:
        await idempotency.release(connection, refused)


async def answer(work: BatchWork[Any], connection: Connection, items: Sequence[Item[Any]]) -> None:
    """Encode the items' outcomes and store them with their keys, in the transaction that decided
    them. Whoever answers a key first, holder or repeater, answers it for all."""
    stored: dict[str, Stored] = {}
    for item in items:
        outcome = item.outcome
        assert outcome is not None, "an item is answered with its outcome"
        if isinstance(outcome, Stored):
            continue
        if isinstance(outcome, APIError):
            encoded = Stored(outcome.status, encode(outcome.body()))
        else:
            one = Work(work.processor, work.caller, item.request, connection)
            await work.processor.expander.expand(one, outcome, item.parameters.expand)
            encoded = Stored(200, encode(outcome))
        item.outcome = encoded
        if item.request.idempotency_key:
            stored[item.request.idempotency_key] = encoded
    before = await idempotency.finish(connection, stored)
    for item in items:
        item.outcome = before.get(item.request.idempotency_key or "", item.outcome)


async def answer_unfinished(
    work: BatchWork[Any],
    unfinished: Unfinished,
    busy: Callable[[Connection, str], Awaitable[bool]],
    recall: Callable[[Connection, Item[Any], str], Awaitable[None]],
) -> None:
    """Answer requests whose first holder is still at work, or died at it.

    While the subject is `busy` the client is told to come back; the janitor finds an outcome within
    seconds even if nobody else does. Then `recall` gives the item what became of its subject.
    """
    for item, earlier in unfinished:
        assert earlier.subject is not None, "a key without an answer has a subject"
        if not await _has_outcome(work, earlier.subject, busy):
            item.outcome = IdempotencyInProgress(
                "There is currently another in-progress request using this Idempotent Key. Please"
                " try again later.",
                code="idempotency_key_in_use",
            )
            continue
        async with work.processor.database.tenant(work.caller.schema) as connection:
            await recall(connection, item, earlier.subject)
            await answer(work, connection, [item])


async def _has_outcome(
    work: BatchWork[Any], subject: str, busy: Callable[[Connection, str], Awaitable[bool]]
) -> bool:
    """Wait a little for the first holder's outcome."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        async with work.processor.database.tenant(work.caller.schema) as connection:
            if not await busy(connection, subject):
                return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.2)
