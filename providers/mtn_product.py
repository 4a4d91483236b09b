"""What the products of MTN MoMo have in common: access, the account there, and its people.

Protocol: the Open API of momodeveloper.mtn.com, v1_0. What its pages leave open is settled by what
the live service was seen to answer, and said here as "measured". Each product ("collection" takes
money, "disbursement" sends it) has a subscription key and tokens of its own; in production one API
user serves both.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic
from typing import Final

import httpx
import msgspec

from .boundary import Answer, Balance, ForgedCallback, Verdict
from .connection import exchange
from .mtn_replies import Status, decode, error_code, minor_units

LIVE_URL: Final = "https://proxy.momoapi.mtn.com"
SANDBOX_URL: Final = "https://sandbox.momodeveloper.mtn.com"


@dataclass(frozen=True, slots=True)
class MtnCredentials:
    """One account of one of MTN's products."""

    subscription_key: str = field(repr=False)  # primary or secondary key of the product
    api_user: str  # a UUID version 4
    api_key: str = field(repr=False)
    target_environment: str  # "sandbox", "mtncameroon", "mtnbenin"...
    base_url: str = LIVE_URL


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the moment of this machine's monotonic clock to replace it at."""

    value: str = field(repr=False)
    renew_at: float


@dataclass(frozen=True, slots=True)
class Access:
    """What every business call begins with."""

    credentials: MtnCredentials
    product: str  # "collection", "disbursement"
    token: str = field(repr=False)

    def get(self, path: str) -> httpx.Request:
        """GET /{product}/v1_0/{path}."""
        return httpx.Request("GET", self._url(path), headers=self._headers())

    def create(
        self, path: str, reference: str, callback_url: str | None, body: Mapping[str, object]
    ) -> httpx.Request:
        """POST /{product}/v1_0/{path}, which makes the resource {path}/{reference}.

        X-Reference-Id is both the id of the resource and the idempotency key: the same reference
        again is answered 409 and the first request stands.
        """
        headers = self._headers() | {"X-Reference-Id": reference}
        if callback_url is not None:
            headers["X-Callback-Url"] = callback_url
        return httpx.Request("POST", self._url(path), headers=headers, json=body)

    def _url(self, path: str) -> str:
        return f"{self.credentials.base_url.rstrip('/')}/{self.product}/v1_0/{path}"

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Ocp-Apim-Subscription-Key": self.credentials.subscription_key,
            "X-Target-Environment": self.credentials.target_environment,
        }


# --- Token ----------------------------------------------------------------------------------------

_RENEW_BEFORE_EXPIRY: Final = 60.0  # seconds; a token must not expire on its way to MTN


def build_token(credentials: MtnCredentials, product: str) -> httpx.Request:
    """POST /{product}/token/. MTN wants the trailing slash, and answers 400 to any body."""
    pair = f"{credentials.api_user}:{credentials.api_key}".encode()
    return httpx.Request(
        "POST",
        f"{credentials.base_url.rstrip('/')}/{product}/token/",
        headers={
            "Authorization": f"Basic {b64encode(pair).decode()}",
            "Ocp-Apim-Subscription-Key": credentials.subscription_key,
        },
    )


class _TokenBody(msgspec.Struct):
    access_token: str
    expires_in: float  # seconds


def read_token(reply: httpx.Response, now: float) -> Token | None:
    """The token, or None when MTN gave none. `now` is `time.monotonic()`.

    `token_type` is ignored: it is "access_token" on the wire, whatever the standard says.
    """
    body = decode(reply.content, _TokenBody, strict=False) if reply.status_code == 200 else None
    if body is None or not body.access_token:
        return None
    return Token(body.access_token, now + max(body.expires_in - _RENEW_BEFORE_EXPIRY, 0))


# --- Account holders and balance ------------------------------------------------------------------


def build_active(access: Access, msisdn: str) -> httpx.Request:
    """GET accountholder/msisdn/{digits}/active; `msisdn` is E.164."""
    return access.get(f"accountholder/msisdn/{msisdn.removeprefix('+')}/active")


class _ActiveBody(msgspec.Struct):
    result: bool


def read_active(reply: httpx.Response) -> bool | None:
    """Whether the number has a wallet; None when MTN did not say."""
    if reply.status_code == 404 and error_code(reply) == "RESOURCE_NOT_FOUND":
        return False
    body = decode(reply.content, _ActiveBody) if reply.status_code == 200 else None
    return None if body is None else body.result


def build_name(access: Access, msisdn: str) -> httpx.Request:
    """GET accountholder/msisdn/{digits}/basicuserinfo; `msisdn` is E.164."""
    return access.get(f"accountholder/msisdn/{msisdn.removeprefix('+')}/basicuserinfo")


class _NameBody(msgspec.Struct):
    given_name: str = ""
    family_name: str = ""
    name: str = ""


def read_name(reply: httpx.Response) -> str | None:
    """The holder's full name; None when MTN gave none."""
    body = decode(reply.content, _NameBody) if reply.status_code == 200 else None
    if body is None:
        return None
    return body.name or f"{body.given_name} {body.family_name}".strip() or None


def build_balance(access: Access) -> httpx.Request:
    """GET account/balance."""
    return access.get("account/balance")


class _BalanceBody(msgspec.Struct, rename="camel"):
    available_balance: Decimal
    currency: str


def read_balance(reply: httpx.Response) -> Balance | None:
    """What our account holds; None when MTN did not say."""
    body = decode(reply.content, _BalanceBody) if reply.status_code == 200 else None
    if body is None:
        return None
    currency = body.currency.lower()
    amount = minor_units(body.available_balance, currency)
    return None if amount is None else Balance(amount, currency)


# --- The adapters' common part --------------------------------------------------------------------


class MtnProduct:
    """An account of one product: its token, its calls, and what every product can tell.

    Keep one per account: it holds that account's token. `client` decides time-outs (MTN accepts in
    under 2 s as a rule; 20 s to read and 5 s to connect suit it) and the connection pool.
    """

    name = "mtn"
    product: str  # of which a subclass is the adapter

    def __init__(self, credentials: MtnCredentials, client: httpx.AsyncClient) -> None:
        self._credentials = credentials
        self._client = client
        self._token: Token | None = None
        self._renewal: asyncio.Task[Token | Answer] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._credentials!r})"

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature; MTN signs nothing
        body: bytes,
    ) -> str | None:
        """Check the form of a callback; always None, as its body never holds our reference.

        MTN sends the JSON of the status call, by POST or by PUT, with no signature. Put the
        reference into the path of the callback URL. Raises ForgedCallback.
        """
        if decode(body, Status) is None:
            raise ForgedCallback("An MTN callback is a JSON object with status, amount, currency.")
        return None

    async def active(self, msisdn: str) -> bool | None:
        """Whether this E.164 number has a wallet; None when MTN did not say."""
        reply = await self._call(lambda access: build_active(access, msisdn))
        return None if isinstance(reply, Answer) else read_active(reply)

    async def name_of(self, msisdn: str) -> str | None:
        """The name of the wallet's holder; None when MTN did not say."""
        reply = await self._call(lambda access: build_name(access, msisdn))
        return None if isinstance(reply, Answer) else read_name(reply)

    async def balance(self) -> Balance | None:
        """What our account holds, the same for every product (measured); None if MTN is silent."""
        reply = await self._call(build_balance)
        return None if isinstance(reply, Answer) else read_balance(reply)

    async def _create(
        self, build: Callable[[Access, str | None], httpx.Request], callback_url: str | None
    ) -> httpx.Response | Answer:
        """Send a call that moves money; without its callback if MTN refuses the address.

        Safe to repeat, because nothing was created; and a callback is dispensable.
        """
        reply = await self._call(lambda access: build(access, callback_url))
        if isinstance(reply, Answer) or error_code(reply) != "INVALID_CALLBACK_URL_HOST":
            return reply
        return await self._call(lambda access: build(access, None))

    async def _ask(self, build: Callable[[Access], httpx.Request]) -> httpx.Response | Answer:
        """Send a question about money; UNKNOWN when it brought no reply."""
        reply = await self._call(build)
        if isinstance(reply, Answer):
            # A question that was not sent is no answer, least of all "never seen".
            return Answer(Verdict.UNKNOWN, evidence=reply.evidence)
        return reply

    async def _call(self, build: Callable[[Access], httpx.Request]) -> httpx.Response | Answer:
        """Send a business call with a bearer token, renewed once if MTN refuses it.

        The repeat is safe: a 401 creates nothing, and X-Reference-Id would stop a second request.
        """
        token = await self._bearer()
        if isinstance(token, Answer):
            return token
        reply = await exchange(self._client, build(self._access(token)))
        if isinstance(reply, Answer) or reply.status_code != 401:
            return reply
        token = await self._bearer(refused=token)
        if isinstance(token, Answer):
            return token
        return await exchange(self._client, build(self._access(token)))

    def _access(self, token: Token) -> Access:
        return Access(self._credentials, self.product, token.value)

    async def _bearer(self, refused: Token | None = None) -> Token | Answer:
        """The current token; concurrent calls share one renewal, and its failure."""
        token = self._token
        if token is not None and token != refused and monotonic() < token.renew_at:
            return token
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
        # Shielded: a caller who gives up must not take the token away from the others.
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> Token | Answer:
        """Fetch a token. Without one nothing was sent, however the fetch failed."""
        try:
            reply = await exchange(self._client, build_token(self._credentials, self.product))
        finally:
            self._renewal = None
        if isinstance(reply, Answer):
            return Answer(Verdict.NOT_SENT, evidence={"call": "token", **reply.evidence})
        token = read_token(reply, monotonic())
        if token is None:
            # The body is left out: a reply that we misread may hold a token.
            evidence = {"call": "token", "http_status": reply.status_code}
            return Answer(Verdict.NOT_SENT, evidence=evidence)
        self._token = token
        return token
