"""A sandbox of MTN MoMo, product "collection", that speaks MTN's protocol as MTN answers it.

Protocol: momodeveloper.mtn.com, and what the live sandbox was seen to answer. Accounts, test
numbers and currencies are in `mtn_tables`, with what is official about them and what is ours.

A payer needs `Settings.approval_delay` to answer. Whatever was still waiting when the process died
goes on at the first request after a restart. Tokens do not outlive the process: clients get a 401
and have to renew.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from providers.money import from_decimal_string

from .book import Book
from .control import create_control
from .gateway import Call, Gateway
from .mtn_access import Access
from .mtn_http import Asked, Refused, Reply, answer, decode, error, gateway_error, read, uuid4
from .mtn_payments import Payments, Settings, normalised, read_wish
from .mtn_tables import CURRENCIES, ERRORS, HOLDERS, OUTCOMES
from .requests import RequestLog
from .script import Script

DEFAULT_SETTINGS: Final = Settings()


def create_app(
    book: Book,
    script: Script,
    public_url: str,  # noqa: ARG001 - the kit's signature; MTN shows the payer no page
    settings: Settings = DEFAULT_SETTINGS,
) -> ASGIApp:
    """The sandbox PSP, with the kit's faults and `/control` in front of it."""
    access, payments = Access(book, settings.token_lifetime), Payments(book, settings)
    routes = _routes(access, _Collection(access, payments))

    async def mtn(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        payments.resume()
        asked = await read(scope, receive)
        try:
            reply = await _dispatch(routes, scope["method"], scope["path"], asked)
        except Refused as refused:
            reply = refused.reply
        await answer(send, reply)

    log = RequestLog()
    control = create_control("mtn", OUTCOMES, book, script, log)
    return Gateway(mtn, control, script, log, _describe)


class _Collection:
    """The calls of the product "collection". Paths are below /collection/v1_0."""

    def __init__(self, access: Access, payments: Payments) -> None:
        self._access = access
        self._payments = payments

    async def request_to_pay(self, asked: Asked) -> Reply:
        """POST /requesttopay: 202 and nothing; the payer is prompted."""
        user_id, user = self._access.caller(asked, "collection")
        reference = uuid4(asked.headers.get("x-reference-id", ""))
        if self._payments.get(reference) is not None:
            raise error("RESOURCE_ALREADY_EXIST")
        wish = read_wish(asked.body)
        callback_url = asked.headers.get("x-callback-url")
        if callback_url is not None and _host(callback_url) != user.callback_host:
            raise error("INVALID_CALLBACK_URL_HOST")
        if wish.currency != CURRENCIES[user.environment]:
            raise error("INVALID_CURRENCY")
        await self._payments.prompt(reference, user_id, wish, callback_url, asked.step)
        return 202, None

    async def show_payment(self, asked: Asked, reference: str) -> Reply:
        """GET /requesttopay/{reference}."""
        user_id, _ = self._access.caller(asked, "collection")
        payment = self._payments.get(uuid4(reference))
        if payment is None or payment.user != user_id:
            raise error("RESOURCE_NOT_FOUND")
        return 200, payment.shown()

    async def notify(self, asked: Asked, reference: str) -> Reply:
        """POST /requesttopay/{reference}/deliverynotification: 200 the first time, then 429."""
        user_id, _ = self._access.caller(asked, "collection")
        message = decode(asked.body, dict[str, Any]).get("notificationMessage")
        payment = self._payments.get(uuid4(reference))
        if payment is None or payment.user != user_id:
            raise Refused(400)
        if not isinstance(message, str) or len(message) > 160:
            raise Refused(400)
        if payment.notified:
            raise Refused(429)
        await self._payments.mark_notified(reference, payment)
        return 200, None

    async def show_balance(self, asked: Asked, currency: str | None = None) -> Reply:
        """GET /account/balance[/{currency}]: what this user's payers paid."""
        user_id, user = self._access.caller(asked, "collection")
        own_currency = CURRENCIES[user.environment]
        if currency not in (None, own_currency):
            raise error("INVALID_CURRENCY")
        balance = normalised(self._payments.taken_by(user_id))
        return 200, {"availableBalance": balance, "currency": own_currency}

    async def show_active(self, asked: Asked, kind: str, holder: str) -> Reply:
        """GET /accountholder/{kind}/{holder}/active."""
        self._access.caller(asked, "collection")
        if kind not in HOLDERS:
            raise Refused(400)
        outcome = HOLDERS[kind].get(holder)
        if outcome in ERRORS:
            raise error(outcome)
        return 200, {"result": outcome is None}

    async def show_name(self, asked: Asked, msisdn: str) -> Reply:
        """GET /accountholder/msisdn/{msisdn}/basicuserinfo."""
        self._access.caller(asked, "collection")
        if msisdn in HOLDERS["msisdn"]:
            raise error("RESOURCE_NOT_FOUND")
        return 200, {
            "given_name": "Sand",
            "family_name": "Box",
            "birthdate": "1976-08-13",
            "locale": "sv_SE",
            "gender": "MALE",
            "status": "ACTIVE",
        }


_Routes = list[tuple[str, re.Pattern[str], Callable[..., Awaitable[Reply]]]]


def _routes(access: Access, collection: _Collection) -> _Routes:
    """Method, path and handler. A path is exact: MTN tells /token/ from /token."""
    base = "/collection/v1_0"
    payment = f"{base}/requesttopay/(?P<reference>[^/]+)"
    holder = f"{base}/accountholder"
    table: list[tuple[str, str, Callable[..., Awaitable[Reply]]]] = [
        ("POST", "/v1_0/apiuser", access.create_user),
        ("GET", "/v1_0/apiuser/(?P<user_id>[^/]+)", access.show_user),
        ("POST", "/v1_0/apiuser/(?P<user_id>[^/]+)/apikey", access.create_key),
        ("POST", "/(?P<product>collection|disbursement)/token/", access.create_token),
        ("POST", f"{base}/requesttopay", collection.request_to_pay),
        ("GET", payment, collection.show_payment),
        ("POST", f"{payment}/deliverynotification", collection.notify),
        ("GET", f"{base}/account/balance(/(?P<currency>[^/]+))?", collection.show_balance),
        ("GET", f"{holder}/(?P<kind>[^/]+)/(?P<holder>[^/]+)/active", collection.show_active),
        ("GET", f"{holder}/msisdn/(?P<msisdn>[^/]+)/basicuserinfo", collection.show_name),
    ]
    return [(method, re.compile(path), handle) for method, path, handle in table]


async def _dispatch(routes: _Routes, method: str, path: str, asked: Asked) -> Reply:
    if "//" in path:
        raise Refused(400)
    for verb, pattern, handle in routes:
        match = pattern.fullmatch(path)
        if match is not None and verb == method:
            return await handle(asked, **match.groupdict())
    raise gateway_error(404, "Resource not found")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _describe(method: str, path: str, body: bytes) -> Call:
    """Names for the script: "charge" (request to pay), "look_up", "token", "other"."""
    if path.endswith("/token/"):
        return Call("token")
    if method == "GET" and "/requesttopay/" in path:
        return Call("look_up")
    if method != "POST" or not path.endswith("/requesttopay"):
        return Call("other")
    try:
        wish = read_wish(body)
        amount = from_decimal_string(wish.amount, wish.currency)
    except (Refused, ValueError):
        return Call("charge")
    return Call("charge", wish.payer.party_id, amount)
