"""Payment intents of the card sandbox: their states, and Stripe's JSON for them.

https://docs.stripe.com/payments/paymentintents/lifecycle. Nothing here does I/O: each change is a
function from an intent to the next one.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from .card_table import DECLINES, Authentication, Decline, SandboxCard
from .script import Step

OUTCOMES = ("succeeded", "requires_action", *DECLINES)

Status = Literal[
    "processing",
    "requires_action",
    "requires_capture",
    "requires_payment_method",
    "canceled",
    "succeeded",
]

EVENTS: dict[Status, str] = {
    "processing": "payment_intent.processing",
    "requires_action": "payment_intent.requires_action",
    "requires_capture": "payment_intent.amount_capturable_updated",
    "requires_payment_method": "payment_intent.payment_failed",
    "canceled": "payment_intent.canceled",
    "succeeded": "payment_intent.succeeded",
}


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A payment intent as the book keeps it."""

    id: str
    account: str  # whose key created it
    created: int  # unix seconds
    amount: int  # minor units
    currency: str
    payment_method: str
    manual_capture: bool
    metadata: dict[str, str]
    description: str | None
    return_url: str | None
    step: Step  # the script of the call that created it, followed to its end
    status: Status = "processing"
    outcome: str = "succeeded"  # what follows processing and authentication; or a key of DECLINES
    due: float | None = None  # unix seconds at which processing ends
    decline: str | None = None  # a key of DECLINES
    amount_received: int = 0
    canceled_at: int | None = None
    refunding: str = "succeeded"  # how the card takes a refund: one of `Refunding`

    @property
    def reference(self) -> str:
        """What the client calls this payment: the name of its movement in the book."""
        return self.metadata.get("reference", self.id)

    @property
    def charge_id(self) -> str:
        """The id of its only charge."""
        return self.id.replace("pi_", "ch_", 1)

    @property
    def client_secret(self) -> str:
        """What a browser proves with that it may see this intent."""
        return f"{self.id}_secret_sandbox"


def confirm(
    intent: Intent, card: SandboxCard, *, off_session: bool, refuse_action: bool, now: float
) -> Intent:
    """Try the card: the first thing that happens to an intent."""
    outcome = intent.step.outcome or card.outcome
    wants_authentication = outcome == "requires_action" or (
        # A scripted outcome overrides the card's own behaviour as a whole.
        intent.step.outcome is None
        and (
            card.authentication in (Authentication.ALWAYS, Authentication.UNTIL_SET_UP)
            or (card.authentication is Authentication.ON_SESSION and not off_session)
        )
    )
    intent = replace(
        intent,
        outcome="succeeded" if outcome == "requires_action" else outcome,
        refunding=card.refunding,
    )
    if wants_authentication and (off_session or refuse_action):
        return declined(intent, "authentication_required")
    if wants_authentication:
        return replace(intent, status="requires_action")
    if intent.step.delay:
        return replace(intent, status="processing", due=now + intent.step.delay)
    return resolve(intent)


def resolve(intent: Intent) -> Intent:
    """The bank has answered: take or hold the money, or refuse."""
    intent = replace(intent, due=None)
    if intent.outcome in DECLINES:
        return declined(intent, intent.outcome)
    if intent.manual_capture:
        return replace(intent, status="requires_capture")
    return replace(intent, status="succeeded", amount_received=intent.amount)


def declined(intent: Intent, decline: str) -> Intent:
    """The card was refused, for a reason of `DECLINES`."""
    return replace(intent, status="requires_payment_method", decline=decline)


def captured(intent: Intent, amount: int) -> Intent:
    """`amount` of the hold is taken, the rest released."""
    return replace(intent, status="succeeded", amount_received=amount)


def canceled(intent: Intent, now: float) -> Intent:
    """The hold is released, or the attempt withdrawn."""
    return replace(intent, status="canceled", canceled_at=int(now), due=None)


def card_error(intent: Intent, decline: Decline) -> dict[str, Any]:
    """Stripe's error object for a refusal, also an intent's `last_payment_error`."""
    return {**decline.as_error(), "charge": intent.charge_id}


def as_json(intent: Intent, authentication_url: str) -> dict[str, Any]:
    """The payment intent as Stripe shows it. `authentication_url` is its 3-D Secure page."""
    held = intent.amount if intent.status == "requires_capture" else 0
    decline = DECLINES[intent.decline] if intent.decline else None
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": held,
        "amount_received": intent.amount_received,
        "automatic_payment_methods": None,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": None,
        "capture_method": "manual" if intent.manual_capture else "automatic",
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": None,
        "description": intent.description,
        "last_payment_error": card_error(intent, decline) if decline else None,
        "latest_charge": None if intent.status == "requires_action" else intent.charge_id,
        "livemode": False,
        "metadata": intent.metadata,
        "next_action": _next_action(intent, authentication_url),
        "payment_method": None if decline else intent.payment_method,
        "payment_method_types": ["card"],
        "status": intent.status,
    }


def _next_action(intent: Intent, authentication_url: str) -> dict[str, Any] | None:
    if intent.status != "requires_action":
        return None
    if intent.return_url is None:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    redirect = {"url": authentication_url, "return_url": intent.return_url}
    return {"type": "redirect_to_url", "redirect_to_url": redirect}
