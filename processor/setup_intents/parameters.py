"""What the operations on setup intents take."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from processor.parameters import (
    Amount,
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    ShortText,
    Text,
    Timestamp,
)
from processor.payments.parameters import (
    AutomaticPaymentMethods,
    CurrencyCode,
    MethodParameters,
    ReturnUrl,
)

Usage = Literal["off_session", "on_session"]


class SetupCardOptions(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How a card is to be checked."""

    network: ShortText | None = None
    request_three_d_secure: Literal["any", "automatic", "challenge"] | None = None


class SetupMobileMoneyOptions(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Nothing yet."""


class SetupOptions(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Options by payment method type."""

    card: SetupCardOptions | None = None
    mobile_money: SetupMobileMoneyOptions | None = None


class AcceptanceOnline(Struct, forbid_unknown_fields=True):
    """Where the payer accepted."""

    ip_address: ShortText | None = None
    user_agent: ShortText | None = None


class AcceptanceOffline(Struct, forbid_unknown_fields=True):
    """Nothing: only the merchant knows."""


class CustomerAcceptance(Struct, forbid_unknown_fields=True):
    """How the payer accepted to be charged later."""

    type: Literal["offline", "online"]
    accepted_at: Timestamp | None = None
    offline: AcceptanceOffline | None = None
    online: AcceptanceOnline | None = None


class MandateData(Struct, forbid_unknown_fields=True):
    """What the mandate shall say."""

    customer_acceptance: CustomerAcceptance


class SingleUseParameters(Struct, forbid_unknown_fields=True):
    """The one later charge that the payer agrees to."""

    amount: Amount
    currency: CurrencyCode


class SetupFields(MethodParameters, kw_only=True):
    """What can be given when a setup intent is made, and changed while nothing is under way."""

    customer: Id | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    payment_method_options: SetupOptions | None | UnsetType = UNSET


class Create(SetupFields, kw_only=True):
    """A setup intent. `confirm` checks the payment method at once."""

    automatic_payment_methods: AutomaticPaymentMethods | None = None
    confirm: bool = False
    mandate_data: MandateData | None = None
    metadata: Metadata | None = None
    return_url: ReturnUrl | None = None
    single_use: SingleUseParameters | None = None
    usage: Usage = "off_session"
    use_stripe_sdk: bool = False


class Update(SetupFields, kw_only=True):
    """Only what is given changes."""

    intent: Id
    metadata: MetadataUpdate = UNSET


class Confirm(MethodParameters, kw_only=True):
    """Check the payment method. With a publishable key the client secret is required."""

    intent: Id
    client_secret: ShortText | None = None
    mandate_data: MandateData | None = None
    payment_method_options: SetupOptions | None | UnsetType = UNSET
    return_url: ReturnUrl | None = None
    use_stripe_sdk: bool = False


class Cancel(Parameters, kw_only=True):
    """Give up a setup intent."""

    intent: Id
    cancellation_reason: Literal["abandoned", "duplicate", "requested_by_customer"] | None = None


class Retrieve(Parameters, kw_only=True):
    """Which setup intent. With a publishable key the client secret is required."""

    intent: Id
    client_secret: ShortText | None = None


class List(ListParameters, kw_only=True):
    """Filter by customer or payment method."""

    customer: Id | None = None
    payment_method: Id | None = None


class AttemptList(ListParameters, kw_only=True):
    """Of which setup intent."""

    setup_intent: Id
