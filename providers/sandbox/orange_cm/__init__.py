"""A sandbox of Orange Money Cameroon, "omcoreapis" 1.0.2, which has none of its own.

It collects from subscribers (mp), sends them money (cashin) and says whose wallet a number is, from
and to the number of one demo merchant. The protocol is that of `providers.orange_cm_calls` and its
sources; the merchant, the test numbers and what is ours about them are in `tables`. Cash-outs are
left out: of their bodies nothing is known.

The script's operations are `charge` (mp/pay) and `transfer` (cashin/pay), which use a payToken from
`init` and `init_transfer`; their questions `look_up` and `look_up_transfer`; `push`, `wallet`,
`token`, `other`.

A subscriber needs `Settings.approval_delay` to answer. Whoever was still being waited for when the
process died is waited for again from the first request after a restart. Callbacks are sent once,
unsigned, when a payment ends; a cash-in has none, as its answer is final. Access tokens do not
outlive the process: clients get a 401 and have to renew.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script

from .access import Access
from .calls import Calls
from .records import Wish
from .tables import OUTCOMES
from .transactions import Settings, Transactions
from .wire import Asked, Fault, Refused, Reply, answer, read

__all__ = ["Settings", "create_app"]

DEFAULT_SETTINGS: Final = Settings()


def create_app(
    book: Book,
    script: Script,
    public_url: str,  # noqa: ARG001 - the kit's signature; Orange shows the subscriber no page
    settings: Settings = DEFAULT_SETTINGS,
) -> ASGIApp:
    """The sandbox PSP, with the kit's faults and `/control` in front of it."""
    access = Access(settings.token_lifetime)
    transactions = Transactions(book, settings)
    routes = _routes(access, Calls(access, transactions, settings))

    async def orange_cm(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        transactions.resume()
        asked = await read(scope, receive)
        try:
            reply = await _dispatch(routes, scope["method"], scope["path"], asked)
        except Refused as refused:
            reply = refused.reply
        await answer(send, asked, reply)

    log = RequestLog()
    control = create_control("orange_cm", OUTCOMES, book, script, log)
    return Gateway(orange_cm, control, script, log, _describe)


_Routes = list[tuple[str, re.Pattern[str], Callable[..., Awaitable[Reply]]]]


def _routes(access: Access, calls: Calls) -> _Routes:
    """Method, path and handler."""
    base = "/omcoreapis/1[.]0[.]2"
    product = f"{base}/(?P<kind>mp|cashin)"
    of_one = "(?P<pay_token>[^/]+)"
    table: list[tuple[str, str, Callable[..., Awaitable[Reply]]]] = [
        ("POST", "/token", access.create_token),
        ("POST", f"{product}/init", calls.init),
        ("POST", f"{product}/pay", calls.pay),
        ("GET", f"{product}/paymentstatus/{of_one}", calls.show),
        ("GET", f"{base}/mp/push/{of_one}", calls.push),
        ("POST", f"{base}/infos/subscriber/customer/(?P<msisdn>[^/]+)", calls.show_subscriber),
    ]
    return [(method, re.compile(path), handle) for method, path, handle in table]


async def _dispatch(routes: _Routes, method: str, path: str, asked: Asked) -> Reply:
    for verb, pattern, handle in routes:
        match = pattern.fullmatch(path)
        if match is not None and verb == method:
            return await handle(asked, **match.groupdict())
    raise Refused(
        404, Fault(900906, "No matching resource found in the API for the given request", path)
    )


_OPERATIONS: Final = {
    ("mp", "init"): "init",
    ("mp", "pay"): "charge",
    ("mp", "paymentstatus"): "look_up",
    ("mp", "push"): "push",
    ("cashin", "init"): "init_transfer",
    ("cashin", "pay"): "transfer",
    ("cashin", "paymentstatus"): "look_up_transfer",
    ("infos", "subscriber"): "wallet",
}


def _describe(method: str, path: str, body: bytes) -> Call:  # noqa: ARG001 - the kit's signature
    """The call in the words of the script."""
    if path == "/token":
        return Call("token")
    segments = [*path.split("/")[3:5], "", ""]
    operation = _OPERATIONS.get((segments[0], segments[1]), "other")
    if segments[1] != "pay":
        return Call(operation)
    try:
        wish = msgspec.json.decode(body, type=Wish)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Call(operation)
    return Call(operation, wish.subscriber_msisdn, int(wish.amount))
