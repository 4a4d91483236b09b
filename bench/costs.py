"""What a piece of work costs the machine: processor time, bytes of write-ahead log, flushes of it.

Processor time is read from Linux's /proc, for the processes of the stack and for PostgreSQL with
all its backends. It hardly depends on what else the machine does, which rates do.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.stack import Stack, in_database

# The parts of a stack, by the command that each runs.
_PARTS = {"serve": "api", "worker": "worker", "sandbox": "sandbox"}

# A backend hands its counts over when a transaction ends, or at the latest after a second; asking
# for them ends one.
_WAL = """
select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes,
       (select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal') as flushes
"""


@dataclass(slots=True)
class Costs:
    """What was used between two moments."""

    seconds: dict[str, float]  # of a processor, by part of the stack
    wal_bytes: int
    flushes: int

    def each(self, count: int) -> dict[str, float]:
        """The costs of one of `count` pieces of work, as members of a line."""
        spent = {
            f"{part}_cpu_ms": round(seconds * 1e3 / count, 3)
            for part, seconds in self.seconds.items()
        }
        return spent | {
            "wal_bytes": round(self.wal_bytes / count),
            "fsyncs": round(self.flushes / count, 3),
        }


@contextmanager
def counted(stack: Stack) -> Iterator[Costs]:
    """Costs that are filled in when the block ends."""
    costs = Costs({}, 0, 0)
    before, wal = _processor_seconds(stack), _wal(stack)
    yield costs
    after, wal_after = _processor_seconds(stack), _wal(stack)
    costs.seconds = {part: after[part] - before[part] for part in before}
    costs.wal_bytes, costs.flushes = (now - then for now, then in zip(wal_after, wal, strict=True))


def _wal(stack: Stack) -> tuple[int, int]:
    async def read(connection: asyncpg.Connection) -> tuple[int, int]:
        row = await connection.fetchrow(_WAL)
        return int(row["bytes"]), int(row["flushes"])

    found: tuple[int, int] = in_database(stack.database_url, read)
    return found


@contextmanager
def paused(stack: Stack, part: str) -> Iterator[None]:
    """Let a part of the stack stand still until the block ends."""
    [pid] = [pid for pid, name in parts(stack).items() if name == part]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def parts(stack: Stack) -> dict[int, str]:
    """The processes of the stack, and what each is."""
    found: dict[int, str] = {}
    for pid in _children(stack.pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        for command, part in _PARTS.items():
            if command in words:
                found[pid] = part
    return found


def _processor_seconds(stack: Stack) -> dict[str, float]:
    """Seconds of a processor that each part of the stack has used since it started."""
    seconds = {part: _seconds(pid) for pid, part in parts(stack).items()}
    return seconds | {"postgres": sum(map(_seconds, postgres(stack)))}


def postgres(stack: Stack) -> list[int]:
    """The processes of PostgreSQL, the first of which started the others."""
    postmaster = int((stack.state / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    return [postmaster, *_children(postmaster)]


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds(pid: int) -> float:
    """Of a process and of its children that have ended, in user and kernel mode: the fields utime
    to cstime of `man 5 proc_pid_stat`. One that has just ended is counted with its parent."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
