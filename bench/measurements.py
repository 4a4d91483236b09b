"""What is measured, and against which limit.

A limit is what the same machine does without us: PostgreSQL with the same statements, or the same
rows. Ours and the limit are run in turns, so that a neighbour's noise meets both. Of the turns the
median counts, and of each turn's ratio the median too.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import truediv
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import httpx
import msgspec

from bench import (
    balance,
    bulk,
    costs,
    delivery,
    end_to_end,
    load,
    memory,
    merchants,
    migrating,
    peer,
    pgbench,
    settling,
)
from bench.costs import paused
from bench.fetching import NotFetched
from bench.merchants import Merchant
from bench.stack import Stack, create_merchant, in_database
from tenants import keys

Line = dict[str, Any]  # one measurement as it is printed

REST_CONNECTIONS = 16
BATCH_CONNECTIONS = 4
BATCH = 500
WARM_ROUNDS = 3  # requests of each tenant: it is served by two connections, and at times by others
CURVE_TENANTS = (1, 10, 100, 1_000, 3_000)
CURVE_BATCHES = (1, 10, 50, 100, 500, 1_000)


class Wrong(Exception):
    """What was measured did not do what it should. The message says what."""


@dataclass(slots=True)
class Bench:
    """A running stack, a merchant of our own on it, and how long to measure."""

    stack: Stack
    seconds: float
    turns: int
    most_tenants: int  # where a measurement asks for more, it has these
    merchant: Merchant
    lines: dict[str, Line] = field(default_factory=dict)
    others: list[Merchant] = field(default_factory=list)  # made when they were needed

    @classmethod
    def on(cls, stack: Stack, seconds: float, turns: int, most_tenants: int) -> "Bench":
        """With a new merchant."""
        tenant, secret_key, _ = create_merchant(stack, "Bench")
        return cls(stack, seconds, turns, most_tenants, Merchant(tenant.test_schema, secret_key))

    @property
    def schema(self) -> str:
        """The merchant's."""
        return self.merchant.schema

    @property
    def secret_key(self) -> str:
        """The merchant's."""
        return self.merchant.secret_key

    def many(self, count: int) -> list[Merchant]:
        """So many other merchants, or `most_tenants`, whose API and worker have nothing to do."""
        count = min(count, self.most_tenants)
        if len(self.others) < count:
            self.others += merchants.make(self.stack, count - len(self.others))
            merchants.until_idle(self.stack)
        return self.others[:count]

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

        line = _in_turns(bench, "rest_create", REST_CONNECTIONS, limit)
    half = _load(bench, "rest_create", REST_CONNECTIONS, rate=line["ours"] / 2)
    return line | {
        "half": round(line["ours"] / 2, 1),
        "p99_ms_at_half": _percentile(half.latencies, 99),
    }


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
            rates[transactions].append(rate)
    return _against(rates[500_000], rates[500], "reads/s")


def tenants_1000(bench: Bench) -> Line:
    """Durable payment intents through REST, of 1,000 tenants in turn, against those of one."""
    return _spread(bench, 1_000)


def tenants_3000(bench: Bench) -> Line:
    """Durable payment intents through REST, of 3,000 tenants in turn, against those of one."""
    return _spread(bench, 3_000)


def _spread(bench: Bench, count: int) -> Line:
    over, one = bench.many(count), _one_with_many_keys(bench)
    apart = []

    def one_tenant(_: int) -> float:
        apart.append(_load(bench, "rest_create", REST_CONNECTIONS, one).rate)
        return _load(bench, "rest_create", REST_CONNECTIONS).rate

    _warm(bench, over)
    line = _in_turns(bench, "rest_create", REST_CONNECTIONS, one_tenant, over)
    # Calls of one tenant that arrive together share a transaction, which those of many cannot. So
    # what many tenants cost as such is seen beside one whose calls share none either.
    alone = _against(line["turns"], apart, UNIT)
    return line | {
        "tenants": len(over),
        "limit_unshared": alone["limit"],
        "ratio_unshared": alone["ratio"],
        "memory": memory.held(bench.stack),
    }


def _warm(bench: Bench, over: Sequence[Merchant]) -> None:
    """Have the connections of each of these tenants meet it.

    Behind a checkpoint: the first write to a page after one logs the whole page, which a day's
    traffic hardly notices and the first calls of so many tenants are full of.
    """
    in_database(bench.stack.database_url, lambda connection: connection.execute("checkpoint"))
    rounds = WARM_ROUNDS * len(over)
    _load(bench, "rest_create", REST_CONNECTIONS, over, warm_up_requests=rounds)


def _one_with_many_keys(bench: Bench) -> list[Merchant]:
    """The bench's merchant, with a key for each of the calls that are under way: calls of one key
    share a transaction."""

    async def make(connection: asyncpg.Connection) -> list[Merchant]:
        return [
            Merchant(
                bench.schema, (await keys.create_key(connection, pepper, bench.schema, False))[1]
            )
            for _ in range(4 * REST_CONNECTIONS)
        ]

    pepper = bench.stack.pepper
    made: list[Merchant] = in_database(bench.stack.database_url, make)
    return made


def provision(bench: Bench) -> Line:
    """Tenants created one after the other, against their bare DDL."""
    number = max(2, round(4 * bench.seconds))
    ours, limits = [], []
    with paused(bench.stack, "worker"):  # it does the first jobs of each new tenant
        for _ in range(bench.turns):
            ours.append(merchants.made_in_a_second(bench.stack, number))
            limits.append(merchants.ddl_in_a_second(bench.stack, number))
    merchants.until_idle(bench.stack)
    return _against(ours, limits, "tenants/s") | {"tenants": number}


def against_peer(bench: Bench) -> Line:
    """Durable payment intents through REST, against localstripe's in memory.

    Raises NotFetched.
    """
    with peer.localstripe() as base:

        def limit(_: int) -> float:
            return _carried_out(
                bench,
                base=base,
                kind="rest_create",
                connections=REST_CONNECTIONS,
                secret_keys=["sk_test_peer"],
            ).rate

        line = _in_turns(bench, "rest_create", REST_CONNECTIONS, limit)
    return line | {"peer": peer.REQUIREMENT}


def by_tenants(bench: Bench) -> Line:
    """Payment intents through REST, by the number of tenants that they are of in turn."""
    points = []
    for count in sorted({min(count, bench.most_tenants) for count in CURVE_TENANTS}):
        over = bench.many(count)
        _warm(bench, over)
        rates = [
            _load(bench, "rest_create", REST_CONNECTIONS, over).rate for _ in range(bench.turns)
        ]
        points.append([count, round(median(rates), 1)])
    return {"unit": UNIT, "across": "tenants", "points": points}


def by_batch(bench: Bench) -> Line:
    """Payment intents through /rpc.batch, by the number of them in a body."""
    points = []
    for size in CURVE_BATCHES:
        rates = [
            _load(bench, "batch_create", BATCH_CONNECTIONS, batch=size).rate
            for _ in range(bench.turns)
        ]
        points.append([size, round(median(rates), 1)])
    return {"unit": UNIT, "across": "calls in a batch", "points": points}


def migrate(bench: Bench) -> Line:
    """Schemas migrated from nothing, by a runner that is killed and one that goes on."""
    return migrating.killed_and_resumed(bench.stack, bench.most_tenants)


def settle(bench: Bench) -> Line:
    """Answers of providers settled with events, ledger entries and jobs, in sets of 500."""
    intent = _pay(bench)
    plan = settling.Plan(
        how="engine",
        environment=bench.stack.environment,
        owner_url=bench.stack.database_url,
        schema=bench.schema,
        intent=intent,
        sets=max(4, round(2 * bench.seconds)),
        size=BATCH,
        run="",
    )
    rates: dict[str, list[float]] = {"engine": [], "rows": []}
    with paused(bench.stack, "worker"):  # it would make a receipt of each payment meanwhile
        for turn in range(bench.turns):
            for number, (how, found) in enumerate(rates.items()):
                one = msgspec.structs.replace(plan, how=how, run=f"{turn:07}{number}")
                found.append(float(_run("bench.settling", one)))
        bench.fetch("delete from platform.jobs where schema_name = $1", bench.schema)
    return _against(rates["engine"], rates["rows"], "answers/s") | {"payments": plan.sets * BATCH}


def _pay(bench: Bench) -> str:
    """A payment by card that has succeeded: its intent."""
    form = {"amount": "5000", "currency": "xaf", "confirm": "true"}
    answer = httpx.post(
        f"{bench.stack.base}/v1/payment_intents",
        data=form | {"payment_method": "pm_card_visa"},
        headers={"Authorization": f"Bearer {bench.secret_key}"},
        timeout=60,
    )
    intent: str = answer.raise_for_status().json()["id"]
    return intent


def whole_way(bench: Bench) -> Line:
    """Payments by MTN from the request to the webhook, against what the sandbox PSP can take."""
    ours, limits, spent = [], [], {}
    for _ in range(bench.turns):
        with costs.counted(bench.stack) as used:
            rate, made = end_to_end.ours(bench.stack, bench.seconds)
            merchants.until_idle(bench.stack)  # with all receipts, and before the limit
        ours.append(rate)
        limits.append(end_to_end.limit(bench.stack, bench.seconds))
        spent = used.each(made)
    return _against(ours, limits, "payments/s") | {"each": spent}


def deliver(bench: Bench) -> Line:
    """Webhooks to one endpoint, against a loop that signs and posts the same bytes."""
    count = max(50, round(400 * bench.seconds))
    ours, limits, spent = [], [], {}
    merchants.until_idle(bench.stack)
    for _ in range(bench.turns):
        with costs.counted(bench.stack) as used:
            rate, body, secret = delivery.ours(bench.stack, count)
        ours.append(rate)
        limits.append(delivery.limit(body, secret, count))
        spent = used.each(count)
    return _against(ours, limits, "webhooks/s") | {"webhooks": count, "each": spent}


def _against(ours: list[float], limits: list[float], unit: str) -> Line:
    """The members of a line that compare the turns of ours with those of the limit."""
    return {
        "ours": round(median(ours), 2),
        "limit": round(median(limits), 2),
        "ratio": round(median(map(truediv, ours, limits)), 3),
        "unit": unit,
        "turns": [round(value, 2) for value in ours],
        "limit_turns": [round(value, 2) for value in limits],
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
    "peer": against_peer,
    "settle": settle,
    "end_to_end": whole_way,
    "deliver": deliver,
    "balance_1m": balance_1m,
    "provision": provision,
    "tenants_1000": tenants_1000,
    "tenants_3000": tenants_3000,
}
# What we promise ourselves. A line says whether its ratio is at least this.
TARGETS = {
    "rest_create": 0.40,
    "batch_create": 0.50,
    "batch_vs_rest": 15.0,
    "peer": 1.0,
    "settle": 0.50,
    "end_to_end": 0.50,
    "deliver": 0.50,
    "balance_1m": 0.90,
    "provision": 0.70,
    "tenants_1000": 0.90,
    "tenants_3000": 0.80,
}
# Measured when asked for. They have no limit.
CURVES: dict[str, Callable[[Bench], Line]] = {"by_tenants": by_tenants, "by_batch": by_batch}
OTHERS = CURVES | {"migrate": migrate}


def measure(bench: Bench, name: str) -> Line:
    """One measurement as a line to print. Raises Wrong.

    A line with `left_out` says why its measurement could not be made.
    """
    if name in OTHERS:
        return {"name": name} | OTHERS[name](bench)
    target = {"target": TARGETS[name]}
    try:
        line: Line = {"name": name} | _measured(bench, name) | target
    except NotFetched as reason:
        return {"name": name} | target | {"left_out": str(reason)}
    return line | {"met": line["ratio"] >= TARGETS[name]}


def _measured(bench: Bench, name: str) -> Line:
    if name not in bench.lines:
        bench.lines[name] = MEASUREMENTS[name](bench)
    return bench.lines[name]


def _in_turns(
    bench: Bench,
    kind: Any,
    connections: int,
    limit: Callable[[int], float],
    over: Sequence[Merchant] = (),
) -> Line:
    outcomes, limits, spent = [], [], {}
    for turn in range(bench.turns):
        with costs.counted(bench.stack) as used:
            outcomes.append(_load(bench, kind, connections, over))
        limits.append(limit(turn))
        spent = used.each(outcomes[-1].made)
    ours = [outcome.rate for outcome in outcomes]
    latencies = sorted(latency for outcome in outcomes for latency in outcome.latencies)
    return _against(ours, limits, UNIT) | {
        "p50_ms": _percentile(latencies, 50),
        "p99_ms": _percentile(latencies, 99),
        "connections": connections,
        "seconds": bench.seconds,
        "each": spent,
    }


def _percentile(latencies: list[float], percent: int) -> float:
    """Of sorted seconds, in milliseconds."""
    return round(latencies[len(latencies) * percent // 100] * 1e3, 2)


def _load(
    bench: Bench, kind: Any, connections: int, over: Sequence[Merchant] = (), **others: Any
) -> load.Outcome:
    """Put load on the API, and check that it made what it said.

    Requests are of each merchant in turn, or all of the bench's own. `others` are fields of a plan.
    """
    over = over or [bench.merchant]
    schemas = list({merchant.schema for merchant in over})
    before = merchants.intents(bench.stack, schemas)
    outcome = _carried_out(
        bench,
        kind=kind,
        connections=connections,
        secret_keys=[merchant.secret_key for merchant in over],
        **others,
    )
    made = merchants.intents(bench.stack, schemas) - before
    if made != outcome.made:
        raise Wrong(f"{kind}: {outcome.made} were answered, {made} are in the database")
    return outcome


def _carried_out(bench: Bench, **fields: Any) -> load.Outcome:
    """What a plan with these fields comes to."""
    usual: dict[str, Any] = {
        "base": bench.stack.base,
        "seconds": bench.seconds,
        "warm_up": min(1.0, bench.seconds),
        "batch": BATCH,
    }
    return msgspec.json.decode(_run("bench.load", load.Plan(**usual | fields)), type=load.Outcome)


def _run(module: str, plan: msgspec.Struct) -> bytes:
    """Carry out a plan in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", module],
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        check=True,
    )
    return ran.stdout
