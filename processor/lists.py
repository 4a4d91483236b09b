"""Pages of a table in Stripe's envelope."""

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, select
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from processor.errors import InvalidRequest, missing
from processor.parameters import Created, ListParameters
from tenants.database import Connection

_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


def compiled(statement: Select[Any]) -> tuple[str, list[Any]]:
    """A composed statement as text and arguments for asyncpg."""
    result = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    names = result.positiontup or []
    return str(result), [result.params[name] for name in names]


async def page(
    connection: Connection,
    table: Table,
    parameters: ListParameters,
    *,
    kind: str,
    url: str,
    render: Callable[[asyncpg.Record], dict[str, Any]],
    where: Sequence[ColumnElement[bool]] = (),
    extra: Sequence[ColumnElement[Any]] = (),
    source: FromClause | None = None,
    oldest_first: bool = False,
) -> dict[str, Any]:
    """One page of `table` as a list object, newest first as a rule. `kind` names the object in
    errors, `url` the list; `extra` are computed columns that `render` needs; `source` joins the
    table with what `where` needs.

    Ids sort by creation, so the cursor is the primary key. `ending_before` reads upwards from the
    cursor and turns the page round, which gives the page nearest to it. Raises InvalidRequest for
    a cursor that names nothing.
    """
    if parameters.starting_after is not None and parameters.ending_before is not None:
        raise InvalidRequest(
            "You may only specify one of these parameters: ending_before, starting_after."
        )
    backwards = parameters.ending_before is not None
    cursor = parameters.ending_before if backwards else parameters.starting_after
    conditions = [*where, *_created(table, parameters.created)]
    ascending = backwards != oldest_first
    if cursor is not None:
        await _check_cursor(
            connection, table, kind, cursor, "ending_before" if backwards else "starting_after"
        )
        conditions.append(table.c.id > cursor if ascending else table.c.id < cursor)
    statement = (
        select(table, *extra)
        .select_from(table if source is None else source)
        .where(and_(True, *conditions))
        .order_by(table.c.id.asc() if ascending else table.c.id.desc())
        .limit(parameters.limit + 1)
    )
    text, arguments = compiled(statement)
    rows = await connection.fetch(text, *arguments)
    data = [render(row) for row in rows[: parameters.limit]]
    if backwards:
        data.reverse()
    return {
        "object": "list",
        "data": data,
        "has_more": len(rows) > parameters.limit,
        "url": url,
    }


async def _check_cursor(
    connection: Connection, table: Table, kind: str, cursor: str, param: str
) -> None:
    found = await connection.fetchval(f"select 1 from {table.name} where id = $1", cursor)
    if found is None:
        raise missing(kind, cursor, param)


def _created(table: Table, created: Created | int | None) -> list[ColumnElement[bool]]:
    column = table.c.created
    if created is None:
        return []
    if isinstance(created, int):
        return [column == created]
    bounds = {
        column.__gt__: created.gt,
        column.__ge__: created.gte,
        column.__lt__: created.lt,
        column.__le__: created.lte,
    }
    return [compare(value) for compare, value in bounds.items() if value is not None]
