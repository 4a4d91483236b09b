"""The contract's kinds at PayGate. It has no documented word for "never seen"."""

import httpx
from boundary_kinds import Kind, charge_of, payout_to, refund_of

from providers.boundary import Charge, DeclineCode, Payout, Refund, Verdict
from providers.paygate import Paygate
from providers.sandbox.paygate.tables import DEMO_TOKEN, demo_account

PAYER = "+22890000000"
SECRETS = (DEMO_TOKEN,)


def paygate(base_url: str, client: httpx.AsyncClient) -> Paygate:
    return Paygate(demo_account(f"{base_url}/paygate"), client)


async def of_a_wallet(url: str, client: httpx.AsyncClient) -> Charge:
    return charge_of(PAYER, "xof")


async def back_to_a_wallet(url: str, client: httpx.AsyncClient) -> Refund:
    return await refund_of(paygate(url, client), charge_of(PAYER, "xof"))


async def out_to_a_wallet(url: str, client: httpx.AsyncClient) -> Payout:
    return payout_to(PAYER, "xof")


KINDS = {
    "paygate_charge": Kind(
        "paygate", paygate, of_a_wallet, "charge", "look_up",
        "in", "charge", "look_up", "cancelled", DeclineCode.PAYER_DECLINED,
        0.02, SECRETS, never_seen=Verdict.UNKNOWN,
    ),
    "paygate_refund": Kind(
        "paygate", paygate, back_to_a_wallet, "refund", "look_up_refund",
        "out", "disburse", "look_up", "cancelled", DeclineCode.GENERIC_DECLINE,
        0.02, SECRETS, never_seen=Verdict.UNKNOWN,
    ),
    "paygate_payout": Kind(
        "paygate", paygate, out_to_a_wallet, "pay_out", "look_up_payout",
        "out", "disburse", "look_up", "cancelled", DeclineCode.GENERIC_DECLINE,
        0.02, SECRETS, never_seen=Verdict.UNKNOWN,
    ),
}  # fmt: skip
