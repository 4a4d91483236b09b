"""One route per operation: bytes and headers in, the engine's answer out."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler

from openapi import forms, multipart
from processor.doors import admit
from processor.engine import Call, Processor, refusal
from processor.errors import APIError, InvalidRequest, NotFound
from processor.events.log import API_VERSION
from processor.operations import Operation, Stored
from processor.operations import Request as OperationRequest
from tenants.ids import new_id


def routes(processor: Processor) -> list[HTTPRouteHandler]:
    """A handler for each line of the table."""
    return [_route(processor, operation) for operation in processor.operations.values()]


def _route(processor: Processor, operation: Operation) -> HTTPRouteHandler:
    path = operation.path.replace("}", ":str}")

    async def handle(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await _respond(processor, operation, request)

    return HTTPRouteHandler(
        path,
        http_method=operation.method,
        status_code=200,
        request_max_body_size=operation.largest_body,
        include_in_schema=False,
        name=operation.name,
    )(handle)


async def _respond(
    processor: Processor, operation: Operation, request: Request[Any, Any, Any]
) -> Response[bytes]:
    identifier = new_id("req")
    key = request.headers.get("idempotency-key") if operation.idempotent else None
    version = request.headers.get("stripe-version")
    try:
        visit = await admit(processor, request.headers)
        raw, strict = await _parameters(operation, request)
        about = OperationRequest(identifier, key, version, visit.language)
        answer = await processor.call(visit.caller, Call(operation, raw, about), strict=strict)
    except APIError as error:
        answer = refusal(error)
    return _response(answer, identifier, key, version or API_VERSION)


def _response(answer: Stored, identifier: str, key: str | None, version: str) -> Response[bytes]:
    headers = {"Request-Id": identifier, "Stripe-Version": version}
    if key is not None:
        headers["Idempotency-Key"] = key
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(
        answer.body, status_code=answer.status, media_type=answer.media_type, headers=headers
    )


def unknown_url(method: str, path: str) -> Response[bytes]:
    """What a URL gets that is none of ours."""
    return refused(
        NotFound(
            f"Unrecognized request URL ({method}: {path[:200]}). Please see /docs for the API's"
            " reference."
        )
    )


def refused(error: APIError) -> Response[bytes]:
    """An error that came up outside an operation."""
    return _response(refusal(error), new_id("req"), None, API_VERSION)


async def _parameters(
    operation: Operation, request: Request[Any, Any, Any]
) -> tuple[dict[str, Any], bool]:
    """The tree of parameters from query string, body and path, and whether it has types."""
    raw = forms.decode(request.scope["query_string"])
    strict = False
    body = await request.body()
    if body:
        given, strict = _body(request.headers.get("content-type", ""), body)
        raw |= given
    for name in operation.path_parameters:
        if name in raw:
            raise InvalidRequest(
                f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )
        raw[name] = request.path_params[name]
    return raw, strict


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
