"""A tenant leaves in a file, and comes back: alone, whole, and under its own names."""

import hashlib
import io
import json
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import stripe
from live import Merchant, eventually, in_database
from operator_commands import answer, cpay

PAID = {"amount": 5000, "currency": "xaf", "confirm": True, "payment_method": "pm_card_visa"}


@pytest.fixture
def shop(merchant: Merchant) -> Merchant:
    """A merchant with a payment, its receipt, a file, and a webhook that waits to be delivered."""
    api = merchant.api
    customer = api.customers.create({"name": "Aïcha", "metadata": {"a": "1"}})
    endpoint = {"url": "http://127.0.0.1:9/nobody", "enabled_events": ["*"]}
    api.webhook_endpoints.create(endpoint)
    api.payment_intents.create({**PAID, "customer": customer.id})
    api.files.create({"purpose": "business_logo", "file": io.BytesIO(b"\x89PNG\r\n\x1a\n")})
    eventually(lambda: merchant.rows("select from receipts"))
    return merchant


@pytest.fixture
def archive(shop: Merchant, tmp_path: Path) -> Path:
    """The shop in a file."""
    file = tmp_path / "shop.tar"
    (said,) = answer(shop.stack, "tenant", "export", shop.tenant.id, str(file))
    assert said == {"tenant": shop.tenant.id, "file": str(file), "documents": 2}
    return file


def rows_of(merchant: Merchant) -> dict[str, list[str]]:
    """Every row of a merchant's test schema, and of the shared tables, as text, by table."""
    schema, names = merchant.tenant.test_schema, {}
    for row in merchant.rows("select tablename from pg_tables where schemaname = $1", schema):
        names[row[0]] = f"select t::text from {schema}.{row[0]} t order by 1"
    shared = ("name", "hash"), ("kind", "subject"), ("event", "endpoint")
    for table, columns in zip(("api_keys", "jobs", "deliveries"), shared, strict=True):
        names[table] = (
            f"select ({', '.join(columns)})::text from platform.{table}"
            f" where schema_name = '{schema}' order by 1"
        )
    found = {name: [row[0] for row in merchant.rows(query)] for name, query in names.items()}
    assert found["customers"]
    assert found["deliveries"]
    return found


def test_a_deleted_tenant_comes_back_whole(shop: Merchant, archive: Path) -> None:
    stack, tenant = shop.stack, shop.tenant
    answer(stack, "tenant", "suspend", tenant.id)
    time.sleep(1.1)  # every process has noticed, and rows stay as they are
    answer(stack, "tenant", "export", tenant.id, str(archive))
    before = rows_of(shop)
    store = stack.state / "store" / tenant.test_schema
    documents = {path.name: path.read_bytes() for path in store.rglob("*.*")}
    answer(stack, "tenant", "delete", tenant.id, "--confirm", tenant.name)
    shutil.rmtree(store)

    (restored,) = answer(stack, "tenant", "restore", str(archive))

    assert restored["id"] == tenant.id
    assert {path.name: path.read_bytes() for path in store.rglob("*.*")} == documents
    rows = rows_of(shop)
    at_once = ("jobs", "deliveries", "delivery_attempts")  # the worker goes on where it was
    assert {**rows, **{name: before[name] for name in at_once}} == before
    assert set(rows["deliveries"]) <= set(before["deliveries"])
    assert len(rows["delivery_attempts"]) >= len(before["delivery_attempts"])
    time.sleep(1.1)  # a key's refusal is remembered for one second
    again = shop.api.payment_intents.create(PAID)
    assert again.status == "succeeded"
    (verified,) = answer(stack, "ledger", "verify", "--tenant", tenant.id)[-1:]
    assert verified.get("breaches", 0) in (0, [])


def test_a_tenant_that_is_here_is_not_restored_over(shop: Merchant, archive: Path) -> None:
    before = shop.rows("select id from payment_intents")
    refused = cpay(shop.stack, "tenant", "restore", str(archive))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"There is a tenant {shop.tenant.id} here already" in refused.stderr
    assert shop.rows("select id from payment_intents") == before


def changed(source: Path, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """An archive with its members changed, or left out."""
    target = io.BytesIO()
    with tarfile.open(source) as old, tarfile.open(fileobj=target, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            body = change(member.name, file.read())
            if body is not None:
                member.size = len(body)
                new.addfile(member, io.BytesIO(body))
    return target.getvalue()


def manifest(**changes: Any) -> Callable[[str, bytes], bytes]:
    """Change what an archive says of itself."""

    def change(name: str, body: bytes) -> bytes:
        return json.dumps(json.loads(body) | changes).encode() if name == "manifest.json" else body

    return change


def flip(name: str, body: bytes) -> bytes:
    return bytes([body[0] ^ 1]) + body[1:] if name.startswith("documents/") else body


WRONG: list[tuple[str, Callable[[str, bytes], bytes | None], str]] = [
    ("a changed byte", flip, "is not what was exported"),
    ("no rows", lambda n, b: None if n == "platform.json" else b, "is not what was exported"),
    ("no manifest", lambda n, b: None if n == "manifest.json" else b, "not an archive"),
    ("another format", manifest(format=2), "of format 2"),
    ("a newer version", manifest(revision="9999"), "newer version"),
    ("nobody's", manifest(tenant={"id": "acct_1"}), "does not say whose"),
]


@pytest.mark.parametrize(("what", "change", "sentence"), WRONG, ids=[row[0] for row in WRONG])
def test_an_archive_that_is_not_what_was_exported_is_refused(
    shop: Merchant,
    archive: Path,
    what: str,
    change: Callable[[str, bytes], bytes | None],
    sentence: str,
) -> None:
    archive.write_bytes(changed(archive, change))
    refused = cpay(shop.stack, "tenant", "restore", str(archive))
    assert (refused.returncode, refused.stdout) == (1, ""), what
    assert sentence in refused.stderr


def test_a_schemas_name_in_an_archive_does_not_become_sql(shop: Merchant, archive: Path) -> None:
    tenant = asdict(shop.tenant) | {"test_schema": 'x"; drop schema platform cascade; --'}
    archive.write_bytes(changed(archive, manifest(tenant=tenant)))
    refused = cpay(shop.stack, "tenant", "restore", str(archive))
    assert "has a schema that no tenant has" in refused.stderr


def test_half_an_archive_is_refused(shop: Merchant, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    assert "its end is missing" in cpay(shop.stack, "tenant", "restore", str(archive)).stderr


def test_documents_in_an_archive_are_those_of_the_store(shop: Merchant, archive: Path) -> None:
    with tarfile.open(archive) as found:
        for member in found:
            if member.name.startswith("documents/"):
                file = found.extractfile(member)
                assert file is not None
                assert hashlib.sha256(file.read()).hexdigest() in member.name
                assert member.mtime == 0 or member.mtime > time.time()


def test_nothing_is_done_for_a_suspended_tenant(shop: Merchant) -> None:
    stack, tenant = shop.stack, shop.tenant
    (said,) = answer(stack, "tenant", "suspend", tenant.id)
    assert said["suspended"]
    time.sleep(1.1)
    with pytest.raises(stripe.APIError) as refused:
        shop.api.customers.create({"name": "Nobody"})
    assert refused.value.http_status == 503
    assert "being moved" in str(refused.value)
    assert httpx.get(f"{stack.base}/v1/events", auth=(shop.secret_key, "")).status_code == 503

    knock = f"{stack.base}/callbacks/mtncameroon_test/{tenant.test_schema}/{uuid4()}"
    assert httpx.put(knock, content=b"{}").status_code == 503

    async def ask(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "insert into platform.jobs (schema_name, kind, subject) values ($1, 'prune', 'test')",
            tenant.test_schema,
        )

    in_database(stack.database_url, ask)
    waiting = "select from platform.jobs where schema_name = $1 and subject = 'test'"
    untouched = f"{waiting} and attempts = 0"
    time.sleep(1)  # ten looks of the worker
    assert shop.rows(untouched, tenant.test_schema)

    answer(stack, "tenant", "resume", tenant.id)
    eventually(lambda: not shop.rows(untouched, tenant.test_schema))
    time.sleep(1.1)
    assert httpx.put(knock, content=b"{}").status_code == 400
    assert shop.api.customers.create({"name": "Somebody"}).name == "Somebody"
