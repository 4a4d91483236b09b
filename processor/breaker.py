"""A circuit breaker for calls to one provider account and operation.

It opens when too many calls of a sliding window failed to reach an answer, rests, then lets a few
probes through. Refusals are answers and never count. Look-ups are never put behind it.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker opens and how it comes back. Times in seconds."""

    window: float = 30.0
    least_calls: int = 10
    failure_rate: float = 0.5
    rest: float = 5.0
    longest_rest: float = 120.0
    probes: int = 3


@dataclass(slots=True)
class Breaker:
    """Closed: calls pass and are counted. Open: none pass. Half open: `probes` may pass at once."""

    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic
    _calls: deque[tuple[float, bool]] = field(default_factory=deque)
    _failures: int = 0  # among them
    _open_until: float | None = None
    _rest: float = 0.0
    _probing: int = 0

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`."""
        if self._open_until is None:
            return "closed"
        return "open" if self.clock() < self._open_until else "half_open"

    def allow(self) -> bool:
        """Whether a call may be made now. Who is allowed must report, or call `abandon`."""
        state = self.state
        if state == "half_open" and self._probing < self.limits.probes:
            self._probing += 1
            return True
        return state == "closed"

    def report(self, *, answered: bool) -> None:
        """Tell how an allowed call ended: with an answer of any kind, or without."""
        now = self.clock()
        if self._open_until is not None:
            self._probing = max(0, self._probing - 1)
            if now < self._open_until:
                return  # a call from before it opened: counting it would lengthen the rest
            if answered:
                self._close()
            else:
                self._trip(now)
            return
        self._calls.append((now, answered))
        self._failures += not answered
        while self._calls[0][0] < now - self.limits.window:
            self._failures -= not self._calls.popleft()[1]
        calls = len(self._calls)
        enough = calls >= self.limits.least_calls
        if enough and self._failures >= self.limits.failure_rate * calls:
            self._trip(now)

    def abandon(self) -> None:
        """An allowed call was cancelled before anything was known."""
        self._probing = max(0, self._probing - 1)

    def _trip(self, now: float) -> None:
        self._rest = min(self._rest * 2 or self.limits.rest, self.limits.longest_rest)
        self._open_until = now + self._rest
        self._calls.clear()
        self._failures = 0

    def _close(self) -> None:
        self._open_until, self._rest, self._probing = None, 0.0, 0
