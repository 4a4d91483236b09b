"""A sandbox of PayGate Global, which has none of its own: Flooz and T-Money in Togo.

It speaks the protocol that `providers.paygate_calls` describes. Accounts, numbers and whatever had
to be ours are in `tables`. `/dashboard` stands for the merchant's dashboard and takes the one
address that an account's callbacks go to: a form with `auth_token` and `url`.

The script's operations are `charge` (pay, and the page at `/v1/page`), `disburse`, `look_up` (both
status calls, whatever they are about) and `balance`. The book calls a movement by the merchant's
identifier or reference. A payer needs `Settings.approval_delay` to confirm; whatever was waiting
when the process died goes on at the first request after a restart.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.types import ASGIApp

from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway, step_of
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script, Step

from .calls import Calls, Pay, Refused, account_of, read
from .pages import dashboard_page, error_page, payment_page, prompted_page
from .tables import OUTCOMES, PAGE_NETWORKS
from .transactions import Settings, Transactions

__all__ = ["Settings", "create_app"]

DEFAULT_SETTINGS: Final = Settings()

_AnyRequest = Request[Any, Any, Any]
_Handle = Callable[[bytes, Step], Awaitable[dict[str, Any]]]


def create_app(
    book: Book,
    script: Script,
    public_url: str,  # noqa: ARG001 - the kit's signature; the merchant makes the page's address
    settings: Settings = DEFAULT_SETTINGS,
) -> ASGIApp:
    """The sandbox PSP, with the kit's faults and `/control` in front of it."""
    transactions = Transactions(book, settings)
    calls = Calls(transactions)
    routes: dict[str, _Handle] = {
        "/api/v1/pay": calls.pay,
        "/api/v1/status": calls.show_v1,
        "/api/v2/status": calls.show,
        "/api/v1/disburse": calls.disburse,
        "/api/v1/check-balance": calls.balances,
    }

    @post(list(routes))
    async def api(request: _AnyRequest) -> Response[dict[str, Any]]:
        transactions.resume()
        step = step_of(request.scope)
        try:
            status, answer = 200, await routes[request.scope["path"]](await request.body(), step)
        except Refused as refused:
            status, answer = refused.status, refused.body
        return Response(_as_scripted(answer, step), status_code=status)

    handlers = [api, *_pages(calls), *_dashboard(transactions)]
    app = Litestar(handlers, openapi_config=None, logging_config=None)
    log = RequestLog()
    control = create_control("paygate", OUTCOMES, book, script, log)
    return Gateway(app, control, script, log, describe)


def _as_scripted(answer: dict[str, Any], step: Step) -> dict[str, Any]:
    if step.outcome == "codes_as_text" and "status" in answer:
        return answer | {"status": str(answer["status"])}
    return answer


def _pages(calls: Calls) -> list[Any]:
    """The hosted page, whose path has no /api. That a payer came to `url` proves nothing."""

    @get("/v1/page", media_type="text/html")
    async def page(request: _AnyRequest) -> Response[str]:
        query = _text_of(request.query_params)
        if account_of(query.get("token", "")) is None:
            return Response(error_page("Clé API invalide. / Invalid API key."), status_code=403)
        return Response(payment_page(query))

    @post("/v1/page", media_type="text/html", status_code=200)
    async def pay(request: _AnyRequest) -> Response[str]:
        query, form = _text_of(request.query_params), _text_of(await request.form())
        account = account_of(query.get("token", ""))
        if account is None:
            return Response(error_page("Clé API invalide. / Invalid API key."), status_code=403)
        try:
            await calls.register(account, _wish(query, form), step_of(request.scope))
        except Refused:
            problem = "Ce paiement est impossible. / This payment is not possible."
            return Response(payment_page(query | form, problem), status_code=400)
        return Response(prompted_page(query["url"]))

    return [page, pay]


def _wish(query: Mapping[str, str], form: Mapping[str, str]) -> Pay:
    """The page's words in those of `pay`."""
    amount = query.get("amount", "")
    if not query.get("url", "").startswith(("http://", "https://")):
        raise Refused({})
    fields = {
        "phone_number": form.get("phone"),
        "amount": int(amount) if amount.isdecimal() and len(amount) < 10 else None,
        "identifier": query.get("identifier"),
        "network": PAGE_NETWORKS.get(form.get("network", "")),
    }
    return read(msgspec.json.encode(fields), Pay)


def _dashboard(transactions: Transactions) -> list[Any]:
    @get("/dashboard", media_type="text/html")
    async def show() -> str:
        return dashboard_page()

    @post("/dashboard", media_type="text/html", status_code=200)
    async def change(request: _AnyRequest) -> Response[str]:
        form = _text_of(await request.form())
        account, url = account_of(form.get("auth_token", "")), form.get("url", "")
        if account is None or (url and not url.startswith(("http://", "https://"))):
            return Response(dashboard_page("Refusé. / Refused."), status_code=400)
        await transactions.set_callback_url(account, url)
        return Response(dashboard_page("Enregistré. / Saved."))

    return [show, change]


def _text_of(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}


_OPERATIONS: Final = {
    "/api/v1/pay": "charge",
    "/api/v1/disburse": "disburse",
    "/api/v1/status": "look_up",
    "/api/v2/status": "look_up",
    "/api/v1/check-balance": "balance",
    "/v1/page": "charge",
}


class _Money(msgspec.Struct):
    phone_number: str
    amount: int


def describe(method: str, path: str, body: bytes) -> Call | None:
    """What a request asks for, in the words of the script."""
    if method != "POST" or path not in _OPERATIONS:
        return None
    operation = _OPERATIONS[path]
    if path == "/v1/page":
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        return Call(operation, form.get("phone"))
    try:
        money = read(body, _Money)
    except Refused:
        return Call(operation)
    return Call(operation, money.phone_number, money.amount)
