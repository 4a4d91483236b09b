"""Set, list and remove price plans: what `fees.py` reads.

A plan says for which charges it is (a tenant, a provider account, a method, a currency; what is
left out fits anything) and what they cost. There is one plan for each such scope.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from processor.ledger.fees import Plan
from processor.money import CURRENCIES
from tenants.database import Connection

Method = Literal["card", "hosted_card", "mobile_money", "paypal"]

_LONGEST_DELAY = 90  # days until money is available; a longer one is a mistyped number
_MOST = 99_999_999  # minor units, as of a charge


class PlanError(Exception):
    """A plan that cannot be. The message says why."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which charges a plan is for; None fits anything."""

    tenant: str | None = None
    provider: str | None = None  # an account's name, as charges have it
    method: Method | None = None
    currency: str | None = None  # ISO 4217, lower case


def basis_points(per_cent: str) -> int:
    """Hundredths of a per cent: "1.5" is 150. Raises PlanError for finer or impossible ones."""
    try:
        points = Decimal(per_cent) * 100
        whole = int(points)
    except (InvalidOperation, OverflowError, ValueError):
        raise PlanError(f"{per_cent[:20]!r} is not a percentage.") from None
    if whole != points or not 0 <= whole <= 10_000:
        raise PlanError(f"{per_cent[:20]} is not between 0 and 100 with at most two decimals.")
    return whole


def check(scope: Scope, plan: Plan) -> None:
    """Refuse a plan that would not mean what its author thinks. Raises PlanError."""
    if scope.currency is not None and scope.currency not in CURRENCIES:
        raise PlanError(f"There is no currency {scope.currency!r}, only {', '.join(CURRENCIES)}.")
    amounts = [plan.fixed, plan.minimum, plan.maximum]
    if scope.currency is None and any(amounts):
        raise PlanError("Fixed amounts mean something in one currency only: name it.")
    if not all(0 <= amount <= _MOST for amount in amounts if amount is not None):
        raise PlanError(f"Amounts are minor units between 0 and {_MOST}.")
    if plan.minimum is not None and plan.maximum is not None and plan.minimum > plan.maximum:
        raise PlanError("The minimum is more than the maximum.")
    if not 0 <= plan.settlement_days <= _LONGEST_DELAY:
        raise PlanError(f"Money becomes available within 0 to {_LONGEST_DELAY} days.")


_SET = """
insert into platform.price_plans
(tenant, provider, method, currency,
 basis_points, fixed, minimum, maximum, tax_basis_points, settlement_days)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (tenant, provider, method, currency) do update set
 (basis_points, fixed, minimum, maximum, tax_basis_points, settlement_days)
 = row(excluded.basis_points, excluded.fixed, excluded.minimum, excluded.maximum,
       excluded.tax_basis_points, excluded.settlement_days)
"""


async def set_plan(connection: Connection, scope: Scope, plan: Plan) -> None:
    """Make a scope's plan this one. Raises PlanError."""
    check(scope, plan)
    await connection.execute(
        _SET,
        *_place(scope),
        plan.basis_points,
        plan.fixed,
        plan.minimum,
        plan.maximum,
        plan.tax_basis_points,
        plan.settlement_days,
    )


async def list_plans(connection: Connection, tenant: str | None) -> list[dict[str, Any]]:
    """Every plan, or those that a tenant's charges can meet, from the general to the special."""
    rows = await connection.fetch(
        "select tenant, provider, method, currency, basis_points, fixed, minimum, maximum,"
        " tax_basis_points, settlement_days from platform.price_plans"
        " where $1::text is null or tenant is null or tenant = $1"
        " order by tenant nulls first, provider nulls first, method nulls first,"
        " currency nulls first",
        tenant,
    )
    return [dict(row) for row in rows]


async def unset_plan(connection: Connection, scope: Scope) -> bool:
    """Remove a scope's plan. False: there was none."""
    removed: str = await connection.execute(
        "delete from platform.price_plans where tenant is not distinct from $1"
        " and provider is not distinct from $2 and method is not distinct from $3"
        " and currency is not distinct from $4",
        *_place(scope),
    )
    return removed != "DELETE 0"


def _place(scope: Scope) -> tuple[str | None, ...]:
    return scope.tenant, scope.provider, scope.method, scope.currency
