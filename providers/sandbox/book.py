"""A sandbox PSP's own durable record: the money it moved and the state of its resources."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import time
from typing import Any, Literal

import msgspec


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """Money that really moved between a payer and the PSP. A hold is not a movement."""

    reference: str  # what the client calls this movement; one reference should move money once
    amount: int  # minor units
    currency: str  # ISO 4217, lower case
    direction: Literal["in", "out"]  # in: taken from the payer; out: given to the payer
    kind: str  # "charge", "refund", "payout"
    payer: str  # MSISDN or card token
    at: float = msgspec.field(default_factory=time)  # unix seconds


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file. What it holds becomes true together or not at all."""

    resources: dict[str, dict[str, dict[str, Any]]] = {}  # kind -> id -> whole new state
    movements: list[Movement] = []


class Book:
    """Append-only JSON lines, one `Change` each, replayed when the book is opened.

    A change reaches the operating system before `write` first yields, so a killed sandbox loses
    nothing that anybody could have seen; `write` returns once it is on the disk too.
    """

    def __init__(self, path: Path | None, *, fsync: bool = True) -> None:
        """`path` None keeps the book in memory. `fsync` False is for measurements only."""
        self._resources: dict[str, dict[str, dict[str, Any]]] = {}
        self._movements: list[Movement] = []
        self._by_reference: dict[str, list[Movement]] = {}
        self._encoder = msgspec.json.Encoder()
        self._fsync = fsync
        self._written = self._synced = 0  # bytes of the file
        self._sync_turn = asyncio.Lock()
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._replay(path)
            self._file = path.open("ab", buffering=0)

    def _replay(self, path: Path) -> None:
        content = path.read_bytes() if path.exists() else b""
        # Nobody was answered on the strength of a torn last line: it was still being written.
        whole, newline, torn = content.rpartition(b"\n")
        if torn:
            os.truncate(path, len(whole) + len(newline))
        for line in whole.splitlines():
            self._apply(msgspec.json.decode(line, type=Change))

    def _apply(self, change: Change) -> None:
        for kind, states in change.resources.items():
            self._resources.setdefault(kind, {}).update(states)
        for movement in change.movements:
            self._movements.append(movement)
            self._by_reference.setdefault(movement.reference, []).append(movement)

    async def write(
        self,
        resources: Mapping[str, dict[str, dict[str, Any]]] | None = None,
        movements: Iterable[Movement] = (),
    ) -> None:
        """Record new states (kind -> id -> state) and movements, atomically; return when durable.

        The change is visible to readers at once, so that a handler which checks and writes without
        awaiting in between can't be overtaken by a concurrent request.
        """
        change = Change(dict(resources or {}), list(movements))
        line = self._encoder.encode(change) + b"\n"
        # Through JSON even in memory: a state is a copy, and the same after a restart.
        self._apply(msgspec.json.decode(line, type=Change))
        if self._file is None:
            return
        self._file.write(line)
        self._written += len(line)
        if self._fsync:
            await self._sync(self._written)

    async def _sync(self, position: int) -> None:
        # Whoever gets the turn syncs for everybody who wrote before: one fsync per burst.
        async with self._sync_turn:
            if self._file is None or self._synced >= position:
                return
            target = self._written
            await asyncio.to_thread(os.fsync, self._file.fileno())
            self._synced = target

    def resource(self, kind: str, id: str) -> dict[str, Any] | None:
        """The latest state of a resource, or None. Treat it as read-only: write a new one."""
        return self._resources.get(kind, {}).get(id)

    def resources(self, kind: str) -> Mapping[str, dict[str, Any]]:
        """Every resource of a kind by id, oldest first. Read-only."""
        return self._resources.get(kind, {})

    def movements(self, reference: str | None = None) -> list[Movement]:
        """The movements of one reference, or all of them, oldest first."""
        if reference is None:
            return list(self._movements)
        return list(self._by_reference.get(reference, ()))

    def moved_more_than_once(self) -> dict[str, int]:
        """References whose money moved several times, with the count. Must always be empty."""
        return {
            reference: len(movements)
            for reference, movements in self._by_reference.items()
            if len(movements) > 1
        }

    def close(self) -> None:
        """Release the file. Nothing may be written afterwards."""
        if self._file is not None:
            self._file.close()
            self._file = None
