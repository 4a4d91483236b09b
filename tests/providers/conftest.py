"""Sandbox PSPs on real ports of 127.0.0.1, and a place for their callbacks."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sandbox_servers import Receiver, Sandbox, listen, serve, url_of

from providers.sandbox.server import PSPS, create_sandbox

__all__ = ["url_of"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """All sandbox PSPs, with fresh books, on one port."""
    with serve_sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def session_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with serve_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def shared_sandbox(session_sandbox: Sandbox) -> Iterator[Sandbox]:
    """Quicker than `sandbox`: one for the whole session. Ask its books by reference only."""
    yield session_sandbox
    for name in PSPS:
        session_sandbox.psp(name).clear()


@contextmanager
def serve_sandbox(directory: Path) -> Iterator[Sandbox]:
    listener = listen()
    app = create_sandbox(directory, url_of(listener))
    with serve(app, listener) as url:
        yield Sandbox(url)


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """The HTTP client an adapter is built with; impatient, so that tests are quick, unless a module
    has a `CLIENT_TIMEOUT` of its own."""
    timeout = getattr(request.module, "CLIENT_TIMEOUT", 0.5)
    async with httpx.AsyncClient(timeout=timeout, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where a test's callbacks go."""
    receiver = Receiver()
    with serve(receiver) as url:
        receiver.url = url
        yield receiver
