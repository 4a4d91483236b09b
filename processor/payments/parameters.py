"""What the operations on payment intents and charges take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from processor.parameters import (
    Amount,
    CaptureMethod,
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    Shipping,
    ShortText,
    Text,
)
from processor.payment_methods.store import PaymentMethodData

CurrencyCode = Annotated[str, Meta(min_length=3, max_length=3)]
Types = Annotated[list[ShortText], Meta(min_length=1, max_length=20)]
ReturnUrl = Annotated[str, Meta(max_length=2048)]
Descriptor = Annotated[str, Meta(max_length=22)]
SetupFutureUsage = Literal["on_session", "off_session"]
OffSession = bool | Literal["one_off", "recurring"]


class AutomaticPaymentMethods(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Let the account's settings choose the types."""

    enabled: bool
    allow_redirects: Literal["always", "never"] = "always"


class CardOptions(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How a card is to be charged."""

    capture_method: Literal["manual"] | None = None
    network: ShortText | None = None
    request_three_d_secure: Literal["any", "automatic", "challenge"] | None = None
    setup_future_usage: Literal["none", "on_session", "off_session"] | None = None


class MobileMoneyOptions(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Nothing yet."""


class HostedOptions(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Nothing yet."""


class PaymentMethodOptions(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Options by payment method type."""

    card: CardOptions | None = None
    mobile_money: MobileMoneyOptions | None = None
    hosted_card: HostedOptions | None = None
    paypal: HostedOptions | None = None


class MethodParameters(Parameters, kw_only=True):
    """The payment method of a payment or setup intent, and the types that it may have."""

    payment_method: Id | None | UnsetType = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_types: Types | UnsetType = UNSET
    allowed_payment_method_types: Types | UnsetType = UNSET
    excluded_payment_method_types: Types | None | UnsetType = UNSET


class IntentParameters(MethodParameters, kw_only=True):
    """What can be given when an intent is made, updated or confirmed."""

    payment_method_options: PaymentMethodOptions | None | UnsetType = UNSET
    capture_method: CaptureMethod | UnsetType = UNSET
    receipt_email: Annotated[str, Meta(max_length=512)] | None | UnsetType = UNSET
    setup_future_usage: SetupFutureUsage | None | UnsetType = UNSET
    shipping: Shipping | None | UnsetType = UNSET


class IntentFields(IntentParameters, kw_only=True):
    """What can be given when an intent is made, and changed while nothing is under way."""

    customer: Id | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    statement_descriptor: Descriptor | None | UnsetType = UNSET
    statement_descriptor_suffix: Descriptor | None | UnsetType = UNSET
    transfer_group: ShortText | None | UnsetType = UNSET


class Create(IntentFields, kw_only=True):
    """A payment intent. `confirm` makes the first attempt at once."""

    amount: Amount
    currency: CurrencyCode
    automatic_payment_methods: AutomaticPaymentMethods | None = None
    confirm: bool = False
    confirmation_method: Literal["automatic", "manual"] = "automatic"
    metadata: Metadata | None = None
    error_on_requires_action: bool = False
    off_session: OffSession = False
    return_url: ReturnUrl | None = None
    use_stripe_sdk: bool = False


class Update(IntentFields, kw_only=True):
    """Only what is given changes."""

    intent: Id
    amount: Amount | UnsetType = UNSET
    currency: CurrencyCode | UnsetType = UNSET
    metadata: MetadataUpdate = UNSET


class Confirm(IntentParameters, kw_only=True):
    """Make an attempt. With a publishable key the client secret is required."""

    intent: Id
    client_secret: ShortText | None = None
    error_on_requires_action: bool = False
    off_session: OffSession = False
    return_url: ReturnUrl | None = None
    use_stripe_sdk: bool = False


class Capture(Parameters, kw_only=True):
    """Take the held amount or a part of it; the rest is released."""

    intent: Id
    amount_to_capture: Amount | None = None
    final_capture: bool = True
    metadata: MetadataUpdate = UNSET
    statement_descriptor: Descriptor | None = None
    statement_descriptor_suffix: Descriptor | None = None


class Cancel(Parameters, kw_only=True):
    """Give up an intent; a held amount is released."""

    intent: Id
    cancellation_reason: (
        Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"] | None
    ) = None


class Retrieve(Parameters, kw_only=True):
    """Which intent. With a publishable key the client secret is required."""

    intent: Id
    client_secret: ShortText | None = None


class List(ListParameters, kw_only=True):
    """Filter by customer."""

    customer: Id | None = None


class ChargeCreate(Parameters, kw_only=True):
    """A charge of a card without an intent: of a token, or of what a customer has saved."""

    amount: Amount
    currency: CurrencyCode
    capture: bool = True
    customer: Id | None = None
    description: Text | None = None
    metadata: Metadata | None = None
    receipt_email: Annotated[str, Meta(max_length=512)] | None = None
    shipping: Shipping | None = None
    source: Id | None = None
    statement_descriptor: Descriptor | None = None
    statement_descriptor_suffix: Descriptor | None = None
    transfer_group: ShortText | None = None


class ChargeCapture(Parameters, kw_only=True):
    """Take the held amount or a part of it; the rest is released."""

    charge: Id
    amount: Amount | None = None
    receipt_email: Annotated[str, Meta(max_length=512)] | None = None
    statement_descriptor: Descriptor | None = None
    statement_descriptor_suffix: Descriptor | None = None
    transfer_group: ShortText | None = None


class ChargeRetrieve(Parameters, kw_only=True):
    """Which charge."""

    charge: Id


class FraudDetails(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The merchant's own judgement."""

    user_report: Literal["fraudulent", "safe"] | None = None


class ChargeUpdate(Parameters, kw_only=True):
    """Only what is given changes."""

    charge: Id
    customer: Id | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    fraud_details: FraudDetails | UnsetType = UNSET
    metadata: MetadataUpdate = UNSET
    receipt_email: Annotated[str, Meta(max_length=512)] | None | UnsetType = UNSET
    shipping: Shipping | None | UnsetType = UNSET
    transfer_group: ShortText | None | UnsetType = UNSET


class ChargeList(ListParameters, kw_only=True):
    """Filter by customer, payment intent or group."""

    customer: Id | None = None
    payment_intent: Id | None = None
    transfer_group: ShortText | None = None
