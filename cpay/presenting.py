"""The engine on one of a tenant's schemas, for commands that work there."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from cpay.settings import Settings
from cpay.wiring import build_engine
from processor.engine import Processor
from processor.errors import APIError
from processor.payments.objects import Presenter
from tenants.database import Connection


@asynccontextmanager
async def presenting(settings: Settings, tenant: str, live: bool) -> AsyncIterator[Presenter]:
    """The engine, and one of a tenant's schemas. Raises LookupError if there is none, RuntimeError
    for what the engine refuses."""
    settings.need("database_url", "key_pepper")
    async with build_engine(settings).running() as processor:
        schema = await find_schema(processor, tenant, live)
        await processor.router.load(schema)
        try:
            yield Presenter(processor, schema, live)
        except APIError as error:
            raise RuntimeError(error.message) from None


def transaction(presenter: Presenter) -> AbstractAsyncContextManager[Connection]:
    """A transaction in the presenter's schema."""
    return presenter.processor.database.tenant(presenter.schema)


async def find_schema(processor: Processor, tenant: str, live: bool) -> str:
    """A tenant's schema of one mode. Raises LookupError if there is none."""
    rows = await processor.database.fetch_platform(
        "select schema_name from platform.tenant_schemas where tenant = $1 and livemode = $2",
        tenant,
        live,
    )
    if not rows:
        raise LookupError("There is no such tenant.")
    name: str = rows[0]["schema_name"]
    return name
