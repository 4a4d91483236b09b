"""Put the engine together from the settings: the one place that knows every part."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
from httpx_aiohttp import AiohttpTransport

from cpay.settings import Settings
from processor.engine import Processor
from processor.ledger.fees import PriceBook
from processor.routing.accounts import Account
from processor.routing.directory import Directory
from processor.routing.health import Health
from processor.routing.router import Router
from processor.secrets import Secrets
from processor.table import EXPANDER, OPERATIONS
from processor.unresolved_payments.rules import read_limits
from processor.vault import Vault
from providers.catalogue import PROVIDER_TYPES
from providers.sandbox.demo import demo_accounts
from storage import ObjectStore, open_store
from tenants.database import Database
from tenants.keys import KeyRing

# Longer than MTN's usual two seconds by far: an answer lost to impatience costs a look-up.
PROVIDER_TIMEOUT = httpx.Timeout(20.0, connect=5.0)


@dataclass
class Engine:
    """The engine and what has to be open while it runs."""

    processor: Processor
    database: Database
    client: httpx.AsyncClient
    health: Health

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Processor]:
        """Hold connections open, and share what is known of providers, until the block ends."""
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(self.database)
            await opened.enter_async_context(self.client)
            if self.processor.replica is not None:
                await opened.enter_async_context(self.processor.replica)
            sharing = asyncio.create_task(self.health.run())
            try:
                yield self.processor
            finally:
                sharing.cancel()
                with suppress(asyncio.CancelledError):
                    await sharing


def build_engine(settings: Settings) -> Engine:
    """Put the engine together. Nothing is open yet."""
    database = Database(settings.database_url, settings.database_pool)
    replica_url = settings.replica_url
    replica = Database(replica_url, settings.database_pool) if replica_url else None
    client = httpx.AsyncClient(
        transport=AiohttpTransport(), timeout=PROVIDER_TIMEOUT, follow_redirects=False
    )
    directory = Directory(
        database,
        Vault.from_setting(settings.encryption_keys) if settings.encryption_keys else Vault({}),
        client,
        settings.sandbox_url,
        sandbox_accounts(settings, client),
    )
    health = Health(database, directory)
    pepper = settings.key_pepper.encode()
    processor = Processor(
        database=database,
        keys=KeyRing(database, pepper),
        secrets=Secrets(pepper),
        router=Router(directory, health),
        store=build_store(settings),
        prices=PriceBook(database),
        expander=EXPANDER,
        operations=OPERATIONS,
        approval_limits=read_limits(settings.approval_limits),
        public_url=settings.public_url,
        replica=replica,
    )
    return Engine(processor, database, client, health)


def build_store(settings: Settings) -> ObjectStore:
    """Where receipts and documents are kept."""
    if not settings.s3_endpoint:
        return open_store(str(settings.store_dir))
    scheme = "s3+https" if settings.s3_secure else "s3+http"
    return open_store(
        f"{scheme}://{settings.s3_endpoint}/{settings.s3_bucket}?region={settings.s3_region}",
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
    )


def sandbox_accounts(settings: Settings, client: httpx.AsyncClient) -> dict[str, Account]:
    """The provider accounts of test mode by name: the sandbox PSPs, over real HTTP."""
    accounts = {}
    for demo in demo_accounts(settings.sandbox_url):
        rails = PROVIDER_TYPES[demo.provider].open(demo.credentials, client)
        accounts[demo.name] = Account(
            demo.name,
            demo.provider,
            rails.provider,
            livemode=False,
            disbursement=rails.disbursement,
        )
    return accounts
