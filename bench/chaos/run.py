"""One run: a stack, merchants, payments, trouble, quiet, audit."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

from bench.chaos import books
from bench.chaos.audit import Violation, audit
from bench.chaos.books import Attempt, Ours
from bench.chaos.clients import Client, Diary, Refused, pay
from bench.chaos.kills import Killer
from bench.chaos.plan import CLIENTS, MERCHANTS, Payment, Plan
from bench.chaos.weather import Weather
from bench.stack import Stack, create_merchant, start_stack, stop_stack

# Put on the path of the processes of a sabotaged run; the module in it says how it works.
SABOTAGE = Path(__file__).with_name("sabotage")

SECONDS_OF_QUIET = 180.0


@dataclass(slots=True)
class Report:
    """What happened in a run, and what is wrong after it."""

    plan: Plan
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    diary: Diary = field(default_factory=Diary)
    attempts: list[Attempt] = field(default_factory=list)
    ours: Ours = field(default_factory=Ours)
    violations: list[Violation] = field(default_factory=list)
    replayed: int = 0  # idempotency keys that were used once more in the end
    seconds_paying: float = 0.0
    seconds_until_quiet: float = 0.0


def run(
    plan: Plan,
    state: Path,
    *,
    sabotage: bool = False,
    seconds_of_quiet: float = SECONDS_OF_QUIET,
) -> Report:
    """Carry out a plan on a stack of its own, whose data goes to `state`.

    `seconds_of_quiet` is what everything has to find its end once nobody disturbs any more.
    """
    extra = {}
    if sabotage:
        modules = [str(SABOTAGE), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
        extra["PYTHONPATH"] = os.pathsep.join(filter(None, modules))
    process, stack = start_stack(state, extra)
    try:
        merchants = [create_merchant(stack, f"Chaos {n}") for n in range(MERCHANTS)]
        schemas = [tenant.test_schema for tenant, _, _ in merchants]
        secrets = [secret for _, secret, _ in merchants]
        return asyncio.run(_run(plan, stack, schemas, secrets, seconds_of_quiet))
    finally:
        stop_stack(process)


async def _run(
    plan: Plan,
    stack: Stack,
    schemas: Sequence[str],
    secrets: Sequence[str],
    seconds_of_quiet: float,
) -> Report:
    report = Report(plan)
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(timeout=10, limits=limits, trust_env=False) as http:
        clients = [
            Client(http, stack.base, secret, merchant, report.diary)
            for merchant, secret in enumerate(secrets)
        ]
        weather, killer = Weather(stack.sandbox, http), Killer(stack.pid)
        started = time.monotonic()
        await _storm(plan, clients, http, weather, killer, report.diary)
        report.seconds_paying = round(time.monotonic() - started, 1)
        await weather.clear()
        started = time.monotonic()
        await _become_quiet(stack, schemas, report, seconds_of_quiet)
        report.seconds_until_quiet = round(time.monotonic() - started, 1)
        report.kills, report.faults = killer.kills, weather.faults
        report.violations = [
            *audit(report.attempts, report.ours, report.diary.acknowledged),
            *(Violation("refused", what, "") for what in report.diary.refused),
            *(Violation("unanswered", what, "") for what in report.diary.unanswered),
            *(Violation("not started again", part, "") for part in killer.missing),
            *await _replay(clients, report),
        ]
    return report


async def _storm(
    plan: Plan,
    clients: Sequence[Client],
    http: httpx.AsyncClient,
    weather: Weather,
    killer: Killer,
    diary: Diary,
) -> None:
    """All payments, while rules are given and parts are killed."""
    waiting: asyncio.Queue[Payment] = asyncio.Queue()
    for payment in plan.payments:
        waiting.put_nowait(payment)

    async def work() -> None:
        while not waiting.empty():
            payment = waiting.get_nowait()
            await weather.tell(payment.psp, payment.rule)
            ambush = asyncio.create_task(_ambush(payment, weather, killer))
            try:
                await pay(clients[payment.merchant], http, payment)
            except Refused as refused:
                diary.refused.append(str(refused))
            except TimeoutError as silence:
                diary.unanswered.append(str(silence))
            await ambush

    changes = asyncio.create_task(weather.change(plan.weather))
    async with asyncio.TaskGroup() as group:
        group.create_task(killer.strike(plan.kills, plan.seed))
        for _ in range(CLIENTS):
            group.create_task(work())
    changes.cancel()


async def _ambush(payment: Payment, weather: Weather, killer: Killer) -> None:
    """Kill a part at the moment the PSP has our charge in its hands."""
    if payment.ambush and await weather.heard(payment.psp, payment.amount):
        await killer.kill(payment.ambush, "inside a charge")


async def _become_quiet(
    stack: Stack, schemas: Sequence[str], report: Report, seconds: float
) -> None:
    """Wait until nothing is open but what the PSPs themselves call open."""
    deadline = time.monotonic() + seconds
    while True:
        report.attempts = books.attempts(stack.state / "sandbox")
        connection = await asyncpg.connect(stack.database_url)
        try:
            report.ours = await books.ours(connection, schemas)
            await _wind_on(connection)
        finally:
            await connection.close()
        found = audit(report.attempts, report.ours, [])
        waits = [each for each in found if each.kind in ("unsettled", "no receipt", "lost")]
        if not waits or time.monotonic() > deadline:
            return
        await asyncio.sleep(1)


async def _wind_on(connection: asyncpg.Connection) -> None:
    """Let whatever waits for its turn have it now, so that nobody waits for a back-off of hours.

    This is what a callback does to a look-up. A job that is missing is not invented by it, and the
    janitor's periods of grace are untouched.
    """
    await connection.execute("update platform.jobs set run_at = now() where run_at > now()")


async def _replay(clients: Sequence[Client], report: Report) -> list[Violation]:
    """Use every key once more: the answer must be the one that was given, byte for byte."""
    violations = []
    for told in report.diary.acknowledged:
        answer = await clients[told.merchant].again(told)
        report.replayed += 1
        if (answer.status_code, answer.content) != (told.status, told.body):
            detail = f"{told.status} {told.body!r} became {answer.status_code} {answer.content!r}"
            violations.append(Violation("key", told.key, detail[:2000]))
    return violations
