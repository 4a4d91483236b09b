"""`/v1/reconciliations`."""

from dataclasses import asdict

from sqlalchemy import ColumnElement, and_, false, not_

from processor import lists
from processor.errors import InvalidRequest, PermissionDenied, missing, not_found
from processor.files.objects import File
from processor.operations import Object, Operation, Work
from processor.payments.objects import Presenter
from processor.reconciliation import importing, resolution
from processor.reconciliation.importing import Statement
from processor.reconciliation.objects import (
    Action,
    Reconciliation,
    ReconciliationItem,
    render,
    render_item,
)
from processor.reconciliation.parameters import (
    Create,
    ItemList,
    List,
    ResolveItem,
    Retrieve,
    StatementPeriod,
)
from processor.reconciliation.resolution import Decision
from processor.reconciliation.statements import StatementError
from tenants.keys import Caller

PURPOSE = "provider_statement"

# Errors of this many lines are listed in an answer; the rest is counted.
MOST_ERRORS = 100

MOVES_MONEY: frozenset[Action] = frozenset({"book", "adjust"})


async def create(work: Work, parameters: Create) -> Object:
    """Check every line of an uploaded statement and accept it. It is matched by a job from then on,
    whatever happens to this process."""
    file = await File.find(work.connection, parameters.file)
    if file is None:
        raise missing("file upload", parameters.file, "file")
    if file.purpose != PURPOSE:
        raise InvalidRequest(
            f"The file's purpose is {file.purpose}; a statement is uploaded with {PURPOSE}.",
            param="file",
        )
    period = parameters.period or StatementPeriod()
    statement = Statement(
        data=await work.processor.store.get(file.details.object_key),
        provider=parameters.provider_account,
        mapping=parameters.mapping,
        origin="merchant",
        by=f"key {work.caller.key}",
        filename=file.details.filename,
        file=file.id,
        start=period.start,
        end=period.end,
        metadata=parameters.metadata or {},
    )
    presenter = Presenter.of(work.processor, work.caller)
    try:
        made = await importing.accept(work.connection, presenter, statement, work.request)
    except StatementError as error:
        raise _refusal(error) from None
    return render(made, work.caller.livemode)


def _refusal(error: StatementError) -> InvalidRequest:
    first = error.errors[0]
    return InvalidRequest(
        f"{len(error.errors)} lines of the statement are wrong and nothing was imported. Line"
        f" {first.line}: {first.message}",
        code="statement_invalid",
        param="file",
        lines=[asdict(each) for each in error.errors[:MOST_ERRORS]],
    )


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One reconciliation: how far it is, and what was found."""
    return render(await _found(work, parameters.reconciliation), work.caller.livemode)


async def list_(work: Work, parameters: List) -> Object:
    """A page of reconciliations, newest first."""
    table = Reconciliation.table
    where: list[ColumnElement[bool]] = []
    if parameters.provider_account is not None:
        where.append(table.c.provider == parameters.provider_account)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="reconciliation",
        url="/v1/reconciliations",
        render=lambda row: render(Reconciliation.read(row), work.caller.livemode),
        where=where,
    )


async def list_items(work: Work, parameters: ItemList) -> Object:
    """A page of a reconciliation's items, last line first. There are none before it is matched."""
    reconciliation = await _found(work, parameters.reconciliation)
    table = ReconciliationItem.table
    where: list[ColumnElement[bool]] = [table.c.reconciliation == reconciliation.id]
    if reconciliation.status == "processing":
        where.append(false())
    if parameters.result is not None:
        where.append(table.c.status == parameters.result)
    if parameters.resolved is not None:
        waits = and_(table.c.status != "matched", table.c.resolution.is_(None))
        where.append(not_(waits) if parameters.resolved else waits)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="reconciliation item",
        url=f"/v1/reconciliations/{reconciliation.id}/items",
        render=lambda row: render_item(ReconciliationItem.read(row)),
        where=where,
    )


async def resolve_item(work: Work, parameters: ResolveItem) -> Object:
    """Do something about a difference, once; a look-up only begins here."""
    reconciliation = await _found(work, parameters.reconciliation)
    item = await ReconciliationItem.find(work.connection, parameters.item)
    if item is None or item.reconciliation != reconciliation.id:
        raise not_found("reconciliation item", parameters.item, "item")
    _authorize(work.caller, reconciliation, parameters.action)
    decision = Decision(
        parameters.action, parameters.reason, f"key {work.caller.key}", work.request
    )
    presenter = Presenter.of(work.processor, work.caller)
    return render_item(
        await resolution.resolve(work.connection, presenter, parameters.item, decision)
    )


def _authorize(caller: Caller, reconciliation: Reconciliation, action: Action) -> None:
    """Real money is the operator's to book: a merchant's own upload is no evidence for what the
    operator owes it, nor may a merchant close a difference that the operator found.

    Raises PermissionDenied. In test mode everything can be tried.
    """
    if not caller.livemode or action == "look_up":
        return
    if action in MOVES_MONEY:
        raise PermissionDenied(
            f"Only the operator of this installation can {action} a difference in live mode,"
            " because that moves money in the ledger. Send it the statement.",
            code="operator_required",
            param="action",
        )
    if reconciliation.origin == "operator":
        raise PermissionDenied(
            f"{reconciliation.id} is the operator's: in live mode nobody else can close its items.",
            code="operator_required",
            param="action",
        )


async def _found(work: Work, identifier: str) -> Reconciliation:
    reconciliation = await Reconciliation.find(work.connection, identifier)
    if reconciliation is None:
        raise not_found("reconciliation", identifier, "reconciliation")
    return reconciliation


OPERATIONS = [
    Operation(
        name="reconciliations.create",
        method="POST",
        path="/v1/reconciliations",
        parameters=Create,
        returns="reconciliation",
        summary="Hold a provider's statement against the books",
        write=create,
    ),
    Operation(
        name="reconciliations.retrieve",
        method="GET",
        path="/v1/reconciliations/{reconciliation}",
        parameters=Retrieve,
        returns="reconciliation",
        summary="Retrieve a reconciliation and its progress",
        read=retrieve,
    ),
    Operation(
        name="reconciliations.list",
        method="GET",
        path="/v1/reconciliations",
        parameters=List,
        returns="list:reconciliation",
        summary="List reconciliations, newest first",
        read=list_,
    ),
    Operation(
        name="reconciliations.list_items",
        method="GET",
        path="/v1/reconciliations/{reconciliation}/items",
        parameters=ItemList,
        returns="list:reconciliation_item",
        summary="List what was found, line by line",
        read=list_items,
    ),
    Operation(
        name="reconciliations.resolve_item",
        method="POST",
        path="/v1/reconciliations/{reconciliation}/items/{item}/resolve",
        parameters=ResolveItem,
        returns="reconciliation_item",
        summary="Resolve a difference, with a reason",
        write=resolve_item,
    ),
]
