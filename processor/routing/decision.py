"""Which accounts can take a payment, in which order, and why: a pure function of what is known.

The account that keeps the payer's approval of this very charge comes first; then a rule of the
merchant; then health; then its own accounts before the operator's; then the provider's cost. What
was considered is kept with the charge, so that nobody has to guess.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from processor.routing.accounts import Account, Cost
from providers.boundary import Captures, Flow, Payouts

Use = Literal["charge", "payout"]


@dataclass(frozen=True, slots=True)
class Payment:
    """What routing looks at."""

    method: str  # a payment method type
    currency: str
    amount: int  # minor units
    network: str | None = None  # of the wallet
    country: str | None = None  # of the wallet
    hold: bool = False  # authorized first, captured later
    use: Use = "charge"
    mandated: str | None = None  # the account that keeps the payer's approval of this charge
    key: str = ""  # what splits are drawn by: the same key draws the same account


class Conditions(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which payments a rule is for. A field left out fits any."""

    payment_method_types: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    amount_at_least: int | None = None  # minor units
    amount_at_most: int | None = None

    def fit(self, payment: Payment) -> bool:
        """Whether the rule is for this payment."""
        return (
            _among(payment.method, self.payment_method_types)
            and _among(payment.currency, self.currencies)
            and _among(payment.network, self.networks)
            and _among(payment.country, self.countries)
            and (self.amount_at_least is None or payment.amount >= self.amount_at_least)
            and (self.amount_at_most is None or payment.amount <= self.amount_at_most)
        )


def _among(value: str | None, allowed: tuple[str, ...]) -> bool:
    return not allowed or value in allowed


class Target(Struct, frozen=True):
    """An account that a rule sends payments to, with its share in per cent."""

    account: str
    percentage: int = 100


class Rule(Struct, frozen=True):
    """A merchant's wish. The first that fits decides."""

    id: str
    conditions: Conditions
    # Their percentages are 100 together. The account that is drawn comes first, the others follow.
    targets: tuple[Target, ...]
    fallback: bool = True  # whether accounts that it does not name may follow


class Considered(Struct, frozen=True, omit_defaults=True):
    """An account that was looked at, and what came of it."""

    account: str
    result: Literal["chosen", "fallback", "excluded"]
    reason: str


@dataclass(slots=True)
class Decision:
    """The accounts that can take a payment, best first."""

    accounts: list[Account] = field(default_factory=list)
    considered: list[Considered] = field(default_factory=list)
    rule: str | None = None
    reason: str = "no_provider"  # why there is none: of the account that came nearest


def decide(accounts: Iterable[Account], rules: Sequence[Rule], payment: Payment) -> Decision:
    """Put the accounts of one tenant and mode in order for a payment."""
    decision = Decision()
    able: list[Account] = []
    for account in accounts:
        if not _on_the_rail(account, payment):
            continue
        reason = _obstacle(account, payment)
        if reason is None:
            able.append(account)
        else:
            decision.considered.append(Considered(account.name, "excluded", reason))
            decision.reason = reason
    able.sort(key=lambda account: _rank(account, payment))
    rule = next((rule for rule in rules if rule.conditions.fit(payment)), None)
    if rule is not None:
        decision.rule = rule.id
        able, dropped = _by_rule(rule, able, payment)
        decision.considered += [
            Considered(account.name, "excluded", "not_in_rule") for account in dropped
        ]
        if not able:
            decision.reason = "not_in_rule" if dropped else decision.reason
    if payment.mandated is not None:
        able.sort(key=lambda a: a.name != payment.mandated or a.state(payment.use) == "open")
    decision.accounts = able
    shown = [
        Considered(account.name, "fallback" if place else "chosen", _merit(account, payment, rule))
        for place, account in enumerate(able)
    ]
    decision.considered = shown + decision.considered
    return decision


def _on_the_rail(account: Account, payment: Payment) -> bool:
    """Whether the account serves this kind of payment at all; others are not worth a word."""
    able = account.provider.capabilities
    return (
        payment.method in able.methods
        and payment.currency in able.currencies
        # A card has no wallet's network or country, whatever wallets the account takes as well.
        and (payment.network is None or _among(payment.network, tuple(able.networks)))
        and (payment.country is None or _among(payment.country, tuple(able.countries)))
        and (payment.use == "charge" or _pays_out(account))
    )


def _pays_out(account: Account) -> bool:
    return isinstance(account.provider, Payouts) or isinstance(account.disbursement, Payouts)


def _obstacle(account: Account, payment: Payment) -> str | None:
    """Why this account can't take this payment; None if it can."""
    if account.disabled is not None:
        return "disabled"
    if payment.hold and not isinstance(account.provider, Captures):
        return "no_manual_capture"
    bounds = account.provider.capabilities.amounts.get(payment.currency)
    if bounds is None or payment.use != "charge":
        return None
    if payment.amount < bounds.least:
        return "amount_too_small"
    if bounds.most is not None and payment.amount > bounds.most:
        return "amount_too_large"
    return "amount_step" if payment.amount % bounds.step else None


def _rank(account: Account, payment: Payment) -> tuple[bool, bool, int, bool, str]:
    """Health, the merchant's own account, cost; then a prompt on the phone before a page."""
    cost = account.costs.get(payment.currency, Cost()).of(payment.amount)
    paged = account.provider.capabilities.flow is Flow.REDIRECT
    return account.state(payment.use) == "open", account.owner is None, cost, paged, account.name


def _by_rule(
    rule: Rule, able: list[Account], payment: Payment
) -> tuple[list[Account], list[Account]]:
    """The accounts in the rule's order, and those it leaves out. An account whose breaker is open
    stays behind the others, whatever its share."""
    names = [target.account for target in rule.targets]
    named = {account.name: account for account in able if account.name in names}
    drawn = _draw(rule.targets, payment.key)
    order = sorted(names, key=lambda name: (name != drawn, names.index(name)))
    first = [named[name] for name in order if name in named]
    first.sort(key=lambda account: account.state(payment.use) == "open")
    rest = [account for account in able if account.name not in names]
    return (first + rest, []) if rule.fallback else (first, rest)


def _draw(targets: Sequence[Target], key: str) -> str:
    """The target that this key falls to."""
    ticket = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % 100
    for target in targets:
        ticket -= target.percentage
        if ticket < 0:
            return target.account
    return targets[-1].account


def _merit(account: Account, payment: Payment, rule: Rule | None) -> str:
    """In a word, what put an account where it is."""
    if account.state(payment.use) == "open":
        return "provider_degraded"
    if account.name == payment.mandated:
        return "mandate"
    if rule is not None and account.name in [target.account for target in rule.targets]:
        return "rule"
    if account.owner is not None:
        return "own_account"
    return "cost" if payment.currency in account.costs else "available"
