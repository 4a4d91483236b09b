"""Every operation as a typed method, made from the table by `python -m rpc`."""
# ruff: noqa: E501, F401 - lines and imports are as the table needs them
# fmt: off

from collections.abc import Callable
from typing import Any, Generic, Literal, Required, TypedDict, TypeVar, Unpack

R = TypeVar("R")


class Resource(Generic[R]):
    """Operations on one noun. `R` is what a call gives: an object, or an awaitable of one."""

    def __init__(self, call: Callable[..., R]) -> None:
        self._call = call


class AcceptanceOffline(TypedDict, total=False):
    """Nothing: only the merchant knows."""


class AcceptanceOnline(TypedDict, total=False):
    """Where the payer accepted."""

    ip_address: str | None
    user_agent: str | None


class Address(TypedDict, total=False):
    """A postal address."""

    city: str | None
    country: str | None
    line1: str | None
    line2: str | None
    postal_code: str | None
    state: str | None


class AutomaticPaymentMethods(TypedDict, total=False):
    """Let the account's settings choose the types."""

    enabled: Required[bool]
    allow_redirects: Literal['always', 'never']


class BillingDetails(TypedDict, total=False):
    """Who pays."""

    address: Address | None
    email: str | None
    name: str | None
    phone: str | None
    tax_id: str | None


class CardOptions(TypedDict, total=False):
    """How a card is to be charged."""

    capture_method: Literal['manual'] | None
    network: str | None
    request_three_d_secure: Literal['any', 'automatic', 'challenge'] | None
    setup_future_usage: Literal['none', 'off_session', 'on_session'] | None


class CardParameters(TypedDict, total=False):
    """A card, by the token that stands for it; in test mode also typed, by a test number."""

    cvc: str | int | None
    exp_month: int | None
    exp_year: int | None
    number: str | int | None
    token: str | None


class CardUpdate(TypedDict, total=False):
    """The parts of a card that may change."""

    exp_month: int | None
    exp_year: int | None


class ConditionData(TypedDict, total=False):
    """Which payments the rule is for. What is left out fits any."""

    amount_at_least: int | None
    amount_at_most: int | None
    countries: list[str] | None
    currencies: list[str] | None
    networks: list[Literal['moov', 'mtn', 'orange', 'tmoney']] | None
    payment_method_types: list[Literal['card', 'hosted_card', 'mobile_money', 'paypal']] | None


class CostData(TypedDict, total=False):
    """What the provider takes from the merchant for a payment in one currency."""

    basis_points: int
    fixed: int


class Created(TypedDict, total=False):
    """A range of creation times, in unix seconds."""

    gt: int | None
    gte: int | None
    lt: int | None
    lte: int | None


class CustomField(TypedDict, total=False):
    """A line that a customer's invoices carry."""

    name: Required[str]
    value: Required[str]


class CustomerAcceptance(TypedDict, total=False):
    """How the payer accepted to be charged later."""

    type: Required[Literal['offline', 'online']]
    accepted_at: int | None
    offline: AcceptanceOffline | None
    online: AcceptanceOnline | None


class Data(TypedDict, total=False):
    """The account itself: a bank account by its number, a wallet by its phone."""

    object: Required[Literal['bank_account', 'mobile_wallet']]
    account_holder_name: str | None
    account_holder_type: Literal['company', 'individual'] | None
    account_number: str | None
    bank_name: str | None
    country: str | None
    currency: str | None
    network: str | None
    phone: str | None
    routing_number: str | None


class Evidence(TypedDict, total=False):
    """What the merchant says, in sentences and in uploaded files."""

    access_activity_log: str | None
    billing_address: str | None
    cancellation_policy: str | None
    cancellation_policy_disclosure: str | None
    cancellation_rebuttal: str | None
    customer_communication: str | None
    customer_email_address: str | None
    customer_name: str | None
    customer_purchase_ip: str | None
    customer_signature: str | None
    duplicate_charge_documentation: str | None
    duplicate_charge_explanation: str | None
    duplicate_charge_id: str | None
    product_description: str | None
    receipt: str | None
    refund_policy: str | None
    refund_policy_disclosure: str | None
    refund_refusal_explanation: str | None
    service_date: str | None
    service_documentation: str | None
    shipping_address: str | None
    shipping_carrier: str | None
    shipping_date: str | None
    shipping_documentation: str | None
    shipping_tracking_number: str | None
    uncategorized_file: str | None
    uncategorized_text: str | None


class FileLinkData(TypedDict, total=False):
    """Make a link at once."""

    create: Required[bool]
    expires_at: int | None
    metadata: dict[str, str] | None


class FraudDetails(TypedDict, total=False):
    """The merchant's own judgement."""

    user_report: Literal['fraudulent', 'safe'] | None


class HostedOptions(TypedDict, total=False):
    """Nothing yet."""


class HostedParameters(TypedDict, total=False):
    """Nothing: the provider's page asks for what it needs."""


class InvoiceSettingsParameters(TypedDict, total=False):
    """What a customer's invoices use unless they say otherwise."""

    custom_fields: list[CustomField] | None
    default_payment_method: str | None
    footer: str | None


class Line(TypedDict, total=False):
    """One payout: how much, to which wallet. Without a network it is found from the number."""

    amount: Required[int]
    phone: Required[str]
    account_holder_name: str | None
    description: str | None
    metadata: dict[str, str] | None
    network: str | None


class MandateData(TypedDict, total=False):
    """What the mandate shall say."""

    customer_acceptance: Required[CustomerAcceptance]


class MarketingFeature(TypedDict, total=False):
    """One line of a pricing table."""

    name: Required[str]


class MobileMoneyOptions(TypedDict, total=False):
    """Nothing yet."""


class MobileMoneyParameters(TypedDict, total=False):
    """A wallet. Without a network it is found from the number."""

    network: str | None
    phone: str | None


class PackageDimensions(TypedDict, total=False):
    """Inches and ounces, as at Stripe."""

    height: Required[float]
    length: Required[float]
    weight: Required[float]
    width: Required[float]


class PaymentMethodData(TypedDict, total=False):
    """The means of payment itself, where there is no payment method to name."""

    type: Required[str]
    allow_redisplay: str | None
    billing_details: BillingDetails | None
    card: CardParameters | None
    hosted_card: HostedParameters | None
    metadata: dict[str, str] | None
    mobile_money: MobileMoneyParameters | None
    paypal: HostedParameters | None


class PaymentMethodOptions(TypedDict, total=False):
    """Options by payment method type."""

    card: CardOptions | None
    hosted_card: HostedOptions | None
    mobile_money: MobileMoneyOptions | None
    paypal: HostedOptions | None


class ReportParameters(TypedDict, total=False):
    """What a report is about, and how it is written."""

    interval_end: Required[int]
    interval_start: Required[int]
    columns: list[str] | None
    currency: str | None
    reporting_category: Literal['advance', 'advance_funding', 'charge', 'charge_failure', 'connect_collection_transfer', 'connect_reserved_funds', 'contribution', 'dispute', 'dispute_reversal', 'fee', 'network_cost', 'other_adjustment', 'partial_capture_reversal', 'payout', 'payout_reversal', 'platform_earning', 'platform_earning_refund', 'refund', 'refund_failure', 'risk_reserved_funds', 'tax', 'topup', 'topup_reversal', 'transfer', 'transfer_reversal'] | None
    timezone: str | None


class SetupCardOptions(TypedDict, total=False):
    """How a card is to be checked."""

    network: str | None
    request_three_d_secure: Literal['any', 'automatic', 'challenge'] | None


class SetupMobileMoneyOptions(TypedDict, total=False):
    """Nothing yet."""


class SetupOptions(TypedDict, total=False):
    """Options by payment method type."""

    card: SetupCardOptions | None
    mobile_money: SetupMobileMoneyOptions | None


class Shipping(TypedDict, total=False):
    """Where goods go, and to whom."""

    address: Required[Address]
    name: Required[str]
    carrier: str | None
    phone: str | None
    tracking_number: str | None


class SingleUseParameters(TypedDict, total=False):
    """The one later charge that the payer agrees to."""

    amount: Required[int]
    currency: Required[str]


class StatementPeriod(TypedDict, total=False):
    """What a statement covers; the end is not included."""

    end: int | None
    start: int | None


class TargetData(TypedDict, total=False):
    """An account that payments go to, and its share of them in per cent."""

    account: Required[str]
    percentage: int | None


class TokenCard(TypedDict, total=False):
    """A typed card: in test mode only, and only Stripe's test numbers."""

    exp_month: Required[int]
    exp_year: Required[int]
    number: Required[str | int]
    address_city: str | None
    address_country: str | None
    address_line1: str | None
    address_line2: str | None
    address_state: str | None
    address_zip: str | None
    cvc: str | int | None
    name: str | None


class Upload(TypedDict, total=False):
    """A file as it came: a part of a multipart form, or a map through the CBOR door."""

    data: Required[bytes]
    name: str | None


class BalanceRetrieve(TypedDict, total=False):
    """The account's own."""

    expand: list[str]


class BalanceTransactionsList(TypedDict, total=False):
    """Filter by currency, by what caused it, by type or by payout."""

    created: Created | int | None
    currency: str | None
    ending_before: str | None
    expand: list[str]
    limit: int
    payout: str | None
    source: str | None
    starting_after: str | None
    type: str | None


class BalanceTransactionsRetrieve(TypedDict, total=False):
    """Which balance transaction."""

    id: Required[str]
    expand: list[str]


class ChargesCapture(TypedDict, total=False):
    """Take the held amount or a part of it; the rest is released."""

    charge: Required[str]
    amount: int | None
    expand: list[str]
    receipt_email: str | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    transfer_group: str | None


class ChargesCreate(TypedDict, total=False):
    """A charge of a card without an intent: of a token, or of what a customer has saved."""

    amount: Required[int]
    currency: Required[str]
    capture: bool
    customer: str | None
    description: str | None
    expand: list[str]
    metadata: dict[str, str] | None
    receipt_email: str | None
    shipping: Shipping | None
    source: str | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    transfer_group: str | None


class ChargesList(TypedDict, total=False):
    """Filter by customer, payment intent or group."""

    created: Created | int | None
    customer: str | None
    ending_before: str | None
    expand: list[str]
    limit: int
    payment_intent: str | None
    starting_after: str | None
    transfer_group: str | None


class ChargesRetrieve(TypedDict, total=False):
    """Which charge."""

    charge: Required[str]
    expand: list[str]


class ChargesSearch(TypedDict, total=False):
    """A query, and where its next page begins."""

    query: Required[str]
    expand: list[str]
    limit: int
    page: str | None


class ChargesUpdate(TypedDict, total=False):
    """Only what is given changes."""

    charge: Required[str]
    customer: str
    description: str | None
    expand: list[str]
    fraud_details: FraudDetails
    metadata: dict[str, str | None] | None
    receipt_email: str | None
    shipping: Shipping | None
    transfer_group: str | None


class CustomersCreate(TypedDict, total=False):
    """A new customer. Nothing is required."""

    address: Address | None
    balance: int
    business_name: str | None
    description: str | None
    email: str | None
    expand: list[str]
    individual_name: str | None
    invoice_prefix: str
    invoice_settings: InvoiceSettingsParameters
    metadata: dict[str, str] | None
    name: str | None
    next_invoice_sequence: int
    payment_method: str | None
    phone: str | None
    preferred_locales: list[str]
    shipping: Shipping | None
    source: str
    tax_exempt: Literal['exempt', 'none', 'reverse'] | None


class CustomersDelete(TypedDict, total=False):
    """Which customer."""

    customer: Required[str]
    expand: list[str]


class CustomersList(TypedDict, total=False):
    """Filter by e-mail address, exactly."""

    created: Created | int | None
    email: str | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None


class CustomersListPaymentMethods(TypedDict, total=False):
    """Whose payment methods."""

    customer: Required[str]
    allow_redisplay: Literal['always', 'limited', 'unspecified'] | None
    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None
    type: Literal['card', 'mobile_money'] | None


class CustomersRetrieve(TypedDict, total=False):
    """Which customer."""

    customer: Required[str]
    expand: list[str]


class CustomersRetrievePaymentMethod(TypedDict, total=False):
    """Which of whose payment methods."""

    customer: Required[str]
    payment_method: Required[str]
    expand: list[str]


class CustomersSearch(TypedDict, total=False):
    """A query, and where its next page begins."""

    query: Required[str]
    expand: list[str]
    limit: int
    page: str | None


class CustomersUpdate(TypedDict, total=False):
    """Only what is given changes; an empty value unsets."""

    customer: Required[str]
    address: Address | None
    balance: int
    business_name: str | None
    default_source: str
    description: str | None
    email: str | None
    expand: list[str]
    individual_name: str | None
    invoice_prefix: str
    invoice_settings: InvoiceSettingsParameters
    metadata: dict[str, str | None] | None
    name: str | None
    next_invoice_sequence: int
    phone: str | None
    preferred_locales: list[str]
    shipping: Shipping | None
    source: str
    tax_exempt: Literal['exempt', 'none', 'reverse'] | None


class DisputesClose(TypedDict, total=False):
    """Which dispute."""

    dispute: Required[str]
    expand: list[str]


class DisputesList(TypedDict, total=False):
    """Filter by charge or payment intent."""

    charge: str | None
    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    payment_intent: str | None
    starting_after: str | None


class DisputesRetrieve(TypedDict, total=False):
    """Which dispute."""

    dispute: Required[str]
    expand: list[str]


class DisputesUpdate(TypedDict, total=False):
    """Evidence, sent to the bank at once unless `submit` is false."""

    dispute: Required[str]
    evidence: Evidence
    expand: list[str]
    metadata: dict[str, str | None] | None
    submit: bool


class EventsList(TypedDict, total=False):
    """Filter by type (`payment_intent.*` is a family) or by whether every endpoint has heard."""

    created: Created | int | None
    delivery_success: bool | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None
    type: str | None
    types: list[str] | None


class EventsRetrieve(TypedDict, total=False):
    """Which event."""

    id: Required[str]
    expand: list[str]


class ExternalAccountsCreate(TypedDict, total=False):
    """A new destination of payouts. The first of a currency becomes its default."""

    account: Required[str]
    external_account: Required[Data]
    default_for_currency: bool | None
    expand: list[str]
    metadata: dict[str, str] | None


class ExternalAccountsDelete(TypedDict, total=False):
    """Which external account."""

    account: Required[str]
    id: Required[str]
    expand: list[str]


class ExternalAccountsList(TypedDict, total=False):
    """Filter by kind."""

    account: Required[str]
    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    object: Literal['bank_account', 'mobile_wallet'] | None
    starting_after: str | None


class ExternalAccountsRetrieve(TypedDict, total=False):
    """Which external account."""

    account: Required[str]
    id: Required[str]
    expand: list[str]


class ExternalAccountsUpdate(TypedDict, total=False):
    """Only what is given changes; the number never does."""

    account: Required[str]
    id: Required[str]
    account_holder_name: str | None
    account_holder_type: Literal['company', 'individual'] | None
    default_for_currency: bool | None
    expand: list[str]
    metadata: dict[str, str | None] | None


class FileLinksCreate(TypedDict, total=False):
    """A link to a file; without `expires_at` it never expires."""

    file: Required[str]
    expand: list[str]
    expires_at: int | None
    metadata: dict[str, str] | None


class FileLinksList(TypedDict, total=False):
    """Filter by file, or by whether they have expired."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    expired: bool | None
    file: str | None
    limit: int
    starting_after: str | None


class FileLinksRetrieve(TypedDict, total=False):
    """Which link."""

    link: Required[str]
    expand: list[str]


class FileLinksUpdate(TypedDict, total=False):
    """Only what is given changes; `now` ends the link at once."""

    link: Required[str]
    expand: list[str]
    expires_at: int | Literal['now'] | None
    metadata: dict[str, str | None] | None


class FilesContents(TypedDict, total=False):
    """Which file."""

    file: Required[str]
    expand: list[str]


class FilesCreate(TypedDict, total=False):
    """A file, and what it is for."""

    file: Required[Upload]
    purpose: Required[str]
    expand: list[str]
    file_link_data: FileLinkData | None


class FilesList(TypedDict, total=False):
    """Filter by purpose."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    purpose: str | None
    starting_after: str | None


class FilesRetrieve(TypedDict, total=False):
    """Which file."""

    file: Required[str]
    expand: list[str]


class MandatesRetrieve(TypedDict, total=False):
    """Which mandate."""

    mandate: Required[str]
    expand: list[str]


class PaymentIntentsCancel(TypedDict, total=False):
    """Give up an intent; a held amount is released."""

    intent: Required[str]
    cancellation_reason: Literal['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'] | None
    expand: list[str]


class PaymentIntentsCapture(TypedDict, total=False):
    """Take the held amount or a part of it; the rest is released."""

    intent: Required[str]
    amount_to_capture: int | None
    expand: list[str]
    final_capture: bool
    metadata: dict[str, str | None] | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None


class PaymentIntentsConfirm(TypedDict, total=False):
    """Make an attempt. With a publishable key the client secret is required."""

    intent: Required[str]
    allowed_payment_method_types: list[str]
    capture_method: Literal['automatic', 'automatic_async', 'manual']
    client_secret: str | None
    error_on_requires_action: bool
    excluded_payment_method_types: list[str] | None
    expand: list[str]
    off_session: bool | Literal['one_off', 'recurring']
    payment_method: str | None
    payment_method_data: PaymentMethodData
    payment_method_options: PaymentMethodOptions | None
    payment_method_types: list[str]
    receipt_email: str | None
    return_url: str | None
    setup_future_usage: Literal['off_session', 'on_session'] | None
    shipping: Shipping | None
    use_stripe_sdk: bool


class PaymentIntentsCreate(TypedDict, total=False):
    """A payment intent. `confirm` makes the first attempt at once."""

    amount: Required[int]
    currency: Required[str]
    allowed_payment_method_types: list[str]
    automatic_payment_methods: AutomaticPaymentMethods | None
    capture_method: Literal['automatic', 'automatic_async', 'manual']
    confirm: bool
    confirmation_method: Literal['automatic', 'manual']
    customer: str
    description: str | None
    error_on_requires_action: bool
    excluded_payment_method_types: list[str] | None
    expand: list[str]
    metadata: dict[str, str] | None
    off_session: bool | Literal['one_off', 'recurring']
    payment_method: str | None
    payment_method_data: PaymentMethodData
    payment_method_options: PaymentMethodOptions | None
    payment_method_types: list[str]
    receipt_email: str | None
    return_url: str | None
    setup_future_usage: Literal['off_session', 'on_session'] | None
    shipping: Shipping | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    transfer_group: str | None
    use_stripe_sdk: bool


class PaymentIntentsList(TypedDict, total=False):
    """Filter by customer."""

    created: Created | int | None
    customer: str | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None


class PaymentIntentsRetrieve(TypedDict, total=False):
    """Which intent. With a publishable key the client secret is required."""

    intent: Required[str]
    client_secret: str | None
    expand: list[str]


class PaymentIntentsSearch(TypedDict, total=False):
    """A query, and where its next page begins."""

    query: Required[str]
    expand: list[str]
    limit: int
    page: str | None


class PaymentIntentsUpdate(TypedDict, total=False):
    """Only what is given changes."""

    intent: Required[str]
    allowed_payment_method_types: list[str]
    amount: int
    capture_method: Literal['automatic', 'automatic_async', 'manual']
    currency: str
    customer: str
    description: str | None
    excluded_payment_method_types: list[str] | None
    expand: list[str]
    metadata: dict[str, str | None] | None
    payment_method: str | None
    payment_method_data: PaymentMethodData
    payment_method_options: PaymentMethodOptions | None
    payment_method_types: list[str]
    receipt_email: str | None
    setup_future_usage: Literal['off_session', 'on_session'] | None
    shipping: Shipping | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    transfer_group: str | None


class PaymentMethodsAttach(TypedDict, total=False):
    """To which customer."""

    customer: Required[str]
    payment_method: Required[str]
    expand: list[str]


class PaymentMethodsCreate(TypedDict, total=False):
    """A means of payment, not attached to anybody."""

    type: Required[Literal['card', 'mobile_money']]
    allow_redisplay: Literal['always', 'limited', 'unspecified'] | None
    billing_details: BillingDetails | None
    card: CardParameters | None
    expand: list[str]
    metadata: dict[str, str] | None
    mobile_money: MobileMoneyParameters | None


class PaymentMethodsDetach(TypedDict, total=False):
    """Which payment method."""

    payment_method: Required[str]
    expand: list[str]


class PaymentMethodsList(TypedDict, total=False):
    """A customer's payment methods, of one type if it is given."""

    allow_redisplay: Literal['always', 'limited', 'unspecified'] | None
    created: Created | int | None
    customer: str | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None
    type: Literal['card', 'mobile_money'] | None


class PaymentMethodsRetrieve(TypedDict, total=False):
    """Which payment method."""

    payment_method: Required[str]
    expand: list[str]


class PaymentMethodsUpdate(TypedDict, total=False):
    """Only what is given changes."""

    payment_method: Required[str]
    allow_redisplay: Literal['always', 'limited', 'unspecified'] | None
    billing_details: BillingDetails | None
    card: CardUpdate | None
    expand: list[str]
    metadata: dict[str, str | None] | None


class PayoutBatchesCreate(TypedDict, total=False):
    """Payouts of one currency, as `lines` or as a CSV `file` with the same columns."""

    currency: Required[str]
    description: str | None
    expand: list[str]
    file: Upload | None
    lines: list[Line] | None
    metadata: dict[str, str] | None


class PayoutBatchesList(TypedDict, total=False):
    """Every batch."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None


class PayoutBatchesRetrieve(TypedDict, total=False):
    """Which batch."""

    payout_batch: Required[str]
    expand: list[str]


class PayoutsCancel(TypedDict, total=False):
    """Which payout."""

    payout: Required[str]
    expand: list[str]


class PayoutsCreate(TypedDict, total=False):
    """To an external account; without one, to the default of the currency."""

    amount: Required[int]
    currency: Required[str]
    description: str | None
    destination: str | None
    expand: list[str]
    metadata: dict[str, str] | None
    method: Literal['instant', 'standard']
    payout_method: str | None
    source_type: Literal['bank_account', 'card', 'fpx']
    statement_descriptor: str | None


class PayoutsList(TypedDict, total=False):
    """Filter by status, destination, batch or arrival."""

    arrival_date: Created | int | None
    batch: str | None
    created: Created | int | None
    destination: str | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None
    status: Literal['canceled', 'failed', 'in_transit', 'paid', 'pending'] | None


class PayoutsRetrieve(TypedDict, total=False):
    """Which payout."""

    payout: Required[str]
    expand: list[str]


class PayoutsReverse(TypedDict, total=False):
    """Which payout to ask back from the bank."""

    payout: Required[str]
    expand: list[str]
    metadata: dict[str, str] | None


class PayoutsUpdate(TypedDict, total=False):
    """Only metadata can change."""

    payout: Required[str]
    expand: list[str]
    metadata: dict[str, str | None] | None


class ProductsCreate(TypedDict, total=False):
    """A product. Its id may be the merchant's own."""

    name: Required[str]
    active: bool
    description: str | None
    expand: list[str]
    id: str | None
    images: list[str] | None
    marketing_features: list[MarketingFeature] | None
    metadata: dict[str, str] | None
    package_dimensions: PackageDimensions | None
    shippable: bool
    statement_descriptor: str
    tax_code: str | None
    type: Literal['good', 'service']
    unit_label: str | None
    url: str | None


class ProductsDelete(TypedDict, total=False):
    """Which product."""

    product: Required[str]
    expand: list[str]


class ProductsList(TypedDict, total=False):
    """Filter by what a product is."""

    active: bool | None
    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    ids: list[str] | None
    limit: int
    shippable: bool | None
    starting_after: str | None
    type: Literal['good', 'service'] | None
    url: str | None


class ProductsRetrieve(TypedDict, total=False):
    """Which product."""

    product: Required[str]
    expand: list[str]


class ProductsSearch(TypedDict, total=False):
    """A query, and where its next page begins."""

    query: Required[str]
    expand: list[str]
    limit: int
    page: str | None


class ProductsUpdate(TypedDict, total=False):
    """Only what is given changes."""

    product: Required[str]
    active: bool
    description: str | None
    expand: list[str]
    images: list[str] | None
    marketing_features: list[MarketingFeature] | None
    metadata: dict[str, str | None] | None
    name: str
    package_dimensions: PackageDimensions | None
    shippable: bool
    statement_descriptor: str
    tax_code: str | None
    unit_label: str | None
    url: str | None


class ProviderAccountsCheck(TypedDict, total=False):
    """Which account."""

    provider_account: Required[str]
    expand: list[str]


class ProviderAccountsCreate(TypedDict, total=False):
    """A kind of provider, and what opens an account there."""

    credentials: Required[dict[str, str | None]]
    provider: Required[str]
    calls_per_second: float | None
    check_wallets: bool
    concurrency: int
    costs: dict[str, CostData] | None
    environment: Literal['live', 'provider_sandbox', 'sandbox'] | None
    expand: list[str]
    metadata: dict[str, str] | None
    nickname: str | None


class ProviderAccountsDelete(TypedDict, total=False):
    """Which account."""

    provider_account: Required[str]
    expand: list[str]


class ProviderAccountsList(TypedDict, total=False):
    """Filter by kind of provider."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    provider: str | None
    starting_after: str | None


class ProviderAccountsRetrieve(TypedDict, total=False):
    """Which account."""

    provider_account: Required[str]
    expand: list[str]


class ProviderAccountsUpdate(TypedDict, total=False):
    """Only what is given changes; of the credentials too."""

    provider_account: Required[str]
    calls_per_second: float | None
    check_wallets: bool
    concurrency: int
    costs: dict[str, CostData] | None
    credentials: dict[str, str | None]
    disabled: bool
    disabled_reason: str | None
    expand: list[str]
    metadata: dict[str, str | None] | None
    nickname: str | None


class ProvidersHealth(TypedDict, total=False):
    """Of every account, or of one."""

    account: str | None
    expand: list[str]


class ProvidersList(TypedDict, total=False):
    """Every kind."""

    expand: list[str]


class ReconciliationsCreate(TypedDict, total=False):
    """A provider's statement that was uploaded, and how to read it."""

    file: Required[str]
    provider_account: Required[str]
    expand: list[str]
    mapping: str
    metadata: dict[str, str] | None
    period: StatementPeriod | None


class ReconciliationsList(TypedDict, total=False):
    """Filter by provider account."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    provider_account: str | None
    starting_after: str | None


class ReconciliationsListItems(TypedDict, total=False):
    """The items of one reconciliation; `resolved` is false for those that wait for somebody."""

    reconciliation: Required[str]
    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    resolved: bool | None
    result: Literal['different_amount', 'duplicate', 'matched', 'missing_here', 'missing_there'] | None
    starting_after: str | None


class ReconciliationsResolveItem(TypedDict, total=False):
    """What to do about an item, and why: the auditor reads it."""

    action: Required[Literal['adjust', 'book', 'ignore', 'look_up']]
    item: Required[str]
    reason: Required[str]
    reconciliation: Required[str]
    expand: list[str]


class ReconciliationsRetrieve(TypedDict, total=False):
    """Which reconciliation."""

    reconciliation: Required[str]
    expand: list[str]


class RefundsCancel(TypedDict, total=False):
    """Which refund."""

    refund: Required[str]
    expand: list[str]


class RefundsCreate(TypedDict, total=False):
    """Of a charge, or of a payment intent's charge; without an amount, all that is left."""

    amount: int | None
    charge: str | None
    currency: str | None
    expand: list[str]
    instructions_email: str | None
    metadata: dict[str, str] | None
    payment_intent: str | None
    reason: Literal['duplicate', 'fraudulent', 'requested_by_customer'] | None


class RefundsList(TypedDict, total=False):
    """Filter by charge or payment intent."""

    charge: str | None
    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    payment_intent: str | None
    starting_after: str | None


class RefundsRetrieve(TypedDict, total=False):
    """Which refund."""

    refund: Required[str]
    expand: list[str]


class RefundsUpdate(TypedDict, total=False):
    """Only metadata can change."""

    refund: Required[str]
    expand: list[str]
    metadata: dict[str, str | None] | None


class ReportingReportRunsCreate(TypedDict, total=False):
    """Which report, and of what."""

    parameters: Required[ReportParameters]
    report_type: Required[str]
    expand: list[str]


class ReportingReportRunsList(TypedDict, total=False):
    """All runs, newest first."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None


class ReportingReportRunsRetrieve(TypedDict, total=False):
    """Which run."""

    report_run: Required[str]
    expand: list[str]


class ReportingReportTypesList(TypedDict, total=False):
    """All types; there is one page."""

    expand: list[str]


class ReportingReportTypesRetrieve(TypedDict, total=False):
    """Which type."""

    report_type: Required[str]
    expand: list[str]


class RoutingRulesCreate(TypedDict, total=False):
    """Which payments go to which accounts."""

    targets: Required[list[TargetData]]
    active: bool
    conditions: ConditionData
    expand: list[str]
    fallback: bool
    metadata: dict[str, str] | None
    nickname: str | None
    position: int | None


class RoutingRulesDelete(TypedDict, total=False):
    """Which rule."""

    routing_rule: Required[str]
    expand: list[str]


class RoutingRulesList(TypedDict, total=False):
    """Only rules that are active, or only those that are not."""

    active: bool | None
    expand: list[str]


class RoutingRulesPreview(TypedDict, total=False):
    """A payment that is not made. A wallet is known by its phone, or by network and country."""

    amount: Required[int]
    currency: Required[str]
    payment_method_type: Required[Literal['card', 'hosted_card', 'mobile_money', 'paypal']]
    capture_method: Literal['automatic', 'automatic_async', 'manual']
    country: str | None
    expand: list[str]
    key: str | None
    network: Literal['moov', 'mtn', 'orange', 'tmoney'] | None
    phone: str | None
    use: Literal['charge', 'payout']


class RoutingRulesRetrieve(TypedDict, total=False):
    """Which rule."""

    routing_rule: Required[str]
    expand: list[str]


class RoutingRulesUpdate(TypedDict, total=False):
    """Only what is given changes; conditions and targets are replaced as a whole."""

    routing_rule: Required[str]
    active: bool
    conditions: ConditionData
    expand: list[str]
    fallback: bool
    metadata: dict[str, str | None] | None
    nickname: str | None
    position: int
    targets: list[TargetData]


class RpcBatchesRetrieve(TypedDict, total=False):
    """Which batch, by the name that its client gave it."""

    rpc_batch: Required[str]
    expand: list[str]


class SetupAttemptsList(TypedDict, total=False):
    """Of which setup intent."""

    setup_intent: Required[str]
    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None


class SetupIntentsCancel(TypedDict, total=False):
    """Give up a setup intent."""

    intent: Required[str]
    cancellation_reason: Literal['abandoned', 'duplicate', 'requested_by_customer'] | None
    expand: list[str]


class SetupIntentsConfirm(TypedDict, total=False):
    """Check the payment method. With a publishable key the client secret is required."""

    intent: Required[str]
    allowed_payment_method_types: list[str]
    client_secret: str | None
    excluded_payment_method_types: list[str] | None
    expand: list[str]
    mandate_data: MandateData | None
    payment_method: str | None
    payment_method_data: PaymentMethodData
    payment_method_options: SetupOptions | None
    payment_method_types: list[str]
    return_url: str | None
    use_stripe_sdk: bool


class SetupIntentsCreate(TypedDict, total=False):
    """A setup intent. `confirm` checks the payment method at once."""

    allowed_payment_method_types: list[str]
    automatic_payment_methods: AutomaticPaymentMethods | None
    confirm: bool
    customer: str
    description: str | None
    excluded_payment_method_types: list[str] | None
    expand: list[str]
    mandate_data: MandateData | None
    metadata: dict[str, str] | None
    payment_method: str | None
    payment_method_data: PaymentMethodData
    payment_method_options: SetupOptions | None
    payment_method_types: list[str]
    return_url: str | None
    single_use: SingleUseParameters | None
    usage: Literal['off_session', 'on_session']
    use_stripe_sdk: bool


class SetupIntentsList(TypedDict, total=False):
    """Filter by customer or payment method."""

    created: Created | int | None
    customer: str | None
    ending_before: str | None
    expand: list[str]
    limit: int
    payment_method: str | None
    starting_after: str | None


class SetupIntentsRetrieve(TypedDict, total=False):
    """Which setup intent. With a publishable key the client secret is required."""

    intent: Required[str]
    client_secret: str | None
    expand: list[str]


class SetupIntentsUpdate(TypedDict, total=False):
    """Only what is given changes."""

    intent: Required[str]
    allowed_payment_method_types: list[str]
    customer: str
    description: str | None
    excluded_payment_method_types: list[str] | None
    expand: list[str]
    metadata: dict[str, str | None] | None
    payment_method: str | None
    payment_method_data: PaymentMethodData
    payment_method_options: SetupOptions | None
    payment_method_types: list[str]


class TokensCreate(TypedDict, total=False):
    """A card to be used once."""

    card: Required[TokenCard]
    expand: list[str]


class TokensRetrieve(TypedDict, total=False):
    """Which token."""

    token: Required[str]
    expand: list[str]


class UnresolvedPaymentsApprove(TypedDict, total=False):
    """Which proposal, so that nobody approves another one than was read."""

    proposal: Required[str]
    unresolved_payment: Required[str]
    expand: list[str]
    reason: str | None


class UnresolvedPaymentsList(TypedDict, total=False):
    """The queue; `resolved` is true for those that have left it."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    min_age: int | None
    provider_account: str | None
    resolved: bool
    starting_after: str | None
    type: Literal['charge', 'payout', 'refund'] | None


class UnresolvedPaymentsLookUp(TypedDict, total=False):
    """Which unresolved payment."""

    unresolved_payment: Required[str]
    expand: list[str]


class UnresolvedPaymentsReject(TypedDict, total=False):
    """Which proposal, and why not."""

    proposal: Required[str]
    reason: Required[str]
    unresolved_payment: Required[str]
    expand: list[str]


class UnresolvedPaymentsResolve(TypedDict, total=False):
    """What became of the payment, how that is known, and the provider's number for it: needed for"""

    outcome: Required[Literal['failed', 'succeeded']]
    reason: Required[str]
    unresolved_payment: Required[str]
    expand: list[str]
    provider_reference: str | None


class UnresolvedPaymentsRetrieve(TypedDict, total=False):
    """Which unresolved payment."""

    unresolved_payment: Required[str]
    expand: list[str]


class WebhookEndpointsCreate(TypedDict, total=False):
    """Where to send which events."""

    enabled_events: Required[list[str]]
    url: Required[str]
    api_version: str | None
    connect: bool
    description: str | None
    expand: list[str]
    metadata: dict[str, str] | None


class WebhookEndpointsDelete(TypedDict, total=False):
    """Which endpoint."""

    webhook_endpoint: Required[str]
    expand: list[str]


class WebhookEndpointsList(TypedDict, total=False):
    """Every endpoint."""

    created: Created | int | None
    ending_before: str | None
    expand: list[str]
    limit: int
    starting_after: str | None


class WebhookEndpointsRetrieve(TypedDict, total=False):
    """Which endpoint."""

    webhook_endpoint: Required[str]
    expand: list[str]


class WebhookEndpointsUpdate(TypedDict, total=False):
    """Only what is given changes."""

    webhook_endpoint: Required[str]
    description: str | None
    disabled: bool
    enabled_events: list[str]
    expand: list[str]
    metadata: dict[str, str | None] | None
    url: str


class ReportingReportRuns(Resource[R]):
    """`reporting.report_runs`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[ReportingReportRunsCreate]) -> R:
        """Run a report: its CSV file is ready when the run has succeeded."""
        return self._call("reporting.report_runs.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ReportingReportRunsList]) -> R:
        """List report runs, newest first."""
        return self._call("reporting.report_runs.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[ReportingReportRunsRetrieve]) -> R:
        """Retrieve a report run and its file."""
        return self._call("reporting.report_runs.retrieve", params, idempotency_key=idempotency_key)


class ReportingReportTypes(Resource[R]):
    """`reporting.report_types`."""

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ReportingReportTypesList]) -> R:
        """List the types of reports."""
        return self._call("reporting.report_types.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[ReportingReportTypesRetrieve]) -> R:
        """Retrieve a type of report."""
        return self._call("reporting.report_types.retrieve", params, idempotency_key=idempotency_key)


class Balance(Resource[R]):
    """`balance`."""

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[BalanceRetrieve]) -> R:
        """Retrieve the balance."""
        return self._call("balance.retrieve", params, idempotency_key=idempotency_key)


class BalanceTransactions(Resource[R]):
    """`balance_transactions`."""

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[BalanceTransactionsList]) -> R:
        """List balance transactions, newest first."""
        return self._call("balance_transactions.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[BalanceTransactionsRetrieve]) -> R:
        """Retrieve a balance transaction."""
        return self._call("balance_transactions.retrieve", params, idempotency_key=idempotency_key)


class Charges(Resource[R]):
    """`charges`."""

    def capture(self, *, idempotency_key: str | None = None, **params: Unpack[ChargesCapture]) -> R:
        """Capture a held charge, whole or in part."""
        return self._call("charges.capture", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[ChargesCreate]) -> R:
        """Charge a card without a payment intent."""
        return self._call("charges.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ChargesList]) -> R:
        """List charges, newest first."""
        return self._call("charges.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[ChargesRetrieve]) -> R:
        """Retrieve a charge."""
        return self._call("charges.retrieve", params, idempotency_key=idempotency_key)

    def search(self, *, idempotency_key: str | None = None, **params: Unpack[ChargesSearch]) -> R:
        """Search charges by card, status, amount, customer, metadata and the like."""
        return self._call("charges.search", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[ChargesUpdate]) -> R:
        """Update a charge's description, metadata and the like."""
        return self._call("charges.update", params, idempotency_key=idempotency_key)


class Customers(Resource[R]):
    """`customers`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersCreate]) -> R:
        """Create a customer."""
        return self._call("customers.create", params, idempotency_key=idempotency_key)

    def delete(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersDelete]) -> R:
        """Delete a customer."""
        return self._call("customers.delete", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersList]) -> R:
        """List customers, newest first."""
        return self._call("customers.list", params, idempotency_key=idempotency_key)

    def list_payment_methods(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersListPaymentMethods]) -> R:
        """List a customer's payment methods."""
        return self._call("customers.list_payment_methods", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersRetrieve]) -> R:
        """Retrieve a customer."""
        return self._call("customers.retrieve", params, idempotency_key=idempotency_key)

    def retrieve_payment_method(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersRetrievePaymentMethod]) -> R:
        """Retrieve one of a customer's payment methods."""
        return self._call("customers.retrieve_payment_method", params, idempotency_key=idempotency_key)

    def search(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersSearch]) -> R:
        """Search customers by e-mail, name, phone or metadata."""
        return self._call("customers.search", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[CustomersUpdate]) -> R:
        """Update a customer."""
        return self._call("customers.update", params, idempotency_key=idempotency_key)


class Disputes(Resource[R]):
    """`disputes`."""

    def close(self, *, idempotency_key: str | None = None, **params: Unpack[DisputesClose]) -> R:
        """Give a dispute up."""
        return self._call("disputes.close", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[DisputesList]) -> R:
        """List disputes, newest first."""
        return self._call("disputes.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[DisputesRetrieve]) -> R:
        """Retrieve a dispute."""
        return self._call("disputes.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[DisputesUpdate]) -> R:
        """Answer a dispute with evidence."""
        return self._call("disputes.update", params, idempotency_key=idempotency_key)


class Events(Resource[R]):
    """`events`."""

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[EventsList]) -> R:
        """List events, newest first."""
        return self._call("events.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[EventsRetrieve]) -> R:
        """Retrieve an event."""
        return self._call("events.retrieve", params, idempotency_key=idempotency_key)


class ExternalAccounts(Resource[R]):
    """`external_accounts`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[ExternalAccountsCreate]) -> R:
        """Add a bank account or a mobile wallet to pay out to."""
        return self._call("external_accounts.create", params, idempotency_key=idempotency_key)

    def delete(self, *, idempotency_key: str | None = None, **params: Unpack[ExternalAccountsDelete]) -> R:
        """Delete an external account."""
        return self._call("external_accounts.delete", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ExternalAccountsList]) -> R:
        """List external accounts, newest first."""
        return self._call("external_accounts.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[ExternalAccountsRetrieve]) -> R:
        """Retrieve an external account."""
        return self._call("external_accounts.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[ExternalAccountsUpdate]) -> R:
        """Update an external account or make it the default of its currency."""
        return self._call("external_accounts.update", params, idempotency_key=idempotency_key)


class FileLinks(Resource[R]):
    """`file_links`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[FileLinksCreate]) -> R:
        """Create a link at which anybody can download a file."""
        return self._call("file_links.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[FileLinksList]) -> R:
        """List file links, newest first."""
        return self._call("file_links.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[FileLinksRetrieve]) -> R:
        """Retrieve a file link."""
        return self._call("file_links.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[FileLinksUpdate]) -> R:
        """Update a file link, or end it."""
        return self._call("file_links.update", params, idempotency_key=idempotency_key)


class Files(Resource[R]):
    """`files`."""

    def contents(self, *, idempotency_key: str | None = None, **params: Unpack[FilesContents]) -> R:
        """Download a file."""
        return self._call("files.contents", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[FilesCreate]) -> R:
        """Upload a file."""
        return self._call("files.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[FilesList]) -> R:
        """List files, newest first."""
        return self._call("files.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[FilesRetrieve]) -> R:
        """Retrieve a file's description."""
        return self._call("files.retrieve", params, idempotency_key=idempotency_key)


class Mandates(Resource[R]):
    """`mandates`."""

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[MandatesRetrieve]) -> R:
        """Retrieve a mandate."""
        return self._call("mandates.retrieve", params, idempotency_key=idempotency_key)


class PaymentIntents(Resource[R]):
    """`payment_intents`."""

    def cancel(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsCancel]) -> R:
        """Cancel a payment intent and release what is held."""
        return self._call("payment_intents.cancel", params, idempotency_key=idempotency_key)

    def capture(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsCapture]) -> R:
        """Capture a held amount, whole or in part."""
        return self._call("payment_intents.capture", params, idempotency_key=idempotency_key)

    def confirm(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsConfirm]) -> R:
        """Make an attempt to collect the payment."""
        return self._call("payment_intents.confirm", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsCreate]) -> R:
        """Create a payment intent, and make the first attempt if `confirm` is true."""
        return self._call("payment_intents.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsList]) -> R:
        """List payment intents, newest first."""
        return self._call("payment_intents.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsRetrieve]) -> R:
        """Retrieve a payment intent."""
        return self._call("payment_intents.retrieve", params, idempotency_key=idempotency_key)

    def search(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsSearch]) -> R:
        """Search payment intents by status, amount, customer, metadata and the like."""
        return self._call("payment_intents.search", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentIntentsUpdate]) -> R:
        """Update a payment intent."""
        return self._call("payment_intents.update", params, idempotency_key=idempotency_key)


class PaymentMethods(Resource[R]):
    """`payment_methods`."""

    def attach(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentMethodsAttach]) -> R:
        """Attach a payment method to a customer."""
        return self._call("payment_methods.attach", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentMethodsCreate]) -> R:
        """Create a payment method from a card or a wallet's number."""
        return self._call("payment_methods.create", params, idempotency_key=idempotency_key)

    def detach(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentMethodsDetach]) -> R:
        """Detach a payment method from its customer."""
        return self._call("payment_methods.detach", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentMethodsList]) -> R:
        """List payment methods, newest first."""
        return self._call("payment_methods.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentMethodsRetrieve]) -> R:
        """Retrieve a payment method."""
        return self._call("payment_methods.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[PaymentMethodsUpdate]) -> R:
        """Update a payment method."""
        return self._call("payment_methods.update", params, idempotency_key=idempotency_key)


class PayoutBatches(Resource[R]):
    """`payout_batches`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutBatchesCreate]) -> R:
        """Pay out to thousands of wallets at once: all lines are accepted, or none."""
        return self._call("payout_batches.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutBatchesList]) -> R:
        """List payout batches, newest first."""
        return self._call("payout_batches.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutBatchesRetrieve]) -> R:
        """Retrieve a payout batch and its progress."""
        return self._call("payout_batches.retrieve", params, idempotency_key=idempotency_key)


class Payouts(Resource[R]):
    """`payouts`."""

    def cancel(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutsCancel]) -> R:
        """Cancel a pending payout."""
        return self._call("payouts.cancel", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutsCreate]) -> R:
        """Pay out available balance to a bank account or a mobile wallet."""
        return self._call("payouts.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutsList]) -> R:
        """List payouts, newest first."""
        return self._call("payouts.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutsRetrieve]) -> R:
        """Retrieve a payout."""
        return self._call("payouts.retrieve", params, idempotency_key=idempotency_key)

    def reverse(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutsReverse]) -> R:
        """Ask a bank to send a paid payout back."""
        return self._call("payouts.reverse", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[PayoutsUpdate]) -> R:
        """Update a payout's metadata."""
        return self._call("payouts.update", params, idempotency_key=idempotency_key)


class Products(Resource[R]):
    """`products`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[ProductsCreate]) -> R:
        """Create a product."""
        return self._call("products.create", params, idempotency_key=idempotency_key)

    def delete(self, *, idempotency_key: str | None = None, **params: Unpack[ProductsDelete]) -> R:
        """Delete a product."""
        return self._call("products.delete", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ProductsList]) -> R:
        """List products, newest first."""
        return self._call("products.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[ProductsRetrieve]) -> R:
        """Retrieve a product."""
        return self._call("products.retrieve", params, idempotency_key=idempotency_key)

    def search(self, *, idempotency_key: str | None = None, **params: Unpack[ProductsSearch]) -> R:
        """Search products by name, activity or metadata."""
        return self._call("products.search", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[ProductsUpdate]) -> R:
        """Update a product."""
        return self._call("products.update", params, idempotency_key=idempotency_key)


class ProviderAccounts(Resource[R]):
    """`provider_accounts`."""

    def check(self, *, idempotency_key: str | None = None, **params: Unpack[ProviderAccountsCheck]) -> R:
        """Ask the provider whether it still accepts the credentials."""
        return self._call("provider_accounts.check", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[ProviderAccountsCreate]) -> R:
        """Add an account of yours at a payment provider."""
        return self._call("provider_accounts.create", params, idempotency_key=idempotency_key)

    def delete(self, *, idempotency_key: str | None = None, **params: Unpack[ProviderAccountsDelete]) -> R:
        """Delete a provider account and its credentials."""
        return self._call("provider_accounts.delete", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ProviderAccountsList]) -> R:
        """List provider accounts, newest first."""
        return self._call("provider_accounts.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[ProviderAccountsRetrieve]) -> R:
        """Retrieve a provider account."""
        return self._call("provider_accounts.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[ProviderAccountsUpdate]) -> R:
        """Replace a provider account's credentials, or switch it off and on."""
        return self._call("provider_accounts.update", params, idempotency_key=idempotency_key)


class Providers(Resource[R]):
    """`providers`."""

    def health(self, *, idempotency_key: str | None = None, **params: Unpack[ProvidersHealth]) -> R:
        """List how each provider account is."""
        return self._call("providers.health", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ProvidersList]) -> R:
        """List the kinds of provider, what each can do, and your accounts there."""
        return self._call("providers.list", params, idempotency_key=idempotency_key)


class Reconciliations(Resource[R]):
    """`reconciliations`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[ReconciliationsCreate]) -> R:
        """Hold a provider's statement against the books."""
        return self._call("reconciliations.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[ReconciliationsList]) -> R:
        """List reconciliations, newest first."""
        return self._call("reconciliations.list", params, idempotency_key=idempotency_key)

    def list_items(self, *, idempotency_key: str | None = None, **params: Unpack[ReconciliationsListItems]) -> R:
        """List what was found, line by line."""
        return self._call("reconciliations.list_items", params, idempotency_key=idempotency_key)

    def resolve_item(self, *, idempotency_key: str | None = None, **params: Unpack[ReconciliationsResolveItem]) -> R:
        """Resolve a difference, with a reason."""
        return self._call("reconciliations.resolve_item", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[ReconciliationsRetrieve]) -> R:
        """Retrieve a reconciliation and its progress."""
        return self._call("reconciliations.retrieve", params, idempotency_key=idempotency_key)


class Refunds(Resource[R]):
    """`refunds`."""

    def cancel(self, *, idempotency_key: str | None = None, **params: Unpack[RefundsCancel]) -> R:
        """Cancel a refund that the provider does not have yet."""
        return self._call("refunds.cancel", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[RefundsCreate]) -> R:
        """Refund a charge, whole or in part."""
        return self._call("refunds.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[RefundsList]) -> R:
        """List refunds, newest first."""
        return self._call("refunds.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[RefundsRetrieve]) -> R:
        """Retrieve a refund."""
        return self._call("refunds.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[RefundsUpdate]) -> R:
        """Update a refund's metadata."""
        return self._call("refunds.update", params, idempotency_key=idempotency_key)


class Reporting(Resource[R]):
    """`reporting`."""

    def __init__(self, call: Callable[..., R]) -> None:
        super().__init__(call)
        self.report_runs = ReportingReportRuns(call)
        self.report_types = ReportingReportTypes(call)


class RoutingRules(Resource[R]):
    """`routing_rules`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[RoutingRulesCreate]) -> R:
        """Say which provider accounts take which payments."""
        return self._call("routing_rules.create", params, idempotency_key=idempotency_key)

    def delete(self, *, idempotency_key: str | None = None, **params: Unpack[RoutingRulesDelete]) -> R:
        """Delete a routing rule."""
        return self._call("routing_rules.delete", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[RoutingRulesList]) -> R:
        """List routing rules, in the order in which they are tried."""
        return self._call("routing_rules.list", params, idempotency_key=idempotency_key)

    def preview(self, *, idempotency_key: str | None = None, **params: Unpack[RoutingRulesPreview]) -> R:
        """Ask which accounts would take a payment, and why."""
        return self._call("routing_rules.preview", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[RoutingRulesRetrieve]) -> R:
        """Retrieve a routing rule."""
        return self._call("routing_rules.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[RoutingRulesUpdate]) -> R:
        """Update a routing rule."""
        return self._call("routing_rules.update", params, idempotency_key=idempotency_key)


class RpcBatches(Resource[R]):
    """`rpc_batches`."""

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[RpcBatchesRetrieve]) -> R:
        """Retrieve how far a batch of RPC calls has come."""
        return self._call("rpc_batches.retrieve", params, idempotency_key=idempotency_key)


class SetupAttempts(Resource[R]):
    """`setup_attempts`."""

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[SetupAttemptsList]) -> R:
        """List the attempts of a setup intent, newest first."""
        return self._call("setup_attempts.list", params, idempotency_key=idempotency_key)


class SetupIntents(Resource[R]):
    """`setup_intents`."""

    def cancel(self, *, idempotency_key: str | None = None, **params: Unpack[SetupIntentsCancel]) -> R:
        """Cancel a setup intent."""
        return self._call("setup_intents.cancel", params, idempotency_key=idempotency_key)

    def confirm(self, *, idempotency_key: str | None = None, **params: Unpack[SetupIntentsConfirm]) -> R:
        """Check the payment method, and save it on the customer."""
        return self._call("setup_intents.confirm", params, idempotency_key=idempotency_key)

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[SetupIntentsCreate]) -> R:
        """Create a setup intent, and check the payment method if `confirm` is true."""
        return self._call("setup_intents.create", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[SetupIntentsList]) -> R:
        """List setup intents, newest first."""
        return self._call("setup_intents.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[SetupIntentsRetrieve]) -> R:
        """Retrieve a setup intent."""
        return self._call("setup_intents.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[SetupIntentsUpdate]) -> R:
        """Update a setup intent."""
        return self._call("setup_intents.update", params, idempotency_key=idempotency_key)


class Tokens(Resource[R]):
    """`tokens`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[TokensCreate]) -> R:
        """Create a token of a card, in test mode."""
        return self._call("tokens.create", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[TokensRetrieve]) -> R:
        """Retrieve a token."""
        return self._call("tokens.retrieve", params, idempotency_key=idempotency_key)


class UnresolvedPayments(Resource[R]):
    """`unresolved_payments`."""

    def approve(self, *, idempotency_key: str | None = None, **params: Unpack[UnresolvedPaymentsApprove]) -> R:
        """Approve another person's proposal."""
        return self._call("unresolved_payments.approve", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[UnresolvedPaymentsList]) -> R:
        """List payments that nobody can explain, oldest first."""
        return self._call("unresolved_payments.list", params, idempotency_key=idempotency_key)

    def look_up(self, *, idempotency_key: str | None = None, **params: Unpack[UnresolvedPaymentsLookUp]) -> R:
        """Ask the provider now."""
        return self._call("unresolved_payments.look_up", params, idempotency_key=idempotency_key)

    def reject(self, *, idempotency_key: str | None = None, **params: Unpack[UnresolvedPaymentsReject]) -> R:
        """Reject a proposal, or take one's own back."""
        return self._call("unresolved_payments.reject", params, idempotency_key=idempotency_key)

    def resolve(self, *, idempotency_key: str | None = None, **params: Unpack[UnresolvedPaymentsResolve]) -> R:
        """Decide what became of the payment, or propose it above the limit."""
        return self._call("unresolved_payments.resolve", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[UnresolvedPaymentsRetrieve]) -> R:
        """Retrieve an unresolved payment and its history."""
        return self._call("unresolved_payments.retrieve", params, idempotency_key=idempotency_key)


class WebhookEndpoints(Resource[R]):
    """`webhook_endpoints`."""

    def create(self, *, idempotency_key: str | None = None, **params: Unpack[WebhookEndpointsCreate]) -> R:
        """Create a webhook endpoint; the answer holds its signing secret."""
        return self._call("webhook_endpoints.create", params, idempotency_key=idempotency_key)

    def delete(self, *, idempotency_key: str | None = None, **params: Unpack[WebhookEndpointsDelete]) -> R:
        """Delete a webhook endpoint."""
        return self._call("webhook_endpoints.delete", params, idempotency_key=idempotency_key)

    def list(self, *, idempotency_key: str | None = None, **params: Unpack[WebhookEndpointsList]) -> R:
        """List webhook endpoints, newest first."""
        return self._call("webhook_endpoints.list", params, idempotency_key=idempotency_key)

    def retrieve(self, *, idempotency_key: str | None = None, **params: Unpack[WebhookEndpointsRetrieve]) -> R:
        """Retrieve a webhook endpoint."""
        return self._call("webhook_endpoints.retrieve", params, idempotency_key=idempotency_key)

    def update(self, *, idempotency_key: str | None = None, **params: Unpack[WebhookEndpointsUpdate]) -> R:
        """Update a webhook endpoint."""
        return self._call("webhook_endpoints.update", params, idempotency_key=idempotency_key)


class Operations(Resource[R]):
    """All nouns."""

    def __init__(self, call: Callable[..., R]) -> None:
        super().__init__(call)
        self.balance = Balance(call)
        self.balance_transactions = BalanceTransactions(call)
        self.charges = Charges(call)
        self.customers = Customers(call)
        self.disputes = Disputes(call)
        self.events = Events(call)
        self.external_accounts = ExternalAccounts(call)
        self.file_links = FileLinks(call)
        self.files = Files(call)
        self.mandates = Mandates(call)
        self.payment_intents = PaymentIntents(call)
        self.payment_methods = PaymentMethods(call)
        self.payout_batches = PayoutBatches(call)
        self.payouts = Payouts(call)
        self.products = Products(call)
        self.provider_accounts = ProviderAccounts(call)
        self.providers = Providers(call)
        self.reconciliations = Reconciliations(call)
        self.refunds = Refunds(call)
        self.reporting = Reporting(call)
        self.routing_rules = RoutingRules(call)
        self.rpc_batches = RpcBatches(call)
        self.setup_attempts = SetupAttempts(call)
        self.setup_intents = SetupIntents(call)
        self.tokens = Tokens(call)
        self.unresolved_payments = UnresolvedPayments(call)
        self.webhook_endpoints = WebhookEndpoints(call)
