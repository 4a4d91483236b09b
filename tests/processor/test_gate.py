"""The way to a provider account: whose turn it is, and how many go at once and in a second."""

import asyncio
from dataclasses import dataclass, field

import pytest

from processor.routing.accounts import Account
from processor.routing.directory import Directory
from processor.routing.gate import Gate
from processor.routing.router import Router
from providers.boundary import Answer, Charge, Verdict, impossible


@dataclass
class Clock:
    """A clock that stands still until the test moves it."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Calls:
    """Calls through a gate, each of which lasts until the test ends it."""

    gate: Gate
    sent: list[str] = field(default_factory=list)  # in the order in which they went
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    endings: list[asyncio.Event] = field(default_factory=list)

    async def _call(self, tenant: str, name: str) -> None:
        await self.gate.enter(tenant)
        try:
            self.sent.append(name)
            ending = asyncio.Event()
            self.endings.append(ending)
            await ending.wait()
        finally:
            self.gate.leave(tenant)

    async def arrive(self, tenant: str, count: int = 1) -> None:
        for number in range(count):
            call = self._call(tenant, f"{tenant}{number}")
            self.tasks.append(asyncio.ensure_future(call))
        await settled()

    async def end(self, count: int = 1) -> None:
        """End the calls that have been under way longest."""
        for ending in self.endings[:count]:
            ending.set()
        del self.endings[:count]
        await settled()

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_charge_goes_next_whatever_another_tenant_has_queued() -> None:
    calls = Calls(Gate(4))
    await calls.arrive("a", 1000)
    await calls.arrive("b")
    # Three quarters of the places are all that one tenant gets, so the other does not even wait.
    assert calls.sent == ["a0", "a1", "a2", "b0"]
    await calls.arrive("b", 1)
    await calls.end(1)
    assert calls.sent[4:] == ["a3"]
    await calls.end(3)
    await calls.stop()


async def test_tenants_take_turns() -> None:
    calls = Calls(Gate(2))
    await calls.arrive("x", 1)
    await calls.arrive("y", 1)
    await calls.arrive("a", 100)
    await calls.arrive("b", 2)
    await calls.arrive("c", 1)
    assert calls.sent == ["x0", "y0"]
    for _ in range(6):
        await calls.end()
    assert calls.sent[2:] == ["a0", "b0", "c0", "a1", "b1", "a2"]
    await calls.stop()


async def test_a_tenants_own_account_is_all_its_own() -> None:
    calls = Calls(Gate(4, shared=False))
    await calls.arrive("a", 10)
    assert len(calls.sent) == 4
    await calls.stop()


async def test_an_account_with_one_place_can_be_used() -> None:
    calls = Calls(Gate(1))
    await calls.arrive("a", 2)
    await calls.arrive("b", 1)
    await calls.end()
    await calls.end()
    assert calls.sent == ["a0", "a1", "b0"]
    await calls.stop()


async def test_who_gives_up_leaves_the_queue_and_no_place_is_lost() -> None:
    calls = Calls(Gate(1))
    await calls.arrive("a", 4)
    calls.tasks[1].cancel()  # while waiting
    await settled()
    # While its turn comes: it has the place already, and has to give it on.
    calls.endings.pop().set()
    await asyncio.sleep(0)
    calls.tasks[2].cancel()
    await settled()
    assert calls.sent == ["a0", "a3"]
    await calls.stop()
    await calls.arrive("b", 1)
    assert calls.sent[-1] == "b0"
    await calls.stop()


async def test_a_rate_is_kept_and_turns_are_kept_within_it() -> None:
    clock = Clock()
    calls = Calls(Gate(100, per_second=50, clock=clock))
    await calls.arrive("a", 50)
    await calls.arrive("b", 2)
    assert calls.sent == ["a0", "a1", "a2", "a3", "a4"]  # a burst of a tenth of a second
    clock.now += 0.09
    await calls.end(5)
    assert calls.sent[5:] == ["a5", "b0", "a6", "b1"]
    clock.now += 100
    await calls.end(4)
    assert len(calls.sent) == 14  # a pause earns no more than a burst
    await calls.stop()


async def test_a_look_up_goes_at_once_and_is_counted() -> None:
    clock = Clock()
    gate = Gate(10, per_second=10, clock=clock)
    for _ in range(3):
        gate.count()
    calls = Calls(gate)
    await calls.arrive("a", 1)
    assert calls.sent == []
    clock.now += 0.2
    await calls.arrive("a", 1)
    assert calls.sent == []
    clock.now += 0.11
    await calls.arrive("a", 1)
    assert calls.sent == ["a0"]
    await calls.stop()


@pytest.mark.parametrize("places", [1, 2, 3, 64])
async def test_all_places_are_used_and_never_more(places: int) -> None:
    calls = Calls(Gate(places))
    for tenant in ("a", "b", "c", "d"):
        await calls.arrive(tenant, 50)
    assert len(calls.endings) == places
    for _ in range(200 // places + 1):
        assert len(calls.endings) <= places
        await calls.end(places)
    assert len(calls.sent) == 200
    await calls.stop()


@dataclass
class Psp:
    """A provider that answers each charge when it is told to."""

    sent: list[str] = field(default_factory=list)
    answers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def charge(self, charge: Charge) -> Answer:
        self.sent.append(charge.reference)
        await self.answers.acquire()
        return Answer(Verdict.SUCCEEDED)


async def test_the_router_sends_each_tenants_charges_in_its_turn() -> None:
    psp = Psp()
    account = Account("psp", "mtn", psp, livemode=False, concurrency=2)
    router = Router(Directory(None, None, None, "", {"psp": account}), None)
    charges = [("a", f"a{number}") for number in range(100)] + [("b", "b0"), ("c", "c0")]
    answers = [
        asyncio.ensure_future(
            router.charge("psp", Charge(reference, 500, "xaf", "+237670000000", ""), tenant)
        )
        for tenant, reference in charges
    ]
    await settled()
    assert psp.sent == ["a0", "b0"]
    for _ in answers:
        psp.answers.release()
        await settled()
    assert psp.sent[2:5] == ["a1", "c0", "a2"]
    assert {answer.verdict for answer in await asyncio.gather(*answers)} == {Verdict.SUCCEEDED}


class Narrow:
    """A provider whose rail takes nothing of what it is asked."""

    async def charge(self, _: Charge) -> Answer:
        return impossible("Not on this rail.")


async def test_what_a_rail_cannot_do_says_nothing_of_its_providers_health() -> None:
    account = Account("narrow", "mtn", Narrow(), livemode=False)
    router = Router(Directory(None, None, None, "", {"narrow": account}), None)
    for number in range(50):
        charge = Charge(f"c{number}", 500, "xaf", "+237670000000", "")
        answer = await router.charge("narrow", charge, "a")
        assert answer.verdict is Verdict.NOT_SENT
    assert account.state("charge") == "closed"
