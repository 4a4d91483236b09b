"""Tenants made online, and the operator's commands about them, run as an operator runs them."""

import asyncio
import time

import asyncpg
import httpx
import pytest
from live import Merchant, Stack, in_database
from operator_commands import answer, cpay

from tenants import migrate, provision

AT_ONCE = 20


def test_twenty_tenants_made_at_once_are_whole_and_distinct(stack: Stack) -> None:
    async def make(number: int) -> provision.Tenant:
        connection = await asyncpg.connect(stack.database_url)
        try:
            return await provision.create_tenant(connection, f"Tenant {number}")
        finally:
            await connection.close()

    async def make_all() -> list[provision.Tenant]:
        return await asyncio.gather(*(make(number) for number in range(AT_ONCE)))

    made = asyncio.run(make_all())
    schemas = {schema for tenant in made for schema in (tenant.test_schema, tenant.live_schema)}
    assert len({tenant.id for tenant in made}) == AT_ONCE
    assert len(schemas) == 2 * AT_ONCE
    rows = in_database(
        stack.database_url,
        lambda c: c.fetch(
            "select revision from platform.tenant_schemas where schema_name = any($1)", schemas
        ),
    )
    assert [row["revision"] for row in rows] == [migrate.head("tenant")] * 2 * AT_ONCE


def test_a_tenant_that_cannot_be_made_leaves_nothing(stack: Stack) -> None:
    async def fail(connection: asyncpg.Connection) -> None:
        before = await connection.fetchval("select count(*) from pg_roles")
        table = "alter table platform.tenant_schemas"
        await connection.execute(f"{table} add constraint test_only check (not livemode) not valid")
        with pytest.raises(asyncpg.CheckViolationError):  # at the second of its two schemas
            await provision.create_tenant(connection, "Nobody")
        await connection.execute(f"{table} drop constraint test_only")
        assert await connection.fetchval("select count(*) from pg_roles") == before
        assert not await connection.fetch("select 1 from platform.tenants where name = 'Nobody'")

    in_database(stack.database_url, fail)


# --- the operator's commands --------------------------------------------------------------------


def status(stack: Stack, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{stack.base}/v1/events", headers=headers).status_code


def test_a_tenant_from_its_creation_to_its_end(stack: Stack) -> None:
    arguments = ("Épicerie du Marché", "--country", "ci", "--currency", "XOF")
    (made,) = answer(stack, "tenant", "create", *arguments)
    assert (made["name"], made["country"], made["default_currency"]) == (arguments[0], "CI", "xof")
    kinds = ("secret_key_test", "secret_key_live")
    assert [status(stack, made[kind]) for kind in kinds] == [200, 200]
    assert status(stack, made["publishable_key_test"]) == 401
    listed = {tenant["id"]: tenant for tenant in answer(stack, "tenant", "list")}
    assert listed[made["id"]]["name"] == arguments[0]

    refused = cpay(stack, "tenant", "delete", made["id"], "--confirm", "Another")
    assert refused.returncode == 1
    assert "Nothing was deleted" in refused.stderr
    assert status(stack, made["secret_key_test"]) == 200

    answer(stack, "tenant", "delete", made["id"], "--confirm", arguments[0])
    time.sleep(1.1)  # a key's answer is remembered for one second
    assert [status(stack, made[kind]) for kind in kinds] == [401, 401]
    assert made["id"] not in [tenant["id"] for tenant in answer(stack, "tenant", "list")]
    left = in_database(
        stack.database_url,
        lambda c: c.fetch(
            "select nspname from pg_namespace where nspname = any($1)"
            " union all select rolname from pg_roles where rolname = any($1)"
            " union all select schema_name from platform.jobs where schema_name = any($1)",
            [made["test_schema"], made["live_schema"]],
        ),
    )
    assert left == []


def test_keys_by_command(merchant: Merchant) -> None:
    stack, tenant = merchant.stack, merchant.tenant.id
    (made,) = answer(
        stack, "key", "create", tenant, "--kind", "restricted", "--scope", "events:read"
    )
    assert made["key"].startswith("rk_test_")
    assert status(stack, made["key"]) == 200
    (rolled,) = answer(stack, "key", "roll", made["id"], "--hours", "1")
    assert [status(stack, key) for key in (made["key"], rolled["key"])] == [200, 200]
    answer(stack, "key", "revoke", rolled["id"])
    time.sleep(1.1)
    assert [status(stack, key) for key in (made["key"], rolled["key"])] == [200, 401]
    listed = answer(stack, "key", "list", tenant)
    assert {made["id"], rolled["id"]} <= {key["id"] for key in listed}
    assert rolled["key"] not in str(listed)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tenant", "export", "acct_nobody", "/tmp/nobody"), "There is no tenant acct_nobody."),
        (("tenant", "suspend", "acct_nobody"), "There is no tenant acct_nobody."),
        (("tenant", "restore", "/nowhere"), "/nowhere cannot be read"),
        (("tenant", "delete", "acct_nobody", "--confirm", "x"), "There is no tenant acct_nobody."),
        (("key", "revoke", "key_nobody"), "There is no API key key_nobody."),
        (
            ("key", "create", "acct_nobody", "--scope", "everything"),
            "A restricted key needs scopes",
        ),
        (("key", "create", "acct_nobody", "--kind", "restricted"), "A restricted key needs scopes"),
    ],
)
def test_a_command_that_cannot_be_carried_out_is_one_sentence(
    stack: Stack, arguments: tuple[str, ...], sentence: str
) -> None:
    done = cpay(stack, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1
