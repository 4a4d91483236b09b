"""The contract's kinds at Moov."""

from dataclasses import replace

import httpx
from boundary_kinds import Kind, charge_of, payout_to, refund_of

from providers.boundary import Charge, DeclineCode, Payout, Refund, Verdict
from providers.moov import Moov
from providers.moov_soap import make_token
from providers.sandbox.moov.tables import MERCHANTS, demo_account

PAYER = "+2290195123456"
MERCHANT = MERCHANTS["BJ"]
SECRETS = (
    MERCHANT.password,
    MERCHANT.encryption_key,
    make_token(MERCHANT.user, MERCHANT.password, MERCHANT.encryption_key),
)


def moov(base_url: str, client: httpx.AsyncClient) -> Moov:
    return Moov(demo_account("BJ", f"{base_url}/moov"), client)


def moov_agent(base_url: str, client: httpx.AsyncClient) -> Moov:
    """An account whose contract allows deposits to any subscriber."""
    account = replace(demo_account("BJ", f"{base_url}/moov"), transfers="cashintrans")
    return Moov(account, client)


async def of_a_wallet(url: str, client: httpx.AsyncClient) -> Charge:
    return charge_of(PAYER, "xof")


async def back_to_a_wallet(url: str, client: httpx.AsyncClient) -> Refund:
    return await refund_of(moov(url, client), charge_of(PAYER, "xof"))


async def out_to_a_wallet(url: str, client: httpx.AsyncClient) -> Payout:
    return payout_to(PAYER, "xof")


# A transfer that Moov does not know is not known to be unsent: see the head of the adapter.
KINDS = {
    "moov_charge": Kind(
        "moov", moov, of_a_wallet, "charge", "look_up",
        "in", "charge", "look_up", "10", DeclineCode.INSUFFICIENT_FUNDS, 0.02, SECRETS,
    ),
    "moov_refund": Kind(
        "moov", moov, back_to_a_wallet, "refund", "look_up_refund",
        "out", "transfer", "look_up", "18", DeclineCode.LIMIT_EXCEEDED, 0.02, SECRETS,
        never_seen=Verdict.UNKNOWN,
    ),
    "moov_payout": Kind(
        "moov", moov, out_to_a_wallet, "pay_out", "look_up_payout",
        "out", "transfer", "look_up", "10", DeclineCode.FLOAT_INSUFFICIENT, 0.02, SECRETS,
        never_seen=Verdict.UNKNOWN,
    ),
    "moov_deposit": Kind(
        "moov", moov_agent, out_to_a_wallet, "pay_out", "look_up_payout",
        "out", "transfer", "look_up", "555", DeclineCode.PAYER_NOT_FOUND, 0.02, SECRETS,
        never_seen=Verdict.UNKNOWN,
    ),
}  # fmt: skip
