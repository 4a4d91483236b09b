"""Seal everything anew under the current encryption key, so that an old one can be taken away.

One transaction for the installation's accounts and one for each tenant's: what a run that was cut
short did stays done, and the next goes on with the rest. Nobody reads an account again for it.
"""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from processor.routing.directory import PLATFORM
from processor.vault import Vault, VaultError
from tenants.database import Connection, Database


@dataclass(slots=True)
class Report:
    """How far a run is."""

    owners: int  # the installation and every tenant that has, or had, something of its own
    done: int = 0  # of them
    resealed: int = 0  # accounts
    unopened: list[str] = field(default_factory=list)  # accounts that did not open


async def reseal(database: Database, vault: Vault) -> AsyncIterator[Report]:
    """Seal every account anew that is not sealed with the current key. Yields after each owner."""
    rows = await database.fetch_platform(
        "select schema_name from platform.routing_changes order by 1"
    )
    report = Report(owners=1 + len(rows))
    async with database.platform() as connection:
        await _reseal(connection, vault, "platform.shared_provider_accounts", PLATFORM, report)
    yield report
    for row in rows:
        schema = row["schema_name"]
        async with database.tenant(schema) as connection:
            await _reseal(connection, vault, "provider_accounts", schema, report)
        yield report


async def _reseal(
    connection: Connection, vault: Vault, table: str, owner: str, report: Report
) -> None:
    rows = await connection.fetch(
        f"select id, key_id, sealed from {table} where key_id not in ($1, '')"
        " order by id for update",
        vault.current,
    )
    for row in rows:
        try:
            key, sealed = _again(vault, owner, row)
        except VaultError:
            report.unopened.append(f"{owner}/{row['id']}")
            continue
        await connection.execute(
            f"update {table} set key_id = $2, sealed = $3 where id = $1", row["id"], key, sealed
        )
        report.resealed += 1
    report.done += 1


def _again(vault: Vault, owner: str, row: Mapping[str, Any]) -> tuple[str, str]:
    context = f"{owner}/{row['id']}"
    key, sealed = vault.seal(vault.open(row["key_id"], b64decode(row["sealed"]), context), context)
    return key, b64encode(sealed).decode()
