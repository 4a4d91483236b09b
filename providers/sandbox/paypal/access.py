"""Who may call the PayPal sandbox: apps, their secrets and tokens."""

import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from time import monotonic
from typing import Any, Final

from .calls import Refused, refusal

DEMO_CLIENT_ID: Final = "cpay-sandbox"


def secret_of(client_id: str) -> str:
    """The secret of an app; every client id is one."""
    return f"{client_id}-secret"


class Access:
    """The tokens of all apps. They do not outlive the process: clients get a 401 and renew."""

    def __init__(self, lifetime: float) -> None:
        """`lifetime` of a token, in seconds."""
        self._lifetime = lifetime
        self._tokens: dict[str, tuple[str, float]] = {}

    def create_token(self, authorization: str, form: dict[str, str]) -> dict[str, Any]:
        """A new token, or refuse in the words of OAuth 2.0."""
        client_id, _, secret = _basic(authorization).partition(":")
        if not client_id or secret != secret_of(client_id):
            description = "Client Authentication failed"
            raise Refused(401, {"error": "invalid_client", "error_description": description})
        if form.get("grant_type") != "client_credentials":
            description = "The only grant type is client_credentials"
            raise Refused(
                400, {"error": "unsupported_grant_type", "error_description": description}
            )
        token = f"A21AA{secrets.token_urlsafe(48)}"
        self._tokens[token] = (client_id, monotonic() + self._lifetime)
        return {
            "scope": "https://uri.paypal.com/services/payments/payment",
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": int(self._lifetime),
            "nonce": secrets.token_urlsafe(16),
        }

    def client_of(self, authorization: str) -> str:
        """The app whose token this is, or refuse."""
        scheme, _, token = authorization.partition(" ")
        client_id, ends = self._tokens.get(token, ("", 0.0))
        if scheme.lower() != "bearer" or not client_id or monotonic() > ends:
            message = "Authentication failed: the authorization header is missing or invalid."
            raise refusal(401, "AUTHENTICATION_FAILURE", message)
        return client_id


def _basic(authorization: str) -> str:
    scheme, _, pair = authorization.partition(" ")
    try:
        return b64decode(pair, validate=True).decode() if scheme.lower() == "basic" else ""
    except (NotBase64, UnicodeDecodeError):
        return ""
