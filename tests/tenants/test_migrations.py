"""Migrations, on a PostgreSQL of their own: what they make, and what stops or kills them."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_mock_engine

from tenants import migrate, tables
from tenants.embedded import EmbeddedPostgres

# Everything that makes a schema what it is, one text for each column, constraint and index.
CATALOG = """
select format('%s.%s %s null=%s default=%s collation=%s identity=%s', table_name, column_name,
              data_type, is_nullable, column_default, collation_name, identity_generation)
from information_schema.columns where table_schema = $1
union all
select format('%s: %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
from pg_constraint where connamespace = $1::regnamespace and contype <> 'n'
union all
select indexdef from pg_indexes where schemaname = $1
"""


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    """The owner's URL of a fresh database with the shared tables."""
    # pytest's own temporary folders are private to root, where PostgreSQL's account can't enter.
    with tempfile.TemporaryDirectory(prefix="cpay-test-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder, "state"))
        server.start()
        asyncio.run(migrate.migrate_all(server.dsn))
        yield server.dsn
        server.stop()


@pytest.fixture
def database(dsn: str) -> Iterator[Callable[[Callable[[Any], Awaitable[Any]]], Any]]:
    """Run an async function with the owner's connection; registered schemas go at the end."""

    def run(work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def connected() -> Any:
            connection = await asyncpg.connect(dsn)
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(connected())

    yield run
    run(clear)


async def clear(connection: Any) -> None:
    rows = await connection.fetch("select schema_name from platform.tenant_schemas")
    for row in rows:
        schema = row["schema_name"]
        await connection.execute(f"drop schema {schema} cascade; drop role {schema}")
    await connection.execute("delete from platform.tenant_schemas; delete from platform.tenants")


async def register(connection: Any, count: int) -> list[str]:
    """`count` tenants' schemas that no migration has seen yet."""
    schemas = [f"t{number}_test" for number in range(count)]
    for schema in schemas:
        await connection.execute(
            f"create role {schema} in role cpay_tenants; create schema {schema};"
            "insert into platform.tenants (id, name, country, default_currency)"
            f" values ('acct_{schema}', 'x', 'CM', 'xaf');"
            "insert into platform.tenant_schemas (schema_name, tenant, livemode)"
            f" values ('{schema}', 'acct_{schema}', false)"
        )
    return schemas


async def catalog(connection: Any, schema: str) -> set[str]:
    rows = await connection.fetch(CATALOG, schema)
    found = {row[0].replace(f"{schema}.", "") for row in rows}
    return {line for line in found if "alembic_version" not in line}


def described(metadata: MetaData, schema: str) -> str:
    """The SQL that makes what `tables.py` describes, in another schema."""
    statements: list[str] = []
    engine = create_mock_engine(
        "postgresql://", lambda ddl, *_, **__: statements.append(str(ddl.compile(engine)))
    )
    metadata.create_all(engine, checkfirst=False)
    made = ";".join(statements).replace("platform.", f"{schema}.")
    return f"create schema {schema}; set search_path = {schema}; {made}; reset search_path"


@pytest.mark.parametrize("family", ["platform", "tenant"])
def test_the_migrations_make_what_the_tables_describe(database: Any, family: str) -> None:
    async def compare(connection: Any) -> None:
        migrated = "platform"
        if family == "tenant":
            (migrated,) = await register(connection, 1)
            await migrate.migrate_schema(connection, migrated, None)
        await connection.execute(described(getattr(tables, family), f"described_{family}"))
        expected = await catalog(connection, f"described_{family}")
        assert len(expected) > 30
        assert await catalog(connection, migrated) == expected

    database(compare)


def revisions() -> list[str]:
    """Every revision of a tenant's schema but the newest, oldest first."""
    config = migrate._config("tenant")
    script = ScriptDirectory.from_config(config)
    return [revision.revision for revision in script.walk_revisions()][:0:-1]


@pytest.mark.parametrize("start", revisions())
def test_a_schema_of_an_earlier_release_arrives_where_a_new_one_is(
    database: Any, start: str
) -> None:
    output = io.StringIO()
    command.upgrade(migrate._config("tenant", output), start, sql=True)

    async def upgrade(connection: Any) -> None:
        old, new = await register(connection, 2)
        await connection.execute(f"set search_path = {old}; {output.getvalue()}")
        await connection.execute(
            "update platform.tenant_schemas set revision = $2 where schema_name = $1", old, start
        )
        await migrate.migrate_schema(connection, old, start)
        await migrate.migrate_schema(connection, new, None)
        assert await catalog(connection, old) == await catalog(connection, new)

    database(upgrade)


async def progress(connection: Any) -> tuple[int, int]:
    """How many schemas are said to be at the newest revision, and how many have tables."""
    done = await connection.fetchval(
        "select count(*) from platform.tenant_schemas where revision = $1", migrate.head("tenant")
    )
    begun = await connection.fetchval(
        "select count(*) from pg_tables where tablename = 'alembic_version'"
        " and schemaname <> 'platform'"
    )
    return done, begun


def test_a_runner_that_is_killed_is_continued_where_it_stopped(dsn: str, database: Any) -> None:
    database(lambda c: register(c, 60))
    environment = os.environ | {"CPAY_ADMIN_DATABASE_URL": dsn}
    runner = subprocess.Popen([sys.executable, "-m", "cpay", "migrate"], env=environment)
    deadline = time.monotonic() + 120
    while database(progress)[0] < 5:
        assert runner.poll() is None, "the runner was too fast to be killed"
        assert time.monotonic() < deadline
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    time.sleep(0.5)  # PostgreSQL notices that its clients are gone, and rolls back
    done, begun = database(progress)
    assert 5 <= done < 60
    assert begun == done  # no schema is half migrated
    report = asyncio.run(migrate.migrate_all(dsn))
    assert (report.schemas, report.migrated, report.failed) == (60 - done, 60 - done, {})
    assert database(progress) == (60, 60)


def test_a_schema_that_fails_is_reported_and_stops_no_other(dsn: str, database: Any) -> None:
    schemas = database(lambda c: register(c, 5))
    database(lambda c: c.execute(f"create table {schemas[2]}.customers (in_the_way int)"))
    report = asyncio.run(migrate.migrate_all(dsn, workers=2))
    assert (report.migrated, list(report.failed)) == (4, [schemas[2]])
    assert "already exists" in report.failed[schemas[2]]
    state = "select revision, error from platform.tenant_schemas where schema_name = $1"
    row = database(lambda c: c.fetchrow(state, schemas[2]))
    assert (row["revision"], row["error"]) == (None, report.failed[schemas[2]])

    database(lambda c: c.execute(f"drop table {schemas[2]}.customers"))
    report = asyncio.run(migrate.migrate_all(dsn))
    assert (report.schemas, report.migrated, report.failed) == (1, 1, {})
    row = database(lambda c: c.fetchrow(state, schemas[2]))
    assert (row["revision"], row["error"]) == (migrate.head("tenant"), None)


def test_runners_at_the_same_time_do_each_schema_once(dsn: str, database: Any) -> None:
    database(lambda c: register(c, 20))

    async def together() -> list[migrate.Report]:
        return await asyncio.gather(*(migrate.migrate_all(dsn, workers=3) for _ in range(3)))

    reports = asyncio.run(together())
    assert [report.failed for report in reports] == [{}, {}, {}]
    assert database(progress) == (20, 20)


def test_nothing_to_do_is_nothing_done(dsn: str, database: Any) -> None:
    database(lambda c: register(c, 1))
    assert asyncio.run(migrate.migrate_all(dsn)).schemas == 1
    assert asyncio.run(migrate.migrate_all(dsn)).schemas == 0
