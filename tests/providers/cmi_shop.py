"""A shop at the CMI sandbox: the page that posts the form, the callback's answer, and its payer."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import httpx
from litestar.types import Receive, Scope, Send
from sandbox_servers import serve

from bench.chaos.pages import form_on
from providers.boundary import Charge
from providers.cmi import Cmi
from providers.sandbox.cmi.tables import CODE, DEMO_CLIENT_ID, SHOPS

CARD = "4000000000000010"
CARD_WITH_CODE = "5191630100004896"
DEMO = SHOPS[DEMO_CLIENT_ID]


@dataclass
class Shop:
    """Our side of the conversation, on a real port: it answers callbacks as the adapter says."""

    adapter: Cmi
    charge: Charge | None = None  # None: nobody knows the order
    url: str = ""
    answer: str | None = None  # instead of the adapter's
    callbacks: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            message: Any = await receive()
            body, more = body + message["body"], message["more_body"]
        self.callbacks.append(body)
        answer = self.adapter.reply(self.charge, {}, body) if self.answer is None else self.answer
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encode(), "more_body": False})

    @property
    def told(self) -> dict[str, str]:
        """The fields of the last callback."""
        return dict(parse_qsl(self.callbacks[-1].decode(), keep_blank_values=True))

    def wait_for(self, count: int = 1, seconds: float = 3.0) -> None:
        """Until that many callbacks came; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while len(self.callbacks) < count:
            assert time.monotonic() < deadline, f"{len(self.callbacks)} callbacks, not {count}"
            time.sleep(0.005)

    def issued(self) -> Charge:
        """The charge with addresses of this shop."""
        assert self.charge is not None
        return replace(
            self.charge, callback_url=f"{self.url}/callback", return_url=f"{self.url}/back"
        )


@contextmanager
def shop_of(adapter: Cmi, charge: Charge) -> Iterator[Shop]:
    """The shop, served while its payer pays."""
    shop = Shop(adapter, charge)
    with serve(shop) as url:
        shop.url = url
        yield shop


async def open_page(shop: Shop, **changes: str) -> httpx.Response:
    """Post the shop's form as its page does; `changes` are fields somebody tampered with."""
    form = shop.adapter.form(shop.issued())
    return await post(form.url, {**form.fields, **changes})


async def type_card(page: str, card: str = CARD, **changes: str) -> httpx.Response:
    """Fill in the page for the card."""
    action, _ = form_on(page)
    return await post(action, {"pan": card, "expiry": "12/40", "cvv": "000"} | changes)


async def pay(shop: Shop, card: str = CARD, code: str = CODE) -> tuple[str, Mapping[str, str]]:
    """Be the payer from the shop's page to the last: where it goes back to, and with what."""
    page = (await type_card((await open_page(shop)).text, card)).text
    action, _ = form_on(page)
    if "/fim/3ds/" in action:
        page = (await post(action, {"code": code})).text
    return form_on(page)


async def post(url: str, form: Mapping[str, str]) -> httpx.Response:
    """Post a form as a browser would."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=5) as browser:
        return await browser.post(url, data=dict(form))
