"""The contract's kinds at PayPal."""

from dataclasses import replace
from uuid import uuid4

import httpx
from boundary_kinds import Kind, charge_of, final

from providers.boundary import Answer, Charge, DeclineCode, Refund, Verdict
from providers.paypal import PayPal, PayPalAccount
from providers.sandbox.paypal.access import secret_of

CLIENT_ID = "app-of-the-boundary"
SECRETS = (secret_of(CLIENT_ID), "A21AA")  # of the app, and how its tokens begin


def paypal(base_url: str, client: httpx.AsyncClient) -> PayPal:
    return PayPal(PayPalAccount(CLIENT_ID, secret_of(CLIENT_ID), f"{base_url}/paypal"), client)


async def of_a_user(url: str, client: httpx.AsyncClient) -> Charge:
    return charge_of("", "eur")


async def back_to_a_user(url: str, client: httpx.AsyncClient) -> Refund:
    adapter, charge = paypal(url, client), charge_of("", "eur")
    answer = await adapter.charge(charge)
    await visit(answer)
    paid = replace(charge, provider_reference=answer.provider_reference)
    assert (await final(lambda: adapter.look_up(paid))).verdict is Verdict.SUCCEEDED
    return Refund(str(uuid4()), 1500, paid, external_id="re_1")


async def visit(answer: Answer, choice: str = "COMPLETED") -> httpx.Response:
    """Press a button on the page that the answer sends the payer to."""
    assert answer.redirect_url is not None
    async with httpx.AsyncClient(trust_env=False, verify=False) as browser:
        reply = await browser.post(answer.redirect_url, data={"choice": choice})
    assert reply.status_code in (200, 303)
    return reply


async def press_pay(answer: Answer) -> None:
    await visit(answer)


KINDS = {
    "paypal_charge": Kind(
        "paypal", paypal, of_a_user, "charge", "look_up",
        "in", "charge", "look_up", "INSTRUMENT_DECLINED", DeclineCode.GENERIC_DECLINE,
        secrets=SECRETS, visit=press_pay, found_again=False,
    ),
    "paypal_refund": Kind(
        "paypal", paypal, back_to_a_user, "refund", "look_up_refund",
        "out", "refund", "look_up_refund", "FAILED", DeclineCode.PROVIDER_ERROR,
        secrets=SECRETS,
    ),
}  # fmt: skip
