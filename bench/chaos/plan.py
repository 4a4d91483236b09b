"""What a run will do, drawn from its seed alone: payments, faults of the PSPs, kills.

The seed decides what is attempted and in which order. When exactly the operating system lets
something happen is not ours, so a replay repeats the run's pressure, not its microseconds.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

Psp = Literal["cards", "mtn"]
Part = Literal["serve", "worker", "sandbox", "postgres"]
Scenario = Literal[
    "card",
    "card refused",
    "card refused, then another",
    "card held, captured",
    "card held, captured in part",
    "card held, canceled",
    "card authenticated",
    "card not authenticated, canceled",
    "wallet",
    "wallet refused",
    "wallet refused, then a card",
    "wallet never answers",
]

MERCHANTS = 3
CLIENTS = 16  # payments under way at the same time

PARTS: tuple[Part, ...] = ("serve", "worker", "sandbox", "postgres")

# Scenario, what pays first, and how many of them among all. The last digits of a wallet decide its
# outcome in MTN's sandbox, as the name of a card does in Stripe's.
_SCENARIOS: list[tuple[Scenario, str, int]] = [
    ("card", "pm_card_visa", 5),
    ("card refused", "pm_card_visa_chargeDeclined", 1),
    ("card refused, then another", "pm_card_visa_chargeDeclinedInsufficientFunds", 2),
    ("card held, captured", "pm_card_mastercard", 3),
    ("card held, captured in part", "pm_card_visa", 2),
    ("card held, canceled", "pm_card_visa", 2),
    ("card authenticated", "pm_card_authenticationRequired", 2),
    ("card not authenticated, canceled", "pm_card_authenticationRequired", 1),
    ("wallet", "+237671234567", 6),
    ("wallet refused", "+237670000051", 1),
    ("wallet refused, then a card", "+237670000065", 2),
    ("wallet never answers", "+237670000053", 1),
]

# What happens to the answer to a charge, and for how long. Most are answered: were it less than
# half, the engine's breaker would keep the others from ever being sent.
_FAULTS: list[dict[str, Any]] = [
    *[{}] * 14,
    {"fault": "timeout_after_accepting", "fault_seconds": 2},
    {"fault": "reset_before_accepting"},
    {"fault": "reset_after_accepting"},
    {"fault": "error_500"},
    {"fault": "error_503"},
    {"fault": "error_500_after_accepting"},
    {"fault": "unparsable_after_accepting"},
    {"fault": "slow", "fault_seconds": 1.5},
]
_CALLBACKS: list[dict[str, Any]] = [
    {},
    {"callback": "lost"},
    {"callback": "doubled"},
    {"callback": "late", "callback_seconds": 3},
    {"callback": "reordered", "callback_seconds": 3},
]
# During an ambush the PSP takes its time, before or after it has accepted the charge.
_SLOWLY: list[dict[str, Any]] = [
    {"fault": "slow", "fault_seconds": 2},
    {"fault": "timeout_after_accepting", "fault_seconds": 2},
]

# What no amount can choose, because the protocol does not name it in these calls.
_WEATHER: list[tuple[Psp, dict[str, Any]]] = [
    ("cards", {"operation": "look_up", "outcome": "not_indexed", "times": 3}),
    ("cards", {"operation": "look_up", "fault": "error_503", "times": 2}),
    ("cards", {"operation": "capture", "fault": "reset_after_accepting", "times": 2}),
    ("cards", {"operation": "capture", "fault": "reset_before_accepting", "times": 1}),
    ("cards", {"operation": "capture", "fault": "slow", "fault_seconds": 2, "times": 2}),
    ("cards", {"operation": "cancel", "fault": "reset_after_accepting", "times": 1}),
    ("cards", {"operation": "cancel", "fault": "error_500_after_accepting", "times": 1}),
    ("mtn", {"operation": "look_up", "fault": "unparsable_after_accepting", "times": 2}),
    ("mtn", {"operation": "look_up", "fault": "slow", "fault_seconds": 2, "times": 2}),
    ("mtn", {"operation": "token", "fault": "reset_after_accepting", "times": 1}),
    ("mtn", {"operation": "token", "fault": "error_503", "times": 1}),
]


@dataclass(frozen=True, slots=True)
class Payment:
    """One thing a merchant wants to be paid."""

    number: int
    merchant: int
    amount: int  # XAF; no other payment of the run has it, so a PSP's book tells them apart
    scenario: Scenario
    payer: str  # a test card's alias, or an MSISDN
    separate: bool  # created first, confirmed in a second call
    impatient: bool  # the client hangs up early, and asks again with the same key
    rule: dict[str, Any]  # what the PSP's script does to the charge
    ambush: Part | None  # killed while the PSP is at work on this charge

    @property
    def psp(self) -> Psp:
        """Which sandbox PSP its first attempt goes to."""
        return "mtn" if self.payer.startswith("+") else "cards"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run."""

    seed: int
    payments: list[Payment]
    kills: list[Part]  # one after the other while payments go on, beside the ambushes
    weather: list[tuple[Psp, dict[str, Any]]]  # rules given to the PSPs, one after the other


def draw(seed: int, payments: int, kills: int) -> Plan:
    """The plan of this seed: `payments` payments and `kills` kills, about half of them ambushes."""
    random = Random(seed)
    ambushes = dict(
        zip(
            random.sample(range(payments), kills // 2),
            _shuffled_rounds(random, kills // 2),
            strict=True,
        )
    )
    return Plan(
        seed,
        [_payment(random, number, ambushes.get(number)) for number in range(payments)],
        _shuffled_rounds(random, kills - kills // 2),
        [random.choice(_WEATHER) for _ in range(payments)],
    )


def _shuffled_rounds(random: Random, count: int) -> list[Part]:
    """Every part as often as the others, in an order of its own."""
    parts = [PARTS[index % len(PARTS)] for index in range(count)]
    random.shuffle(parts)
    return parts


def _payment(random: Random, number: int, ambush: Part | None) -> Payment:
    weights = [weight for _, _, weight in _SCENARIOS]
    scenario, payer, _ = random.choices(_SCENARIOS, weights)[0]
    amount = 10_000 + number
    fault = random.choice(_SLOWLY if ambush else _FAULTS)
    rule = {"amount": amount, "times": 1, **random.choice(_CALLBACKS), **fault}
    return Payment(
        number=number,
        merchant=random.randrange(MERCHANTS),
        amount=amount,
        scenario=scenario,
        payer=payer,
        separate=random.random() < 0.4,
        impatient=random.random() < 0.2,
        rule=rule,
        ambush=ambush,
    )
