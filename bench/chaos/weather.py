"""The sandbox PSPs as seen by their control API: told to fail, and watched.

A PSP that was just killed is deaf to this; then the fault does not happen, and is not counted.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle

import httpx

from bench.chaos.plan import Payment
from bench.chaos.trouble import Psp, Rule
from providers.sandbox.server import PSPS

SECONDS_BETWEEN_RULES = 0.5
_SECONDS_BETWEEN_LOOKS = 0.05


class Weather:
    """Gives rules to the PSPs. `faults` counts those they took, by name."""

    def __init__(self, sandbox: str, http: httpx.AsyncClient) -> None:
        self._sandbox = sandbox
        self._http = http
        self.faults: Counter[str] = Counter()

    async def tell(self, psp: Psp, rule: Rule) -> bool:
        """Give a PSP a rule of the script. False: it did not hear it."""
        try:
            told = await self._http.post(f"{self._sandbox}/{psp}/control/script", json=rule)
        except httpx.HTTPError:
            return False
        told.raise_for_status()
        operation = rule.get("operation", "charge")
        for what in ("fault", "outcome"):
            if what in rule:
                self.faults[f"{operation}: {rule[what]}"] += 1
        if "callback" in rule:
            self.faults[f"callback: {rule['callback']}"] += 1
        return True

    async def change(self, rules: Sequence[tuple[Psp, Rule]]) -> None:
        """Give rules one after the other, from the first again after the last, until cancelled."""
        for psp, rule in cycle(rules):
            if not await self._lasts(psp, rule["operation"]):
                await self.tell(psp, rule)
            await asyncio.sleep(SECONDS_BETWEEN_RULES)

    async def _lasts(self, psp: Psp, operation: str) -> bool:
        """Whether an earlier rule still waits for such calls. Rules would pile up before those that
        are rare, which would then fail for minutes."""
        return any(
            rule["operation"] == operation and rule["amount"] is None
            for rule in await self._rules(psp)
        )

    async def heard(self, payment: Payment, over: asyncio.Event) -> bool:
        """Wait until the PSP has the call in its hands that the payment's rule, which it was told,
        is for: from then on the rule is not in its script. False: the payment was over before."""
        while not over.is_set():
            if all(rule["amount"] != payment.amount for rule in await self._rules(payment.told)):
                return True
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        return False

    async def _rules(self, psp: Psp) -> list[Rule]:
        """The script of a PSP now, once it answers."""
        while True:
            with suppress(httpx.HTTPError):
                script = await self._http.get(f"{self._sandbox}/{psp}/control/script")
                rules: list[Rule] = script.json()["rules"]
                return rules
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def clear(self) -> None:
        """Let the PSPs behave from now on, once they have done what they were asked."""
        for psp in PSPS:
            url = f"{self._sandbox}/{psp}/control/script"
            (await self._http.delete(url, timeout=120)).raise_for_status()
