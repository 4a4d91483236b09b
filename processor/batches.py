"""What operations on sets share: to take the items' idempotency keys, to give them back, to answer.

Such an operation commits its keys with what it is about to do, talks to a provider with no
transaction open, and stores the answers in the commit of what came of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from processor import idempotency
from processor.errors import APIError, IdempotencyInProgress
from processor.events import log
from processor.gathering import retry_stale
from processor.idempotency import Earlier
from processor.operations import BatchWork, Item, Object, Stored, Work
from processor.parameters import Parameters
from tenants.database import Connection
from tenants.keys import Caller

if TYPE_CHECKING:
    from processor.engine import Processor

P = TypeVar("P", bound=Parameters)
T = TypeVar("T")
D = TypeVar("D", bound="Planned")


class Planned(Protocol):
    """What an operation has made of an item, before it is carried out."""

    @property
    def item(self) -> Item[Any]:
        """The item."""


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


async def commit_first(
    work: BatchWork[P], commit: Callable[[BatchWork[P]], Awaitable[tuple[list[D], Unfinished]]]
) -> tuple[list[D], Unfinished]:
    """Run the first transaction of an operation, which `claim`s the keys and stores what is about
    to be done. Calls that arrive one by one at the same time share it."""
    if len(work.items) != 1:
        return await retry_stale(lambda: _committed(work, commit))
    [item] = work.items
    found: tuple[list[D], Unfinished] = await work.processor.gather(
        _commit_together, (work.caller, commit), item, apart=item.request.idempotency_key
    )
    return found


async def _committed(work: BatchWork[P], commit: Callable[[BatchWork[P]], Awaitable[T]]) -> T:
    for item in work.items:
        item.outcome = None  # of a transaction that was rolled back
    return await commit(work)


async def _commit_together(
    processor: "Processor", key: tuple[Caller, Any], items: list[Item[Any]]
) -> list[tuple[list[Any], Unfinished]]:
    """The first transaction of several calls, and for each what it is to go on with."""
    caller, commit = key
    ready, unfinished = await _committed(BatchWork(processor, caller, items), commit)
    parts: dict[int, tuple[list[Any], Unfinished]] = {id(item): ([], []) for item in items}
    for draft in ready:
        parts[id(draft.item)][0].append(draft)
    for item, earlier in unfinished:
        parts[id(item)][1].append((item, earlier))
    return list(parts.values())


async def release(connection: Connection, items: Iterable[Item[Any]]) -> None:
    """Give back the keys of items that were refused before they had any effect."""
    refused = [
        item.request.idempotency_key
        for item in items
        if isinstance(item.outcome, APIError) and item.request.idempotency_key
    ]
    if refused:
        await idempotency.release(connection, refused)


async def accepted(
    connection: Connection, items: Sequence[Item[P]], check: Callable[[Item[P]], T]
) -> list[T]:
    """What `check` makes of each item. An item that it refuses keeps the error as its outcome and
    gives its key back."""
    made = []
    for item in items:
        try:
            made.append(check(item))
        except APIError as error:
            item.outcome = error
    await release(connection, items)
    return made


async def checked(
    connection: Connection, drafts: Sequence[D], check: Callable[[D], None]
) -> list[D]:
    """The drafts that pass a check. The item of one that does not is as `accepted` leaves it."""
    drafts_of = {id(draft.item): draft for draft in drafts}

    def passed(item: Item[Any]) -> D:
        draft = drafts_of[id(item)]
        check(draft)
        return draft

    return await accepted(connection, [draft.item for draft in drafts], passed)


async def answer(work: BatchWork[Any], connection: Connection, items: Sequence[Item[Any]]) -> None:
    """Encode the items' outcomes and store them with their keys, in the transaction that decided
    them. Whoever answers a key first, holder or repeater, answers it for all."""
    await _expand(work, connection, items)
    stored: dict[str, Stored] = {}
    for item in items:
        outcome = item.outcome
        assert outcome is not None, "an item is answered with its outcome"
        if isinstance(outcome, Stored):
            continue
        if isinstance(outcome, APIError):
            encoded = Stored(outcome.status, encode(outcome.body()))
        else:
            encoded = Stored(200, encode(outcome))
        item.outcome = encoded
        if item.request.idempotency_key:
            stored[item.request.idempotency_key] = encoded
    before = await idempotency.finish(connection, stored)
    for item in items:
        item.outcome = before.get(item.request.idempotency_key or "", item.outcome)


async def _expand(work: BatchWork[Any], connection: Connection, items: Sequence[Item[Any]]) -> None:
    """Expand the objects among the outcomes, those that want the same together."""
    alike: dict[tuple[str, ...], list[Item[Any]]] = {}
    for item in items:
        if isinstance(item.outcome, dict) and item.parameters.expand:
            alike.setdefault(tuple(item.parameters.expand), []).append(item)
    for paths, wanting in alike.items():
        shared = Work(work.processor, work.caller, wanting[0].request, connection)
        objects = [item.outcome for item in wanting if isinstance(item.outcome, dict)]
        await work.processor.expander.expand_all(shared, objects, paths)


async def answer_unfinished(
    work: BatchWork[Any],
    unfinished: Unfinished,
    busy: Callable[[Connection, Sequence[str]], Awaitable[set[str]]],
    recall: Callable[[Connection, Sequence[tuple[Item[Any], str]]], Awaitable[None]],
) -> None:
    """Answer requests whose first holder is still at work, or died at it.

    While a subject is among the `busy` its client is told to come back; the janitor finds an
    outcome within seconds even if nobody else does. `recall` gives items what became of their
    subjects. The items wait together: a repeated batch whose first holder died would else wait for
    each in turn.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    waiting = [(item, earlier.subject) for item, earlier in unfinished if earlier.subject]
    assert len(waiting) == len(unfinished), "a key without an answer has a subject"
    while waiting:
        async with work.processor.database.tenant(work.caller.schema) as connection:
            still = await busy(connection, sorted({subject for _, subject in waiting}))
            ended = [(item, subject) for item, subject in waiting if subject not in still]
            if ended:
                await recall(connection, ended)
                await answer(work, connection, [item for item, _ in ended])
        waiting = [(item, subject) for item, subject in waiting if subject in still]
        if waiting and time.monotonic() > deadline:
            break
        if waiting:
            await asyncio.sleep(0.2)
    for item, _ in waiting:
        item.outcome = IdempotencyInProgress(
            "There is currently another in-progress request using this Idempotent Key. Please"
            " try again later.",
            code="idempotency_key_in_use",
        )


async def ask_first(
    work: BatchWork[P],
    operation: str,
    ask: Callable[[P], Awaitable[Any]],
    write: Callable[[Work, P, Any], Awaitable[Object]],
) -> None:
    """For operations that ask a provider something harmless, and then write what follows in one
    transaction with the key, the events and the answer.

    What was answered before is not asked again. `ask` is called with no transaction open.
    """
    for item in work.items:
        try:
            if not await _replayed(work, operation, item):
                found = await ask(item.parameters)
                await _write(work, operation, item, found, write)
        except APIError as error:
            item.outcome = error


async def _replayed(work: BatchWork[Any], operation: str, item: Item[Any]) -> bool:
    """Give an item what its key was answered before, if it was."""
    async with work.processor.database.tenant(work.caller.schema) as connection:
        earlier = await idempotency.find(connection, operation, item)
    if earlier is not None and item.outcome is None:
        item.outcome = earlier.answer
    return item.outcome is not None


async def _write(
    work: BatchWork[P],
    operation: str,
    item: Item[P],
    found: Any,
    write: Callable[[Work, P, Any], Awaitable[Object]],
) -> None:
    async with work.processor.database.tenant(work.caller.schema) as connection:
        earlier = await idempotency.claim(connection, operation, [item], int(time.time()))
        before = earlier.get(item.request.idempotency_key or "")
        if before is not None:  # somebody with the same key was faster
            item.outcome = item.outcome or before.answer
            return
        one = Work(work.processor, work.caller, item.request, connection)
        item.outcome = await write(one, item.parameters, found)
        await log.append(connection, one.events)
        await answer(work, connection, [item])
