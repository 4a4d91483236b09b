"""Who may call the sandbox: the consumer of the gateway, its token, and the user of the API."""

import hmac
import uuid
from base64 import b64encode
from time import time
from urllib.parse import parse_qs

from .tables import API_USER, CONSUMER
from .wire import Asked, Fault, Refused, Reply


class Access:
    """The token call, and the check that every other call begins with.

    As WSO2 does, it hands out one and the same token until that ends, with what is left of its
    life. The token does not outlive the process.
    """

    def __init__(self, token_lifetime: float) -> None:
        self._lifetime = token_lifetime
        self._token = ""
        self._expires_at = 0.0

    async def create_token(self, asked: Asked) -> Reply:
        """POST /token. Errors are those of RFC 6749, section 5.2, which WSO2 follows."""
        if not _is(asked.headers.get("authorization", ""), CONSUMER):
            raise Refused(401, _error("invalid_client", "Client Authentication failed."))
        form = parse_qs(asked.body.decode("latin-1"))
        if form.get("grant_type") != ["client_credentials"]:
            raise Refused(400, _error("unsupported_grant_type", "Unsupported grant_type value"))
        if self._expires_at <= time():
            self._token, self._expires_at = str(uuid.uuid4()), time() + self._lifetime
        return 200, {
            "access_token": self._token,
            "scope": "am_application_scope default",
            "token_type": "Bearer",
            "expires_in": int(self._expires_at - time()),
        }

    def check(self, asked: Asked) -> None:
        """Let a business call through, or refuse it.

        A missing X-AUTH-TOKEN is 401; that a wrong one is answered alike is our assumption.
        """
        given = asked.headers.get("authorization")
        if given is None or "x-auth-token" not in asked.headers:
            raise Refused(401, Fault(900902, "Missing Credentials", "Required credentials missing"))
        expected = f"Bearer {self._token}"
        if not self._token or not hmac.compare_digest(given.encode(), expected.encode()):
            raise _invalid("Make sure you have given the correct access token")
        if self._expires_at <= time():
            raise _invalid("The access token has expired")
        if not _is(f"Basic {asked.headers['x-auth-token']}", API_USER):
            raise _invalid("Make sure you have given the correct X-AUTH-TOKEN")


def _is(given: str, pair: tuple[str, str]) -> bool:
    expected = "Basic " + b64encode(":".join(pair).encode()).decode()
    return hmac.compare_digest(given.encode(), expected.encode())


def _error(code: str, description: str) -> dict[str, str]:
    return {"error": code, "error_description": description}


def _invalid(description: str) -> Refused:
    return Refused(401, Fault(900901, "Invalid Credentials", description))
