"""Providers, a merchant's accounts there, their health, and the rules that choose among them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from openapi.objects.common import Amount, Country, Currency, Metadata, Timestamp
from openapi.objects.payment_methods import MethodType

Environment = Literal["live", "provider_sandbox", "sandbox"]
Percentage = Annotated[int, Meta(ge=0, le=100)]


class AmountBounds(Struct):
    """What one payment may amount to, in the currency's minor unit."""

    at_least: Amount
    at_most: Amount | None
    step: Amount


class ProviderCapabilities(Struct):
    """What an account can do. An empty list of networks or countries means any."""

    amounts: dict[str, AmountBounds]
    balance: bool
    countries: list[Country]
    currencies: list[Currency]
    flow: Literal["direct", "push", "redirect"]
    manual_capture: bool
    networks: list[str]
    one_open_charge_per_payer: bool
    page_seconds: int | None
    payment_method_types: list[MethodType]
    payouts: bool
    refunds: bool
    repeat_pause: int
    setup: bool
    signed_callbacks: bool
    wallet_check: bool


class CredentialField(Struct):
    """One thing that an account is opened with."""

    name: str
    required: bool
    secret: bool


class ProviderCost(Struct):
    """What the provider takes for a payment."""

    basis_points: int
    fixed: Amount


class UsableAccount(Struct):
    """An account that payments can go to."""

    account: str
    capabilities: ProviderCapabilities
    check_wallets: bool
    costs: dict[str, ProviderCost]
    disabled_reason: str | None
    owner: Literal["account", "platform"]
    status: Literal["active", "disabled"]


class Provider(Struct):
    """A kind of provider."""

    id: str
    object: Literal["provider"]
    accounts: list[UsableAccount]
    capabilities: ProviderCapabilities
    credentials: list[CredentialField]
    environments: list[Environment]
    livemode: bool
    name: str


class ProviderHealth(Struct):
    """How an account is in one operation, as all processes of the installation see it."""

    id: str
    object: Literal["provider_health"]
    account: str
    calls: Amount
    disabled_reason: str | None
    failures: Amount
    livemode: bool
    next_probe_at: Timestamp | None
    operation: Literal["charge", "payout", "refund", "setup"]
    provider: str
    since: Timestamp | None
    state: Literal["closed", "disabled", "half_open", "open"]
    window_seconds: int


class CredentialCheck(Struct):
    """What the provider said of the credentials when it was last asked."""

    checked_at: Timestamp
    status: Literal["accepted", "refused", "unclear"]


class ProviderAccount(Struct):
    """A merchant's own account at a provider."""

    id: str
    object: Literal["provider_account"]
    check: CredentialCheck | None
    check_wallets: bool
    calls_per_second: float | None
    concurrency: int
    costs: dict[str, ProviderCost]
    created: Timestamp
    credentials: dict[str, str]
    disabled_reason: str | None
    environment: Environment
    livemode: bool
    metadata: Metadata
    nickname: str | None
    provider: str
    secrets: list[str]
    status: Literal["active", "disabled"]


class DeletedProviderAccount(Struct):
    """What is left of a provider account after its deletion."""

    id: str
    object: Literal["provider_account"]
    deleted: Literal[True]


class RuleConditions(Struct):
    """Which payments a rule is for. What is empty fits any."""

    amount_at_least: Amount | None
    amount_at_most: Amount | None
    countries: list[Country]
    currencies: list[Currency]
    networks: list[str]
    payment_method_types: list[MethodType]


class RuleTarget(Struct):
    """An account, and its share of the payments."""

    account: str
    percentage: Percentage


class RoutingRule(Struct):
    """A merchant's wish about which account takes which payment."""

    id: str
    object: Literal["routing_rule"]
    active: bool
    conditions: RuleConditions
    created: Timestamp
    fallback: bool
    livemode: bool
    metadata: Metadata
    nickname: str | None
    position: int
    targets: list[RuleTarget]


class DeletedRoutingRule(Struct):
    """What is left of a routing rule after its deletion."""

    id: str
    object: Literal["routing_rule"]
    deleted: Literal[True]


class ConsideredAccount(Struct):
    """An account that was looked at, and what came of it."""

    account: str
    reason: str
    result: Literal["chosen", "excluded", "fallback"]


class RoutingPreview(Struct):
    """Which accounts would take a payment, best first."""

    object: Literal["routing_preview"]
    account: str | None
    considered: list[ConsideredAccount]
    livemode: bool
    reason: str | None
    rule: str | None


class RoutingTry(Struct):
    """An account that an attempt could not be sent to."""

    account: str
    reason: Literal["busy", "disabled", "not_reached", "provider_degraded"]


class ChargeRouting(Struct):
    """Why an attempt is with its provider."""

    account: str
    considered: list[ConsideredAccount]
    rule: str | None
    tries: list[RoutingTry]
