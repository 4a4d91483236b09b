"""One run: a stack, merchants, payments, trouble, quiet, audit."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import asyncpg
import httpx

from bench.chaos import books, ours
from bench.chaos.audit import audit, unexplained
from bench.chaos.books import Attempt
from bench.chaos.clients import Acknowledged, Client, Diary, digest
from bench.chaos.doors import BatchDoor, Door, RestDoor
from bench.chaos.inbox import Inbox
from bench.chaos.kills import Killer
from bench.chaos.ours import Ours
from bench.chaos.payers import DESTINATIONS
from bench.chaos.plan import MERCHANTS, Plan
from bench.chaos.quiet import become_quiet, hurry
from bench.chaos.routes import choose_routes
from bench.chaos.storm import Storm
from bench.chaos.violations import Violation
from bench.chaos.weather import Weather
from bench.stack import Stack, create_merchant, in_database, start_stack, stop_stack
from tenants.provision import Tenant

# Put on the path of the processes of a sabotaged run; the modules in it say how it works.
SABOTAGE = Path(__file__).with_name("sabotage")
Sabotage = Literal["charges", "refunds"]

SECONDS_OF_QUIET = 240.0

CLIENTS = 16  # payments under way at the same time, one call at a time
# In batches, so many times the size of one: a body is answered when the slowest of its calls is,
# and those that the PSPs leave without an answer take many seconds.
BATCHES_UNDER_WAY = 12

# What a merchant wants to hear of when a hundred thousand payments leave time for little.
_FEW_EVENTS = ["charge.dispute.created", "charge.dispute.closed", "payout.paid", "payout.failed",
               "payout.canceled", "refund.failed", "payment_intent.canceled"]  # fmt: skip


@dataclass(slots=True)
class Report:
    """What happened in a run, and what is wrong after it."""

    plan: Plan
    kills: Counter[str] = field(default_factory=Counter)
    longest_absence: dict[str, float] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    diary: Diary = field(default_factory=Diary)
    attempts: list[Attempt] = field(default_factory=list)
    ours: Ours = field(default_factory=Ours)
    violations: list[Violation] = field(default_factory=list)
    left_to_people: int = 0  # rows that no machine can close
    deliveries: int = 0  # of webhooks
    replayed: int = 0  # idempotency keys that were used once more in the end
    seconds_paying: float = 0.0
    seconds_until_quiet: float = 0.0
    seconds_of_audit: float = 0.0


def run(
    plan: Plan,
    state: Path,
    *,
    batch: int = 0,
    sabotage: Sabotage | None = None,
    seconds_of_quiet: float = SECONDS_OF_QUIET,
) -> Report:
    """Carry out a plan on a stack of its own, whose data goes to `state`.

    `batch`: the most calls in one body; 0 sends each by itself, over REST. `seconds_of_quiet` is
    what everything has to find its end once nobody disturbs any more.
    """
    extra = {}
    if sabotage:
        modules = [str(SABOTAGE), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
        extra = {"PYTHONPATH": os.pathsep.join(filter(None, modules)), "CHAOS_SABOTAGE": sabotage}
    process, stack = start_stack(state, extra)
    try:
        merchants = [create_merchant(stack, f"Chaos {number}") for number in range(MERCHANTS)]
        schemas = [tenant.test_schema for tenant, _, _ in merchants]
        in_database(stack.database_url, lambda connection: choose_routes(connection, schemas))
        report = Report(plan)
        asyncio.run(_run(report, stack, merchants, batch, seconds_of_quiet))
        return report
    finally:
        stop_stack(process)


async def _run(
    report: Report,
    stack: Stack,
    merchants: Sequence[tuple[Tenant, str, str]],
    batch: int,
    seconds_of_quiet: float,
) -> None:
    schemas = [tenant.test_schema for tenant, _, _ in merchants]
    limits = httpx.Limits(max_connections=200)
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(
            httpx.AsyncClient(timeout=10, limits=limits, trust_env=False)
        )
        inbox = await opened.enter_async_context(Inbox())
        clients = []
        for number, (tenant, secret, _) in enumerate(merchants):
            door: Door = RestDoor(http, stack.base, secret)
            if batch:
                door = await opened.enter_async_context(BatchDoor(stack.base, secret, batch))
            clients.append(Client(door, number, report.diary, inbox))
            await _open_shop(clients[-1], tenant, inbox, number, few_events=bool(batch))
        weather, killer = Weather(stack.sandbox, http), Killer(stack.pid)
        began = time.monotonic()
        at_once = BATCHES_UNDER_WAY * batch or CLIENTS
        storm = Storm(report.plan, clients, http, weather, killer, report.diary)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, storm.curtail)
        await storm.rage(at_once, hurry(stack))
        loop.remove_signal_handler(signal.SIGINT)
        report.plan = replace(report.plan, payments=report.plan.payments[: storm.begun])
        report.seconds_paying = _since(began)
        report.kills, report.faults = killer.kills, weather.faults
        report.longest_absence = {part: round(s, 1) for part, s in killer.longest.items()}
        await weather.clear()
        began = time.monotonic()
        await become_quiet(stack, schemas, seconds_of_quiet)
        report.seconds_until_quiet = _since(began)
        began = time.monotonic()
        missing = [Violation("not started again", part, "") for part in killer.missing]
        report.violations = [*missing, *await _compare(report, stack, schemas, inbox)]
        report.violations += await _replay(clients, report, at_once)
        report.seconds_of_audit = _since(began)


def _since(moment: float) -> float:
    return round(time.monotonic() - moment, 1)


async def _open_shop(
    client: Client, tenant: Tenant, inbox: Inbox, number: int, *, few_events: bool
) -> None:
    """Have webhooks sent, and destinations for payouts."""
    wanted = _FEW_EVENTS if few_events else ["*"]
    params = {"url": inbox.url(number), "enabled_events": wanted}
    endpoint = await client.call("webhook_endpoints.create", params, "webhooks")
    assert endpoint is not None, "no refusal is expected here"
    inbox.secrets[number] = endpoint.secret
    for each in DESTINATIONS:
        wallet = {"object": "mobile_wallet", "phone": each.phone, "currency": each.currency}
        account = {"account": tenant.id, "external_account": wallet}
        made = await client.call("external_accounts.create", account, f"wallet {each.phone}")
        assert made is not None, "no refusal is expected here"
        client.destinations[each.phone] = made.id


async def _compare(
    report: Report, stack: Stack, schemas: Sequence[str], inbox: Inbox
) -> list[Violation]:
    """Read all books, and say where they disagree."""
    report.attempts = books.attempts(stack.state / "sandbox")
    connection = await asyncpg.connect(stack.database_url)
    try:
        report.ours = await ours.ours(connection, schemas)
    finally:
        await connection.close()
    report.left_to_people = len(unexplained(report.attempts, report.ours))
    report.deliveries = inbox.deliveries
    diary = report.diary
    return [
        *audit(report.attempts, report.ours, diary.acknowledged, inbox.received),
        *(Violation("refused", what, "") for what in diary.refused),
        *(Violation("unanswered", what, "") for what in diary.unanswered),
        *(Violation("forged", "webhooks", f"{inbox.forged}") for _ in range(min(inbox.forged, 1))),
    ]


async def _replay(clients: Sequence[Client], report: Report, at_once: int) -> list[Violation]:
    """Use every key once more: the answer must be the one that was given, byte for byte."""
    violations = []
    waiting = iter(report.diary.acknowledged)

    async def work() -> None:
        for told in waiting:
            answer = await clients[told.merchant].again(told.call)
            report.replayed += 1
            if (answer.status, digest(answer.body)) != (told.status, told.digest):
                violations.append(_other_answer(told, answer.status, answer.body))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return violations


def _other_answer(told: Acknowledged, status: int, body: bytes) -> Violation:
    detail = f"{told.status} {told.shown} became {status} {body[:1000]!r}"
    return Violation("key", f"{told.call.method} {told.call.key}", detail)
