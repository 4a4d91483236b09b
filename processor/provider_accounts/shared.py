"""The installation's own accounts at providers, which serve every tenant: the operator's commands.

Charges name them by a name that the operator chooses. Every process follows a change within a
second.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from processor.errors import InvalidRequest
from processor.operations import Object
from processor.provider_accounts import credentials, store
from processor.provider_accounts.objects import Details, Environment
from processor.routing.directory import PLATFORM, Directory
from providers.catalogue import PROVIDER_TYPES
from tenants.database import Connection

NAME = re.compile(r"(?!pa_)[a-z][a-z0-9_]{2,39}")


class SharedAccount(msgspec.Struct, kw_only=True):
    """A row of `platform.shared_provider_accounts`."""

    id: str
    livemode: bool
    provider: str
    sealed: str
    key_id: str
    details: Details


_COLUMNS = ", ".join(SharedAccount.__struct_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An account that the operator opens."""

    name: str
    provider: str
    livemode: bool
    given: Mapping[str, str | None]  # credentials
    environment: Environment | None = None
    nickname: str | None = None


async def add(directory: Directory, opening: Opening) -> Object:
    """Keep an account whose credentials its provider accepts. Raises InvalidRequest."""
    if not NAME.fullmatch(opening.name):
        raise InvalidRequest(
            "A name has 3 to 40 small letters, digits and underscores, and begins with a letter."
        )
    if opening.name in directory.installed or await _find(directory, opening.name) is not None:
        raise InvalidRequest(f"There is a provider account {opening.name} already.")
    kind = credentials.kind_named(opening.provider)
    environment = credentials.environment_named(
        kind, opening.environment, livemode=opening.livemode
    )
    values = credentials.complete(kind, opening.given)
    check = await credentials.accepted(directory.connect, kind, environment, values)
    account = SharedAccount(
        id=opening.name,
        livemode=opening.livemode,
        provider=kind.id,
        sealed="",
        key_id="",
        details=Details(nickname=opening.nickname, environment=environment, check=check),
    )
    _seal(directory, account, values)
    async with directory.database.platform() as connection:
        await _store(connection, account)
    return render(account, disabled=None)


async def replace(directory: Directory, name: str, given: Mapping[str, str | None]) -> Object:
    """Replace credentials, all or some, by others that the provider accepts. Raises
    InvalidRequest and LookupError."""
    account = await found(directory, name)
    kind = PROVIDER_TYPES[account.provider]
    values = credentials.complete(kind, given, account.details.shown | _open(directory, account))
    account.details.check = await credentials.accepted(
        directory.connect, kind, account.details.environment, values
    )
    account.details.replaced_at = int(time.time())
    _seal(directory, account, values)
    async with directory.database.platform() as connection:
        await _store(connection, account)
    return render(account, disabled=None)


async def check(directory: Directory, name: str) -> Object:
    """Ask the provider again, and keep what it says. Raises InvalidRequest and LookupError."""
    account = await found(directory, name)
    values = account.details.shown | _open(directory, account)
    kind = PROVIDER_TYPES[account.provider]
    rails = directory.connect(kind, account.details.environment, values)
    account.details.check = await credentials.tried(rails)
    async with directory.database.platform() as connection:
        await _store(connection, account)
    return render(account, disabled=None)


async def remove(directory: Directory, name: str) -> Object:
    """Forget a disabled account and its credentials. Refused while money is under way there, or a
    rule names it. Raises InvalidRequest and LookupError."""
    account = await found(directory, name)
    switches = await directory.database.fetch_platform(
        "select extract(epoch from switched_at)::float8 from platform.provider_switches"
        " where account = $1",
        name,
    )
    store.check_idle(switches[0][0] if switches else None)
    schemas = await directory.database.fetch_platform(
        "select schema_name from platform.tenant_schemas where livemode = $1 order by 1",
        account.livemode,
    )
    for row in schemas:
        async with directory.database.tenant(row["schema_name"]) as connection:
            await store.check_unused(connection, name, row["schema_name"])
    async with directory.database.platform() as connection:
        await connection.execute(
            "delete from platform.shared_provider_accounts where id = $1", name
        )
        await connection.execute("delete from platform.provider_switches where account = $1", name)
    return {"account": name, "removed": True}


async def switch(directory: Directory, name: str, reason: str | None) -> Object:
    """Send nothing new to an account of the installation's from now on; None: let it take payments
    again. Raises LookupError."""
    if name not in directory.installed:
        await found(directory, name)
    async with directory.database.platform() as connection:
        if reason is None:
            await connection.execute(
                "delete from platform.provider_switches where account = $1", name
            )
        else:
            await connection.execute(
                "insert into platform.provider_switches (account, reason) values ($1, $2)"
                " on conflict (account) do update set reason = excluded.reason",
                name,
                reason,
            )
    return {"account": name, "disabled_reason": reason, "in_force_within_seconds": 1}


async def listed(directory: Directory) -> list[Object]:
    """All accounts of the installation, also those that test mode begins with."""
    await directory.poll()
    rows = await directory.database.fetch_platform(
        f"select {_COLUMNS} from platform.shared_provider_accounts order by id"
    )
    installed = [
        {
            "account": account.name,
            "provider": account.type,
            "livemode": account.livemode,
            "disabled_reason": account.disabled,
        }
        for account in directory.installed.values()
    ]
    shared = [_read(row) for row in rows]
    return installed + [
        render(account, disabled=known.disabled if (known := directory.find(account.id)) else None)
        for account in shared
    ]


def render(account: SharedAccount, *, disabled: str | None) -> Object:
    """What an operator sees of an account: no secret."""
    details = account.details
    return {
        "account": account.id,
        "provider": account.provider,
        "livemode": account.livemode,
        "environment": details.environment,
        "nickname": details.nickname,
        "credentials": details.shown,
        "secrets": details.secrets,
        "check": msgspec.to_builtins(details.check),
        "disabled_reason": disabled,
    }


async def found(directory: Directory, name: str) -> SharedAccount:
    """The account with this name. Raises LookupError."""
    account = await _find(directory, name)
    if account is None:
        raise LookupError(f"There is no provider account {name!r} of the installation's own.")
    return account


async def _find(directory: Directory, name: str) -> SharedAccount | None:
    rows = await directory.database.fetch_platform(
        f"select {_COLUMNS} from platform.shared_provider_accounts where id = $1", name
    )
    return _read(rows[0]) if rows else None


def _read(row: Mapping[str, object]) -> SharedAccount:
    details = msgspec.json.decode(str(row["details"]), type=Details)
    fields = {name: row[name] for name in SharedAccount.__struct_fields__}
    return msgspec.convert(fields | {"details": details}, SharedAccount)


def _open(directory: Directory, account: SharedAccount) -> dict[str, str]:
    return store.opened(directory.vault, PLATFORM, account.id, account.key_id, account.sealed)


def _seal(directory: Directory, account: SharedAccount, values: Mapping[str, str]) -> None:
    shown, secret = credentials.split(PROVIDER_TYPES[account.provider], values)
    account.key_id, account.sealed = store.sealed(directory.vault, PLATFORM, account.id, secret)
    account.details.shown = shown
    account.details.secrets = sorted(secret)


async def _store(connection: Connection, account: SharedAccount) -> None:
    await connection.execute(
        "insert into platform.shared_provider_accounts"
        " (id, livemode, provider, sealed, key_id, details) values ($1, $2, $3, $4, $5, $6)"
        " on conflict (id) do update set sealed = excluded.sealed, key_id = excluded.key_id,"
        " details = excluded.details, updated_at = now()",
        account.id,
        account.livemode,
        account.provider,
        account.sealed,
        account.key_id,
        msgspec.json.encode(account.details).decode(),
    )
