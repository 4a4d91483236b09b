"""Calls of the PayPal sandbox: what they hold, how they are refused, what they make true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from providers.sandbox.book import Movement
from providers.sandbox.script import Step

from .resources import Order, Refund
from .tables import ISSUES

_Shape = TypeVar("_Shape")


class Refused(Exception):
    """A request that is refused before anything is made. Its request id stays free."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def refusal(
    status: int, name: str, message: str, issue: str = "", field: str = "", href: str = ""
) -> Refused:
    """PayPal's error object; `href` is where the payer has to go, for a refusal that says so."""
    detail = {"issue": issue, "description": ISSUES.get(issue, message)}
    if field:
        detail["field"] = field
    links = [{"href": href, "rel": "payer-action", "method": "GET"}] if href else []
    details = [detail] if issue else []
    return Refused(status, {"name": name, "message": message, "details": details, "links": links})


def unprocessable(issue: str, href: str = "") -> Refused:
    """422: well formed, and not possible."""
    message = "The requested action could not be performed."
    return refusal(422, "UNPROCESSABLE_ENTITY", message, issue, href=href)


def invalid(issue: str, field: str = "") -> Refused:
    """400: not well formed."""
    return refusal(400, "INVALID_REQUEST", "The request is not well formed.", issue, field)


def not_found() -> Refused:
    """404: no such resource of this account."""
    message = "The specified resource does not exist."
    return refusal(404, "RESOURCE_NOT_FOUND", message, "INVALID_RESOURCE_ID")


def read(body: bytes, type: type[_Shape]) -> _Shape:
    """Read JSON of that shape, or refuse. No body is an empty object."""
    try:
        return msgspec.json.decode(body or b"{}", type=type)
    except msgspec.ValidationError as error:
        raise invalid("INVALID_PARAMETER_SYNTAX", str(error)[:200]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("MALFORMED_REQUEST_JSON") from None


@dataclass(frozen=True, slots=True)
class ApiCall:
    """An authenticated request."""

    client: str  # whose token it came with
    id: str  # in the path; empty if there is none
    body: bytes
    step: Step
    request_id: str = ""
    mock: str = ""  # an issue asked for by PayPal-Mock-Response

    def decode(self, type: type[_Shape]) -> _Shape:
        """The body as JSON of that shape, or refuse."""
        return read(self.body, type)


@dataclass(frozen=True, slots=True)
class Effect:
    """The answer to a request, and what becomes true with it."""

    status: int
    body: dict[str, Any] | None
    changed: Order | Refund | None = None
    movements: tuple[Movement, ...] = ()
    event: str = ""  # type of the webhook that tells of it; none if empty


Operation = Callable[[ApiCall], Effect]
