"""`make run` as a person meets it: started, killed in every part, stopped, started wrongly."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from cpay.dev import free_port

ROOT = Path(__file__).parents[2]


class Stack:
    """One `cpay dev` with a state directory and a port of its own."""

    def __init__(self, state: Path, port: int) -> None:
        self.state, self.port = state, port
        self.file = state / "dev.json"
        self.process: subprocess.Popen[str] | None = None

    def launch(self) -> subprocess.Popen[str]:
        # What a shell runs in the background is deaf to Ctrl-C, and so would its children be.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cpay", "dev"],
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                "CPAY_STATE_DIR": str(self.state),
                "CPAY_PORT": str(self.port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def start(self) -> dict[str, str]:
        process = self.launch()
        eventually(lambda: self.dev() or process.poll() is not None, "dev.json is there")
        assert process.poll() is None, process.communicate()[0]
        return self.dev()

    def dev(self) -> dict[str, str]:
        """dev.json of the running process; empty before it is there, or while an old one is."""
        try:
            dev: dict[str, str] = json.loads(self.file.read_text())
        except FileNotFoundError:
            return {}
        return dev if self.process and dev["pid"] == self.process.pid else {}

    def end(self, signal_: int) -> tuple[int, str]:
        """Send a signal to the supervisor; return its exit code and all it printed."""
        assert self.process is not None
        self.process.send_signal(signal_)
        output, _ = self.process.communicate(timeout=120)
        return self.process.returncode, output

    def processes(self) -> dict[str, int]:
        """Everything that runs for this stack: command line -> process id."""
        mark, found = os.fsencode(self.state), {}
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != os.getpid():
                try:
                    command = (process / "cmdline").read_bytes()
                    if mark in command + (process / "environ").read_bytes():
                        line = command.replace(b"\0", b" ").decode().strip()
                        found[line] = int(process.name)
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue
        return found

    def process_id(self, part: str) -> int | None:
        return next((pid for line, pid in self.processes().items() if part in line), None)


def eventually(holds: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.fixture
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="cpay-dev-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL's account passes through when we are root
        stack = Stack(Path(folder, "state"), free_port())
        yield stack
        if stack.process and stack.process.poll() is None:
            stack.end(signal.SIGTERM)
        eventually(lambda: not stack.processes(), f"all ended: {stack.processes()}")


async def fetch(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def test_dev_json_appears_when_all_is_ready_and_goes_at_the_end(stack: Stack) -> None:
    dev = stack.start()
    assert is_ready(dev["api_base"])
    assert dev["api_base"] == f"http://127.0.0.1:{stack.port}"
    assert dev["dashboard_url"].startswith(dev["api_base"])
    assert int(dev["pid"]) == stack.process_id("cpay dev")
    assert {dev[name].partition("_test_")[0] for name in ("secret_key", "other_secret_key")} == {
        "sk"
    }
    assert dev["publishable_key"].startswith("pk_test_")
    assert dev["secret_key"] != dev["other_secret_key"]
    assert asyncio.run(fetch(dev["database_url"], "select current_user")) == "cpay"
    assert stack.file.stat().st_mode & 0o777 == 0o600
    code, output = stack.end(signal.SIGINT)
    assert code == 0
    assert dev["secret_key"] in output
    assert not stack.file.exists()
    assert stack.processes() == {}


def test_the_second_start_keeps_data_and_keys(stack: Stack) -> None:
    first = stack.start()
    stack.end(signal.SIGTERM)
    assert stack.start()["secret_key"] == first["secret_key"]


def test_every_killed_part_comes_back(stack: Stack) -> None:
    dev = stack.start()
    for part in ("cpay sandbox", "cpay worker", "cpay serve", "bin/postgres"):
        pid = stack.process_id(part)
        assert pid is not None, part
        os.kill(pid, signal.SIGKILL)
        eventually(lambda part=part, pid=pid: stack.process_id(part) not in (None, pid), part)
    eventually(lambda: is_ready(dev["api_base"]), "the API is ready again")


def test_a_killed_supervisor_leaves_nothing_and_hinders_nobody(stack: Stack) -> None:
    stack.start()
    stack.end(signal.SIGKILL)
    eventually(lambda: not stack.processes(), "every process ended")
    assert is_ready(stack.start()["api_base"])


def test_a_second_stack_on_the_same_data_is_refused(stack: Stack) -> None:
    dev = stack.start()
    second = Stack(stack.state, free_port()).launch()
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 1
    assert output == (
        f"CPay already runs on the data in {stack.state}. "
        f"It is process {dev['pid']} and answers at {dev['api_base']}.\n"
    )
    assert is_ready(dev["api_base"])


def test_a_busy_port_is_one_sentence(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", stack.port)):
        process = stack.launch()
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert output.startswith(f"Port {stack.port} of 127.0.0.1 can't be used")
    assert output.count("\n") == 1


def test_a_broken_database_is_one_sentence(stack: Stack) -> None:
    stack.start()
    stack.end(signal.SIGTERM)
    shutil.rmtree(stack.state / "postgres" / "data" / "global")
    process = stack.launch()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in output
    assert "did not start: " in output.splitlines()[-1]
    assert not stack.file.exists()
