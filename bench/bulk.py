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

    insert: str
    values: list[Any]


NEW = "#" * 16

# The tables that a call writes to, and how to find its row there. Columns that PostgreSQL fills in
# by itself are left out.
_ROWS = {
    "idempotency_keys": "subject",
    "payment_intents": "id",
    "events": "object_id",
}
_COLUMNS = """
select attname, format_type(atttypid, atttypmod) as type from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname <> 'transaction'
order by attnum
"""


async def copies(connection: asyncpg.Connection, intent: str) -> list[Copy]:
    """What to insert for an intent like this one."""
    rows: dict[str, asyncpg.Record] = {}
    columns: dict[str, list[asyncpg.Record]] = {}
    for table, column in _ROWS.items():
        columns[table] = await connection.fetch(_COLUMNS, table)
        rows[table] = await connection.fetchrow(
            f"select * from {table} where {column} = $1", intent
        )
    old = [intent, rows["events"]["id"], rows["idempotency_keys"]["key"]]
    return [_copy(table, columns[table], rows[table], old) for table in _ROWS]


def _copy(table: str, columns: list[asyncpg.Record], row: asyncpg.Record, old: list[str]) -> Copy:
    names = ", ".join(column["attname"] for column in columns)
    arrays = ", ".join(f"${i}::{column['type']}[]" for i, column in enumerate(columns, 1))
    values = [_marked(row[column["attname"]], old) for column in columns]
    return Copy(f"insert into {table} ({names}) select * from unnest({arrays})", values)


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
                    await connection.execute(part.insert, *columns)
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
