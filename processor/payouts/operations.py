"""`/v1/payouts`."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from processor import batches, jobs, lists
from processor.errors import InvalidRequest, missing, not_found
from processor.events.log import Draft, changed
from processor.external_accounts import store as external_accounts
from processor.external_accounts.objects import ExternalAccount
from processor.ledger import balances, posting
from processor.ledger.posting import post
from processor.money import CURRENCIES, currency_named
from processor.operations import BatchWork, Item, Object, Operation, Work
from processor.parameters import Created, merged_metadata
from processor.payouts import making, movements
from processor.payouts.objects import BANK, Destination, Payout, PayoutDetails, render
from processor.payouts.parameters import Cancel, Create, List, Retrieve, Reverse, Update
from processor.payouts.settlement import JOB
from processor.payouts.states import STATUSES
from tenants.database import Connection


@dataclass(frozen=True, slots=True)
class _Known:
    """What the payouts of one call may draw on: destinations by id and by currency, and what is
    left of each balance."""

    accounts: Mapping[str, ExternalAccount]
    defaults: Mapping[str, ExternalAccount]
    available: dict[str, int]


async def create(work: BatchWork[Create]) -> None:
    """Make payouts. The balance pays at once, in the same transaction; whoever carries the money
    hears of it afterwards."""
    livemode = work.caller.livemode
    async with work.processor.database.tenant(work.caller.schema) as connection:
        # A key commits with its answer here, so that no earlier request can be unfinished.
        subjects = {id(item): "" for item in work.items}
        fresh, _ = await batches.claim(connection, "payouts.create", work.items, subjects)
        known = await _known(work, connection, fresh)
        made = await batches.accepted(connection, fresh, lambda item: _plan(work, item, known))
        ready = [item for item in fresh if item.outcome is None]
        await making.store(connection, livemode, made, [item.request for item in ready])
        for item, payout in zip(ready, made, strict=True):
            item.outcome = render(payout, livemode)
        await batches.answer(work, connection, ready)


async def _known(
    work: BatchWork[Create], connection: Connection, items: list[Item[Create]]
) -> _Known:
    named = {item.parameters.destination for item in items if item.parameters.destination}
    wanted = {item.parameters.currency.lower() for item in items} & CURRENCIES.keys()
    by_default = {
        item.parameters.currency.lower() for item in items if not item.parameters.destination
    }
    accounts = await external_accounts.find(connection, sorted(named))
    defaults = await external_accounts.defaults(
        connection, work.caller, sorted(by_default & wanted)
    )
    available = {
        currency: await balances.lock_account(connection, posting.AVAILABLE, currency)
        for currency in sorted(wanted)
    }
    return _Known(accounts, defaults, available)


def _plan(work: BatchWork[Create], item: Item[Create], known: _Known) -> Payout:
    """Check one payout, make its row in memory and take its amount off what is available. Raises
    InvalidRequest."""
    parameters = item.parameters
    currency = currency_named(parameters.currency).code
    account = _account(parameters, currency, known)
    destination = Destination.of(account)
    making.check(parameters.amount, currency, destination)
    provider = making.route(
        work.processor.router,
        work.caller.schema,
        parameters.amount,
        currency,
        destination,
        "destination",
    )
    if parameters.method == "instant" and provider == BANK:
        raise InvalidRequest(
            "Instant payouts are not supported for this bank account.",
            code="instant_payouts_unsupported",
            param="method",
        )
    if parameters.amount > known.available[currency]:
        raise InvalidRequest(
            "You have insufficient funds in your account for this payout. Your available balance"
            " is too low. You can use the /v1/balance endpoint to view it.",
            code="balance_insufficient",
        )
    known.available[currency] -= parameters.amount
    payout = making.draft(
        provider,
        parameters.amount,
        currency,
        PayoutDetails(
            destination=destination,
            method=parameters.method,
            source_type=parameters.source_type,
            description=parameters.description,
            statement_descriptor=parameters.statement_descriptor,
        ),
    )
    payout.destination = account.id
    payout.metadata = parameters.metadata or {}
    return payout


def _account(parameters: Create, currency: str, known: _Known) -> ExternalAccount:
    if parameters.destination is None:
        account = known.defaults.get(currency)
        if account is None:
            raise InvalidRequest(
                f"Sorry, you don't have any external accounts in that currency ({currency}).",
                param="currency",
            )
        return account
    account = known.accounts.get(parameters.destination)
    if account is None:
        raise missing("external account", parameters.destination, "destination")
    if account.currency != currency:
        raise InvalidRequest(
            f"The destination's currency is {account.currency}, and so must be the payout's.",
            param="currency",
        )
    return account


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One payout."""
    return render(await _found(work, parameters.payout), work.caller.livemode)


async def update(work: Work, parameters: Update) -> Object:
    """Change a payout's metadata."""
    payout = await _found(work, parameters.payout, "for update")
    before = render(payout, work.caller.livemode)
    payout.metadata = merged_metadata(payout.metadata, parameters.metadata)
    after = render(payout, work.caller.livemode)
    if previous := changed(before, after):
        payout.version += 1
        await Payout.update(work.connection, [payout])
        work.events.append(Draft("payout.updated", after, payout.version, work.request, previous))
    return after


async def cancel(work: Work, parameters: Cancel) -> Object:
    """Take a pending payout back, whose money has not been handed out."""
    payout = await _found(work, parameters.payout, "for update")
    if payout.state != "pending" or payout.original_payout is not None:
        what = "a reversal" if payout.original_payout else STATUSES[payout.state]
        raise InvalidRequest(
            f"Payouts can only be canceled while they are pending. This payout is {what}."
        )
    payout.state = "canceled"
    payout.version += 1
    back = movements.give_back(payout, "payout_cancel", returned=False)
    await Payout.update(work.connection, [payout])
    await post(work.connection, [back])
    await jobs.forget(work.connection, JOB, [payout.id])
    shown = render(payout, work.caller.livemode)
    work.events.append(Draft("payout.canceled", shown, payout.version, work.request))
    return shown


async def reverse(work: Work, parameters: Reverse) -> Object:
    """Ask the bank for a paid payout's money: a payout of the negative amount, which brings it
    when it is paid."""
    payout = await _found(work, parameters.payout, "for update")
    await _check_reversible(work, payout)
    details = PayoutDetails(
        destination=payout.details.destination, source_type=payout.details.source_type
    )
    reversal = making.draft(BANK, -payout.amount, payout.currency, details)
    reversal.original_payout = payout.id
    reversal.destination = payout.destination
    reversal.metadata = parameters.metadata or {}
    payout.details.reversed_by = reversal.id
    payout.version += 1
    await Payout.update(work.connection, [payout])
    livemode = work.caller.livemode
    await making.store(work.connection, livemode, [reversal], [work.request])
    previous = {"reversed_by": None}
    shown = render(payout, livemode)
    work.events.append(Draft("payout.updated", shown, payout.version, work.request, previous))
    return render(reversal, livemode)


async def _check_reversible(work: Work, payout: Payout) -> None:
    if payout.provider != BANK:
        raise InvalidRequest(
            "A payout to a mobile wallet cannot be reversed: no operator takes money back from a"
            " wallet without its owner. Ask the owner to pay you."
        )
    if payout.original_payout is not None:
        raise InvalidRequest("A reversal cannot be reversed.")
    if payout.state == "pending":
        raise InvalidRequest(f"This payout is pending. Use /v1/payouts/{payout.id}/cancel instead.")
    if payout.state != "paid":
        raise InvalidRequest(
            f"Only paid payouts can be reversed. This payout is {STATUSES[payout.state]}."
        )
    if payout.details.reversed_by is not None:
        before = await Payout.find(work.connection, payout.details.reversed_by)
        if before is None or before.state != "failed":
            raise InvalidRequest(
                f"This payout has already been reversed by {payout.details.reversed_by}."
            )


async def list_(work: Work, parameters: List) -> Object:
    """A page of payouts, newest first."""
    table = Payout.table
    where: list[ColumnElement[bool]] = []
    if parameters.batch is not None:
        where.append(table.c.batch == parameters.batch)
    if parameters.destination is not None:
        where.append(table.c.destination == parameters.destination)
    if parameters.status is not None:
        states = [state for state, status in STATUSES.items() if status == parameters.status]
        where.append(table.c.state.in_(states))
    where += _arriving(parameters.arrival_date)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="payout",
        url="/v1/payouts",
        render=lambda row: render(Payout.read(row), work.caller.livemode),
        where=where,
    )


def _arriving(arrival: Created | int | None) -> list[ColumnElement[bool]]:
    column = Payout.table.c.arrival_date
    if arrival is None:
        return []
    if isinstance(arrival, int):
        return [column == arrival]
    bounds = {
        column.__gt__: arrival.gt,
        column.__ge__: arrival.gte,
        column.__lt__: arrival.lt,
        column.__le__: arrival.lte,
    }
    return [compare(value) for compare, value in bounds.items() if value is not None]


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Payout objects by id, for expansion."""
    payouts = await Payout.fetch(work.connection, ids)
    return {payout.id: render(payout, work.caller.livemode) for payout in payouts}


async def _found(work: Work, identifier: str, tail: str = "") -> Payout:
    payout = await Payout.find(work.connection, identifier, tail)
    if payout is None:
        raise not_found("payout", identifier)
    return payout


OPERATIONS = [
    Operation(
        name="payouts.create",
        method="POST",
        path="/v1/payouts",
        parameters=Create,
        returns="payout",
        summary="Pay out available balance to a bank account or a mobile wallet",
        batch=create,
    ),
    Operation(
        name="payouts.retrieve",
        method="GET",
        path="/v1/payouts/{payout}",
        parameters=Retrieve,
        returns="payout",
        summary="Retrieve a payout",
        read=retrieve,
    ),
    Operation(
        name="payouts.update",
        method="POST",
        path="/v1/payouts/{payout}",
        parameters=Update,
        returns="payout",
        summary="Update a payout's metadata",
        write=update,
    ),
    Operation(
        name="payouts.cancel",
        method="POST",
        path="/v1/payouts/{payout}/cancel",
        parameters=Cancel,
        returns="payout",
        summary="Cancel a pending payout",
        write=cancel,
    ),
    Operation(
        name="payouts.reverse",
        method="POST",
        path="/v1/payouts/{payout}/reverse",
        parameters=Reverse,
        returns="payout",
        summary="Ask a bank to send a paid payout back",
        write=reverse,
    ),
    Operation(
        name="payouts.list",
        method="GET",
        path="/v1/payouts",
        parameters=List,
        returns="list:payout",
        summary="List payouts, newest first",
        read=list_,
    ),
]
