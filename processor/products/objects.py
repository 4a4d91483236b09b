"""A product's row, and the object the API shows."""

from typing import Any

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.rows import Row
from tenants import tables


class ProductDetails(Struct, omit_defaults=True):
    """What the merchant told us and gets back as it was."""

    description: str | None = None
    images: list[str] = []
    marketing_features: list[dict[str, str]] = []
    package_dimensions: dict[str, Any] | None = None
    shippable: bool | None = None
    statement_descriptor: str | None = None
    tax_code: str | None = None
    tax_details: dict[str, Any] | None = None
    unit_label: str | None = None
    url: str | None = None


class Product(Row, kw_only=True):
    """A row of `products`."""

    table = tables.products

    name: str
    active: bool = True
    type: str = "service"
    updated: int
    details: ProductDetails = msgspec.field(default_factory=ProductDetails)


def render(product: Product, livemode: bool) -> Object:
    """The product object."""
    details = msgspec.structs.asdict(product.details)
    return {
        "id": product.id,
        "object": "product",
        "active": product.active,
        "created": product.created,
        "default_price": None,
        "livemode": livemode,
        "metadata": product.metadata,
        "name": product.name,
        "type": product.type,
        "updated": product.updated,
        **details,
    }
