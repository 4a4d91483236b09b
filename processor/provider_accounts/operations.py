"""`/v1/provider_accounts`: the credentials of a merchant's own accounts at providers.

They are tried out with no transaction open, sealed, and never shown again. Whoever changes an
account says so in the same commit, and every process follows within a second.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec import UNSET, UnsetType

from processor import batches, lists
from processor.errors import IdempotencyInProgress, InvalidRequest
from processor.events.log import Draft, changed
from processor.money import currency_named
from processor.operations import BatchWork, Object, Operation, Work
from processor.parameters import merged_metadata
from processor.provider_accounts import credentials, store
from processor.provider_accounts.objects import Check, Details, ProviderAccount, render
from processor.provider_accounts.parameters import (
    CheckAgain,
    Costs,
    Create,
    Delete,
    List,
    Retrieve,
    Update,
)
from processor.routing.accounts import Cost
from processor.routing.directory import Directory
from providers.boundary import WalletChecks
from providers.catalogue import ProviderType
from tenants.ids import new_id

MAX_ACCOUNTS = 50  # per tenant and mode


@dataclass(frozen=True, slots=True)
class Tried:
    """Credentials that their provider did not refuse."""

    values: dict[str, str]
    check: Check
    before: str = ""  # what was sealed when they were tried, of an account that exists


async def create(work: BatchWork[Create]) -> None:
    """Make accounts whose credentials their providers accept."""
    await batches.ask_first(work, "provider_accounts.create", partial(_try_new, work), _create)


async def _try_new(work: BatchWork[Create], parameters: Create) -> Tried:
    kind = credentials.kind_named(parameters.provider)
    livemode = work.caller.livemode
    environment = credentials.environment_named(kind, parameters.environment, livemode=livemode)
    _check_wish(kind, parameters.check_wallets)
    values = credentials.complete(kind, parameters.credentials)
    directory = _directory(work)
    store.sealed(directory.vault, work.caller.schema, "", {})  # nothing is asked in vain
    return Tried(values, await credentials.accepted(directory.connect, kind, environment, values))


async def _create(work: Work, parameters: Create, tried: Tried) -> Object:
    count = await work.connection.fetchval(
        "select count(*) from provider_accounts where status <> 'deleted'"
    )
    if count >= MAX_ACCOUNTS:
        raise InvalidRequest(f"You have reached the maximum of {MAX_ACCOUNTS} provider accounts.")
    kind = credentials.kind_named(parameters.provider)
    account = ProviderAccount(
        id=new_id("pa"),
        created=int(time.time()),
        provider=kind.id,
        sealed="",
        key_id="",
        metadata=parameters.metadata or {},
        details=Details(
            nickname=parameters.nickname,
            environment=credentials.environment_named(
                kind, parameters.environment, livemode=work.caller.livemode
            ),
            concurrency=parameters.concurrency,
            calls_per_second=parameters.calls_per_second,
            costs=_costs(parameters.costs),
            checks_wallets=parameters.check_wallets,
        ),
    )
    _keep(work, account, tried)
    await ProviderAccount.insert(work.connection, [account])
    await _directory(work).announce(work.connection, work.caller.schema)
    shown = render(account, work.caller.livemode)
    work.events.append(Draft("provider_account.created", shown, account.version, work.request))
    return shown


async def update(work: BatchWork[Update]) -> None:
    """Change accounts: replaced credentials are tried out first."""
    await batches.ask_first(work, "provider_accounts.update", partial(_try_others, work), _update)


async def _try_others(work: BatchWork[Update], parameters: Update) -> Tried | None:
    if parameters.credentials is UNSET:
        return None
    async with work.processor.database.tenant(work.caller.schema) as connection:
        account = await store.found(connection, parameters.provider_account)
    directory = _directory(work)
    before = store.secrets_of(directory.vault, work.caller.schema, account)
    values = credentials.complete(
        account.kind, parameters.credentials, account.details.shown | before
    )
    check = await credentials.accepted(
        directory.connect, account.kind, account.details.environment, values
    )
    return Tried(values, check, account.sealed)


async def _update(work: Work, parameters: Update, tried: Tried | None) -> Object:
    account = await store.found(work.connection, parameters.provider_account, "for update")
    before = render(account, work.caller.livemode)
    details = account.details
    if tried is not None:
        _check_unchanged(account, tried.before)
        _keep(work, account, tried)
        details.replaced_at = int(time.time())
    if parameters.nickname is not UNSET:
        details.nickname = parameters.nickname
    if parameters.check_wallets is not UNSET:
        _check_wish(account.kind, parameters.check_wallets)
        details.checks_wallets = parameters.check_wallets
    if parameters.concurrency is not UNSET:
        details.concurrency = parameters.concurrency
    if parameters.calls_per_second is not UNSET:
        details.calls_per_second = parameters.calls_per_second
    if parameters.costs is not UNSET:
        details.costs = _costs(parameters.costs)
    _switch(account, parameters.disabled, parameters.disabled_reason)
    account.metadata = merged_metadata(account.metadata, parameters.metadata)
    account.version += 1
    await ProviderAccount.update(work.connection, [account])
    await _directory(work).announce(work.connection, work.caller.schema)
    return _updated(work, account, before)


async def check(work: BatchWork[CheckAgain]) -> None:
    """Ask the providers again whether the credentials are right, and keep what they say."""
    await batches.ask_first(work, "provider_accounts.check", partial(_try_again, work), _checked)


async def _try_again(work: BatchWork[CheckAgain], parameters: CheckAgain) -> Tried:
    async with work.processor.database.tenant(work.caller.schema) as connection:
        account = await store.found(connection, parameters.provider_account)
    directory = _directory(work)
    secrets = store.secrets_of(directory.vault, work.caller.schema, account)
    values = account.details.shown | secrets
    rails = directory.connect(account.kind, account.details.environment, values)
    return Tried(values, await credentials.tried(rails), account.sealed)


async def _checked(work: Work, parameters: CheckAgain, tried: Tried) -> Object:
    account = await store.found(work.connection, parameters.provider_account, "for update")
    _check_unchanged(account, tried.before)
    before = render(account, work.caller.livemode)
    account.details.check = tried.check
    account.version += 1
    await ProviderAccount.update(work.connection, [account])
    return _updated(work, account, before)


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One account."""
    account = await store.found(work.connection, parameters.provider_account)
    return render(account, work.caller.livemode)


async def delete(work: Work, parameters: Delete) -> Object:
    """Forget a disabled account's credentials. Refused while something needs them: a payment that
    may just be on its way, money whose fate only this provider knows, or a rule."""
    account = await store.found(work.connection, parameters.provider_account, "for update")
    store.check_idle(account.details.disabled_at if account.status == "disabled" else None)
    await store.check_unused(work.connection, account.id)
    shown = {"id": account.id, "object": "provider_account", "deleted": True}
    work.events.append(
        Draft(
            "provider_account.deleted",
            render(account, work.caller.livemode),
            account.version + 1,
            work.request,
        )
    )
    account.status, account.sealed, account.key_id = "deleted", "", ""
    account.details = Details(nickname=account.details.nickname)
    account.version += 1
    await ProviderAccount.update(work.connection, [account])
    await _directory(work).announce(work.connection, work.caller.schema)
    return shown


async def list_(work: Work, parameters: List) -> Object:
    """A page of accounts, newest first."""
    table = ProviderAccount.table
    where = [table.c.status != "deleted"]
    if parameters.provider is not None:
        where.append(table.c.provider == parameters.provider)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="provider_account",
        url="/v1/provider_accounts",
        render=lambda row: render(ProviderAccount.read(row), work.caller.livemode),
        where=where,
    )


def _directory(work: BatchWork[Any] | Work) -> Directory:
    return work.processor.router.directory


def _keep(work: Work, account: ProviderAccount, tried: Tried) -> None:
    """Put credentials into a row: sealed, but for those that are no secrets."""
    shown, secret = credentials.split(account.kind, tried.values)
    vault, schema = _directory(work).vault, work.caller.schema
    account.key_id, account.sealed = store.sealed(vault, schema, account.id, secret)
    account.details.shown = shown
    account.details.secrets = sorted(secret)
    account.details.check = tried.check


def _check_unchanged(account: ProviderAccount, sealed: str) -> None:
    if account.sealed != sealed:
        raise IdempotencyInProgress(
            "Another request has just replaced the credentials of this account. Try again.",
            code="lock_timeout",
        )


def _switch(account: ProviderAccount, disabled: bool | UnsetType, reason: str | None) -> None:
    """Disable an account, or let it take payments again."""
    if disabled is UNSET:
        if reason is not None and account.status != "disabled":
            raise InvalidRequest(
                "A reason is given together with disabled=true.", param="disabled_reason"
            )
        account.details.disabled_reason = reason or account.details.disabled_reason
        return
    if account.status == "active" and disabled:
        account.details.disabled_at = int(time.time())
    account.status = "disabled" if disabled else "active"
    account.details.disabled_reason = reason if disabled else None


def _check_wish(kind: ProviderType, check_wallets: bool) -> None:
    if check_wallets and not kind.can(WalletChecks):
        raise InvalidRequest(
            f"{kind.title} does not say whether a wallet exists.", param="check_wallets"
        )


def _costs(costs: Costs | None) -> dict[str, Cost]:
    return {
        currency_named(code, "costs").code: Cost(cost.basis_points, cost.fixed)
        for code, cost in (costs or {}).items()
    }


def _updated(work: Work, account: ProviderAccount, before: Object) -> Object:
    after = render(account, work.caller.livemode)
    if previous := changed(before, after):
        work.events.append(
            Draft("provider_account.updated", after, account.version, work.request, previous)
        )
    return after


OPERATIONS = [
    Operation(
        name="provider_accounts.create",
        method="POST",
        path="/v1/provider_accounts",
        parameters=Create,
        returns="provider_account",
        summary="Add an account of yours at a payment provider",
        batch=create,
    ),
    Operation(
        name="provider_accounts.retrieve",
        method="GET",
        path="/v1/provider_accounts/{provider_account}",
        parameters=Retrieve,
        returns="provider_account",
        summary="Retrieve a provider account",
        read=retrieve,
    ),
    Operation(
        name="provider_accounts.update",
        method="POST",
        path="/v1/provider_accounts/{provider_account}",
        parameters=Update,
        returns="provider_account",
        summary="Replace a provider account's credentials, or switch it off and on",
        batch=update,
    ),
    Operation(
        name="provider_accounts.check",
        method="POST",
        path="/v1/provider_accounts/{provider_account}/check",
        parameters=CheckAgain,
        returns="provider_account",
        summary="Ask the provider whether it still accepts the credentials",
        batch=check,
    ),
    Operation(
        name="provider_accounts.delete",
        method="DELETE",
        path="/v1/provider_accounts/{provider_account}",
        parameters=Delete,
        returns="deleted_provider_account",
        summary="Delete a provider account and its credentials",
        write=delete,
    ),
    Operation(
        name="provider_accounts.list",
        method="GET",
        path="/v1/provider_accounts",
        parameters=List,
        returns="list:provider_account",
        summary="List provider accounts, newest first",
        read=list_,
    ),
]
