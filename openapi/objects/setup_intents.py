"""The setup intent, its attempts, and the mandate that comes of it."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from openapi.objects.common import Amount, Country, Currency, Last4, Metadata, Timestamp
from openapi.objects.payment_methods import Brand, CardChecks, MethodType, Month
from openapi.objects.payments import AutomaticPaymentMethods, LastPaymentError, NextAction
from processor.setup_intents.states import SetupStatus

Usage = Literal["off_session", "on_session"]


class SetupCardOptions(Struct):
    """How a card is to be checked."""

    mandate_options: None
    network: str | None
    request_three_d_secure: Literal["any", "automatic", "challenge"]


class SetupOptions(Struct, kw_only=True):
    """Options by payment method type."""

    card: SetupCardOptions | UnsetType = UNSET
    mobile_money: dict[str, Any] | UnsetType = UNSET


class SetupIntent(Struct):
    """A means of payment on its way to be saved, without a charge."""

    id: str
    object: Literal["setup_intent"]
    allowed_payment_method_types: list[str] | None
    application: None
    automatic_payment_methods: AutomaticPaymentMethods | None
    cancellation_reason: Literal["abandoned", "duplicate", "requested_by_customer"] | None
    client_secret: str
    created: Timestamp
    customer: str | None
    customer_account: None
    description: str | None
    excluded_payment_method_types: list[str] | None
    flow_directions: None
    last_setup_error: LastPaymentError | None
    latest_attempt: str | None
    livemode: bool
    managed_payments: None
    mandate: str | None
    metadata: Metadata
    next_action: NextAction | None
    on_behalf_of: None
    payment_method: str | None
    payment_method_configuration_details: None
    payment_method_options: SetupOptions
    payment_method_types: list[MethodType]
    single_use_mandate: str | None
    status: SetupStatus
    usage: Usage


class AttemptCard(Struct):
    """The card as it was when it was checked."""

    brand: Brand
    checks: CardChecks
    country: Country | None
    exp_month: Month
    exp_year: int
    fingerprint: str
    funding: str
    last4: Last4
    network: Brand
    three_d_secure: None
    wallet: None


class AttemptMethodDetails(Struct, kw_only=True):
    """What was checked; `type` names the member that says it."""

    type: MethodType
    card: AttemptCard | UnsetType = UNSET
    mobile_money: dict[str, Any] | UnsetType = UNSET


class SetupAttempt(Struct):
    """One check of one payment method."""

    id: str
    object: Literal["setup_attempt"]
    application: None
    created: Timestamp
    customer: str | None
    customer_account: None
    flow_directions: None
    livemode: bool
    on_behalf_of: None
    payment_method: str
    payment_method_details: AttemptMethodDetails
    setup_error: LastPaymentError | None
    setup_intent: str
    status: Literal["abandoned", "failed", "processing", "requires_action", "succeeded"]
    usage: Usage


class OnlineAcceptance(Struct):
    """Where the payer accepted."""

    ip_address: str | None
    user_agent: str | None


class Acceptance(Struct, kw_only=True):
    """How the payer accepted to be charged later; `type` names the member that says it."""

    type: Literal["offline", "online"]
    accepted_at: Timestamp | None
    offline: dict[str, Any] | UnsetType = UNSET
    online: OnlineAcceptance | UnsetType = UNSET


class SingleUse(Struct):
    """The one charge that was agreed to."""

    amount: Amount
    currency: Currency


class MandateMethodDetails(Struct, kw_only=True):
    """What may be charged; `type` names the member that says it."""

    type: MethodType
    card: dict[str, Any] | UnsetType = UNSET
    mobile_money: dict[str, Any] | UnsetType = UNSET


class Mandate(Struct, kw_only=True):
    """The payer's consent to be charged later."""

    id: str
    object: Literal["mandate"]
    customer_acceptance: Acceptance
    livemode: bool
    multi_use: dict[str, Any] | UnsetType = UNSET
    payment_method: Annotated[str, Meta(min_length=1)]
    payment_method_details: MandateMethodDetails
    single_use: SingleUse | UnsetType = UNSET
    status: Literal["active", "inactive", "pending"]
    type: Literal["multi_use", "single_use"]
