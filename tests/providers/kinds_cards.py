"""The contract's kinds at Stripe."""

import httpx
from boundary_kinds import Kind, charge_of, refund_of

from providers.boundary import Charge, DeclineCode, Refund
from providers.stripe import StripeCards

SECRET_KEY = "sk_test_boundary"


def stripe(base_url: str, client: httpx.AsyncClient) -> StripeCards:
    return StripeCards(SECRET_KEY, client, f"{base_url}/cards")


async def of_a_card(url: str, client: httpx.AsyncClient) -> Charge:
    return charge_of("pm_card_visa")


async def back_to_a_card(url: str, client: httpx.AsyncClient) -> Refund:
    return await refund_of(stripe(url, client), charge_of("pm_card_visa"))


KINDS = {
    "card_charge": Kind(
        "cards", stripe, of_a_card, "charge", "look_up",
        "in", "charge", "look_up", "insufficient_funds", DeclineCode.INSUFFICIENT_FUNDS,
        secrets=(SECRET_KEY, "_secret_"),
    ),
    "card_refund": Kind(
        "cards", stripe, back_to_a_card, "refund", "look_up_refund",
        "out", "refund", "look_up_refund", "failed", DeclineCode.EXPIRED_CARD,
        secrets=(SECRET_KEY, "_secret_"),
    ),
}  # fmt: skip
