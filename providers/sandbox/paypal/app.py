"""The PayPal sandbox as an ASGI app: its API, its page for payers, and the kit in front of it."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import HttpMethod, Litestar, Request, Response, get, post, route
from litestar.params import FromQuery
from litestar.response import Redirect
from litestar.types import ASGIApp

from providers.money import from_decimal_string
from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script

from .pages import checkout_page, return_address
from .psp import PayPalSandbox, Settings
from .tables import CHOICES, OUTCOMES

DEFAULT_SETTINGS: Final = Settings()


def create_app(
    book: Book, script: Script, public_url: str, settings: Settings = DEFAULT_SETTINGS
) -> ASGIApp:
    """The sandbox PSP, with the kit's faults and `/control` in front of it."""
    psp = PayPalSandbox(book, f"{public_url}/paypal", settings)

    @route(
        ["/v1/{path:path}", "/v2/{path:path}"],
        http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.DELETE],
        status_code=200,
    )
    async def api(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await psp.serve(request)

    @get("/checkoutnow", media_type="text/html")
    async def show(token: FromQuery[str] = "") -> Response[str]:
        order = psp.operations.order(token)
        if order is None:
            return Response("No such order. / Commande inconnue.", status_code=404)
        return Response(checkout_page(order))

    @post("/checkoutnow", media_type="text/html", status_code=200)
    async def press(request: Request[Any, Any, Any], token: FromQuery[str] = "") -> Response[Any]:
        choice = dict(parse_qsl((await request.body()).decode("utf-8", "replace"))).get("choice")
        order = psp.operations.order(token)
        if order is None or choice not in CHOICES:
            return Response("No such order. / Commande inconnue.", status_code=404)
        order = await psp.press(order, choice)
        back = return_address(order, choice)
        return Redirect(back, status_code=303) if back else Response(checkout_page(order))

    app = Litestar([api, show, press], openapi_config=None, logging_config=None)
    log = RequestLog()
    control = create_control("paypal", OUTCOMES, book, script, log)
    return Gateway(app, control, script, log, describe)


# The script's names for calls.
_CALLS: Final = [
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("POST", "/v1/oauth2/token", "token"),
        ("POST", "/v2/checkout/orders", "charge"),
        ("GET", "/v2/checkout/orders/[^/]+", "look_up"),
        ("POST", "/v2/checkout/orders/[^/]+/(capture|authorize)", "complete"),
        ("POST", "/v2/payments/authorizations/[^/]+/capture", "capture"),
        ("POST", "/v2/payments/authorizations/[^/]+/void", "cancel"),
        ("POST", "/v2/payments/captures/[^/]+/refund", "refund"),
        ("GET", "/v2/payments/refunds/[^/]+", "look_up_refund"),
    )
]


def describe(method: str, path: str, body: bytes) -> Call | None:
    """What a request asks for, in the words of the script; None for the payer's page."""
    for verb, pattern, operation in _CALLS:
        if verb == method and pattern.fullmatch(path):
            return Call(operation, amount=_amount_in(body) if operation == "charge" else None)
    return None if path == "/checkoutnow" else Call("other")


class _AmountOfUnit(msgspec.Struct):
    value: str


class _Unit(msgspec.Struct):
    amount: _AmountOfUnit


class _Units(msgspec.Struct):
    purchase_units: list[_Unit]


def _amount_in(body: bytes) -> int | None:
    """The amount of a new order in minor units, if it can be read."""
    try:
        [unit] = msgspec.json.decode(body, type=_Units).purchase_units
        return from_decimal_string(unit.amount.value, "eur")  # all currencies have two decimals
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
