"""Find provider accounts, open what is sealed, and say what still needs them."""

import time

from processor.errors import InvalidRequest, not_found
from processor.payments.states import OPEN as OPEN_CHARGES
from processor.payouts.states import UNDER_WAY
from processor.provider_accounts.objects import ProviderAccount, seal, unseal
from processor.refunds.objects import OPEN as OPEN_REFUNDS
from processor.routing.accounts import HANDOVER_SECONDS
from processor.routing_rules import store as routing_rules
from processor.setup_intents.states import OPEN as OPEN_SETUPS
from processor.vault import Vault, VaultError
from tenants.database import Connection

# What only this account's provider can end. An authorized charge has yet to be taken or released.
_UNDER_WAY = """
select (select count(*) from charges where provider = $1 and state = any($2))
     + (select count(*) from refunds where provider = $1 and state = any($3))
     + (select count(*) from payouts where provider = $1 and state = any($4))
     + (select count(*) from setup_attempts where provider = $1 and state = any($5))
"""


async def found(connection: Connection, identifier: str, tail: str = "") -> ProviderAccount:
    """The account with this id. Raises NotFound, for a deleted one too."""
    account = await ProviderAccount.find(connection, identifier, tail)
    if account is None or account.status == "deleted":
        raise not_found("provider account", identifier, "provider_account")
    return account


def opened(vault: Vault, owner: str, identifier: str, key: str, sealed: str) -> dict[str, str]:
    """As `objects.unseal`. Raises InvalidRequest if the key is gone."""
    try:
        return unseal(vault, owner, identifier, key, sealed)
    except VaultError:
        raise InvalidRequest(
            "The credentials of this account cannot be opened: their encryption key is missing."
            " Make a new account, or ask the operator.",
            code="encryption_key_missing",
        ) from None


def secrets_of(vault: Vault, schema: str, account: ProviderAccount) -> dict[str, str]:
    """A tenant's account's secret credentials. Raises InvalidRequest."""
    return opened(vault, schema, account.id, account.key_id, account.sealed)


def sealed(vault: Vault, schema: str, identifier: str, secrets: dict[str, str]) -> tuple[str, str]:
    """As `objects.seal`. Raises InvalidRequest where nothing can be sealed."""
    try:
        return seal(vault, schema, identifier, secrets)
    except VaultError:
        raise InvalidRequest(
            "This installation cannot keep credentials yet: its operator has to set"
            " CPAY_ENCRYPTION_KEYS.",
            code="encryption_key_missing",
        ) from None


async def _count_under_way(connection: Connection, name: str) -> int:
    """How many of a tenant's payments, refunds, payouts and checks wait for this account."""
    count: int = await connection.fetchval(
        _UNDER_WAY,
        name,
        [*OPEN_CHARGES, "authorized"],
        [*OPEN_REFUNDS],
        [*UNDER_WAY, "pending"],
        [*OPEN_SETUPS],
    )
    return count


def check_idle(disabled_at: float | None) -> None:
    """Refuse to forget an account to which a process may just be sending something: it has to be
    disabled for a minute. `disabled_at` is in unix seconds. Raises InvalidRequest."""
    if disabled_at is None or time.time() < disabled_at + HANDOVER_SECONDS:
        raise InvalidRequest(
            "Payments may be on their way to this account: disable it first, and delete it a minute"
            " later.",
            code="provider_account_in_use",
        )


async def check_unused(connection: Connection, name: str, whose: str = "") -> None:
    """Refuse to forget an account that something needs: money whose fate only its provider knows,
    or a rule. `whose` tenant's it would be, where that is not plain. Raises InvalidRequest."""
    where = f" ({whose})" if whose else ""
    if rule := await routing_rules.naming(connection, name):
        raise InvalidRequest(
            f"The routing rule {rule}{where} sends payments to this account: change or delete it"
            " first.",
            code="provider_account_in_use",
        )
    if waiting := await _count_under_way(connection, name):
        raise InvalidRequest(
            f"{waiting} payments{where} wait for this account's provider. Delete the account when"
            " they have ended.",
            code="provider_account_in_use",
        )
