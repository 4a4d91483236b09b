"""What the products of MTN MoMo have in common: access, the account there, and its people.

Protocol: the Open API of momodeveloper.mtn.com, v1_0. What its pages leave open is settled by what
the live service was seen to answer, and said here as "measured". Each product ("collection" takes
money, "disbursement" sends it) has a subscription key and tokens of its own; in production one API
user serves both.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import httpx
import msgspec

from .bearer import Bearer, Token, asked, checked
from .boundary import (
    Answer,
    Balance,
    Capabilities,
    DeclineCode,
    Flow,
    ForgedCallback,
    Verdict,
    Wallet,
)
from .mtn_replies import Status, decode, error_code, minor_units

LIVE_URL: Final = "https://proxy.momoapi.mtn.com"
SANDBOX_URL: Final = "https://sandbox.momodeveloper.mtn.com"


# Country and currency of each target environment. That the others work in their country's currency,
# as "sandbox" (EUR) and "mtncameroon" (XAF) do, is our assumption.
ENVIRONMENTS: Final = {
    "sandbox": (None, "eur"),
    "mtncameroon": ("CM", "xaf"),
    "mtnuganda": ("UG", "ugx"),
    "mtnghana": ("GH", "ghs"),
    "mtnivorycoast": ("CI", "xof"),
    "mtnzambia": ("ZM", "zmw"),
    "mtnbenin": ("BJ", "xof"),
    "mtncongo": ("CG", "xaf"),
    "mtnswaziland": ("SZ", "szl"),
    "mtnguineaconakry": ("GN", "gnf"),
    "mtnsouthafrica": ("ZA", "zar"),
    "mtnliberia": ("LR", "lrd"),
    "mtnsouthsudan": ("SS", "ssp"),
    "mtnnigeria": ("NG", "ngn"),
    "mtnrwanda": ("RW", "rwf"),
}


def mtn_capabilities(environment: str | None) -> Capabilities:
    """What an account in a target environment can take; with None, what all of them can.

    Limits follow the wallet's own class and are not published. An environment we do not know takes
    nothing.
    """
    served = list(ENVIRONMENTS.values())
    if environment is not None:
        served = [ENVIRONMENTS[environment]] if environment in ENVIRONMENTS else []
    return Capabilities(
        methods=frozenset({"mobile_money"}),
        flow=Flow.PUSH,
        currencies=frozenset(currency for _, currency in served),
        networks=frozenset({"mtn"}),
        countries=frozenset(country for country, _ in served if country),
    )


@dataclass(frozen=True, slots=True)
class MtnCredentials:
    """One account of one of MTN's products."""

    subscription_key: str = field(repr=False)  # primary or secondary key of the product
    api_user: str  # a UUID version 4
    api_key: str = field(repr=False)
    target_environment: str  # "sandbox", "mtncameroon", "mtnbenin"...
    base_url: str = LIVE_URL


@dataclass(frozen=True, slots=True)
class Access:
    """What every business call begins with."""

    credentials: MtnCredentials
    product: str  # "collection", "disbursement"
    token: str = field(repr=False)

    def get(self, path: str, version: str = "v1_0") -> httpx.Request:
        """GET /{product}/{version}/{path}."""
        return httpx.Request("GET", self._url(path, version), headers=self._headers())

    def delete(self, path: str) -> httpx.Request:
        """DELETE /{product}/v1_0/{path}."""
        return httpx.Request("DELETE", self._url(path), headers=self._headers())

    def create(
        self,
        path: str,
        reference: str,
        callback_url: str | None,
        body: Mapping[str, object],
        version: str = "v1_0",
    ) -> httpx.Request:
        """POST /{product}/{version}/{path}, which makes the resource {path}/{reference}.

        X-Reference-Id is both the id of the resource and the idempotency key: the same reference
        again is answered 409 and the first request stands.
        """
        headers = self._headers() | {"X-Reference-Id": reference}
        if callback_url is not None:
            headers["X-Callback-Url"] = callback_url
        return httpx.Request("POST", self._url(path, version), headers=headers, json=body)

    def _url(self, path: str, version: str = "v1_0") -> str:
        return f"{self.credentials.base_url.rstrip('/')}/{self.product}/{version}/{path}"

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Ocp-Apim-Subscription-Key": self.credentials.subscription_key,
            "X-Target-Environment": self.credentials.target_environment,
        }


# --- Token ----------------------------------------------------------------------------------------


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


def read_token(reply: httpx.Response) -> Token | None:
    """The token, or None when MTN gave none.

    `token_type` is ignored: it is "access_token" on the wire, whatever the standard says.
    """
    body = decode(reply.content, _TokenBody, strict=False) if reply.status_code == 200 else None
    if body is None or not body.access_token:
        return None
    return Token.living(body.access_token, body.expires_in)


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
        self._bearer = Bearer(client, lambda: build_token(credentials, self.product), read_token)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._credentials!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What this account's target environment takes."""
        return mtn_capabilities(self._credentials.target_environment)

    async def check_credentials(self) -> Answer:
        """Ask for the balance, which needs the product's key, its user and the environment."""
        reply = await self._call(build_balance)
        if not isinstance(reply, Answer) and error_code(reply) == "NOT_ALLOWED_TARGET_ENVIRONMENT":
            return Answer(
                Verdict.DECLINED,
                decline_code=DeclineCode.CONFIGURATION,
                evidence={"code": error_code(reply)},
            )
        accepted = not isinstance(reply, Answer) and read_balance(reply) is not None
        return checked(reply, accepted=accepted)

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

    async def wallet(self, msisdn: str) -> Wallet | None:
        """Whether this E.164 number has a wallet, and whose; None when MTN did not say."""
        reply = await self._call(lambda access: build_active(access, msisdn))
        active = None if isinstance(reply, Answer) else read_active(reply)
        if not active:
            return None if active is None else Wallet(active=False)
        reply = await self._call(lambda access: build_name(access, msisdn))
        return Wallet(active=True, holder=None if isinstance(reply, Answer) else read_name(reply))

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
        return asked(await self._call(build))

    async def _call(self, build: Callable[[Access], httpx.Request]) -> httpx.Response | Answer:
        """Send a business call. A repeat after a 401 is safe: it creates nothing, and
        X-Reference-Id would stop a second request."""
        return await self._bearer.send(
            lambda token: build(Access(self._credentials, self.product, token))
        )
