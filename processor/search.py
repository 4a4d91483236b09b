"""Stripe's search language: `email:'a@b.c' AND metadata['order']:'7'`.

Clauses are joined by AND or by OR, never both. `:` is equality, `~` contains, `<` and the like
compare numbers; a minus in front negates; `null` asks for absence.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import asyncpg
from msgspec import Meta
from sqlalchemy import BigInteger, Boolean, ColumnElement, Integer, Table, and_, not_, or_, select

from processor.errors import InvalidRequest
from processor.lists import compiled
from processor.operations import Object
from processor.parameters import Parameters
from tenants.database import Connection


class Search(Parameters, kw_only=True):
    """A query, and where its next page begins."""

    query: Annotated[str, Meta(max_length=2000)]
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    page: Annotated[str, Meta(max_length=200)] | None = None


_CLAUSE = re.compile(
    r"""\s*(?P<negated>-)?
    (?P<field>[a-z_]+(?:\.[a-z_0-9]+)*)(?:\[\s*(?P<q>["'])(?P<key>.+?)(?P=q)\s*\])?
    \s*(?P<operator>>=|<=|:|~|>|<)\s*
    (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>null|-?\d+))\s*""",
    re.VERBOSE,
)
_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_JOIN = re.compile(r"(AND|OR)\b", re.IGNORECASE)

MAX_CLAUSES = 10


Fields = Mapping[str, ColumnElement[Any]]
"""What may be searched beside metadata, by its name in queries."""


def columns(table: Table, *names: str) -> Fields:
    """Fields that are columns of the same name."""
    return {name: table.c[name] for name in names}


def condition(query: str, table: Table, fields: Fields) -> ColumnElement[bool]:
    """A query as a condition on `table`.

    Raises InvalidRequest that says where the query stops being one.
    """
    clauses: list[ColumnElement[bool]] = []
    joins: set[str] = set()
    position = 0
    while True:
        match = _CLAUSE.match(query, position)
        if match is None or len(clauses) == MAX_CLAUSES:
            raise _wrong(query, position)
        clauses.append(_clause(match, table, fields))
        position = match.end()
        if position == len(query):
            break
        join = _JOIN.match(query, position)
        if join is None:
            raise _wrong(query, position)
        joins.add(join[1].upper())
        position = join.end()
    if len(joins) > 1:
        raise InvalidRequest("A query can use AND or OR, not both.", param="query")
    return or_(*clauses) if joins == {"OR"} else and_(*clauses)


async def page(
    connection: Connection,
    table: Table,
    parameters: Search,
    *,
    fields: Fields,
    url: str,
    render: Callable[[asyncpg.Record], Object],
    where: Sequence[ColumnElement[bool]] = (),
) -> Object:
    """One page of what a query finds, newest first."""
    conditions = [condition(parameters.query, table, fields), *where]
    if parameters.page is not None:
        conditions.append(table.c.id < _cursor(parameters.page))
    statement = (
        select(table)
        .where(and_(*conditions))
        .order_by(table.c.id.desc())
        .limit(parameters.limit + 1)
    )
    text, arguments = compiled(statement)
    rows = await connection.fetch(text, *arguments)
    more = len(rows) > parameters.limit
    last = rows[parameters.limit - 1]["id"] if more else None
    return {
        "object": "search_result",
        "data": [render(row) for row in rows[: parameters.limit]],
        "has_more": more,
        "next_page": base64.urlsafe_b64encode(last.encode()).decode() if last else None,
        "url": url,
    }


def _clause(match: re.Match[str], table: Table, fields: Fields) -> ColumnElement[bool]:
    field, key, operator = match["field"], match["key"], match["operator"]
    column: ColumnElement[Any]
    if key is not None and field == "metadata":
        column = table.c.metadata[key].astext
    elif key is None and field in fields:
        column = fields[field]
    else:
        raise InvalidRequest(
            f"Field `{field}` is an unsupported search field. Supported:"
            f" {', '.join([*fields, 'metadata'])}.",
            param="query",
        )
    found = _compare(column, operator, match)
    return not_(found) if match["negated"] else found


def _compare(
    column: ColumnElement[Any], operator: str, match: re.Match[str]
) -> ColumnElement[bool]:
    if match["bare"] == "null":
        return column.is_(None)
    quoted = match["double"] if match["double"] is not None else match["single"]
    text = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    if operator == "~":
        return column.icontains(text, autoescape=True)
    if isinstance(column.type, Boolean):
        if operator != ":" or text not in ("true", "false"):
            raise InvalidRequest(f"'{text[:40]}' is not true or false.", param="query")
        return column.is_(text == "true")
    numeric = isinstance(column.type, (BigInteger, Integer))
    if not numeric:
        if operator != ":":
            raise InvalidRequest(f"`{operator}` compares numbers only.", param="query")
        return column == text
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise InvalidRequest(f"'{text[:40]}' is not an integer.", param="query")
    value = int(text)
    return {
        ":": column == value,
        ">": column > value,
        ">=": column >= value,
        "<": column < value,
        "<=": column <= value,
    }[operator]


def _cursor(page: str) -> str:
    """The id behind a page's token, in which a client could have put anything."""
    try:
        cursor = base64.urlsafe_b64decode(page.encode()).decode("ascii")
    except (ValueError, UnicodeError):
        cursor = ""
    if not _ID.fullmatch(cursor):
        raise InvalidRequest("Invalid page.", param="page")
    return cursor


def _wrong(query: str, position: int) -> InvalidRequest:
    return InvalidRequest(
        f"We were unable to parse your search query near '{query[position : position + 40]}'."
        " A query looks like: email:'awa@example.com' AND metadata['order']:'7'.",
        param="query",
    )
