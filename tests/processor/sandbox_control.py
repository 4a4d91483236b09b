"""The sandbox PSPs' own side of a test: what they are told to do, and what their books say."""

import random
from typing import Any

import httpx
from live import Merchant, Stack


def tell(stack: Stack, psp: str, **rule: Any) -> None:
    """Add a rule to a PSP's script (`providers.sandbox.script.Rule`), or `outage=True`."""
    reply = httpx.post(f"{stack.sandbox}/{psp}/control/script", json=rule)
    assert reply.status_code == 200, reply.text


def movements(stack: Stack, psp: str, reference: str) -> list[dict[str, Any]]:
    """The money that moved under one reference of ours."""
    book = httpx.get(f"{stack.sandbox}/{psp}/control/book").json()
    return [movement for movement in book["movements"] if movement["reference"] == reference]


def requests(stack: Stack, psp: str) -> list[dict[str, Any]]:
    """The last requests that a PSP received, newest first."""
    found: list[dict[str, Any]] = httpx.get(f"{stack.sandbox}/{psp}/control/requests").json()
    return found


def references(merchant: Merchant, intent: str) -> list[str]:
    """The references of an intent's attempts, oldest first."""
    rows = merchant.rows(
        "select reference from charges where payment_intent = $1 order by id", intent
    )
    return [row["reference"] for row in rows]


def moved(merchant: Merchant, psp: str, intent: str) -> list[int]:
    """The amounts that the PSP moved for an intent, over all its attempts."""
    return [
        movement["amount"]
        for reference in references(merchant, intent)
        for movement in movements(merchant.stack, psp, reference)
    ]


def cameroonian() -> str:
    """A payer of MTN Cameroon whom no other test knows, so that a rule is for one test alone."""
    return f"+23767{random.randrange(1_000_000, 10_000_000)}"


def by_phone(phone: str, **more: Any) -> dict[str, Any]:
    """Parameters of a payment by mobile money that is confirmed at once."""
    return {
        "amount": 5000,
        "currency": "xaf",
        "confirm": True,
        "payment_method_data": {"type": "mobile_money", "billing_details": {"phone": phone}},
        **more,
    }


def by_card(alias: str = "pm_card_visa", **more: Any) -> dict[str, Any]:
    """Parameters of a payment by card that is confirmed at once."""
    return {
        "amount": 5000,
        "currency": "xaf",
        "confirm": True,
        "payment_method": alias,
        **more,
    }
