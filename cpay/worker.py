"""The background process: look-ups, receipts and webhooks."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import webhooks.delivery
from cpay import collector
from cpay.reporting import configure
from cpay.settings import Settings
from cpay.wiring import build_engine
from processor import idempotency, jobs
from processor.disputes import settlement as disputes
from processor.engine import Processor
from processor.jobs import Job
from processor.ledger import posting
from processor.ledger.fees import DAY
from processor.mandates.store import FOLLOW_JOB, WITHDRAW_JOB
from processor.payments import janitor, moved
from processor.payout_batches import making as payout_batches
from processor.payouts import sending as payouts
from processor.payouts.settlement import JOB as PAYOUT_JOB
from processor.providers import telling
from processor.receipts import store as receipts
from processor.reconciliation import importing as statements
from processor.reconciliation import open_payments
from processor.reconciliation import resolution as reconciliation
from processor.refunds import settlement as refunds
from processor.reporting import making as reporting
from processor.routing.directory import UnknownAccount
from processor.rpc_batches import store as rpc_batches
from processor.setup_intents import approvals
from processor.setup_intents import settlement as setup_intents
from processor.unresolved_payments import ageing
from processor.unresolved_payments.store import JOB as UNRESOLVED_JOB
from tenants import provision
from tenants.connections import DATABASE_ERRORS

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.1
PAUSE_SECONDS = 0.02  # after a claim that took all there was: what comes next goes in sets

# Receipts are work for this machine; all other jobs wait for somebody else's most of the time. With
# places of their own, neither a provider that hangs keeps receipts waiting, nor a day's receipts a
# payer. An account has fewer places than there are here (`Account.concurrency`).
RECEIPTS_AT_ONCE = 16
AT_ONCE = 400  # other jobs under way in one worker

# Above this part of the time that the event loop is at work, receipts are made one by one with a
# pause in between: who asks for one gets it made at once (`receipts.read`), whoever pays waits for
# what is at work here.
BUSY = 0.5
BUSY_WINDOW = 0.5  # seconds over which that is measured

# A job that fails for a reason of ours is tried again for ever, after twice as long each time up to
# this: giving up on a charge is not ours to decide. The age of the oldest job is a metric.
LONGEST_WAIT = 30  # seconds

Handler = Callable[[Processor, Job, bool], Awaitable[timedelta | None]]


async def _receipt(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    await receipts.make(processor, job.schema, livemode, job.subject)
    return None


async def _provider_health(processor: Processor, job: Job, _: bool) -> None:
    await telling.tell(processor, job)


async def _prune(processor: Processor, job: Job, _: bool) -> timedelta:
    async with processor.database.tenant(job.schema) as connection:
        await idempotency.prune(connection)
        await rpc_batches.prune(connection)
    return timedelta(days=1)


async def _release(processor: Processor, job: Job, _: bool) -> timedelta:
    async with processor.database.tenant(job.schema) as connection:
        await posting.release(connection, int(time.time()))
    # Money becomes available at midnight UTC; a little after, so that clocks need not agree.
    return timedelta(seconds=DAY - time.time() % DAY + 60)


HANDLERS: dict[str, Handler] = {
    "look_up": janitor.look_up,
    "look_up_refund": refunds.look_up,
    moved.JOB: moved.look_up,
    setup_intents.JOB: setup_intents.look_up,
    FOLLOW_JOB: approvals.follow,
    WITHDRAW_JOB: approvals.withdraw,
    "test_dispute": disputes.open_test_dispute,
    PAYOUT_JOB: payouts.carry_out,
    payout_batches.JOB: payout_batches.carry_out,
    "receipt": _receipt,
    statements.JOB: statements.carry_out,
    reconciliation.JOB: reconciliation.look_up,
    reporting.JOB: reporting.carry_out,
    UNRESOLVED_JOB: ageing.speak,
    open_payments.JOB: open_payments.count_nightly,
    telling.JOB: _provider_health,
    provision.PRUNE_JOB: _prune,
    provision.RELEASE_JOB: _release,
}


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Work until told to stop, then finish what is under way."""
    configure(settings)
    async with build_engine(settings).running() as processor, asyncio.TaskGroup() as group:
        collector.spare()
        group.create_task(_run_jobs(processor, stop, lambda: AT_ONCE, receipts=False))
        group.create_task(_run_jobs(processor, stop, ReceiptPlaces(), receipts=True))
        group.create_task(webhooks.delivery.run(processor, stop, allow_loopback=settings.dev))


class ReceiptPlaces:
    """How many receipts may be made at the same time: few while the event loop has other work.

    To be made and asked in the loop's thread, whose processor time it reads.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._spent = clock, spent
        self._measured = clock(), spent()
        self._busy = False

    def __call__(self) -> int:
        at, before = self._measured
        now = self._clock()
        if now - at >= BUSY_WINDOW:
            spent = self._spent()
            self._busy = spent - before > BUSY * (now - at)
            self._measured = now, spent
        return 1 if self._busy else RECEIPTS_AT_ONCE


async def _run_jobs(
    processor: Processor, stop: asyncio.Event, places: Callable[[], int], *, receipts: bool
) -> None:
    """Claim due jobs and do them, so many at a time."""
    async with asyncio.TaskGroup() as group:
        running: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            room = places() - len(running)
            claimed = await _claim(processor, room, receipts=receipts)
            for job in claimed:
                task = group.create_task(_do(processor, job))
                running.add(task)
                task.add_done_callback(running.discard)
            if not claimed:
                await _wait(stop, IDLE_SECONDS)
            elif len(claimed) < room:
                # That was all. Without a pause a busy worker would pay a claim for each job.
                await _wait(stop, PAUSE_SECONDS)


async def _claim(processor: Processor, room: int, *, receipts: bool) -> list[Job]:
    if room <= 0:
        return []
    try:
        async with processor.database.platform() as connection:
            return await jobs.claim(connection, room, receipts=receipts)
    except DATABASE_ERRORS as error:
        logger.warning("the database does not answer (%s); waiting for it", error)
        return []


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _do(processor: Processor, job: Job) -> None:
    """Do one job and write down what follows from it."""
    error = None
    try:
        await processor.database.settled(job.schema)
        again_in = await _handle(processor, job)
    except Exception as failure:
        again_in, error = after_failure(job), repr(failure)[:500]
        logger.exception("job %s of %s failed", job.kind, job.schema)
    try:
        await processor.gather(_write_down, None, jobs.Done(job, again_in, error))
    except Exception:
        logger.exception("job %s of %s could not be written down", job.kind, job.schema)


async def _handle(processor: Processor, job: Job) -> timedelta | None:
    handler, livemode = HANDLERS[job.kind], job.schema.endswith("_live")
    await processor.router.load(job.schema)
    try:
        return await handler(processor, job, livemode)
    except UnknownAccount as unknown:
        # The process that used it knew of it first. Any job can be done twice.
        await processor.router.load(job.schema, unknown.name)
        return await handler(processor, job, livemode)


def after_failure(job: Job) -> timedelta:
    """When to try a job again that has failed."""
    return timedelta(seconds=min(2 ** min(job.attempts, 10), LONGEST_WAIT))


async def _write_down(processor: Processor, _: None, done: list[jobs.Done]) -> list[None]:
    async with processor.database.platform() as connection:
        await jobs.write_down(connection, done)
    return [None] * len(done)
