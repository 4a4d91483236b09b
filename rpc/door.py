"""`POST /rpc` carries one call, `POST /rpc.batch` up to a thousand.

A call is a map: `method` (an operation's name), `params` (all its parameters, those of the REST
path among them), and `idempotency_key` if it is a write that may be sent again. Its answer has
`status` (as the HTTP status would be), `result` or `error`, `request_id`, and `replayed` if it is
an earlier answer. `/rpc` has that status as its own; `/rpc.batch` has 200 once its calls were
looked at, each of which succeeds or fails by itself.

The routes are plain ASGI: the envelope is fixed, so a framework's request would only cost time.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Struct

from processor.doors import Visit, admit
from processor.engine import Call, Processor, refusal
from processor.errors import APIError, InvalidRequest, NotFound
from processor.operations import Request, Stored
from rpc.decoder import decode
from rpc.encoder import encode
from tenants.ids import new_id

MAX_BATCH_BODY = 8_000_000  # bytes; one call has the largest that any operation takes
MAX_CALLS = 1_000

CONTENT_TYPE = "application/cbor"

T = TypeVar("T", bound=Struct)


class Envelope(Struct, forbid_unknown_fields=True):
    """One call as it arrives."""

    method: str
    params: dict[str, Any] = {}
    idempotency_key: str | None = None


class Batch(Struct, forbid_unknown_fields=True):
    """Many calls. Each is looked at by itself, so that one that is wrong spoils no other."""

    calls: list[Any]


Answer = dict[str, Any]
CarryOut = Callable[[Processor, Visit, Any, str], Awaitable[tuple[int, Answer]]]


def routes(processor: Processor) -> list[ASGIRouteHandler]:
    """The two handlers."""
    largest = max(operation.largest_body for operation in processor.operations.values())
    return [
        _route(processor, "/rpc", largest, _single),
        _route(processor, "/rpc.batch", MAX_BATCH_BODY, _batch),
    ]


def _route(processor: Processor, path: str, limit: int, carry_out: CarryOut) -> ASGIRouteHandler:
    @asgi(path, copy_scope=False)
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1003, "reason": "POST only"})
            return
        identifier = new_id("req")
        try:
            visit, tree = await _open(processor, scope, receive, limit)
            status, answer = await carry_out(processor, visit, tree, identifier)
        except APIError as error:
            status, answer = error.status, _shown(refusal(error), identifier)
        await _respond(send, status, answer, identifier)

    return handle


async def _single(
    processor: Processor, visit: Visit, tree: Any, identifier: str
) -> tuple[int, Answer]:
    [answer] = await _answers(processor, visit, [tree], [identifier])
    return answer["status"], answer


async def _batch(
    processor: Processor, visit: Visit, tree: Any, identifier: str
) -> tuple[int, Answer]:
    calls = _typed(tree, Batch).calls
    if len(calls) > MAX_CALLS:
        raise InvalidRequest(
            f"A batch has at most {MAX_CALLS} calls; this one has {len(calls)}.", param="calls"
        )
    answers = await _answers(processor, visit, calls, [new_id("req") for _ in calls])
    return 200, {"results": answers, "request_id": identifier}


# --- in -----------------------------------------------------------------------------------------


async def _open(
    processor: Processor, scope: HTTPScope, receive: Receive, limit: int
) -> tuple[Visit, Any]:
    """Who calls, and what the body says. Nothing is read for a stranger. Raises APIError."""
    if scope["method"] != "POST":
        raise _refused(405, f"{scope['path']} takes POST only, not {scope['method'][:20]}.")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    visit = await admit(processor, headers)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        raise _refused(415, f"Invalid content type: {kind[:80]!r}. Send {CONTENT_TYPE}.")
    return visit, decode(await _body(receive, limit))


async def _body(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _refused(400, "The connection ended before the request was complete.")
        body += message["body"]
        if len(body) > limit:
            raise _refused(413, f"The request body is larger than {limit} bytes.")
        if not message["more_body"]:
            return bytes(body)


def _refused(status: int, message: str) -> InvalidRequest:
    error = InvalidRequest(message)
    error.status = status
    return error


def _typed(tree: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Invalid call: {error}") from None


# --- through ------------------------------------------------------------------------------------


async def _answers(
    processor: Processor, visit: Visit, trees: Sequence[Any], identifiers: Sequence[str]
) -> list[Answer]:
    """One answer for each call, in order."""
    answers: dict[int, Stored] = {}
    calls: dict[int, Call] = {}
    for index, tree in enumerate(trees):
        try:
            calls[index] = _call(processor, visit, _typed(tree, Envelope), identifiers[index])
        except APIError as error:
            answers[index] = refusal(error)
    carried_out = await processor.call_many(visit.caller, list(calls.values()), strict=True)
    answers |= zip(calls, carried_out, strict=True)
    return [_shown(answers[index], identifiers[index]) for index in range(len(trees))]


def _call(processor: Processor, visit: Visit, envelope: Envelope, identifier: str) -> Call:
    operation = processor.operations.get(envelope.method)
    if operation is None:
        raise NotFound(
            f"Unrecognized method: {envelope.method[:100]!r}. See /docs for the methods.",
            param="method",
        )
    key = envelope.idempotency_key if operation.idempotent else None
    request = Request(identifier, key, visit.api_version, visit.language)
    return Call(operation, envelope.params, request)


# --- out ----------------------------------------------------------------------------------------


def _shown(stored: Stored, identifier: str) -> Answer:
    """An answer of the engine, which is stored as JSON, as the map that is sent. What is no JSON,
    a file's content, is sent as its bytes."""
    if stored.media_type != "application/json":
        content = {"media_type": stored.media_type, "data": stored.body}
        return {"status": stored.status, "request_id": identifier, "result": content}
    tree = msgspec.json.decode(stored.body)
    answer: Answer = {"status": stored.status, "request_id": identifier}
    if stored.status == 200:
        answer["result"] = tree
    else:
        answer["error"] = tree["error"]
    if stored.replayed:
        answer["replayed"] = True
    return answer


async def _respond(send: Send, status: int, answer: Answer, identifier: str) -> None:
    body = encode(answer)
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"request-id", identifier.encode()),
    ]
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
