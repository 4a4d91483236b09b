"""`/v1/events`: read the log."""

from typing import Annotated, Any

from msgspec import Meta
from sqlalchemy import ColumnElement, literal_column, select

from processor import lists
from processor.errors import InvalidRequest, not_found
from processor.events import log
from processor.operations import Object, Operation, Work
from processor.parameters import Id, ListParameters, Parameters, ShortText
from tenants.tables import deliveries, events


class Retrieve(Parameters, kw_only=True):
    """Which event."""

    id: Id


class List(ListParameters, kw_only=True):
    """Filter by type (`payment_intent.*` is a family) or by whether every endpoint has heard."""

    type: ShortText | None = None
    types: Annotated[list[ShortText], Meta(max_length=20)] | None = None
    delivery_success: bool | None = None


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One event."""
    row = await work.connection.fetchrow(log.SELECT, [parameters.id], work.caller.schema)
    if row is None:
        raise not_found("event", parameters.id)
    return log.render(row, work.caller.livemode)


async def list_(work: Work, parameters: List) -> Object:
    """A page of events, newest first."""
    if parameters.type and parameters.types:
        raise InvalidRequest("You may only specify one of these parameters: type, types.")
    where: list[Any] = []
    wanted = [parameters.type] if parameters.type else parameters.types
    if wanted:
        families = [name.removesuffix("*") for name in wanted if name.endswith("*")]
        condition: ColumnElement[bool] = events.c.type.in_(
            [name for name in wanted if not name.endswith("*")]
        )
        for family in families:
            condition = condition | events.c.type.startswith(family, autoescape=True)
        where.append(condition)
    # The queue is a subquery of its own because it may be on another machine than the events.
    queued = select(deliveries.c.event).where(
        deliveries.c.schema_name == literal_column("current_user")
    )
    waiting = queued.subquery("waiting")
    if parameters.delivery_success is False:
        where.append(events.c.id.in_(queued))
    elif parameters.delivery_success:
        where.append(waiting.c.event.is_(None))
    page = await lists.page(
        work.connection,
        events,
        parameters,
        kind="event",
        url="/v1/events",
        render=lambda row: log.render(row, work.caller.livemode),
        where=where,
        source=events.outerjoin(waiting, waiting.c.event == events.c.id)
        if parameters.delivery_success
        else None,
    )
    found = [event["id"] for event in page["data"]]
    endpoints = await log.waiting(work.connection, work.caller.schema, found)
    for event in page["data"]:
        event["pending_webhooks"] = endpoints.get(event["id"], 0)
    return page


OPERATIONS = [
    Operation(
        name="events.retrieve",
        method="GET",
        path="/v1/events/{id}",
        parameters=Retrieve,
        returns="event",
        summary="Retrieve an event",
        read=retrieve,
    ),
    Operation(
        name="events.list",
        method="GET",
        path="/v1/events",
        parameters=List,
        returns="list:event",
        summary="List events, newest first",
        read=list_,
    ),
]
