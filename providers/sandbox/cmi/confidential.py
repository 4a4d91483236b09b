"""Keeps cards and passwords out of the request log: nobody but the handlers sees them.

The kit's log knows secrets of forms and JSON by their names. A card number with blanks in it, and
a password in XML, it would not know.
"""

import re
from typing import Any, Final
from urllib.parse import unquote_plus

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from providers.sandbox.gateway import read_body

_SECRET_ELEMENT: Final = re.compile(r"(<(Password|Number|Cvv2Val)>)[^<]*", re.IGNORECASE)
_SECRET_FIELD: Final = re.compile(r"(?<![^&])((?:pan|cvv|code)=)([^&]*)")
_DIGITS: Final = re.compile(r"\D")


def confidential(app: ASGIApp) -> ASGIApp:
    """`app`, given bodies without secrets; the real one is in the scope, for `body_of`."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith("/control"):
            await app(scope, receive, send)
            return
        body = await read_body(receive)
        scope.setdefault("state", {})["body"] = body
        shown: HTTPReceiveMessage = {
            "type": "http.request",
            "body": _hide(body).encode(),
            "more_body": False,
        }
        waiting = [shown]

        async def receive_shown() -> Any:
            return waiting.pop() if waiting else await receive()

        await app(scope, receive_shown, send)

    return serve


def body_of(scope: Scope) -> bytes:
    """The body as it was sent."""
    body: bytes = scope["state"]["body"]
    return body


def masked(number: str) -> str:
    """A card number as CMI shows it: "4000 00** **** 0010"; "****" for what is none."""
    digits = _DIGITS.sub("", number)
    return f"{digits[:4]} {digits[4:6]}** **** {digits[-4:]}" if len(digits) >= 13 else "****"


def _hide(body: bytes) -> str:
    text = _SECRET_FIELD.sub(_hide_field, body.decode("utf-8", "replace"))
    return _SECRET_ELEMENT.sub(r"\1[hidden]", unquote_plus(text))


def _hide_field(match: re.Match[str]) -> str:
    name, value = match.groups()
    return name + (masked(unquote_plus(value)) if name == "pan=" else "[hidden]")
