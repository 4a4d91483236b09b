"""The client that is awaited."""

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from typing import Any, Self

import httpx

from .batches import Batch, Pairs, Part, Progress
from .blocking import IN_FLIGHT, RETRIES, TIMEOUT, headers, result
from .calls import AnyCall, Call, Object, Outcome
from .conversations import Conversation, Manners, Reply, single
from .operations import Operations

AnyCalls = Iterable[AnyCall] | AsyncIterable[AnyCall]


class AsyncClient(Operations[Awaitable[Object]]):
    """As `Client`, awaited. Calls may come from an asynchronous iterable too."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        *,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
        in_flight: int = IN_FLIGHT,
        compress: bool = True,
    ) -> None:
        """As of `Client`."""
        super().__init__(self.call)
        self._manners = Manners(retries, compress)
        self._in_flight = in_flight
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=headers(api_key, compress=compress), timeout=timeout
        )

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Object:
        """As of `Client`."""
        call = Call(method, params or {}, idempotency_key).keyed()
        return result(await self._carry_out(single(self._manners, call.encoded())))

    async def batch(
        self,
        calls: AnyCalls,
        *,
        name: str | None = None,
        linked: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> list[Outcome]:
        """As of `Client`."""
        batch = Batch(self._manners, calls, name=name, linked=linked, progress=progress)
        return [outcome async for _, outcome in self._stream(batch, calls)]

    def stream(
        self,
        calls: AnyCalls,
        *,
        name: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> AsyncIterator[tuple[Call, Outcome]]:
        """As of `Client`."""
        return self._stream(Batch(self._manners, calls, name=name, progress=progress), calls)

    async def _stream(self, batch: Batch, calls: AnyCalls) -> AsyncIterator[tuple[Call, Outcome]]:
        waiting: deque[tuple[Part, asyncio.Task[list[Outcome]]]] = deque()

        async def oldest() -> Pairs:
            part, outcomes = waiting[0]
            pairs = batch.finished(part, await outcomes)
            waiting.popleft()
            return pairs

        try:
            async for part in _parts(batch, calls):
                sending = asyncio.create_task(self._carry_out(batch.conversation(part)))
                waiting.append((part, sending))
                if len(waiting) == self._in_flight:
                    for pair in await oldest():
                        yield pair
            while waiting:
                for pair in await oldest():
                    yield pair
        finally:
            for _, sending in waiting:
                sending.cancel()

    async def _carry_out(self, conversation: Conversation) -> list[Outcome]:
        try:
            sending = next(conversation)
            while True:
                await asyncio.sleep(sending.pause)
                try:
                    reply: Reply = await self._http.post(
                        sending.path, content=sending.body, headers=sending.headers
                    )
                except httpx.TransportError as error:
                    reply = error
                sending = conversation.send(reply)
        except StopIteration as end:
            outcomes: list[Outcome] = end.value
            return outcomes

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _parts(batch: Batch, calls: AnyCalls) -> AsyncIterator[Part]:
    """As `Batch.parts`, of calls that may have to be waited for."""
    if isinstance(calls, AsyncIterable):
        async for call in calls:
            for part in batch.add(call):
                yield part
        for part in batch.rest():
            yield part
    else:
        for part in batch.parts(calls):
            yield part
