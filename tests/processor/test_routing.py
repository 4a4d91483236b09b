"""The routing decision as a table: it is a pure function of accounts, rules and a payment."""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.routing.accounts import Account, Cost
from processor.routing.decision import Conditions, Decision, Payment, Rule, Target, decide
from providers.boundary import AmountRange, Answer, Capabilities, Charge, Flow, Payout


@dataclass
class Rail:
    """A provider of which routing reads the capabilities, and nothing is asked."""

    capabilities: Capabilities
    name: str = "rail"

    async def charge(self, charge: Charge) -> Answer:
        raise NotImplementedError

    async def look_up(self, charge: Charge) -> Answer:
        raise NotImplementedError

    def read_callback(self, headers: Any, body: bytes) -> str | None:
        raise NotImplementedError


class HoldingRail(Rail):
    """One that can hold an amount first."""

    async def capture(self, charge: Charge, reference: str, amount: int) -> Answer:
        raise NotImplementedError

    async def cancel(self, charge: Charge, reference: str) -> Answer:
        raise NotImplementedError


class PayingRail(Rail):
    """One that sends money out."""

    async def pay_out(self, payout: Payout) -> Answer:
        raise NotImplementedError

    async def look_up_payout(self, payout: Payout) -> Answer:
        raise NotImplementedError


MTN = Capabilities(
    methods=frozenset({"mobile_money"}),
    flow=Flow.PUSH,
    currencies=frozenset({"xaf"}),
    networks=frozenset({"mtn"}),
    countries=frozenset({"CM"}),
)
PAGE = replace(
    MTN,
    flow=Flow.REDIRECT,
    networks=frozenset({"mtn", "orange"}),
    amounts={"xaf": AmountRange(100, 10_000, 5)},
)
CARDS = Capabilities(
    methods=frozenset({"card"}), flow=Flow.DIRECT, currencies=frozenset({"xaf", "eur"})
)

WALLET = Payment("mobile_money", "xaf", 5000, network="mtn", country="CM")


def account(name: str, able: Capabilities = MTN, kind: type[Rail] = Rail, **more: Any) -> Account:
    """An account; `down` opens its breaker for charges."""
    down = more.pop("down", False)
    made = Account(name, "mtn", kind(able), livemode=False, **more)
    if down:
        made.breakers["charge"].open_for(86_400)  # the cases outlive a whole run of tests
    return made


def rule(*shares: tuple[str, int], fallback: bool = True, **conditions: Any) -> Rule:
    targets = tuple(Target(name, share) for name, share in shares)
    return Rule("rr_1", Conditions(**conditions), targets, fallback)


@dataclass
class Case:
    """Accounts, rules and a payment, and what comes of them."""

    accounts: list[Account]
    order: list[str]  # the accounts that can take it, best first
    reasons: dict[str, str] = field(default_factory=dict)  # of those that matter to the case
    rules: list[Rule] = field(default_factory=list)
    payment: Payment = WALLET
    reason: str | None = None  # why there is none


CHEAP, DEAR = {"xaf": Cost(100)}, {"xaf": Cost(200)}
PLAIN = account("plain")

CASES: dict[str, Case] = {
    "one account": Case([PLAIN], ["plain"], {"plain": "available"}),
    "its own before the operator's": Case(
        [PLAIN, account("pa_1", owner="t1_test")], ["pa_1", "plain"], {"pa_1": "own_account"}
    ),
    "its own, though dearer": Case(
        [account("plain", costs=CHEAP), account("pa_1", owner="t1_test", costs=DEAR)],
        ["pa_1", "plain"],
    ),
    "the cheaper one": Case(
        [account("a", costs=DEAR), account("b", costs=CHEAP)], ["b", "a"], {"b": "cost"}
    ),
    "a fixed cost weighs on a small amount": Case(
        [account("a", costs={"xaf": Cost(0, 60)}), account("b", costs={"xaf": Cost(100)})],
        ["b", "a"],
    ),
    "a prompt before a page": Case([account("a", PAGE), account("b")], ["b", "a"]),
    "what is down comes last": Case(
        [account("a", down=True), account("b")],
        ["b", "a"],
        {"a": "provider_degraded", "b": "available"},
    ),
    "its own is down": Case(
        [PLAIN, account("pa_1", owner="t1_test", down=True)], ["plain", "pa_1"]
    ),
    "all are down: it is tried all the same": Case([account("a", down=True)], ["a"]),
    "disabled": Case([account("a", disabled="trouble"), account("b")], ["b"], {"a": "disabled"}),
    "all are disabled": Case([account("a", disabled="trouble")], [], reason="disabled"),
    "no account at all": Case([], [], reason="no_provider"),
    "another network": Case(
        [PLAIN], [], payment=replace(WALLET, network="orange"), reason="no_provider"
    ),
    "another country": Case(
        [PLAIN], [], payment=replace(WALLET, country="CI"), reason="no_provider"
    ),
    "another currency": Case(
        [PLAIN], [], payment=replace(WALLET, currency="xof"), reason="no_provider"
    ),
    "another method": Case(
        [PLAIN, account("cards", CARDS)], ["cards"], payment=Payment("card", "eur", 5000)
    ),
    "too small for one": Case(
        [account("a", PAGE), account("b")],
        ["b"],
        {"a": "amount_too_small"},
        payment=replace(WALLET, amount=95),
    ),
    "too small for all": Case(
        [account("a", PAGE)], [], payment=replace(WALLET, amount=95), reason="amount_too_small"
    ),
    "too large": Case(
        [account("a", PAGE)], [], payment=replace(WALLET, amount=10_005), reason="amount_too_large"
    ),
    "no round amount": Case(
        [account("a", PAGE)], [], payment=replace(WALLET, amount=101), reason="amount_step"
    ),
    "nobody holds": Case(
        [PLAIN], [], payment=replace(WALLET, hold=True), reason="no_manual_capture"
    ),
    "one holds": Case(
        [account("a", CARDS), account("b", CARDS, HoldingRail)],
        ["b"],
        {"a": "no_manual_capture"},
        payment=Payment("card", "eur", 5000, hold=True),
    ),
    "only one pays out": Case(
        [PLAIN, account("b", MTN, PayingRail)], ["b"], payment=replace(WALLET, use="payout")
    ),
    "a breaker of charges stops no payout": Case(
        [account("a", MTN, PayingRail, down=True), account("b", MTN, PayingRail)],
        ["a", "b"],
        payment=replace(WALLET, use="payout"),
    ),
    "a rule before everything but health": Case(
        [account("a", costs=CHEAP), account("b", costs=DEAR), account("pa_1", owner="t")],
        ["b", "pa_1", "a"],
        {"b": "rule"},
        [rule(("b", 100))],
    ),
    "a rule for others": Case(
        [PLAIN, account("b")], ["b", "plain"], {}, [rule(("plain", 100), currencies=("xof",))]
    ),
    "the first rule that fits": Case(
        [PLAIN, account("b")],
        ["plain", "b"],
        {},
        [rule(("b", 100), amount_at_least=5001), rule(("plain", 100), networks=("mtn",))],
    ),
    "bounds belong to the rule": Case(
        [PLAIN, account("b")],
        ["plain", "b"],
        {},
        [rule(("plain", 100), amount_at_least=5000, amount_at_most=5000)],
    ),
    "a rule without a fallback": Case(
        [PLAIN, account("b")],
        ["b"],
        {"plain": "not_in_rule"},
        [rule(("b", 100), fallback=False)],
    ),
    "a rule without a fallback, whose account is disabled": Case(
        [PLAIN, account("b", disabled="trouble")],
        [],
        {"plain": "not_in_rule", "b": "disabled"},
        [rule(("b", 100), fallback=False)],
        reason="not_in_rule",
    ),
    "a rule that names what is gone": Case([PLAIN], ["plain"], {}, [rule(("gone", 100))]),
    "a rule's account that is down stays behind its others": Case(
        [account("a", down=True), account("b"), account("c")],
        ["b", "a", "c"],
        {},
        [rule(("a", 100), ("b", 0))],
    ),
    "a share of nothing only follows": Case(
        [PLAIN, account("b")], ["b", "plain"], {}, [rule(("plain", 0), ("b", 100))]
    ),
}


def decision(case: Case) -> Decision:
    return decide(case.accounts, case.rules, case.payment)


@pytest.mark.parametrize("name", CASES)
def test_the_decision(name: str) -> None:
    case = CASES[name]
    made = decision(case)
    assert [each.name for each in made.accounts] == case.order
    shown = {each.account: each.reason for each in made.considered}
    assert {**shown, **case.reasons} == shown
    results = [each.result for each in made.considered]
    expected = ["chosen", *["fallback"] * (len(case.order) - 1)] if case.order else []
    assert results == expected + ["excluded"] * (len(results) - len(expected))
    if case.reason is not None:
        assert made.reason == case.reason


@given(cuts=st.lists(st.integers(0, 100), min_size=1, max_size=4).map(sorted))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_splits_are_drawn_in_their_shares_and_always_alike(cuts: list[int]) -> None:
    shares = [after - before for before, after in pairwise([0, *cuts, 100])]
    names = [f"a{index}" for index in range(len(shares))]
    accounts = [account(name) for name in names]
    split = rule(*zip(names, shares, strict=True))
    drawn: Counter[str] = Counter()
    for key in range(400):
        payment = replace(WALLET, key=f"pi_{key}")
        first = decide(accounts, [split], payment).accounts[0].name
        assert decide(reversed(accounts), [split], payment).accounts[0].name == first
        drawn[first] += 1
    for name, share in zip(names, shares, strict=True):
        # Five standard deviations of 400 draws, and a little.
        assert abs(drawn[name] / 4 - share) <= 5 * (share * (100 - share) / 400) ** 0.5 + 1
        assert share or not drawn[name]


@given(
    down=st.lists(st.booleans(), min_size=3, max_size=3),
    disabled=st.lists(st.booleans(), min_size=3, max_size=3),
    amount=st.integers(1, 20_000),
    hold=st.booleans(),
    fallback=st.booleans(),
)
@settings(deadline=None)
def test_each_account_is_shown_once_and_nothing_goes_where_it_may_not(
    down: list[bool], disabled: list[bool], amount: int, hold: bool, fallback: bool
) -> None:
    kinds = [(MTN, Rail), (PAGE, Rail), (MTN, HoldingRail)]
    accounts = [
        account(f"a{i}", able, kind, down=down[i], disabled="trouble" if disabled[i] else None)
        for i, (able, kind) in enumerate(kinds)
    ]
    payment = replace(WALLET, amount=amount, hold=hold)
    made = decide(accounts, [rule(("a0", 60), ("a2", 40), fallback=fallback)], payment)
    assert sorted(each.account for each in made.considered) == ["a0", "a1", "a2"]
    for taken in made.accounts:
        assert taken.disabled is None
        assert fallback or taken.name != "a1"
        assert not hold or taken.name == "a2"
        assert taken.name != "a1" or (100 <= amount <= 10_000 and amount % 5 == 0)
    states = [each.state("charge") for each in made.accounts if each.name != "a1"]
    assert states == sorted(states)  # closed before open, among those that the rule names
