"""What a run will do, drawn from its seed alone: payments, faults of the PSPs, kills.

The seed decides what is attempted and in which order. When exactly the operating system lets
something happen is not ours, so a replay repeats the run's pressure, not its microseconds.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from bench.chaos.payers import (
    HARD_TO_REFUND,
    HOLDING_PAGES,
    LACKING_WALLETS,
    OPERATIONS,
    PAGES,
    REFUSING_PAGES,
    REFUSING_WALLETS,
    SILENT_WALLETS,
    WALLETS,
    Payer,
    Use,
    by_card,
    destination,
)
from bench.chaos.trouble import CALLBACKS, FAULTS, SLOWLY, WEATHER, Psp, Rule

Part = Literal["serve", "worker", "sandbox", "postgres"]
Scenario = Literal[
    "card",
    "card refused",
    "card refused, then another",
    "card authenticated",
    "card not authenticated, canceled",
    "held, captured",
    "held, captured in part",
    "held, canceled",
    "held, captured, refunded",
    "wallet",
    "wallet refused",
    "wallet refused, then a card",
    "wallet never answers",
    "page",
    "page refused",
    "page left",
    "refunded",
    "refunded in parts",
    "refunded by many at once",
    "refunded too much",
    "disputed, won",
    "disputed, lost",
    "disputed, given up",
    "paid out",
    "paid out, canceled",
    "paid out too much",
]

MERCHANTS = 3
PARTS: tuple[Part, ...] = ("serve", "worker", "sandbox", "postgres")

# Amounts are from here upwards, each once, in minor units of whichever currency; CinetPay takes
# multiples of five francs.
LEAST = 20_000
STEP = 5
# A single charge cannot be larger: what merchants have to begin with comes in such pieces.
FUND = 90_000_000


@dataclass(frozen=True, slots=True)
class _Kind:
    """One scenario: how many of it among all, who pays, and which calls a PSP can spoil.

    `takes`: it takes money from the merchant's balance again.
    """

    scenario: Scenario
    weight: int
    payers: Sequence[Payer]
    uses: Sequence[Use] = ("charge",)
    takes: bool = False


_BACK: tuple[Use, ...] = ("charge", "refund", "refund")
_OUT: tuple[Use, ...] = ("payout",)
_CARD = by_card("pm_card_visa")
_DISPUTED = by_card("pm_card_createDispute")
_AUTHENTICATED = by_card("pm_card_authenticationRequired")
_PAID_AT_ONCE = [Payer("cards", currency, "pm_card_bypassPending") for currency in ("xaf", "xof")]
# CMI knows a refund by its amount alone: of two equal ones a person has to say which is which.
_IN_PARTS = [*_CARD, *WALLETS, HOLDING_PAGES[-1]]
_ANY = [*_CARD, *WALLETS, *PAGES]
_KINDS = [
    _Kind("card", 10, [*_CARD, *by_card("pm_card_amex")]),
    _Kind("card refused", 2, by_card("pm_card_visa_chargeDeclined")),
    _Kind("card refused, then another", 3, by_card("pm_card_chargeDeclinedInsufficientFunds")),
    _Kind("card authenticated", 3, _AUTHENTICATED),
    _Kind("card not authenticated, canceled", 1, _AUTHENTICATED),
    _Kind("held, captured", 4, [*by_card("pm_card_mastercard"), *HOLDING_PAGES]),
    _Kind("held, captured in part", 3, [*_CARD, *HOLDING_PAGES]),
    _Kind("held, canceled", 3, [*_CARD, *HOLDING_PAGES]),
    _Kind("held, captured, refunded", 2, [*_CARD, *HOLDING_PAGES], _BACK, takes=True),
    _Kind("wallet", 10, WALLETS),
    _Kind("wallet refused", 2, REFUSING_WALLETS),
    _Kind("wallet refused, then a card", 2, LACKING_WALLETS),
    _Kind("wallet never answers", 1, SILENT_WALLETS),
    _Kind("page", 10, PAGES),
    _Kind("page refused", 2, REFUSING_PAGES),
    _Kind("page left", 1, PAGES),
    _Kind("refunded", 6, [*_CARD, *WALLETS, *HARD_TO_REFUND, *HOLDING_PAGES], _BACK, takes=True),
    _Kind("refunded in parts", 4, _IN_PARTS, _BACK, takes=True),
    _Kind("refunded by many at once", 3, _IN_PARTS, _BACK, takes=True),
    _Kind("refunded too much", 2, _ANY),
    _Kind("disputed, won", 1, _DISPUTED, takes=True),
    _Kind("disputed, lost", 2, _DISPUTED, takes=True),
    _Kind("disputed, given up", 1, _DISPUTED, takes=True),
    _Kind("paid out", 6, _PAID_AT_ONCE, _OUT, takes=True),
    _Kind("paid out, canceled", 2, _PAID_AT_ONCE, _OUT, takes=True),
    _Kind("paid out too much", 1, _PAID_AT_ONCE),
]


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment, what its merchant does with it afterwards, and what is done to it."""

    number: int
    merchant: int
    amount: int  # minor units; no other payment of the run has it, so a PSP's book tells them apart
    scenario: Scenario
    payer: Payer  # and the currency
    separate: bool = False  # created first, confirmed in a second call
    impatient: bool = False  # the client hangs up early, and asks again with the same key
    rule: Rule = field(default_factory=dict)  # what the PSP's script does to one of its calls
    told: Psp = "cards"  # which PSP gets the rule
    ambush: Part | None = None  # killed while the PSP is at work on that call


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run."""

    seed: int
    payments: list[Payment]
    kills: list[Part]  # spread evenly over the payments, beside the ambushes
    weather: list[tuple[Psp, Rule]]  # rules given to the PSPs, one after the other, again and again
    funds: list[Payment] = field(default_factory=list)  # paid first, for what is taken later


def draw(
    seed: int,
    payments: int,
    kills: int,
    troubled: float = 1.0,
    psps: Collection[Psp] = tuple(OPERATIONS),
) -> Plan:
    """The plan of this seed: `payments` payments and `kills` kills, about half of them ambushes.

    `troubled` is the part of the payments that may have a rule of their own; the weather is for
    all. Nobody pays at PSPs other than `psps`.
    """
    kinds = list(_at(psps))
    random = Random(seed)
    ambushes = dict(
        zip(
            random.sample(range(payments), kills // 2),
            _shuffled_rounds(random, kills // 2),
            strict=True,
        )
    )
    drawn = [
        _payment(random, number, kinds, ambushes.get(number), troubled)
        for number in range(payments)
    ]
    return Plan(
        seed,
        drawn,
        _shuffled_rounds(random, kills - kills // 2),
        [random.choice(WEATHER) for _ in range(1000)],
        _funds(drawn),
    )


def _shuffled_rounds(random: Random, count: int) -> list[Part]:
    """Every part as often as the others, in an order of its own."""
    parts = [PARTS[index % len(PARTS)] for index in range(count)]
    random.shuffle(parts)
    return parts


def _at(psps: Collection[Psp]) -> Iterator[_Kind]:
    for kind in _KINDS:
        if payers := [payer for payer in kind.payers if payer.psp in psps]:
            yield replace(kind, payers=payers)


def _payment(
    random: Random, number: int, kinds: Sequence[_Kind], ambush: Part | None, troubled: float
) -> Payment:
    kind = random.choices(kinds, [kind.weight for kind in kinds])[0]
    payer = random.choice(kind.payers).of(number)
    rule = random.choice(CALLBACKS) | random.choice(SLOWLY if ambush else FAULTS)
    told, operation = _spoilt(number, payer, random.choice(kind.uses))
    amount = LEAST + STEP * number
    if ambush or random.random() < troubled:
        rule = rule and {"operation": operation, "amount": amount, "times": 1, **rule}
    else:
        rule = {}
    return Payment(
        number=number,
        merchant=random.randrange(MERCHANTS),
        amount=amount,
        scenario=kind.scenario,
        payer=payer,
        separate=random.random() < 0.4,
        impatient=random.random() < 0.2,
        rule=rule,
        told=told,
        ambush=ambush,
    )


def _spoilt(number: int, payer: Payer, use: Use) -> tuple[Psp, str]:
    """The PSP, and its name for the call, that a rule of this payment is for."""
    psp = destination(number, payer.currency).psp if use == "payout" else payer.psp
    operations = OPERATIONS[psp]
    return psp, operations.get(use, operations["charge"])


def _funds(payments: Sequence[Payment]) -> list[Payment]:
    """Charges whose money can be used at once: for each merchant and currency, all that its
    payments may take from the balance, and what fees take of it."""
    takers = {kind.scenario for kind in _KINDS if kind.takes}
    needed: Counter[tuple[int, str]] = Counter()
    for payment in payments:
        if payment.scenario in takers:
            needed[payment.merchant, payment.payer.currency] += payment.amount
    funds: list[Payment] = []
    for (merchant, currency), amount in sorted(needed.items()):
        for _ in range(1 + amount * 11 // 10 // FUND):
            number = len(payments) + len(funds)
            payer = Payer("cards", currency, "pm_card_bypassPending")
            funds.append(Payment(number, merchant, FUND + number, "card", payer))
    return funds
