"""The sandbox PSPs as seen by their control API: told to fail, and watched.

A PSP that was just killed is deaf to this; then the fault does not happen, and is not counted.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpx

from bench.chaos.plan import Psp

SECONDS_BETWEEN_RULES = 0.5
SECONDS_OF_WATCH = 10.0


class Weather:
    """Gives rules to the PSPs. `faults` counts those they took, by name."""

    def __init__(self, sandbox: str, http: httpx.AsyncClient) -> None:
        self._sandbox = sandbox
        self._http = http
        self.faults: Counter[str] = Counter()

    async def tell(self, psp: Psp, rule: dict[str, Any]) -> None:
        """Give a PSP a rule of the script."""
        with suppress(httpx.HTTPError):
            told = await self._http.post(f"{self._sandbox}/{psp}/control/script", json=rule)
            told.raise_for_status()
            operation = rule.get("operation", "charge")
            for what in ("fault", "outcome"):
                if what in rule:
                    self.faults[f"{operation}: {rule[what]}"] += 1
            if "callback" in rule:
                self.faults[f"callback: {rule['callback']}"] += 1

    async def change(self, rules: Iterable[tuple[Psp, dict[str, Any]]]) -> None:
        """Give rules one after the other, until cancelled or out of them."""
        for psp, rule in rules:
            await self.tell(psp, rule)
            await asyncio.sleep(SECONDS_BETWEEN_RULES)

    async def heard(self, psp: Psp, amount: int) -> bool:
        """Wait until the PSP has received a charge of this amount. False: not in time."""
        marks = (f"amount={amount}&", f'"amount":"{amount}"')
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_OF_WATCH):
                while True:
                    with suppress(httpx.HTTPError):
                        log = await self._http.get(f"{self._sandbox}/{psp}/control/requests")
                        bodies = [entry["body"].replace(" ", "") for entry in log.json()]
                        if any(mark in f"{body}&" for body in bodies for mark in marks):
                            return True
                    await asyncio.sleep(0.02)
        return False

    async def clear(self) -> None:
        """Let the PSPs behave from now on."""
        for psp in ("cards", "mtn"):
            await self._http.delete(f"{self._sandbox}/{psp}/control/script")
