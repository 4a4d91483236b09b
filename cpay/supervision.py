"""Keep processes running: start them, notice that one died, start it again, stop them in order."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

# A supervisor's process id in this variable asks a process to end when that supervisor is gone.
END_WITH_PARENT = "CPAY_END_WITH_PARENT"
STOP_SECONDS = 15.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_LOG_BYTES = 16 * 1024 * 1024


class Startable(Protocol):
    """What can be kept running: a child process, or the embedded PostgreSQL."""

    @property
    def pid(self) -> int | None:
        """Process id; None when it does not run."""

    def start(self) -> None:
        """Start it unless it runs."""

    def stop(self) -> None:
        """End it and wait for the end."""


class Child:
    """A `cpay` subcommand in a process of its own, whose output goes to a log file."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        log: Path,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self.log = log
        self._stop_seconds = stop_seconds
        self._arguments = arguments
        self._environment = environment | {END_WITH_PARENT: str(os.getpid())}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id; None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process unless it runs; it is not ready yet when this returns."""
        if self.pid is not None:
            return
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # this program again
                [sys.executable, "-m", "cpay", *self._arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal is for the supervisor alone, which stops us in order.
                start_new_session=True,
            )

    def run(self) -> int:
        """Run the process to its end and return its exit code."""
        self.start()
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """Ask the process to end, and kill it when it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_line(self) -> str:
        """Return the last line of the log that says something, for an error message."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


class Keeper:
    """Starts something again whenever it died, waiting longer each time it dies young."""

    def __init__(self, name: str, kept: Startable) -> None:
        self.name = name
        self.kept = kept
        self._pause = _FIRST_PAUSE
        self._started = time.monotonic()
        self._start_at: float | None = None

    def tend(self) -> bool:
        """Look once; call it a few times a second. True when it was started again just now."""
        now = time.monotonic()
        if self.kept.pid is not None:
            if now - self._started > 2 * _LONGEST_PAUSE:
                self._pause = _FIRST_PAUSE
            return False
        if self._start_at is None:
            self._start_at = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        if now < self._start_at:
            return False
        self._start_at, self._started = None, now
        self.kept.start()
        return True


def end_with_parent() -> None:
    """End this process when the supervisor that asked for it is gone, even by kill -9.

    Looking at the parent twice a second works on every system and, unlike Linux's signal at a
    parent's death, does not depend on which of its threads started us.
    """
    parent = os.environ.get(END_WITH_PARENT, "")
    if parent.isdigit():
        threading.Thread(target=_watch_parent, args=(int(parent),), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)  # it did not end when asked
