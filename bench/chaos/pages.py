"""Payers on the pages of PSPs, as their browsers: one visit each.

A page that is down, or gone, is visited again by whoever still waits for the payment.
"""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any

import httpx

from bench.chaos.payers import Payer


async def visit(http: httpx.AsyncClient, page: str, payer: Payer) -> None:
    """Open the page that a payment's next action names, and do there what the payer would do."""
    pay = next(pay for part, pay in _PAGES.items() if part in page)
    with suppress(httpx.HTTPError, _NotThere):
        await pay(http, page, payer)


class _NotThere(Exception):
    """The page does not show what it is for."""


async def _three_d_secure(http: httpx.AsyncClient, page: str, _: Payer) -> None:
    await http.post(page, data={"result": "complete"})


async def _cinetpay(http: httpx.AsyncClient, page: str, payer: Payer) -> None:
    shown = (await http.get(page)).text
    method = _found('name="method" value="([A-Z]+)"', shown)
    number = payer.types or payer.means.removeprefix("+")
    await _come_back(
        http,
        await http.post(page, data={"method": method, "number": number, "action": "pay"}),
    )


async def _flutterwave(http: httpx.AsyncClient, page: str, _: Payer) -> None:
    await http.post(page, data={"action": "pay"})


async def _orange_web(http: httpx.AsyncClient, page: str, payer: Payer) -> None:
    """The code comes by USSD; the simulator's page shows it."""
    msisdn = payer.means.removeprefix("+")
    simulator = f"{page.partition('/payment/')[0]}/simulator"
    code = _found(
        "<strong>([0-9]{6})</strong>", (await http.post(simulator, data={"msisdn": msisdn})).text
    )
    form = {"msisdn": msisdn, "code": code, "action": "pay"}
    await _come_back(http, await http.post(page, data=form))


async def _paypal(http: httpx.AsyncClient, page: str, payer: Payer) -> None:
    await _come_back(http, await http.post(page, data={"choice": payer.types}))


async def _cmi(http: httpx.AsyncClient, page: str, payer: Payer) -> None:
    """Our page posts the shop's form by itself; then the card, a code if the bank wants one, and
    the form that leads back to us."""
    shown = await http.get(page)
    shown = await _submit(http, shown)
    shown = await _submit(http, shown, pan=payer.types, expiry="12/40", cvv="000")
    if "/fim/3ds/" in form_on(shown.text)[0]:
        shown = await _submit(http, shown, code="123")
    await _submit(http, shown)


_PAGES: dict[str, Callable[[httpx.AsyncClient, str, Payer], Awaitable[None]]] = {
    "/flutterwave/": _flutterwave,
    "/redirects/": _cmi,  # of our own: the form to it is on our page
    "/cinetpay/": _cinetpay,
    "/orange_web/": _orange_web,
    "/paypal/": _paypal,
    "/cards/": _three_d_secure,
}


async def _come_back(http: httpx.AsyncClient, reply: httpx.Response) -> None:
    if "location" in reply.headers:
        await http.get(reply.headers["location"])


async def _submit(http: httpx.AsyncClient, shown: httpx.Response, **typed: str) -> httpx.Response:
    action, fields = form_on(shown.text)
    if not action:
        raise _NotThere
    return await http.post(action, data=fields | typed)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise _NotThere
    return match[1]


class _Form(HTMLParser):
    """The first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where the form goes, and its fields."""
        named: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = named["action"]
        if tag == "input":
            self.fields[named["name"]] = named.get("value", "")


def form_on(page: str) -> tuple[str, dict[str, str]]:
    """Where a page's form goes, and its fields; nowhere if it has none."""
    form = _Form()
    form.feed(page)
    return form.action, form.fields
