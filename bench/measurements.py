"""What is measured, and against which limit.

A limit is what the same machine does without us: PostgreSQL with the same statements, or the same
rows. Ours and the limit are run in turns, so that a neighbour's noise meets both. Of the turns the
median counts, and of each turn's ratio the median too.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import truediv
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import msgspec

from bench import balance, bulk, load, pgbench
from bench.stack import Stack, create_merchant, in_database

Line = dict[str, Any]  # one measurement as it is printed

REST_CONNECTIONS = 16
BATCH_CONNECTIONS = 4
BATCH = 500


class Wrong(Exception):
    """What was measured did not do what it should. The message says what."""


@dataclass(slots=True)
class Bench:
    """A running stack, a merchant of our own on it, and how long to measure."""

    stack: Stack
    seconds: float
    turns: int
    schema: str
    secret_key: str
    lines: dict[str, Line] = field(default_factory=dict)

    @classmethod
    def on(cls, stack: Stack, seconds: float, turns: int) -> "Bench":
        """With a new merchant."""
        tenant, secret_key, _ = create_merchant(stack, "Bench")
        return cls(stack, seconds, turns, tenant.test_schema, secret_key)

    def fetch(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        """Rows of the merchant's schema."""

        async def run(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            await connection.execute(f'set search_path = "{self.schema}"')
            rows: list[asyncpg.Record] = await connection.fetch(query, *parameters)
            return rows

        rows: list[asyncpg.Record] = in_database(self.stack.database_url, run)
        return rows


def rest_create(bench: Bench) -> Line:
    """Durable payment intents through REST, one at a time on each of 16 connections."""
    statements = pgbench.capture(bench.stack, bench.secret_key)
    script = pgbench.script(bench.stack, bench.schema, statements)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "create.sql"
        file.write_text(script)

        def limit(turn: int) -> float:
            start = turn * 10_000_000
            return pgbench.run(bench.stack, file, REST_CONNECTIONS, bench.seconds, start)

        return _in_turns(bench, "rest_create", REST_CONNECTIONS, limit)


def batch_create(bench: Bench) -> Line:
    """Durable payment intents through /rpc.batch, 500 in a body on each of 4 connections."""
    intents: list[str] = []

    def limit(turn: int) -> float:
        if not intents:
            intents.append(bench.fetch(_LAST_MADE)[0][0])
        plan = bulk.Plan(
            database_url=bench.stack.database_url,
            schema=bench.schema,
            intent=intents[0],
            connections=BATCH_CONNECTIONS,
            seconds=bench.seconds,
            batch=BATCH,
            run=f"{turn:08}",
        )
        return float(_run("bench.bulk", plan))

    return _in_turns(bench, "batch_create", BATCH_CONNECTIONS, limit)


def batch_vs_rest(bench: Bench) -> Line:
    """How many times more payment intents a batch makes in a second than REST does."""
    ours, rest = (_measured(bench, name)["ours"] for name in ("batch_create", "rest_create"))
    return {"ours": ours, "limit": rest, "ratio": round(ours / rest, 2), "unit": UNIT}


def balance_1m(bench: Bench) -> Line:
    """Reads of a balance after 1,000,000 ledger entries, against one after 1,000."""
    keys = {}
    for transactions in (500, 500_000):
        tenant, secret_key, _ = create_merchant(bench.stack, f"{2 * transactions} entries")
        balance.grow(bench.stack, tenant.test_schema, transactions)
        keys[transactions] = secret_key
    rates: dict[int, list[float]] = {500: [], 500_000: []}
    for _ in range(bench.turns):
        for transactions, secret_key in keys.items():
            rate, amount = balance.reads(bench.stack, secret_key, bench.seconds)
            if amount != transactions:
                raise Wrong(f"the balance is {amount}, and {transactions} was posted")
            rates[transactions].append(round(rate, 1))
    limit, ours = median(rates[500]), median(rates[500_000])
    return {
        "ours": ours,
        "limit": limit,
        "ratio": round(ours / limit, 3),
        "unit": "reads/s",
        "turns": rates[500_000],
        "limit_turns": rates[500],
    }


# By the API, not by pgbench.
_LAST_MADE = """
select subject from idempotency_keys where key not like 'key%' order by subject desc limit 1
"""

UNIT = "payment intents/s"
MEASUREMENTS: dict[str, Callable[[Bench], Line]] = {
    "rest_create": rest_create,
    "batch_create": batch_create,
    "batch_vs_rest": batch_vs_rest,
    "balance_1m": balance_1m,
}
# What we promise ourselves. A line says whether its ratio is at least this.
TARGETS = {"rest_create": 0.40, "batch_create": 0.50, "batch_vs_rest": 15.0, "balance_1m": 0.80}


def measure(bench: Bench, name: str) -> Line:
    """One measurement as a line to print. Raises Wrong."""
    line: Line = {"name": name} | _measured(bench, name) | {"target": TARGETS[name]}
    return line | {"met": line["ratio"] >= TARGETS[name]}


def _measured(bench: Bench, name: str) -> Line:
    if name not in bench.lines:
        bench.lines[name] = MEASUREMENTS[name](bench)
    return bench.lines[name]


def _in_turns(bench: Bench, kind: Any, connections: int, limit: Callable[[int], float]) -> Line:
    outcomes, limits = [], []
    for turn in range(bench.turns):
        outcomes.append(_load(bench, kind, connections))
        limits.append(limit(turn))
    ours = [outcome.items / outcome.seconds for outcome in outcomes]
    latencies = sorted(latency for outcome in outcomes for latency in outcome.latencies)
    return {
        "ours": round(median(ours), 1),
        "limit": round(median(limits), 1),
        "ratio": round(median(map(truediv, ours, limits)), 3),
        "unit": UNIT,
        "turns": [round(value, 1) for value in ours],
        "limit_turns": [round(value, 1) for value in limits],
        "p50_ms": round(latencies[len(latencies) // 2] * 1e3, 2),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1e3, 2),
        "connections": connections,
        "seconds": bench.seconds,
    }


def _load(bench: Bench, kind: Any, connections: int) -> load.Outcome:
    """Put load on the API, and check that it made what it said."""
    count = "select count(*) from payment_intents"
    before = bench.fetch(count)[0][0]
    plan = load.Plan(
        base=bench.stack.base,
        secret_key=bench.secret_key,
        kind=kind,
        connections=connections,
        seconds=bench.seconds,
        warm_up=min(1.0, bench.seconds),
        batch=BATCH,
    )
    outcome = msgspec.json.decode(_run("bench.load", plan), type=load.Outcome)
    made = bench.fetch(count)[0][0] - before
    if made != outcome.made or not outcome.latencies:
        raise Wrong(f"{kind}: {outcome.made} were answered, {made} are in the database")
    return outcome


def _run(module: str, plan: msgspec.Struct) -> bytes:
    """Carry out a plan in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", module],
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        check=True,
    )
    return ran.stdout
