"""Make the file of a report run, a page to a job.

Each page is an immutable object of its own, and the run's row remembers those that are made: a
process that dies loses one page at most, and memory holds one however long the history is.
"""

import time
from datetime import timedelta

from processor.engine import Processor
from processor.events import log
from processor.events.log import Draft
from processor.files.objects import File, FileDetails
from processor.jobs import Job
from processor.reporting.objects import ReportRun, render
from processor.reporting.pages import Page, passed, read_page
from processor.reporting.report_types import REPORT_TYPES
from storage import content_key
from tenants.database import Connection
from tenants.ids import new_id

# The job that makes a run's file; its subject is the run.
JOB = "report_run"

# A transaction that the report waits for has ten seconds at most to get its locks.
WAIT = timedelta(seconds=0.2)

# A file is downloaded in one piece: some four hundred thousand transactions with all columns.
LARGEST = 100_000_000

# What could not be made in a day, because the object store does not answer, is not made any more.
GIVE_UP_SECONDS = 86_400

TOO_LARGE = "The report has more than 100 MB. Run it for shorter intervals or with fewer columns."
TOO_LATE = "The report could not be made within a day. Run it again."


async def carry_out(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """Make the next page, or the file when it was the last. Returns when to come back."""
    async with processor.database.tenant(job.schema) as connection:
        run = await ReportRun.find(connection, job.subject, "for update")
        if run is None or run.status != "pending":
            return None
        if time.time() - run.created > GIVE_UP_SECONDS:
            await _fail(connection, processor, run, livemode, TOO_LATE)
            return None
        if not await passed(connection, run.details.horizon):
            return WAIT
        kind = REPORT_TYPES[run.report_type]
        page = await read_page(connection, kind, run.details.parameters, run.details.last)
        if run.details.size + len(page.body) > LARGEST:
            await _fail(connection, processor, run, livemode, TOO_LARGE)
            return None
        await _keep(processor, job.schema, run, page)
        if page.last is not None:
            run.details.last = page.last
            await ReportRun.update(connection, [run])
            return timedelta(0)
        await _succeed(connection, processor, run, livemode)
    return None


async def _keep(processor: Processor, schema: str, run: ReportRun, page: Page) -> None:
    """Store a page before the row that names it commits, as uploads are."""
    if not page.body:
        return  # the rows have ended with the page before
    key = content_key(f"{schema}/reports", page.body, "csv")
    await processor.store.put(key, page.body, "text/csv", None)
    run.details.parts.append(key)
    run.details.size += len(page.body)


async def _succeed(
    connection: Connection, processor: Processor, run: ReportRun, livemode: bool
) -> None:
    now = int(time.time())
    first, *more = run.details.parts
    details = FileDetails(
        filename=run.filename,
        kind="csv",
        size=run.details.size,
        object_key=first,
        more_keys=more,
    )
    file = File(id=new_id("file"), created=now, purpose="finance_report_run", details=details)
    await File.insert(connection, [file])
    run.status = "succeeded"
    run.details.file = file.id
    run.details.succeeded_at = now
    await _finish(connection, processor, run, file, livemode)


async def _fail(
    connection: Connection, processor: Processor, run: ReportRun, livemode: bool, error: str
) -> None:
    run.status = "failed"
    run.details.error = error
    await _finish(connection, processor, run, None, livemode)


async def _finish(
    connection: Connection, processor: Processor, run: ReportRun, file: File | None, livemode: bool
) -> None:
    run.version += 1
    await ReportRun.update(connection, [run])
    shown = render(run, file, livemode, processor.public_url)
    await log.append(connection, [Draft(f"reporting.report_run.{run.status}", shown, run.version)])
