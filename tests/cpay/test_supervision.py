"""Supervision, with real processes: `cpay sandbox` needs no database and answers over HTTP."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cpay.dev import free_port
from cpay.supervision import END_WITH_PARENT, Child, Keeper

ROOT = Path(__file__).parents[2]


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline, f"not within 15 s: {what}"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "CPAY_STATE_DIR": str(tmp_path)}


@pytest.fixture
def sandbox(port: int, environment: dict[str, str], tmp_path: Path) -> Iterator[Child]:
    child = Child(["sandbox", "--port", str(port)], environment, tmp_path / "logs" / "sandbox.log")
    yield child
    child.stop()


def test_a_child_answers_and_ends_when_asked(sandbox: Child, port: int) -> None:
    assert sandbox.pid is None
    sandbox.start()
    eventually(lambda: answers(port), "the sandbox answers")
    pid = sandbox.pid
    assert pid is not None
    sandbox.stop()
    assert sandbox.pid is None
    assert not runs(pid)
    assert "Finished server process" in sandbox.last_line()


def test_a_child_that_ignores_sigterm_is_killed(
    port: int, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "sandbox.log"
    sandbox = Child(["sandbox", "--port", str(port)], environment, log, stop_seconds=0.3)
    sandbox.start()
    eventually(lambda: answers(port), "the sandbox answers")
    pid = sandbox.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # it can't react to anything now
    sandbox.stop()
    assert not runs(pid)


def test_the_keeper_starts_a_killed_child_again_but_not_at_once(sandbox: Child, port: int) -> None:
    keeper = Keeper("sandbox", sandbox)
    sandbox.start()
    eventually(lambda: answers(port), "the sandbox answers")
    assert not keeper.tend()
    first = sandbox.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: sandbox.pid is None, "the child is dead")
    assert not keeper.tend(), "a program that can't start must not be started in a tight loop"
    eventually(keeper.tend, "the keeper starts it again")
    assert sandbox.pid not in (None, first)
    eventually(lambda: answers(port), "the new one answers")


def test_a_failed_child_leaves_its_reason(environment: dict[str, str], tmp_path: Path) -> None:
    wrong = Child(["sandbox", "nobody"], environment, tmp_path / "logs" / "wrong.log")
    assert wrong.run() == 1
    assert wrong.last_line().startswith("There is no sandbox PSP 'nobody'")


def test_a_process_ends_after_its_killed_parent(
    port: int, environment: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from cpay.supervision import Child\n"
        "child = Child(['sandbox', '--port', sys.argv[1]], dict(os.environ), Path(sys.argv[2]))\n"
        "child.start()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(port), str(tmp_path / "sandbox.log")]
    parent = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    eventually(lambda: answers(port), "the sandbox answers")
    parent.kill()
    parent.communicate()
    eventually(lambda: not answers(port), "the orphan stops answering")
    eventually(lambda: not runs(child) or is_zombie(child), "the orphan is gone")


def is_zombie(pid: int) -> bool:
    """A machine whose first process reaps nobody keeps the dead on its list."""
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_a_process_whose_parent_died_before_it_looked_ends_too(
    port: int, environment: dict[str, str]
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    command = [sys.executable, "-m", "cpay", "sandbox", "--port", str(port)]
    orphan = subprocess.Popen(
        command, env=environment | {END_WITH_PARENT: str(gone.pid)}, stdout=subprocess.DEVNULL
    )
    assert orphan.wait(15) != 0
