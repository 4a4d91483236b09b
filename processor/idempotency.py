"""Idempotency keys, in the same transaction as the effect they protect.

A key's row holds the operation, a hash of its parameters and, once there is one, the answer, which
is replayed byte for byte. The primary key makes concurrent holders wait for the first commit. An
operation that talks to a provider commits its key before the call, with the payment intent as
`subject` and no answer yet; if the process dies in between, the answer is later worked out from
what became of the intent.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from processor.errors import IdempotencyError, InvalidRequest
from processor.operations import Item, Operation, Stored
from processor.parameters import Parameters
from tenants.database import Connection

MAX_KEY = 255

# Stripe promises a day at least.
KEPT_SECONDS = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier request with the same key left: its answer, or the intent it is about."""

    answer: Stored | None
    subject: str | None


def check_key(key: str | None) -> None:
    """Refuse a key that could not be stored. Raises InvalidRequest."""
    if key is not None and (not key or len(key) > MAX_KEY or not key.isprintable()):
        raise InvalidRequest(
            f"An idempotency key has 1 to {MAX_KEY} printable characters.", param="idempotency_key"
        )


def parameters_hash(operation: Operation, parameters: Parameters) -> bytes:
    """A hash that is equal for equal calls, whichever door they came through."""
    encoded = msgspec.json.encode(parameters, order="deterministic")
    return hashlib.sha256(operation.name.encode() + b"\0" + encoded).digest()


_CLAIM = """
insert into idempotency_keys (key, operation, hash, subject, created)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[])
order by 1
on conflict do nothing
returning key
"""


async def claim(
    connection: Connection,
    operation: str,
    items: Sequence[Item[Any]],
    created: int,
    subjects: dict[str, str] | None = None,
) -> dict[str, Earlier]:
    """Take the keys of these items. Returns what earlier holders left, by key; the rest is ours.

    Waits for a concurrent holder's commit. `subjects` maps a key to the payment intent it will be
    answered from. An item whose key was used for something else gets its error as outcome.
    """
    held = {item.request.idempotency_key: item for item in items if item.request.idempotency_key}
    if not held:
        return {}
    keys = list(held)
    fresh = await connection.fetch(
        _CLAIM,
        keys,
        [operation] * len(keys),
        [held[key].hash for key in keys],
        [(subjects or {}).get(key) for key in keys],
        [created] * len(keys),
    )
    taken = held.keys() - {row["key"] for row in fresh}
    return await _earlier(connection, operation, {key: held[key] for key in taken})


async def find(connection: Connection, operation: str, item: Item[Any]) -> Earlier | None:
    """What an earlier request with this item's key left, if there was one. Takes nothing."""
    key = item.request.idempotency_key
    return None if key is None else (await _earlier(connection, operation, {key: item})).get(key)


async def _earlier(
    connection: Connection,
    operation: str,
    held: dict[str, Item[Any]],
) -> dict[str, Earlier]:
    if not held:
        return {}
    rows = await connection.fetch(
        "select key, operation, hash, subject, status, body from idempotency_keys"
        " where key = any($1)",
        list(held),
    )
    found = {}
    for row in rows:
        item = held[row["key"]]
        if row["hash"] != item.hash or row["operation"] != operation:
            item.outcome = IdempotencyError(
                "Keys for idempotent requests can only be used with the same parameters they were"
                " first used with. Try using a key other than"
                f" '{row['key']}' if you meant to execute a different request."
            )
        answer = None
        if row["status"] is not None:
            answer = Stored(row["status"], row["body"], replayed=True)
        found[row["key"]] = Earlier(answer, row["subject"])
    return found


async def finish(connection: Connection, answers: dict[str, Stored]) -> dict[str, Stored]:
    """Store the answers of keys that were claimed, to be replayed. The first answer to a key
    stands: returns those that somebody else stored before, to be given instead."""
    if not answers:
        return {}
    written = await connection.fetch(
        "update idempotency_keys k set status = r.status, body = r.body"
        " from unnest($1::text[], $2::smallint[], $3::bytea[]) as r(key, status, body)"
        " where k.key = r.key and k.status is null returning k.key",
        list(answers),
        [answer.status for answer in answers.values()],
        [answer.body for answer in answers.values()],
    )
    late = answers.keys() - {row["key"] for row in written}
    if not late:
        return {}
    rows = await connection.fetch(
        "select key, status, body from idempotency_keys where key = any($1)", list(late)
    )
    return {row["key"]: Stored(row["status"], row["body"], replayed=True) for row in rows}


async def prune(connection: Connection) -> None:
    """Forget answered keys after `KEPT_SECONDS`. A key without an answer is never forgotten."""
    await connection.execute(
        "delete from idempotency_keys"
        " where created < extract(epoch from now()) - $1 and status is not null",
        KEPT_SECONDS,
    )


async def release(connection: Connection, keys: list[str]) -> None:
    """Give back keys whose request was refused before it had any effect."""
    await connection.execute(
        "delete from idempotency_keys where key = any($1) and status is null", keys
    )
