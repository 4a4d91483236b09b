"""The accounts and rules that routing knows, of the installation and of every tenant.

What the installation has is there from the start; a tenant's own are read when the tenant is first
met. Every process reads once a second which tenants have changed theirs, so a change reaches all of
them within a second, and tenants without accounts of their own cost nothing.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import msgspec

from processor.provider_accounts.credentials import connect
from processor.provider_accounts.objects import (
    Details,
    Environment,
    ProviderAccount,
    settings_of,
    unseal,
)
from processor.routing.accounts import Account
from processor.routing.decision import Rule
from processor.routing_rules.objects import RoutingRule
from processor.vault import Vault, VaultError
from providers.catalogue import PROVIDER_TYPES, ProviderType, Rails
from tenants.database import Connection, Database

logger = logging.getLogger(__name__)

# Accounts of the installation's own, sealed for this owner.
PLATFORM = "platform"

_SHARED = """
select id, livemode, provider, sealed, key_id, details, updated_at
from platform.shared_provider_accounts
"""


class UnknownAccount(LookupError):
    """No such account, or it has been taken away. A charge outlives a configuration."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no provider account {name!r}.")
        self.name = name


@dataclass(slots=True)
class Tenant:
    """What one tenant has of its own in one mode."""

    changes: int
    accounts: dict[str, Account] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class Directory:
    """The accounts, by name and by tenant."""

    database: Database
    vault: Vault
    client: httpx.AsyncClient
    sandbox_url: str
    installed: Mapping[str, Account]  # test mode's, at the sandbox PSPs
    _shared: dict[str, Account] = field(default_factory=dict)
    _shared_seen: dict[str, Any] = field(default_factory=dict)  # when each was last changed
    _changes: dict[str, int] | None = None  # by schema; None until first read
    _tenants: dict[str, Tenant] = field(default_factory=dict)
    _own: dict[str, Account] = field(default_factory=dict)  # of all tenants

    def find(self, name: str) -> Account | None:
        """The account with this name, if it is still there."""
        return self.installed.get(name) or self._shared.get(name) or self._own.get(name)

    def account(self, name: str) -> Account:
        """The account with this name. Raises UnknownAccount."""
        account = self.find(name)
        if account is None:
            raise UnknownAccount(name)
        return account

    def usable(self, schema: str, name: str) -> Account | None:
        """The account with this name, if a tenant may use it. `load` has been called."""
        return next((account for account in self.of(schema) if account.name == name), None)

    def of(self, schema: str) -> list[Account]:
        """All accounts that a tenant's payments in this mode may use. `load` has been called."""
        livemode = schema.endswith("_live")
        everybodys = [*self.installed.values(), *self._shared.values()]
        own = self._tenants[schema].accounts.values() if schema in self._tenants else ()
        return [*own, *(account for account in everybodys if account.livemode == livemode)]

    def rules(self, schema: str) -> list[Rule]:
        """A tenant's active rules, in order. `load` has been called."""
        return self._tenants[schema].rules if schema in self._tenants else []

    def all(self) -> Iterable[Account]:
        """Every account known here."""
        yield from self.installed.values()
        yield from self._shared.values()
        yield from self._own.values()

    async def load(self, schema: str, name: str | None = None) -> None:
        """Know a tenant's own accounts and rules. Costs nothing unless they have changed.

        `name`: an account that another process speaks of, and may have opened a moment ago.
        """
        await self._load(schema)
        if name is not None and self.find(name) is None:
            await self.poll()
            await self._load(schema)

    async def _load(self, schema: str) -> None:
        if self._changes is None:
            await self.poll()
        assert self._changes is not None
        changes = self._changes.get(schema)
        known = self._tenants.get(schema)
        if changes is None or (known is not None and known.changes == changes):
            return
        await self.database.settled(schema)
        async with self.database.tenant(schema) as connection:
            await self._read(connection, schema, changes)

    async def poll(self) -> None:
        """Learn which tenants have changed something, and read the operator's accounts and
        switches."""
        rows = await self.database.fetch_platform(
            "select schema_name, changes from platform.routing_changes"
            " where $1 or changed_at > now() - interval '1 minute'",
            self._changes is None,
        )
        self._changes = (self._changes or {}) | {row["schema_name"]: row["changes"] for row in rows}
        await self._read_shared()
        await self._read_switches()

    async def announce(self, connection: Connection, schema: str) -> None:
        """Tell every process that this tenant's accounts or rules change, in the transaction that
        changes them. This process reads them again at the next `load`."""
        await connection.execute(
            "insert into platform.routing_changes as c (changes) values (1)"
            " on conflict (schema_name) do update set changes = c.changes + 1, changed_at = now()"
        )
        known = self._tenants.get(schema)
        stale = min(0, known.changes if known else 0) - 1  # no number that was read or written
        self._changes = (self._changes or {}) | {schema: stale}

    async def _read(self, connection: Connection, schema: str, changes: int) -> None:
        accounts = await connection.fetch(
            f"select {ProviderAccount.columns('provider_accounts')} from provider_accounts"
            " where status <> 'deleted' order by id"
        )
        rules = await connection.fetch(
            f"select {RoutingRule.columns('routing_rules')} from routing_rules"
            " where active order by position, id"
        )
        before = self._tenants.get(schema, Tenant(-1)).accounts
        tenant = Tenant(changes, rules=[RoutingRule.read(rule).as_rule() for rule in rules])
        for record in accounts:
            row = ProviderAccount.read(record)
            opened = self.open_account(
                row.id, row.provider, row.details, schema, row.key_id, row.sealed,
                livemode=schema.endswith("_live"),
            )  # fmt: skip
            if opened is not None:
                if row.status == "disabled":
                    opened.disabled = row.details.disabled_reason or "disabled"
                tenant.accounts[row.id] = _keeping_health(opened, before.get(row.id))
        self._tenants[schema] = tenant
        for name in before.keys() - tenant.accounts.keys():
            del self._own[name]
        self._own |= tenant.accounts

    async def _read_shared(self) -> None:
        rows = await self.database.fetch_platform(_SHARED)
        for row in rows:
            name = row["id"]
            if self._shared_seen.get(name) == row["updated_at"]:
                continue
            details = msgspec.json.decode(row["details"], type=Details)
            opened = self.open_account(
                name, row["provider"], details, PLATFORM, row["key_id"], row["sealed"],
                livemode=row["livemode"],
            )  # fmt: skip
            before = self._shared.pop(name, None)
            if opened is not None:
                opened = replace(opened, owner=None)
                self._shared[name] = _keeping_health(opened, before)
            self._shared_seen[name] = row["updated_at"]
        for name in self._shared_seen.keys() - {row["id"] for row in rows}:
            self._shared.pop(name, None)
            del self._shared_seen[name]

    async def _read_switches(self) -> None:
        """Follow the operator's switches; a tenant's own account is switched in its row."""
        rows = await self.database.fetch_platform(
            "select account, reason from platform.provider_switches"
        )
        reasons = {row["account"]: row["reason"] for row in rows}
        for account in (*self.installed.values(), *self._shared.values()):
            account.disabled = reasons.get(account.name)

    def connect(
        self, kind: ProviderType, environment: Environment, values: Mapping[str, str]
    ) -> Rails:
        """An account at the servers of an environment. Raises ValueError."""
        return connect(kind, environment, values, self.sandbox_url, self.client)

    def open_account(
        self,
        name: str,
        provider: str,
        details: Details,
        owner: str,
        key: str,
        sealed: str,
        *,
        livemode: bool,
    ) -> Account | None:
        """An account, ready to be called; None, loudly, if its credentials do not open."""
        try:
            secret = unseal(self.vault, owner, name, key, sealed)
            kind = PROVIDER_TYPES[provider]
            rails = self.connect(kind, details.environment, details.shown | secret)
        except (VaultError, LookupError, TypeError, ValueError) as error:
            logger.warning("the provider account %s cannot be used: %s", name, error)
            return None
        return Account(
            name,
            provider,
            rails.provider,
            livemode,
            disbursement=rails.disbursement,
            owner=owner,
            **settings_of(details),
        )


def _keeping_health(account: Account, before: Account | None) -> Account:
    """An account that was changed is still the one whose calls have been failing."""
    if before is not None:
        account.breakers = before.breakers
    return account
