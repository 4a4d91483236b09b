"""A provider account's row, how its credentials are sealed and opened, and the object shown."""

from base64 import b64decode, b64encode
from typing import Any, Literal

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.routing.accounts import Cost
from processor.rows import Row
from processor.vault import Vault
from providers.catalogue import PROVIDER_TYPES, ProviderType
from tenants import tables

# Whose servers an account is at: "live" the provider's own; in test mode our sandbox PSPs, or the
# provider's own sandbox where it has one.
Environment = Literal["live", "sandbox", "provider_sandbox"]


class Check(Struct, frozen=True, omit_defaults=True):
    """What the provider said of the credentials when it was last asked."""

    status: Literal["accepted", "refused", "unclear"]
    at: int  # unix seconds


class Details(Struct, omit_defaults=True):
    """What no statement looks at."""

    nickname: str | None = None
    environment: Environment = "live"
    shown: dict[str, str] = {}  # the credentials that are no secrets
    secrets: list[str] = []  # the names of those that are
    replaced_at: int = 0  # when credentials were last replaced, in unix seconds
    concurrency: int = 64
    calls_per_second: float | None = None
    costs: dict[str, Cost] = {}  # by currency
    checks_wallets: bool = False
    disabled_reason: str | None = None
    disabled_at: int = 0  # in unix seconds, of an account that is disabled
    check: Check | None = None


class ProviderAccount(Row, kw_only=True):
    """A row of `provider_accounts`."""

    table = tables.provider_accounts

    provider: str  # id in `providers.catalogue`
    status: Literal["active", "disabled", "deleted"] = "active"
    sealed: str
    key_id: str
    details: Details

    @property
    def kind(self) -> ProviderType:
        """What the catalogue knows of its provider."""
        return PROVIDER_TYPES[self.provider]


def seal(vault: Vault, owner: str, identifier: str, credentials: dict[str, str]) -> tuple[str, str]:
    """The key's id and the sealed credentials of the account `identifier`, whose owner is a
    tenant's schema, or "platform". Raises VaultError."""
    key, sealed = vault.seal(msgspec.json.encode(credentials), f"{owner}/{identifier}")
    return key, b64encode(sealed).decode()


def unseal(vault: Vault, owner: str, identifier: str, key: str, sealed: str) -> dict[str, str]:
    """The credentials. Raises VaultError."""
    text = vault.open(key, b64decode(sealed), f"{owner}/{identifier}")
    return msgspec.json.decode(text, type=dict[str, str])


def settings_of(details: Details) -> dict[str, Any]:
    """What a row's details say about how its account is used, as fields of `Account`."""
    return {
        "concurrency": details.concurrency,
        "calls_per_second": details.calls_per_second,
        "costs": details.costs,
        "checks_wallets": details.checks_wallets,
        "replaced_at": details.replaced_at,
    }


def render(account: ProviderAccount, livemode: bool) -> Object:
    """The provider account object. Of secrets nothing is shown but that they are set."""
    details = account.details
    check = details.check
    return {
        "id": account.id,
        "object": "provider_account",
        "calls_per_second": details.calls_per_second,
        "check": {"checked_at": check.at, "status": check.status} if check else None,
        "check_wallets": details.checks_wallets,
        "concurrency": details.concurrency,
        "costs": costs_shown(details.costs),
        "created": account.created,
        "credentials": details.shown,
        "disabled_reason": details.disabled_reason,
        "environment": details.environment,
        "livemode": livemode,
        "metadata": account.metadata,
        "nickname": details.nickname,
        "provider": account.provider,
        "secrets": details.secrets,
        "status": account.status,
    }


def costs_shown(costs: dict[str, Cost]) -> Object:
    """What a provider takes, by currency."""
    return {
        currency: {"basis_points": cost.basis_points, "fixed": cost.fixed}
        for currency, cost in costs.items()
    }
