"""A sandbox of CMI, Morocco's card acquirer: its payment page, its callback and its XML API.

- `POST /fim/est3Dgate`: a shop's signed form, opened by the payer's browser; then the page for the
  card, 3-D Secure where the card asks for it, and the way back to the shop.
- The callback, whose answer is read: ACTION=POSTAUTH takes the money, APPROVED leaves it held,
  FAILURE releases it; without an answer it stays held until it lapses.
- `POST /fim/api`: PostAuth, Void, Credit, ORDERSTATUS, ORDERHISTORY.

Shop, cards and refusals are in `tables`; what is CMI's and what is assumed is said where it is
done. The script's operations are `charge` (a card is typed; its `payer` is the masked number, its
`delay` what the bank takes to answer), `capture` (PostAuth), `cancel` (Void), `refund` (Credit),
`look_up` (ORDERSTATUS), `history` (ORDERHISTORY) and `other`.
"""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qs

from litestar import Litestar, Request, Response, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway, step_of
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script

from .cc5 import read_request, serve
from .confidential import body_of, confidential
from .gate import Gate
from .orders import Orders, Settings
from .tables import OUTCOMES

__all__ = ["DEFAULT_SETTINGS", "create_app"]

DEFAULT_SETTINGS: Final = Settings()


def create_app(
    book: Book, script: Script, public_url: str, settings: Settings = DEFAULT_SETTINGS
) -> ASGIApp:
    """The sandbox PSP, with the kit's faults and `/control`; its pages are below
    `<public_url>/cmi`."""
    orders = Orders(book, settings)
    gate = Gate(book, orders, f"{public_url}/cmi")

    def describe(method: str, path: str, body: bytes) -> Call:
        """The call in the words of the script, from a body without secrets."""
        if path.startswith("/fim/card/"):
            page = gate.page(path.removeprefix("/fim/card/"))
            [payer] = parse_qs(body.decode("utf-8", "replace")).get("pan", [None])[:1]
            return Call("charge", payer, page.amount) if page else Call("other")
        request = read_request(body) if method == "POST" and path == "/fim/api" else None
        return Call("other") if request is None else Call(request.operation, None, request.amount)

    log = RequestLog()
    control = create_control("cmi", OUTCOMES, book, script, log)
    pages = Litestar([*_handlers(gate, orders)], openapi_config=None, logging_config=None)
    return confidential(Gateway(pages, control, script, log, describe))


def _handlers(gate: Gate, orders: Orders) -> list[Any]:
    @post("/fim/est3Dgate", media_type="text/html", status_code=200)
    async def open_page(request: Request[Any, Any, Any]) -> str:
        return await gate.open(body_of(request.scope))

    @post("/fim/card/{page:str}", media_type="text/html", status_code=200)
    async def pay(page: FromPath[str], request: Request[Any, Any, Any]) -> str:
        step = step_of(request.scope)
        await asyncio.sleep(step.delay)
        return await gate.pay(page, body_of(request.scope), step)

    @post("/fim/3ds/{page:str}", media_type="text/html", status_code=200)
    async def authenticate(page: FromPath[str], request: Request[Any, Any, Any]) -> str:
        return await gate.authenticate(page, body_of(request.scope))

    @post("/fim/api", status_code=200)
    async def api(request: Request[Any, Any, Any]) -> Response[bytes]:
        answer = await serve(orders, body_of(request.scope), step_of(request.scope))
        return Response(answer, media_type="text/xml; charset=utf-8")

    return [open_page, pay, authenticate, api]
