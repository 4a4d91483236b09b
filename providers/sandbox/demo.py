"""The accounts that test mode has at the sandbox PSPs, before a merchant brings its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from providers.mtn_account import MtnAccount
from providers.mtn_product import ENVIRONMENTS
from providers.paypal import PayPalAccount
from providers.stripe import StripeAccount

from .cards import webhook_secret
from .cinetpay.tables import SITES as CINETPAY_SITES
from .cinetpay.tables import demo_account as cinetpay_account
from .cmi.tables import demo_account as cmi_account
from .flutterwave.tables import DEMO_COUNTRIES as FLUTTERWAVE_COUNTRIES
from .flutterwave.tables import demo_account as flutterwave_account
from .moov.tables import MERCHANTS as MOOV_MERCHANTS
from .moov.tables import demo_account as moov_account
from .mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS
from .orange_cm.tables import demo_account as orange_cm_account
from .orange_web.tables import DEMO_ACCOUNTS as ORANGE_WEB_ACCOUNTS
from .orange_web.tables import demo_account as orange_web_account
from .paygate.tables import demo_account as paygate_account
from .paypal.access import DEMO_CLIENT_ID, secret_of

_CARDS_KEY = "sk_test_cpay_sandbox"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account at a sandbox PSP."""

    name: str
    provider: str  # id of a type in `providers.catalogue`
    credentials: Any  # of that type


def demo_accounts(sandbox_url: str) -> Iterator[DemoAccount]:
    """The accounts, at the sandbox that `sandbox_url` (no trailing slash) is the base of."""
    yield DemoAccount(
        "cards_test",
        "stripe",
        StripeAccount(_CARDS_KEY, webhook_secret(_CARDS_KEY), f"{sandbox_url}/cards"),
    )
    for site in CINETPAY_SITES.values():
        site_account = cinetpay_account(site, f"{sandbox_url}/cinetpay")
        yield DemoAccount(f"cinetpay_{site.country.lower()}_test", "cinetpay", site_account)
    yield DemoAccount("cmi_test", "cmi", cmi_account(f"{sandbox_url}/cmi"))
    for country in FLUTTERWAVE_COUNTRIES:
        flutterwave = flutterwave_account(country, f"{sandbox_url}/flutterwave")
        yield DemoAccount(f"flutterwave_{country.lower()}_test", "flutterwave", flutterwave)
    for country in MOOV_MERCHANTS:
        account = moov_account(country, f"{sandbox_url}/moov")
        yield DemoAccount(f"moov_{country.lower()}_test", "moov", account)
    for environment in ENVIRONMENTS:
        if environment in DEMO_API_USERS:
            yield DemoAccount(
                f"{environment}_test",
                "mtn",
                MtnAccount(
                    target_environment=environment,
                    api_user=DEMO_API_USERS[environment],
                    api_key=DEMO_API_KEY,
                    collection_subscription_key=SUBSCRIPTION_KEYS["collection"],
                    disbursement_subscription_key=SUBSCRIPTION_KEYS["disbursement"],
                    base_url=f"{sandbox_url}/mtn",
                ),
            )
    yield DemoAccount("orange_cm_test", "orange_cm", orange_cm_account(f"{sandbox_url}/orange_cm"))
    for name, segment in ORANGE_WEB_ACCOUNTS.items():
        page_account = orange_web_account(segment, f"{sandbox_url}/orange_web")
        yield DemoAccount(name, "orange_web", page_account)
    yield DemoAccount("paygate_test", "paygate", paygate_account(f"{sandbox_url}/paygate"))
    yield DemoAccount(
        "paypal_test",
        "paypal",
        PayPalAccount(DEMO_CLIENT_ID, secret_of(DEMO_CLIENT_ID), f"{sandbox_url}/paypal"),
    )
