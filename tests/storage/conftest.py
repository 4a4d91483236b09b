"""Three stores for one contract: a directory, a fake S3 server, and a real one if Go can build it.

The fake (moto) proves our plumbing everywhere. It lets retentions be shortened and checks no
signature, so that only the real server (versitygw) proves immutability and refused credentials.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3
from minio import Minio
from moto.server import ThreadedMotoServer

from storage import ObjectStore, open_store

GATEWAY = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"


@dataclass(frozen=True)
class S3Server:
    """A running server and its only user."""

    endpoint: str
    access_key: str = "cpay"
    secret_key: str = "only-for-tests"

    def client(self) -> Minio:
        return Minio(
            self.endpoint,
            self.access_key,
            self.secret_key,
            secure=False,
            http_client=urllib3.PoolManager(retries=False),
        )

    def new_bucket(self, *, object_lock: bool = True) -> str:
        bucket = f"bucket-{uuid.uuid4()}"
        self.client().make_bucket(bucket, object_lock=object_lock)
        return bucket

    def open(self, bucket: str, options: str = "", secret_key: str | None = None) -> ObjectStore:
        return open_store(
            f"s3+http://{self.endpoint}/{bucket}{options}",
            access_key=self.access_key,
            secret_key=self.secret_key if secret_key is None else secret_key,
        )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def fake_s3() -> Iterator[S3Server]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"{host}:{port}")
    server.stop()


@pytest.fixture(scope="session")
def real_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    gateway = _built_gateway()
    folder = tmp_path_factory.mktemp("versitygw")
    for name in ("data", "versions"):
        (folder / name).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = S3Server(f"127.0.0.1:{port}")
    command = [gateway, "--port", server.endpoint, "--quiet", "--health", "/health", "posix"]
    environment = {
        "ROOT_ACCESS_KEY": server.access_key,
        "ROOT_SECRET_KEY": server.secret_key,
        "HOME": str(folder),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--versioning-dir", folder / "versions", folder / "data"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(f"http://{server.endpoint}/health", process, folder / "log")
        yield server
    finally:
        process.kill()
        process.wait()


def _wait_until_healthy(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    with urllib3.PoolManager(retries=False) as http:
        for _ in range(100):
            if process.poll() is not None:
                break
            try:
                if http.request("GET", url, timeout=1).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass  # not listening yet
            time.sleep(0.1)
    pytest.fail(f"versitygw did not start: {log.read_text()}")


def _built_gateway() -> Path:
    """Build the gateway once per machine, in the user's cache; skip the test if that can't be."""
    go = shutil.which("go")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cpay"
    built = cache / GATEWAY.rpartition("@")[2] / "versitygw"
    if built.exists():
        return built
    if go is None:
        pytest.skip("no Go toolchain to build a real S3 server with")
    built.parent.mkdir(parents=True, exist_ok=True)
    with (built.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of pytest-xdist come here together
        if built.exists():
            return built
        result = subprocess.run(
            [go, "install", GATEWAY],
            cwd=built.parent,
            env={**os.environ, "GOBIN": str(built.parent)},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    if result.returncode:
        pytest.skip(f"the real S3 server can't be built here: {result.stderr[-300:]}")
    return built


@pytest.fixture(params=["directory", "fake_s3", "real_s3"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    """Open the same, at first empty store, as often as called."""
    if request.param == "directory":
        return lambda: open_store(str(tmp_path / "objects"))
    server: S3Server = request.getfixturevalue(request.param)
    bucket = server.new_bucket()
    return lambda: server.open(bucket)


@pytest.fixture
def store(new_store: Callable[[], ObjectStore]) -> ObjectStore:
    return new_store()
