"""The limit of a batch: the rows that it leaves, inserted by asyncpg alone, a set in a transaction.

It runs as a process of its own (`python -m bench.bulk`), takes a `Plan` as JSON on standard input
and prints the rows of payment intents that were inserted in a second. The rows are those of one
real call, copied with new ids; the tables, their columns and their indexes are the tenant's.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
import msgspec
import uvloop
from msgspec import Struct


class Plan(Struct):
    """What to insert, and for how long."""

    database_url: str  # of the owner
    schema: str
    intent: str  # whose rows are copied; it was made with an idempotency key
    connections: int
    seconds: float
    batch: int
    run: str  # keeps the ids of this run apart from all others: 8 base-62 digits


@dataclass(frozen=True, slots=True)
class Copy:
    """A row to insert again and again, with `NEW` where each of its ids differs."""

    statement: str  # inserts or updates a set of rows, from an array for each column
    values: list[Any]


NEW = "#" * 16

# The tables that a call writes to, and how to find its row there.
_ROWS = {
    "idempotency_keys": "subject = $1",
    "payment_intents": "id = $1",
    "events": "object_id = $1",
}

# Columns that PostgreSQL fills in by itself.
_OWN = {"events": "transaction", "ledger_entries": "id"}

_COLUMNS = """
select attname, format_type(atttypid, atttypmod) as type from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname <> $2
order by attnum
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A table's columns, and rows of it to copy."""

    table: str
    columns: list[asyncpg.Record]
    rows: list[asyncpg.Record]


async def find(connection: asyncpg.Connection, table: str, where: str, about: str) -> Found:
    """The rows of a table about one thing: `where` names it `$1`."""
    columns = await connection.fetch(_COLUMNS, table, _OWN.get(table, ""))
    return Found(
        table, columns, await connection.fetch(f"select * from {table} where {where}", about)
    )


async def copies(connection: asyncpg.Connection, intent: str) -> list[Copy]:
    """What to insert for an intent like this one."""
    keys, intents, events = [
        await find(connection, table, where, intent) for table, where in _ROWS.items()
    ]
    old = [intent, events.rows[0]["id"], keys.rows[0]["key"]]
    return [copy for found in (keys, intents, events) for copy in inserts(found, old)]


def inserts(found: Found, old: list[str]) -> list[Copy]:
    """For each row found, how to insert more like it. `old` ids are to differ."""
    names = ", ".join(column["attname"] for column in found.columns)
    statement = f"insert into {found.table} ({names}) select * from {_arrays(found)}"
    return [Copy(statement, _values(found, row, old)) for row in found.rows]


def updates(found: Found, old: list[str]) -> list[Copy]:
    """For each row found, how to make others, with another `id`, what it is."""
    names = [column["attname"] for column in found.columns]
    changes = ", ".join(f"{name} = r.{name}" for name in names if name != "id")
    statement = (
        f"update {found.table} t set {changes} from {_arrays(found)} as r({', '.join(names)})"
        " where t.id = r.id"
    )
    return [Copy(statement, _values(found, row, old)) for row in found.rows]


def _arrays(found: Found) -> str:
    arrays = (f"${i}::{column['type']}[]" for i, column in enumerate(found.columns, 1))
    return f"unnest({', '.join(arrays)})"


def _values(found: Found, row: asyncpg.Record, old: list[str]) -> list[Any]:
    return [_marked(row[column["attname"]], old) for column in found.columns]


def _marked(value: Any, old: list[str]) -> Any:
    """The value with the end of each old id, or of the key, replaced by `NEW`."""
    for identifier in old:
        new = identifier[:-16] + NEW
        if isinstance(value, str):
            value = value.replace(identifier, new)
        elif isinstance(value, bytes):
            value = value.replace(identifier.encode(), new.encode())
    return value


def column(value: Any, numbers: list[str]) -> list[Any]:
    """One column of a set of rows."""
    if isinstance(value, str) and NEW in value:
        return [value.replace(NEW, number) for number in numbers]
    if isinstance(value, bytes) and NEW.encode() in value:
        return [value.replace(NEW.encode(), number.encode()) for number in numbers]
    return [value] * len(numbers)


async def run(plan: Plan) -> float:
    """Payment intents inserted in a second."""
    pool = await asyncpg.create_pool(
        plan.database_url,
        min_size=plan.connections,
        max_size=plan.connections,
        server_settings={"search_path": plan.schema},
    )
    parts = await copies(pool, plan.intent)
    numbers = count()
    deadline = time.perf_counter() + plan.seconds

    async def insert() -> int:
        inserted = 0
        while time.perf_counter() < deadline:
            batch = [f"{plan.run}{next(numbers):08}" for _ in range(plan.batch)]
            async with pool.acquire() as connection, connection.transaction():
                for part in parts:
                    columns = [column(value, batch) for value in part.values]
                    await connection.execute(part.statement, *columns)
            inserted += plan.batch
        return inserted

    began = time.perf_counter()
    inserted = sum(await asyncio.gather(*(insert() for _ in range(plan.connections))))
    seconds = time.perf_counter() - began
    await pool.close()
    return inserted / seconds


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.write(str(uvloop.run(run(given))))
