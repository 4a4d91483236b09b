"""`/v1/balance` and `/v1/balance_transactions`."""

from typing import Annotated

from msgspec import Meta
from sqlalchemy import ColumnElement

from processor import lists
from processor.errors import not_found
from processor.ledger import balances
from processor.ledger.objects import TRANSACTION_COLUMNS, render_balance, render_transaction
from processor.operations import Object, Operation, Work
from processor.parameters import Id, ListParameters, Parameters, ShortText
from tenants.tables import ledger_transactions as table


class RetrieveBalance(Parameters, kw_only=True):
    """The account's own."""


class Retrieve(Parameters, kw_only=True):
    """Which balance transaction."""

    id: Id


class List(ListParameters, kw_only=True):
    """Filter by currency, by what caused it, by type or by payout."""

    currency: Annotated[str, Meta(min_length=3, max_length=3)] | None = None
    payout: Id | None = None
    source: Id | None = None
    type: ShortText | None = None


async def retrieve_balance(work: Work, _: RetrieveBalance) -> Object:
    """What is available and what is pending, by currency."""
    found = await balances.merchant(work.connection)
    return render_balance(found, work.caller.currency, work.caller.livemode)


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One balance transaction."""
    row = await work.connection.fetchrow(
        f"select {TRANSACTION_COLUMNS} from ledger_transactions where id = $1 and shown",
        parameters.id,
    )
    if row is None:
        raise not_found("balance transaction", parameters.id)
    return render_transaction(row)


async def list_(work: Work, parameters: List) -> Object:
    """A page of balance transactions, newest first."""
    where: list[ColumnElement[bool]] = [table.c.shown]
    if parameters.currency is not None:
        where.append(table.c.currency == parameters.currency.lower())
    if parameters.source is not None:
        where.append(table.c.source == parameters.source)
    if parameters.payout is not None:
        where.append(table.c.source == parameters.payout)
    if parameters.type is not None:
        where.append(table.c.kind == parameters.type)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="balance_transaction",
        url="/v1/balance_transactions",
        render=render_transaction,
        where=where,
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Balance transaction objects by id, for expansion."""
    rows = await work.connection.fetch(
        f"select {TRANSACTION_COLUMNS} from ledger_transactions where id = any($1)", ids
    )
    return {row["id"]: render_transaction(row) for row in rows}


OPERATIONS = [
    Operation(
        name="balance.retrieve",
        method="GET",
        path="/v1/balance",
        parameters=RetrieveBalance,
        returns="balance",
        summary="Retrieve the balance",
        read=retrieve_balance,
    ),
    Operation(
        name="balance_transactions.retrieve",
        method="GET",
        path="/v1/balance_transactions/{id}",
        parameters=Retrieve,
        returns="balance_transaction",
        summary="Retrieve a balance transaction",
        read=retrieve,
    ),
    Operation(
        name="balance_transactions.list",
        method="GET",
        path="/v1/balance_transactions",
        parameters=List,
        returns="list:balance_transaction",
        summary="List balance transactions, newest first",
        read=list_,
    ),
]
