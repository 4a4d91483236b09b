"""How a sandbox PSP knocks at its client's door, or fails to."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from .script import CallbackBehaviour, Step

# Built once: a TLS context costs more than a callback. Certificates of test receivers are not
# checked, because nothing secret is in a callback and nothing it says is believed.
_TLS = httpx.create_ssl_context(verify=False)


@dataclass(frozen=True, slots=True)
class Callback:
    """One HTTP request to the client of the PSP."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    repeats: int = 0  # how often it is sent again as long as it is not answered with a 2xx
    pause: float = 0.0  # seconds before each repeat


class Callbacks:
    """Sends callbacks in the background, as a step of the script wants.

    Like its script, what is waiting here dies with the process: callbacks get lost in real life
    too, which is why nobody may depend on them.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_one = asyncio.Event()  # set, then replaced, whenever a callback was sent

    def send(self, callback: Callback, step: Step) -> None:
        """Send `callback` as `step` says; returns at once."""
        if step.callback is not CallbackBehaviour.LOST:
            self.run(self._deliver(callback, step))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background and keep it alive until it is done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, callback: Callback, step: Step) -> None:
        if step.callback is CallbackBehaviour.LATE:
            await asyncio.sleep(step.callback_seconds)
        if step.callback is CallbackBehaviour.REORDERED:
            await self._wait_for_another(step.callback_seconds)
        heard = await self._post(callback)
        if step.callback is CallbackBehaviour.DOUBLED:
            heard = await self._post(callback)
        self._next_one.set()
        self._next_one = asyncio.Event()
        for _ in range(callback.repeats):
            if heard:
                return
            await asyncio.sleep(callback.pause)
            heard = await self._post(callback)

    async def _wait_for_another(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._next_one.wait()
        except TimeoutError:
            return

    async def _post(self, callback: Callback) -> bool:
        """Send it; whether the client took it."""
        async with httpx.AsyncClient(verify=_TLS, trust_env=False, timeout=10) as client:
            try:
                answer = await client.request(
                    callback.method,
                    callback.url,
                    content=callback.body,
                    headers={"content-type": "application/json", **callback.headers},
                )
            except (httpx.HTTPError, httpx.InvalidURL):
                return False  # nobody was there: the client has to look up
        return answer.is_success
