"""From parameters to an intent: defaults, checks and the payment method it will be paid with."""

import time
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from processor.customers.objects import Customer
from processor.errors import InvalidRequest, missing
from processor.money import Currency, check_amount, currency_named
from processor.operations import Item
from processor.parameters import Parameters, merged_metadata
from processor.payment_methods import store as payment_methods
from processor.payment_methods.objects import HOSTED, PaymentMethod
from processor.payment_methods.store import Chosen
from processor.payments import return_urls
from processor.payments.objects import Charge, Intent, IntentDetails
from processor.payments.parameters import (
    Confirm,
    Create,
    IntentParameters,
    MethodParameters,
    Update,
)
from processor.tokens.objects import Token, usable
from tenants.database import Connection
from tenants.ids import new_id
from tenants.keys import Caller

P = TypeVar("P", bound=Parameters)

SAVED_TYPES = ("card", "mobile_money")  # can be charged again without their payer
TYPES = (*SAVED_TYPES, *HOSTED)

# Where mobile money is money: francs, and euros in MTN's own sandbox.
MOBILE_MONEY_CURRENCIES = frozenset({"xaf", "xof"})


@dataclass(slots=True)
class Draft(Generic[P]):
    """One item on its way: its intent, how it will be paid, and the attempt if there is one."""

    item: Item[P]
    intent: Intent
    method: PaymentMethod | None = None
    chosen: Chosen | None = None  # by this very call
    charge: Charge | None = None


@dataclass(slots=True)
class Named:
    """The ids that the parameters of a set of items name."""

    customers: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)

    def add(self, parameters: Any) -> None:
        """Read one item's parameters."""
        customer = getattr(parameters, "customer", UNSET)
        if isinstance(customer, str):
            self.customers.add(customer)
        method = getattr(parameters, "payment_method", UNSET)
        if isinstance(method, str):
            self.methods.add(method)
        token = payment_methods.token_named(getattr(parameters, "payment_method_data", UNSET))
        if token is not None:
            self.tokens.add(token)


@dataclass(slots=True)
class References:
    """What the parameters of a set of items name, fetched once for all."""

    customers: dict[str, Customer] = field(default_factory=dict)
    methods: dict[str, PaymentMethod] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)


async def references(connection: Connection, named: Named) -> References:
    """Fetch what is named; tokens are locked, because they are used once."""
    found = References()
    if named.customers:
        rows = await Customer.fetch(connection, sorted(named.customers))
        found.customers = {row.id: row for row in rows if not row.deleted}
    if named.methods:
        rows_of_methods = await PaymentMethod.fetch(connection, sorted(named.methods))
        found.methods = {row.id: row for row in rows_of_methods}
    if named.tokens:
        found.tokens = await usable(connection, sorted(named.tokens))
    return found


def new_intent(caller: Caller, parameters: Create) -> Intent:
    """A new intent with all that does not need the database. Raises InvalidRequest."""
    currency = currency_named(parameters.currency)
    check_amount(parameters.amount, currency)
    automatic = parameters.automatic_payment_methods
    explicit = parameters.payment_method_types is not UNSET
    if automatic is not None and automatic.enabled and explicit:
        raise InvalidRequest(
            "You may only specify one of these parameters: automatic_payment_methods,"
            " payment_method_types."
        )
    if not parameters.confirm:
        for name in ("off_session", "error_on_requires_action"):
            if getattr(parameters, name):
                raise InvalidRequest(
                    f"You cannot set `{name}` without setting `confirm` to true.", param=name
                )
    details = IntentDetails(confirmation_method=parameters.confirmation_method)
    if automatic is not None:
        details.automatic_payment_methods = {
            "enabled": automatic.enabled,
            "allow_redirects": automatic.allow_redirects,
        }
    details.payment_method_types = enabled_types(currency, caller.livemode)
    intent = Intent(
        id=new_id("pi"),
        created=int(time.time()),
        status="requires_payment_method",
        amount=parameters.amount,
        currency=currency.code,
        metadata=parameters.metadata or {},
        details=details,
    )
    apply_fields(intent, parameters)
    if parameters.return_url is not None:
        apply_return_url(intent, parameters.return_url)
    return intent


def enabled_types(currency: Currency, livemode: bool) -> list[str]:
    """What can pay in this currency when the merchant names no types."""
    wallets = currency.code in MOBILE_MONEY_CURRENCIES or (currency.code == "eur" and not livemode)
    return ["card", *(["mobile_money"] if wallets else []), *HOSTED]


def apply_amount(intent: Intent, parameters: Update) -> None:
    """A new amount or currency. Raises InvalidRequest."""
    if parameters.currency is not UNSET:
        intent.currency = currency_named(parameters.currency).code
    if parameters.amount is not UNSET:
        intent.amount = parameters.amount
    check_amount(intent.amount, currency_named(intent.currency))


# Members that are copied as they come.
_PLAIN = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
    "capture_method",
)


def apply_fields(intent: Intent, parameters: IntentParameters) -> None:
    """Write the given members into the intent. Raises InvalidRequest."""
    details = intent.details
    for name in _PLAIN:
        value = getattr(parameters, name, UNSET)
        if value is not UNSET:
            setattr(details, name, value)
    if parameters.payment_method_options is not UNSET:
        given = msgspec.to_builtins(parameters.payment_method_options) or {}
        details.payment_method_options = {k: v for k, v in given.items() if v is not None}
    apply_types(details, parameters)
    if isinstance(parameters, Update) and parameters.metadata is not UNSET:
        intent.metadata = merged_metadata(intent.metadata, parameters.metadata)


class TypeChoice(Protocol):
    """Where an intent keeps which types of payment method may be used."""

    payment_method_types: list[str]
    allowed_payment_method_types: list[str] | None
    excluded_payment_method_types: list[str] | None


def apply_types(details: TypeChoice, parameters: MethodParameters) -> None:
    """Write the given types into an intent's details. Raises InvalidRequest."""
    for name in ("payment_method_types", "allowed_payment_method_types"):
        types = getattr(parameters, name)
        if types is UNSET:
            continue
        for index, kind in enumerate(types):
            if kind not in TYPES:
                raise InvalidRequest(
                    f'The payment method type "{kind[:40]}" is invalid. This account can use:'
                    f" {', '.join(TYPES)}.",
                    param=f"{name}[{index}]",
                )
        details.payment_method_types = list(dict.fromkeys(types))
        if name == "allowed_payment_method_types":
            details.allowed_payment_method_types = details.payment_method_types
    if parameters.excluded_payment_method_types is not UNSET:
        excluded = parameters.excluded_payment_method_types or []
        details.excluded_payment_method_types = excluded or None
        details.payment_method_types = [
            kind for kind in details.payment_method_types if kind not in excluded
        ]


def apply_return_url(intent: Intent, url: str) -> None:
    """Where a redirected payer comes back to. Raises InvalidRequest."""
    return_urls.check(url)
    intent.details.return_url = url


def choose_method(
    caller: Caller, draft: Draft[Any], parameters: IntentParameters, known: References
) -> None:
    """Find or make the payment method that the parameters name. Raises InvalidRequest."""
    draft.chosen = chosen(caller, parameters, known)
    if draft.chosen is not None:
        draft.method = draft.chosen.method
        check_method(draft.intent, draft.method)
        draft.intent.payment_method = draft.method.id
    elif parameters.payment_method is None:
        draft.intent.payment_method = None


def chosen(caller: Caller, parameters: MethodParameters, known: References) -> Chosen | None:
    """The payment method that the parameters name or describe. Raises APIError."""
    identifier = parameters.payment_method
    return payment_methods.choose(
        caller,
        identifier if isinstance(identifier, str) else None,
        parameters.payment_method_data,
        known.methods,
        known.tokens,
    )


def check_method(intent: Intent, method: PaymentMethod) -> None:
    """Refuse a payment method that this intent cannot be paid with. Raises InvalidRequest."""
    check_owner(method, intent.customer, "PaymentIntent")
    if method.type not in intent.details.payment_method_types:
        raise InvalidRequest(
            f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent."
            " Its types are:"
            f" {', '.join(intent.details.payment_method_types)}.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )
    if method.type == "mobile_money" and intent.details.capture_method == "manual":
        raise InvalidRequest(
            "Mobile money cannot be authorized first and captured later: there is no such thing on"
            " its rails. Use capture_method=automatic.",
            param="capture_method",
        )


def check_owner(method: PaymentMethod, customer: str | None, noun: str) -> None:
    """Refuse a payment method of another customer. `noun` says for what it is to be used.

    Raises InvalidRequest.
    """
    if method.customer in (None, customer):
        return
    if customer is None:
        raise InvalidRequest(
            f"The PaymentMethod {method.id} belongs to a Customer. Please include the Customer"
            f" in the `customer` parameter on the {noun}.",
            param="payment_method",
        )
    raise InvalidRequest(
        f"The PaymentMethod {method.id} does not belong to the Customer {customer}.",
        param="payment_method",
    )


def check_customer(draft: Draft[Any], customer: Any, known: References) -> None:
    """Set the customer that the parameters name. Raises InvalidRequest."""
    if isinstance(customer, str):
        if customer not in known.customers:
            raise missing("customer", customer, "customer")
        draft.intent.customer = customer


def off_session(parameters: Create | Confirm) -> bool:
    """Whether nobody is there to answer a challenge: then a challenge is a refusal."""
    return bool(parameters.off_session) or parameters.error_on_requires_action
