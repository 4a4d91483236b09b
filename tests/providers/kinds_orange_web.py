"""The contract's kind at Orange's page."""

import re
from dataclasses import replace

import httpx
from boundary_kinds import Kind, charge_of

from providers.boundary import Answer, Charge, DeclineCode
from providers.orange_web import OrangeWeb
from providers.sandbox.orange_web.tables import CLIENT, MERCHANT_KEYS, demo_account

PAYER = "0700000000"


def orange_web(base_url: str, client: httpx.AsyncClient) -> OrangeWeb:
    return OrangeWeb(demo_account("ci", f"{base_url}/orange_web"), client)


async def on_the_page(url: str, client: httpx.AsyncClient) -> Charge:
    # Without a number: the page asks for it. Nobody is at these addresses.
    return replace(
        charge_of("", "xof"),
        return_url="http://127.0.0.1:9/back",
        callback_url="http://127.0.0.1:9/notification",
    )


async def visit(answer: Answer) -> None:
    """Pay on the page that the answer sends the payer to."""
    assert answer.redirect_url is not None
    reply = await pay_on(answer.redirect_url, PAYER)
    assert reply.status_code == 303


async def pay_on(page_url: str, msisdn: str) -> httpx.Response:
    """Be the payer with this number: get a code, and type both."""
    simulator = f"{page_url.partition('/payment/')[0]}/simulator"
    async with httpx.AsyncClient(trust_env=False, verify=False) as browser:
        page = await browser.post(simulator, data={"msisdn": msisdn})
        [code] = re.findall(r"<strong>([0-9]{6})</strong>", page.text)
        form = {"msisdn": msisdn, "code": code, "action": "pay"}
        return await browser.post(page_url, data=form)


def order_id(attempt: Charge) -> str:
    return (attempt.provider_reference or "none:").partition(":")[0]


KINDS = {
    "orange_web_charge": Kind(
        "orange_web", orange_web, on_the_page, "charge", "look_up",
        "in", "charge", "look_up", "FAILED", DeclineCode.PROVIDER_ERROR,
        0.02, (CLIENT[1], MERCHANT_KEYS["ci"]), visit, found_again=False, booked_as=order_id,
    ),
}  # fmt: skip
