"""The contract's kinds at CinetPay: a wallet, and a card, chosen on its page."""

from dataclasses import replace
from typing import Final

import httpx
from boundary_kinds import Kind, charge_of

from providers.boundary import Answer, Billing, Charge, DeclineCode
from providers.cinetpay import CinetPay
from providers.sandbox.cinetpay.tables import SITES, demo_account

SITE: Final = next(site for site in SITES.values() if site.country == "CI")
PAYER: Final = "+2250701020304"
CARD: Final = "4242 4242 4242 4242"
BILLING: Final = Billing(
    name="Ama Mensah",
    email="ama@example.test",
    phone=PAYER,
    line1="Rue 12",
    city="Abidjan",
    state="AB",
    postal_code="00225",
    country="CI",
)


def cinetpay(base_url: str, client: httpx.AsyncClient) -> CinetPay:
    return CinetPay(demo_account(SITE, f"{base_url}/cinetpay"), client)


def on_the_page(payer: str) -> Charge:
    # Nobody is at these addresses.
    return replace(
        charge_of(payer, "xof"),
        return_url="http://127.0.0.1:9/back",
        callback_url="http://127.0.0.1:9/notification",
        billing=BILLING,
    )


async def of_a_wallet(url: str, client: httpx.AsyncClient) -> Charge:
    return on_the_page(PAYER)


async def of_a_card(url: str, client: httpx.AsyncClient) -> Charge:
    return on_the_page("")


async def choose(page_url: str, method: str, number: str, action: str = "pay") -> httpx.Response:
    """Be the payer: send the page's form."""
    form = {"method": method, "number": number, "action": action}
    async with httpx.AsyncClient(trust_env=False, verify=False) as browser:
        return await browser.post(page_url, data=form)


async def pay_by_wallet(answer: Answer) -> None:
    assert answer.redirect_url is not None
    assert (await choose(answer.redirect_url, "OM", PAYER)).status_code == 303


async def pay_by_card(answer: Answer) -> None:
    assert answer.redirect_url is not None
    assert (await choose(answer.redirect_url, "VISAM", CARD)).status_code == 303


KINDS = {
    "cinetpay_wallet": Kind(
        "cinetpay", cinetpay, of_a_wallet, "charge", "look_up",
        "in", "charge", "look_up", "602", DeclineCode.INSUFFICIENT_FUNDS,
        0.02, (SITE.api_key, SITE.secret_key), pay_by_wallet,
    ),
    "cinetpay_card": Kind(
        "cinetpay", cinetpay, of_a_card, "charge", "look_up",
        "in", "charge", "look_up", "600", DeclineCode.PROVIDER_ERROR,
        0.02, (SITE.api_key, SITE.secret_key), pay_by_card,
    ),
}  # fmt: skip
