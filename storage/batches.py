"""Iterators that block, read from an event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

_AT_ONCE = 200


async def in_threads(items: Iterator[T]) -> AsyncIterator[T]:
    """The items of an iterator, a batch at a time in a thread. Raises what it raises."""
    while batch := await asyncio.to_thread(lambda: list(islice(items, _AT_ONCE))):
        for item in batch:
            yield item
