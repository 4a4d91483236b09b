"""Take a statement in: every line is read before anything is stored, then it is matched in steps.

`accept` commits the reconciliation with the job that carries it out. `reconcile` stores the lines,
a chunk to a transaction, and matches them in the last one. The row is locked meanwhile and counts
what is stored, so that a process that dies leaves whole chunks, and whoever goes on begins behind
them.
"""

import hashlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio

from processor import jobs
from processor.engine import Processor
from processor.errors import InvalidRequest
from processor.events import log
from processor.events.log import Draft
from processor.jobs import Job
from processor.ledger.close import RETENTION
from processor.operations import Request
from processor.payments.objects import Presenter
from processor.reconciliation import statements
from processor.reconciliation.mappings import MAPPINGS
from processor.reconciliation.matching import match
from processor.reconciliation.objects import (
    Origin,
    Reconciliation,
    ReconciliationDetails,
    ReconciliationItem,
    render,
)
from processor.reconciliation.statements import Line
from storage import content_key
from tenants.database import Connection
from tenants.ids import new_id

# The job that stores a statement's lines and matches them; its subject is the reconciliation.
JOB = "reconciliation"

# A whole statement as one parameter would take hundreds of megabytes in the database.
CHUNK = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A provider's file, how to read it, and who brought it."""

    data: bytes
    provider: str  # the provider account, as charges name it
    mapping: str  # a key of MAPPINGS
    origin: Origin
    by: str  # for the auditor
    filename: str | None = None
    file: str | None = None  # the upload that it came as
    start: int | None = None  # unix seconds; None: the time of the first line
    end: int | None = None  # unix seconds, exclusive; None: just after the last line
    metadata: dict[str, str] = field(default_factory=dict)


async def accept(
    connection: Connection,
    presenter: Presenter,
    statement: Statement,
    request: Request | None = None,
    delay_seconds: float = 0,
) -> Reconciliation:
    """Check a statement and ask for its reconciliation, in the caller's transaction. The bytes are
    stored before the row that names them commits. A worker begins after `delay_seconds`.

    Raises InvalidRequest for an unknown mapping or provider account, a statement that was imported
    before and a period that is none, StatementError for a file that cannot be read.
    """
    _check(presenter, statement)
    lines = await _read(statement.data, statement.mapping)
    reconciliation = _reconciliation(presenter, statement, lines)
    await presenter.processor.store.put(
        reconciliation.details.object_key, statement.data, "text/csv", datetime.now(UTC) + RETENTION
    )
    # The first of two imports of one file wins, also when they come at once.
    if not await Reconciliation.insert_new(connection, reconciliation):
        raise InvalidRequest(
            f"This statement of {statement.provider} has been imported before.",
            code="statement_already_imported",
            param="file",
        )
    await jobs.enqueue(connection, JOB, [reconciliation.id], delay_seconds)
    await log.append(connection, [event(presenter, reconciliation, "created", request)])
    return reconciliation


async def carry_out(processor: Processor, job: Job, livemode: bool) -> None:
    """The job of one reconciliation."""
    await reconcile(Presenter(processor, job.schema, livemode), job.subject)


async def reconcile(presenter: Presenter, identifier: str) -> Reconciliation:
    """Store the lines that are not yet, match them, and say so. Returns what came of it.

    Does nothing to a reconciliation that somebody else has finished meanwhile.
    """
    database, store = presenter.processor.database, presenter.processor.store
    async with database.tenant(presenter.schema) as connection:
        accepted = await Reconciliation.find(connection, identifier)
    assert accepted is not None, "a reconciliation is committed with its job"
    data = await store.get(accepted.details.object_key)
    lines = await _read(data, accepted.details.mapping)
    while True:
        async with database.tenant(presenter.schema) as connection:
            reconciliation = await Reconciliation.find(connection, identifier, "for update")
            assert reconciliation is not None, "reconciliations are never deleted"
            if reconciliation.status != "processing":
                return reconciliation
            stored = reconciliation.details.stored
            if chunk := lines[stored : stored + CHUNK]:
                items = [_item(reconciliation, line) for line in chunk]
                await ReconciliationItem.insert(connection, items)
                reconciliation.details.stored += len(chunk)
            else:
                await match(connection, reconciliation)
                reconciliation.version += 1
                await log.append(connection, _finished(presenter, reconciliation))
            await Reconciliation.update(connection, [reconciliation])


def event(
    presenter: Presenter, reconciliation: Reconciliation, what: str, request: Request | None = None
) -> Draft:
    """`reconciliation.created`, `.matched` or `.completed`."""
    shown = render(reconciliation, presenter.livemode)
    return Draft(f"reconciliation.{what}", shown, reconciliation.version, request)


def _finished(presenter: Presenter, reconciliation: Reconciliation) -> list[Draft]:
    words = ["matched", "completed"] if reconciliation.status == "completed" else ["matched"]
    return [event(presenter, reconciliation, word) for word in words]


async def _read(data: bytes, mapping: str) -> list[Line]:
    # A hundred thousand lines take a second: other requests go on meanwhile.
    return await anyio.to_thread.run_sync(statements.read, data, MAPPINGS[mapping])


def _check(presenter: Presenter, statement: Statement) -> None:
    if statement.mapping not in MAPPINGS:
        raise InvalidRequest(
            f"Invalid mapping: {statement.mapping[:40]} must be one of {', '.join(MAPPINGS)}.",
            param="mapping",
        )
    directory = presenter.processor.router.directory
    if directory.usable(presenter.schema, statement.provider) is None:
        raise InvalidRequest(
            f"No such provider account: '{statement.provider[:60]}'",
            code="resource_missing",
            param="provider_account",
        )
    if len(statement.data) > statements.LARGEST:
        raise InvalidRequest(
            f"The statement has more than {statements.LARGEST} bytes.",
            code="file_too_large",
            param="file",
        )


def _reconciliation(
    presenter: Presenter, statement: Statement, lines: list[Line]
) -> Reconciliation:
    start = min(line.time for line in lines) if statement.start is None else statement.start
    end = max(line.time for line in lines) + 1 if statement.end is None else statement.end
    if end <= start:
        raise InvalidRequest("The period must end after it has begun.", param="period")
    return Reconciliation(
        id=new_id("rcn"),
        created=int(time.time()),
        origin=statement.origin,
        provider=statement.provider,
        content_hash=hashlib.sha256(statement.data).hexdigest(),
        period_start=start,
        period_end=end,
        metadata=statement.metadata,
        details=ReconciliationDetails(
            mapping=statement.mapping,
            created_by=statement.by,
            filename=statement.filename,
            file=statement.file,
            size=len(statement.data),
            object_key=content_key(f"{presenter.schema}/statements", statement.data, "csv"),
            lines=len(lines),
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
