"""An endpoint's row, and the object the API shows."""

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.rows import Row
from tenants import tables


class Details(Struct, omit_defaults=True):
    """What the engine does not look at while it delivers, and the state of its signing secrets."""

    api_version: str | None = None
    description: str | None = None
    # Secrets are derived from the generation. During a rotation the one before signs as well.
    secret_generation: int = 1
    previous_secret_until: int | None = None  # unix seconds
    # Since when every attempt has failed, in unix seconds; after some days it is disabled.
    failing_since: int | None = None


class WebhookEndpoint(Row, kw_only=True):
    """A row of `webhook_endpoints`."""

    table = tables.webhook_endpoints

    url: str
    status: str = "enabled"
    enabled_events: list[str]
    details: Details = msgspec.field(default_factory=Details)


def render(endpoint: WebhookEndpoint, livemode: bool, secret: str | None = None) -> Object:
    """The endpoint object. The secret is shown by the call that made it, and by no other."""
    shown: Object = {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "api_version": endpoint.details.api_version,
        "application": None,
        "created": endpoint.created,
        "description": endpoint.details.description,
        "enabled_events": endpoint.enabled_events,
        "livemode": livemode,
        "metadata": endpoint.metadata,
        "status": endpoint.status,
        "url": endpoint.url,
    }
    if secret is not None:
        shown["secret"] = secret
    return shown
