"""What can go wrong with a call, by the names that Stripe's libraries have for it."""

from collections.abc import Mapping
from typing import Any


class RpcError(Exception):
    """A call that was not carried out, or whose outcome is not known (`status` is 0).

    `type`, `code`, `param` and `decline_code` are Stripe's; `error` is the whole error object.
    """

    def __init__(
        self, status: int, error: Mapping[str, Any], request_id: str | None = None
    ) -> None:
        super().__init__(error.get("message", ""))
        self.status = status
        self.error = dict(error)
        self.type: str = error.get("type", "api_error")
        self.code: str | None = error.get("code")
        self.param: str | None = error.get("param")
        self.decline_code: str | None = error.get("decline_code")
        self.request_id = request_id


class InvalidRequestError(RpcError):
    """A parameter is wrong, or the object is in the wrong state, or there is none."""


class AuthenticationError(RpcError):
    """The API key is not valid."""


class PermissionDeniedError(RpcError):
    """The API key may not do this."""


class CardError(RpcError):
    """The payer's means of payment was refused: a card, or a wallet. See `decline_code`."""


class IdempotencyError(RpcError):
    """The idempotency key was used with other parameters, or is still at work."""


class RateLimitError(RpcError):
    """Too many calls at once, for longer than the client was ready to wait."""


class APIError(RpcError):
    """The server failed, or something in between answered in its place."""


class APIConnectionError(RpcError):
    """No answer came. The call may or may not have been carried out: send it again with its key."""


class NotSentError(RpcError):
    """The call was never sent, since what came before it in its batch met a closed door."""


_BY_STATUS = {401: AuthenticationError, 403: PermissionDeniedError, 429: RateLimitError}
_BY_TYPE = {
    "card_error": CardError,
    "idempotency_error": IdempotencyError,
    "invalid_request_error": InvalidRequestError,
}


def of_answer(status: int, error: Mapping[str, Any], request_id: str | None) -> RpcError:
    """The error that an answer tells of."""
    kind = _BY_STATUS.get(status) or _BY_TYPE.get(error.get("type", ""), APIError)
    return kind(status, error, request_id)
