"""One route per operation: bytes and headers in, the engine's answer out."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from openapi import forms, multipart
from openapi.paths import Paths, parameters
from processor.doors import admit
from processor.engine import Call, Processor, refusal
from processor.errors import APIError, InvalidRequest, NotFound
from processor.events.log import API_VERSION
from processor.files.contents import attachment
from processor.operations import Operation, Stored
from processor.operations import Request as OperationRequest
from tenants.ids import new_id


def routes(processor: Processor) -> list[ASGIRouteHandler]:
    """One handler for all paths of the table. It is plain ASGI: a framework's request and response
    would cost as much as an operation."""
    paths = Paths(processor.operations.values())

    @asgi("/v1", is_mount=True, copy_scope=False)
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1003, "reason": "HTTP only"})
            return
        path = f"/v1{scope['path'].rstrip('/')}"  # of a mount, what follows its own
        operations = paths.at(path)
        if (operation := operations.get(scope["method"])) is not None:
            await _respond(processor, operation, path, scope, receive, send)
        elif operations and scope["method"] == "OPTIONS":
            await _send(send, 204, {"Allow": ", ".join(sorted([*operations, "OPTIONS"]))}, b"")
        else:
            await _refuse(send, _unknown(scope["method"], path))

    return [handle]


async def _respond(
    processor: Processor,
    operation: Operation,
    path: str,
    scope: HTTPScope,
    receive: Receive,
    send: Send,
) -> None:
    identifier = new_id("req")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    key = headers.get("idempotency-key") if operation.idempotent else None
    version = headers.get("stripe-version")
    try:
        visit = await admit(processor, headers)
        body = await _received(headers, receive, operation.largest_body)
        raw, strict = _parameters(scope["query_string"], headers, body)
        _add(raw, parameters(operation, path))
        request = OperationRequest(identifier, key, version, visit.language, visit.from_replica)
        call = Call(operation, raw, request)
        answer = await processor.call(visit.caller, call, strict=strict)
    except APIError as error:
        answer = refusal(error)
    about = _headers(answer, identifier, key, version or API_VERSION)
    await _send(send, answer.status, about, answer.body)


async def _send(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    if status != 204:
        encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _headers(answer: Stored, identifier: str, key: str | None, version: str) -> dict[str, str]:
    kind = answer.media_type
    headers = {
        "Request-Id": identifier,
        "Stripe-Version": version,
        "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
    }
    if key is not None:
        headers["Idempotency-Key"] = key
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    if answer.filename is not None:
        headers["Content-Disposition"] = attachment(answer.filename)
    return headers


def unknown_url(method: str, path: str) -> Response[bytes]:
    """What a URL gets that is none of ours."""
    return refused(_unknown(method, path))


def _unknown(method: str, path: str) -> NotFound:
    return NotFound(
        f"Unrecognized request URL ({method}: {path[:200]}). Please see /docs for the API's"
        " reference."
    )


def refused(error: APIError) -> Response[bytes]:
    """An error that came up outside an operation."""
    answer = refusal(error)
    headers = _headers(answer, new_id("req"), None, API_VERSION)
    return Response(
        answer.body, status_code=answer.status, media_type=answer.media_type, headers=headers
    )


async def _refuse(send: Send, error: APIError) -> None:
    answer = refusal(error)
    headers = _headers(answer, new_id("req"), None, API_VERSION)
    await _send(send, answer.status, headers, answer.body)


async def _received(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The body. Raises InvalidRequest for one that is too long, as soon as that is known."""
    body = bytearray()
    length = headers.get("content-length", "0")
    too_long = length.isdigit() and int(length) > limit
    while not too_long:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidRequest("The connection ended before the request was complete.")
        body += message["body"]
        too_long = len(body) > limit
        if not message["more_body"]:
            break
    if too_long:
        error = InvalidRequest("The body is longer than any that this call takes.")
        error.status = 413
        raise error
    return bytes(body)


def _parameters(
    query: bytes, headers: Mapping[str, str], body: bytes
) -> tuple[dict[str, Any], bool]:
    """The tree of parameters from query string and body, and whether it has types."""
    raw = forms.decode(query)
    if not body:
        return raw, False
    given, strict = _body(headers.get("content-type", ""), body)
    return raw | given, strict


def _add(raw: dict[str, Any], of_path: dict[str, str]) -> None:
    """Add what the path says, which nothing else may say again. Raises InvalidRequest."""
    for name, value in of_path.items():
        if name in raw:
            raise InvalidRequest(
                f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )
        raw[name] = value


def _body(content_type: str, body: bytes) -> tuple[dict[str, Any], bool]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", ""):
        return forms.decode(body), False
    if kind == "multipart/form-data":
        return multipart.decode(content_type, body), False
    if kind != "application/json":
        raise InvalidRequest(
            f"Invalid content type: {kind[:80]}. Send application/x-www-form-urlencoded,"
            " application/json or, with a file, multipart/form-data."
        )
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("Invalid request body: it is not valid JSON.") from None
    if not isinstance(given, dict):
        raise InvalidRequest("Invalid request body: it must be a JSON object.")
    return given, True
