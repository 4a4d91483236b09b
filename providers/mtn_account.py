"""A merchant's account at MTN MoMo, over the products it was granted."""

from dataclasses import dataclass, field

import httpx

from .mtn import MtnCollection
from .mtn_disbursement import MtnDisbursement
from .mtn_product import LIVE_URL, MtnCredentials


@dataclass(frozen=True, slots=True)
class MtnAccount:
    """What MTN's partner portal hands out. In production one API user serves all products."""

    target_environment: str  # "mtncameroon", "mtnbenin"...; "sandbox" at MTN's own
    api_user: str  # a UUID version 4
    api_key: str = field(repr=False)
    collection_subscription_key: str = field(repr=False)
    disbursement_subscription_key: str = field(default="", repr=False)  # empty: not granted
    base_url: str = LIVE_URL

    def product(self, subscription_key: str) -> MtnCredentials:
        """The credentials of one product."""
        return MtnCredentials(
            subscription_key=subscription_key,
            api_user=self.api_user,
            api_key=self.api_key,
            target_environment=self.target_environment,
            base_url=self.base_url,
        )


def connect_mtn(
    account: MtnAccount, client: httpx.AsyncClient
) -> tuple[MtnCollection, MtnDisbursement | None]:
    """The adapters of the granted products."""
    sends = account.disbursement_subscription_key
    return (
        MtnCollection(account.product(account.collection_subscription_key), client),
        MtnDisbursement(account.product(sends), client) if sends else None,
    )
