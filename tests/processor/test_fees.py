"""What charges cost: plans, fees with their VAT, and when the money is available."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from live import Merchant, Stack, eventually

from cpay import price_command
from cpay.settings import Secret, Settings
from processor.ledger import posting
from processor.ledger.fees import CACHE_SECONDS, DAY, DEFAULTS, Plan, PriceBook
from processor.ledger.plans import PlanError, Scope, basis_points, check
from tenants import provision
from tenants.database import Database

AMOUNTS = st.integers(1, 99_999_999)
_LIMITS = st.none() | st.integers(0, 99_999_999)


def plans(**fixed: Any) -> st.SearchStrategy[Plan]:
    """Any plan that can be set."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "basis_points": st.integers(0, 10_000),
        "fixed": st.one_of(st.integers(0, 1_000), st.integers(0, 99_999_999)),
        "minimum": _LIMITS,
        "maximum": _LIMITS,
        "tax_basis_points": st.integers(0, 10_000),
        "settlement_days": st.integers(0, 90),
    }
    return st.builds(Plan, **fields | {name: st.just(value) for name, value in fixed.items()})


def parts(plan: Plan, amount: int) -> tuple[int, int]:
    """The fee and its tax."""
    details = plan.fee(amount)
    assert all(detail.amount > 0 for detail in details)
    taxes = [detail.amount for detail in details if detail.type == "tax"]
    fees = [detail.amount for detail in details if detail.type == "stripe_fee"]
    assert len(taxes) <= 1
    assert len(fees) <= 1
    return sum(fees), sum(taxes)


# --- arithmetic ---------------------------------------------------------------------------------


@given(plans(), AMOUNTS)
def test_the_merchant_keeps_at_least_one_unit(plan: Plan, amount: int) -> None:
    fee, tax = parts(plan, amount)
    assert 0 <= fee + tax < amount


@given(plans(), AMOUNTS)
def test_the_tax_is_its_share_of_the_fee_rounded_half_up(plan: Plan, amount: int) -> None:
    fee, tax = parts(plan, amount)
    assert abs(10_000 * tax - fee * plan.tax_basis_points) <= 5_000


@given(plans(), AMOUNTS, AMOUNTS)
def test_more_never_costs_less(plan: Plan, one: int, other: int) -> None:
    less, more = sorted([one, other])
    assert sum(parts(plan, less)) <= sum(parts(plan, more))


@given(plans(maximum=None), AMOUNTS, st.integers(0, 10_000))
def test_a_dearer_plan_costs_no_less(plan: Plan, amount: int, points: int) -> None:
    dearer = replace(plan, basis_points=max(plan.basis_points, points), fixed=plan.fixed + 1)
    assert parts(plan, amount) <= parts(dearer, amount)


@given(plans(), AMOUNTS)
def test_limits_hold_wherever_the_amount_allows(plan: Plan, amount: int) -> None:
    fee, tax = parts(plan, amount)
    if plan.maximum is not None:
        assert fee <= plan.maximum
    if plan.minimum is not None and (plan.maximum is None or plan.minimum <= plan.maximum):
        assert fee >= plan.minimum or fee + tax >= amount - 2


@pytest.mark.parametrize(
    ("plan", "amount", "fee", "tax"),
    [
        (Plan(150, 0, None, None, 1925, 1), 10_000, 150, 29),  # 28.875
        (Plan(150, 0, None, None, 1925, 1), 333, 5, 1),  # 4.995 and 0.9625
        (Plan(150, 50, None, None, 1925, 1), 1_000, 65, 13),  # 12.5125
        (Plan(290, 30, None, None, 2000, 2), 1_050, 60, 12),  # 60.45
        (Plan(150, 0, 100, None, 0, 1), 500, 100, 0),
        (Plan(150, 0, None, 75, 1925, 1), 10_000, 75, 14),  # 14.4375
        (Plan(0, 500, None, None, 1925, 1), 100, 83, 16),  # 99.8 would take all
        (Plan(0, 500, None, None, 1925, 1), 1, 0, 0),
        (Plan(0, 0, None, None, 1925, 1), 10_000, 0, 0),
    ],
)
def test_fees_by_hand(plan: Plan, amount: int, fee: int, tax: int) -> None:
    assert parts(plan, amount) == (fee, tax)


@given(plans(), st.integers(0, 2**33))
def test_money_becomes_available_at_a_midnight(plan: Plan, now: int) -> None:
    due = plan.available_on(now)
    if plan.settlement_days == 0:
        assert due == now
    else:
        assert due % DAY == 0
        assert 0 < due - now <= plan.settlement_days * DAY


# --- what can be set ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "points"), [("1.5", 150), ("0", 0), ("100", 10_000), ("2.90", 290)]
)
def test_a_percentage_is_exact(text: str, points: int) -> None:
    assert basis_points(text) == points


@pytest.mark.parametrize("text", ["1.555", "-1", "100.01", "NaN", "inf", "much", "", "1,5"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(PlanError):
        basis_points(text)


@pytest.mark.parametrize(
    ("scope", "plan", "words"),
    [
        (Scope(currency="zzz"), {}, "no currency 'zzz'"),
        (Scope(), {"fixed": 50}, "one currency only"),
        (Scope(method="card"), {"maximum": 50}, "one currency only"),
        (Scope(currency="xaf"), {"fixed": -1}, "between 0 and"),
        (Scope(currency="xaf"), {"fixed": 10**12}, "between 0 and"),
        (Scope(currency="xaf"), {"minimum": 5, "maximum": 4}, "more than the maximum"),
        (Scope(), {"settlement_days": 91}, "0 to 90 days"),
        (Scope(), {"settlement_days": -1}, "0 to 90 days"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(scope: Scope, plan: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        check(scope, replace(Plan(150, 0, None, None, 1925, 1), **plan))


# --- plans of an installation -------------------------------------------------------------------


@pytest.fixture
def operator(stack: Stack) -> Settings:
    """What the operator's commands are given."""
    return Settings(
        database_url=Secret(stack.database_url),
        key_pepper=Secret(stack.pepper.decode()),
        state_dir=stack.state,
    )


def set_plan(operator: Settings, **plan: Any) -> dict[str, Any]:
    return asyncio.run(price_command.set_plan(operator, **plan))


@pytest.fixture
def plan_for_everybody(operator: Settings) -> Iterator[None]:
    """One for all tenants, for charges that no other test makes."""
    scope = {"provider": "mtnbenin_test", "method": "mobile_money", "currency": "eur"}
    set_plan(operator, percent="7", **scope)
    yield
    asyncio.run(price_command.unset_plan(operator, **scope))


# Each plan's percentage, and the scope it is for beside the tenant, the least specific first: the
# tenant counts most, then the provider, the method, the currency.
PLANS = [
    ("1", {}),
    ("2", {"currency": "xaf"}),
    ("3", {"method": "card"}),
    ("4", {"method": "card", "currency": "xaf"}),
    ("5", {"provider": "cards_test"}),
    ("6", {"provider": "cards_test", "method": "card", "currency": "xaf"}),
]
# Provider, method and currency of a charge, and the plan it meets.
FOUND = [
    ("cards_test", "card", "xaf", 600),
    ("cards_test", "card", "eur", 500),
    ("other", "card", "xaf", 400),
    ("other", "card", "eur", 300),
    ("mtncameroon_test", "mobile_money", "xaf", 200),
    ("mtnbenin_test", "mobile_money", "eur", 100),
]


def test_the_most_specific_plan_is_found(
    merchant: Merchant, other_merchant: Merchant, operator: Settings, plan_for_everybody: None
) -> None:
    for percent, scope in reversed(PLANS):
        set_plan(operator, percent=percent, tenant=merchant.tenant.id, **scope)

    async def found_by(merchant: Merchant) -> list[int]:
        async with Database(operator.database_url, 1) as database:
            book = PriceBook(database)
            return [
                (await book.plan(merchant.tenant.test_schema, *charge)).basis_points
                for *charge, _ in FOUND
            ]

    assert asyncio.run(found_by(merchant)) == [points for *_, points in FOUND]
    usual = {default.method: default.basis_points for default in DEFAULTS}
    cards, wallets = usual["card"], usual["mobile_money"]
    others = asyncio.run(found_by(other_merchant))
    assert others == [cards, cards, cards, cards, wallets, 700]


def pay(merchant: Merchant, amount: int, currency: str = "xaf", **more: Any) -> Any:
    """A paid charge's balance transaction."""
    intent = merchant.api.payment_intents.create(
        {
            "amount": amount,
            "currency": currency,
            "confirm": True,
            "payment_method": "pm_card_visa",
            "expand": ["latest_charge.balance_transaction"],
            **more,
        }
    )
    return intent.latest_charge.balance_transaction


def test_a_change_takes_effect_within_seconds_and_is_shown(
    merchant: Merchant, operator: Settings
) -> None:
    def cost() -> int:
        return int(pay(merchant, 10_000).fee)

    assert cost() == 346  # the installation's own: 2.9 % and 19.25 % on it
    done = set_plan(operator, tenant=merchant.tenant.id, percent="1.5", fixed=50, currency="xaf")
    assert done["in_force_within_seconds"] == CACHE_SECONDS
    eventually(lambda: cost() == 239, CACHE_SECONDS + 2)
    shown = pay(merchant, 333)
    assert [(each.type, each.amount, each.currency) for each in shown.fee_details] == [
        ("stripe_fee", 55, "xaf"),
        ("tax", 11, "xaf"),
    ]
    assert shown.fee_details[1].description == "VAT 19.25 % on fees"
    assert (shown.fee, shown.net) == (66, 333 - 66)
    listed = asyncio.run(price_command.list_plans(operator, merchant.tenant.id))
    assert (merchant.tenant.id, 150, 50) in [
        (plan["tenant"], plan["basis_points"], plan["fixed"]) for plan in listed
    ]
    asyncio.run(price_command.unset_plan(operator, tenant=merchant.tenant.id, currency="xaf"))
    eventually(lambda: cost() == 346, CACHE_SECONDS + 2)


def test_a_mistyped_scope_is_refused(operator: Settings) -> None:
    for scope in ({"tenant": "acct_none"}, {"provider": "card_test"}):
        with pytest.raises(LookupError, match="There is no"):
            set_plan(operator, percent="1", **scope)
    with pytest.raises(RuntimeError, match="not a percentage"):
        set_plan(operator, percent="much")
    with pytest.raises(LookupError, match="no plan for exactly these"):
        asyncio.run(price_command.unset_plan(operator, provider="nobody"))


def test_a_tenant_with_a_plan_can_be_deleted(merchant: Merchant, operator: Settings) -> None:
    tenant = merchant.tenant.id
    set_plan(operator, percent="1", tenant=tenant)
    merchant.run(lambda connection: provision.delete_tenant(connection, tenant))
    plans_left = asyncio.run(price_command.list_plans(operator))
    assert tenant not in {plan["tenant"] for plan in plans_left}


def test_pending_money_is_available_when_its_day_comes(merchant: Merchant) -> None:
    shown = pay(merchant, 10_000)
    assert (shown.status, shown.available_on % DAY) == ("pending", 0)

    def balance() -> tuple[int, int]:
        found = merchant.api.balance.retrieve()
        return found.available[0].amount, found.pending[0].amount

    def release(now: int) -> None:
        async def work(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                schema = merchant.tenant.test_schema
                await connection.execute(f'set local search_path = "{schema}"')
                await posting.release(connection, now)

        merchant.run(work)

    assert balance() == (0, shown.net)
    release(shown.available_on - 1)
    assert balance() == (0, shown.net)
    release(shown.available_on)
    assert balance() == (shown.net, 0)
    release(shown.available_on)
    assert balance() == (shown.net, 0)


def test_a_fee_of_the_merchants_own_platform_is_refused(merchant: Merchant) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(merchant, 5_000, application_fee_amount=100)
    assert refused.value.param == "application_fee_amount"
