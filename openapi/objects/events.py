"""The event."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from openapi.objects.common import Timestamp


class EventRequest(Struct):
    """The API call that caused the event; its members are null if none did."""

    id: str | None
    idempotency_key: str | None


class EventData(Struct, kw_only=True):
    """The object as the API showed it at that moment, and what it was before."""

    object: dict[str, Any]
    previous_attributes: dict[str, Any] | UnsetType = UNSET


class Event(Struct):
    """One change, in the order in which changes happened."""

    id: str
    object: Literal["event"]
    api_version: str
    created: Timestamp
    data: EventData
    livemode: bool
    object_sequence: Annotated[int, Meta(ge=1)]
    pending_webhooks: Annotated[int, Meta(ge=0)]
    request: EventRequest
    type: str
