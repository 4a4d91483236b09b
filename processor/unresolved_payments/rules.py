"""The rules of the queue, as data: who enters when, what is said at which age, who may decide."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

Type = Literal["charge", "refund", "payout"]
Outcome = Literal["succeeded", "failed"]
Reason = Literal["outcome_unknown", "overdue", "contradiction"]
Rail = Literal["wallet", "card", "page", "bank"]

MINUTE, HOUR, DAY = 60, 3600, 86_400

# How long, in seconds since it was sent, a payment may be open in each state before nobody can
# explain it any more. A rail is named where it has a time of its own; what is not here is not open.
PATIENCE: dict[tuple[Type, str] | tuple[Type, str, Rail], int] = {
    # Nobody sends any more (`payments.janitor.RESEND_WITHIN`), and the quick look-ups are over.
    ("charge", "submitted"): 5 * MINUTE,
    ("charge", "unknown"): 5 * MINUTE,
    # A prompt lives five minutes (`payments.settlement.PROMPT_SECONDS`); approvals come later.
    ("charge", "pending"): 15 * MINUTE,
    # A page whose end its provider does not publish. Others end `AFTER_PAGE` after theirs.
    ("charge", "pending", "page"): DAY,
    ("refund", "submitted"): 5 * MINUTE,
    ("refund", "unknown"): 5 * MINUTE,
    ("refund", "pending"): DAY,
    # Card schemes give a refund five to ten working days.
    ("refund", "pending", "card"): 14 * DAY,
    ("payout", "submitted"): 5 * MINUTE,
    ("payout", "unknown"): 5 * MINUTE,
    ("payout", "in_transit"): DAY,
    # A file that the operator has taken to its bank, weekends and holidays included.
    ("payout", "in_transit", "bank"): 7 * DAY,
}

# A page that is over is ended by the janitor (`payments.pages.MARGIN`) as soon as its
# provider answers; who is still open after this does not get an answer.
AFTER_PAGE = 10 * MINUTE

# Younger than this nothing is in the queue, whatever it is.
LEAST_PATIENCE = min(PATIENCE.values())

# In these states the provider may not even have heard of the payment: its outcome is unknown. In
# others it has accepted the payment and is late.
UNCERTAIN = frozenset({"submitted", "unknown"})

# Ages, in seconds, at which `unresolved_payment.aged` is said.
ALERT_AGES = (HOUR, DAY, 3 * DAY)

# When the provider is asked again after somebody's decision, counted from it: for three months,
# within which the networks of the region settle complaints. Its callbacks are heard for ever.
LOOKS_AFTER_DECISION = tuple(
    timedelta(seconds=seconds) for seconds in (HOUR, DAY, 3 * DAY, 7 * DAY, 31 * DAY, 90 * DAY)
)

# Nobody decides about a payment that was sent less than this many seconds ago: longer than its
# turn, its preparation and its time-outs can take.
SENDING_SECONDS = 120

# What final states mean for the money.
OUTCOMES: dict[tuple[Type, str], Outcome] = {
    ("charge", "authorized"): "succeeded",
    ("charge", "succeeded"): "succeeded",
    ("charge", "failed"): "failed",
    ("charge", "canceled"): "failed",
    ("refund", "succeeded"): "succeeded",
    ("refund", "failed"): "failed",
    ("payout", "paid"): "succeeded",
    ("payout", "failed"): "failed",
    ("payout", "canceled"): "failed",
}


def patience(type: Type, state: str, rail: Rail, page_seconds: int | None = None) -> int | None:
    """Seconds that a payment may be in a state; None for one that is not open. `page_seconds` is
    how long the provider's page can be paid on, if it says so."""
    if rail == "page" and state == "pending" and page_seconds is not None:
        return page_seconds + AFTER_PAGE
    of_rail = PATIENCE.get((type, state, rail))
    return PATIENCE.get((type, state)) if of_rail is None else of_rail


def next_alert(age: int, said: int) -> int | None:
    """The next age to speak of, for a payment of this age about which `said` was the last; None
    when all has been said. One that has been passed already is next."""
    due = [alert for alert in ALERT_AGES if alert > said]
    passed = [alert for alert in due if alert <= age]
    return passed[-1] if passed else next(iter(due), None)


def next_look(decided_at: int | None, now: float) -> timedelta | None:
    """How long until the provider of a decided payment is asked again; None: it never is."""
    if decided_at is None:
        return None
    age = timedelta(seconds=now - decided_at)
    return next((look - age for look in LOOKS_AFTER_DECISION if look > age), None)


def read_limits(text: str) -> dict[str, int]:
    """`xaf:100000,eur:15000` as minor units by currency."""
    pairs = (pair.split(":") for pair in text.split(","))
    return {currency: int(amount) for currency, amount in pairs}


def needs_two(limits: Mapping[str, int], amount: int, currency: str) -> bool:
    """Whether a decision about this amount needs a second person. Without a limit of its own, every
    amount of a currency does."""
    return abs(amount) > limits.get(currency, 0)
