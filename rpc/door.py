"""`POST /rpc` carries one call, `POST /rpc.batch` up to a thousand, or a stream without end.

A call is a map: `method` (an operation's name), `params` (all its parameters, those of the REST
path among them), and `idempotency_key` if it is a write that may be sent again. Its answer has
`status` (as the HTTP status would be), `result` or `error`, `request_id`, and `replayed` if it is
an earlier answer. `/rpc` has that status as its own; `/rpc.batch` has 200 once its calls were
looked at, each of which succeeds or fails by itself.

The routes are plain ASGI: the envelope is fixed, so a framework's request would only cost time.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Struct

from processor.doors import Visit, admit
from processor.engine import Processor, refusal
from processor.errors import APIError, InvalidRequest, ServerError, TooManyRequests
from rpc.admission import RETRY_AFTER_SECONDS, Admission
from rpc.arrival import Arrival
from rpc.body import Body, refused
from rpc.calls import answers, entry, linked_answers, shown, typed
from rpc.decoder import decode
from rpc.encoder import encode
from rpc.naming import named
from rpc.reply import Reply, Stalled
from rpc.streams import SEQUENCE, stream
from tenants.ids import new_id

logger = logging.getLogger(__name__)

MAX_BATCH_BODY = 8_000_000  # bytes; one call has the largest that any operation takes
MAX_BATCH_ANSWER = 16_000_000  # bytes; what comes after them is not carried out
MAX_CALLS = 1_000

ONE = "application/cbor"


class Batch(Struct, forbid_unknown_fields=True):
    """Many calls. Each is looked at by itself, so that one that is wrong spoils no other."""

    calls: list[Any]
    linked: bool = False  # all of them or none


Handle = Callable[[Arrival, Reply], Awaitable[None]]


def routes(processor: Processor) -> list[ASGIRouteHandler]:
    """The two handlers."""
    largest = max(operation.largest_body for operation in processor.operations.values())
    admission = Admission()

    async def single(arrival: Arrival, reply: Reply) -> None:
        tree = decode(await Body(arrival.receive, arrival.headers, largest).whole())
        call = entry(processor, arrival.visit, tree, arrival.identifier)
        async for answer in answers(processor, arrival.visit, [call]):
            await reply.whole(answer.status, ONE, answer.body)

    async def batch(arrival: Arrival, reply: Reply) -> None:
        with admission.enter(arrival.visit.caller.schema):
            await by_media_type[arrival.media_type](processor, arrival, reply)

    by_media_type = {ONE: _batch, SEQUENCE: stream}
    return [
        _route(processor, "/rpc", (ONE,), single),
        _route(processor, "/rpc.batch", (ONE, SEQUENCE), batch),
    ]


def _route(
    processor: Processor, path: str, media_types: tuple[str, ...], handle: Handle
) -> ASGIRouteHandler:
    @asgi(path, copy_scope=False)
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1003, "reason": "POST only"})
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        identifier = new_id("req")
        reply = Reply(send, headers, identifier)
        try:
            visit, media_type = await _admitted(processor, scope, headers, media_types)
            await handle(Arrival(visit, headers, media_type, receive, identifier), reply)
        except APIError as error:
            await _refuse(reply, error, identifier)
        except Stalled:
            return  # nobody reads what would be said; the server closes the connection
        except Exception:
            if reply.started:
                raise  # cuts the answer off
            logger.exception("unexpected failure at %s", path)
            failure = ServerError("An unexpected error occurred. The operators have been told.")
            await _refuse(reply, failure, identifier)

    return route


async def _refuse(reply: Reply, error: APIError, identifier: str) -> None:
    if error.status == 405:
        reply.add("allow", "POST")
    if isinstance(error, TooManyRequests):
        reply.add("retry-after", str(RETRY_AFTER_SECONDS))
    await reply.whole(error.status, ONE, shown(refusal(error), identifier).body)


async def _admitted(
    processor: Processor,
    scope: HTTPScope,
    headers: Mapping[str, str],
    media_types: tuple[str, ...],
) -> tuple[Visit, str]:
    """Who calls, and what the body is said to be. Nothing is read for a stranger. Raises
    APIError."""
    if scope["method"] != "POST":
        raise refused(405, f"{scope['path']} takes POST only, not {scope['method'][:20]}.")
    visit = await admit(processor, headers)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in media_types:
        raise refused(415, f"Invalid content type: {kind[:80]!r}. Send {' or '.join(media_types)}.")
    return visit, kind


async def _batch(processor: Processor, arrival: Arrival, reply: Reply) -> None:
    """Everything at once."""
    tree = decode(await Body(arrival.receive, arrival.headers, MAX_BATCH_BODY).whole())
    given = typed(tree, Batch)
    calls = given.calls
    if len(calls) > MAX_CALLS:
        raise InvalidRequest(
            f"A batch has at most {MAX_CALLS} calls; this one has {len(calls)}. Send more as a"
            f" stream, of type {SEQUENCE}.",
            param="calls",
        )
    naming = named(processor, arrival.visit.caller, arrival.headers)
    entries = [entry(processor, arrival.visit, call, new_id("req")) for call in calls]
    if naming is not None:
        await naming.received(len(calls))
    if given.linked:
        results = await linked_answers(processor, arrival.visit, entries)
    else:
        carried_out = answers(processor, arrival.visit, entries, MAX_BATCH_ANSWER)
        results = [answer async for answer in carried_out]
    if naming is not None:
        await naming.answered(len(calls), sum(answer.status != 200 for answer in results))
    bodies = [answer.body for answer in results]
    await reply.whole(200, ONE, encode({"results": bodies, "request_id": arrival.identifier}))
