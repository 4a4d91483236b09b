"""Which account takes a charge whose payer has left an approval with one of them."""

from typing import Any

import httpx
import pytest

from processor.routing.accounts import Account, Cost
from processor.routing.decision import Conditions, Payment, Rule, Target, decide
from providers.mtn import MtnCollection, MtnCredentials


def account(name: str, owner: str | None = None, cost: int = 0, **changes: Any) -> Account:
    """An MTN account in Cameroon."""
    credentials = MtnCredentials("key", "user", "secret", "mtncameroon")
    provider = MtnCollection(credentials, httpx.AsyncClient())
    return Account(name, "mtn", provider, False, owner=owner, costs={"xaf": Cost(cost)}, **changes)


def payment(mandated: str | None) -> Payment:
    return Payment("mobile_money", "xaf", 5000, "mtn", "CM", mandated=mandated, key="pi_1")


TO_OWN = Rule("rr_1", Conditions(), (Target("own"),))
ONLY_OWN = Rule("rr_2", Conditions(), (Target("own"),), fallback=False)


@pytest.mark.parametrize(
    ("mandated", "rules", "order", "merit"),
    [
        (None, [], ["own", "cheap", "dear"], "own_account"),
        ("dear", [], ["dear", "own", "cheap"], "mandate"),
        ("cheap", [TO_OWN], ["cheap", "own", "dear"], "mandate"),
        ("own", [TO_OWN], ["own", "cheap", "dear"], "mandate"),
        # The merchant forbids it: the payer is asked through the merchant's own account.
        ("cheap", [ONLY_OWN], ["own"], "rule"),
        ("closed_long_ago", [], ["own", "cheap", "dear"], "own_account"),
    ],
)
def test_the_account_with_the_approval_comes_first(
    mandated: str | None, rules: list[Rule], order: list[str], merit: str
) -> None:
    accounts = [account("dear", cost=200), account("cheap", cost=100), account("own", "t_test")]
    decision = decide(accounts, rules, payment(mandated))
    assert [each.name for each in decision.accounts] == order
    assert decision.considered[0].reason == merit


def test_an_account_that_fails_takes_no_charge_for_its_approvals() -> None:
    accounts = [account("kept"), account("other")]
    while accounts[0].state("charge") != "open":
        accounts[0].breakers["charge"].report(answered=False)
    decision = decide(accounts, [], payment("kept"))
    assert [each.name for each in decision.accounts] == ["other", "kept"]
    accounts[1].disabled = "by hand"
    assert [each.name for each in decide(accounts, [], payment("other")).accounts] == ["kept"]
