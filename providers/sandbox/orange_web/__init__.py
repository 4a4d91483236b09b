"""A sandbox of Orange Money Web Payment that speaks Orange's protocol as Orange describes it.

One app serves the segment `dev`, as Orange's own sandbox does, and those of countries. Client,
merchant keys, currencies and test numbers are in `tables`, with what is Orange's about them and
what is ours. A payer types a number and the one-time code that `/simulator` shows for it; an order
left alone is INITIATED for ever, and one confirmed after its token's life is EXPIRED. That a
cancelled order stays INITIATED, and that a question with a wrong value is answered 404, are our
assumptions.

The book calls a movement by its order_id. The script's operations are `charge` (the creation of an
order, which decides what becomes of it unless a rule for `confirm` does), `confirm` (the payer's
confirmation, by number), `look_up` and `token`. Access tokens and one-time codes do not outlive the
process.
"""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Litestar, Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ASGIApp

from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway, step_of
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script

from .orders import Orders, Question, Settings, Wish
from .pages import Codes, no_such_page, payment_page, simulator_page
from .tables import OUTCOMES
from .wire import Refused, Tokens, decode, refuse

__all__ = ["Settings", "create_app"]

DEFAULT_SETTINGS: Final = Settings()
_API: Final = "/orange-money-webpay/{country:str}/v1"
_NUMBER: Final = re.compile(r"\+?[0-9]{8,15}", re.ASCII)

_AnyRequest = Request[Any, Any, Any]


def create_app(
    book: Book, script: Script, public_url: str, settings: Settings = DEFAULT_SETTINGS
) -> ASGIApp:
    """The sandbox PSP; its pages for payers are below `<public_url>/orange_web`."""
    orders = Orders(book, settings)
    handlers = [
        *_api(orders, Tokens(settings.access_token_lifetime), f"{public_url}/orange_web"),
        *_pages(orders, f"{public_url}/orange_web/simulator"),
    ]
    app = Litestar(
        handlers,
        exception_handlers={Refused: refuse},
        openapi_config=None,
        logging_config=None,
    )
    log = RequestLog()
    control = create_control("orange_web", OUTCOMES, book, script, log)
    return Gateway(app, control, script, log, describe)


def _api(orders: Orders, tokens: Tokens, own_url: str) -> list[Any]:
    """The calls of merchants. Creation and status are both answered with 201."""

    @post(["/oauth/v3/token", "/oauth/v2/token"], status_code=200)
    async def token(request: _AnyRequest) -> dict[str, Any]:
        authorization = request.headers.get("authorization", "")
        return tokens.issue(authorization, await request.body(), step_of(request.scope))

    @post(f"{_API}/webpayment")
    async def create(request: _AnyRequest, country: FromPath[str]) -> dict[str, Any]:
        orders.resume()
        tokens.check(request, country)
        wish = decode(await request.body(), Wish)
        order = await orders.create(country, wish, step_of(request.scope))
        return {
            "status": 201,
            "message": "OK",
            "pay_token": order.pay_token,
            "payment_url": f"{own_url}/payment/pay_token/{order.pay_token}",
            "notif_token": order.notif_token,
        }

    @post(f"{_API}/transactionstatus")
    async def show(request: _AnyRequest, country: FromPath[str]) -> dict[str, Any]:
        orders.resume()
        tokens.check(request, country)
        question = decode(await request.body(), Question)
        return orders.asked(country, question).shown()

    return [token, create, show]


def _pages(orders: Orders, simulator_url: str) -> list[Any]:
    """What a payer's browser opens."""
    codes = Codes()

    @get("/payment/pay_token/{pay_token:str}", media_type="text/html")
    async def page(pay_token: FromPath[str]) -> Response[str]:
        orders.resume()
        order = orders.find(pay_token)
        if order is None:
            return Response(no_such_page(), status_code=404)
        return Response(payment_page(order, simulator_url))

    @post("/payment/pay_token/{pay_token:str}", media_type="text/html")
    async def pay(request: _AnyRequest, pay_token: FromPath[str]) -> Response[Any]:
        form = await request.form()
        order = orders.find(pay_token)
        if order is None:
            return Response(no_such_page(), status_code=404)
        if order.status != "INITIATED":
            return Response(payment_page(order, simulator_url), status_code=409)
        if form.get("action") == "cancel":
            return Redirect(order.cancel_url, status_code=303)
        msisdn = str(form.get("msisdn", ""))
        if not codes.take(msisdn, str(form.get("code", ""))):
            return Response(payment_page(order, simulator_url, wrong=True), status_code=400)
        await orders.confirm(order, msisdn, step_of(request.scope))
        return Redirect(order.return_url, status_code=303)

    @get("/simulator", media_type="text/html")
    async def simulator() -> str:
        return simulator_page()

    @post("/simulator", media_type="text/html", status_code=200)
    async def code(request: _AnyRequest) -> str:
        msisdn = str((await request.form()).get("msisdn", ""))
        known = _NUMBER.fullmatch(msisdn) is not None
        return simulator_page(msisdn, codes.issue(msisdn) if known else None)

    return [page, pay, simulator, code]


def describe(method: str, path: str, body: bytes) -> Call | None:
    """What a request asks for, in the words of the script."""
    match method, path.strip("/").split("/"):
        case "POST", ["oauth", _, "token"]:
            return Call("token")
        case "POST", ["orange-money-webpay", _, "v1", "webpayment"]:
            try:
                return Call("charge", None, decode(body, Wish).amount)
            except Refused:
                return Call("charge")
        case "POST", ["orange-money-webpay", _, "v1", "transactionstatus"]:
            return Call("look_up")
        case "POST", ["payment", "pay_token", _]:
            form = dict(parse_qsl(body.decode("utf-8", "replace")))
            return Call("confirm", form.get("msisdn"))
    return None
