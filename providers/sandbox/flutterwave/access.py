"""Who may call the Flutterwave sandbox, and the form its refusals take."""

import hmac
import secrets
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

import msgspec
from litestar import Request, Response

from .tables import CLIENT, error_body

_Shape = TypeVar("_Shape")
_AnyRequest = Request[Any, Any, Any]
_SHORTEST, _LONGEST = 12, 255  # signs of X-Trace-Id and X-Idempotency-Key


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def error(status: int, fields: dict[str, str] | None = None) -> Refused:
    """An error of Flutterwave's; `fields` are those that are wrong, and why."""
    return Refused(status, error_body(status, fields))


def refuse(_: _AnyRequest, refused: Refused) -> Response[dict[str, Any]]:
    """The answer to a request that was refused."""
    return Response(refused.body, status_code=refused.status)


def decode(body: bytes, type: type[_Shape]) -> _Shape:
    """Read JSON of that shape, or refuse with the name of what is wrong."""
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.ValidationError as wrong:
        text, _, path = str(wrong).partition(" - at `$")
        names = [path.strip("`."), text.split("`")[1] if "missing" in text else ""]
        raise error(400, {".".join(filter(None, names)) or "body": text}) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise error(400, {"body": "must be JSON"}) from None


def header(request: _AnyRequest, name: str, *, required: bool) -> str | None:
    """One of the headers that name a request, or refuse it for its length or lack."""
    value = request.headers.get(name)
    if value is None and not required:
        return None
    if value is None or not _SHORTEST <= len(value) <= _LONGEST:
        raise error(400, {name: f"must be {_SHORTEST} to {_LONGEST} characters"})
    return value


class Tokens:
    """The access tokens of this process: they do not outlive it, and clients have to renew."""

    def __init__(self, lifetime: float) -> None:
        """`lifetime` in seconds."""
        self._lifetime: Final = lifetime
        self._ends: dict[str, float] = {}  # of the monotonic clock

    def issue(self, body: bytes) -> dict[str, Any]:
        """The answer to a token call. Refusals have the form of OAuth 2.0 (RFC 6749)."""
        form = parse_qs(body.decode("latin-1"))
        pair = tuple(form.get(name, [""])[0] for name in ("client_id", "client_secret"))
        if form.get("grant_type") != ["client_credentials"]:
            raise Refused(400, {"error": "unsupported_grant_type"})
        if not hmac.compare_digest(":".join(pair).encode(), ":".join(CLIENT).encode()):
            raise Refused(401, {"error": "invalid_client"})
        token = secrets.token_urlsafe(24)
        self._ends[token] = monotonic() + self._lifetime
        return {
            "access_token": token,
            "expires_in": self._lifetime,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": "profile email",
        }

    def check(self, request: _AnyRequest) -> None:
        """Refuse whoever has no living token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        ends = self._ends.get(token) if scheme.lower() == "bearer" else None
        if ends is None or monotonic() >= ends:
            raise error(401)
