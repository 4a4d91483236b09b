"""A customer's row, and the object the API shows."""

from typing import Any

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.parameters import Address, Shipping
from processor.rows import Row
from tenants import tables


class InvoiceSettings(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What a customer's invoices use unless they say otherwise."""

    custom_fields: list[dict[str, str]] | None = None
    default_payment_method: str | None = None
    footer: str | None = None
    rendering_options: dict[str, Any] | None = None


class Details(Struct, omit_defaults=True):
    """What the merchant told us and gets back as it was."""

    address: Address | None = None
    balance: int = 0
    default_source: str | None = None  # a card that was attached by its token
    description: str | None = None
    invoice_prefix: str | None = None
    invoice_settings: InvoiceSettings = msgspec.field(default_factory=InvoiceSettings)
    next_invoice_sequence: int = 1
    preferred_locales: list[str] = []
    shipping: Shipping | None = None
    tax_exempt: str = "none"
    business_name: str | None = None
    individual_name: str | None = None


class Customer(Row, kw_only=True):
    """A row of `customers`."""

    table = tables.customers

    deleted: bool = False
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    details: Details = msgspec.field(default_factory=Details)


def render(customer: Customer, livemode: bool) -> Object:
    """The customer object; of a deleted one, only that it is deleted."""
    if customer.deleted:
        return {"id": customer.id, "object": "customer", "deleted": True}
    details = customer.details
    shown = {
        "id": customer.id,
        "object": "customer",
        "address": msgspec.to_builtins(details.address),
        "balance": details.balance,
        "created": customer.created,
        "currency": None,
        "default_source": details.default_source,
        "delinquent": False,
        "description": details.description,
        "discount": None,
        "email": customer.email,
        "invoice_prefix": details.invoice_prefix or customer.id[-8:].upper(),
        "invoice_settings": {
            name: getattr(details.invoice_settings, name)
            for name in InvoiceSettings.__struct_fields__
        },
        "livemode": livemode,
        "metadata": customer.metadata,
        "name": customer.name,
        "next_invoice_sequence": details.next_invoice_sequence,
        "phone": customer.phone,
        "preferred_locales": details.preferred_locales,
        "shipping": msgspec.to_builtins(details.shipping),
        "tax_exempt": details.tax_exempt,
        "test_clock": None,
    }
    for name in ("business_name", "individual_name"):
        if value := getattr(details, name):
            shown[name] = value
    return shown
