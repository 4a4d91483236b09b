"""Close a day: a signed file of everything that was posted, chained to the day before.

The file stands alone. An auditor who has it and the public key can check, without us and without a
database, that nobody changed a byte, that every transaction balances, that opening balances and
entries give the closing balances, and that no day between two files is missing.

It is JSON lines: a header, the day's transactions with their entries in order, the balances, and
last a line with the SHA-256 of all lines before it and an Ed25519 signature of that hash.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from storage import ObjectStore, content_key
from tenants.database import Connection

# A transaction has the time of the process that made it; when a day has been over for this long,
# none of them can still be on its way into it.
SETTLING = timedelta(minutes=10)

# Books are kept ten years under the OHADA uniform act on accounting (article 24).
RETENTION = timedelta(days=3653)

_encode = msgspec.json.Encoder(order="sorted").encode


class CloseError(Exception):
    """A day cannot be closed, or a file does not hold. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Close:
    """One closed day."""

    day: date
    hash: str  # SHA-256 in hexadecimal digits
    previous: str | None  # the hash of the day before; None for the first
    object_key: str
    transactions: int


def public_key(private: Ed25519PrivateKey) -> str:
    """The key that auditors check with, as 64 hexadecimal digits."""
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def signing_key(seed: str) -> Ed25519PrivateKey:
    """The private key behind a seed of 64 hexadecimal digits. Raises CloseError."""
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    except ValueError:
        raise CloseError("CPAY_LEDGER_KEY must be 64 hexadecimal digits.") from None


async def close_until(
    connection: Connection, store: ObjectStore, schema: str, last: date, key: Ed25519PrivateKey
) -> list[Close]:
    """Close every day up to `last` that is not closed yet, oldest first.

    In the schema of this transaction. Raises CloseError if `last` is not over.
    """
    over = datetime.combine(last, datetime.min.time(), UTC) + timedelta(days=1) + SETTLING
    if datetime.now(UTC) < over:
        raise CloseError(f"{last} can be closed from {over:%Y-%m-%d %H:%M} UTC on.")
    previous = await connection.fetchrow(
        "select day, hash from ledger_closes order by day desc limit 1"
    )
    if previous is not None:
        day = previous["day"] + timedelta(days=1)
    else:
        first = await connection.fetchval("select min(created) from ledger_transactions")
        if first is None:
            return []
        day = datetime.fromtimestamp(first, UTC).date()
    chain = previous["hash"] if previous else None
    closes = []
    while day <= last:
        made = await _close_day(connection, store, schema, day, chain, key)
        closes.append(made)
        chain, day = made.hash, day + timedelta(days=1)
    return closes


async def _close_day(
    connection: Connection,
    store: ObjectStore,
    schema: str,
    day: date,
    previous: str | None,
    key: Ed25519PrivateKey,
) -> Close:
    transactions = await _transactions(connection, day)
    opening = await _balances(connection, _seconds(day))
    closing = await _balances(connection, _seconds(day + timedelta(days=1)))
    lines = [
        _encode({"close": {"schema": schema, "day": day.isoformat(), "previous": previous}}),
        _encode({"opening": opening}),
        *(_encode({"transaction": each}) for each in transactions),
        _encode({"closing": closing}),
    ]
    body = b"\n".join(lines)
    digest = hashlib.sha256(body).digest()
    file = body + b"\n" + _seal(digest, public_key(key), key.sign(digest).hex()) + b"\n"
    object_key = content_key(f"{schema}/closes", file, "jsonl")
    await store.put(object_key, file, "application/jsonl", datetime.now(UTC) + RETENTION)
    await connection.execute(
        "insert into ledger_closes (day, hash, previous, object_key, transactions)"
        " values ($1, $2, $3, $4, $5)",
        day,
        digest.hex(),
        previous,
        object_key,
        len(transactions),
    )
    return Close(day, digest.hex(), previous, object_key, len(transactions))


def _seal(digest: bytes, key: str, signature: str) -> bytes:
    """The last line of a file. An auditor makes it again, so that no byte of it is free either."""
    return _encode({"seal": {"hash": digest.hex(), "public_key": key, "signature": signature}})


async def _transactions(connection: Connection, day: date) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        "select t.id, t.created, t.kind, t.source, t.currency, t.amount, t.fee,"
        " json_object_agg(e.account, e.amount order by e.account)::text as entries"
        " from ledger_transactions t join ledger_entries e on e.transaction = t.id"
        " where t.created >= $1 and t.created < $2 group by t.id order by t.id",
        _seconds(day),
        _seconds(day + timedelta(days=1)),
    )
    return [{**row, "entries": msgspec.json.decode(row["entries"])} for row in rows]


async def _balances(connection: Connection, before: int) -> dict[str, dict[str, int]]:
    """Every account's balance from all entries before a time, by currency."""
    rows = await connection.fetch(
        "select e.currency, e.account, sum(e.amount)::bigint as amount from ledger_entries e"
        " join ledger_transactions t on t.id = e.transaction where t.created < $1"
        " group by e.currency, e.account",
        before,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["currency"], {})[row["account"]] = row["amount"]
    return found


def _seconds(day: date) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp())


# --- for the auditor ----------------------------------------------------------------------------


def check_file(file: bytes, key: str, previous: bytes | None = None) -> dict[str, Any]:
    """Check a closed day by itself, and that it follows the one before if that is given.

    `key` is the public key in hexadecimal digits. Returns the day's header with the number of its
    transactions. Raises CloseError, naming the first thing that does not hold.
    """
    lines = _unsealed(file, key)
    header = lines[0]["close"]
    opening, closing = lines[1]["opening"], lines[-1]["closing"]
    transactions = [line["transaction"] for line in lines[2:-1]]
    _check_sums(opening, transactions, closing)
    if previous is not None:
        before = _unsealed(previous, key)
        _check_follows(header, before[0]["close"], _hash(previous), opening, before[-1]["closing"])
    return {**header, "transactions": len(transactions)}


def _unsealed(file: bytes, key: str) -> list[dict[str, Any]]:
    """The lines of a file whose seal holds, without the seal."""
    body, _, last = file.rstrip(b"\n").rpartition(b"\n")
    try:
        seal = msgspec.json.decode(last)["seal"]
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        digest = hashlib.sha256(body).digest()
        public.verify(bytes.fromhex(seal["signature"]), digest)
        remade = _seal(digest, key, seal["signature"])
        lines: list[dict[str, Any]] = [msgspec.json.decode(line) for line in body.split(b"\n")]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise CloseError("This is not the file of a closed day, or its key is not one.") from None
    except InvalidSignature:
        raise CloseError("The signature does not hold: the file was changed.") from None
    if remade != last:
        raise CloseError("The last line is not the seal of this file.")
    return lines


def _hash(file: bytes) -> str:
    return hashlib.sha256(file.rstrip(b"\n").rpartition(b"\n")[0]).hexdigest()


def _check_sums(
    opening: dict[str, dict[str, int]],
    transactions: Iterable[dict[str, Any]],
    closing: dict[str, dict[str, int]],
) -> None:
    balances: defaultdict[tuple[str, str], int] = defaultdict(int)
    for currency, accounts in opening.items():
        for account, amount in accounts.items():
            balances[currency, account] += amount
    for each in transactions:
        if sum(each["entries"].values()) != 0:
            raise CloseError(f"Transaction {each['id']} does not balance.")
        for account, amount in each["entries"].items():
            balances[each["currency"], account] += amount
    stated = {
        (currency, account): amount
        for currency, accounts in closing.items()
        for account, amount in accounts.items()
    }
    for place in balances.keys() | stated.keys():
        if balances[place] != stated.get(place, 0):
            raise CloseError(f"The closing balance of {place[1]} in {place[0]} does not follow.")


def _check_follows(
    header: dict[str, Any],
    before: dict[str, Any],
    hash_before: str,
    opening: dict[str, dict[str, int]],
    closed: dict[str, dict[str, int]],
) -> None:
    expected = date.fromisoformat(before["day"]) + timedelta(days=1)
    if header["schema"] != before["schema"] or header["day"] != expected.isoformat():
        raise CloseError(f"{header['day']} does not follow {before['day']} of {before['schema']}.")
    if header["previous"] != hash_before:
        raise CloseError("The chain is broken: this day was closed after another file.")
    if opening != closed:
        raise CloseError("The day does not open with the balances that the one before closed with.")
