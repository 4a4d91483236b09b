"""How many provider answers are settled in a second, and the limit: the same rows, written alone.

Runs as a process of its own (`python -m bench.settling`), takes a `Plan` as JSON on standard input
and prints a rate. It first makes attempts that wait for their answer, copies of one real payment as
it was before. The engine settles them in sets; asyncpg writes sets of what that payment became.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import asyncpg
import msgspec
import uvloop
from msgspec import Struct

from bench.bulk import Copy, column, find, inserts, updates
from cpay import collector
from cpay.settings import Settings
from cpay.wiring import build_engine
from processor.payments.objects import Presenter
from processor.payments.settlement import settle
from providers.boundary import Answer, Verdict

CONNECTIONS = 4


class Plan(Struct):
    """What to settle, and how."""

    how: Literal["engine", "rows"]
    environment: dict[str, str]  # settings of the stack
    owner_url: str  # of its database
    schema: str
    intent: str  # a payment that succeeded: what is copied
    sets: int  # that are counted
    size: int
    run: str  # keeps the ids of this run apart from all others: 8 digits


# Copies with other ids, as they were while the provider was asked.
_WAITING_INTENTS = """
insert into payment_intents
select (jsonb_populate_record(null::payment_intents, to_jsonb(i) || jsonb_build_object(
    'id', left(i.id, -16) || n, 'latest_charge', left(i.latest_charge, -16) || n,
    'status', 'processing', 'amount_received', 0, 'version', 1))).*
from payment_intents i, unnest($2::text[]) n where i.id = $1
"""
_WAITING_CHARGES = """
insert into charges
select (jsonb_populate_record(null::charges, to_jsonb(c) || jsonb_build_object(
    'id', left(c.id, -16) || n, 'payment_intent', left(c.payment_intent, -16) || n,
    'reference', left(c.reference, -16) || n, 'provider_reference', null,
    'state', 'submitted', 'amount_captured', 0, 'version', 1,
    'details', c.details - 'balance_transaction' - 'evidence'))).*
from charges c, unnest($2::text[]) n where c.payment_intent = $1
"""
_LOOK_UPS = """
insert into platform.jobs (schema_name, kind, subject, run_at)
select $1, 'look_up', s, now() + interval '1 day' from unnest($2::text[]) s
"""


async def fill(connection: asyncpg.Connection, plan: Plan, numbers: list[str]) -> list[str]:
    """Make attempts that wait for their answer. Returns their ids."""
    await connection.execute(_WAITING_INTENTS, plan.intent, numbers)
    await connection.execute(_WAITING_CHARGES, plan.intent, numbers)
    charge: str = await connection.fetchval(
        "select latest_charge from payment_intents where id = $1", plan.intent
    )
    charges = [charge[:-16] + number for number in numbers]
    await connection.execute(_LOOK_UPS, plan.schema, charges)
    await connection.execute("analyze payment_intents, charges, platform.jobs")
    return charges


async def by_the_engine(plan: Plan, sets: list[list[str]]) -> float:
    """Answers settled in a second through `settle`."""
    answer = Answer(Verdict.SUCCEEDED, provider_reference="pi_bench", evidence={"status": "ok"})
    settings = Settings.from_environment(plan.environment)
    async with build_engine(settings).running() as processor:
        collector.spare()  # as the worker does
        presenter = Presenter(processor, plan.schema, livemode=False)

        async def one(charges: list[str]) -> None:
            async with processor.database.tenant(plan.schema) as connection:
                await settle(connection, presenter, [(charge, answer) for charge in charges])

        return await _rate(plan, sets, one)


async def by_rows(plan: Plan, sets: list[list[str]]) -> float:
    """The same rows written in a second by asyncpg."""
    pool = await asyncpg.create_pool(
        plan.owner_url,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        server_settings={"search_path": plan.schema},
    )
    parts = await _written(pool, plan.intent)

    async def one(charges: list[str]) -> None:
        numbers = [charge[-16:] for charge in charges]
        async with pool.acquire() as connection, connection.transaction():
            for part in parts:
                columns = [column(value, numbers) for value in part.values]
                await connection.execute(part.statement, *columns)
            await connection.execute(_BALANCES, plan.intent, len(charges))
            await connection.execute(_JOBS, plan.schema, charges)

    rate = await _rate(plan, sets, one)
    await pool.close()
    return rate


# What the settlement of one payment writes: rows that change, and rows that come into being.
_OF_CHARGE = "source = (select latest_charge from payment_intents where id = $1)"
_OF_TRANSACTION = f"transaction = (select id from ledger_transactions where {_OF_CHARGE})"
_CHANGED = {"charges": "payment_intent = $1", "payment_intents": "id = $1"}
_MADE = {
    "events": "type in ('charge.succeeded', 'payment_intent.succeeded') and strpos(data, $1) > 0",
    "ledger_transactions": _OF_CHARGE,
    "ledger_entries": _OF_TRANSACTION,
    "ledger_holds": _OF_TRANSACTION,
}
_BALANCES = f"""
insert into ledger_balances as b (account, currency, stripe, amount)
select account, currency, 0, $2 * amount from ledger_entries where {_OF_TRANSACTION}
order by account
on conflict (account, currency, stripe) do update set amount = b.amount + excluded.amount
"""
_JOBS = """
with forgotten as (
    delete from platform.jobs where schema_name = $1 and kind = 'look_up' and subject = any($2)
)
insert into platform.jobs (schema_name, kind, subject) select $1, 'receipt', unnest($2::text[])
"""


async def _written(connection: asyncpg.Connection, intent: str) -> list[Copy]:
    """What is written for a payment like this one."""
    changed = [await find(connection, *about, intent) for about in _CHANGED.items()]
    made = [await find(connection, *about, intent) for about in _MADE.items()]
    charge = changed[0].rows[0]
    old = [
        intent,
        charge["id"],
        charge["reference"],
        *(row["id"] for found in made[:2] for row in found.rows),
    ]
    copies = [copy for found in made for copy in inserts(found, old)]
    for number, copy in enumerate(copies[: len(made[0].rows)]):  # events of one millisecond
        copy.values[0] = f"evt_{number}{copy.values[0][5:]}"
    return [*(copy for found in changed for copy in updates(found, old)), *copies]


async def _rate(
    plan: Plan, sets: list[list[str]], settled: Callable[[list[str]], Awaitable[None]]
) -> float:
    """Carry the sets out on all connections, and count the answers in a second. The first set of
    each connection warms it up."""
    left = iter(sets)
    await asyncio.gather(*(settled(next(left)) for _ in range(CONNECTIONS)))

    async def work() -> None:
        for charges in left:
            await settled(charges)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return plan.sets * plan.size / (time.perf_counter() - began)


async def run(plan: Plan) -> float:
    """Carry out a plan. Raises RuntimeError if not every payment is in the books in the end."""
    owner = await asyncpg.connect(plan.owner_url, server_settings={"search_path": plan.schema})
    count = (CONNECTIONS + plan.sets) * plan.size
    numbers = [f"{plan.run}{number:08}" for number in range(count)]
    charges = await fill(owner, plan, numbers)
    sets = [charges[at : at + plan.size] for at in range(0, len(charges), plan.size)]
    rate = await (by_the_engine if plan.how == "engine" else by_rows)(plan, sets)
    booked = await owner.fetchval(
        "select count(*) from ledger_transactions t join charges c on c.id = t.source"
        " where c.id = any($1) and c.state = 'succeeded'",
        charges,
    )
    await owner.close()
    if booked != len(charges):
        raise RuntimeError(f"{booked} of {len(charges)} payments are in the books")
    return rate


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.write(str(uvloop.run(run(given))))
