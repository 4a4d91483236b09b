"""The file of a report is whole whatever its length, its moment and the fate of who makes it."""

import asyncio
import json
import time
from typing import Any

import asyncpg
import pytest
from live import Merchant, Stack, new_merchant
from reports_run import ACTIVITY, download, finished, moment_over, read, start

from processor.ledger.posting import Transaction, post
from processor.reporting.making import GIVE_UP_SECONDS, LARGEST
from processor.reporting.pages import ROWS, horizon, passed
from tenants.database import Database


def charge(number: int) -> Transaction:
    """A charge of its own amount, without anything around it."""
    entries = {"clearing:cards_test": -number, "merchant:available": number}
    return Transaction("charge", f"ch_{number}", "xaf", entries, amount=number)


async def enter(connection: asyncpg.Connection, merchant: Merchant) -> None:
    await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')


@pytest.fixture(scope="module")
def busy(stack: Stack) -> Merchant:
    """A merchant whose report has exactly two full pages."""
    merchant = new_merchant(stack)

    async def work(connection: asyncpg.Connection) -> None:
        await enter(connection, merchant)
        await post(connection, [charge(number) for number in range(1, 2 * ROWS + 1)])

    merchant.run(work)
    moment_over(merchant)
    return merchant


def take_back(merchant: Merchant, run: Any, **details: Any) -> None:
    """Put a run back to where it was not over yet, and ask the worker for it again."""

    async def work(connection: asyncpg.Connection) -> None:
        await enter(connection, merchant)
        await connection.execute(
            "update report_runs set status = 'pending', created = created - $2,"
            " details = (details - 'file' - 'succeeded_at') || $3::jsonb where id = $1",
            run.id,
            details.pop("age", 0),
            json.dumps(details),
        )
        await connection.execute(
            "insert into platform.jobs (schema_name, kind, subject) values ($1, 'report_run', $2)",
            merchant.tenant.test_schema,
            run.id,
        )

    merchant.run(work)


def parts(merchant: Merchant, run: Any) -> list[str]:
    """The keys of a run's pages in the object store."""
    (row,) = merchant.rows("select details->'parts' from report_runs where id = $1", run.id)
    keys: list[str] = json.loads(row[0])
    return keys


def test_a_long_report_is_made_of_pages_and_whole(busy: Merchant) -> None:
    run = finished(busy, start(busy, ACTIVITY, columns=["gross", "balance_transaction_id"]).id)
    body = download(busy, run).content
    assert run.result.size == len(body)
    rows = read(body)
    assert sorted(int(row["gross"]) for row in rows) == list(range(1, 2 * ROWS + 1))
    assert len({row["balance_transaction_id"] for row in rows}) == 2 * ROWS
    assert len(parts(busy, run)) == 2


def test_who_goes_on_after_a_crash_begins_behind_the_last_page(busy: Merchant) -> None:
    run = finished(busy, start(busy, ACTIVITY).id)
    body = download(busy, run).content
    first, second = parts(busy, run)
    kept = (busy.stack.state / "store" / first).read_bytes()
    last = read(kept)[-1]["balance_transaction_id"]
    take_back(busy, run, parts=[first], size=len(kept), last=last)
    again = finished(busy, run.id)
    assert again.result.id != run.result.id
    assert download(busy, again).content == body
    assert parts(busy, run) == [first, second]


@pytest.mark.parametrize(
    ("state", "words"),
    [({"age": GIVE_UP_SECONDS + 60}, "within a day"), ({"size": LARGEST}, "100 MB")],
    ids=["too late", "too large"],
)
def test_a_run_that_cannot_be_made_fails_aloud(
    busy: Merchant, state: dict[str, int], words: str
) -> None:
    run = finished(busy, start(busy, "balance.summary.1").id)
    take_back(busy, run, **state)
    failed = finished(busy, run.id)
    assert (failed.status, failed.result, failed.succeeded_at) == ("failed", None, None)
    assert words in failed.error
    (event,) = [
        each
        for each in busy.api.events.list({"type": "reporting.report_run.failed"}).data
        if each.data.object["id"] == run.id
    ]
    assert event.data.object == failed


def test_a_report_waits_for_what_began_in_its_interval(merchant: Merchant) -> None:
    """An entry has the time at which it was written, and is seen when its transaction commits."""

    async def work(connection: asyncpg.Connection) -> str:
        await enter(connection, merchant)
        async with connection.transaction():
            await post(connection, [charge(500)])
            await asyncio.to_thread(moment_over, merchant)
            run = await asyncio.to_thread(start, merchant, ACTIVITY)
            deadline = time.monotonic() + 30
            while (job := await looks(connection, run.id)) is None or job["attempts"] < 3:
                assert time.monotonic() < deadline, f"the worker does not look at the run: {job}"
                await asyncio.sleep(0.05)
            held_back = merchant.api.reporting.report_runs.retrieve
            assert (await asyncio.to_thread(held_back, run.id)).status == "pending"
        return str(run.id)

    run = finished(merchant, merchant.run(work))
    assert [row["gross"] for row in read(download(merchant, run).content)] == ["500"]


def test_the_horizon_lies_behind_whoever_writes_though_nobody_has_finished_since(
    merchant: Merchant,
) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with Database(merchant.stack.database_url) as database:
            for _ in range(10):
                async with connection.transaction(), database.platform() as other:
                    await connection.execute("select pg_current_xact_id()")
                    assert not await passed(other, await horizon(database))

    merchant.run(work)


async def looks(connection: asyncpg.Connection, run: str) -> asyncpg.Record | None:
    """How often the worker has taken up a run that is still to be made, and what came of it."""
    return await connection.fetchrow(
        "select attempts, run_at - clock_timestamp() as due_in, last_error from platform.jobs"
        " where subject = $1",
        run,
    )
