"""The state machines, as tables.

A charge is one attempt. Its state changes by a provider's verdict and by nothing else:

- submitted: the reference is committed; the provider may be hearing it right now
- pending: the provider accepted it; the payer has yet to confirm
- unknown: it may have reached the provider; only a look-up can tell
- authorized: the amount is held, to be captured
- succeeded, failed, canceled: as they say, though a success that comes late is booked all the same
"""

from typing import Literal

from providers.boundary import Verdict

ChargeState = Literal[
    "submitted", "pending", "unknown", "authorized", "succeeded", "failed", "canceled"
]
IntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "canceled",
    "succeeded",
]

_SUCCEEDED, _DECLINED, _PENDING, _NOT_SENT, _UNKNOWN = (
    Verdict.SUCCEEDED,
    Verdict.DECLINED,
    Verdict.PENDING,
    Verdict.NOT_SENT,
    Verdict.UNKNOWN,
)

# (state, verdict) -> next state. A pair that is not here changes nothing. "succeeded" stands for
# "authorized" when the charge is to be captured later.
TRANSITIONS: dict[tuple[ChargeState, Verdict], ChargeState] = {
    ("submitted", _SUCCEEDED): "succeeded",
    ("submitted", _DECLINED): "failed",
    ("submitted", _PENDING): "pending",
    ("submitted", _NOT_SENT): "failed",
    ("submitted", _UNKNOWN): "unknown",
    # Once accepted, "not sent" and "unknown" are the look-up's trouble, not the charge's.
    ("pending", _SUCCEEDED): "succeeded",
    ("pending", _DECLINED): "failed",
    ("unknown", _SUCCEEDED): "succeeded",
    ("unknown", _DECLINED): "failed",
    ("unknown", _PENDING): "pending",
    ("unknown", _NOT_SENT): "failed",
    # Late truth: the provider took the money after we, or it, had given up.
    ("failed", _SUCCEEDED): "succeeded",
    ("canceled", _SUCCEEDED): "succeeded",
}

# States in which nobody can say yet where the money is: the janitor keeps asking.
OPEN: frozenset[ChargeState] = frozenset({"submitted", "pending", "unknown"})


def next_state(state: ChargeState, verdict: Verdict, *, capture: bool) -> ChargeState | None:
    """Where a verdict takes a charge; None if it changes nothing."""
    reached = TRANSITIONS.get((state, verdict))
    if reached == "succeeded" and not capture:
        return "authorized"
    return reached


# Which operations an intent allows in each status.
ALLOWED: dict[str, frozenset[IntentStatus]] = {
    "update": frozenset(
        {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}
    ),
    # Not while an attempt is open: the payer could confirm both.
    "confirm": frozenset({"requires_payment_method", "requires_confirmation"}),
    "capture": frozenset({"requires_capture"}),
    "cancel": frozenset(
        {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}
    ),
}
