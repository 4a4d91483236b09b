"""Kinds of provider, accounts and their health as the API shows them."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from processor.operations import Object
from processor.provider_accounts.credentials import environments
from processor.provider_accounts.objects import costs_shown
from processor.routing.accounts import OPERATIONS, Account
from processor.routing.health import Seen
from providers.boundary import Capabilities
from providers.catalogue import PROTOCOLS, ProviderType

# The protocol that an account has which carries out an operation; any account takes charges.
_NEEDED = {"refund": "refunds", "payout": "payouts", "setup": "setup"}


def render(kind: ProviderType, accounts: Iterable[Account], *, livemode: bool) -> Object:
    """A kind of provider, with the accounts there that a tenant can use in a mode."""
    return {
        "id": kind.id,
        "object": "provider",
        "accounts": [_account(account) for account in accounts],
        "capabilities": _capabilities(kind.capabilities, kind.supports),
        "credentials": [
            {"name": field.name, "required": field.required, "secret": field.secret}
            for field in kind.fields
        ],
        "environments": environments(kind, livemode=livemode),
        "livemode": livemode,
        "name": kind.title,
    }


def _account(account: Account) -> Object:
    return {
        "account": account.name,
        "capabilities": _capabilities(account.provider.capabilities, supports(account)),
        "check_wallets": account.checks_wallets,
        "costs": costs_shown(account.costs),
        "disabled_reason": account.disabled,
        "owner": "platform" if account.owner is None else "account",
        "status": "active" if account.disabled is None else "disabled",
    }


def supports(account: Account) -> dict[str, bool]:
    """The opt-in protocols that an account has, by the words that `Capabilities` lacks."""
    rails: tuple[Any, ...] = (account.provider, account.disbursement)
    return {
        word: any(isinstance(rail, protocol) for rail in rails)
        for word, protocol in PROTOCOLS.items()
    }


def _capabilities(able: Capabilities, supported: Mapping[str, bool]) -> Object:
    return {
        "amounts": {
            currency: {"at_least": bounds.least, "at_most": bounds.most, "step": bounds.step}
            for currency, bounds in sorted(able.amounts.items())
        },
        "countries": sorted(able.countries),
        "currencies": sorted(able.currencies),
        "flow": able.flow.value,
        "networks": sorted(able.networks),
        "one_open_charge_per_payer": able.one_open_charge_per_payer,
        "page_seconds": able.page_seconds,
        "payment_method_types": sorted(able.methods),
        "repeat_pause": able.repeat_pause,
        "signed_callbacks": able.signed_callbacks,
        **supported,
    }


def operations_of(account: Account) -> list[str]:
    """What can be sent to an account."""
    supported = supports(account)
    return [each for each in OPERATIONS if each == "charge" or supported[_NEEDED[each]]]


def render_health(account: Account, operation: str, seen: Seen, window: float) -> Object:
    """How an account is, by what all processes know together."""
    state = account.state(operation) if account.disabled is not None else _state(seen)
    return {
        "id": f"{account.name}.{operation}",
        "object": "provider_health",
        "account": account.name,
        "calls": seen.calls,
        "disabled_reason": account.disabled,
        "failures": seen.failures,
        "livemode": account.livemode,
        "next_probe_at": int(time.time() + seen.seconds) if seen.state == "open" else None,
        "operation": operation,
        "provider": account.type,
        "since": seen.since,
        "state": state,
        "window_seconds": int(window),
    }


def _state(seen: Seen) -> str:
    if seen.state != "open":
        return "closed"
    return "open" if seen.seconds > 0 else "half_open"
