"""The customer."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from openapi.objects.common import Address, Metadata, Shipping, Timestamp


class CustomField(Struct):
    """A line that a customer's invoices carry."""

    name: str
    value: str


class InvoiceSettings(Struct):
    """What a customer's invoices use unless they say otherwise."""

    custom_fields: list[CustomField] | None
    default_payment_method: str | None
    footer: str | None
    rendering_options: dict[str, Any] | None


class Customer(Struct, kw_only=True):
    """A payer of the merchant's, to whom payment methods and payments belong."""

    id: str
    object: Literal["customer"]
    address: Address | None
    balance: int
    business_name: str | UnsetType = UNSET
    created: Timestamp
    currency: None
    default_source: str | None
    delinquent: bool
    description: str | None
    discount: None
    email: str | None
    individual_name: str | UnsetType = UNSET
    invoice_prefix: str
    invoice_settings: InvoiceSettings
    livemode: bool
    metadata: Metadata
    name: str | None
    next_invoice_sequence: int
    phone: str | None
    preferred_locales: list[str]
    shipping: Shipping | None
    tax_exempt: Literal["exempt", "none", "reverse"]
    test_clock: None


class DeletedCustomer(Struct):
    """What is left of a customer after its deletion."""

    id: str
    object: Literal["customer"]
    deleted: Literal[True]
