"""A client or a server that is killed in the middle of a batch: nothing twice, nothing lost."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Merchant, Stack, new_merchant, start_stack, stop_stack

from bench.chaos.kills import Killer
from rpc.client import AsyncClient, Progress, calls

ORDERS = 3_000

# Prints a line after each part, and the id of each outcome at the end.
CLIENT = f"""
import sys
from rpc.client import Client, calls
orders = (calls.payment_intents.create(amount=100 + n, currency="xaf") for n in range({ORDERS}))
client = Client(sys.argv[1], sys.argv[2], in_flight=2)
report = lambda progress: print(progress, flush=True)
for _, outcome in client.stream(orders, name="import-7", progress=report):
    assert outcome["amount"] >= 100, outcome
"""


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose parts may be killed."""
    process, stack = start_stack(tmp_path / "state")
    yield stack
    stop_stack(process)


def test_a_killed_client_that_begins_again_creates_nothing_twice(merchant: Merchant) -> None:
    command = [sys.executable, "-c", CLIENT, merchant.secret_key, merchant.stack.base]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert killed.stdout is not None
    killed.stdout.readline()  # two parts are on their way, and perhaps a third
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    made = merchant.rows("select count(*) from payment_intents")[0][0]
    assert 500 <= made < ORDERS
    subprocess.run(command, check=True)
    amounts = [row[0] for row in merchant.rows("select amount from payment_intents")]
    assert sorted(amounts) == [100 + number for number in range(ORDERS)]
    assert len(merchant.rows("select 1 from events")) == ORDERS


def test_a_killed_server_loses_nothing_that_it_acknowledged(fragile: Stack) -> None:
    merchant = new_merchant(fragile)
    killer = Killer(fragile.pid)
    orders = (
        calls.payment_intents.create(amount=100 + number, currency="xaf")
        for number in range(ORDERS)
    )

    async def send() -> list[str]:
        deaths: list[asyncio.Task[None]] = []

        def kill(_: Progress) -> None:
            """At the first news and at the third, while other parts are at work."""
            if len(deaths) in (0, 2):
                deaths.append(asyncio.create_task(killer.kill("serve", "in a batch")))
            else:
                deaths.append(asyncio.create_task(asyncio.sleep(0)))

        async with AsyncClient(merchant.secret_key, fragile.base, retries=30) as client:
            outcomes = [o async for _, o in client.stream(orders, progress=kill)]
        await asyncio.gather(*deaths)
        return [outcome["id"] for outcome in outcomes if isinstance(outcome, dict)]

    told = asyncio.run(send())
    assert killer.kills.total() == 2
    assert len(told) == len(set(told)) == ORDERS
    assert {row["id"] for row in merchant.rows("select id from payment_intents")} == set(told)
