"""The contract's kinds at CMI. Its attempt is sent by the payer's browser and by nobody else."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
from boundary_kinds import Kind, charge_of, final
from cmi_shop import CARD, DEMO, pay, shop_of

from providers.boundary import Answer, Charge, DeclineCode, Refund, Verdict
from providers.cmi import Cmi
from providers.cmi_account import order_id
from providers.money import to_decimal_string
from providers.sandbox.cmi.tables import demo_account

SECRETS = (DEMO.store_key, DEMO.api_password, CARD)

# What the engine would find in its database for the page that posts a charge's form.
_ISSUED: dict[str, tuple[Cmi, Charge]] = {}


def cmi(base_url: str, client: httpx.AsyncClient) -> Cmi:
    return Cmi(demo_account(f"{base_url}/cmi"), client)


async def on_a_page(url: str, client: httpx.AsyncClient) -> Charge:
    charge = charge_of("", "mad")
    charge = replace(
        charge,
        form_url=f"https://pay.example.test/forms/{charge.reference}",
        callback_url="https://api.example.test/callbacks",
    )
    _ISSUED[str(charge.form_url)] = (cmi(url, client), charge)
    return charge


async def visit(answer: Answer) -> None:
    """Be the payer, until the shop has answered the callback."""
    adapter, charge = _ISSUED[str(answer.redirect_url)]
    with shop_of(adapter, charge) as shop:
        await pay(shop)
        shop.wait_for(1)


async def back_to_a_card(url: str, client: httpx.AsyncClient) -> Refund:
    charge = await on_a_page(url, client)
    adapter = cmi(url, client)
    await visit(await adapter.charge(charge))
    answer = await final(lambda: adapter.look_up(charge))
    assert answer.verdict is Verdict.SUCCEEDED
    paid = replace(charge, provider_reference=answer.provider_reference)
    return Refund(str(uuid4()), 1500, paid, external_id="re_1")


def credit_of(refund: Any) -> str:
    """What the book calls a refund, to which CC5 gives no name of ours."""
    total = to_decimal_string(refund.amount, refund.charge.currency)
    return f"{order_id(refund.charge.reference)} Credit {total}"


KINDS = {
    "cmi_charge": Kind(
        "cmi", cmi, on_a_page, "charge", "look_up",
        "in", "charge", "look_up", "51", DeclineCode.INSUFFICIENT_FUNDS,
        secrets=SECRETS, visit=visit, sends=False,
        booked_as=lambda charge: order_id(charge.reference),
    ),
    "cmi_refund": Kind(
        "cmi", cmi, back_to_a_card, "refund", "look_up_refund",
        "out", "refund", "history", "57", DeclineCode.GENERIC_DECLINE,
        secrets=SECRETS, booked_as=credit_of,
    ),
}  # fmt: skip
