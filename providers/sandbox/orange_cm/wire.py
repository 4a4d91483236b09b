"""Orange Money Cameroon's way with HTTP: what a request holds, and the forms its answers take."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from xml.sax.saxutils import escape

import msgspec
from litestar.types import HTTPScope, Receive, Send

from providers.sandbox.gateway import step_of
from providers.sandbox.script import Step

Reply = tuple[int, Any]
"""A status and what to send as JSON; a `Fault` is sent as JSON or XML."""

_Shape = TypeVar("_Shape")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    headers: Mapping[str, str]  # names in lower case
    body: bytes
    step: Step  # what the script says about it


@dataclass(frozen=True, slots=True)
class Fault:
    """What the WSO2 gateway says when it lets a call go no further."""

    code: int  # of WSO2 API Manager's table of handler errors
    message: str
    description: str

    def as_json(self) -> dict[str, Any]:
        """The form for those who accept JSON."""
        said = {"code": self.code, "message": self.message, "description": self.description}
        return {"fault": said}

    def as_xml(self) -> str:
        """The form for those who ask for XML."""
        return (
            '<ams:fault xmlns:ams="http://wso2.org/apimanager/security">'
            f"<ams:code>{self.code}</ams:code><ams:message>{escape(self.message)}</ams:message>"
            f"<ams:description>{escape(self.description)}</ams:description></ams:fault>"
        )


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.reply: Reply = (status, body)


def refusal(status: int, message: str) -> Refused:
    """An error of the API itself, about no record. That it has this form is our assumption."""
    return Refused(status, {"message": message, "data": None})


def decode(body: bytes, type: type[_Shape]) -> _Shape:
    """Read JSON of that shape, or refuse: how Orange does is not documented, we assume 400."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refusal(400, "Bad request") from None


async def read(scope: HTTPScope, receive: Receive) -> Asked:
    """The request; the kit's gateway hands over its body in one piece."""
    message = await receive()
    body = message["body"] if message["type"] == "http.request" else b""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Asked(headers, body, step_of(scope))


async def answer(send: Send, asked: Asked, reply: Reply) -> None:
    """Send the reply."""
    status, content = reply
    media_type = b"application/json"
    accepted = asked.headers.get("accept", "")
    if isinstance(content, Fault) and "xml" in accepted and "json" not in accepted:
        media_type, body = b"application/xml", content.as_xml().encode()
    else:
        shown = content.as_json() if isinstance(content, Fault) else content
        body = json.dumps(shown).encode()
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
