"""The client that blocks."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import httpx

from .batches import Batch, Pairs, Part, Progress
from .calls import AnyCall, Call, Object, Outcome
from .conversations import Conversation, Manners, Reply, single
from .errors import RpcError
from .operations import Operations

TIMEOUT = 80.0  # seconds, as Stripe's clients wait: a provider may take 20 to answer
RETRIES = 5
IN_FLIGHT = 4


def headers(api_key: str, *, compress: bool) -> dict[str, str]:
    """What every request carries."""
    return {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/cbor",
        "Accept-Encoding": "gzip" if compress else "identity",
    }


def result(outcomes: list[Outcome]) -> Object:
    """The object that is the only outcome. Raises RpcError."""
    [outcome] = outcomes
    if isinstance(outcome, RpcError):
        raise outcome
    return outcome


class Client(Operations[Object]):
    """Calls, and waits for the answer. Safe to share between threads."""

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
        """`timeout` is in seconds, for each try; `retries` are further tries after the first;
        `in_flight` is how many parts of a batch are at the server at once. With one, calls are
        carried out in order."""
        super().__init__(self.call)
        self._manners = Manners(retries, compress)
        self._in_flight = in_flight
        self._http = httpx.Client(
            base_url=base_url, headers=headers(api_key, compress=compress), timeout=timeout
        )

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Object:
        """Carry out one call and return its result. Raises RpcError."""
        call = Call(method, params or {}, idempotency_key).keyed()
        return result(self._carry_out(single(self._manners, call.encoded())))

    def batch(
        self,
        calls: Iterable[AnyCall],
        *,
        name: str | None = None,
        linked: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> list[Outcome]:
        """Carry out calls, however many. A failed one has its RpcError in its place, not raised.

        As `stream` does it, and all outcomes at once. `linked`: all of them, up to 1,000, or none.
        """
        batch = Batch(self._manners, calls, name=name, linked=linked, progress=progress)
        return [outcome for _, outcome in self._stream(batch, calls)]

    def stream(
        self,
        calls: Iterable[AnyCall],
        *,
        name: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Iterator[tuple[Call, Outcome]]:
        """Carry out calls, however many, and give each with its outcome, in order.

        Only a few parts are in memory at once, and no more is sent than is asked for: a call is
        carried out when its turn comes in the loop. With a `name`, calls without an idempotency key
        get one of the name and their position, so that the same calls can be sent again after a
        crash; and `rpc_batches.retrieve` tells everybody how far they are.
        """
        return self._stream(Batch(self._manners, calls, name=name, progress=progress), calls)

    def _stream(self, batch: Batch, calls: Iterable[AnyCall]) -> Iterator[tuple[Call, Outcome]]:
        waiting: deque[tuple[Part, Future[list[Outcome]]]] = deque()

        def oldest() -> Pairs:
            part, outcomes = waiting.popleft()
            return batch.finished(part, outcomes.result())

        with ThreadPoolExecutor(self._in_flight) as threads:
            for part in batch.parts(calls):
                sending = threads.submit(self._carry_out, batch.conversation(part))
                waiting.append((part, sending))
                if len(waiting) == self._in_flight:
                    yield from oldest()
            while waiting:
                yield from oldest()

    def _carry_out(self, conversation: Conversation) -> list[Outcome]:
        try:
            sending = next(conversation)
            while True:
                time.sleep(sending.pause)
                try:
                    reply: Reply = self._http.post(
                        sending.path, content=sending.body, headers=sending.headers
                    )
                except httpx.TransportError as error:
                    reply = error
                sending = conversation.send(reply)
        except StopIteration as end:
            outcomes: list[Outcome] = end.value
            return outcomes

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
