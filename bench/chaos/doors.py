"""The two ways in: one call at a time over REST, or many in one body over CBOR.

A door makes one try. Whoever gets no answer asks again with the same key, as with any server.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import httpx
import msgspec

import rpc.client
from processor.table import OPERATIONS
from rpc.admission import OF_ONE_TENANT
from rpc.client import AsyncClient, RpcError

CALL_SECONDS = 60.0
HANG_UP_SECONDS = 0.15  # of an impatient client's first try

# A full batch leaves at once; one that is not waits this long for more calls.
_LINGER_SECONDS = 0.02
_SENDERS = 3  # batches of one operation that a merchant has under way at the same time

_PATHS = {name: (operation.method, operation.path) for name, operation in OPERATIONS.items()}

# Somebody holds the key or the object, the server failed, or there was no answer at all: nothing is
# known but that. In a batch, answers before this one may have left no room for it.
_UNANSWERED = frozenset({0, 408, 409, 429, 500, 502, 503, 504})
_NO_ROOM = "batch_answer_too_large"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: an operation of the table and its parameters, those of the path among them."""

    method: str
    params: Mapping[str, Any]
    key: str | None = None  # for idempotency; None: a read
    impatient: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, and the object or error as JSON."""

    status: int
    body: bytes


class Door(Protocol):
    """A merchant's connection to the API."""

    async def send(self, call: Call, *, hurried: bool) -> Answer | None:
        """Make one try, which is given up early if `hurried`. None: no answer, or "later"."""


class RestDoor:
    """One call, one request."""

    def __init__(self, http: httpx.AsyncClient, base: str, key: str) -> None:
        self._http = http
        self._base = base
        self._headers = {"Authorization": f"Bearer {key}"}

    async def send(self, call: Call, *, hurried: bool) -> Answer | None:
        """Make one try, which is given up early if `hurried`. None: no answer, or "later"."""
        method, template = _PATHS[call.method]
        rest = dict(call.params)
        path = re.sub(r"\{(\w+)\}", lambda match: str(rest.pop(match[1])), template)
        fields = dict(_flat(rest))
        headers = self._headers | ({"Idempotency-Key": call.key} if call.key else {})
        seconds = HANG_UP_SECONDS if hurried else CALL_SECONDS
        try:
            answer = await self._http.request(
                method,
                self._base + path,
                params=fields if method == "GET" else None,
                data=None if method == "GET" else fields,
                headers=headers,
                timeout=seconds,
            )
        except httpx.HTTPError:
            return None
        if answer.status_code in _UNANSWERED:
            return None
        return Answer(answer.status_code, answer.content)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """A tree as Stripe's form fields: `{"a": {"b": 1}}` is `a[b]=1`."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(each, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _flat(each, f"{name}[{index}]")
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(slots=True)
class _Waiting:
    call: Call
    hurried: bool
    answer: asyncio.Future[Answer | None]


class BatchDoor:
    """Calls of one operation that wait at the same time leave together, up to `size` in a body."""

    def __init__(self, base: str, key: str, size: int) -> None:
        self._client = AsyncClient(key, base, timeout=CALL_SECONDS, retries=0)
        self._hurried = AsyncClient(key, base, timeout=HANG_UP_SECONDS, retries=0)
        self._size = size
        self._places = asyncio.Semaphore(OF_ONE_TENANT)  # one batch more would be turned away
        # By operation, and apart those who will hang up: they take along who sits in their body.
        self._queues: dict[tuple[str, bool], asyncio.Queue[_Waiting]] = {}
        self._senders: list[asyncio.Task[None]] = []
        self.sizes: Counter[int] = Counter()  # how many batches had how many calls

    async def send(self, call: Call, *, hurried: bool) -> Answer | None:
        """Make one try, which is given up early if `hurried`. None: no answer, or "later"."""
        kind = (call.method, hurried)
        if kind not in self._queues:
            queue: asyncio.Queue[_Waiting] = asyncio.Queue()
            self._queues[kind] = queue
            for _ in range(_SENDERS):
                self._senders.append(asyncio.create_task(self._serve(queue)))
        waiting = _Waiting(call, hurried, asyncio.get_running_loop().create_future())
        self._queues[kind].put_nowait(waiting)
        return await waiting.answer

    async def _serve(self, queue: asyncio.Queue[_Waiting]) -> None:
        while True:
            batch = [await queue.get()]
            if queue.qsize() + 1 < self._size:
                await asyncio.sleep(_LINGER_SECONDS)
            async with self._places:
                while len(batch) < self._size and not queue.empty():
                    batch.append(queue.get_nowait())
                await self._carry_out(batch)

    async def _carry_out(self, batch: Sequence[_Waiting]) -> None:
        self.sizes[len(batch)] += 1
        client = self._hurried if batch[0].hurried else self._client
        calls = [_as_rpc(waiting.call) for waiting in batch]
        for waiting, outcome in zip(batch, await client.batch(calls), strict=True):
            if not waiting.answer.done():  # its task was cancelled
                waiting.answer.set_result(_of_outcome(outcome))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for sender in self._senders:
            sender.cancel()
        await self._client.close()
        await self._hurried.close()


def _as_rpc(call: Call) -> rpc.client.Call:
    if call.key is None:
        return rpc.client.Call(call.method, call.params)
    return rpc.client.Call(call.method, call.params, call.key)


def _of_outcome(outcome: rpc.client.Outcome) -> Answer | None:
    if not isinstance(outcome, RpcError):
        return Answer(200, msgspec.json.encode(outcome))
    if outcome.status in _UNANSWERED or outcome.code == _NO_ROOM:
        return None
    return Answer(outcome.status, msgspec.json.encode({"error": outcome.error}))
