"""Import a statement: read it whole, keep it as it came, match it, all or nothing."""

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from processor.errors import InvalidRequest
from processor.events import log
from processor.events.log import Draft
from processor.ledger.close import RETENTION
from processor.operations import Request
from processor.payments.objects import Presenter
from processor.reconciliation import statements
from processor.reconciliation.mappings import MAPPINGS
from processor.reconciliation.matching import match
from processor.reconciliation.objects import (
    Reconciliation,
    ReconciliationDetails,
    ReconciliationItem,
    render,
)
from processor.reconciliation.statements import Line
from storage import content_key
from tenants.database import Connection
from tenants.ids import new_id


@dataclass(frozen=True, slots=True)
class Statement:
    """A provider's file, and how to read it."""

    data: bytes
    provider: str  # the provider account, as charges name it
    mapping: str  # a key of MAPPINGS
    filename: str | None = None
    start: int | None = None  # unix seconds; None: the time of the first line
    end: int | None = None  # unix seconds, exclusive; None: just after the last line


async def import_statement(
    connection: Connection,
    presenter: Presenter,
    statement: Statement,
    by: str,
    request: Request | None = None,
) -> Reconciliation:
    """Reconcile a statement in the caller's transaction. The bytes are stored before the row that
    names them commits.

    Raises InvalidRequest for an unknown mapping or provider, a statement that was imported before
    and a period that is none, StatementError for a file that cannot be read.
    """
    mapping = MAPPINGS.get(statement.mapping)
    if mapping is None:
        raise InvalidRequest(
            f"Invalid mapping: {statement.mapping[:40]} must be one of {', '.join(MAPPINGS)}.",
            param="mapping",
        )
    _check_provider(presenter, statement.provider)
    if len(statement.data) > statements.LARGEST:
        raise InvalidRequest(
            f"The statement has more than {statements.LARGEST} bytes.",
            code="file_too_large",
            param="file",
        )
    lines = statements.read(statement.data, mapping)
    reconciliation = _reconciliation(presenter, statement, lines, by)
    await presenter.processor.store.put(
        reconciliation.details.object_key, statement.data, "text/csv", datetime.now(UTC) + RETENTION
    )
    # The first of two imports of one file wins, also when they come at once.
    try:
        await Reconciliation.insert(connection, [reconciliation])
    except asyncpg.UniqueViolationError:
        raise InvalidRequest(
            f"This statement of {statement.provider} has been imported before.",
            code="statement_already_imported",
            param="file",
        ) from None
    await match(connection, reconciliation, [_item(reconciliation, line) for line in lines])
    await Reconciliation.update(connection, [reconciliation])
    if reconciliation.status == "completed":
        await log.append(connection, [completed(reconciliation, presenter.livemode, request)])
    return reconciliation


def completed(reconciliation: Reconciliation, livemode: bool, request: Request | None) -> Draft:
    """The event that says that nothing is left to explain."""
    shown = render(reconciliation, livemode)
    return Draft("reconciliation.completed", shown, reconciliation.version, request)


def _check_provider(presenter: Presenter, name: str) -> None:
    try:
        account = presenter.processor.router.account(name)
    except KeyError:
        account = None
    if account is None or account.livemode != presenter.livemode:
        raise InvalidRequest(f"No such provider account: '{name[:60]}'", param="provider")


def _reconciliation(
    presenter: Presenter, statement: Statement, lines: list[Line], by: str
) -> Reconciliation:
    start = min(line.time for line in lines) if statement.start is None else statement.start
    end = max(line.time for line in lines) + 1 if statement.end is None else statement.end
    if end <= start:
        raise InvalidRequest("The period must end after it has begun.", param="period")
    return Reconciliation(
        id=new_id("rcn"),
        created=int(time.time()),
        status="open",
        provider=statement.provider,
        content_hash=hashlib.sha256(statement.data).hexdigest(),
        period_start=start,
        period_end=end,
        details=ReconciliationDetails(
            mapping=statement.mapping,
            created_by=by,
            filename=statement.filename,
            size=len(statement.data),
            object_key=content_key(f"{presenter.schema}/statements", statement.data, "csv"),
        ),
    )


def _item(reconciliation: Reconciliation, line: Line) -> ReconciliationItem:
    return ReconciliationItem(
        id=new_id("rci"),
        created=reconciliation.created,
        reconciliation=reconciliation.id,
        provider=reconciliation.provider,
        line=line.number,
        kind=line.kind,
        reference=line.reference,
        external_id=line.external_id,
        provider_reference=line.provider_reference,
        amount=line.amount,
        currency=line.currency,
        moved=line.moved,
        occurred_at=line.time,
    )
