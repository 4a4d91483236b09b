"""An embedded PostgreSQL for development and tests: no installation, no Docker, no root needed.

It is only ever the branch "no database URL was given": the wheel has no TLS. Everything lives in
`<state directory>/postgres`: `data`, `password`, `port`, `server.log`, `socket`, `lock`.
"""

import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tenants.embedded_binaries import ENVIRONMENT, Account, EmbeddedPostgresError, find_binaries

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

USER = DATABASE = "cpay"
SETTINGS = {
    # A migration takes one lock per table of every schema it touches; the default of 64 is too few.
    "max_locks_per_transaction": "1024",
    "max_connections": "200",
    "shared_buffers": "256MB",
    # What was acknowledged is durable, in development too: tests kill processes and look.
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
START_SECONDS = 60.0  # crash recovery after kill -9 takes a third of a second, a full disk longer
_SOCKET_PATH_BYTES = 103  # sockaddr_un.sun_path holds 108 bytes on Linux, 104 on macOS, with its 0
_LOG_BYTES = 16 * 1024 * 1024
_PROCESSES = Path("/proc")
# PostgreSQL protocol 3.0, "StartupMessage": length, version 196608, pairs of names and values, 0.
_PARAMETERS = f"user\0{USER}\0database\0{DATABASE}\0\0".encode()
_STARTUP_MESSAGE = (len(_PARAMETERS) + 8).to_bytes(4) + (196608).to_bytes(4) + _PARAMETERS


class EmbeddedPostgres:
    """One PostgreSQL server whose data is in `state_directory`; it ends when this process ends.

    Only one process at a time may hold a state directory. On Linux the server follows the *thread*
    that called `start`, so call it from one that lives as long as the server should. Use it as a
    context manager, or call `start` and `stop`. `start` after the server died recovers it, on the
    same port. Every method raises `EmbeddedPostgresError` with one sentence.
    """

    def __init__(self, state_directory: Path) -> None:
        self._state = state_directory.resolve()
        self._name = self._state / "postgres"  # a link where root's data had to go elsewhere
        self._home = self._name.resolve()
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._password = ""
        self._port = 0
        self._socket_directory = self._home / "socket"

    @property
    def dsn(self) -> str:
        """URL over TCP of the database `cpay` as superuser `cpay`, with its password."""
        return self.dsn_as(USER, self._password)

    def dsn_as(self, user: str, password: str) -> str:
        """URL over TCP of the database `cpay` as another role, whose password it must be."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def socket_dsn(self) -> str:
        """The same over the Unix socket, which only this account and root can reach."""
        where = f"host={self._socket_directory}&port={self._port}"
        return f"postgresql://{USER}:{self._password}@/{DATABASE}?{where}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._home / "server.log"

    @property
    def pid(self) -> int | None:
        """Process id of the running postmaster; None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server and wait until it takes connections; create the data when there is none.

        Whatever a killed predecessor left (server, backends, lock files) is cleared first. Does
        nothing when the server runs.
        """
        if self.pid is not None:
            return
        try:
            with _plain_errors(f"PostgreSQL in {self._home} can't be started"):
                account = self._take_home()
                binaries = find_binaries(account, self._home)
                self._clear_leftovers(binaries, account)
                self._check_data(binaries, account)
                self._prepare_socket(account)
                self._launch(binaries, account)
        except BaseException:  # Ctrl-C too: nothing half-started, and no lock, may stay
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, rolling running transactions back. Does nothing when it is stopped."""
        if self._process is not None:
            self._end(lambda: [self._process.pid] if self._process and self.pid else [])
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def destroy(self) -> None:
        """Stop the server and delete all its data, wherever it was put."""
        self.stop()
        with _plain_errors(f"{self._home} can't be deleted"):
            if self._socket_directory.parent != self._home:
                shutil.rmtree(self._socket_directory, ignore_errors=True)
            if self._home.exists():
                shutil.rmtree(self._home)
            self._name.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _take_home(self) -> Account:
        """Make the directory, lock it for this process and choose the account that owns it."""
        self._state.mkdir(mode=0o711, parents=True, exist_ok=True)
        account = Account.for_directory(self._home if self._home.exists() else self._state)
        if not self._home.exists():
            self._make_home(account)
            self._home = self._name.resolve()
        if self._lock is None:
            lock = (self._home / "lock").open("a+")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read() or "another process"
                lock.close()
                raise EmbeddedPostgresError(
                    f"PostgreSQL in {self._home} is already run by {holder}."
                ) from None
            lock.truncate(0)
            lock.write(f"process {os.getpid()}")
            lock.flush()
            self._lock = lock
            account.own(self._home / "lock")
        return account

    def _make_home(self, account: Account) -> None:
        if account.can_enter(self._state):
            self._name.mkdir(mode=0o711)
        else:
            # Root's checkout in a private home: the data goes where the account can reach it,
            # because opening other people's directories is not ours to do.
            temporary = Path(tempfile.gettempdir()).resolve()
            if self._state.is_relative_to(temporary):
                shared = temporary  # as short-lived as the state directory was meant to be
            else:
                shared = Path("/var/lib/cpay")
                shared.mkdir(mode=0o711, exist_ok=True)
            elsewhere = tempfile.mkdtemp(prefix=f"cpay-{self._state.parent.name}-", dir=shared)
            Path(elsewhere).chmod(0o711)
            self._name.unlink(missing_ok=True)  # a link whose target was deleted
            self._name.symlink_to(elsewhere)
        account.own(self._name)

    def _check_data(self, binaries: Path, account: Account) -> None:
        """Create the data directory, or make sure that the one found is ours and whole."""
        data, password = self._data, self._home / "password"
        version = account.run([str(binaries / "postgres"), "--version"])
        if version.returncode != 0:
            reason = version.stderr.strip()
            raise EmbeddedPostgresError(f"PostgreSQL can't run on this machine: {reason}")
        if not data.exists():
            self._create_data(binaries, account)
        try:
            major = (data / "PG_VERSION").read_text().strip()
            self._password = password.read_text()
        except FileNotFoundError as error:
            raise EmbeddedPostgresError(
                f"The database in {self._home} is broken, {error.filename} is missing: "
                f"move {self._home} away to begin with an empty one."
            ) from None
        ours = version.stdout.split()[-1].partition(".")[0]
        if major != ours:
            raise EmbeddedPostgresError(
                f"The database in {self._home} was made by PostgreSQL {major}, and this is {ours}: "
                f"export it with {major}, or move {self._home} away to begin with an empty one."
            )

    def _create_data(self, binaries: Path, account: Account) -> None:
        """Run initdb in a directory of another name, so that a half-made one is never used."""
        password, unfinished = self._home / "password", self._data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(24))
        for path in (unfinished, password):
            account.own(path)
        initdb = [
            *(str(binaries / "initdb"), "-D", str(unfinished), "-U", USER, "-E", "UTF8"),
            *("--auth=scram-sha-256", f"--pwfile={password}"),
            # One collation on every machine, whatever its C library.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        database = [str(binaries / "postgres"), "--single", "-D", str(unfinished), "postgres"]
        for command, text in ((initdb, ""), (database, f"CREATE DATABASE {DATABASE}\n")):
            done = account.run(command, text)
            if done.returncode != 0:
                reason = _reason(done.stderr)
                raise EmbeddedPostgresError(
                    f"The database can't be created in {self._home}: {reason}"
                )
        unfinished.rename(self._data)

    def _clear_leftovers(self, binaries: Path, account: Account) -> None:
        """End what still works on the data of a killed predecessor, and remove its lock files."""
        data = self._data
        if not _PROCESSES.exists():  # macOS: no list of processes to trust, so ask the server
            if self._accepts_connections():
                account.run([str(binaries / "pg_ctl"), "stop", "-w", "-m", "fast", "-D", str(data)])
            return
        self._end(lambda: _processes_in(data))
        # PostgreSQL takes any process with the recorded number for a live server, be it a zombie
        # nobody reaps or, after a restart of the machine, a stranger. Now we know better.
        (data / "postmaster.pid").unlink(missing_ok=True)

    def _end(self, running: Callable[[], list[int]]) -> None:
        """Signal the processes, ever more firmly, until none runs: fast, immediate, kill."""
        for signal_, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            deadline = time.monotonic() + seconds
            for pid in running():
                with _gone_is_fine():
                    os.kill(pid, signal_)
            while running():
                if time.monotonic() > deadline:
                    break
                time.sleep(0.01)
            else:
                return
        raise EmbeddedPostgresError(f"PostgreSQL in {self._home} does not end, even by kill -9.")

    def _prepare_socket(self, account: Account) -> None:
        """Make the socket's directory, in the temporary folder when its path would be too long."""
        directory = self._home / "socket"
        if len(os.fsencode(directory / ".s.PGSQL.65535.lock")) > _SOCKET_PATH_BYTES:
            name = sha256(os.fsencode(self._home)).hexdigest()[:12]
            directory = Path(tempfile.gettempdir(), f"cpay-{os.geteuid()}-{name}")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        account.own(directory)
        self._socket_directory = directory

    def _launch(self, binaries: Path, account: Account) -> None:
        self._port = _free_port(
            self._port or _number_in(self._home / "port"), fixed=bool(self._port)
        )
        (self._home / "port").write_text(str(self._port))
        places = {"port": str(self._port), "unix_socket_directories": str(self._socket_directory)}
        flags = [
            part
            for name, value in (SETTINGS | places).items()
            for part in ("-c", f"{name}={value}")
        ]
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        self.log.touch(mode=0o600)  # statements that failed are in it, with their values
        with self.log.open("ab") as log:
            beginning = log.tell()
            self._process = subprocess.Popen(  # noqa: S603  # our own program, no shell between
                [str(binaries / "postgres"), "-D", str(self._data), *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                user=account.user,
                group=account.group,
                extra_groups=None if account.user is None else [],
                # Ctrl-C in the terminal is for us alone: we stop the server after its clients.
                start_new_session=True,
                # Safe although we may have threads: the function only makes two system calls.
                preexec_fn=_end_with_parent(),  # noqa: PLW1509
            )
        self._await_connections(beginning)

    def _await_connections(self, log_beginning: int) -> None:
        """Wait until the server answers; raise with the reason it gave in its log."""
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts_connections():
            late = time.monotonic() > deadline
            if self.pid is None or late:
                with self.log.open("rb") as log:
                    log.seek(log_beginning)
                    reason = _reason(log.read().decode(errors="replace"))
                what = f"did not answer in {START_SECONDS:.0f} s" if late else "did not start"
                raise EmbeddedPostgresError(
                    f"PostgreSQL in {self._home} {what}: {reason} (its log is {self.log})"
                )
            time.sleep(0.01)

    def _accepts_connections(self) -> bool:
        """Send a real startup packet: 'R' asks for a password, 'E' says "starting up"."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self._socket_directory / f".s.PGSQL.{self._port}"))
                connection.sendall(_STARTUP_MESSAGE)
                return connection.recv(1024).startswith(b"R")
        except OSError:
            return False


def _processes_in(data: Path) -> list[int]:
    """Return the postmaster and backends of a data directory: PostgreSQL works inside it.

    Zombies have no working directory and are left out.
    """
    found = []
    for process in _PROCESSES.iterdir():
        if process.name.isdigit():
            with _gone_is_fine():
                inside = (process / "cwd").readlink() == data
                if inside and (process / "comm").read_text() == "postgres\n":
                    found.append(int(process.name))
    return found


def _end_with_parent() -> Callable[[], None] | None:
    """Return what a child runs before exec to be told to shut down when its parent dies (Linux)."""
    if sys.platform != "linux":
        return None  # elsewhere the next start ends a server that was left behind
    prctl, set_parent_death_signal = ctypes.CDLL(None).prctl, 1
    parent = os.getpid()

    def end_with_parent() -> None:
        prctl(set_parent_death_signal, signal.SIGINT)
        if os.getppid() != parent:  # it died before the call above
            os.kill(os.getpid(), signal.SIGKILL)

    return end_with_parent


def _free_port(wanted: int, *, fixed: bool) -> int:
    """Return `wanted` when it is free; otherwise, unless it is `fixed`, a port the system picks."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            if fixed:
                raise EmbeddedPostgresError(
                    f"Port {wanted} of PostgreSQL was taken by another program."
                ) from None
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _number_in(file: Path) -> int:
    """Read the port of the last start, 0 when there was none or the file was cut short."""
    text = file.read_text() if file.exists() else ""
    return int(text) if text.isdigit() else 0


def _reason(log: str) -> str:
    """Pick what went wrong out of PostgreSQL's messages: its last error, or else its last line."""
    lines = [line for line in log.splitlines() if line.strip()]
    for line in reversed(lines):
        for mark in ("FATAL: ", "PANIC: ", "error: "):
            if mark in line:
                return line.partition(mark)[2].strip()
    return lines[-1].strip() if lines else "it said nothing"


@contextmanager
def _plain_errors(what: str) -> Iterator[None]:
    """Turn a refusal of the operating system (full disk, no permission) into one sentence."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise EmbeddedPostgresError(f"{what}: {error.strerror}{where}") from error


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """Ignore that a process ended, or is not ours to look at, between listing it and using it."""
    try:
        yield
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return
