"""Write a tenant to a file (`tenants.archive` says what is in it)."""

import hashlib
import json
import os
import tarfile
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from storage import ObjectStore
from tenants.archive import (
    DOCUMENTS,
    FORMAT,
    MANIFEST,
    ROWS,
    SCHEMAS,
    SHARED,
    ArchiveError,
    Manifest,
    Progress,
    Tools,
    add,
    run_program,
)
from tenants.provision import Tenant, find_tenant


async def export(
    dsn: str, store: ObjectStore, account: str, target: Path, tools: Tools, progress: Progress
) -> Manifest:
    """Write a tenant to `target`, which appears whole or not at all.

    Raises LookupError for an unknown tenant, ArchiveError, RuntimeError with pg_dump's own words
    and StorageError.
    """
    partial = target.with_name(target.name + ".partial")
    members: dict[str, str] = {}
    try:
        with tarfile.open(partial, "w") as archive:
            tenant, revision = await _rows(dsn, account, archive, members, tools)
            progress("rows are written")
            await _documents(store, tenant, archive, members, progress)
            moment = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = Manifest(FORMAT, asdict(tenant), revision, moment, members)
            add(archive, MANIFEST, json.dumps(asdict(manifest)).encode())
        _sync(partial)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return manifest


async def _rows(
    dsn: str, account: str, archive: tarfile.TarFile, members: dict[str, str], tools: Tools
) -> tuple[Tenant, str]:
    """The rows of schemas and of shared tables, as they are at one moment."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            tenant = await find_tenant(connection, account)
            revision = await _revision(connection, tenant)
            snapshot = await connection.fetchval("select pg_export_snapshot()")
            rows = {name: await _shared_rows(connection, name, tenant) for name in SHARED}
            with tempfile.TemporaryDirectory() as folder:
                dump = Path(folder, SCHEMAS)
                await _dump(dsn, tenant, snapshot, dump, tools)
                members[SCHEMAS] = _digest(dump)
                archive.add(dump, SCHEMAS)
    finally:
        await connection.close()
    members[ROWS] = add(archive, ROWS, json.dumps(rows).encode())
    return tenant, revision


async def _revision(connection: asyncpg.Connection, tenant: Tenant) -> str:
    rows = await connection.fetch(
        "select distinct revision from platform.tenant_schemas where tenant = $1", tenant.id
    )
    if len(rows) != 1 or rows[0]["revision"] is None:
        raise ArchiveError("The tenant's schemas are of different versions: run `cpay migrate`.")
    return str(rows[0]["revision"])


async def _shared_rows(
    connection: asyncpg.Connection, table: str, tenant: Tenant
) -> list[dict[str, Any]]:
    column, _ = SHARED[table]
    names = [tenant.id, tenant.test_schema, tenant.live_schema]
    rows = await connection.fetch(
        f"select to_jsonb(t) from platform.{table} t where {column} = any($1)", names
    )
    return [json.loads(row[0]) for row in rows]


async def _dump(dsn: str, tenant: Tenant, snapshot: str, target: Path, tools: Tools) -> None:
    await run_program(
        tools.pg_dump,
        dsn,
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--snapshot={snapshot}",
        f"--schema={tenant.test_schema}",
        f"--schema={tenant.live_schema}",
        f"--file={target}",
    )


async def _documents(
    store: ObjectStore,
    tenant: Tenant,
    archive: tarfile.TarFile,
    members: dict[str, str],
    progress: Progress,
) -> None:
    count = 0
    for schema in (tenant.test_schema, tenant.live_schema):
        async for kept in store.below(schema):
            name = DOCUMENTS + kept.key
            members[name] = add(archive, name, await store.get(kept.key), kept.retain_until)
            count += 1
            if count % 1_000 == 0:
                progress(f"{count} documents are written")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
