"""Rows as typed objects, written and read a set at a time.

A row class has one field per column. A whole set travels as one JSON parameter and is spread by
PostgreSQL, so that a statement's text and its number of parameters do not depend on the length.
"""

import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Self

import msgspec
from msgspec import Struct
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

from tenants.database import Connection

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Row(Struct, kw_only=True):
    """One row of a table of API objects. Subclasses name their table and add its columns."""

    table: ClassVar[Table]

    id: str
    created: int  # unix seconds
    version: int = 1
    metadata: dict[str, str] = {}

    @classmethod
    def read(cls, record: Mapping[str, Any], prefix: str = "") -> Self:
        """A row from a record whose columns begin with `prefix`."""
        decoders = _decoders(cls)
        values = {name: record[prefix + name] for name in cls.__struct_fields__}
        for name, decoder in decoders.items():
            if values[name] is not None:
                values[name] = decoder.decode(values[name])
        return cls(**values)

    @classmethod
    def columns(cls, alias: str, prefix: str = "") -> str:
        """A select list of all columns of `alias`, each named with `prefix`. Never `*`: a migration
        that adds a column would change what prepared statements return."""
        return ", ".join(f"{alias}.{name} as {prefix}{name}" for name in cls.__struct_fields__)

    @classmethod
    async def fetch(cls, connection: Connection, ids: Sequence[str], tail: str = "") -> list[Self]:
        """The rows with these ids, ordered by id. `tail` may be `for update`."""
        records = await connection.fetch(f"{_fetch_statement(cls)} {tail}", ids)
        return [cls.read(record) for record in records]

    @classmethod
    async def find(cls, connection: Connection, identifier: str, tail: str = "") -> Self | None:
        """The row with this id, or None."""
        rows = await cls.fetch(connection, [identifier], tail)
        return rows[0] if rows else None

    @classmethod
    async def insert(cls, connection: Connection, rows: Sequence[Self]) -> None:
        """Insert a set in one statement."""
        await connection.execute(f"insert into {cls.table.name} {spread(cls)}", encoded(rows))

    @classmethod
    async def insert_new(cls, connection: Connection, row: Self) -> bool:
        """Insert a row, if there is none with the same key. Asked, because a unique violation that
        comes through Citus does not say that it is one."""
        statement = (
            f"insert into {cls.table.name} {spread(cls)} on conflict do nothing returning id"
        )
        return await connection.fetchval(statement, encoded([row])) is not None

    @classmethod
    async def update(cls, connection: Connection, rows: Sequence[Self]) -> None:
        """Write back a set of changed rows in one statement. The caller has locked them."""
        await connection.execute(_update_statement(cls), encoded(rows))


def encoded(rows: Sequence[Struct]) -> str:
    """A set of rows as the JSON parameter that `spread` reads."""
    return msgspec.json.encode(rows).decode()


@cache
def spread(kind: type[Row], parameter: int = 1) -> str:
    """`(columns) select columns from parameter`: the body of an insert of a set of rows."""
    names = ", ".join(kind.__struct_fields__)
    return f"({names}) select {names} from {recordset(kind, parameter)}"


@cache
def recordset(kind: type[Row], parameter: int = 1) -> str:
    """The JSON parameter as a relation `r` with the columns of the table."""
    typed = ", ".join(
        f"{name} {kind.table.c[name].type.compile(_DIALECT)}" for name in kind.__struct_fields__
    )
    return f"json_to_recordset(${parameter}::json) as r({typed})"


@cache
def _fetch_statement(kind: type[Row]) -> str:
    name = kind.table.name
    return f"select {kind.columns(name)} from {name} where id = any($1) order by id"


@cache
def _update_statement(kind: type[Row]) -> str:
    changes = ", ".join(f"{name} = r.{name}" for name in kind.__struct_fields__ if name != "id")
    return f"update {kind.table.name} t set {changes} from {recordset(kind)} where t.id = r.id"


@cache
def _decoders(kind: type[Row]) -> dict[str, msgspec.json.Decoder[Any]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {
        name: msgspec.json.Decoder(hints[name])
        for name in kind.__struct_fields__
        if isinstance(kind.table.c[name].type, JSONB)
    }
