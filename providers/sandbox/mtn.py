"""A sandbox of MTN MoMo that speaks MTN's protocol as MTN answers it.

Products: "collection" takes money, "disbursement" sends it and gives it back, both from and to one
wallet per target environment. Protocol: momodeveloper.mtn.com, and what the live sandbox was seen
to answer. Accounts, test numbers and currencies are in `mtn_tables`, with what is official about
them and what is ours.

The script's operations are `charge` (a request to pay), `transfer`, `deposit` and `refund`; their
questions `look_up`, `look_up_transfer`, `look_up_deposit` and `look_up_refund`; `preapproval` (the
question to a payer), `look_up_preapproval`, `list_preapprovals`, `cancel_preapproval`; `token`,
`other`.

A payer needs `Settings.approval_delay` to answer. Whatever was still waiting when the process died
goes on at the first request after a restart. Tokens do not outlive the process: clients get a 401
and have to renew.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from providers.money import from_decimal_string

from .book import Book
from .control import create_control
from .gateway import Call, Gateway
from .mtn_access import Access
from .mtn_bodies import KINDS, read_wish
from .mtn_calls import Calls
from .mtn_http import Asked, Refused, Reply, answer, gateway_error, read
from .mtn_preapprovals import PreApprovals, read_preapproval
from .mtn_tables import OUTCOMES
from .mtn_transactions import Settings, Transactions
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
    access = Access(book, settings.token_lifetime)
    transactions = Transactions(book, settings, access.environment_of)
    preapprovals = PreApprovals(book, settings)
    routes = _routes(access, Calls(access, transactions, preapprovals))

    async def mtn(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        transactions.resume()
        preapprovals.resume()
        asked = await read(scope, receive)
        try:
            reply = await _dispatch(routes, scope["method"], scope["path"], asked)
        except Refused as refused:
            reply = refused.reply
        await answer(send, reply)

    log = RequestLog()
    control = create_control("mtn", OUTCOMES, book, script, log)
    return Gateway(mtn, control, script, log, _describe)


_Routes = list[tuple[str, re.Pattern[str], Callable[..., Awaitable[Reply]]]]


def _routes(access: Access, calls: Calls) -> _Routes:
    """Method, path and handler. A path is exact: MTN tells /token/ from /token.

    There is no v2_0 of a transfer, and every status is read in v1_0.
    """
    product = "/(?P<product>collection|disbursement)"
    collected = "/(?P<product>collection)/v1_0/(?P<kind>requesttopay)"
    disbursed = "/(?P<product>disbursement)/v1_0/(?P<kind>transfer|deposit|refund)"
    disbursed_v2 = "/(?P<product>disbursement)/v2_0/(?P<kind>deposit|refund)"
    reference = "(?P<reference>[^/]+)"
    notification = f"/collection/v1_0/requesttopay/{reference}/deliverynotification"
    balance = f"{product}/v1_0/account/balance(/(?P<currency>[^/]+))?"
    holder = f"{product}/v1_0/accountholder"
    table: list[tuple[str, str, Callable[..., Awaitable[Reply]]]] = [
        ("POST", "/v1_0/apiuser", access.create_user),
        ("GET", "/v1_0/apiuser/(?P<user_id>[^/]+)", access.show_user),
        ("POST", "/v1_0/apiuser/(?P<user_id>[^/]+)/apikey", access.create_key),
        ("POST", f"{product}/token/", access.create_token),
        ("POST", collected, calls.create),
        ("POST", disbursed, calls.create),
        ("POST", disbursed_v2, calls.create),
        ("GET", f"{collected}/{reference}", calls.show),
        ("GET", f"{disbursed}/{reference}", calls.show),
        ("POST", notification, calls.notify),
        ("POST", "/collection/v2_0/preapproval", calls.preapprove),
        ("GET", f"/collection/v2_0/preapproval/{reference}", calls.show_preapproval),
        ("DELETE", f"/collection/v1_0/preapproval/{reference}", calls.cancel_preapproval),
        ("GET", "/collection/v1_0/preapprovals/msisdn/(?P<msisdn>[^/]+)", calls.list_preapprovals),
        ("GET", balance, calls.show_balance),
        ("GET", f"{holder}/(?P<kind>[^/]+)/(?P<holder>[^/]+)/active", calls.show_active),
        ("GET", f"{holder}/msisdn/(?P<msisdn>[^/]+)/basicuserinfo", calls.show_name),
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


def _describe(method: str, path: str, body: bytes) -> Call:
    """The call in the words of the script."""
    if path.endswith("/token/"):
        return Call("token")
    segments = path.split("/")
    if segments[3:4] in (["preapproval"], ["preapprovals"]):
        return _describe_preapproval(method, segments[3], body)
    kind = next((segment for segment in segments[3:] if segment in KINDS), None)
    if kind is None or "deliverynotification" in segments:
        return Call("other")
    if method == "GET":
        return Call("look_up" if kind == "requesttopay" else f"look_up_{kind}")
    operation = "charge" if kind == "requesttopay" else kind
    try:
        wish = read_wish(kind, body)
        amount = from_decimal_string(wish.amount, wish.currency)
    except (Refused, ValueError):
        return Call(operation)
    party = wish.payer or wish.payee
    return Call(operation, party.party_id if party else None, amount)


def _describe_preapproval(method: str, noun: str, body: bytes) -> Call:
    if method == "POST":
        try:
            return Call("preapproval", read_preapproval(body).payer.party_id)
        except Refused:
            return Call("preapproval")
    if noun == "preapprovals":
        return Call("list_preapprovals")
    return Call("cancel_preapproval" if method == "DELETE" else "look_up_preapproval")
