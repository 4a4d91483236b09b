"""The contract's kinds at Flutterwave: a wallet that is asked on the phone, and one with a page."""

from dataclasses import replace
from typing import Final

import httpx
from boundary_kinds import Kind, charge_of, refund_of

from providers.boundary import Answer, Charge, DeclineCode, Refund, Verdict
from providers.flutterwave import Flutterwave
from providers.sandbox.flutterwave.tables import CLIENT, SIGNED_WITH, demo_account

PAYER: Final = "+237670000000"
WITH_PAGE: Final = "+237670000061"
SECRETS: Final = (CLIENT[1], SIGNED_WITH, "/redirects/")


def flutterwave(base_url: str, client: httpx.AsyncClient) -> Flutterwave:
    return Flutterwave(demo_account("CM", f"{base_url}/flutterwave"), client)


def of_mtn(payer: str) -> Charge:
    return replace(charge_of(payer), network="mtn", return_url="http://127.0.0.1:9/back")


async def of_a_wallet(url: str, client: httpx.AsyncClient) -> Charge:
    return of_mtn(PAYER)


async def of_a_wallet_with_a_page(url: str, client: httpx.AsyncClient) -> Charge:
    return of_mtn(WITH_PAGE)


async def back_to_a_wallet(url: str, client: httpx.AsyncClient) -> Refund:
    return await refund_of(flutterwave(url, client), of_mtn(PAYER))


async def authorise(answer: Answer, action: str = "pay") -> httpx.Response:
    """Be the payer: press a button on the page."""
    assert answer.redirect_url is not None
    async with httpx.AsyncClient(trust_env=False, verify=False) as browser:
        return await browser.post(answer.redirect_url, data={"action": action})


async def pay(answer: Answer) -> None:
    assert (await authorise(answer)).status_code == 303


KINDS = {
    "flutterwave_charge": Kind(
        "flutterwave", flutterwave, of_a_wallet, "charge", "look_up",
        "in", "charge", "look_up", "insufficient_funds", DeclineCode.INSUFFICIENT_FUNDS,
        0.02, SECRETS,
    ),
    "flutterwave_page": Kind(
        "flutterwave", flutterwave, of_a_wallet_with_a_page, "charge", "look_up",
        "in", "charge", "look_up", "do_not_honor", DeclineCode.DO_NOT_HONOR,
        0.02, SECRETS, pay,
    ),
    # That a refund is not in Flutterwave's list is no proof that there is none.
    "flutterwave_refund": Kind(
        "flutterwave", flutterwave, back_to_a_wallet, "refund", "look_up_refund",
        "out", "refund", "look_up_refund", "failed", DeclineCode.PROVIDER_ERROR,
        0.02, SECRETS, never_seen=Verdict.UNKNOWN,
    ),
}  # fmt: skip
