"""A sandbox of Flutterwave's API v4: charges of wallets, their refunds, and signed webhooks.

It speaks the protocol that `providers.flutterwave_calls` and `flutterwave_replies` describe: the
token of ten minutes, `X-Trace-Id`, idempotency keys that are answered as before (with
`X-Idempotency-Cache-Hit`), references taken once, `GET` and `PUT` of a charge, lists, refunds,
networks of a country. `/dashboard` stands for the merchant's dashboard and takes the address of
webhooks; `meta.callback_url` of a charge or refund, which Flutterwave would only keep, comes
before it, so that several merchants can share the demo account. What is not answered with a 2xx is
sent three more times, half an hour apart.

What becomes of a wallet is in `tables`: test numbers, networks, codes, and what had to be ours.
Customers, payment methods and transfers are not here.

What the published pages leave open is assumed as follows: only answers that made something are
repeated for a key; a key is known for ever; charges are listed newest first; a refund of more than
is left of a charge, or of one that is not paid, is a conflict.

The script's operations are `charge`, `pay` (the payer's page, or the PIN and code of a `PUT`),
`look_up` (one charge, or the list), `refund`, `look_up_refund`, `networks` and `token`. Outcomes of
a charge are in `tables.OUTCOMES`; a `next_action` as outcome of `charge` leaves the end to `pay` or
to the number. The book calls a movement by the reference (a refund's: the one in `meta`). What was
waiting when the process died goes on at the first request after a restart; tokens do not outlive
it.
"""

from typing import Final

import msgspec
from litestar import Litestar
from litestar.types import ASGIApp

from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script

from .access import Refused, refuse
from .charges import Settings, Wish
from .service import Service, routes
from .tables import OUTCOMES

__all__ = ["Settings", "create_app"]

DEFAULT_SETTINGS: Final = Settings()

# The script's operations, by method and the first part of the path.
_OPERATIONS: Final = {
    ("GET", "charges"): "look_up",
    ("GET", "mobile-networks"): "networks",
    ("GET", "refunds"): "look_up_refund",
    ("POST", "realms"): "token",
    ("POST", "redirects"): "pay",
    ("POST", "refunds"): "refund",
    ("PUT", "charges"): "pay",
}


def create_app(
    book: Book, script: Script, public_url: str, settings: Settings = DEFAULT_SETTINGS
) -> ASGIApp:
    """The sandbox PSP; its pages for payers are below `<public_url>/flutterwave`."""
    service = Service(book, f"{public_url}/flutterwave", settings)
    app = Litestar(
        routes(service),
        exception_handlers={Refused: refuse},
        openapi_config=None,
        logging_config=None,
    )
    log = RequestLog()
    control = create_control("flutterwave", OUTCOMES, book, script, log)
    return Gateway(app, control, script, log, describe)


def describe(method: str, path: str, body: bytes) -> Call | None:
    """What a request asks for, in the words of the script."""
    first, _, rest = path.strip("/").partition("/")
    if (method, first, rest) == ("POST", "orchestration", "direct-charges"):
        return _charge_call(body)
    operation = _OPERATIONS.get((method, first))
    return None if operation is None else Call(operation)


def _charge_call(body: bytes) -> Call:
    try:
        wish = msgspec.json.decode(body, type=Wish)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Call("charge")
    wallet = wish.payment_method.mobile_money
    payer = f"+{wallet.country_code}{wallet.phone_number}"
    whole = wish.amount.is_finite() and wish.amount == wish.amount.to_integral_value()
    return Call("charge", payer, int(wish.amount) if whole else None)
