"""MTN's way with HTTP: what a request holds, and the forms its refusals take."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from litestar.types import HTTPScope, Receive, Send

from .gateway import step_of
from .mtn_tables import ERRORS
from .script import Step

Reply = tuple[int, Any]
"""A status and what to send as JSON; None is an empty body."""

_Shape = TypeVar("_Shape")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    headers: Mapping[str, str]  # names in lower case
    body: bytes
    step: Step  # what the script says about it


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, body: Any = None) -> None:
        super().__init__(status, body)
        self.reply: Reply = (status, body)


def error(code: str) -> Refused:
    """An error of MTN's own."""
    status, message = ERRORS[code]
    return Refused(status, {"message": message, "code": code})


def gateway_error(status: int, message: str) -> Refused:
    """An error of the API gateway in front of MTN, which has its own form."""
    return Refused(status, {"statusCode": status, "message": message})


def decode(body: bytes, type: type[_Shape]) -> _Shape:
    """Read JSON of that shape, or refuse: MTN's 400 says nothing more."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(400) from None


def uuid4(text: str) -> str:
    """A UUID version 4 in canonical form, or refuse: MTN takes no other reference."""
    try:
        reference = uuid.UUID(text)
    except ValueError:
        raise Refused(400) from None
    if reference.version != 4 or str(reference) != text.lower():
        raise Refused(400)
    return str(reference)


async def read(scope: HTTPScope, receive: Receive) -> Asked:
    """The request; the kit's gateway hands over its body in one piece."""
    message = await receive()
    body = message["body"] if message["type"] == "http.request" else b""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Asked(headers, body, step_of(scope))


async def answer(send: Send, reply: Reply) -> None:
    """Send the reply."""
    status, content = reply
    body = b"" if content is None else json.dumps(content).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    if content is not None:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
