"""What the operations on products take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from processor.parameters import (
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    ShortText,
    Text,
)

Url = Annotated[str, Meta(max_length=2048)]
Images = Annotated[list[Url], Meta(max_length=8)]
Dimension = Annotated[float, Meta(gt=0, le=1_000_000)]
# Stripe's rule for ids that merchants choose themselves.
OwnId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,255}$")]


class MarketingFeature(Struct, forbid_unknown_fields=True):
    """One line of a pricing table."""

    name: Annotated[str, Meta(max_length=80)]


class PackageDimensions(Struct, forbid_unknown_fields=True):
    """Inches and ounces, as at Stripe."""

    height: Dimension
    length: Dimension
    weight: Dimension
    width: Dimension


class Fields(Parameters, kw_only=True):
    """What can be given when a product is made, and changed afterwards."""

    active: bool | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    images: Images | None | UnsetType = UNSET
    marketing_features: (
        Annotated[list[MarketingFeature], Meta(max_length=15)] | None | UnsetType
    ) = UNSET
    package_dimensions: PackageDimensions | None | UnsetType = UNSET
    shippable: bool | UnsetType = UNSET
    statement_descriptor: Annotated[str, Meta(max_length=22)] | UnsetType = UNSET
    tax_code: ShortText | None | UnsetType = UNSET
    unit_label: Annotated[str, Meta(max_length=12)] | None | UnsetType = UNSET
    url: Url | None | UnsetType = UNSET


class Create(Fields, kw_only=True):
    """A product. Its id may be the merchant's own."""

    name: ShortText
    id: OwnId | None = None
    metadata: Metadata | None = None
    type: Literal["good", "service"] = "service"


class Update(Fields, kw_only=True):
    """Only what is given changes."""

    product: Id
    metadata: MetadataUpdate = UNSET
    name: ShortText | UnsetType = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which product."""

    product: Id


class Delete(Parameters, kw_only=True):
    """Which product."""

    product: Id


class List(ListParameters, kw_only=True):
    """Filter by what a product is."""

    active: bool | None = None
    ids: Annotated[list[Id], Meta(max_length=100)] | None = None
    shippable: bool | None = None
    type: Literal["good", "service"] | None = None
    url: Url | None = None
