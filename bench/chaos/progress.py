"""A line every few seconds for whoever watches: on standard error, because the report is JSON."""

import asyncio
import sys
import time
from collections import Counter

from bench.chaos.clients import Diary

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """How far a run is."""

    def __init__(
        self, payments: int, kills: Counter[str], faults: Counter[str], diary: Diary
    ) -> None:
        self.payments = payments  # how many are attempted
        self._kills = kills
        self._faults = faults
        self._diary = diary
        self._began = time.monotonic()
        self._moved = asyncio.Condition()
        self.done = 0
        self.under_way = 0

    async def finish_one(self) -> None:
        """One of those under way is over."""
        self.under_way -= 1
        self.done += 1
        async with self._moved:
            self._moved.notify_all()

    async def reached(self, share: float) -> None:
        """Wait until this part of all payments, 0 to 1, is over."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.done >= share * self.payments)

    async def all_begun(self) -> None:
        """Wait until no payment is left to begin."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.done + self.under_way >= self.payments)

    async def no_more(self) -> None:
        """Say that no payment is begun any more."""
        self.payments = self.done + self.under_way
        async with self._moved:
            self._moved.notify_all()

    async def tell(self) -> None:
        """Print lines until cancelled."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LINES)
            seconds = time.monotonic() - self._began
            print(
                f"{seconds:6.0f} s: {self.done} of {self.payments} payments done,"
                f" {self.under_way} under way, {len(self._diary.acknowledged)} answers,"
                f" {self._diary.retries} asked again, {self._kills.total()} kills,"
                f" {self._faults.total()} faults",
                file=sys.stderr,
                flush=True,
            )
