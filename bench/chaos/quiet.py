"""How a run comes to rest: what waits for its turn has it now, until nothing is open any more."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import asyncpg

from bench.chaos import books, ours
from bench.chaos.audit import unsettled
from bench.stack import Stack
from tenants.connections import DATABASE_ERRORS

SECONDS_BETWEEN_TURNS = 1.0
# What a PSP calls open must have stayed so for as many turns: a payer may just be about to pay.
_STILL_TURNS = 4

# The janitor's longest back-off; and a card network's late word on a refund, which is asked for
# after a day, a week and a month, and here once.
_LONGEST = timedelta(days=3)
_MONTH = timedelta(days=32)
_HOUR = timedelta(hours=1)

_WIND_ON = """
update platform.jobs set run_at = now(), attempts = 0
where run_at between now() + interval '1 second'
                 and now() + case kind when 'look_up_refund' then $1::interval else $2 end
and (kind like 'look_up%' or kind in ('payout', 'receipt', 'test_dispute'))
"""
_COME_ROUND = "select not exists (select from platform.jobs where run_at <= now())"
_DELIVER = "update platform.deliveries set run_at = now() where run_at > now()"


async def hurry(stack: Stack) -> None:
    """Spare the last of a run the back-off, which reaches minutes, until cancelled."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_TURNS)
        with suppress(*DATABASE_ERRORS):  # it may be dead
            await _wind_on(stack, _HOUR)


async def become_quiet(stack: Stack, schemas: Sequence[str], seconds: float) -> None:
    """Wait until nothing is open but what the PSPs themselves call open, at most so long."""
    deadline = time.monotonic() + seconds
    refunds, still, before, took = _MONTH, 0, None, 0.0
    while still < _STILL_TURNS and time.monotonic() < deadline:
        if await _wind_on(stack, refunds):
            refunds = _HOUR
        # A long run has long books: who reads them all the time slows down what is awaited.
        await asyncio.sleep(max(SECONDS_BETWEEN_TURNS, took))
        looked = time.monotonic()
        now = await _left(stack, schemas)
        took = time.monotonic() - looked
        still = still + 1 if now is not None and now == before else 0
        before = now


async def _left(stack: Stack, schemas: Sequence[str]) -> set[str] | None:
    """The rows that may stay open, by id; None while something has to happen yet."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        waiting = await ours.unfinished(connection, schemas)
        rows = await ours.open_rows(connection, schemas)
    finally:
        await connection.close()
    at_psps = books.attempts(stack.state / "sandbox") if rows and not waiting else []
    if waiting or any(True for _ in unsettled(at_psps, rows)):
        return None
    return {row.id for row in rows}


async def _wind_on(stack: Stack, refunds: timedelta) -> bool:
    """Let whatever waits for its turn have it now; later looks at refunds if within this time.
    Returns whether it does: a worker that has not come round yet would only fall further behind.

    This is what a callback does to a look-up. A job that is missing is not invented by it, and the
    janitor's periods of grace are untouched. Money that becomes available tomorrow does not today.
    """
    connection = await asyncpg.connect(stack.database_url)
    try:
        await connection.execute(_DELIVER)
        if not await connection.fetchval(_COME_ROUND):
            return False
        await connection.execute(_WIND_ON, refunds, _LONGEST)
        return True
    finally:
        await connection.close()
