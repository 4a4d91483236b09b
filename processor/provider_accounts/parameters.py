"""What the operations on provider accounts take."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from processor.parameters import (
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    ShortText,
)
from processor.provider_accounts.objects import Environment

# By the names that `GET /v1/providers` lists. How long a value may be is said by
# `credentials.complete`, whose errors repeat none.
CredentialValues = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=40)], str | None],
    Meta(min_length=1, max_length=20),
]
Concurrency = Annotated[int, Meta(ge=1, le=1000)]
CallsPerSecond = Annotated[float, Meta(gt=0, le=10_000)]


class CostData(Struct, forbid_unknown_fields=True):
    """What the provider takes from the merchant for a payment in one currency."""

    basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 0  # hundredths of a per cent
    fixed: Annotated[int, Meta(ge=0, le=1_000_000)] = 0  # minor units


Costs = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=40)], CostData], Meta(max_length=20)
]


class Create(Parameters, kw_only=True):
    """A kind of provider, and what opens an account there."""

    provider: ShortText
    credentials: CredentialValues
    environment: Environment | None = None
    nickname: ShortText | None = None
    check_wallets: bool = False
    concurrency: Concurrency = 64
    calls_per_second: CallsPerSecond | None = None
    costs: Costs | None = None
    metadata: Metadata | None = None


class Update(Parameters, kw_only=True):
    """Only what is given changes; of the credentials too."""

    provider_account: Id
    credentials: CredentialValues | UnsetType = UNSET
    nickname: ShortText | None | UnsetType = UNSET
    check_wallets: bool | UnsetType = UNSET
    concurrency: Concurrency | UnsetType = UNSET
    calls_per_second: CallsPerSecond | None | UnsetType = UNSET
    costs: Costs | None | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    disabled_reason: ShortText | None = None
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which account."""

    provider_account: Id


class CheckAgain(Parameters, kw_only=True):
    """Which account."""

    provider_account: Id


class Delete(Parameters, kw_only=True):
    """Which account."""

    provider_account: Id


class List(ListParameters, kw_only=True):
    """Filter by kind of provider."""

    provider: ShortText | None = None
