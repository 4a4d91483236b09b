"""The calls and pages of the CinetPay sandbox."""

import hmac
import re
import secrets
from time import time
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ASGIApp

from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway, step_of
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script, Step

from .pages import CARD, methods_of, no_such_page, payment_page
from .payments import Payment, Payments, Settings
from .tables import (
    CANCELLED,
    CREATED,
    MESSAGES,
    MISSING,
    NOT_FOUND,
    OUTCOMES,
    SITES,
    TAKEN,
    UNKNOWN_KEY,
    UNKNOWN_SITE,
    UNOPENED,
    WRONG_CURRENCY,
    Site,
    outcome_of_card,
    outcome_of_number,
)

DEFAULT_SETTINGS: Final = Settings()
_CHANNELS: Final = ("ALL", "MOBILE_MONEY", "CREDIT_CARD")
_REQUIRED: Final = ("transaction_id", "description", "notify_url", "return_url")
_REQUIRED_FOR_CARDS: Final = (
    "customer_name", "customer_surname", "customer_email", "customer_phone_number",
    "customer_address", "customer_city", "customer_country", "customer_state", "customer_zip_code",
)  # fmt: skip
_LONGEST_TEXT: Final = 500  # characters, of any field

_AnyRequest = Request[Any, Any, Any]


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(self, code: str, description: str = "", status: int = 400) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.status = status


def create_app(
    book: Book, script: Script, public_url: str, settings: Settings = DEFAULT_SETTINGS
) -> ASGIApp:
    """The sandbox PSP; its pages for payers are below `<public_url>/cinetpay`."""
    payments = Payments(book, settings)
    app = Litestar(
        [*_api(payments, f"{public_url}/cinetpay"), *_pages(payments)],
        exception_handlers={Refused: _refuse},
        openapi_config=None,
        logging_config=None,
    )
    log = RequestLog()
    control = create_control("cinetpay", OUTCOMES, book, script, log)
    return Gateway(app, control, script, log, _describe)


def _api(payments: Payments, own_url: str) -> list[Any]:
    """The two calls of merchants."""

    @post("/v2/payment", status_code=201)
    async def create(request: _AnyRequest) -> dict[str, Any]:
        payments.resume()
        site, body = _authenticated(await request.body())
        wish = _wish(site, body)
        if payments.by_transaction_id(site, wish["transaction_id"]) is not None:
            raise Refused(TAKEN, "transaction_id already used")
        payment = await payments.create(wish, step_of(request.scope))
        page = {"payment_token": payment.token, "payment_url": f"{own_url}/payment/{payment.token}"}
        return _body(CREATED, "Transaction created with success", page)

    @post("/v2/payment/check", status_code=200)
    async def check(request: _AnyRequest) -> dict[str, Any]:
        payments.resume()
        site, body = _authenticated(await request.body())
        payment = _asked_for(payments, site, body)
        return _body(payment.code, "", payment.shown())

    return [create, check]


def _asked_for(payments: Payments, site: Site, body: dict[str, Any]) -> Payment:
    token, transaction_id = body.get("token"), body.get("transaction_id")
    payment = None
    if isinstance(token, str) and token:
        payment = payments.by_token(token)
    elif isinstance(transaction_id, str) and transaction_id:
        payment = payments.by_transaction_id(site, transaction_id)
    else:
        raise Refused(MISSING, "transaction_id or token")
    if payment is None or payment.site_id != site.site_id:
        raise Refused(NOT_FOUND, "", 404)
    return payment


def _pages(payments: Payments) -> list[Any]:
    """What payers see."""

    @get("/payment/{token:str}", media_type="text/html")
    async def show(token: FromPath[str]) -> Response[str]:
        payments.resume()
        payment = payments.by_token(token)
        if payment is None:
            return Response(no_such_page(), status_code=404)
        return Response(payment_page(payment))

    @post("/payment/{token:str}", media_type="text/html", status_code=200)
    async def pay(token: FromPath[str], request: _AnyRequest) -> Response[Any]:
        payments.resume()
        payment = payments.by_token(token)
        if payment is None:
            return Response(no_such_page(), status_code=404)
        form = _form(await request.body())
        if form.get("action") == "cancel":
            await payments.cancel(payment, CANCELLED)
        elif payment.code == UNOPENED and not await _chosen(
            payments, payment, form, step_of(request.scope)
        ):
            return Response(payment_page(payment, wrong=True), status_code=400)
        return Redirect(payment.return_url, status_code=303)

    return [show, pay]


async def _chosen(payments: Payments, payment: Payment, form: dict[str, str], step: Step) -> bool:
    """Go on with what the payer chose; False if it makes no sense."""
    method, number = form.get("method", ""), _digits(form.get("number", ""))
    if method not in methods_of(payment) or not 8 <= len(number) <= 19:
        return False
    if method == CARD:
        outcome, number = outcome_of_card(number), number[-4:]
    else:
        outcome = outcome_of_number(number)
    await payments.choose(payment, method, number, outcome, step)
    return True


def _authenticated(body: bytes) -> tuple[Site, dict[str, Any]]:
    """The site behind a call, and what it sent."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(MISSING, "A JSON object is expected") from None
    key = str(fields.get("apikey", "")).encode()
    if not any(hmac.compare_digest(site.api_key.encode(), key) for site in SITES.values()):
        raise Refused(UNKNOWN_KEY, "apikey not found")
    site = SITES.get(str(fields.get("site_id", "")))
    if site is None or not hmac.compare_digest(site.api_key.encode(), key):
        raise Refused(UNKNOWN_SITE, "site_id not valid")
    return site, fields


def _wish(site: Site, body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a new payment, or a refusal."""
    channels = body.get("channels", "ALL")
    required = _REQUIRED + (_REQUIRED_FOR_CARDS if channels == "CREDIT_CARD" else ())
    for name in required:
        if not _text(body, name):
            raise Refused(MISSING, f"{name} is required")
    amount = body.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount < 10**12:
        raise Refused(MISSING, "amount must be an integer")
    if amount % 5:
        raise Refused(MISSING, "amount must be a multiple of 5")
    if channels not in _CHANNELS:
        raise Refused(MISSING, "channels not valid")
    if body.get("currency") != site.currency:
        raise Refused(WRONG_CURRENCY, f"currency must be {site.currency}")
    if not all(re.match("https?://", _text(body, name)) for name in ("notify_url", "return_url")):
        raise Refused(MISSING, "notify_url and return_url must be addresses")
    return {
        **{name: _text(body, name) for name in (*_REQUIRED, "metadata")},
        "site_id": site.site_id,
        "amount": amount,
        "currency": site.currency,
        "channels": channels,
        "lang": "en" if body.get("lang") == "en" else "fr",
        "phone": _text(body, "customer_phone_number") if channels != "CREDIT_CARD" else "",
    }


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise Refused(MISSING, f"{name} must be a string")
    return value


def _body(code: str, description: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"code": code, "message": MESSAGES[code]}
    if description:
        body["description"] = description
    if data is not None:
        body["data"] = data
    return body | {"api_response_id": f"{time():.4f}{secrets.randbelow(10)}"}


def _refuse(_request: _AnyRequest, refused: Refused) -> Response[dict[str, Any]]:
    return Response(_body(refused.code, refused.description), status_code=refused.status)


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=50))
    except ValueError:
        return {}


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _describe(method: str, path: str, body: bytes) -> Call | None:
    """The call in the words of the script."""
    if method != "POST":
        return None
    if path == "/v2/payment/check":
        return Call("look_up")
    if path.startswith("/payment/"):
        return Call("pay", _digits(_form(body).get("number", "")) or None)
    if path != "/v2/payment":
        return None
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Call("charge")
    amount, phone = fields.get("amount"), fields.get("customer_phone_number")
    return Call(
        "charge",
        phone if isinstance(phone, str) else None,
        amount if isinstance(amount, int) else None,
    )
