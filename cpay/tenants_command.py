"""What `cpay migrate`, `cpay tenant ...` and `cpay key ...` do. Each returns what is printed."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from cpay.settings import Settings
from cpay.wiring import build_store
from processor import jobs
from processor.table import OPERATIONS
from tenants import exporting, keys, provision, restoring
from tenants import migrate as migrations
from tenants.archive import DOCUMENTS, Tools
from tenants.embedded_binaries import Account, find_binaries

# A key's answer is remembered for a second; then the longest that is under way is a leased job.
QUIET_AFTER = jobs.LEASE + timedelta(seconds=5)


@asynccontextmanager
async def _connection(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.admin_database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def migrate(settings: Settings) -> dict[str, Any]:
    """Bring the platform and every tenant to this version, with progress on standard error."""

    def progress(report: migrations.Report) -> None:
        done = report.migrated + len(report.failed)
        if done % 100 == 0 or done == report.schemas:
            print(f"{done} of {report.schemas} schemas", file=sys.stderr, flush=True)

    report = await migrations.migrate_all(settings.admin_database_url, progress=progress)
    if report.failed:
        raise RuntimeError(f"{len(report.failed)} schemas could not be migrated: {report.failed}")
    return asdict(report)


async def create_tenant(
    settings: Settings, name: str, country: str, currency: str
) -> dict[str, Any]:
    """A tenant with a secret and a publishable key for each mode. The keys are shown this once."""
    settings.need("key_pepper")
    async with _connection(settings) as connection:
        tenant = await provision.create_tenant(connection, name, country.upper(), currency.lower())
        made = await _keys_of(settings, connection, tenant)
    return asdict(tenant) | made


async def _keys_of(
    settings: Settings, connection: asyncpg.Connection, tenant: provision.Tenant
) -> dict[str, str]:
    pepper = settings.key_pepper.encode()
    made = {}
    for livemode, schema in ((False, tenant.test_schema), (True, tenant.live_schema)):
        for kind in ("secret", "publishable"):
            _, text = await keys.create_key(connection, pepper, schema, livemode, kind)
            made[f"{kind}_key_{'live' if livemode else 'test'}"] = text
    return made


async def list_tenants(settings: Settings) -> list[dict[str, Any]]:
    """Every tenant, oldest first."""
    async with _connection(settings) as connection:
        return [asdict(tenant) async for tenant in provision.list_tenants(connection)]


async def export_tenant(settings: Settings, tenant: str, file: Path) -> dict[str, Any]:
    """A tenant's rows and documents in one file, with progress on standard error."""
    manifest = await exporting.export(
        settings.admin_database_url, build_store(settings), tenant, file, _tools(settings), _tell
    )
    return {
        "tenant": tenant,
        "file": str(file),
        "documents": sum(name.startswith(DOCUMENTS) for name in manifest.members),
    }


async def restore_tenant(settings: Settings, file: Path) -> dict[str, Any]:
    """Bring a tenant back from a file, with progress on standard error."""
    tenant = await restoring.restore(
        settings.admin_database_url, build_store(settings), file, _tools(settings), _tell
    )
    return asdict(tenant)


async def suspend_tenant(settings: Settings, tenant: str) -> dict[str, Any]:
    """Let nothing happen to a tenant, and say when what was under way is over."""
    async with _connection(settings) as connection:
        await provision.suspend_tenant(connection, tenant, suspended=True)
    quiet = datetime.now(UTC) + QUIET_AFTER
    return {"tenant": tenant, "suspended": True, "quiet_at": quiet.isoformat(timespec="seconds")}


async def resume_tenant(settings: Settings, tenant: str) -> dict[str, Any]:
    """Let a suspended tenant go on."""
    async with _connection(settings) as connection:
        await provision.suspend_tenant(connection, tenant, suspended=False)
    return {"tenant": tenant, "suspended": False}


def _tell(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


async def delete_tenant(settings: Settings, tenant: str, confirm: str) -> dict[str, Any]:
    """Delete a tenant for ever, if its name is repeated."""
    async with _connection(settings) as connection:
        found = await provision.find_tenant(connection, tenant)
        if found.name != confirm:
            raise LookupError(f"Nothing was deleted: the tenant's name is not {confirm!r}.")
        await provision.delete_tenant(connection, tenant)
    return {"tenant": tenant, "deleted": True}


async def create_key(
    settings: Settings, tenant: str, kind: keys.KeyKind, live: bool, name: str, scope: list[str]
) -> dict[str, Any]:
    """A new key, shown this once. A restricted key needs scopes, read off the operations."""
    settings.need("key_pepper")
    known = sorted({operation.scope for operation in OPERATIONS.values()})
    unknown = sorted(set(scope) - set(known))
    if unknown or (kind == "restricted") != bool(scope):
        raise LookupError(
            f"A restricted key needs scopes, and only it has them. Known are: {', '.join(known)}."
        )
    async with _connection(settings) as connection:
        found = await provision.find_tenant(connection, tenant)
        identifier, text = await keys.create_key(
            connection,
            settings.key_pepper.encode(),
            found.live_schema if live else found.test_schema,
            live,
            kind,
            name or None,
            tuple(scope) or None,
        )
    return {"id": identifier, "key": text}


async def roll_key(settings: Settings, key: str, hours: int) -> dict[str, Any]:
    """A new key in an old one's place; the old one lives `hours` more."""
    settings.need("key_pepper")
    async with _connection(settings) as connection, connection.transaction():
        identifier, text = await keys.roll_key(
            connection, settings.key_pepper.encode(), key, timedelta(hours=hours)
        )
    return {"id": identifier, "key": text, "replaces": key}


async def revoke_key(settings: Settings, key: str) -> dict[str, Any]:
    """Make a key useless at once."""
    async with _connection(settings) as connection:
        await keys.revoke_key(connection, key)
    return {"id": key, "revoked": True}


async def list_keys(settings: Settings, tenant: str) -> list[dict[str, Any]]:
    """A tenant's keys, without their secrets."""
    async with _connection(settings) as connection:
        found = await provision.find_tenant(connection, tenant)
        schemas = [found.test_schema, found.live_schema]
        return [asdict(key) for key in await keys.list_keys(connection, schemas)]


def _tools(settings: Settings) -> Tools:
    """The embedded PostgreSQL's programs, which are never older than the server they came with."""
    binaries = find_binaries(Account(None, None), settings.state_dir)
    return Tools(str(binaries / "pg_dump"), str(binaries / "pg_restore"))
