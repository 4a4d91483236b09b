"""MTN MoMo, product "collection": an adapter that asks a wallet's owner to pay.

Protocol: the Open API of momodeveloper.mtn.com (Collection, v1_0). What its pages leave open is
settled by what the live service was seen to answer, and said here as "measured".
"""

import asyncio
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from time import monotonic
from typing import Any, Final, TypeVar

import httpx
import msgspec

from .boundary import Answer, Charge, DeclineCode, ForgedCallback, Verdict
from .connection import exchange
from .money import from_decimal_string, to_decimal_string

LIVE_URL: Final = "https://proxy.momoapi.mtn.com"
SANDBOX_URL: Final = "https://sandbox.momodeveloper.mtn.com"


@dataclass(frozen=True, slots=True)
class MtnCredentials:
    """One account of MTN's product "collection"."""

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
class Balance:
    """What a merchant's wallet holds."""

    amount: int  # minor units
    currency: str  # ISO 4217, lower case


# --- Token ----------------------------------------------------------------------------------------

_RENEW_BEFORE_EXPIRY: Final = 60.0  # seconds; a token must not expire on its way to MTN


def build_token(credentials: MtnCredentials) -> httpx.Request:
    """POST /collection/token/. MTN wants the trailing slash, and answers 400 to any body."""
    pair = f"{credentials.api_user}:{credentials.api_key}".encode()
    return httpx.Request(
        "POST",
        f"{credentials.base_url.rstrip('/')}/collection/token/",
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
    body = _decode(reply.content, _TokenBody, strict=False) if reply.status_code == 200 else None
    if body is None or not body.access_token:
        return None
    return Token(body.access_token, now + max(body.expires_in - _RENEW_BEFORE_EXPIRY, 0))


# --- Request to pay -------------------------------------------------------------------------------

_NOTE_LENGTH: Final = 160

# Errors with HTTP status 500 that say the request was refused before anything was created.
_INVALID_CALLBACK: Final = "INVALID_CALLBACK_URL_HOST"
_REFUSALS: Final = {
    _INVALID_CALLBACK,
    "INVALID_CURRENCY",
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
}


def build_request_to_pay(credentials: MtnCredentials, token: str, charge: Charge) -> httpx.Request:
    """POST /collection/v1_0/requesttopay.

    X-Reference-Id is both the id of the resource and the idempotency key: the same reference again
    is answered 409 and the first request stands.
    """
    headers = _headers(credentials, token) | {"X-Reference-Id": charge.reference}
    if charge.callback_url is not None:
        headers["X-Callback-Url"] = charge.callback_url
    note = _plain(charge.description)
    body = {
        "amount": to_decimal_string(charge.amount, charge.currency),
        "currency": charge.currency.upper(),
        "externalId": charge.external_id or charge.reference,
        "payer": {"partyIdType": "MSISDN", "partyId": charge.payer.removeprefix("+")},
        "payerMessage": note,
        "payeeNote": note,
    }
    return httpx.Request("POST", _url(credentials, "requesttopay"), headers=headers, json=body)


def _plain(text: str) -> str:
    """Keep unaccented letters, digits and spaces: an apostrophe alone has cost a 400 (measured)."""
    decomposed = unicodedata.normalize("NFKD", text)
    unaccented = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return re.sub(r"[^A-Za-z0-9]+", " ", unaccented).strip()[:_NOTE_LENGTH].rstrip()


def read_request_to_pay(reply: httpx.Response) -> Answer:
    """202 is the only acceptance; 409 means that an earlier request with this reference stands."""
    evidence = _evidence(reply)
    match reply.status_code:
        case 202 | 409:
            return Answer(Verdict.PENDING, evidence=evidence)
        case 400 | 401 | 403:
            return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=evidence)
        case 429:
            return Answer(Verdict.NOT_SENT, evidence=evidence)
        case 500 if _error_code(reply) in _REFUSALS:
            return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=evidence)
    return Answer(Verdict.UNKNOWN, evidence=evidence)


# --- Status ---------------------------------------------------------------------------------------

# Published reasons and those seen live. INVALID_... is CONFIGURATION; the rest is PROVIDER_ERROR,
# INTERNAL_PROCESSING_ERROR included, although it is how MTN words lack of funds in some countries.
_DECLINES: Final = {
    "NOT_ENOUGH_FUNDS": DeclineCode.INSUFFICIENT_FUNDS,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": DeclineCode.INSUFFICIENT_FUNDS,
    "PAYER_NOT_FOUND": DeclineCode.PAYER_NOT_FOUND,
    "PAYEE_NOT_FOUND": DeclineCode.PAYER_NOT_FOUND,
    "SENDER_ACCOUNT_NOT_ACTIVE": DeclineCode.PAYER_NOT_FOUND,
    "APPROVAL_REJECTED": DeclineCode.PAYER_DECLINED,
    "TRANSACTION_CANCELED": DeclineCode.PAYER_DECLINED,
    "PAYMENT_NOT_APPROVED": DeclineCode.PAYER_DECLINED,
    "EXPIRED": DeclineCode.EXPIRED,
    "COULD_NOT_PERFORM_TRANSACTION": DeclineCode.EXPIRED,  # the payer let five minutes pass
    "PAYER_LIMIT_REACHED": DeclineCode.LIMIT_EXCEEDED,
    "PAYEE_LIMIT_REACHED": DeclineCode.LIMIT_EXCEEDED,
    "AMOUNT_NOT_ALLOWED": DeclineCode.LIMIT_EXCEEDED,
    "NOT_ALLOWED": DeclineCode.CONFIGURATION,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": DeclineCode.CONFIGURATION,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": DeclineCode.CONFIGURATION,
}


class _Reason(msgspec.Struct):
    code: str = ""


class _Status(msgspec.Struct, rename="camel"):
    """A request to pay, as the status call and the callback show it."""

    status: str
    amount: Decimal  # normalised by MTN: "12.50" comes back as "12.5"
    currency: str
    financial_transaction_id: str | int | None = None  # missing while PENDING
    # A bare string on the wire since January 2024, an object in the published schema.
    reason: str | _Reason | None = None

    def decline_code(self) -> DeclineCode:
        reason = self.reason.code if isinstance(self.reason, _Reason) else self.reason or ""
        if reason.startswith("INVALID_"):
            return DeclineCode.CONFIGURATION
        return _DECLINES.get(reason, DeclineCode.PROVIDER_ERROR)

    def is_about(self, charge: Charge) -> bool:
        """Whether it speaks of the same money; amounts are compared as numbers, not as text."""
        amount = _minor_units(self.amount, charge.currency)
        return amount == charge.amount and self.currency.lower() == charge.currency


def build_status(credentials: MtnCredentials, token: str, reference: str) -> httpx.Request:
    """GET /collection/v1_0/requesttopay/{reference}."""
    return httpx.Request(
        "GET",
        _url(credentials, f"requesttopay/{reference}"),
        headers=_headers(credentials, token),
    )


def read_status(reply: httpx.Response, charge: Charge) -> Answer:
    """Only SUCCESSFUL and FAILED are final; CREATED, PENDING and words of tomorrow are PENDING.

    A 404 is believed when MTN itself says RESOURCE_NOT_FOUND. A gateway's or proxy's 404 proves
    nothing, and charging again on the strength of it would take the money twice.
    """
    evidence = _evidence(reply)
    if reply.status_code == 404 and _error_code(reply) == "RESOURCE_NOT_FOUND":
        return Answer(Verdict.NOT_SENT, evidence=evidence)
    body = _decode(reply.content, _Status) if reply.status_code == 200 else None
    if body is None or not body.is_about(charge):
        return Answer(Verdict.UNKNOWN, evidence=evidence)
    reference = str(body.financial_transaction_id) if body.financial_transaction_id else None
    match body.status:
        case "SUCCESSFUL":
            return Answer(Verdict.SUCCEEDED, reference, evidence=evidence)
        case "FAILED":
            return Answer(Verdict.DECLINED, reference, body.decline_code(), evidence=evidence)
    return Answer(Verdict.PENDING, reference, evidence=evidence)


# --- Account holders and balance ------------------------------------------------------------------


def build_active(credentials: MtnCredentials, token: str, msisdn: str) -> httpx.Request:
    """GET /collection/v1_0/accountholder/msisdn/{digits}/active; `msisdn` is E.164."""
    path = f"accountholder/msisdn/{msisdn.removeprefix('+')}/active"
    return httpx.Request("GET", _url(credentials, path), headers=_headers(credentials, token))


class _ActiveBody(msgspec.Struct):
    result: bool


def read_active(reply: httpx.Response) -> bool | None:
    """Whether the number has a wallet; None when MTN did not say."""
    if reply.status_code == 404 and _error_code(reply) == "RESOURCE_NOT_FOUND":
        return False
    body = _decode(reply.content, _ActiveBody) if reply.status_code == 200 else None
    return None if body is None else body.result


def build_name(credentials: MtnCredentials, token: str, msisdn: str) -> httpx.Request:
    """GET /collection/v1_0/accountholder/msisdn/{digits}/basicuserinfo; `msisdn` is E.164."""
    path = f"accountholder/msisdn/{msisdn.removeprefix('+')}/basicuserinfo"
    return httpx.Request("GET", _url(credentials, path), headers=_headers(credentials, token))


class _NameBody(msgspec.Struct):
    given_name: str = ""
    family_name: str = ""
    name: str = ""


def read_name(reply: httpx.Response) -> str | None:
    """The holder's full name; None when MTN gave none."""
    body = _decode(reply.content, _NameBody) if reply.status_code == 200 else None
    if body is None:
        return None
    return body.name or f"{body.given_name} {body.family_name}".strip() or None


def build_balance(credentials: MtnCredentials, token: str) -> httpx.Request:
    """GET /collection/v1_0/account/balance."""
    return httpx.Request(
        "GET", _url(credentials, "account/balance"), headers=_headers(credentials, token)
    )


class _BalanceBody(msgspec.Struct, rename="camel"):
    available_balance: Decimal
    currency: str


def read_balance(reply: httpx.Response) -> Balance | None:
    """The merchant's wallet; None when MTN did not say."""
    body = _decode(reply.content, _BalanceBody) if reply.status_code == 200 else None
    if body is None:
        return None
    currency = body.currency.lower()
    amount = _minor_units(body.available_balance, currency)
    return None if amount is None else Balance(amount, currency)


# --- What every call shares -----------------------------------------------------------------------


_Shape = TypeVar("_Shape")


def _url(credentials: MtnCredentials, path: str) -> str:
    return f"{credentials.base_url.rstrip('/')}/collection/v1_0/{path}"


def _headers(credentials: MtnCredentials, token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Ocp-Apim-Subscription-Key": credentials.subscription_key,
        "X-Target-Environment": credentials.target_environment,
    }


def _decode(content: bytes, type: type[_Shape], *, strict: bool = True) -> _Shape | None:
    """Read JSON of that shape; None when it is anything else."""
    try:
        return msgspec.json.decode(content, type=type, strict=strict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _minor_units(amount: Decimal, currency: str) -> int | None:
    """None for what is no amount of that currency: NaN, "12.5" XAF."""
    try:
        return from_decimal_string(str(amount), currency)
    except ValueError:
        return None


class _ErrorBody(msgspec.Struct):
    code: str = ""


def _error_code(reply: httpx.Response) -> str:
    body = _decode(reply.content, _ErrorBody)
    return "" if body is None else body.code


_LONGEST_EVIDENCE: Final = 4000  # bytes; what MTN says fits, a proxy's error page need not


def _evidence(reply: httpx.Response) -> dict[str, Any]:
    """The reply to a business call; such bodies hold no secret, unlike those of the token call."""
    short = len(reply.content) <= _LONGEST_EVIDENCE
    body = _decode(reply.content, dict[str, Any]) if short else None
    return {
        "http_status": reply.status_code,
        "body": reply.text[:_LONGEST_EVIDENCE] if body is None else body,
    }


# --- The adapter ----------------------------------------------------------------------------------


class MtnCollection:
    """Takes money from MTN MoMo wallets: the engine's `Provider`, and what else MTN can tell.

    Keep one per account: it holds that account's token. `client` decides time-outs (MTN accepts in
    under 2 s as a rule; 20 s to read and 5 s to connect suit it) and the connection pool.
    """

    name = "mtn"

    def __init__(self, credentials: MtnCredentials, client: httpx.AsyncClient) -> None:
        self._credentials = credentials
        self._client = client
        self._token: Token | None = None
        self._renewal: asyncio.Task[Token | Answer] | None = None

    def __repr__(self) -> str:
        return f"MtnCollection({self._credentials!r})"

    async def charge(self, charge: Charge) -> Answer:
        """Ask the payer to approve; PENDING when MTN took the request.

        MTN cannot hold an amount: a charge to be captured later is NOT_SENT.
        """
        if not charge.capture:
            return Answer(Verdict.NOT_SENT, evidence={"error": "MTN MoMo has no manual capture."})
        reply = await self._request_to_pay(charge)
        if isinstance(reply, httpx.Response) and _error_code(reply) == _INVALID_CALLBACK:
            # Safe to repeat, because nothing was created; and a callback is dispensable.
            reply = await self._request_to_pay(replace(charge, callback_url=None))
        return reply if isinstance(reply, Answer) else read_request_to_pay(reply)

    async def look_up(self, charge: Charge) -> Answer:
        """Read the request's status; whatever prevents reading it is UNKNOWN, not NOT_SENT."""
        reply = await self._call(
            lambda token: build_status(self._credentials, token, charge.reference)
        )
        if isinstance(reply, Answer):
            # A question that was not sent is no answer, least of all "never seen".
            return Answer(Verdict.UNKNOWN, evidence=reply.evidence)
        return read_status(reply, charge)

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature; MTN signs nothing
        body: bytes,
    ) -> str | None:
        """Check the form of a callback; always None, as its body never holds our reference.

        MTN sends the JSON of the status call, by POST or by PUT, with no signature. Put the
        reference into the path of the callback URL. Raises ForgedCallback.
        """
        if _decode(body, _Status) is None:
            raise ForgedCallback("An MTN callback is a JSON object with status, amount, currency.")
        return None

    async def active(self, msisdn: str) -> bool | None:
        """Whether this E.164 number has a wallet; None when MTN did not say."""
        reply = await self._call(lambda token: build_active(self._credentials, token, msisdn))
        return None if isinstance(reply, Answer) else read_active(reply)

    async def name_of(self, msisdn: str) -> str | None:
        """The name of the wallet's holder; None when MTN did not say."""
        reply = await self._call(lambda token: build_name(self._credentials, token, msisdn))
        return None if isinstance(reply, Answer) else read_name(reply)

    async def balance(self) -> Balance | None:
        """What the merchant's wallet holds; None when MTN did not say."""
        reply = await self._call(lambda token: build_balance(self._credentials, token))
        return None if isinstance(reply, Answer) else read_balance(reply)

    async def _request_to_pay(self, charge: Charge) -> httpx.Response | Answer:
        return await self._call(
            lambda token: build_request_to_pay(self._credentials, token, charge)
        )

    async def _call(self, build: Callable[[str], httpx.Request]) -> httpx.Response | Answer:
        """Send a business call with a bearer token, renewed once if MTN refuses it.

        The repeat is safe: a 401 creates nothing, and X-Reference-Id would stop a second request.
        """
        token = await self._bearer()
        if isinstance(token, Answer):
            return token
        reply = await exchange(self._client, build(token.value))
        if isinstance(reply, Answer) or reply.status_code != 401:
            return reply
        token = await self._bearer(refused=token)
        if isinstance(token, Answer):
            return token
        return await exchange(self._client, build(token.value))

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
        """Fetch a token. Without one no charge was sent, however the fetch failed."""
        try:
            reply = await exchange(self._client, build_token(self._credentials))
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
