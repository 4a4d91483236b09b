"""What a merchant sells."""

from typing import Any, Literal

from msgspec import Struct

from openapi.objects.common import Metadata, Timestamp


class Product(Struct):
    """Something a merchant sells."""

    id: str
    object: Literal["product"]
    active: bool
    created: Timestamp
    default_price: None
    description: str | None
    images: list[str]
    livemode: bool
    marketing_features: list[dict[str, str]]
    metadata: Metadata
    name: str
    package_dimensions: dict[str, Any] | None
    shippable: bool | None
    statement_descriptor: str | None
    tax_code: str | None
    tax_details: dict[str, Any] | None
    type: str
    unit_label: str | None
    updated: Timestamp
    url: str | None


class DeletedProduct(Struct):
    """A product that was deleted."""

    id: str
    object: Literal["product"]
    deleted: Literal[True]
