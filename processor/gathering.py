"""Group commit: what arrives one by one while a set is being carried out becomes the next set.

A trip to the database and a flush to disk cost the same for one row as for a hundred. Nobody waits
when nothing else is under way, and otherwise for one set at most.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import asyncpg

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")

# Sets of one key under way at once: while one waits for the disk, the next is being prepared.
AT_ONCE = 2

LARGEST = 500  # items of a set


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T, R]):
    """An item, and who waits for its result."""

    item: T
    apart: Hashable
    result: asyncio.Future[R]


@dataclass(slots=True)
class _Queue(Generic[T, R]):
    """The items of one key that wait, and how many sets of it are under way."""

    waiting: list[_Waiting[T, R]] = field(default_factory=list)
    under_way: int = 0
    starting: bool = False


class Gathering(Generic[K, T, R]):
    """Carries out items in sets of the same key.

    `carry_out` takes a key and its items, and returns a result for each, in order; it is one
    transaction. Should one item make it fail, then each is carried out again in a transaction of
    its own, so that the others do not suffer.
    """

    def __init__(self, carry_out: Callable[[K, list[T]], Awaitable[list[R]]]) -> None:
        self._carry_out = carry_out
        self._queues: dict[K, _Queue[T, R]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, key: K, item: T, apart: Hashable = None) -> R:
        """Have an item carried out. Raises what its transaction raised. A caller who is cancelled
        does not stop it. Two items with the same `apart` are never in one set, unless it is None.
        """
        queue = self._queues.setdefault(key, _Queue())
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        queue.waiting.append(_Waiting(item, apart, result))
        # A task begins when all that can run now has run: what arrived together goes together.
        if not queue.starting and queue.under_way < AT_ONCE:
            queue.starting = True
            task = asyncio.create_task(self._work(key, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await result

    async def _work(self, key: K, queue: _Queue[T, R]) -> None:
        """Carry out sets until nothing waits."""
        queue.starting = False
        queue.under_way += 1
        try:
            while queue.waiting:
                await self._carry_out_set(key, self._next(queue))
        finally:
            queue.under_way -= 1
            if not queue.under_way and not queue.starting:
                del self._queues[key]

    def _next(self, queue: _Queue[T, R]) -> list[_Waiting[T, R]]:
        """Take the next set out of the queue."""
        part: list[_Waiting[T, R]] = []
        later, seen = [], set()
        for each in queue.waiting:
            if len(part) == LARGEST or each.apart in seen:
                later.append(each)
                continue
            part.append(each)
            if each.apart is not None:
                seen.add(each.apart)
        queue.waiting = later
        return part

    async def _carry_out_set(self, key: K, part: list[_Waiting[T, R]]) -> None:
        items = [each.item for each in part]
        try:
            results = await retry_stale(lambda: self._carry_out(key, items))
        except asyncio.CancelledError:
            for each in part:
                each.result.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            if len(part) > 1 and is_undone(error):
                await asyncio.gather(*(self._carry_out_set(key, [each]) for each in part))
                return
            for each in part:
                if not each.result.done():
                    each.result.set_exception(error)
            return
        for each, found in zip(part, results, strict=True):
            if not each.result.done():
                each.result.set_result(found)


def is_undone(error: Exception) -> bool:
    """Whether a transaction that raised this has certainly been rolled back. When the connection is
    lost, the commit may have arrived all the same: then nothing must be done a second time."""
    unclear = (
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    )
    return not isinstance(error, unclear)


async def retry_stale(run: Callable[[], Awaitable[R]]) -> R:
    """Run a transaction, and once more if a migration changed a table under a cached statement."""
    try:
        return await run()
    except asyncpg.InvalidCachedStatementError:
        return await run()
