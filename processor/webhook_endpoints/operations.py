"""`/v1/webhook_endpoints`."""

import re
import time
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, UnsetType

from processor import lists
from processor.errors import InvalidRequest, not_found
from processor.operations import Object, Operation, Work
from processor.parameters import (
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    Text,
    merged_metadata,
)
from processor.webhook_endpoints.objects import Details, WebhookEndpoint, render
from tenants.ids import new_id

MAX_ENDPOINTS = 16  # per account and mode, as at Stripe

_EVENT_TYPE = re.compile(r"\*|[a-z_0-9]+(\.[a-z_0-9]+)+")

Url = Annotated[str, Meta(min_length=1, max_length=2048)]
EventTypes = Annotated[
    list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=300)
]


class Create(Parameters, kw_only=True):
    """Where to send which events."""

    url: Url
    enabled_events: EventTypes
    api_version: Annotated[str, Meta(max_length=40)] | None = None
    connect: bool = False
    description: Text | None = None
    metadata: Metadata | None = None


class Update(Parameters, kw_only=True):
    """Only what is given changes."""

    webhook_endpoint: Id
    url: Url | UnsetType = UNSET
    enabled_events: EventTypes | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which endpoint."""

    webhook_endpoint: Id


class Delete(Parameters, kw_only=True):
    """Which endpoint."""

    webhook_endpoint: Id


class List(ListParameters, kw_only=True):
    """Every endpoint."""


async def create(work: Work, parameters: Create) -> Object:
    """Make an endpoint. Its signing secret is in this answer and in no other."""
    _check_url(work, parameters.url)
    _check_types(parameters.enabled_events)
    count = await work.connection.fetchval("select count(*) from webhook_endpoints")
    if count >= MAX_ENDPOINTS:
        raise InvalidRequest(f"You have reached the maximum of {MAX_ENDPOINTS} webhook endpoints.")
    endpoint = WebhookEndpoint(
        id=new_id("we"),
        created=int(time.time()),
        url=parameters.url,
        enabled_events=list(dict.fromkeys(parameters.enabled_events)),
        metadata=parameters.metadata or {},
        details=Details(api_version=parameters.api_version, description=parameters.description),
    )
    await WebhookEndpoint.insert(work.connection, [endpoint])
    secret = work.processor.secrets.webhook_secret(work.caller.schema, endpoint.id, 1)
    return render(endpoint, work.caller.livemode, secret)


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One endpoint."""
    return render(await _found(work, parameters.webhook_endpoint), work.caller.livemode)


async def update(work: Work, parameters: Update) -> Object:
    """Change an endpoint, or switch it off and on."""
    endpoint = await _found(work, parameters.webhook_endpoint, "for update")
    if parameters.url is not UNSET:
        _check_url(work, parameters.url)
        endpoint.url = parameters.url
    if parameters.enabled_events is not UNSET:
        _check_types(parameters.enabled_events)
        endpoint.enabled_events = list(dict.fromkeys(parameters.enabled_events))
    if parameters.description is not UNSET:
        endpoint.details.description = parameters.description
    if parameters.disabled is not UNSET:
        endpoint.status = "disabled" if parameters.disabled else "enabled"
        endpoint.details.failing_since = None
    endpoint.metadata = merged_metadata(endpoint.metadata, parameters.metadata)
    endpoint.version += 1
    await WebhookEndpoint.update(work.connection, [endpoint])
    return render(endpoint, work.caller.livemode)


async def delete(work: Work, parameters: Delete) -> Object:
    """Delete an endpoint. What it has not heard yet, it will not hear."""
    endpoint = await _found(work, parameters.webhook_endpoint, "for update")
    await work.connection.execute("delete from webhook_endpoints where id = $1", endpoint.id)
    await work.connection.execute(
        "delete from platform.deliveries where schema_name = current_user and endpoint = $1",
        endpoint.id,
    )
    return {"id": endpoint.id, "object": "webhook_endpoint", "deleted": True}


async def list_(work: Work, parameters: List) -> Object:
    """A page of endpoints, newest first."""
    return await lists.page(
        work.connection,
        WebhookEndpoint.table,
        parameters,
        kind="webhook_endpoint",
        url="/v1/webhook_endpoints",
        render=lambda row: render(WebhookEndpoint.read(row), work.caller.livemode),
    )


async def _found(work: Work, identifier: str, tail: str = "") -> WebhookEndpoint:
    endpoint = await WebhookEndpoint.find(work.connection, identifier, tail)
    if endpoint is None:
        raise not_found("webhook endpoint", identifier, "webhook_endpoint")
    return endpoint


def _check_types(types: list[str]) -> None:
    for index, name in enumerate(types):
        if not _EVENT_TYPE.fullmatch(name):
            raise InvalidRequest(
                f"Invalid enabled_events: {name[:60]} is not an event type.",
                param=f"enabled_events[{index}]",
            )


def _check_url(work: Work, url: str) -> None:
    """Refuse what could never be delivered. Addresses are checked again after DNS, each time."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(c.isspace() for c in url) or not url.isascii():
        raise InvalidRequest("Invalid URL: it must be an absolute http or https URL.", param="url")
    if parts.username or parts.password:
        raise InvalidRequest("Invalid URL: it must not hold a user name or password.", param="url")
    if work.caller.livemode and parts.scheme != "https":
        raise InvalidRequest("Invalid URL: live mode needs an https URL.", param="url")


OPERATIONS = [
    Operation(
        name="webhook_endpoints.create",
        method="POST",
        path="/v1/webhook_endpoints",
        parameters=Create,
        returns="webhook_endpoint",
        summary="Create a webhook endpoint; the answer holds its signing secret",
        write=create,
    ),
    Operation(
        name="webhook_endpoints.retrieve",
        method="GET",
        path="/v1/webhook_endpoints/{webhook_endpoint}",
        parameters=Retrieve,
        returns="webhook_endpoint",
        summary="Retrieve a webhook endpoint",
        read=retrieve,
    ),
    Operation(
        name="webhook_endpoints.update",
        method="POST",
        path="/v1/webhook_endpoints/{webhook_endpoint}",
        parameters=Update,
        returns="webhook_endpoint",
        summary="Update a webhook endpoint",
        write=update,
    ),
    Operation(
        name="webhook_endpoints.delete",
        method="DELETE",
        path="/v1/webhook_endpoints/{webhook_endpoint}",
        parameters=Delete,
        returns="deleted_webhook_endpoint",
        summary="Delete a webhook endpoint",
        write=delete,
    ),
    Operation(
        name="webhook_endpoints.list",
        method="GET",
        path="/v1/webhook_endpoints",
        parameters=List,
        returns="list:webhook_endpoint",
        summary="List webhook endpoints, newest first",
        read=list_,
    ),
]
