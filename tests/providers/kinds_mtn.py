"""The contract's kinds at MTN."""

import httpx
from boundary_kinds import Kind, charge_of, payout_to, refund_of

from providers.boundary import Charge, DeclineCode, Payout, Refund
from providers.mtn import MtnCollection, MtnCredentials
from providers.mtn_disbursement import MtnDisbursement
from providers.sandbox.mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS

PAYER = "+237670000000"
SECRETS = (DEMO_API_KEY, *SUBSCRIPTION_KEYS.values())


def credentials(base_url: str, product: str) -> MtnCredentials:
    return MtnCredentials(
        subscription_key=SUBSCRIPTION_KEYS[product],
        api_user=DEMO_API_USERS["mtncameroon"],
        api_key=DEMO_API_KEY,
        target_environment="mtncameroon",
        base_url=f"{base_url}/mtn",
    )


def mtn(base_url: str, client: httpx.AsyncClient) -> MtnCollection:
    return MtnCollection(credentials(base_url, "collection"), client)


def mtn_out(base_url: str, client: httpx.AsyncClient) -> MtnDisbursement:
    return MtnDisbursement(credentials(base_url, "disbursement"), client)


async def of_a_wallet(url: str, client: httpx.AsyncClient) -> Charge:
    return charge_of(PAYER)


async def back_to_a_wallet(url: str, client: httpx.AsyncClient) -> Refund:
    return await refund_of(mtn(url, client), charge_of(PAYER))


async def out_to_a_wallet(url: str, client: httpx.AsyncClient) -> Payout:
    return payout_to(PAYER)


KINDS = {
    "mtn_charge": Kind(
        "mtn", mtn, of_a_wallet, "charge", "look_up",
        "in", "charge", "look_up", "PAYER_NOT_FOUND", DeclineCode.PAYER_NOT_FOUND, 0.02, SECRETS,
    ),
    "mtn_refund": Kind(
        "mtn", mtn_out, back_to_a_wallet, "refund", "look_up_refund",
        "out", "refund", "look_up_refund", "PAYEE_NOT_FOUND", DeclineCode.PAYER_NOT_FOUND,
        0.02, SECRETS,
    ),
    "mtn_payout": Kind(
        "mtn", mtn_out, out_to_a_wallet, "pay_out", "look_up_payout",
        "out", "transfer", "look_up_transfer", "NOT_ENOUGH_FUNDS",
        DeclineCode.FLOAT_INSUFFICIENT, 0.02, SECRETS,
    ),
}  # fmt: skip
