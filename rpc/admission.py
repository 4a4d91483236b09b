"""How many batches may be in hand at once, so that no merchant's haste is another's delay."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from processor.errors import TooManyRequests

# Of each API process. A batch in hand holds at most its body, its calls and their answers.
OF_ONE_TENANT = 8
ALTOGETHER = 32
RETRY_AFTER_SECONDS = 1


class Admission:
    """Counts the batches in hand, and turns away those beyond the limits."""

    def __init__(self) -> None:
        self._in_hand: Counter[str] = Counter()

    @contextmanager
    def enter(self, schema: str) -> Iterator[None]:
        """Hold a place for a tenant's batch. Raises TooManyRequests."""
        if self._in_hand[schema] >= OF_ONE_TENANT:
            raise TooManyRequests(
                f"You have {OF_ONE_TENANT} batches at work already. Send the next when one of them"
                " has been answered.",
                code="rate_limit",
            )
        if self._in_hand.total() >= ALTOGETHER:
            raise TooManyRequests(
                "Too many batches are at work. Try again in a moment.", code="rate_limit"
            )
        self._in_hand[schema] += 1
        try:
            yield
        finally:
            self._in_hand[schema] -= 1
            if not self._in_hand[schema]:
                del self._in_hand[schema]
