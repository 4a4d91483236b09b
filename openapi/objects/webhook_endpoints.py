"""The webhook endpoint."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from openapi.objects.common import Metadata, Timestamp


class WebhookEndpoint(Struct, kw_only=True):
    """A URL of the merchant's that hears of events."""

    id: str
    object: Literal["webhook_endpoint"]
    api_version: str | None
    application: None
    created: Timestamp
    description: str | None
    enabled_events: list[str]
    livemode: bool
    metadata: Metadata
    secret: str | UnsetType = UNSET
    status: Literal["disabled", "enabled"]
    url: str


class DeletedWebhookEndpoint(Struct):
    """What is left of a webhook endpoint after its deletion."""

    id: str
    object: Literal["webhook_endpoint"]
    deleted: Literal[True]
