"""How many calls go to one provider account at once and in a second, and whose turn it is.

Tenants that share an account take turns: one that has a hundred thousand charges to send delays
another's only charge by the calls that are already on their way, and never has all the places. Who
waits too long gives up (`router.QUEUE_SECONDS`), before the janitor could believe that a charge
that is still waiting here was never sent.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

# Of the places of an account that tenants share, one tenant has at most this part at once.
SHARE = 0.75

# A bound on the rate allows so many seconds' worth of calls at once after a pause.
BURST_SECONDS = 0.1


class Gate:
    """The way to one provider account, from one process."""

    def __init__(
        self,
        places: int,
        per_second: float | None = None,
        *,
        shared: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`places`: calls at once. `per_second`: calls in a second; None: any number. `shared`:
        several tenants use the account."""
        self._places = places
        self._most = max(1, int(places * SHARE)) if shared else places
        self._clock = clock
        self._under_way: Counter[str] = Counter()
        # Who waits, by tenant, in the order of the tenants' turns.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._per_second = per_second
        self._burst = max(1.0, (per_second or 0.0) * BURST_SECONDS)
        self._calls = self._burst  # that may be made now; below zero: look-ups went ahead
        self._counted_at = clock()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, tenant: str) -> None:
        """Wait for a place and a turn. Whoever enters has to `leave`."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn came at the very moment of giving up
                self.leave(tenant)
            raise

    def leave(self, tenant: str) -> None:
        """Give the place to whoever is next."""
        self._under_way[tenant] -= 1
        if not self._under_way[tenant]:
            del self._under_way[tenant]
        self._admit()

    def count(self) -> None:
        """Count a call that does not wait: truth has to come through. Others wait for it."""
        if self._per_second is not None:
            self._refill()
            self._calls -= 1

    def _admit(self) -> None:
        """Let in whoever may go now."""
        while (tenant := self._next()) is not None:
            if not self._may_call():
                return
            turns = self._waiting[tenant]
            turn = turns.popleft()
            self._waiting.move_to_end(tenant)
            if not turns:
                del self._waiting[tenant]
            self._under_way[tenant] += 1
            self._calls -= self._per_second is not None
            turn.set_result(None)

    def _next(self) -> str | None:
        """The first tenant in turn that waits and may have another place."""
        if self._under_way.total() >= self._places:
            return None
        for tenant, turns in list(self._waiting.items()):
            while turns and turns[0].done():  # gave up
                turns.popleft()
            if not turns:
                del self._waiting[tenant]
            elif self._under_way[tenant] < self._most:
                return tenant
        return None

    def _may_call(self) -> bool:
        """Whether the rate allows a call now; if not, look again when it does."""
        if self._per_second is None:
            return True
        self._refill()
        if self._calls >= 1:
            return True
        if self._timer is None:
            seconds = (1 - self._calls) / self._per_second
            self._timer = asyncio.get_running_loop().call_later(seconds, self._look_again)
        return False

    def _look_again(self) -> None:
        self._timer = None
        self._admit()

    def _refill(self) -> None:
        assert self._per_second is not None
        now = self._clock()
        earned = (now - self._counted_at) * self._per_second
        self._calls = min(self._burst, self._calls + earned)
        self._counted_at = now
