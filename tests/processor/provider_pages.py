"""The providers' pages of test mode: how a payment gets there, and what its payer does on them."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from live import Merchant
from payer_browser import SHOP, Browser, Page
from sandbox_control import by_card, by_phone, references

from providers.cmi_account import order_id
from providers.orange_web_orders import new_order_id

BACK = f"{SHOP}/back?order=7#top"

GOOD_CARD, POOR_CARD = "4000000000000010", "4000000000051005"
CARD_WITH_CODE = "5191630100004896"


@dataclass(frozen=True)
class Rail:
    """A page, and what its payers can do on it. The first argument is the page as it opens."""

    psp: str
    amount: int
    parameters: Callable[[], dict[str, Any]]
    pay: Callable[[Browser, Page], Page]
    refuse: Callable[[Browser, Page], Page]
    give_up: Callable[[Browser, Page], Page]
    refusal: str  # Stripe's code of it


def _card(number: str) -> Callable[[Browser, Page], Page]:
    def pay(browser: Browser, page: Page) -> Page:
        typed = browser.submit(card_page(browser, page), pan=number, expiry="12/40", cvv="000")
        if "/fim/3ds/" in typed.form.action:
            typed = browser.submit(typed, code="123")
        return browser.submit(typed)

    return pay


def card_page(browser: Browser, page: Page) -> Page:
    """CMI's page for the card, which our own page posts the browser to."""
    return browser.submit(page)


def _cancel_at_cmi(browser: Browser, page: Page) -> Page:
    return browser.open(page.form.fields["shopurl"])


def _press(**pressed: str) -> Callable[[Browser, Page], Page]:
    return lambda browser, page: browser.submit(page, **pressed)


def _orange(ending: str) -> Callable[[Browser, Page], Page]:
    """Pay with a number that decides by its last digits, after getting a code for it."""

    def pay(browser: Browser, page: Page) -> Page:
        number = f"77{random.randrange(10):01}0000{ending}"
        host = urlsplit(page.url)
        simulator = f"{host.scheme}://{host.netloc}/orange_web/simulator"
        shown = httpx.post(simulator, data={"msisdn": number}).text
        code = shown.partition("<strong>")[2].partition("</strong>")[0]
        return browser.submit(page, action="pay", msisdn=number, code=code)

    return pay


def _hosted(alias: str, currency: str) -> Callable[[], dict[str, Any]]:
    return lambda: by_card(alias, currency=currency, return_url=BACK)


def _wallet(prefix: str, amount: int = 5000) -> Callable[[], dict[str, Any]]:
    def parameters() -> dict[str, Any]:
        phone = f"{prefix}{random.randrange(10**5, 10**6)}"
        return by_phone(phone, currency="xof", amount=amount, return_url=BACK)

    return parameters


_CMI = Rail(
    "cmi",
    5000,
    _hosted("pm_hosted_card", "mad"),
    _card(GOOD_CARD),
    _card(POOR_CARD),
    _cancel_at_cmi,
    "card_declined",
)
RAILS = {
    "cmi": _CMI,
    "paypal": Rail(
        "paypal",
        5000,
        _hosted("pm_paypal", "eur"),
        _press(choice="COMPLETED"),
        _press(choice="INSTRUMENT_DECLINED"),
        _press(choice="cancel"),
        "card_declined",
    ),
    "orange": Rail(
        "orange_web",
        5003,  # which CinetPay, who reaches these wallets too, does not take
        _wallet("+22607", 5003),
        _orange("00"),
        _orange("51"),
        _press(action="cancel"),
        "payment_method_provider_decline",
    ),
    "cinetpay": Rail(
        "cinetpay",
        5000,
        _wallet("+2250700"),
        _press(action="pay", method="OM", number="0700000123"),
        _press(action="pay", method="OM", number="0700000602"),
        _press(action="cancel"),
        "payment_method_provider_decline",
    ),
    "cinetpay card": Rail(
        "cinetpay",
        5000,
        _hosted("pm_hosted_card", "xof"),
        _press(action="pay", method="VISAM", number="4242424242424242"),
        _press(action="pay", method="VISAM", number="4000000000009995"),
        _press(action="cancel"),
        "card_declined",
    ),
}
pay_with_code = _card(CARD_WITH_CODE)


def taken(merchant: Merchant, rail: Rail, intent: str) -> list[int]:
    """The amounts that the PSP moved for an intent; given back ones are negative."""
    book = httpx.get(f"{merchant.stack.sandbox}/{rail.psp}/control/book").json()
    names = {
        "cmi": order_id,
        "orange_web": lambda reference: new_order_id(reference)[:26],  # the rest is random
    }
    name = names.get(rail.psp, str)
    known = tuple(name(reference) for reference in references(merchant, intent))
    return [
        movement["amount"] * (1 if movement["direction"] == "in" else -1)
        for movement in book["movements"]
        if movement["reference"].startswith(known)
    ]
