"""All payments of a plan, while rules are given to the PSPs and parts are killed."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any

import httpx

from bench.chaos.clients import Client, Diary, Refused
from bench.chaos.kills import Killer
from bench.chaos.merchants import pay
from bench.chaos.plan import Payment, Plan
from bench.chaos.progress import Progress
from bench.chaos.weather import Weather


class Storm:
    """One plan, carried out by merchants."""

    def __init__(
        self,
        plan: Plan,
        clients: Sequence[Client],
        http: httpx.AsyncClient,
        weather: Weather,
        killer: Killer,
        diary: Diary,
    ) -> None:
        self._plan = plan
        self._clients = clients
        self._http = http
        self._weather = weather
        self._killer = killer
        self._diary = diary
        self._progress = Progress(len(plan.payments), killer.kills, weather.faults, diary)
        self._curtailed = asyncio.Event()

    @property
    def begun(self) -> int:
        """How many payments were attempted, the first ones of the plan."""
        return self._progress.payments

    def curtail(self) -> None:
        """Begin no payment more and kill no part more; what is under way goes to its end."""
        self._curtailed.set()

    async def rage(self, at_once: int, hurry: Coroutine[Any, Any, None]) -> None:
        """Make all payments, so many at a time. `hurry` is run beside the last of them."""
        await asyncio.gather(*(self._attend(fund) for fund in self._plan.funds))
        waiting = iter(self._plan.payments)
        beside = [
            asyncio.create_task(self._weather.change(self._plan.weather)),
            asyncio.create_task(self._progress.tell()),
            asyncio.create_task(self._beside_the_last(hurry)),
        ]
        async with asyncio.TaskGroup() as group:
            plan = self._plan
            kills = group.create_task(
                self._killer.strike(plan.kills, plan.seed, self._progress.reached)
            )
            beside.append(asyncio.create_task(self._end_early(kills)))
            for _ in range(at_once):
                group.create_task(self._work(waiting))
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _beside_the_last(self, hurry: Coroutine[Any, Any, None]) -> None:
        try:
            await self._progress.all_begun()
            await hurry
        finally:
            hurry.close()

    async def _end_early(self, kills: asyncio.Task[None]) -> None:
        await self._curtailed.wait()
        kills.cancel()
        await self._progress.no_more()

    async def _work(self, waiting: Iterator[Payment]) -> None:
        for payment in waiting:
            if self._curtailed.is_set():
                break
            self._progress.under_way += 1
            told = bool(payment.rule) and await self._weather.tell(payment.told, payment.rule)
            over = asyncio.Event()
            ambush = asyncio.create_task(self._ambush(payment, over)) if told else None
            await self._attend(payment)
            over.set()
            if ambush is not None:
                await ambush
            await self._progress.finish_one()

    async def _attend(self, payment: Payment) -> None:
        """Make one payment, and write down what should not have come of it."""
        try:
            await pay(self._clients[payment.merchant], self._http, payment)
        except Refused as refused:
            self._diary.refused.append(str(refused))
        except TimeoutError as silence:
            self._diary.unanswered.append(str(silence))

    async def _ambush(self, payment: Payment, over: asyncio.Event) -> None:
        """Kill a part at the moment the PSP has our call in its hands."""
        if payment.ambush is None:
            return
        sandbox = self._killer.process_id("sandbox")
        heard = await self._weather.heard(payment, over)
        # A PSP that was killed meanwhile has forgotten its script, this rule with it.
        if heard and sandbox == self._killer.process_id("sandbox"):
            await self._killer.kill(payment.ambush, f"inside a {payment.rule['operation']}")
