"""Bring a tenant back from a file (`tenants.archive` says what is in it)."""

import asyncio
import json
import mimetypes
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from storage import ObjectStore
from tenants import distributed
from tenants.archive import (
    DOCUMENTS,
    ROWS,
    SCHEMAS,
    SHARED,
    ArchiveError,
    Manifest,
    Progress,
    Tools,
    checked,
    extract,
    opened,
    read,
    run_program,
)
from tenants.migrate import grants, head, known_revisions, migrate_schema
from tenants.provision import SCHEMA_NAME, Tenant, create_role


async def restore(
    dsn: str, store: ObjectStore, source: Path, tools: Tools, progress: Progress
) -> Tenant:
    """Bring a tenant in a file back, under its own ids and names, active, and at this version.

    Everything is checked before anything is written. The rows of the shared tables come last, in
    one transaction: until then nobody can reach the tenant, and a restore that was killed is begun
    again. Raises ArchiveError, RuntimeError with pg_restore's own words and StorageError.
    """
    with opened(source) as archive:
        manifest = checked(archive)
        tenant = _checked_tenant(manifest)
        progress("the file is whole")
        connection = await asyncpg.connect(dsn)
        try:
            await _make_room(connection, tenant)
            await _restore_schemas(dsn, archive, tools)
            progress("schemas are restored")
            await _restore_documents(store, archive, progress)
            await _register(connection, tenant, manifest, archive)
        finally:
            await connection.close()
    return tenant


def _checked_tenant(manifest: Manifest) -> Tenant:
    """The tenant, if this version of ours can serve it. Its names become SQL."""
    if manifest.revision not in known_revisions("tenant"):
        raise ArchiveError("The archive comes from a newer version of CPay than this one.")
    try:
        tenant = Tenant(**manifest.tenant)
    except TypeError:
        raise ArchiveError("The archive does not say whose it is.") from None
    for schema in (tenant.test_schema, tenant.live_schema):
        if not SCHEMA_NAME.fullmatch(schema):
            raise ArchiveError(f"The archive has a schema that no tenant has: {schema[:40]!r}.")
    return tenant


async def _make_room(connection: asyncpg.Connection, tenant: Tenant) -> None:
    """Refuse a tenant that is here; clear away what a restore that died has left."""
    schemas = [tenant.test_schema, tenant.live_schema]
    taken = await connection.fetchval(
        "select coalesce((select id from platform.tenants where id = $1),"
        " (select schema_name from platform.tenant_schemas where schema_name = any($2) limit 1))",
        tenant.id,
        schemas,
    )
    if taken is not None:
        raise ArchiveError(f"There is a tenant {taken} here already: delete it first.")
    for schema in schemas:
        await connection.execute(f'drop schema if exists "{schema}" cascade')


async def _restore_schemas(dsn: str, archive: tarfile.TarFile, tools: Tools) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder, SCHEMAS)
        await asyncio.to_thread(extract, archive, SCHEMAS, dump)
        await run_program(
            tools.pg_restore,
            dsn,
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            str(dump),
        )


async def _restore_documents(
    store: ObjectStore, archive: tarfile.TarFile, progress: Progress
) -> None:
    count = 0
    for member in archive:
        key = member.name.removeprefix(DOCUMENTS)
        if key == member.name:
            continue
        until = datetime.fromtimestamp(member.mtime, UTC) if member.mtime else None
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        await store.put(key, read(archive, member.name), kind, until)
        count += 1
        if count % 1_000 == 0:
            progress(f"{count} documents are restored")


async def _register(
    connection: asyncpg.Connection, tenant: Tenant, manifest: Manifest, archive: tarfile.TarFile
) -> None:
    """Let the tenant be known: roles, its rows of the shared tables, and the newest revision."""
    rows = json.loads(read(archive, ROWS))
    schemas = (tenant.test_schema, tenant.live_schema)
    spread = await distributed.is_distributed(connection)
    async with connection.transaction():
        for schema in schemas:
            # Roles belong to the server: a sister database may have brought it already.
            if not await connection.fetchval("select 1 from pg_roles where rolname = $1", schema):
                await create_role(connection, schema, spread=spread)
            await distributed.run_all(connection, grants(schema), spread=spread)
        for row in rows["tenant_schemas"]:
            row["suspended_at"] = None
        for table, (_, numbered) in SHARED.items():
            for row in rows[table]:
                await _insert(connection, table, numbered, row)
        if manifest.revision != head("tenant"):
            for schema in schemas:
                await migrate_schema(connection, schema, manifest.revision)


async def _insert(
    connection: asyncpg.Connection, table: str, numbered: frozenset[str], row: dict[str, Any]
) -> None:
    """A row as it was exported; columns that this version does not have are left out."""
    columns = await connection.fetch(
        "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0"
        " and not attisdropped",
        f"platform.{table}",
    )
    names = ", ".join(
        column[0] for column in columns if column[0] in row and column[0] not in numbered
    )
    await connection.execute(
        f"insert into platform.{table} ({names})"
        f" select {names} from jsonb_populate_record(null::platform.{table}, $1::jsonb)",
        json.dumps(row),
    )
