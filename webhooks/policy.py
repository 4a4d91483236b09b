"""How patient we are with merchants' endpoints, as data. Times are in seconds."""

import random
from dataclasses import dataclass, field

from processor.breaker import Limits

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Policy:
    """The defaults are production's; tests have less time."""

    # Before the second attempt, the third, ...: 12 attempts over three days.
    retries: tuple[float, ...] = (
        *(5.0, 30.0, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE),
        *(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, DAY),
    )
    jitter: float = 0.1  # a delay grows by up to this part, so that failures spread out
    disable_after: float = 5 * DAY  # of nothing but failures

    answer_within: float = 10.0
    connect_within: float = 5.0
    lease: float = 30.0  # what a worker had claimed comes due again so long after its death
    renew_every: float = 10.0  # while it lives it keeps what it has claimed
    poll: float = 0.1  # between looks at an idle queue
    pause: float = 0.02  # after a look that did not find a whole parcel, for more to arrive
    record_every: float = 0.2  # while the rest of a parcel waits for slow answers

    # What one worker holds at once. A parcel is what one endpoint gets in one claim.
    parcel: int = 128
    endpoint_requests: int = 16
    endpoint_claimed: int = 256
    tenant_claimed: int = 512
    claimed: int = 2048

    breaker: Limits = field(default_factory=lambda: Limits(longest_rest=2 * MINUTE))

    def delay(self, attempt: int, retry_after: float) -> float | None:
        """Seconds between attempt number `attempt` (from 1) and the next; None: there is none.

        An endpoint that asks for more time than the schedule gives gets it.
        """
        if attempt > len(self.retries):
            return None
        scheduled = self.retries[attempt - 1] * (1 + random.uniform(0, self.jitter))  # noqa: S311
        return max(scheduled, retry_after)
