"""What the engine sends keeps within what Citus can do with a schema on another machine.

Citus itself is not needed here. Each rule was found by sending what breaks it to Citus 13.2 and
names the error that came back (docs/distributed.md).
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import asyncpg
import msgspec
import pytest
from engine_here import Here, engine_of
from live import Merchant

from cpay.worker import HANDLERS
from processor.events import log
from processor.jobs import Job
from tenants import tables
from tenants.database import Database
from tenants.distributed import COMMIT_TABLE
from tenants.migrate import upgrade_sql
from webhooks import queue
from webhooks.queue import Attempt

JOINED = "direct joins between distributed and local tables are not supported"
TENANTS = "the query contains a join that requires repartitioning"
VOLATILE = "functions used in UPDATE queries on distributed tables must not be VOLATILE"
VALUES = "subqueries are not supported within INSERT queries"
COMMANDS = "cannot insert multiple commands into a prepared statement"

NUMBERS = "permission denied for sequence"

TENANT_TABLES = frozenset(table.name for table in tables.tenant.sorted_tables)
_NUMBERED = frozenset(
    table.name
    for table in tables.tenant.sorted_tables
    if any(column.identity for column in table.columns)
)
_TOKEN = re.compile(
    r"--[^\n]*|'(?:[^']|'')*'|\$\$.*?\$\$|[a-z_][a-z_0-9$]*|\S", re.IGNORECASE | re.S
)
_AFTER_A_RELATION = re.compile(
    "where|set|on|order|group|returning|left|right|full|inner|cross|join|limit|for|using|union"
)
_VERBS = ("select", "insert", "update", "delete", "with", "values")
_VOLATILE = frozenset({"random", "gen_random_uuid", "clock_timestamp", "nextval", "set_config"})


@dataclass
class Block:
    """A query between its parentheses, without those inside it."""

    tokens: list[str] = field(default_factory=list)
    inner: list["Block"] = field(default_factory=list)

    def aliases(self, named: frozenset[str]) -> dict[str, str]:
        """Its relations, each `tenant` or `platform`, by the names it calls them. A name in `named`
        is that of a common table expression."""
        found: dict[str, str] = {}
        words, clause = self.tokens, ""
        for at, word in enumerate(words):
            if word in ("from", "join", "using", "update"):
                clause = "relations"
            elif word in ("where", "set", "on", "order", "group", "returning", "select", "limit"):
                clause = ""
            starts = words[at - 1] in ("from", "join", "using", "update", ",") if at else False
            if clause != "relations" or not starts:
                continue
            after = at + 1
            if word == "platform":
                family, name, after = "platform", words[at + 2], at + 3
            elif word in TENANT_TABLES and word not in named:
                family, name = "tenant", word
            else:
                continue
            following = words[after] if after < len(words) else ""
            if following == "as":
                following = words[after + 1]
            is_alias = following.isidentifier() and not _AFTER_A_RELATION.fullmatch(following)
            found[following if is_alias else name] = family
        return found


def read(statement: str) -> Block:
    """A statement as blocks. Parentheses that hold no query are opened."""
    words = [w if w[0] in "'$" else w.lower() for w in _TOKEN.findall(statement) if w[:2] != "--"]
    stack, kinds = [Block()], [True]
    for at, word in enumerate(words):
        if word == "(":
            kinds.append(at + 1 < len(words) and words[at + 1] in _VERBS)
            if kinds[-1]:
                block = Block()
                stack[-1].inner.append(block)
                stack.append(block)
        elif word == ")":
            if kinds.pop():
                stack.pop()
        else:
            stack[-1].tokens.append(word)
    return stack[0]


def broken(statement: str) -> set[str]:
    """The rules that a statement of a tenant's transaction breaks, as Citus' errors."""
    whole = read(statement)
    named = frozenset(
        re.findall(r"([a-z_]+)(?:\([^)]*\))? as (?:not )?(?:materialized )?\(", statement)
    )
    found = set(_correlated(whole, {}, named))
    if re.search(r"\bt[0-9]+_(test|live)\b", statement):
        found.add(TENANTS)
    if ";" in whole.tokens[:-1]:
        found.add(COMMANDS)
    reads = any("tenant" in block.aliases(named).values() for block in _all(whole))
    # What Citus sends on whole draws the row's number there; after a `with` it does not.
    if whole.tokens[0] == "insert" and whole.tokens[2] in _NUMBERED and reads:
        found.add(NUMBERS)
    for block in _all(whole):
        words = block.tokens
        if words[:1] == ["update"] and _VOLATILE & set(words) and words[1] in TENANT_TABLES:
            found.add(VOLATILE)
        inserts = "insert" in words and "values" in words
        if inserts and any("from" in inner.tokens for inner in block.inner if _is_value(inner)):
            found.add(VALUES)
    return found


def _is_value(block: Block) -> bool:
    return block.tokens[:1] == ["select"]


def _all(block: Block) -> Iterator[Block]:
    yield block
    for inner in block.inner:
        yield from _all(inner)


def _correlated(block: Block, outside: dict[str, str], named: frozenset[str]) -> Iterator[str]:
    """A query inside another one that speaks of the outer one's row, on the other machine."""
    own = block.aliases(named)
    used = {word for word, dot in zip(block.tokens, block.tokens[1:], strict=False) if dot == "."}
    families = set(own.values())
    for alias in used & (outside.keys() - own.keys()):
        if families - {outside[alias]}:
            yield JOINED
    for inner in block.inner:
        yield from _correlated(inner, outside | own, named)


BAD = {
    "select c.id from charges c where exists"
    " (select from platform.jobs j where j.subject = c.id)": JOINED,
    "select id, (select count(*) from platform.deliveries d where d.event = events.id)"
    " from events": JOINED,
    "update platform.jobs j set attempts = 0 where exists"
    " (select from charges c where c.id = j.subject)": JOINED,
    "select 1 from charges join t1_test.charges other using (id)": TENANTS,
    "update charges set provider_reference = gen_random_uuid()::text where id = $1": VOLATILE,
    "insert into tokens (id) values ((select subject from platform.jobs limit 1))": VALUES,
    "insert into callbacks (reference) select $1"
    " where (select count(*) from callbacks where reference = $1) < 50": NUMBERS,
    "create table x (a int); create index on x (a)": COMMANDS,
}


@pytest.mark.parametrize("statement", BAD)
def test_a_statement_that_citus_refuses_is_found(statement: str) -> None:
    assert broken(statement) == {BAD[statement]}


@pytest.fixture
async def here(merchant: Merchant) -> AsyncIterator[Here]:
    """The engine, for a merchant who wants to hear of everything."""
    async with engine_of(merchant) as here:
        yield here


async def done(here: Here, operation: str, **parameters: object) -> dict[str, object]:
    """The object that a call answers."""
    (answer,) = await here.together(here.call(operation, **parameters))
    found: dict[str, object] = msgspec.json.decode(answer.body)
    assert answer.status == 200, found
    return found


CARD = {"currency": "xaf", "confirm": True, "payment_method": "pm_card_bypassPending"}


async def test_the_hot_path_keeps_to_what_citus_can_do(here: Here) -> None:
    schema = here.caller.schema
    endpoint = await done(
        here,
        "webhook_endpoints.create",
        url="http://127.0.0.1:9/hooks",
        enabled_events=["*"],
    )
    plain = await done(here, "payment_intents.create", amount=5000, currency="xaf")
    await done(here, "payment_intents.confirm", intent=plain["id"], payment_method="pm_card_visa")
    paid = await done(here, "payment_intents.create", amount=500_000, **CARD)
    held = await done(here, "payment_intents.create", amount=700, capture_method="manual", **CARD)
    await done(here, "payment_intents.capture", intent=held["id"])
    wallet = await done(
        here,
        "payment_intents.create",
        amount=900,
        **(CARD | {"payment_method": "pm_mobile_money_mtn"}),
    )
    refund = await done(here, "refunds.create", charge=paid["latest_charge"], amount=100)
    payout = await done(here, "payouts.create", amount=1000, currency="xaf")
    await done(here, "events.retrieve", id=(await done(here, "events.list"))["data"][0]["id"])
    for delivered in (True, False):
        await done(here, "events.list", delivery_success=delivered)
    await done(here, "unresolved_payments.list")
    subjects = {
        "look_up": wallet["latest_charge"],
        "look_up_refund": refund["id"],
        "receipt": paid["latest_charge"],
        "payout": payout["id"],
        "count_open": "daily",
        "prune": "daily",
        "release": "daily",
    }
    for number, (kind, subject) in enumerate(subjects.items()):
        await HANDLERS[kind](here.processor, Job(number, schema, kind, str(subject), 1), False)
    await deliver(here, str(endpoint["id"]))
    assert len(set(here.database.sent)) > 50
    assert {text: broken(text) for text in here.database.sent if broken(text)} == {}


async def deliver(here: Here, endpoint: str) -> None:
    """Read what a worker sends, and record an attempt, as it does."""
    rows = await here.database.fetch_platform(
        "select id, event, attempts, run_at from platform.deliveries"
        " where schema_name = $1 limit 9",
        here.caller.schema,
    )
    deliveries = [queue.Delivery(*row) for row in rows]
    found = await queue.read(
        here.processor, queue.Parcel(here.caller.schema, False, endpoint, deliveries)
    )
    assert found is not None
    assert len(found[1]) == len(rows) > 0
    attempt = Attempt(
        id=rows[0]["id"],
        event=rows[0]["event"],
        endpoint=endpoint,
        attempt=1,
        attempted_at=rows[0]["run_at"],
        duration_ms=1,
        status=500,
        error=None,
        response=None,
        next_attempt_at=None,
    )
    await queue.record(
        here.database,  # type: ignore[arg-type]
        here.caller.schema,
        False,
        found[0],
        [attempt],
        3600,
    )


@pytest.mark.parametrize("family", ["platform", "tenant"])
def test_a_migration_is_sent_statement_by_statement(family: str) -> None:
    statements = upgrade_sql(family, None)
    assert len(statements) > 20
    assert [text for text in statements if COMMANDS in broken(text)] == []


def test_no_foreign_key_leaves_a_schema(merchant: Merchant) -> None:
    """Citus: «a distributed table can only have foreign keys if it is referencing another colocated
    hash distributed table or a reference table»."""
    crossing = """
    select conrelid::regclass, conname from pg_constraint c
    join pg_class here on here.oid = c.conrelid join pg_class there on there.oid = c.confrelid
    where here.relnamespace <> there.relnamespace
    """
    assert merchant.rows(crossing) == []


def test_a_tenant_may_draw_the_numbers_of_its_identities(merchant: Merchant) -> None:
    """Else Citus says «permission denied for sequence callbacks_id_seq» on the coordinator, too."""
    drawn = """
    select relname, has_sequence_privilege($1::text, oid, 'usage') from pg_class
    where relkind = 'S' and relnamespace = $1::text::regnamespace
    """
    rows = merchant.rows(drawn, merchant.tenant.test_schema)
    assert rows
    assert all(row[1] for row in rows)


def test_a_tenants_transaction_is_one_of_two_phases_where_citus_is(merchant: Merchant) -> None:
    """Citus commits on both machines or on neither only if a table of the coordinator that it
    knows has changed too. Whoever opens a tenant's transaction touches it, if it is there."""
    schema = merchant.tenant.test_schema
    name = f"like_citus_{schema}"
    merchant.run(lambda connection: connection.execute(f"create database {name}"))
    dsn = re.sub(r"/[^/?]*(\?|$)", rf"/{name}\1", merchant.stack.database_url, count=1)

    async def check(_: asyncpg.Connection) -> None:
        owner = await asyncpg.connect(dsn)
        await owner.execute(
            f"create schema platform; create table {COMMIT_TABLE} (id bigint);"
            f"insert into {COMMIT_TABLE} values (1); create schema {schema}"
        )
        async with Database(dsn, 1) as database, database.tenant(schema) as connection:
            assert await connection.fetchval("select current_user::text") == schema
        assert await owner.fetchval(f"select count(*) from {COMMIT_TABLE}") == 0
        await owner.close()

    merchant.run(check)
    merchant.run(lambda connection: connection.execute(f"drop database {name}"))


def test_events_are_read_with_the_number_of_endpoints_that_wait() -> None:
    """The statement that both the API and the worker use asks the queue apart from the events."""
    assert broken(log.SELECT) == set()
