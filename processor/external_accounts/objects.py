"""An external account's row, and the object the API shows."""

import hashlib
from typing import Literal

from msgspec import Struct

from processor.operations import Object
from processor.rows import Row
from tenants import tables


class Details(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    account_holder_name: str | None = None
    account_holder_type: str | None = None
    bank_name: str | None = None
    routing_number: str | None = None  # the bank's BIC or sort code
    network: str | None = None  # of a wallet: mtn, orange, moov, tmoney


class ExternalAccount(Row, kw_only=True):
    """A row of `external_accounts`."""

    table = tables.external_accounts

    kind: Literal["bank_account", "mobile_wallet"]
    country: str
    currency: str
    number: str
    default_for_currency: bool = False
    deleted: bool = False
    details: Details


def fingerprint(account: ExternalAccount) -> str:
    """Equal for equal numbers, and telling nothing of them."""
    named = f"{account.kind}\0{account.details.routing_number}\0{account.number}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def render(account: ExternalAccount, owner: str) -> Object:
    """The external account object. Of its number only the last four digits are ever shown."""
    details = account.details
    shown: Object = {
        "id": account.id,
        "object": account.kind,
        "account": owner,
        "account_holder_name": details.account_holder_name,
        "account_holder_type": details.account_holder_type,
        "available_payout_methods": ["standard"],
        "country": account.country,
        "currency": account.currency,
        "default_for_currency": account.default_for_currency,
        "fingerprint": fingerprint(account),
        "last4": account.number[-4:],
        "metadata": account.metadata,
        "status": "new",
    }
    if account.kind == "mobile_wallet":
        return shown | {"network": details.network}
    return shown | {
        "account_type": None,
        "bank_name": details.bank_name,
        "future_requirements": None,
        "requirements": None,
        "routing_number": details.routing_number,
    }


def render_deleted(account: ExternalAccount) -> Object:
    """What is left of a deleted one."""
    return {
        "id": account.id,
        "object": account.kind,
        "currency": account.currency,
        "deleted": True,
    }
