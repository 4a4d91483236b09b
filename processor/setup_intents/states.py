"""The state machines of setting up, as tables: like those of payments, without any money.

An attempt changes by a provider's verdict, or is canceled with its intent.
"""

from typing import Literal

from providers.boundary import Verdict

AttemptState = Literal["submitted", "pending", "unknown", "succeeded", "failed", "canceled"]
SetupStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "canceled",
    "succeeded",
]

# (state, verdict) -> next state. A pair that is not here changes nothing.
TRANSITIONS: dict[tuple[AttemptState, Verdict], AttemptState] = {
    ("submitted", Verdict.SUCCEEDED): "succeeded",
    ("submitted", Verdict.DECLINED): "failed",
    ("submitted", Verdict.PENDING): "pending",
    ("submitted", Verdict.NOT_SENT): "failed",
    ("submitted", Verdict.UNKNOWN): "unknown",
    ("pending", Verdict.SUCCEEDED): "succeeded",
    ("pending", Verdict.DECLINED): "failed",
    ("unknown", Verdict.SUCCEEDED): "succeeded",
    ("unknown", Verdict.DECLINED): "failed",
    ("unknown", Verdict.PENDING): "pending",
}

OPEN: frozenset[AttemptState] = frozenset({"submitted", "pending", "unknown"})

# Which operations a setup intent allows in each status.
ALLOWED: dict[str, frozenset[SetupStatus]] = {
    "update": frozenset({"requires_payment_method", "requires_confirmation", "requires_action"}),
    "confirm": frozenset({"requires_payment_method", "requires_confirmation"}),
    "cancel": frozenset({"requires_payment_method", "requires_confirmation", "requires_action"}),
}
