"""Bring the platform schema and every tenant's schema to the newest revision.

Revisions are Alembic's. The way from one revision to the newest is rendered to SQL once and then
replayed in each schema, as one transaction that also records the new revision: a killed run loses
only the schemas it was at, and the next run goes on where this one stopped.
"""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tenants import distributed, tables

MIGRATIONS = Path(__file__).parent / "migrations"

# The advisory lock that keeps two runners apart at the shared tables: any constant of our own.
# A tenant's schema is guarded by its own row of `tenant_schemas`.
RUNNER_LOCK = 0x63706179

# The login role of the serving processes. It owns nothing and inherits nothing.
APP_ROLE = "cpay_app"


@dataclass
class Report:
    """What a run did."""

    schemas: int = 0
    migrated: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # schema -> PostgreSQL's message


def _config(family: str, output: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=output) if output is not None else Config()
    config.set_main_option("script_location", str(MIGRATIONS / family))
    config.set_main_option("path_separator", "os")
    return config


@cache
def head(family: str) -> str:
    """The newest revision of a family, `platform` or `tenant`."""
    revision = ScriptDirectory.from_config(_config(family)).get_current_head()
    assert revision is not None, f"no revisions in {family}"
    return revision


@cache
def known_revisions(family: str) -> frozenset[str]:
    """Every revision of a family."""
    script = ScriptDirectory.from_config(_config(family))
    return frozenset(revision.revision for revision in script.walk_revisions())


class _Statements(io.StringIO):
    """What Alembic renders, piece by piece: a piece is a statement or a comment."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        """Keep a piece."""
        if not text.startswith("--"):
            self.pieces.append(text.strip())
        return len(text)


@cache
def upgrade_sql(family: str, start: str | None) -> list[str]:
    """The statements from revision `start` (None: an empty schema) to the newest, for
    `distributed.run_all`."""
    output = _Statements()
    revisions = f"{start}:head" if start else "head"
    command.upgrade(_config(family, output), revisions, sql=True)
    return output.pieces


def grants(schema: str) -> list[str]:
    """The rights of a schema's role: to read and write its rows, but not to change history."""
    statements = [
        f'grant usage on schema "{schema}" to "{schema}"',
        f'grant select, insert, update, delete on all tables in schema "{schema}" to "{schema}"',
        # PostgreSQL draws an identity's numbers without this right, Citus' coordinator does not.
        f'grant usage on all sequences in schema "{schema}" to "{schema}"',
    ]
    return statements + [
        f'revoke update, delete on "{schema}".{table.name} from "{schema}"'
        for table in tables.tenant.sorted_tables
        if table.info.get("append_only")
    ]


async def migrate_platform(connection: asyncpg.Connection) -> None:
    """Create or upgrade the shared tables and the login role. Safe to run at any time."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", RUNNER_LOCK)
        await distributed.distribute_schemas(connection, wanted=False)
        await connection.execute("create schema if not exists platform")
        current = None
        if await connection.fetchval("select to_regclass('platform.alembic_version')"):
            current = await connection.fetchval("select version_num from platform.alembic_version")
        if current != head("platform"):
            spread = await distributed.is_distributed(connection)
            await distributed.run_all(connection, upgrade_sql("platform", current), spread=spread)
        await distributed.prepare_platform(connection)


async def migrate_schema(connection: asyncpg.Connection, schema: str, start: str | None) -> None:
    """Take one tenant schema from revision `start` to the newest, in one transaction.

    Does nothing if another runner has already taken it away from `start`.
    """
    async with connection.transaction():
        revision = await connection.fetchval(
            "select revision from platform.tenant_schemas where schema_name = $1 for update", schema
        )
        if revision != start:
            return
        await connection.execute(
            f'set local search_path = "{schema}"; set local lock_timeout = 5000'
        )
        await distributed.run_all(
            connection,
            upgrade_sql("tenant", start) + grants(schema),
            spread=await distributed.is_distributed(connection),
        )
        await connection.execute(
            "update platform.tenant_schemas set revision = $2, migrated_at = now(), error = null"
            " where schema_name = $1",
            schema,
            head("tenant"),
        )


async def migrate_all(
    dsn: str, workers: int = 4, progress: Callable[[Report], None] | None = None
) -> Report:
    """Upgrade the platform, then every schema that is behind, `workers` at a time.

    A schema that fails keeps its old revision, is reported and does not stop the others.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await migrate_platform(connection)
        behind = await connection.fetch(
            "select schema_name, revision from platform.tenant_schemas"
            " where revision is distinct from $1 order by schema_name",
            head("tenant"),
        )
    finally:
        await connection.close()
    report = Report(schemas=len(behind))
    queue = iter(behind)

    async def work() -> None:
        own = await asyncpg.connect(dsn)
        try:
            for row in queue:
                await _migrate_one(own, row["schema_name"], row["revision"], report)
                if progress:
                    progress(report)
        finally:
            await own.close()

    await asyncio.gather(*(work() for _ in range(min(workers, len(behind)))))
    return report


async def _migrate_one(
    connection: asyncpg.Connection, schema: str, start: str | None, report: Report
) -> None:
    try:
        await migrate_schema(connection, schema, start)
        report.migrated += 1
    except asyncpg.PostgresError as error:
        report.failed[schema] = str(error)
        await connection.execute(
            "update platform.tenant_schemas set error = $2 where schema_name = $1",
            schema,
            str(error),
        )
