"""What is held on a page of a provider, over real HTTP."""

import asyncio
from typing import Any

import httpx
from live import Merchant, eventually
from sandbox_control import tell

from bench.chaos.pages import visit
from bench.chaos.payers import Payer


def hold_on_a_page(merchant: Merchant, amount: int) -> Any:
    """An intent for CMI's page whose amount is to be held."""
    return merchant.api.payment_intents.create(
        {
            "amount": amount,
            "currency": "mad",
            "payment_method": "pm_hosted_card",
            "confirm": True,
            "capture_method": "manual",
            "return_url": "https://shop.example/thanks",
        }
    )


def pay_there(intent: Any) -> None:
    """Be the payer, from the page to the way back."""
    payer = Payer("cmi", "mad", "pm_hosted_card", "4000000000000010")

    async def go() -> None:
        async with httpx.AsyncClient(trust_env=False) as browser:
            await visit(browser, intent.next_action.redirect_to_url.url, payer)

    asyncio.run(go())


def test_a_callback_that_comes_after_the_look_up_does_not_release_what_is_held(
    merchant: Merchant,
) -> None:
    amount = 77_413
    late = {"callback": "late", "callback_seconds": 3, "times": 1}
    tell(merchant.stack, "cmi", amount=amount, **late)
    intent = hold_on_a_page(merchant, amount)
    pay_there(intent)

    def status() -> str:
        return str(merchant.api.payment_intents.retrieve(intent.id).status)

    eventually(lambda: status() == "requires_capture")
    eventually(lambda: merchant.rows("select from callbacks"))
    assert merchant.api.payment_intents.capture(intent.id).status in ("succeeded", "processing")
    eventually(lambda: status() == "succeeded")
