"""Who may call the MTN sandbox: subscription keys, API users and bearer tokens."""

import hmac
import json
import secrets
import uuid
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from time import time
from typing import Any, Final

import msgspec

from .book import Book
from .mtn_http import Asked, Refused, Reply, decode, error, gateway_error, uuid4
from .mtn_tables import DEMO_API_KEY, DEMO_API_USERS, DEMO_CALLBACK_HOST, SUBSCRIPTION_KEYS

_USERS: Final = "apiuser"  # kind of resource in the book
_LOGIN_FAILED: Final = {"error": "login_failed"}


class ApiUser(msgspec.Struct, frozen=True):
    """Who may ask for tokens."""

    environment: str
    callback_host: str
    api_key: str | None = None  # until it was asked for
    product: str | None = None  # the one it was made under; None: every product, as in production


_DEMO_USERS: Final = {
    user_id: ApiUser(environment, DEMO_CALLBACK_HOST, DEMO_API_KEY)
    for environment, user_id in DEMO_API_USERS.items()
}


class Access:
    """The provisioning and token calls, and the checks that every other call begins with."""

    def __init__(self, book: Book, token_lifetime: int) -> None:
        self._book = book
        self._tokens = _Tokens(token_lifetime)

    # Provisioning exists in MTN's sandbox only: in production the partner portal does this.

    async def create_user(self, asked: Asked) -> Reply:
        """POST /v1_0/apiuser: 201 and nothing."""
        product = _product_of_key(asked)
        user_id = uuid4(asked.headers.get("x-reference-id", ""))
        host = decode(asked.body, dict[str, Any]).get("providerCallbackHost")
        if not isinstance(host, str) or not host:
            raise Refused(400)
        if self._user(user_id) is not None:
            raise error("RESOURCE_ALREADY_EXIST")
        await self._keep(user_id, ApiUser("sandbox", host, None, product))
        return 201, None

    async def create_key(self, asked: Asked, user_id: str) -> Reply:
        """POST /v1_0/apiuser/{id}/apikey: a key that replaces an earlier one."""
        user = self._provisioned(asked, user_id)
        key = secrets.token_hex(16)
        await self._keep(user_id, msgspec.structs.replace(user, api_key=key))
        return 201, {"apiKey": key}

    async def show_user(self, asked: Asked, user_id: str) -> Reply:
        """GET /v1_0/apiuser/{id}."""
        user = self._provisioned(asked, user_id)
        return 200, {
            "providerCallbackHost": user.callback_host,
            "targetEnvironment": user.environment,
        }

    async def create_token(self, asked: Asked, product: str) -> Reply:
        """POST /{product}/token/: Basic authentication, and no body."""
        _check_key(asked, product)
        if asked.body:
            raise Refused(400)
        user_id, key = _basic_pair(asked.headers.get("authorization", ""))
        user = self._user(user_id)
        if user is None or user.api_key is None:
            raise Refused(401, _LOGIN_FAILED)
        if not hmac.compare_digest(user.api_key.encode(), key.encode()):
            raise Refused(401, _LOGIN_FAILED)
        return 200, {
            "access_token": self._tokens.issue(user_id, product),
            "token_type": "access_token",
            "expires_in": self._tokens.lifetime,
        }

    def caller(self, asked: Asked, product: str) -> tuple[str, ApiUser]:
        """The API user behind a business call, with its id; or refuse."""
        _check_key(asked, product)
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        user_id = self._tokens.user_of(token, product) if scheme == "Bearer" else None
        user = None if user_id is None else self._user(user_id)
        if user_id is None or user is None:
            raise Refused(401, _LOGIN_FAILED)
        environment = asked.headers.get("x-target-environment")
        # A user made under another product gets a token of this one, and is stopped here.
        if environment != user.environment or user.product not in (None, product):
            raise error("NOT_ALLOWED_TARGET_ENVIRONMENT")
        return user_id, user

    def environment_of(self, user_id: str) -> str:
        """Where an API user who has made a call works."""
        user = self._user(user_id)
        assert user is not None
        return user.environment

    def _provisioned(self, asked: Asked, user_id: str) -> ApiUser:
        product = _product_of_key(asked)
        user = self._user(uuid4(user_id))
        if user is None or user.product != product:
            raise error("RESOURCE_NOT_FOUND")
        return user

    def _user(self, user_id: str) -> ApiUser | None:
        state = self._book.resource(_USERS, user_id)
        return _DEMO_USERS.get(user_id) if state is None else msgspec.convert(state, ApiUser)

    async def _keep(self, user_id: str, user: ApiUser) -> None:
        await self._book.write({_USERS: {user_id: msgspec.to_builtins(user)}})


class _Tokens:
    """JSON Web Tokens with MTN's claims, signed with a key of this process for one product."""

    def __init__(self, lifetime: int) -> None:
        self.lifetime = lifetime
        self._key = secrets.token_bytes(32)

    def issue(self, user_id: str, product: str) -> str:
        session = uuid.uuid4().hex
        claims = {"clientId": user_id, "expires": time() + self.lifetime, "sessionId": session}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
        return f"{signed}.{self._sign(signed, product)}"

    def user_of(self, token: str, product: str) -> str | None:
        """The API user's id, if the token is ours, for that product, and has not expired."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(signed, product).encode()):
            return None
        claims = json.loads(urlsafe_b64decode(signed.partition(".")[2] + "=="))
        user_id: str = claims["clientId"]
        return user_id if time() < claims["expires"] else None

    def _sign(self, signed: str, product: str) -> str:
        return _base64(hmac.digest(self._key, f"{product}.{signed}".encode(), "sha256"))


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _invalid_key() -> Refused:
    return gateway_error(
        401,
        "Access denied due to invalid subscription key. "
        "Make sure to provide a valid key for an active subscription.",
    )


def _product_of_key(asked: Asked) -> str:
    key = asked.headers.get("ocp-apim-subscription-key", "")
    for product, known in SUBSCRIPTION_KEYS.items():
        if hmac.compare_digest(key.encode(), known.encode()):
            return product
    raise _invalid_key()


def _check_key(asked: Asked, product: str) -> None:
    if _product_of_key(asked) != product:
        raise _invalid_key()


def _basic_pair(header: str) -> tuple[str, str]:
    scheme, _, credentials = header.partition(" ")
    try:
        user_id, colon, key = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:  # not base64, or not text inside
        raise Refused(401, _LOGIN_FAILED) from None
    if scheme != "Basic" or not colon:
        raise Refused(401, _LOGIN_FAILED)
    return user_id, key
