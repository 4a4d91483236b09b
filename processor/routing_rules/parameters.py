"""What the operations on routing rules take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from processor.parameters import (
    Amount,
    CaptureMethod,
    Id,
    Metadata,
    MetadataUpdate,
    Parameters,
    ShortText,
)
from processor.routing.decision import Use

MOST_TARGETS = 10

MethodType = Literal["card", "hosted_card", "mobile_money", "paypal"]
Network = Literal["moov", "mtn", "orange", "tmoney"]
CountryCode = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Bound = Annotated[int, Meta(ge=0, le=2**53)]  # minor units
Some = Meta(min_length=1, max_length=50)


class ConditionData(Struct, frozen=True, forbid_unknown_fields=True):
    """Which payments the rule is for. What is left out fits any."""

    payment_method_types: Annotated[list[MethodType], Some] | None = None
    currencies: Annotated[list[ShortText], Some] | None = None
    networks: Annotated[list[Network], Some] | None = None
    countries: Annotated[list[CountryCode], Some] | None = None
    amount_at_least: Bound | None = None
    amount_at_most: Bound | None = None


class TargetData(Struct, forbid_unknown_fields=True):
    """An account that payments go to, and its share of them in per cent."""

    account: Id
    percentage: Annotated[int, Meta(ge=0, le=100)] | None = None


Targets = Annotated[list[TargetData], Meta(min_length=1, max_length=MOST_TARGETS)]
Position = Annotated[int, Meta(ge=0, le=1_000_000)]


class Create(Parameters, kw_only=True):
    """Which payments go to which accounts."""

    targets: Targets
    conditions: ConditionData = ConditionData()
    fallback: bool = True
    active: bool = True
    position: Position | None = None
    nickname: ShortText | None = None
    metadata: Metadata | None = None


class Update(Parameters, kw_only=True):
    """Only what is given changes; conditions and targets are replaced as a whole."""

    routing_rule: Id
    targets: Targets | UnsetType = UNSET
    conditions: ConditionData | UnsetType = UNSET
    fallback: bool | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    nickname: ShortText | None | UnsetType = UNSET
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which rule."""

    routing_rule: Id


class Delete(Parameters, kw_only=True):
    """Which rule."""

    routing_rule: Id


class List(Parameters, kw_only=True):
    """Only rules that are active, or only those that are not."""

    active: bool | None = None


class Preview(Parameters, kw_only=True):
    """A payment that is not made. A wallet is known by its phone, or by network and country."""

    amount: Amount
    currency: ShortText
    payment_method_type: MethodType
    phone: ShortText | None = None
    network: Network | None = None
    country: CountryCode | None = None
    capture_method: CaptureMethod = "automatic"
    use: Use = "charge"
    key: ShortText | None = None
