"""The one family of errors. Each knows its Stripe type, code, parameter and HTTP status.

Nothing else is raised on purpose: what reaches a door and is not of this family is a defect of
ours, is reported, and is answered as an `api_error` without detail.
"""

import re
from typing import Any

# What could be a card's number, wherever a client put it by mistake: thirteen digits or more in a
# row. Answers are stored and logged by those who receive them, so none of ours repeats one.
_CARD_NUMBER = re.compile(r"(?<![0-9A-Za-z_+])\d(?:[ -]?\d){12,18}(?![0-9A-Za-z_])")


class APIError(Exception):
    """A refusal that the client can read: `status` for HTTP, the rest for the error object."""

    status = 400
    type = "invalid_request_error"

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, **fields: Any
    ) -> None:
        self.message = without_card_numbers(message)
        super().__init__(self.message)
        self.code = code
        self.param = None if param is None else without_card_numbers(param)
        self.fields = fields  # further members of the error object: decline_code, payment_intent

    def body(self) -> dict[str, Any]:
        """The error object in Stripe's shape."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code is not None:
            error["code"] = self.code
        if self.param is not None:
            error["param"] = self.param
        return {"error": error | self.fields}


def without_card_numbers(text: str) -> str:
    """The text with every number that may be a card's hidden."""
    return _CARD_NUMBER.sub("[hidden]", text)


class InvalidRequest(APIError):
    """Something is wrong with a parameter, or the object is in the wrong state."""


class NotFound(InvalidRequest):
    """The id in the path is unknown, or belongs to somebody else."""

    status = 404


class AuthenticationFailed(APIError):
    """No key, or one that opens nothing."""

    status = 401


class PermissionDenied(APIError):
    """The key is known, and may not do this."""

    status = 403


class CardError(APIError):
    """The payer's means of payment was refused: a card or, in Stripe's words, its like."""

    status = 402
    type = "card_error"


class IdempotencyError(APIError):
    """The key was used before, with other parameters or for another operation."""

    type = "idempotency_error"


class IdempotencyInProgress(APIError):
    """The first request with this key is still at work. Stripe's SDKs retry a 409 by themselves."""

    status = 409
    type = "idempotency_error"


class TooManyRequests(APIError):
    """The caller asks too fast, or too many wait for the same thing."""

    status = 429
    type = "rate_limit_error"


class ServerError(APIError):
    """Our own defect or an outage of what we need. Says nothing of its cause."""

    status = 500
    type = "api_error"


class Unavailable(ServerError):
    """Not now, and nothing was done. Stripe's SDKs ask again by themselves."""

    status = 503


def missing(kind: str, identifier: str, param: str) -> InvalidRequest:
    """An id given as a parameter names nothing."""
    return InvalidRequest(f"No such {kind}: '{identifier}'", code="resource_missing", param=param)


def not_found(kind: str, identifier: str, param: str = "id") -> NotFound:
    """An id in the path names nothing."""
    return NotFound(f"No such {kind}: '{identifier}'", code="resource_missing", param=param)
