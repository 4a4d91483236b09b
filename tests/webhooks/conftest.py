"""A real PostgreSQL, an engine as production has it, and for every test a tenant of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from webhook_merchant import QUICK, Merchant, Working
from webhook_receiver import Receiver, listening

from cpay.settings import Secret, Settings
from cpay.wiring import build_engine
from processor.engine import Processor
from tenants.embedded import EmbeddedPostgres
from tenants.migrate import APP_ROLE, migrate_platform
from tenants.provision import create_tenant
from webhooks import delivery
from webhooks.policy import Policy


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A migrated database; we serve as the role production serves as."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("webhooks"))
    server.start()
    try:
        asyncio.run(_migrate(server.dsn))
        yield server
    finally:
        server.destroy()


async def _migrate(dsn: str) -> None:
    owner = await asyncpg.connect(dsn)
    await migrate_platform(owner)
    await owner.execute(f"alter role {APP_ROLE} password 'only-for-tests'")
    await owner.close()


@pytest.fixture
async def owner(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """The database as its owner sees it."""
    connection = await asyncpg.connect(postgres.dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def processor(postgres: EmbeddedPostgres) -> AsyncIterator[Processor]:
    """The engine, put together as `cpay worker` does."""
    settings = Settings(
        database_url=Secret(postgres.dsn_as(APP_ROLE, "only-for-tests")),
        key_pepper=Secret("only-for-tests"),
    )
    async with build_engine(settings).running() as processor:
        yield processor


@pytest.fixture
async def merchant(processor: Processor, owner: asyncpg.Connection) -> AsyncIterator[Merchant]:
    """A new merchant in test mode. No other test's deliveries stay in the shared queue."""
    tenant = await create_tenant(owner, "Boutique Akwa")
    yield Merchant(processor, tenant.test_schema, livemode=False)
    await owner.execute("truncate platform.deliveries")


@pytest.fixture
async def other(processor: Processor, owner: asyncpg.Connection) -> Merchant:
    """Another merchant of the same installation."""
    tenant = await create_tenant(owner, "Librairie Bastos")
    return Merchant(processor, tenant.test_schema, livemode=False)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's server."""
    async with listening() as receiver:
        yield receiver


@pytest.fixture
def working(processor: Processor) -> Working:
    """`async with working():` runs a webhook worker until the block ends; with another policy, or
    told not to reach loopback, if given."""

    @asynccontextmanager
    async def work(
        policy: Policy = QUICK, *, allow_loopback: bool = True
    ) -> AsyncIterator[asyncio.Task[None]]:
        stop = asyncio.Event()
        task = asyncio.ensure_future(
            delivery.run(processor, stop, allow_loopback=allow_loopback, policy=policy)
        )
        try:
            yield task
        finally:
            stop.set()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    return work
