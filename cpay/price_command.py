"""What `cpay price ...` does. Each returns what is printed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import asyncpg

from cpay.providers_command import find_account
from cpay.settings import Settings
from processor.ledger import plans
from processor.ledger.fees import CACHE_SECONDS, Plan
from processor.ledger.plans import Method, PlanError, Scope
from tenants import provision


async def set_plan(
    settings: Settings,
    percent: str,
    fixed: int = 0,
    minimum: int | None = None,
    maximum: int | None = None,
    vat: str = "19.25",
    days: int = 1,
    tenant: str | None = None,
    provider: str | None = None,
    method: Method | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    """Set what charges cost from now on. Raises LookupError and RuntimeError."""
    async with _connection(settings) as connection:
        scope = await _scope(settings, connection, tenant, provider, method, currency)
        try:
            plan = Plan(
                basis_points=plans.basis_points(percent),
                fixed=fixed,
                minimum=minimum,
                maximum=maximum,
                tax_basis_points=plans.basis_points(vat),
                settlement_days=days,
            )
            await plans.set_plan(connection, scope, plan)
        except PlanError as error:
            raise RuntimeError(str(error)) from None
    return _shown(scope) | {"set": True, "in_force_within_seconds": int(CACHE_SECONDS)}


async def list_plans(settings: Settings, tenant: str | None = None) -> list[dict[str, Any]]:
    """Every plan, or those that a tenant's charges can meet."""
    async with _connection(settings) as connection:
        return await plans.list_plans(connection, tenant)


async def unset_plan(
    settings: Settings,
    tenant: str | None = None,
    provider: str | None = None,
    method: Method | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    """Remove the plan of exactly this scope. Raises LookupError if there is none."""
    async with _connection(settings) as connection:
        scope = Scope(tenant, provider, method, currency and currency.lower())
        if not await plans.unset_plan(connection, scope):
            raise LookupError("There is no plan for exactly these charges; `cpay price list`.")
    return _shown(scope) | {"set": False, "in_force_within_seconds": int(CACHE_SECONDS)}


async def _scope(
    settings: Settings,
    connection: asyncpg.Connection,
    tenant: str | None,
    provider: str | None,
    method: Method | None,
    currency: str | None,
) -> Scope:
    """A scope whose tenant and provider account exist. A mistyped one would fit nothing, quietly.

    Raises LookupError.
    """
    if tenant is not None:
        await provision.find_tenant(connection, tenant)
    if provider is not None:
        await find_account(settings, provider)
    return Scope(tenant, provider, method, currency and currency.lower())


def _shown(scope: Scope) -> dict[str, Any]:
    return {key: value for key, value in asdict(scope).items() if value is not None}


@asynccontextmanager
async def _connection(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.admin_database_url)
    try:
        yield connection
    finally:
        await connection.close()
