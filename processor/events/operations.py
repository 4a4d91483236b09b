"""`/v1/events`: read the log."""

from typing import Annotated, Any

from msgspec import Meta
from sqlalchemy import ColumnElement, exists, func, literal_column, select

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
    row = await work.connection.fetchrow(f"{log.SELECT} where e.id = $1", parameters.id)
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
    pending = (
        select(func.count())
        .where(
            deliveries.c.schema_name == literal_column("current_user"),
            deliveries.c.event == events.c.id,
        )
        .scalar_subquery()
    )
    if parameters.delivery_success is not None:
        waiting = exists().where(
            deliveries.c.schema_name == literal_column("current_user"),
            deliveries.c.event == events.c.id,
        )
        where.append(~waiting if parameters.delivery_success else waiting)
    return await lists.page(
        work.connection,
        events,
        parameters,
        kind="event",
        url="/v1/events",
        render=lambda row: log.render(row, work.caller.livemode),
        where=where,
        extra=[pending.label("pending_webhooks")],
    )


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
