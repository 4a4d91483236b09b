"""The database keeps tenants apart by itself: tried with SQL that is wrong on purpose.

Everything here runs as the login role of the serving processes, over `tenants.database` as they use
it. What is refused is refused by PostgreSQL, whatever our own code believes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import stripe
from live import Merchant, Stack, new_merchant

from tenants import tables
from tenants.database import Connection, Database
from tenants.migrate import APP_ROLE

Denied = asyncpg.InsufficientPrivilegeError
APPEND_ONLY = [t.name for t in tables.tenant.sorted_tables if t.info.get("append_only")]


@asynccontextmanager
async def database(stack: Stack, size: int = 1) -> AsyncIterator[Database]:
    """The serving processes' own way into the database, as their role."""
    password = (stack.state / "app_password").read_text()
    address = urlsplit(stack.database_url)
    dsn = f"postgresql://{APP_ROLE}:{password}@{address.hostname}:{address.port}{address.path}"
    async with Database(dsn, size) as opened:
        yield opened


def as_tenant(merchant: Merchant, work: Callable[[Connection], Awaitable[Any]]) -> Any:
    """Run something inside a merchant's test schema, with its rights alone."""

    async def run() -> Any:
        async with (
            database(merchant.stack) as opened,
            opened.tenant(merchant.tenant.test_schema) as connection,
        ):
            return await work(connection)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def mine(stack: Stack) -> Merchant:
    return new_merchant(stack, "Mine")


@pytest.fixture(scope="module")
def theirs(stack: Stack) -> Merchant:
    merchant = new_merchant(stack, "Theirs")
    merchant.api.customers.create({"name": "Theirs"})
    return merchant


def spelled(statement: str, mine: Merchant, theirs: Merchant) -> str:
    return statement.format(
        mine=mine.tenant.test_schema, live=mine.tenant.live_schema, theirs=theirs.tenant.test_schema
    )


WITHOUT_A_ROLE = [
    ("select * from customers", asyncpg.UndefinedTableError),
    ("select * from {theirs}.customers", Denied),
    ("insert into {theirs}.customers (id) values ('cus_x')", Denied),
    ("update {theirs}.charges set amount = 1", Denied),
    ("delete from {theirs}.payment_intents", Denied),
    ("create table {theirs}.mine (id int)", Denied),
    ("create table public.mine (id int)", Denied),
    ("create schema mine", Denied),
    ("create role mine", Denied),
    ("drop schema {theirs} cascade", Denied),
    ("alter table platform.jobs disable row level security", Denied),
    ("truncate platform.jobs", Denied),
    ("set role cpay", Denied),
    ("select pg_read_file('/etc/passwd')", Denied),
    ("copy platform.tenants to program 'true'", Denied),
]


@pytest.mark.parametrize(
    ("statement", "refusal"), WITHOUT_A_ROLE, ids=lambda value: str(value)[:40]
)
def test_without_a_tenants_role_no_tenants_table_is_in_reach(
    mine: Merchant, theirs: Merchant, statement: str, refusal: type[Exception]
) -> None:
    async def try_it() -> None:
        async with database(mine.stack) as opened, opened.platform() as connection:
            await connection.execute(spelled(statement, mine, theirs))

    with pytest.raises(refusal):
        asyncio.run(try_it())


AS_A_TENANT = [
    "select * from {theirs}.customers",
    "select * from {live}.customers",
    "insert into {theirs}.customers (id) values ('cus_x')",
    "update {theirs}.charges set amount = 1",
    "select * from platform.api_keys",
    "select * from platform.tenants",
    "select * from platform.tenant_schemas",
    "update platform.tenants set name = 'mine'",
    "insert into platform.jobs (schema_name, kind, subject) values ('{theirs}', 'look_up', 'x')",
    "insert into platform.deliveries (schema_name, event, endpoint) values ('{live}', 'e', 'w')",
    "update platform.jobs set schema_name = '{theirs}'",
    "truncate platform.jobs",
    "create table mine (id int)",
    "create table {theirs}.mine (id int)",
    "truncate customers",
    "create function f() returns int language sql as 'select 1'",
]


@pytest.mark.parametrize("statement", AS_A_TENANT)
def test_a_tenants_role_reaches_its_own_rows_and_no_other(
    mine: Merchant, theirs: Merchant, statement: str
) -> None:
    with pytest.raises(Denied):
        as_tenant(mine, lambda c: c.execute(spelled(statement, mine, theirs)))


@pytest.mark.parametrize("statement", ["drop table customers", "alter table customers add x int"])
def test_a_tenants_role_owns_not_even_its_own_tables(mine: Merchant, statement: str) -> None:
    with pytest.raises(Denied, match="must be owner"):
        as_tenant(mine, lambda c: c.execute(statement))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_cannot_be_changed_or_deleted(mine: Merchant, table: str) -> None:
    column = tables.tenant.tables[table].columns.keys()[-1]
    for statement in (f"update {table} set {column} = {column}", f"delete from {table}"):
        with pytest.raises(Denied):
            as_tenant(mine, lambda c, statement=statement: c.execute(statement))


def test_every_table_of_a_tenant_is_tried_above() -> None:
    assert {"events", "callbacks", "receipts", "delivery_attempts"} <= set(APPEND_ONLY)


def test_a_tenant_sees_and_changes_its_own_rows_of_the_queues_only(
    mine: Merchant, theirs: Merchant
) -> None:
    for merchant in (mine, theirs):
        endpoint = merchant.api.webhook_endpoints.create(
            {"url": "https://shop.invalid/hook", "enabled_events": ["customer.created"]}
        )
        merchant.api.customers.create()
        assert endpoint.status == "enabled"

    async def look(connection: Connection) -> tuple[set[str], set[str], str]:
        seen = []
        for queue in ("jobs", "deliveries"):
            rows = await connection.fetch(f"select schema_name from platform.{queue}")
            seen.append({row["schema_name"] for row in rows})
        deleted = await connection.execute(
            "delete from platform.jobs where schema_name <> current_user"
        )
        return seen[0], seen[1], deleted

    jobs, deliveries, deleted = as_tenant(mine, look)
    assert jobs == {mine.tenant.test_schema}
    assert deliveries <= {mine.tenant.test_schema}
    assert deleted == "DELETE 0"
    count = "select count(*) from platform.jobs where schema_name = $1"
    assert mine.run(lambda c: c.fetchval(count, theirs.tenant.test_schema)) > 0


def test_a_forgotten_transaction_finds_no_table(mine: Merchant) -> None:
    async def forget() -> None:
        async with database(mine.stack) as opened:
            await opened.fetch_platform("select * from customers")

    with pytest.raises(asyncpg.UndefinedTableError):
        asyncio.run(forget())


def test_role_and_path_end_with_the_transaction_however_it_ends(mine: Merchant) -> None:
    schema = mine.tenant.test_schema

    async def whoami(opened: Database) -> tuple[str, str]:
        (row,) = await opened.fetch_platform(
            "select current_user::text, current_setting('search_path') as path"
        )
        return row["current_user"], row["path"]

    async def run() -> None:
        async with database(mine.stack, size=1) as opened:
            async with opened.tenant(schema) as connection:
                assert await connection.fetchval("select current_user::text") == schema
            assert await whoami(opened) == (APP_ROLE, "")

            with pytest.raises(asyncpg.UndefinedTableError):
                async with opened.tenant(schema) as connection:
                    await connection.execute("select * from nothing")
            assert await whoami(opened) == (APP_ROLE, "")

            async def hang() -> None:
                async with opened.tenant(schema) as connection:
                    await connection.execute("select pg_sleep(60)")

            task = asyncio.create_task(hang())
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await whoami(opened) == (APP_ROLE, "")

    asyncio.run(run())


def test_one_statement_serves_all_tenants_and_mixes_none(stack: Stack) -> None:
    # Connections are shared and keep prepared statements: the same text must find another table
    # whenever the search path says so.
    merchants = [new_merchant(stack) for _ in range(4)]

    async def visit(opened: Database, merchant: Merchant, turn: int) -> None:
        schema = merchant.tenant.test_schema
        async with opened.tenant(schema) as connection:
            await connection.execute(
                "insert into idempotency_keys (key, operation, hash, created)"
                " values ($1, $2, '', 0)",
                f"{schema}-{turn}",
                schema,
            )
            rows = await connection.fetch("select operation from idempotency_keys")
        assert {row["operation"] for row in rows} == {schema}

    async def run() -> None:
        async with database(stack, size=3) as opened:
            await asyncio.gather(
                *(visit(opened, merchant, turn) for turn in range(25) for merchant in merchants)
            )

    asyncio.run(run())
    for merchant in merchants:
        assert merchant.rows("select count(*) from idempotency_keys")[0][0] == 25


def test_a_role_can_be_reset_which_is_why_no_clients_text_ever_becomes_sql(
    mine: Merchant, theirs: Merchant
) -> None:
    # Not what we want but what PostgreSQL does: the roles guard against our mistakes, not against
    # an injected statement. docs/decisions/0001 says what follows from it.
    async def escape(connection: Connection) -> Any:
        await connection.execute(f'reset role; set local role "{theirs.tenant.test_schema}"')
        return await connection.fetchval(
            f"select name from {theirs.tenant.test_schema}.customers where name = 'Theirs'"
        )

    assert as_tenant(mine, escape) == "Theirs"


# --- through the API ----------------------------------------------------------------------------


def test_the_ids_of_another_merchant_name_nothing(mine: Merchant, theirs: Merchant) -> None:
    customer = theirs.api.customers.create({"name": "Theirs"})
    method = theirs.api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    intent = theirs.api.payment_intents.create(
        {
            "amount": 5000,
            "currency": "xaf",
            "confirm": True,
            "customer": customer.id,
            "payment_method": method.id,
        }
    )
    api = mine.api
    event = theirs.api.events.list({"limit": 1}).data[0]
    for operation, identifier in [
        (api.customers.retrieve, customer.id),
        (api.customers.update, customer.id),
        (api.customers.delete, customer.id),
        (api.customers.payment_methods.list, customer.id),
        (api.payment_methods.retrieve, method.id),
        (api.payment_intents.retrieve, intent.id),
        (api.payment_intents.confirm, intent.id),
        (api.payment_intents.capture, intent.id),
        (api.payment_intents.cancel, intent.id),
        (api.charges.retrieve, intent.latest_charge),
        (api.events.retrieve, event.id),
    ]:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            operation(identifier)
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    for parameters in ({"customer": customer.id}, {"payment_method": method.id}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            api.payment_intents.create({"amount": 5000, "currency": "xaf", **parameters})
        assert refused.value.code == "resource_missing"
    assert customer.id not in str(api.customers.list({"limit": 100}))
    assert intent.id not in str(api.payment_intents.list({"limit": 100}))


def test_a_key_acts_for_its_own_account_only(mine: Merchant, theirs: Merchant) -> None:
    def status(account: str) -> int:
        headers = {"Authorization": f"Bearer {mine.secret_key}", "Stripe-Account": account}
        return httpx.get(f"{mine.stack.base}/v1/customers", headers=headers).status_code

    assert status(mine.tenant.id) == 200
    assert status(theirs.tenant.id) == 403
    assert status("acct_nobody") == 403


def test_a_live_key_sees_nothing_of_test_mode_and_the_reverse(merchant: Merchant) -> None:
    base = merchant.stack.base
    live = stripe.StripeClient(merchant.key(livemode=True), base_addresses={"api": base}).v1
    in_test, in_live = merchant.api.customers.create(), live.customers.create()
    assert (in_test.livemode, in_live.livemode) == (False, True)
    for api, other in ((live, in_test), (merchant.api, in_live)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            api.customers.retrieve(other.id)
        assert refused.value.http_status == 404
    assert [row.id for row in live.customers.list().data] == [in_live.id]


def test_live_mode_knows_no_test_card_and_no_test_number(merchant: Merchant) -> None:
    base = merchant.stack.base
    live = stripe.StripeClient(merchant.key(livemode=True), base_addresses={"api": base}).v1
    payment: Any = {"amount": 5000, "currency": "xaf", "confirm": True}
    wallet = {"type": "mobile_money", "billing_details": {"phone": "46733123450"}}
    for means in ({"payment_method": "pm_card_visa"}, {"payment_method_data": wallet}):
        with pytest.raises(stripe.InvalidRequestError):
            live.payment_intents.create({**payment, **means})
    # A real number finds no sandbox PSP behind it, either.
    wallet["billing_details"] = {"phone": "+237670000000"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        live.payment_intents.create({**payment, "payment_method_data": wallet})
    assert refused.value.code == "payment_method_not_available"
