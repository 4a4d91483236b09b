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

    def exceeded(self, calls: int, failures: int) -> bool:
        """Whether so many failures among so many calls of a window open a breaker."""
        return calls >= self.least_calls and failures >= self.failure_rate * calls


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
    def calls(self) -> int:
        """How many calls the window holds."""
        self._slide(self.clock())
        return len(self._calls)

    @property
    def failures(self) -> int:
        """How many of them brought no answer."""
        self._slide(self.clock())
        return self._failures

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
                self.close()
            else:
                self._trip(now)
            return
        self._calls.append((now, answered))
        self._failures += not answered
        self._slide(now)
        if self.limits.exceeded(len(self._calls), self._failures):
            self._trip(now)

    def open_for(self, seconds: float) -> None:
        """Open, because others have seen the failures, until `seconds` from now."""
        self._open_until = self.clock() + seconds
        self._calls.clear()
        self._failures = self._probing = 0

    def close(self) -> None:
        """Let calls pass again."""
        self._open_until, self._rest, self._probing = None, 0.0, 0

    def abandon(self) -> None:
        """An allowed call was cancelled before anything was known."""
        self._probing = max(0, self._probing - 1)

    def _trip(self, now: float) -> None:
        self._rest = min(self._rest * 2 or self.limits.rest, self.limits.longest_rest)
        self._open_until = now + self._rest
        self._calls.clear()
        self._failures = 0

    def _slide(self, now: float) -> None:
        while self._calls and self._calls[0][0] < now - self.limits.window:
            self._failures -= not self._calls.popleft()[1]
