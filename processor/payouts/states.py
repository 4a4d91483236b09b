"""The state machine of a payout, as tables.

- pending: the merchant's balance has paid; nothing has been handed out, and it can be canceled
- submitted: its reference is committed; the provider may be hearing it right now
- in_transit: the provider has accepted it, or it stands in a bank file
- unknown: it may have reached the provider; only a look-up can tell
- paid, failed, canceled: as they say, though a bank can send a paid one back
"""

from typing import Literal

from providers.boundary import Verdict

PayoutState = Literal["pending", "submitted", "in_transit", "unknown", "paid", "failed", "canceled"]

# (state, verdict) -> next state. A pair that is not here changes nothing: above all, an unknown
# payout is not sent again because nobody can say what became of it.
TRANSITIONS: dict[tuple[PayoutState, Verdict], PayoutState] = {
    ("submitted", Verdict.SUCCEEDED): "paid",
    ("submitted", Verdict.DECLINED): "failed",
    ("submitted", Verdict.PENDING): "in_transit",
    ("submitted", Verdict.NOT_SENT): "pending",
    ("submitted", Verdict.UNKNOWN): "unknown",
    ("unknown", Verdict.SUCCEEDED): "paid",
    ("unknown", Verdict.DECLINED): "failed",
    ("unknown", Verdict.PENDING): "in_transit",
    ("in_transit", Verdict.SUCCEEDED): "paid",
    ("in_transit", Verdict.DECLINED): "failed",
    ("paid", Verdict.DECLINED): "failed",
    # A bank file holds it now.
    ("pending", Verdict.PENDING): "in_transit",
    # Test mode pays banks' payouts by itself; no file hands them out first.
    ("pending", Verdict.SUCCEEDED): "paid",
    ("pending", Verdict.DECLINED): "failed",
}

# Handed out, and nobody can say yet where the money is.
UNDER_WAY: frozenset[PayoutState] = frozenset({"submitted", "in_transit", "unknown"})

FINAL: frozenset[PayoutState] = frozenset({"paid", "failed", "canceled"})

# What the API calls each state: Stripe's five words.
STATUSES: dict[PayoutState, str] = {
    "pending": "pending",
    "submitted": "in_transit",
    "in_transit": "in_transit",
    "unknown": "in_transit",
    "paid": "paid",
    "failed": "failed",
    "canceled": "canceled",
}
