"""`/v1/accounts/{account}/external_accounts`."""

from msgspec import UNSET
from sqlalchemy import ColumnElement

from processor import lists
from processor.errors import InvalidRequest, PermissionDenied, not_found
from processor.events.log import Draft, changed
from processor.external_accounts import store
from processor.external_accounts.objects import ExternalAccount, render, render_deleted
from processor.external_accounts.parameters import Create, Delete, List, Retrieve, Update
from processor.operations import Object, Operation, Work
from processor.parameters import merged_metadata


async def create(work: Work, parameters: Create) -> Object:
    """Make an external account; the first of its currency becomes the default."""
    _check_account(work, parameters.account)
    account = store.make(work.caller, parameters.external_account)
    account.metadata = parameters.metadata or {}
    await store.lock_defaults(work.connection)
    first = not await work.connection.fetchval(
        "select exists (select from external_accounts"
        " where default_for_currency and currency = $1)",
        account.currency,
    )
    if parameters.default_for_currency:
        await _unset_default(work, account.currency)
    account.default_for_currency = first or bool(parameters.default_for_currency)
    await ExternalAccount.insert(work.connection, [account])
    shown = render(account, work.caller.account)
    work.events.append(
        Draft("account.external_account.created", shown, account.version, work.request)
    )
    return shown


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One external account."""
    _check_account(work, parameters.account)
    return render(await _found(work, parameters.id), work.caller.account)


async def update(work: Work, parameters: Update) -> Object:
    """Change an external account, or make it the default of its currency."""
    _check_account(work, parameters.account)
    if parameters.default_for_currency is not None:
        await store.lock_defaults(work.connection)
    account = await _found(work, parameters.id, "for update")
    before = render(account, work.caller.account)
    account.metadata = merged_metadata(account.metadata, parameters.metadata)
    if parameters.account_holder_name is not UNSET:
        account.details.account_holder_name = parameters.account_holder_name
    if parameters.account_holder_type is not UNSET:
        account.details.account_holder_type = parameters.account_holder_type
    if parameters.default_for_currency and not account.default_for_currency:
        await _unset_default(work, account.currency)
        account.default_for_currency = True
    after = render(account, work.caller.account)
    if previous := changed(before, after):
        account.version += 1
        await ExternalAccount.update(work.connection, [account])
        work.events.append(
            Draft(
                "account.external_account.updated", after, account.version, work.request, previous
            )
        )
    return after


async def delete(work: Work, parameters: Delete) -> Object:
    """Take an external account away; payouts under way to it go on."""
    _check_account(work, parameters.account)
    await store.lock_defaults(work.connection)
    account = await _found(work, parameters.id, "for update")
    others = await work.connection.fetchval(
        "select count(*) from external_accounts where currency = $1 and not deleted and id <> $2",
        account.currency,
        account.id,
    )
    if account.default_for_currency and others:
        raise InvalidRequest(
            "You cannot delete the default external account for a currency that has others. Please"
            " make another external account the default using the `default_for_currency` param,"
            " and then delete this one."
        )
    account.deleted, account.default_for_currency = True, False
    account.version += 1
    await ExternalAccount.update(work.connection, [account])
    shown = render(account, work.caller.account)
    work.events.append(
        Draft("account.external_account.deleted", shown, account.version, work.request)
    )
    return render_deleted(account)


async def list_(work: Work, parameters: List) -> Object:
    """A page of external accounts, newest first."""
    _check_account(work, parameters.account)
    table = ExternalAccount.table
    where: list[ColumnElement[bool]] = [~table.c.deleted]
    if parameters.object is not None:
        where.append(table.c.kind == parameters.object)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="external account",
        url=f"/v1/accounts/{work.caller.account}/external_accounts",
        render=lambda row: render(ExternalAccount.read(row), work.caller.account),
        where=where,
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """External account objects by id, for expansion."""
    accounts = await ExternalAccount.fetch(work.connection, ids)
    return {
        account.id: render_deleted(account)
        if account.deleted
        else render(account, work.caller.account)
        for account in accounts
    }


def _check_account(work: Work, account: str) -> None:
    if account != work.caller.account:
        raise PermissionDenied(
            f"The provided key does not have access to account '{account[:60]}' (or that account"
            " does not exist). Application access may have been revoked.",
            code="account_invalid",
        )


async def _found(work: Work, identifier: str, tail: str = "") -> ExternalAccount:
    account = await ExternalAccount.find(work.connection, identifier, tail)
    if account is None or account.deleted:
        raise not_found("external account", identifier)
    return account


async def _unset_default(work: Work, currency: str) -> None:
    """Make room for a new default. The caller has locked the defaults."""
    await work.connection.execute(
        "update external_accounts set default_for_currency = false, version = version + 1"
        " where default_for_currency and currency = $1",
        currency,
    )


OPERATIONS = [
    Operation(
        name="external_accounts.create",
        method="POST",
        path="/v1/accounts/{account}/external_accounts",
        parameters=Create,
        returns="external_account",
        summary="Add a bank account or a mobile wallet to pay out to",
        write=create,
    ),
    Operation(
        name="external_accounts.retrieve",
        method="GET",
        path="/v1/accounts/{account}/external_accounts/{id}",
        parameters=Retrieve,
        returns="external_account",
        summary="Retrieve an external account",
        read=retrieve,
    ),
    Operation(
        name="external_accounts.update",
        method="POST",
        path="/v1/accounts/{account}/external_accounts/{id}",
        parameters=Update,
        returns="external_account",
        summary="Update an external account or make it the default of its currency",
        write=update,
    ),
    Operation(
        name="external_accounts.delete",
        method="DELETE",
        path="/v1/accounts/{account}/external_accounts/{id}",
        parameters=Delete,
        returns="deleted_external_account",
        summary="Delete an external account",
        write=delete,
    ),
    Operation(
        name="external_accounts.list",
        method="GET",
        path="/v1/accounts/{account}/external_accounts",
        parameters=List,
        returns="list:external_account",
        summary="List external accounts, newest first",
        read=list_,
    ),
]
