"""`/v1/reporting/report_types` and `/v1/reporting/report_runs`."""

import time
from typing import Any

from processor import jobs, lists
from processor.errors import missing, not_found
from processor.files.objects import File
from processor.operations import Object, Operation, Work
from processor.reporting.making import JOB
from processor.reporting.objects import ReportRun, ReportRunDetails, render, render_type
from processor.reporting.pages import horizon
from processor.reporting.parameters import (
    Create,
    List,
    ListTypes,
    Retrieve,
    RetrieveType,
    check,
)
from processor.reporting.report_types import REPORT_TYPES, Availability
from tenants.ids import new_id


async def create(work: Work, parameters: Create) -> Object:
    """Accept a run; its file is made by a job, which begins with this commit."""
    kind = REPORT_TYPES.get(parameters.report_type)
    if kind is None:
        raise missing("report type", parameters.report_type, "report_type")
    check(kind, parameters.parameters, Availability.of(work.caller.account))
    run = ReportRun(
        id=new_id("frr"),
        created=int(time.time()),
        report_type=kind.id,
        details=ReportRunDetails(
            parameters=parameters.parameters,
            horizon=await horizon(work.processor.database),  # after the interval's end was checked
        ),
    )
    await ReportRun.insert(work.connection, [run])
    await jobs.enqueue(work.connection, JOB, [run.id])
    return _shown(work, run, {})


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One run, with its file once it is made."""
    run = await ReportRun.find(work.connection, parameters.report_run)
    if run is None:
        raise not_found("report run", parameters.report_run)
    return _shown(work, run, await _files(work, [run]))


async def list_(work: Work, parameters: List) -> Object:
    """A page of runs, newest first."""
    found: Object = await lists.page(
        work.connection,
        ReportRun.table,
        parameters,
        kind="report run",
        url="/v1/reporting/report_runs",
        render=lambda row: {"row": ReportRun.read(row)},
    )
    runs: list[Any] = [each["row"] for each in found["data"]]
    files = await _files(work, runs)
    found["data"] = [_shown(work, run, files) for run in runs]
    return found


async def _files(work: Work, runs: list[ReportRun]) -> dict[str, File]:
    """The files of runs that have one, by id."""
    ids = [run.details.file for run in runs if run.details.file is not None]
    return {file.id: file for file in await File.fetch(work.connection, ids)} if ids else {}


def _shown(work: Work, run: ReportRun, files: dict[str, File]) -> Object:
    file = files.get(run.details.file or "")
    return render(run, file, work.caller.livemode, work.processor.public_url)


async def retrieve_type(work: Work, parameters: RetrieveType) -> Object:
    """One type."""
    kind = REPORT_TYPES.get(parameters.report_type)
    if kind is None:
        raise not_found("report type", parameters.report_type)
    return render_type(kind, Availability.of(work.caller.account), work.caller.livemode)


async def list_types(work: Work, _: ListTypes) -> Object:
    """Every type."""
    available = Availability.of(work.caller.account)
    return {
        "object": "list",
        "data": [
            render_type(kind, available, work.caller.livemode) for kind in REPORT_TYPES.values()
        ],
        "has_more": False,
        "url": "/v1/reporting/report_types",
    }


OPERATIONS = [
    Operation(
        name="reporting.report_types.list",
        method="GET",
        path="/v1/reporting/report_types",
        parameters=ListTypes,
        returns="list:reporting.report_type",
        summary="List the types of reports",
        read=list_types,
    ),
    Operation(
        name="reporting.report_types.retrieve",
        method="GET",
        path="/v1/reporting/report_types/{report_type}",
        parameters=RetrieveType,
        returns="reporting.report_type",
        summary="Retrieve a type of report",
        read=retrieve_type,
    ),
    Operation(
        name="reporting.report_runs.create",
        method="POST",
        path="/v1/reporting/report_runs",
        parameters=Create,
        returns="reporting.report_run",
        summary="Run a report: its CSV file is ready when the run has succeeded",
        write=create,
    ),
    Operation(
        name="reporting.report_runs.retrieve",
        method="GET",
        path="/v1/reporting/report_runs/{report_run}",
        parameters=Retrieve,
        returns="reporting.report_run",
        summary="Retrieve a report run and its file",
        read=retrieve,
    ),
    Operation(
        name="reporting.report_runs.list",
        method="GET",
        path="/v1/reporting/report_runs",
        parameters=List,
        returns="list:reporting.report_run",
        summary="List report runs, newest first",
        read=list_,
    ),
]
