"""The contract's kinds at Orange Money Cameroon."""

from typing import Any

import httpx
from boundary_kinds import Kind, charge_of, payout_to

from providers.boundary import Charge, DeclineCode, Payout
from providers.orange_cm import OrangeCm
from providers.orange_cm_calls import order_id
from providers.sandbox.orange_cm.tables import API_USER, CONSUMER, PIN, demo_account

SUBSCRIBER = "+237690000000"
SECRETS = (CONSUMER[1], API_USER[1], PIN, "Bearer", "Basic")


def orange_cm(base_url: str, client: httpx.AsyncClient) -> OrangeCm:
    return OrangeCm(demo_account(f"{base_url}/orange_cm"), client)


async def of_a_subscriber(url: str, client: httpx.AsyncClient) -> Charge:
    return charge_of(SUBSCRIBER)


async def out_to_a_subscriber(url: str, client: httpx.AsyncClient) -> Payout:
    return payout_to(SUBSCRIBER)


def order_of(attempt: Any) -> str:
    return order_id(attempt.reference)


KINDS = {
    "orange_cm_charge": Kind(
        "orange_cm", orange_cm, of_a_subscriber, "charge", "look_up",
        "in", "charge", "look_up", "60019", DeclineCode.INSUFFICIENT_FUNDS,
        0.02, SECRETS, found_again=False, booked_as=order_of,
    ),
    "orange_cm_payout": Kind(
        "orange_cm", orange_cm, out_to_a_subscriber, "pay_out", "look_up_payout",
        "out", "transfer", "look_up_transfer", "60019", DeclineCode.FLOAT_INSUFFICIENT,
        secrets=SECRETS, found_again=False, booked_as=order_of,
    ),
}  # fmt: skip
