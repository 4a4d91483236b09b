"""What `cpay unresolved ...` does: the operator's side of payments that nobody can explain."""

import time
from collections.abc import Awaitable, Callable

from cpay.presenting import presenting, transaction
from cpay.settings import Settings
from processor.errors import not_found
from processor.operations import Object
from processor.payments.objects import Presenter
from processor.unresolved_payments import decisions, looking, store
from processor.unresolved_payments.decisions import Decision, Review
from processor.unresolved_payments.objects import Author, UnresolvedPayment
from processor.unresolved_payments.rules import Outcome, Type
from tenants.database import Connection, Database

# The queue of all tenants, oldest first.
_QUEUE = """
select q.id, q.type, q.provider, q.since, s.tenant, s.livemode
from platform.unresolved_queue q join platform.tenant_schemas s using (schema_name)
where s.livemode = $1 and q.since <= $2 and ($3::text is null or s.tenant = $3)
  and ($4::text is null or q.type = $4) and ($5::text is null or q.provider = $5)
order by q.since, q.id
"""


async def list_queue(
    settings: Settings,
    tenant: str | None,
    live: bool,
    type: Type | None,
    provider: str | None,
    hours: float,
) -> list[Object]:
    """What is in the queue, of all tenants or one."""
    now = int(time.time())
    before = now - int(hours * 3600)
    async with Database(settings.admin_database_url, 1) as database:
        rows = await database.fetch_platform(_QUEUE, live, before, tenant, type, provider)
    return [
        {
            "id": row["id"],
            "object": "unresolved_payment",
            "age": now - row["since"],
            "livemode": row["livemode"],
            "provider_account": row["provider"],
            "tenant": row["tenant"],
            "type": row["type"],
        }
        for row in rows
    ]


async def show(settings: Settings, item: str, tenant: str, live: bool) -> Object:
    """One of them, with its history."""
    return await _after(settings, item, tenant, live, None)


async def look_up(settings: Settings, item: str, tenant: str, live: bool) -> Object:
    """Ask the provider, and show what is known then."""
    async with presenting(settings, tenant, live) as presenter:
        async with transaction(presenter) as connection:
            found = await UnresolvedPayment.find(connection, item)
        if found is None:
            raise not_found("unresolved payment", item)
        await looking.look(presenter.processor, presenter.schema, live, found)
        async with transaction(presenter) as connection:
            return await _shown(connection, presenter, item)


async def resolve(
    settings: Settings,
    item: str,
    outcome: Outcome,
    reason: str,
    reference: str | None,
    tenant: str,
    live: bool,
    by: str,
) -> Object:
    """Decide, or propose to above the limit."""
    decision = Decision(outcome, reason, Author("operator", by), reference)
    return await _after(
        settings, item, tenant, live, lambda c, p: decisions.resolve(c, p, item, decision)
    )


async def approve(
    settings: Settings,
    item: str,
    proposal: str,
    reason: str | None,
    tenant: str,
    live: bool,
    by: str,
) -> Object:
    """Carry out what somebody else has proposed."""
    review = Review(proposal, Author("operator", by), reason)
    return await _after(
        settings, item, tenant, live, lambda c, p: decisions.approve(c, p, item, review)
    )


async def reject(
    settings: Settings, item: str, proposal: str, reason: str, tenant: str, live: bool, by: str
) -> Object:
    """Turn a proposal down."""
    review = Review(proposal, Author("operator", by), reason)
    return await _after(
        settings, item, tenant, live, lambda c, p: decisions.reject(c, p, item, review)
    )


async def _after(
    settings: Settings,
    item: str,
    tenant: str,
    live: bool,
    act: Callable[[Connection, Presenter], Awaitable[object]] | None,
) -> Object:
    """An item after something was done about it, in one transaction."""
    async with (
        presenting(settings, tenant, live) as presenter,
        transaction(presenter) as connection,
    ):
        if act is not None:
            await act(connection, presenter)
        return await _shown(connection, presenter, item)


async def _shown(connection: Connection, presenter: Presenter, item: str) -> Object:
    found = await store.objects(connection, [item], presenter.livemode)
    if item not in found:
        raise not_found("unresolved payment", item)
    return found[item]
