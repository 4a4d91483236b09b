"""What we have written down ourselves: the rows of every tenant, read from PostgreSQL."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import asyncpg

from bench.chaos.resources import name_at, name_of_refund, psp_of
from processor.ledger.verify import Breach, verify


@dataclass(frozen=True, slots=True)
class Charge:
    """Our row of a charge, with what must exist beside it."""

    schema: str
    id: str
    intent: str
    state: str
    reference: str
    amount: int
    amount_captured: int
    currency: str
    step: str | None  # a capture or cancellation without an answer
    late: bool  # it had been called a failure before
    receipt: bool
    provider: str  # the account

    @property
    def at_psp(self) -> str:
        """What its PSP calls it."""
        return name_at(psp_of(self.provider), self.reference)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Our row of money on its way out."""

    schema: str
    kind: Literal["refund", "payout"]
    id: str
    state: str
    reference: str
    amount: int
    currency: str
    provider: str  # the account; empty while a payout has none
    of: str = ""  # a refund's charge, by its reference

    @property
    def at_psp(self) -> str:
        """What its PSP calls it."""
        psp = psp_of(self.provider)
        if self.kind == "payout":
            return name_at(psp, self.reference)
        return name_of_refund(psp, self.reference, self.of, self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Intent:
    """Our row of a payment intent."""

    schema: str
    id: str
    payment: int  # its number in the plan
    status: str
    amount_received: int
    latest_charge: str | None


@dataclass(frozen=True, slots=True)
class Dispute:
    """Our row of a dispute."""

    schema: str
    id: str
    status: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger on a provider's clearing account: negative is money in."""

    schema: str
    source: str  # what caused it: ch_, py_, re_, po_, dp_
    kind: str
    account: str
    currency: str
    amount: int


@dataclass(slots=True)
class Ours:
    """All tenants' rows."""

    charges: list[Charge] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    announced: Counter[tuple[str, str]] = field(default_factory=Counter)  # by object id and type
    last: dict[str, str] = field(default_factory=dict)  # object id -> status in its last event
    breaches: list[Breach] = field(default_factory=list)  # of the ledgers' own promises
    # By merchant: the events that its endpoint is to hear of.
    wanted: list[set[str]] = field(default_factory=list)


_CHARGES = """
select c.id, c.payment_intent as intent, c.state, c.reference, c.amount, c.amount_captured,
       c.currency, c.details->'step'->>'kind' as step,
       coalesce((c.details->>'late')::bool, false) as late,
       exists (select from receipts r where r.charge = c.id) as receipt, c.provider
from charges c
"""
_OUTGOING = """
select 'refund' as kind, r.id, r.state, r.reference, r.amount, r.currency, r.provider,
       c.reference as of
from refunds r join charges c on c.id = r.charge
union all
select 'payout', id, state, reference, amount, currency, coalesce(provider, ''), '' from payouts
"""
_INTENTS = """
select id, (metadata->>'payment')::int as payment, status, amount_received, latest_charge
from payment_intents
"""
_DISPUTES = "select id, status, amount, currency from disputes"
_ENTRIES = """
select t.source, t.kind, e.account, e.currency, e.amount
from ledger_entries e join ledger_transactions t on t.id = e.transaction
where e.account like 'clearing:%'
"""
_ANNOUNCED = """
select object_id, type, count(*) from events
where type in ('payment_intent.succeeded', 'payment_intent.canceled', 'charge.succeeded',
               'refund.created', 'refund.failed', 'payout.created', 'payout.paid', 'payout.failed',
               'payout.canceled', 'charge.dispute.created', 'charge.dispute.closed')
group by 1, 2
"""
# Newer versions of an object have greater numbers; two events of one change show the same object.
_LAST = """
select distinct on (object_id) object_id, data::json->'object'->>'status'
from events order by object_id, object_version desc, id desc
"""
_WANTED = """
select e.id from events e
where exists (select from webhook_endpoints w
              where w.enabled_events ? e.type or w.enabled_events ? '*')
"""
# What has not found its end. A test card's dispute counts from the moment it is certain to come.
_OPEN_CHARGES = f"""{_CHARGES}
where c.state in ('submitted', 'pending', 'unknown') or c.details->'step'->>'kind' is not null
"""
_OPEN_OUTGOING = f"""select * from ({_OUTGOING}) as outgoing
where state not in ('succeeded', 'paid', 'failed', 'canceled')
"""
_UNFINISHED = """
select (select count(*) from platform.deliveries where schema_name = any($1))
     + (select count(*) from platform.jobs
        where schema_name = any($1) and kind in ('test_dispute', 'receipt'))
"""


async def ours(connection: asyncpg.Connection, schemas: Sequence[str]) -> Ours:
    """What these tenants' schemas hold."""
    found = Ours()
    for schema in schemas:
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute(f'set local search_path = "{schema}"')
            await _read(connection, schema, found)
            found.breaches += await verify(connection)
    return found


async def _read(connection: asyncpg.Connection, schema: str, found: Ours) -> None:
    found.charges += [Charge(schema, **row) for row in await connection.fetch(_CHARGES)]
    found.outgoing += [Outgoing(schema, **row) for row in await connection.fetch(_OUTGOING)]
    found.intents += [Intent(schema, **row) for row in await connection.fetch(_INTENTS)]
    found.disputes += [Dispute(schema, **row) for row in await connection.fetch(_DISPUTES)]
    found.entries += [Entry(schema, **row) for row in await connection.fetch(_ENTRIES)]
    announced = await connection.fetch(_ANNOUNCED)
    found.announced.update({(row[0], row[1]): row[2] for row in announced})
    found.last |= dict(await connection.fetch(_LAST))
    found.wanted.append({row[0] for row in await connection.fetch(_WANTED)})


async def open_rows(
    connection: asyncpg.Connection, schemas: Sequence[str]
) -> list[Charge | Outgoing]:
    """Everything that has not found its end."""
    found: list[Charge | Outgoing] = []
    for schema in schemas:
        async with connection.transaction():
            await connection.execute(f'set local search_path = "{schema}"')
            found += [Charge(schema, **row) for row in await connection.fetch(_OPEN_CHARGES)]
            found += [Outgoing(schema, **row) for row in await connection.fetch(_OPEN_OUTGOING)]
    return found


async def unfinished(connection: asyncpg.Connection, schemas: Sequence[str]) -> int:
    """How many webhooks, receipts and disputes are still to come."""
    count: int = await connection.fetchval(_UNFINISHED, list(schemas))
    return count
