"""A Python client of the CBOR door.

    client = Client("sk_test_...", "https://pay.example.com")
    intent = client.payment_intents.create(amount=5000, currency="xaf")
    outcomes = client.batch([("payment_intents.create", {"amount": 5000, "currency": "xaf"})])

It stands alone: this file and `operations.py` beside it need httpx and cbor2, and nothing else of
CPay. `Client` blocks, `AsyncClient` is awaited; otherwise they are the same.

Every call carries an idempotency key, its own if the caller gives none. So each can be sent again
when the connection breaks, when the server fails or when it asks to come back, and is still
carried out once.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import cbor2
import httpx

from .operations import Operations  # relative: the two files can be copied elsewhere together

Object = dict[str, Any]

TIMEOUT = 80.0  # seconds, as Stripe's clients wait: a provider may take 20 to answer
RETRIES = 3
# Somebody holds the same idempotency key or object; too many calls; the server's own failures.
RETRIABLE = frozenset({409, 429, 500, 502, 503, 504})


class RpcError(Exception):
    """A call that was not carried out, or whose outcome is not known (`status` is 0).

    `type`, `code`, `param` and `decline_code` are Stripe's; `error` is the whole error object.
    """

    def __init__(self, status: int, error: Mapping[str, Any], request_id: str | None) -> None:
        super().__init__(error.get("message", ""))
        self.status = status
        self.error = dict(error)
        self.type: str = error.get("type", "api_error")
        self.code: str | None = error.get("code")
        self.param: str | None = error.get("param")
        self.decline_code: str | None = error.get("decline_code")
        self.request_id = request_id


Outcome = Object | RpcError


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a batch."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str = field(default_factory=lambda: str(uuid.uuid4()))

    def envelope(self) -> Object:
        """What is sent."""
        return {
            "method": self.method,
            "params": dict(self.params),
            "idempotency_key": self.idempotency_key,
        }


@dataclass(frozen=True, slots=True)
class _Sending:
    """A request to make, after a pause."""

    path: str
    body: bytes
    pause: float  # seconds


_Reply = httpx.Response | httpx.TransportError


def _conversation(
    path: str, calls: Sequence[Call], retries: int
) -> Generator[_Sending, _Reply, list[Outcome]]:
    """Yields what to send, takes what came of it, and returns an outcome for each call, in order.

    What may be tried again is: the same calls with the same keys, and no others.
    """
    outcomes: dict[int, Outcome] = {}
    waiting = list(range(len(calls)))
    for attempt in range(retries + 1):
        envelopes = [calls[index].envelope() for index in waiting]
        body = cbor2.dumps({"calls": envelopes} if path == "/rpc.batch" else envelopes[0])
        reply = yield _Sending(path, body, _pause(attempt))
        outcomes |= zip(waiting, _outcomes(reply, len(waiting)), strict=True)
        waiting = [index for index in waiting if _retriable(outcomes[index])]
        if not waiting:
            break
    return [outcomes[index] for index in range(len(calls))]


def _pause(attempt: int) -> float:
    """Seconds before an attempt: none, then about 0.5, 1, 2 and so on to 8, never all at once."""
    return 0.0 if attempt == 0 else min(0.5 * 2.0 ** (attempt - 1), 8.0) * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _retriable(outcome: Outcome) -> bool:
    return isinstance(outcome, RpcError) and (outcome.status in RETRIABLE or outcome.status == 0)


def _outcomes(reply: _Reply, count: int) -> list[Outcome]:
    """What a reply says of the calls that it answers; a refusal of the whole is said of each."""
    if isinstance(reply, httpx.TransportError):
        message = f"No answer from the server: {reply!r}"
        lost = RpcError(0, {"type": "api_connection_error", "message": message}, None)
        return [lost] * count
    try:
        answer = cbor2.loads(reply.content)
        results = answer.get("results", [answer] * count)
        return [_outcome(result) for result in results]
    except (cbor2.CBORDecodeError, AttributeError, KeyError, TypeError):
        # Something between us and the server answered, such as a proxy.
        message = f"HTTP {reply.status_code} with a body that is no answer"
        strange = RpcError(reply.status_code, {"message": message}, reply.headers.get("request-id"))
        return [strange] * count


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    if answer["status"] == 200:
        result: Object = answer["result"]
        return result
    return RpcError(answer["status"], answer["error"], answer["request_id"])


def _result(outcomes: Sequence[Outcome]) -> Object:
    [outcome] = outcomes
    if isinstance(outcome, RpcError):
        raise outcome
    return outcome


def _as_calls(calls: Sequence[Call | tuple[str, Mapping[str, Any]]]) -> list[Call]:
    return [call if isinstance(call, Call) else Call(*call) for call in calls]


def _call(method: str, params: Mapping[str, Any] | None, idempotency_key: str | None) -> Call:
    return Call(method, params or {}, idempotency_key or str(uuid.uuid4()))


def _headers(api_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}", "Content-Type": "application/cbor"}


class Client(Operations[Object]):
    """Calls, and waits for the answer. Safe to share between threads."""

    def __init__(
        self, api_key: str, base_url: str, *, timeout: float = TIMEOUT, retries: int = RETRIES
    ) -> None:
        """`timeout` is in seconds, for each try; `retries` are further tries after the first."""
        super().__init__(self.call)
        self._retries = retries
        self._http = httpx.Client(base_url=base_url, headers=_headers(api_key), timeout=timeout)

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Object:
        """Carry out one call and return its result. Raises RpcError."""
        return _result(self._carry_out("/rpc", [_call(method, params, idempotency_key)]))

    def batch(self, calls: Sequence[Call | tuple[str, Mapping[str, Any]]]) -> list[Outcome]:
        """Carry out up to 1,000 calls. A failed one has its RpcError in its place, not raised."""
        return self._carry_out("/rpc.batch", _as_calls(calls))

    def _carry_out(self, path: str, calls: Sequence[Call]) -> list[Outcome]:
        conversation = _conversation(path, calls, self._retries)
        sending = next(conversation)
        while True:
            time.sleep(sending.pause)
            try:
                reply: _Reply = self._http.post(sending.path, content=sending.body)
            except httpx.TransportError as error:
                reply = error
            try:
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


class AsyncClient(Operations[Awaitable[Object]]):
    """The same, awaited."""

    def __init__(
        self, api_key: str, base_url: str, *, timeout: float = TIMEOUT, retries: int = RETRIES
    ) -> None:
        """As of `Client`."""
        super().__init__(self.call)
        self._retries = retries
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=_headers(api_key), timeout=timeout
        )

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Object:
        """Carry out one call and return its result. Raises RpcError."""
        return _result(await self._carry_out("/rpc", [_call(method, params, idempotency_key)]))

    async def batch(self, calls: Sequence[Call | tuple[str, Mapping[str, Any]]]) -> list[Outcome]:
        """Carry out up to 1,000 calls. A failed one has its RpcError in its place, not raised."""
        return await self._carry_out("/rpc.batch", _as_calls(calls))

    async def _carry_out(self, path: str, calls: Sequence[Call]) -> list[Outcome]:
        conversation = _conversation(path, calls, self._retries)
        sending = next(conversation)
        while True:
            await asyncio.sleep(sending.pause)
            try:
                reply: _Reply = await self._http.post(sending.path, content=sending.body)
            except httpx.TransportError as error:
                reply = error
            try:
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
