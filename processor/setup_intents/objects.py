"""Rows of setup intents and their attempts, and the objects the API shows."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from processor.mandates.objects import Acceptance, SingleUse
from processor.operations import Object
from processor.payment_methods import objects as payment_methods
from processor.payments.objects import PaymentError, Presenter, error_object
from processor.rows import Row
from processor.setup_intents.states import AttemptState, SetupStatus
from tenants import tables


class SetupDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    usage: str = "off_session"
    description: str | None = None
    return_url: str | None = None
    automatic_payment_methods: dict[str, Any] | None = None
    allowed_payment_method_types: list[str] | None = None
    excluded_payment_method_types: list[str] | None = None
    payment_method_types: list[str] = []
    payment_method_options: dict[str, dict[str, Any]] = {}
    acceptance: Acceptance = msgspec.field(default_factory=Acceptance)
    single_use: SingleUse | None = None
    cancellation_reason: str | None = None
    next_action: dict[str, Any] | None = None
    last_setup_error: PaymentError | None = None
    mandate: str | None = None


class SetupIntent(Row, kw_only=True):
    """A row of `setup_intents`."""

    table = tables.setup_intents

    status: SetupStatus
    customer: str | None = None
    payment_method: str | None = None
    latest_attempt: str | None = None
    details: SetupDetails


class AttemptDetails(Struct, omit_defaults=True):
    """A snapshot of what the attempt was made with, and what came of it."""

    method_type: str
    card: payment_methods.Card | None = None
    mobile_money: payment_methods.MobileMoney | None = None
    token: str = ""  # of the means of payment, as the provider knows it
    usage: str = "off_session"
    language: Literal["en", "fr"] = "en"  # of the payer's sentences
    failure: PaymentError | None = None
    evidence: dict[str, Any] = {}  # the provider's last words, scrubbed


class SetupAttempt(Row, kw_only=True):
    """A row of `setup_attempts`: one check of one payment method."""

    table = tables.setup_attempts

    state: AttemptState
    setup_intent: str
    customer: str | None = None
    payment_method: str
    provider: str | None = None  # None: no provider checks such a means of payment
    reference: str
    provider_reference: str | None = None
    details: AttemptDetails


def render(presenter: Presenter, intent: SetupIntent) -> Object:
    """The setup intent object."""
    details = intent.details
    return {
        "id": intent.id,
        "object": "setup_intent",
        "allowed_payment_method_types": details.allowed_payment_method_types,
        "application": None,
        "automatic_payment_methods": details.automatic_payment_methods,
        "cancellation_reason": details.cancellation_reason,
        "client_secret": presenter.client_secret(intent.id),
        "created": intent.created,
        "customer": intent.customer,
        "customer_account": None,
        "description": details.description,
        "excluded_payment_method_types": details.excluded_payment_method_types,
        "flow_directions": None,
        "last_setup_error": error_object(details.last_setup_error),
        "latest_attempt": intent.latest_attempt,
        "livemode": presenter.livemode,
        "managed_payments": None,
        "mandate": details.mandate if details.single_use is None else None,
        "metadata": intent.metadata,
        "next_action": details.next_action,
        "on_behalf_of": None,
        "payment_method": intent.payment_method,
        "payment_method_configuration_details": None,
        "payment_method_options": _options(details),
        "payment_method_types": details.payment_method_types,
        "single_use_mandate": details.mandate if details.single_use else None,
        "status": intent.status,
        "usage": details.usage,
    }


def for_caller(presenter: Presenter, intent: SetupIntent) -> Object:
    """The setup intent as this caller may see it: the merchant's notes are not a payer's."""
    shown = render(presenter, intent)
    return shown | {"customer": None, "metadata": {}} if presenter.to_payer else shown


def _options(details: SetupDetails) -> Object:
    shown: Object = {}
    for name in details.payment_method_types:
        given = details.payment_method_options.get(name, {})
        if name == "card":
            given = {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            } | given
        shown[name] = given
    return shown


_ATTEMPT_STATUSES = {
    "submitted": "processing",
    "unknown": "processing",
    "pending": "requires_action",
    "canceled": "abandoned",
}


def render_attempt(attempt: SetupAttempt, livemode: bool) -> Object:
    """The setup attempt object. Stripe's has no metadata."""
    details = attempt.details
    return {
        "id": attempt.id,
        "object": "setup_attempt",
        "application": None,
        "created": attempt.created,
        "customer": attempt.customer,
        "customer_account": None,
        "flow_directions": None,
        "livemode": livemode,
        "on_behalf_of": None,
        "payment_method": attempt.payment_method,
        "payment_method_details": _method_details(details),
        "setup_error": error_object(details.failure),
        "setup_intent": attempt.setup_intent,
        "status": _ATTEMPT_STATUSES.get(attempt.state, attempt.state),
        "usage": details.usage,
    }


def _method_details(details: AttemptDetails) -> Object:
    if details.card is None:
        return {"type": details.method_type, details.method_type: {}}
    card = details.card
    return {
        "type": "card",
        "card": {
            "brand": card.brand,
            "checks": payment_methods.card_checks(),
            "country": card.country,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "fingerprint": payment_methods.card_fingerprint(card, details.token),
            "funding": card.funding,
            "last4": card.last4,
            "network": card.brand,
            "three_d_secure": None,
            "wallet": None,
        },
    }
