"""What `cpay providers ...` does. Each returns what is printed.

Without a tenant an account is the installation's own and serves every tenant. With one, the
tenant's own operation is called, so that both ways mean the same.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from cpay.settings import Settings
from cpay.wiring import build_engine
from processor.engine import Call, Processor
from processor.errors import APIError
from processor.operations import Object, Request
from processor.provider_accounts import resealing, shared
from processor.provider_accounts.objects import Environment
from processor.provider_accounts.shared import Opening
from processor.providers.objects import operations_of, render_health
from processor.routing import health as sharing
from processor.routing.directory import Directory
from processor.routing.health import Seen
from processor.vault import VaultError
from tenants.ids import new_id
from tenants.keys import Caller


async def list_accounts(settings: Settings, tenant: str | None, live: bool) -> list[Object]:
    """The installation's accounts, or a tenant's own."""
    async with _processor(settings) as processor:
        if tenant is None:
            return await shared.listed(processor.router.directory)
        caller = await _operator(processor, tenant, live)
        page = await _call(processor, caller, "provider_accounts.list", limit=100)
        accounts: list[Object] = page["data"]
        return accounts


async def add(
    settings: Settings,
    name: str,
    provider: str,
    credentials: Path | None,
    environment: Environment | None,
    tenant: str | None,
    live: bool,
) -> Object:
    """Keep an account whose credentials its provider accepts."""
    given = await _read(credentials)
    async with _processor(settings) as processor:
        if tenant is not None:
            caller = await _operator(processor, tenant, live)
            wish = {"provider": provider, "credentials": given, "nickname": name}
            if environment is not None:
                wish["environment"] = environment
            return await _call(processor, caller, "provider_accounts.create", **wish)
        return await shared.add(
            processor.router.directory,
            Opening(
                name=name, provider=provider, livemode=live, given=given, environment=environment
            ),
        )


async def replace(
    settings: Settings, name: str, credentials: Path | None, tenant: str | None, live: bool
) -> Object:
    """Replace credentials, all or some."""
    given = await _read(credentials)
    async with _processor(settings) as processor:
        if tenant is None:
            return await shared.replace(processor.router.directory, name, given)
        return await _own(processor, tenant, live, "update", name, credentials=given)


async def check(settings: Settings, name: str, tenant: str | None, live: bool) -> Object:
    """Ask the provider whether it still accepts the credentials."""
    async with _processor(settings) as processor:
        if tenant is None:
            return await shared.check(processor.router.directory, name)
        return await _own(processor, tenant, live, "check", name)


async def remove(settings: Settings, name: str, tenant: str | None, live: bool) -> Object:
    """Forget an account and its credentials."""
    async with _processor(settings) as processor:
        if tenant is None:
            return await shared.remove(processor.router.directory, name)
        return await _own(processor, tenant, live, "delete", name)


async def disable(
    settings: Settings, name: str, reason: str, tenant: str | None, live: bool
) -> Object:
    """The kill switch: nothing new is sent there; what is under way is still looked up."""
    async with _processor(settings) as processor:
        if tenant is None:
            return await shared.switch(processor.router.directory, name, reason)
        wish = {"disabled": True, "disabled_reason": reason}
        return await _own(processor, tenant, live, "update", name, **wish)


async def enable(settings: Settings, name: str, tenant: str | None, live: bool) -> Object:
    """Let an account take payments again."""
    async with _processor(settings) as processor:
        if tenant is None:
            return await shared.switch(processor.router.directory, name, None)
        return await _own(processor, tenant, live, "update", name, disabled=False)


async def health(settings: Settings, name: str | None) -> list[Object]:
    """How accounts are, by what all processes know together: one, or all that were called lately,
    were ever degraded or are disabled. A tenant's own account is named by its id."""
    async with _processor(settings) as processor:
        directory = processor.router.directory
        seen = await sharing.read(processor.database, name)
        if name is not None and directory.find(name) is None:
            await _load_all(directory)
            directory.account(name)
        elif any(directory.find(each) is None for each, _ in seen):
            await _load_all(directory)
        window = processor.router.health.limits.window
        shown = []
        for account in directory.all():
            for operation in operations_of(account):
                known = seen.get((account.name, operation))
                remarkable = known is not None or account.disabled is not None
                if account.name == name or (name is None and remarkable):
                    shown.append(render_health(account, operation, known or Seen(), window))
        return shown


async def reseal(settings: Settings) -> Object:
    """Seal everything anew under the first of CPAY_ENCRYPTION_KEYS, with progress on standard
    error. Can be run again at any time: it goes on where it stopped."""
    settings.need("encryption_keys")
    async with _processor(settings) as processor:
        report = resealing.Report(owners=0)
        async for report in resealing.reseal(processor.database, processor.router.directory.vault):
            if report.done % 100 == 0 or report.done == report.owners:
                told = f"{report.done} of {report.owners} owners, {report.resealed} resealed"
                print(told, file=sys.stderr, flush=True)
    if report.unopened:
        raise RuntimeError(
            f"{report.resealed} accounts were resealed. These did not open, because their key is"
            f" missing or they were changed: {', '.join(report.unopened)}"
        )
    return asdict(report)


async def _read(file: Path | None) -> dict[str, str | None]:
    """Credentials from a file or standard input. Never from arguments, which everybody on the
    machine can read. Raises RuntimeError, which repeats nothing of them."""
    text = await asyncio.to_thread(file.read_bytes if file else sys.stdin.buffer.read)
    try:
        return msgspec.json.decode(text, type=dict[str, str | None])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RuntimeError(
            'The credentials are one JSON object of texts, for example {"secret_key": "sk_..."}.'
        ) from None


@asynccontextmanager
async def _processor(settings: Settings) -> AsyncIterator[Processor]:
    """The engine. Raises RuntimeError for what it refuses."""
    settings.need("database_url", "key_pepper")
    engine = build_engine(settings)
    async with engine.database, engine.client:
        try:
            await engine.processor.router.directory.poll()
            yield engine.processor
        except APIError as error:
            raise RuntimeError(error.message) from None
        except VaultError as error:
            raise RuntimeError(f"{error} CPAY_ENCRYPTION_KEYS holds them.") from None


async def _operator(processor: Processor, tenant: str, live: bool) -> Caller:
    """The operator in a tenant's place. Raises LookupError."""
    rows = await processor.database.fetch_platform(
        "select schema_name from platform.tenant_schemas where tenant = $1 and livemode = $2",
        tenant,
        live,
    )
    if not rows:
        raise LookupError("There is no such tenant.")
    return Caller(tenant, rows[0]["schema_name"], live, "operator", "secret")


async def _own(
    processor: Processor, tenant: str, live: bool, verb: str, name: str, **wish: Any
) -> Object:
    """Do something to a tenant's own account."""
    caller = await _operator(processor, tenant, live)
    wish["provider_account"] = name
    return await _call(processor, caller, f"provider_accounts.{verb}", **wish)


async def _call(processor: Processor, caller: Caller, operation: str, **wish: Any) -> Object:
    """Carry out an operation. Raises RuntimeError with what it was refused for."""
    call = Call(processor.operations[operation], wish, Request(new_id("req")))
    answer = await processor.call(caller, call, strict=True)
    told: Object = msgspec.json.decode(answer.body)
    if answer.status != 200:
        raise RuntimeError(told["error"]["message"])
    return told


async def find_account(settings: Settings, name: str) -> None:
    """Make sure that an account exists, whoever's it is. Raises LookupError."""
    async with _processor(settings) as processor:
        directory = processor.router.directory
        if directory.find(name) is None:
            await _load_all(directory)
            directory.account(name)


async def _load_all(directory: Directory) -> None:
    """Know every tenant's own accounts."""
    rows = await directory.database.fetch_platform(
        "select schema_name from platform.routing_changes order by 1"
    )
    for row in rows:
        await directory.load(row["schema_name"])
