"""The payment intent and its attempts, the charges."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from openapi.objects.common import (
    Amount,
    BillingDetails,
    Country,
    Currency,
    Last4,
    Metadata,
    Shipping,
    Timestamp,
)
from openapi.objects.payment_methods import (
    Brand,
    CardChecks,
    MethodType,
    Month,
    Network,
    PaymentMethod,
)
from openapi.objects.providers import ChargeRouting
from processor.parameters import CaptureMethod
from processor.payments.states import IntentStatus

# --- payment intents ----------------------------------------------------------------------------


class RedirectToUrl(Struct):
    """A page that the payer must visit."""

    return_url: str | None
    url: str


class AwaitConfirmation(Struct):
    """A prompt that the payer must answer on the phone."""

    expires_at: Timestamp
    message: str
    network: Network
    phone_last4: Last4
    ussd_code: str | None


class NextAction(Struct, kw_only=True):
    """What the payer must do; `type` names the member that says it."""

    type: Literal["mobile_money_await_confirmation", "redirect_to_url"]
    mobile_money_await_confirmation: AwaitConfirmation | UnsetType = UNSET
    redirect_to_url: RedirectToUrl | UnsetType = UNSET


class LastPaymentError(Struct, kw_only=True):
    """Why the last attempt failed. Members that do not apply are absent."""

    type: Literal["card_error"]
    code: str
    message: str
    charge: str | UnsetType = UNSET
    decline_code: str | UnsetType = UNSET
    network_decline_code: str | UnsetType = UNSET
    payment_method: PaymentMethod | UnsetType = UNSET
    payment_method_type: MethodType | UnsetType = UNSET


class Tip(Struct):
    """Always empty: tips belong to card terminals."""


class AmountDetails(Struct):
    """What the amount is made of."""

    tip: Tip


class AutomaticPaymentMethods(Struct):
    """Whether the account's settings choose the payment method types."""

    enabled: bool
    allow_redirects: Literal["always", "never"]


class CardOptions(Struct, kw_only=True):
    """How a card is to be charged."""

    capture_method: Literal["manual"] | UnsetType = UNSET
    installments: None
    mandate_options: None
    network: str | None
    request_three_d_secure: Literal["any", "automatic", "challenge"]
    setup_future_usage: Literal["none", "off_session", "on_session"] | UnsetType = UNSET


class PaymentMethodOptions(Struct, kw_only=True):
    """Options by payment method type."""

    card: CardOptions | UnsetType = UNSET
    hosted_card: dict[str, Any] | UnsetType = UNSET
    mobile_money: dict[str, Any] | UnsetType = UNSET
    paypal: dict[str, Any] | UnsetType = UNSET


class PaymentIntent(Struct):
    """What a merchant wants to be paid, from the first idea to the money."""

    id: str
    object: Literal["payment_intent"]
    allowed_payment_method_types: list[str] | None
    amount: Amount
    amount_capturable: Amount
    amount_details: AmountDetails
    amount_received: Amount
    application: None
    application_fee_amount: None
    automatic_payment_methods: AutomaticPaymentMethods | None
    canceled_at: Timestamp | None
    cancellation_reason: (
        Literal["abandoned", "duplicate", "fraudulent", "requested_by_customer"] | None
    )
    capture_method: CaptureMethod
    client_secret: str
    confirmation_method: Literal["automatic", "manual"]
    created: Timestamp
    currency: Currency
    customer: str | None
    customer_account: None
    description: str | None
    excluded_payment_method_types: list[str] | None
    last_payment_error: LastPaymentError | None
    latest_charge: str | None
    livemode: bool
    managed_payments: None
    metadata: Metadata
    next_action: NextAction | None
    on_behalf_of: None
    payment_method: str | None
    payment_method_configuration_details: None
    payment_method_options: PaymentMethodOptions
    payment_method_types: list[MethodType]
    payment_record: None
    processing: None
    receipt_email: str | None
    review: None
    setup_future_usage: Literal["off_session", "on_session"] | None
    shipping: Shipping | None
    source: None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    status: IntentStatus
    transfer_data: None
    transfer_group: str | None


# --- charges ------------------------------------------------------------------------------------


class Outcome(Struct):
    """How the attempt ended, in the issuer's or the network's eyes."""

    advice_code: None
    network_advice_code: None
    network_decline_code: str | None
    network_status: Literal["approved_by_network", "declined_by_network", "not_sent_to_network"]
    reason: str | None
    risk_level: Literal["normal"]
    seller_message: str
    type: Literal["authorized", "invalid", "issuer_declined"]


class CardDetails(Struct):
    """The card as it was when it was charged."""

    amount_authorized: Amount | None
    authorization_code: None
    brand: Brand
    checks: CardChecks
    country: Country | None
    electronic_commerce_indicator: None
    exp_month: Month
    exp_year: int
    fingerprint: str
    funding: str
    installments: None
    last4: Last4
    mandate: None
    network: Brand
    network_transaction_id: None
    regulated_status: Literal["unregulated"]
    three_d_secure: None
    transaction_link_id: None
    wallet: None


class MobileMoneyDetails(Struct):
    """The wallet as it was when it was charged."""

    country: Country
    fingerprint: str
    last4: Last4
    mandate: str | None
    network: Network
    transaction_id: str | None


class HostedCardDetails(Struct):
    """What the acquirer said of a card typed on its page."""

    transaction_id: str | None


class PayPalDetails(Struct):
    """A PayPal payment."""

    country: None
    payer_email: None
    payer_id: None
    payer_name: None
    seller_protection: None
    shipping: None
    transaction_id: str | None


class MethodDetails(Struct, kw_only=True):
    """What was charged; `type` names the member that says it."""

    type: MethodType
    card: CardDetails | UnsetType = UNSET
    hosted_card: HostedCardDetails | UnsetType = UNSET
    mobile_money: MobileMoneyDetails | UnsetType = UNSET
    paypal: PayPalDetails | UnsetType = UNSET


class FraudDetails(Struct, kw_only=True):
    """The merchant's own judgement."""

    user_report: Literal["fraudulent", "safe"] | UnsetType = UNSET


class Charge(Struct):
    """One attempt to take the money of a payment intent."""

    id: str
    object: Literal["charge"]
    amount: Amount
    amount_captured: Amount
    amount_refunded: Amount
    application: None
    application_fee: None
    application_fee_amount: None
    balance_transaction: str | None
    billing_details: BillingDetails
    calculated_statement_descriptor: str | None
    captured: bool
    created: Timestamp
    currency: Currency
    customer: str | None
    description: str | None
    disputed: bool
    failure_balance_transaction: None
    failure_code: str | None
    failure_message: str | None
    fraud_details: FraudDetails
    livemode: bool
    metadata: Metadata
    on_behalf_of: None
    outcome: Outcome | None
    paid: bool
    payment_intent: str | None  # null: it was made directly
    payment_method: str | None
    payment_method_details: MethodDetails
    receipt_email: str | None
    receipt_number: None
    receipt_url: str | None
    refunded: bool
    review: None
    routing: ChargeRouting | None
    shipping: Shipping | None
    source: None
    source_transfer: None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    status: Literal["failed", "pending", "succeeded"]
    transfer_data: None
    transfer_group: str | None
    unresolved_payment: str | UnsetType = UNSET
