"""Orange's way with HTTP: access tokens, bodies, and the form its refusals take."""

import hmac
import secrets
from base64 import b64decode
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

import msgspec
from litestar import Request, Response

from providers.sandbox.script import Step

from .tables import CLIENT, CURRENCIES, ERRORS

_Shape = TypeVar("_Shape")
_AnyRequest = Request[Any, Any, Any]

_REALM: Final = {"error": "invalid_client", "error_description": "The client is not known."}


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def error(code: int) -> Refused:
    """An error of Orange's, by its code."""
    status, message, description = ERRORS[code]
    info = "https://developer.orange.com"
    body = {"code": code, "message": message, "description": description, "infoURL": info}
    return Refused(status, body)


def refuse(_: _AnyRequest, refused: Refused) -> Response[dict[str, Any]]:
    """The answer to a request that was refused."""
    return Response(refused.body, status_code=refused.status)


def decode(body: bytes, type: type[_Shape]) -> _Shape:
    """Read JSON of that shape, or refuse."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise error(22) from None


class Tokens:
    """The access tokens of this process: they do not outlive it, and clients have to renew."""

    def __init__(self, lifetime: int) -> None:
        """`lifetime` in seconds."""
        self._lifetime = lifetime
        self._ends: dict[str, float] = {}  # of the monotonic clock

    def issue(self, authorization: str, body: bytes, step: Step) -> dict[str, Any]:
        """The answer to a token call. Refusals have the form of OAuth 2.0 (RFC 6749)."""
        if step.outcome == "TOO_MANY_REQUESTS":
            raise Refused(429, {"error": "too_many_requests"})
        if not hmac.compare_digest(_basic_pair(authorization), ":".join(CLIENT)):
            raise Refused(401, _REALM)
        if parse_qs(body.decode("latin-1")).get("grant_type") != ["client_credentials"]:
            raise Refused(400, {"error": "unsupported_grant_type"})
        token = secrets.token_urlsafe(24)
        self._ends[token] = monotonic() + self._lifetime
        as_text = step.outcome == "EXPIRES_IN_TEXT"
        return {
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": str(self._lifetime) if as_text else self._lifetime,
        }

    def check(self, request: _AnyRequest, country: str) -> None:
        """Refuse whoever has no token, or nothing to do with that country."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            raise error(40)
        ends = self._ends.get(token) if scheme.lower() == "bearer" else None
        if ends is None:
            raise error(41)
        if monotonic() >= ends:
            raise error(42)
        if country not in CURRENCIES:
            raise error(50)


def _basic_pair(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    try:
        pair = b64decode(credentials, validate=True).decode("ascii")
    except ValueError:  # not base64, or not text inside
        raise Refused(401, _REALM) from None
    return pair if scheme.lower() == "basic" else ""
