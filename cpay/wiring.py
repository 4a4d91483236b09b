"""Put the engine together from the settings: the one place that knows every part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from httpx_aiohttp import AiohttpTransport

from cpay.settings import Settings
from processor.engine import Processor
from processor.ledger.fees import PriceBook
from processor.routing import Account, Router
from processor.secrets import Secrets
from processor.table import EXPANDER, OPERATIONS
from providers.mtn import MtnCollection, MtnCredentials
from providers.mtn_disbursement import MtnDisbursement
from providers.sandbox.cards import webhook_secret
from providers.sandbox.mtn_tables import (
    DEMO_API_KEY,
    DEMO_API_USERS,
    SUBSCRIPTION_KEYS,
)
from providers.stripe import StripeCards
from storage import ObjectStore, open_store
from tenants.database import Database
from tenants.keys import KeyRing

# Longer than MTN's usual two seconds by far: an answer lost to impatience costs a look-up.
PROVIDER_TIMEOUT = httpx.Timeout(20.0, connect=5.0)

SANDBOX_CARDS_KEY = "sk_test_cpay_sandbox"


@dataclass
class Engine:
    """The engine and what has to be open while it runs."""

    processor: Processor
    database: Database
    client: httpx.AsyncClient

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Processor]:
        """Hold connections open until the block ends."""
        async with self.database, self.client:
            yield self.processor


def build_engine(settings: Settings) -> Engine:
    """Put the engine together. Nothing is open yet."""
    database = Database(settings.database_url, settings.database_pool)
    client = httpx.AsyncClient(
        transport=AiohttpTransport(), timeout=PROVIDER_TIMEOUT, follow_redirects=False
    )
    pepper = settings.key_pepper.encode()
    processor = Processor(
        database=database,
        keys=KeyRing(database, pepper),
        secrets=Secrets(pepper),
        router=Router(sandbox_accounts(settings, client)),
        store=build_store(settings),
        prices=PriceBook(database),
        expander=EXPANDER,
        operations=OPERATIONS,
        public_url=settings.public_url,
    )
    return Engine(processor, database, client)


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


# The countries whose MTN wallets test mode can charge: target environment, currency, countries.
# "sandbox" is MTN's own, with euros and Swedish-looking numbers; the others show what live looks
# like. Which currency an environment takes beyond Cameroon's XAF is our assumption.
_MTN_ENVIRONMENTS = {
    "sandbox": ("eur", frozenset[str]()),
    "mtncameroon": ("xaf", frozenset({"CM"})),
    "mtncongo": ("xaf", frozenset({"CG"})),
    "mtnivorycoast": ("xof", frozenset({"CI"})),
    "mtnbenin": ("xof", frozenset({"BJ"})),
}


def sandbox_accounts(settings: Settings, client: httpx.AsyncClient) -> list[Account]:
    """The provider accounts of test mode: the sandbox PSPs, over real HTTP."""
    base = settings.sandbox_url
    cards = StripeCards(
        SANDBOX_CARDS_KEY, client, f"{base}/cards", [webhook_secret(SANDBOX_CARDS_KEY)]
    )
    accounts = [
        Account(
            name="cards_test",
            provider=cards,
            livemode=False,
            method="card",
            currencies=frozenset({"xaf", "xof", "mad", "eur", "usd"}),
        )
    ]
    for environment, (currency, countries) in _MTN_ENVIRONMENTS.items():
        accounts.append(
            Account(
                name=f"{environment}_test",
                provider=MtnCollection(_demo_mtn(base, environment, "collection"), client),
                disbursement=MtnDisbursement(_demo_mtn(base, environment, "disbursement"), client),
                livemode=False,
                method="mobile_money",
                currencies=frozenset({currency}),
                networks=frozenset({"mtn"}),
                countries=countries,
            )
        )
    return accounts


def _demo_mtn(base: str, environment: str, product: str) -> MtnCredentials:
    """Our demo account at the sandbox PSP: one user in each environment, one key per product."""
    return MtnCredentials(
        subscription_key=SUBSCRIPTION_KEYS[product],
        api_user=DEMO_API_USERS[environment],
        api_key=DEMO_API_KEY,
        target_environment=environment,
        base_url=f"{base}/mtn",
    )
