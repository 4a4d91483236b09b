"""`make run`: everything CPay needs on one machine, kept running until Ctrl-C.

An embedded PostgreSQL (unless CPAY_DATABASE_URL is given), migrations, two demo merchants, then
the API, the worker and the sandbox PSPs as processes of their own. Where all of it answers, and
the demo's keys, are in `dev.json` of the state directory, for as long as it answers.
"""

import asyncio
import fcntl
import json
import os
import secrets
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import asyncpg

from cpay.demo import ensure_demo, welcome
from cpay.settings import Settings
from cpay.supervision import Child, Keeper, Startable
from tenants.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tenants.migrate import APP_ROLE

READY_SECONDS = 60.0


class DevError(Exception):
    """The stack can't run; the message is one sentence for a person."""


def run_dev(settings: Settings) -> None:
    """Run the stack until Ctrl-C, SIGTERM or SIGHUP. Raises DevError and EmbeddedPostgresError."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # as `nohup make run` asks for
            signal.signal(ending, _interrupt)
    try:
        with ExitStack() as cleanup:
            try:
                _Stack(settings, cleanup).run()
            finally:
                # A second Ctrl-C must not leave processes behind.
                for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(ending, signal.SIG_IGN)
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)


class _Stack:
    """The running parts; whatever is started is put on `cleanup`, which ends it in reverse."""

    def __init__(self, settings: Settings, cleanup: ExitStack) -> None:
        self._given = settings
        self._state = settings.state_dir
        self._cleanup = cleanup
        self._keepers: list[Keeper] = []
        self._environment = dict(os.environ)

    def run(self) -> None:
        """Start the parts in order, tell the world, and keep them running for ever."""
        self._claim_state_directory()
        _check_port(self._given.port)
        self._environment |= {
            "CPAY_DEV": "1",
            "CPAY_STATE_DIR": str(self._state),
            "CPAY_KEY_PEPPER": self._given.key_pepper or self._kept_secret("key_pepper"),
            "CPAY_ENCRYPTION_KEYS": self._given.encryption_keys
            or f"dev:{self._kept_secret('encryption_key')}",
            "CPAY_LEDGER_KEY": self._given.ledger_key or self._kept_secret("ledger_key"),
            "CPAY_SANDBOX_URL": f"http://127.0.0.1:{free_port()}",
        }
        self._start_database()
        settings = Settings.from_environment(self._environment)
        with _step("Demo merchants"):
            demo = ensure_demo(settings)
        self._start_processes(settings)
        self._announce(settings, demo)
        self._keep_running()

    def _claim_state_directory(self) -> None:
        """Make sure that no other stack runs on the same data, until this process ends."""
        self._state.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = self._cleanup.enter_context((self._state / "dev.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            running = "It is still starting."
            if self._file.exists():
                dev = json.loads(self._file.read_text())
                running = f"It is process {dev['pid']} and answers at {dev['api_base']}."
            raise DevError(f"CPay already runs on the data in {self._state}. {running}") from None
        self._file.unlink(missing_ok=True)  # of a killed predecessor

    @property
    def _file(self) -> Path:
        return self._state / "dev.json"

    def _kept_secret(self, name: str) -> str:
        """Return a random secret that is made at the first start and stays the same."""
        file = self._state / name
        if not file.exists():
            _write_whole(file, secrets.token_hex(32))
        return file.read_text()

    def _start_database(self) -> None:
        postgres = None
        if not self._given.database_url:
            with _step("PostgreSQL"):
                postgres = EmbeddedPostgres(self._state)
                postgres.start()
                self._keep("PostgreSQL", postgres)
            self._environment["CPAY_ADMIN_DATABASE_URL"] = postgres.dsn
        with _step("Migrations"):
            migration = self._child("migrate")
            self._cleanup.callback(migration.stop)
            if migration.run() != 0:
                raise _failure("migrate", migration)
            if postgres:
                # We serve as the role production serves as, so that its limits are met here first.
                password = self._kept_secret("app_password")
                asyncio.run(_set_password(postgres.dsn, APP_ROLE, password))
                self._environment["CPAY_DATABASE_URL"] = postgres.dsn_as(APP_ROLE, password)

    def _start_processes(self, settings: Settings) -> None:
        """Start sandbox PSPs, worker and API, and wait until the API says that it is ready."""
        with _step("API, worker, sandbox PSPs, dashboard"):
            sandbox_port = settings.sandbox_url.rpartition(":")[2]
            children = {
                "sandbox": self._child("sandbox", "--port", sandbox_port),
                "worker": self._child("worker"),
                "serve": self._child("serve"),
            }
            for name, child in children.items():
                child.start()
                self._keep(f"cpay {name}", child)
            self._await(children, "sandbox", f"{settings.sandbox_url}/healthz")
            self._await(children, "serve", f"http://127.0.0.1:{settings.port}/readyz")

    def _await(self, children: dict[str, Child], name: str, url: str) -> None:
        """Wait until one of the children answers; give up when any of them ended."""
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(url):
            ended = [other for other, child in children.items() if child.pid is None]
            if ended or time.monotonic() > deadline:
                name = ended[0] if ended else name
                raise _failure(name, children[name])
            time.sleep(0.1)

    def _child(self, *arguments: str) -> Child:
        return Child(
            list(arguments), self._environment, self._state / "logs" / f"{arguments[0]}.log"
        )

    def _keep(self, name: str, kept: Startable) -> None:
        self._cleanup.callback(kept.stop)
        self._keepers.append(Keeper(name, kept))

    def _announce(self, settings: Settings, demo: dict[str, str]) -> None:
        api_base = f"http://127.0.0.1:{settings.port}"
        dev: dict[str, object] = {
            "api_base": api_base,
            "dashboard_url": f"{api_base}/dashboard",
            "secret_key": demo["secret_key"],
            "publishable_key": demo["publishable_key"],
            "other_secret_key": demo["other_secret_key"],
            "database_url": str(settings.admin_database_url),
            "sandbox_url": settings.sandbox_url,
            "pid": os.getpid(),
        }
        self._cleanup.callback(self._file.unlink, missing_ok=True)
        _write_whole(self._file, json.dumps(dev, indent=2) + "\n")
        print(welcome(dev), flush=True)

    def _keep_running(self) -> NoReturn:
        while True:
            for keeper in self._keepers:
                try:
                    if keeper.tend():
                        print(f"{keeper.name} had died and was started again.", flush=True)
                except EmbeddedPostgresError as error:
                    print(f"PostgreSQL had died: {error}", flush=True)
            time.sleep(0.1)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Print one line: what is being done, and the seconds it took."""
    print(f"{what} ... ", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f"{time.monotonic() - began:.1f} s", flush=True)


def _failure(name: str, child: Child) -> DevError:
    what = "did not get ready" if child.pid else "ended"
    return DevError(f"`cpay {name}` {what}: {child.last_line()} (its log is {child.log})")


async def _set_password(dsn: str, role: str, password: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        # The statement takes no parameters; the password is hexadecimal digits of ours.
        await connection.execute(f"alter role {role} password '{password}'")
    finally:
        await connection.close()


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DevError(
                f"Port {port} of 127.0.0.1 can't be used ({error.strerror}): "
                f"choose another, for example with `CPAY_PORT={port + 1} make run`."
            ) from None


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    """Tell whether GET of the URL is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # http, our own
            return bool(response.status == 200)
    except OSError:  # refused, timed out, or 503: all of them "not yet"
        return False


def _write_whole(file: Path, text: str) -> None:
    """Write a file that only we may read, so that a reader sees all of it or nothing."""
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(file)
