"""End parts of a stack with SIGKILL; the stack's supervisor starts them again.

Processes are found in /proc as children of the supervisor: nothing but this stack can be hit, and
it takes Linux.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bench.chaos.plan import Part

_COMMANDS: dict[Part, str] = {
    "serve": "cpay serve",
    "worker": "cpay worker",
    "sandbox": "cpay sandbox",
    "postgres": "bin/postgres",
}
SECONDS_TO_COME_BACK = 60.0


class Killer:
    """Kills parts of one stack. `kills` counts them, `missing` names those that never came back,
    and `longest` says after how many seconds the slowest of each part ran again."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor
        self.kills: Counter[str] = Counter()
        self.missing: list[Part] = []
        self.longest: dict[Part, float] = {}

    def process_id(self, part: Part) -> int | None:
        """The process of this part right now; None while it is down."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
                # After the command in parentheses: state, then the parent's id (proc_pid_stat(5)).
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) != self._supervisor:
                    continue
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if _COMMANDS[part] in command:
                    return int(process.name)
        return None

    async def kill(self, part: Part, why: str) -> None:
        """Kill a part and wait until it runs again; one that does not is put on `missing`."""
        victim = await self._another(part, than=None)
        if victim is None:
            return
        with suppress(ProcessLookupError):  # somebody else's ambush was faster
            os.kill(victim, signal.SIGKILL)
            self.kills[f"{part}, {why}"] += 1
        killed = time.monotonic()
        await self._another(part, than=victim)
        self.longest[part] = max(self.longest.get(part, 0.0), time.monotonic() - killed)

    async def _another(self, part: Part, than: int | None) -> int | None:
        """Wait for a process of this part that is not `than`; None when none comes."""
        deadline = time.monotonic() + SECONDS_TO_COME_BACK
        while (found := self.process_id(part)) in (None, than):
            if time.monotonic() > deadline:
                self.missing.append(part)
                return None
            await asyncio.sleep(0.05)
        return found

    async def strike(
        self, parts: Sequence[Part], seed: int, reached: Callable[[float], Awaitable[None]]
    ) -> None:
        """Kill these parts one after the other, spread evenly over the run: `reached` waits until
        a part of it, from 0 to 1, is over. The moments in between are drawn from the seed."""
        moments = random.Random(seed)
        for number, part in enumerate(parts):
            await reached(number / len(parts))
            await asyncio.sleep(moments.uniform(0.2, 2.5))
            await self.kill(part, "any moment")
