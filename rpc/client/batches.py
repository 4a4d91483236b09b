"""The course of a batch, however long: cut into parts, sent, counted."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .calls import AnyCall, Call, Outcome, as_call
from .conversations import Conversation, Manners, batch
from .errors import NotSentError, RpcError

PART_CALLS = 500
PART_BYTES = 1_000_000
LINKED_CALLS = 1_000  # as many as the server takes at once

Pairs = list[tuple[Call, Outcome]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is. Printed, it is a sentence."""

    done: int  # calls with an outcome
    failed: int  # of those, with an error
    total: int | None  # None if the calls can't be counted beforehand
    seconds: float  # since the beginning

    @property
    def rate(self) -> float:
        """Calls in a second."""
        return self.done / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        of = f" of {self.total:,}" if self.total is not None else ""
        return f"{self.done:,}{of} calls, {self.failed:,} failed, {self.rate:,.0f}/s"


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbours in a batch that are sent together."""

    first: int  # position in the batch
    calls: list[Call]
    encoded: list[bytes]


class Batch:
    """What is sent next, and what has come of it."""

    def __init__(
        self,
        manners: Manners,
        calls: object,
        *,
        name: str | None = None,
        linked: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._manners = manners
        self._name = name
        self._linked = linked
        self._progress = progress
        self._total = len(calls) if isinstance(calls, Sequence) else None
        self._began = time.monotonic()
        self._added = self._done = self._failed = self._size = 0
        self._part = Part(0, [], [])
        self._closed: RpcError | None = None  # why nothing more is sent

    def parts(self, calls: Iterable[AnyCall]) -> Iterator[Part]:
        """The calls, cut into parts."""
        for call in calls:
            yield from self.add(call)
        yield from self.rest()

    def add(self, given: AnyCall) -> list[Part]:
        """Take one more call. Gives the part that is complete without it, if one is."""
        call = as_call(given).keyed(f"{self._name}/{self._added}" if self._name else None)
        encoded = call.encoded()
        if self._linked:
            complete = []
            if self._added == LINKED_CALLS:
                raise ValueError(f"a linked batch has at most {LINKED_CALLS} calls")
        else:
            full = len(self._part.calls) == PART_CALLS or self._size + len(encoded) > PART_BYTES
            complete = self.rest() if full else []
        self._part.calls.append(call)
        self._part.encoded.append(encoded)
        self._added += 1
        self._size += len(encoded)
        return complete

    def rest(self) -> list[Part]:
        """The part that is not complete, if it has any calls."""
        part, self._part, self._size = self._part, Part(self._added, [], []), 0
        return [part] if part.calls else []

    def conversation(self, part: Part) -> Conversation:
        """How a part is sent."""
        if self._closed is not None:
            message = f"Not sent, after an earlier call met with: {self._closed}"
            error = {"type": "api_connection_error", "message": message}
            return [NotSentError(0, error)] * len(part.calls)
        headers = {}
        if self._name is not None:
            headers = {"Batch-Id": self._name, "Batch-First": str(part.first)}
        return (
            yield from batch(
                self._manners,
                part.encoded,
                headers,
                whole=self._linked or self._name is not None,
                linked=self._linked,
            )
        )

    def finished(self, part: Part, outcomes: Sequence[Outcome]) -> Pairs:
        """A part has its outcomes. Gives them with their calls, once they are counted."""
        errors = [outcome for outcome in outcomes if isinstance(outcome, RpcError)]
        self._done += len(outcomes)
        self._failed += len(errors)
        if len(errors) == len(outcomes) and errors[0].status in (0, 401, 403):
            self._closed = self._closed or errors[0]
        if self._progress is not None:
            seconds = time.monotonic() - self._began
            self._progress(Progress(self._done, self._failed, self._total, seconds))
        return list(zip(part.calls, outcomes, strict=True))
