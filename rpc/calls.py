"""From trees to calls of the engine, and from its answers to the bytes that are sent."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from processor.doors import Visit
from processor.engine import Call, Processor, refusal
from processor.errors import APIError, InvalidRequest, NotFound
from processor.operations import Request, Stored
from rpc.encoder import Encoded, encode

T = TypeVar("T", bound=Struct)


class Envelope(Struct, forbid_unknown_fields=True):
    """One call as it arrives."""

    method: str
    params: dict[str, Any] = {}
    idempotency_key: str | None = None


class Answer(NamedTuple):
    """What is said of one call."""

    status: int
    body: Encoded


Entry = tuple[str, Call | APIError]  # a request id, and what is to be done or why it can't be


async def answers(
    processor: Processor, visit: Visit, entries: Sequence[Entry], most: int | None = None
) -> AsyncGenerator[Answer, None]:
    """Carry out calls, and answer each, in order.

    Once the answers have `most` bytes, what is left is not carried out: a thousand lists would fill
    the memory.
    """
    size = 0
    for together in _together(entries):
        if most is not None and size > most:
            carried_out = [refusal(_too_long(most))] * len(together)
        else:
            carried_out = await _carried_out(processor, visit, together)
        for (identifier, _), stored in zip(together, carried_out, strict=True):
            answer = shown(stored, identifier)
            size += len(answer.body)
            yield answer


async def linked_answers(
    processor: Processor, visit: Visit, entries: Sequence[Entry]
) -> list[Answer]:
    """Carry out all calls, or none of them, and answer each."""
    calls = [what for _, what in entries]
    stored = await processor.call_linked(visit.caller, calls, strict=True)
    return [shown(one, identifier) for (identifier, _), one in zip(entries, stored, strict=True)]


def entry(processor: Processor, visit: Visit, tree: Any, identifier: str) -> Entry:
    """What is to be done about a call, given as an envelope or as the tree of one."""
    try:
        envelope = tree if isinstance(tree, Envelope) else typed(tree, Envelope)
        operation = processor.operations.get(envelope.method)
        if operation is None:
            raise NotFound(
                f"Unrecognized method: {envelope.method[:100]!r}. See /docs for the methods.",
                param="method",
            )
    except APIError as error:
        return identifier, error
    key = envelope.idempotency_key if operation.idempotent else None
    request = Request(identifier, key, visit.api_version, visit.language, visit.from_replica)
    return identifier, Call(operation, envelope.params, request)


def _together(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Writes that follow one another, as their answers are short; reads one by one."""
    for reads, group in groupby(entries, lambda entry: _is_read(entry[1])):
        if reads:
            yield from ([entry] for entry in group)
        else:
            yield list(group)


def _is_read(what: Call | APIError) -> bool:
    return isinstance(what, Call) and what.operation.read is not None


async def _carried_out(
    processor: Processor, visit: Visit, entries: Sequence[Entry]
) -> list[Stored]:
    calls = [what for _, what in entries if isinstance(what, Call)]
    results = iter(await processor.call_many(visit.caller, calls, strict=True))
    return [next(results) if isinstance(what, Call) else refusal(what) for _, what in entries]


def _too_long(most: int) -> InvalidRequest:
    error = InvalidRequest(
        f"The answers before this call's have filled the {most} bytes that a batch may be answered"
        " with. It was not carried out: send it in another batch.",
        code="batch_answer_too_large",
    )
    error.status = 413
    return error


def typed(tree: Any, kind: type[T]) -> T:
    """The tree as a struct. Raises InvalidRequest."""
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Invalid call: {error}") from None


def shown(stored: Stored, identifier: str) -> Answer:
    """An answer of the engine, which is stored as JSON, as the map that is sent. What is no JSON,
    a file's content, is sent as its bytes."""
    answer: dict[str, Any] = {"status": stored.status, "request_id": identifier}
    if stored.media_type != "application/json":
        answer["result"] = {"media_type": stored.media_type, "data": stored.body}
    elif stored.status == 200:
        answer["result"] = msgspec.json.decode(stored.body)
    else:
        answer["error"] = msgspec.json.decode(stored.body)["error"]
    if stored.replayed:
        answer["replayed"] = True
    return Answer(stored.status, Encoded(encode(answer)))
