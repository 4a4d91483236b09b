"""The embedded PostgreSQL: what survives which death, and what it says when it can't start."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tenants.embedded import EmbeddedPostgres, EmbeddedPostgresError

ROOT = Path(__file__).parents[2]
# A server in a process of its own: prints the postmaster's pid and waits to be killed.
HOLDER = """
import sys, time
from pathlib import Path
from tenants.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, server.dsn, flush=True)
time.sleep(600)
"""


@pytest.fixture
def state() -> Iterator[Path]:
    # pytest's own temporary folders are private to root, where PostgreSQL's account can't enter.
    with tempfile.TemporaryDirectory(prefix="cpay-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder, "state")


async def query(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def holder(state: Path) -> tuple[subprocess.Popen[str], int, str]:
    """Start a server in another process; return that process, the postmaster's pid and the URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    pid, dsn = process.stdout.readline().split()
    return process, int(pid), dsn


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


async def test_both_urls_reach_a_durable_server_with_our_settings(state: Path) -> None:
    with EmbeddedPostgres(state) as server:
        for dsn in (server.dsn, server.socket_dsn):
            settings = await query(
                dsn,
                "select array[current_user, current_database(), current_setting('fsync'),"
                " current_setting('synchronous_commit'), current_setting('timezone'),"
                " current_setting('max_locks_per_transaction'), datlocprovider::text || datlocale]"
                " from pg_database where datname = current_database()",
            )
            assert settings == ["cpay", "cpay", "on", "on", "UTC", "1024", "bC.UTF-8"]


async def test_a_wrong_password_is_refused(state: Path) -> None:
    with EmbeddedPostgres(state) as server:
        password = (state / "postgres" / "password").read_text()
        assert (state / "postgres" / "password").stat().st_mode & 0o777 == 0o600
        with pytest.raises(asyncpg.InvalidPasswordError):
            await query(server.dsn.replace(password, "guess"), "select 1")


async def test_data_and_port_outlive_a_restart(state: Path) -> None:
    with EmbeddedPostgres(state) as server:
        first = server.dsn
        await query(first, "create table kept as select 42 as answer")
    assert server.pid is None
    with EmbeddedPostgres(state) as server:
        assert server.dsn == first
        assert await query(server.dsn, "select answer from kept") == 42


async def test_a_busy_port_is_replaced_at_the_next_start(state: Path) -> None:
    with EmbeddedPostgres(state):
        port = int((state / "postgres" / "port").read_text())
    with socket.create_server(("127.0.0.1", port)), EmbeddedPostgres(state) as server:
        assert f":{port}/" not in server.dsn
        assert await query(server.dsn, "select 1") == 1


async def test_the_same_server_recovers_after_kill_9_of_its_postmaster(state: Path) -> None:
    with EmbeddedPostgres(state) as server:
        await query(server.dsn, "create table kept as select 42 as answer")
        dsn, pid = server.dsn, server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        assert server.pid is None
        server.start()
        assert server.dsn == dsn
        assert await query(dsn, "select answer from kept") == 42


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_the_server_ends_when_its_process_is_killed(state: Path) -> None:
    process, postmaster, _ = holder(state)
    end(process)
    wait_until_gone(postmaster)
    EmbeddedPostgres(state).destroy()


async def test_what_killed_processes_left_behind_is_cleared(state: Path) -> None:
    process, postmaster, dsn = holder(state)
    # A backend in the middle of a statement notices only afterwards that its postmaster is gone.
    busy = await asyncpg.connect(dsn)
    spin = "do $$ begin loop perform 1; end loop; end $$"
    spinning = busy.execute(f"create table t (); {spin}", timeout=60)
    backend = busy.get_server_pid()
    waiter = asyncio.ensure_future(spinning)
    await asyncio.sleep(0.2)
    os.kill(postmaster, signal.SIGKILL)
    end(process)
    assert runs(backend)
    with EmbeddedPostgres(state) as server:
        assert not runs(backend)
        assert await query(server.dsn, "select count(*) from pg_class where relname = 't'") == 0
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await waiter


async def test_a_lock_file_that_names_a_stranger_does_not_hinder(state: Path) -> None:
    with EmbeddedPostgres(state):
        lock = (state / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    lock[0] = str(os.getpid())
    (state / "postgres" / "data" / "postmaster.pid").write_text("\n".join(lock) + "\n")
    with EmbeddedPostgres(state) as server:
        assert await query(server.dsn, "select 1") == 1


def test_a_second_process_is_refused_and_told_which_is_the_first(state: Path) -> None:
    process, postmaster, _ = holder(state)
    with pytest.raises(EmbeddedPostgresError, match=f"already run by process {process.pid}"):
        EmbeddedPostgres(state).start()
    assert runs(postmaster)
    end(process)
    wait_until_gone(postmaster)


async def test_a_path_too_long_for_a_socket(state: Path) -> None:
    deep = state.joinpath(*["a-directory-with-a-long-name"] * 5)
    with EmbeddedPostgres(deep) as server:
        assert await query(server.socket_dsn, "select 1") == 1
    server.destroy()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the data to another account")
async def test_root_in_a_private_directory_opens_nothing(state: Path) -> None:
    private = state / "private"
    private.mkdir(parents=True, mode=0o700)
    with EmbeddedPostgres(private / "state") as server:
        assert await query(server.dsn, "select 1") == 1
        assert private.stat().st_mode & 0o777 == 0o700
        elsewhere = (private / "state" / "postgres").resolve()
    server.destroy()
    assert not elsewhere.exists()


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("data/PG_VERSION", "15\n", "was made by PostgreSQL 15, and this is 18"),
        ("data/PG_VERSION", None, "is broken, .*PG_VERSION is missing"),
        ("data/global/pg_control", None, "did not start: .*could not open file"),
        ("data/postgresql.conf", "nonsense", "did not start: .*contains errors"),
    ],
)
def test_broken_data_is_explained_in_one_sentence(
    state: Path, file: str, content: str | None, sentence: str
) -> None:
    with EmbeddedPostgres(state):
        pass
    if content is None:
        (state / "postgres" / file).unlink()
    else:
        (state / "postgres" / file).write_text(content)
    with pytest.raises(EmbeddedPostgresError, match=sentence) as raised:
        EmbeddedPostgres(state).start()
    assert "\n" not in str(raised.value)


def test_a_state_directory_that_is_a_file_is_explained(state: Path) -> None:
    state.write_text("")
    with pytest.raises(EmbeddedPostgresError, match="can't be started"):
        EmbeddedPostgres(state).start()
