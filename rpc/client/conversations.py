"""What is said to the server and heard from it, without a word on how it is carried.

A conversation is a generator: it yields what to send, takes what came of it, and returns an outcome
for each call. Both clients hold the same conversations, each in its own way of waiting.
"""

import gzip
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cbor2
import httpx

from .calls import Outcome
from .errors import APIConnectionError, APIError, RpcError, of_answer

# Somebody holds the same idempotency key or object; too many calls; the server's own failures.
_RETRIABLE = frozenset({408, 409, 429, 500, 502, 503, 504})
_TOO_MUCH_TO_SAY = "batch_answer_too_large"  # answers before this one have filled the batch's

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0  # seconds
_LONGEST_WISH = 60.0  # of a server's `Retry-After`, in seconds
_WORTH_PACKING = 1_000  # bytes
_MOST_CALLS = 0xFFFF  # what an array's head of three bytes can count


@dataclass(frozen=True, slots=True)
class Sending:
    """A request to make, after a pause."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    pause: float  # seconds


Reply = httpx.Response | httpx.TransportError
Conversation = Generator[Sending, Reply, list[Outcome]]


@dataclass(frozen=True, slots=True)
class Manners:
    """How a client speaks."""

    retries: int  # further tries after the first
    gzip: bool


def single(manners: Manners, call: bytes) -> Conversation:
    """One call, to `/rpc`."""
    return _conversation(manners, "/rpc", {}, [call], whole=True, linked=False)


def batch(
    manners: Manners,
    calls: Sequence[bytes],
    headers: Mapping[str, str],
    *,
    whole: bool,
    linked: bool,
) -> Conversation:
    """Some calls, to `/rpc.batch`. `whole`: none of them is ever sent without the others."""
    return _conversation(manners, "/rpc.batch", headers, calls, whole=whole, linked=linked)


def _conversation(
    manners: Manners,
    path: str,
    headers: Mapping[str, str],
    calls: Sequence[bytes],
    *,
    whole: bool,
    linked: bool,
) -> Conversation:
    outcomes: dict[int, Outcome] = {}
    waiting = list(range(len(calls)))
    pause = 0.0
    for attempt in range(manners.retries + 1):
        chosen = [calls[index] for index in waiting]
        body = chosen[0] if path == "/rpc" else _batch_body(chosen, linked)
        packed = manners.gzip and len(body) >= _WORTH_PACKING
        sent = gzip.compress(body, 1) if packed else body
        more = {"Content-Encoding": "gzip"} if packed else {}
        reply = yield Sending(path, {**headers, **more}, sent, pause)
        outcomes |= zip(waiting, _outcomes(reply, len(chosen)), strict=True)
        again = [index for index in waiting if _retriable(outcomes[index])]
        if not again:
            break
        if not whole:
            waiting = again
        pause = max(_backoff(attempt), _wish(reply))
    return [outcomes[index] for index in range(len(calls))]


def _batch_body(calls: Sequence[bytes], linked: bool) -> bytes:
    """The map of a batch (RFC 8949, section 3.1), around calls that are encoded already."""
    assert len(calls) <= _MOST_CALLS
    head = cbor2.dumps("calls") + b"\x99" + len(calls).to_bytes(2)
    tail = cbor2.dumps("linked") + b"\xf5" if linked else b""
    return (b"\xa2" if linked else b"\xa1") + head + b"".join(calls) + tail


def _backoff(attempt: int) -> float:
    """Seconds, anything up to 0.5, 1, 2 and so on to 8: clients that failed together do not come
    back together."""
    return random.uniform(0, min(_FIRST_PAUSE * 2.0**attempt, _LONGEST_PAUSE))  # noqa: S311 - no secret


def _wish(reply: Reply) -> float:
    """What the server asks for in `Retry-After`, in seconds."""
    asked = reply.headers.get("retry-after", "") if isinstance(reply, httpx.Response) else ""
    return min(float(asked), _LONGEST_WISH) if asked.isdecimal() else 0.0


def _retriable(outcome: Outcome) -> bool:
    return isinstance(outcome, RpcError) and (
        outcome.status in _RETRIABLE or outcome.status == 0 or outcome.code == _TOO_MUCH_TO_SAY
    )


def _outcomes(reply: Reply, count: int) -> list[Outcome]:
    """What a reply says of the calls that it answers; a refusal of the whole is said of each."""
    if isinstance(reply, httpx.TransportError):
        message = f"No answer from the server: {reply!r}"
        lost = APIConnectionError(0, {"type": "api_connection_error", "message": message})
        return [lost] * count
    try:
        answer = cbor2.loads(reply.content)
        results = answer["results"] if "results" in answer else [answer] * count
        outcomes = [_outcome(results[index]) for index in range(count)]
    except (cbor2.CBORDecodeError, AttributeError, IndexError, KeyError, TypeError):
        # Something between us and the server answered, such as a proxy.
        message = f"HTTP {reply.status_code} with a body that is no answer"
        strange = APIError(reply.status_code, {"message": message}, reply.headers.get("request-id"))
        return [strange] * count
    return outcomes


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    if answer["status"] == 200:
        result: dict[str, Any] = answer["result"]
        return result
    return of_answer(answer["status"], answer["error"], answer["request_id"])
