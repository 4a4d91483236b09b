"""Tenants made online, and the operator's commands about them, run as an operator runs them."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
from live import Merchant, Stack, in_database, new_merchant

from tenants import migrate, provision
from tenants.embedded_binaries import Account, find_binaries

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
        number = await connection.fetchval("select max(number) + 1 from platform.tenants")
        await connection.execute(f"create schema t{number}_live")  # in its way
        with pytest.raises(asyncpg.DuplicateSchemaError):
            await provision.create_tenant(connection, "Nobody")
        await connection.execute(f"drop schema t{number}_live")
        assert await connection.fetchval("select count(*) from pg_roles") == before
        assert not await connection.fetch("select 1 from platform.tenants where name = 'Nobody'")

    in_database(stack.database_url, fail)


# --- the operator's commands --------------------------------------------------------------------


def cpay(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `cpay` as an operator of this stack."""
    environment = os.environ | {
        "CPAY_ADMIN_DATABASE_URL": stack.database_url,
        "CPAY_KEY_PEPPER": stack.pepper.decode(),
    }
    return subprocess.run(
        [sys.executable, "-m", "cpay", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    """What a command that succeeds prints: JSON, one object a line."""
    done = cpay(stack, *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


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
        (("tenant", "export", "acct_nobody", "/nowhere"), "There is no tenant acct_nobody."),
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


def test_an_export_restores_into_another_database(stack: Stack, tmp_path: Path) -> None:
    merchant = new_merchant(stack, "Exported")
    customer = merchant.api.customers.create({"name": "Aïcha", "metadata": {"a": "1"}})
    payment = {"amount": 5000, "currency": "xaf", "confirm": True, "payment_method": "pm_card_visa"}
    merchant.api.payment_intents.create({**payment, "customer": customer.id})
    file = tmp_path / "tenant.dump"
    (said,) = answer(stack, "tenant", "export", merchant.tenant.id, str(file))
    assert said["file"] == str(file)

    address = urlsplit(stack.database_url)
    target = urlunsplit(address._replace(path="/restored"))
    in_database(stack.database_url, lambda c: c.execute("create database restored"))
    try:
        pg_restore = find_binaries(Account(None, None), stack.state) / "pg_restore"
        restored = subprocess.run(
            [pg_restore, "--no-owner", "--exit-on-error", f"--dbname={target}", file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert restored.returncode == 0, restored.stderr
        assert rows_of(target, merchant) == rows_of(stack.database_url, merchant)
        schemas = in_database(
            target, lambda c: c.fetch("select nspname from pg_namespace where nspname like 't%'")
        )
        assert {row[0] for row in schemas} == {
            merchant.tenant.test_schema,
            merchant.tenant.live_schema,
        }
    finally:
        in_database(stack.database_url, lambda c: c.execute("drop database restored"))


def rows_of(database_url: str, merchant: Merchant) -> dict[str, list[str]]:
    """Every row of a merchant's test schema, as text, by table."""
    schema = merchant.tenant.test_schema

    async def read(connection: asyncpg.Connection) -> dict[str, list[str]]:
        names = await connection.fetch(
            "select tablename from pg_tables where schemaname = $1", schema
        )
        found = {}
        for name in sorted(row[0] for row in names):
            rows = await connection.fetch(f"select t::text from {schema}.{name} t order by 1")
            found[name] = [row[0] for row in rows]
        assert found["customers"]
        assert found["events"]
        return found

    return dict(in_database(database_url, read))
