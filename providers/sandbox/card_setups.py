"""Setup intents of the card sandbox: their states, and Stripe's JSON for them.

https://docs.stripe.com/payments/setupintents/lifecycle. Nothing here does I/O: each change is a
function from a setup intent to the next one.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from .card_table import DECLINES, Authentication, SandboxCard
from .script import Step

Status = Literal["requires_action", "requires_payment_method", "succeeded"]

SETUP_EVENTS: dict[Status, str] = {
    "requires_action": "setup_intent.requires_action",
    "requires_payment_method": "setup_intent.setup_failed",
    "succeeded": "setup_intent.succeeded",
}


class CardSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A setup intent as the book keeps it."""

    id: str
    account: str  # whose key created it
    created: int  # unix seconds
    payment_method: str
    usage: str
    metadata: dict[str, str]
    return_url: str | None
    step: Step  # the script of the call that created it, followed to its end
    status: Status = "succeeded"
    outcome: str = "succeeded"  # what follows authentication; or a key of DECLINES
    decline: str | None = None  # a key of DECLINES
    due: None = None  # nothing happens by itself

    @property
    def client_secret(self) -> str:
        """What a browser proves with that it may see this setup intent."""
        return f"{self.id}_secret_sandbox"


def check(setup: CardSetup, card: SandboxCard) -> CardSetup:
    """Try the card: the first thing that happens to a setup intent. Its payer is there, so that a
    card with 3-D Secure asks for it, whatever it was set up for before."""
    outcome = setup.step.outcome or card.set_up or card.outcome
    challenged = outcome == "requires_action" or (
        setup.step.outcome is None and card.authentication is not Authentication.NEVER
    )
    setup = replace(setup, outcome="succeeded" if outcome == "requires_action" else outcome)
    return replace(setup, status="requires_action") if challenged else checked(setup)


def checked(setup: CardSetup) -> CardSetup:
    """The bank has answered."""
    if setup.outcome in DECLINES:
        return refused(setup, setup.outcome)
    return replace(setup, status="succeeded")


def refused(setup: CardSetup, decline: str) -> CardSetup:
    """The card was refused, for a reason of `DECLINES`."""
    return replace(setup, status="requires_payment_method", decline=decline)


def setup_error(decline: str) -> dict[str, Any]:
    """Stripe's error object for a refusal, also a setup intent's `last_setup_error`."""
    error = DECLINES[decline].as_error()
    if decline == "authentication_failed":
        error["code"] = "setup_intent_authentication_failure"
    return error


def as_json(setup: CardSetup, authentication_url: str) -> dict[str, Any]:
    """The setup intent as Stripe shows it. `authentication_url` is its 3-D Secure page."""
    return {
        "id": setup.id,
        "object": "setup_intent",
        "client_secret": setup.client_secret,
        "created": setup.created,
        "customer": None,
        "last_setup_error": setup_error(setup.decline) if setup.decline else None,
        "livemode": False,
        "metadata": setup.metadata,
        "next_action": _next_action(setup, authentication_url),
        "payment_method": None if setup.decline else setup.payment_method,
        "payment_method_types": ["card"],
        "status": setup.status,
        "usage": setup.usage,
    }


def _next_action(setup: CardSetup, authentication_url: str) -> dict[str, Any] | None:
    if setup.status != "requires_action":
        return None
    redirect = {"url": authentication_url, "return_url": setup.return_url}
    return {"type": "redirect_to_url", "redirect_to_url": redirect}
