"""API keys: `sk_test_`, `sk_live_`, `pk_...`, `rk_...`.

Only a keyed hash is stored, so a stolen database opens no door. A key is shown once, when it is
made; it is found by its hash, and the answer is remembered for a second, so that a revoked key
stops working within one second in every process.
"""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import asyncpg

from tenants.database import Connection, Database
from tenants.ids import new_id, random_text

KeyKind = Literal["secret", "publishable", "restricted"]

PREFIXES: dict[KeyKind, str] = {"secret": "sk", "publishable": "pk", "restricted": "rk"}

CACHE_SECONDS = 1.0
_CACHE_SIZE = 50_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: an account in one mode, by one key."""

    account: str
    schema: str
    livemode: bool
    key: str  # the key's id, never the key
    kind: KeyKind
    scopes: frozenset[str] | None = None  # of a restricted key; None: everything its kind may do
    country: str = "CM"
    currency: str = "xaf"  # the account's own
    name: str | None = None  # of the key: what it is for, or whose it is


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown again: without its text."""

    id: str
    kind: KeyKind
    hint: str  # beginning and last four characters
    name: str | None
    scopes: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyRefused(Exception):
    """No such key, or it has expired or been revoked. The message is for the caller."""


class TenantSuspended(Exception):
    """The key is good, and its tenant is being moved: everything has to wait."""


def key_hash(pepper: bytes, key: str) -> bytes:
    """What is stored of a key: HMAC-SHA256 under the installation's pepper."""
    return hmac.digest(pepper, key.encode("utf-8", "replace"), hashlib.sha256)


def key_hint(key: str) -> str:
    """A key's text with its secret part starred, fit for messages: `sk_test_****Ab3d`."""
    prefix, _, secret = key.rpartition("_")
    return f"{prefix}_{'*' * 8}{secret[-4:]}" if prefix and len(secret) > 8 else "*" * 8


async def create_key(
    connection: Connection,
    pepper: bytes,
    schema: str,
    livemode: bool,
    kind: KeyKind = "secret",
    name: str | None = None,
    scopes: tuple[str, ...] | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, str]:
    """Make a key. Returns its id and its text, which is never seen again."""
    text = f"{PREFIXES[kind]}_{'live' if livemode else 'test'}_{random_text(32)}"
    identifier = new_id("key")
    await connection.execute(
        "insert into platform.api_keys (id, schema_name, kind, hash, hint, name, scopes,"
        " expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        identifier,
        schema,
        kind,
        key_hash(pepper, text),
        key_hint(text),
        name,
        None if scopes is None else json.dumps(sorted(scopes)),
        expires_at,
    )
    return identifier, text


async def list_keys(connection: Connection, schemas: list[str]) -> list[ApiKey]:
    """The keys of these schemas, newest first."""
    rows = await connection.fetch(
        "select id, kind, hint, name, scopes, created_at, expires_at, revoked_at"
        " from platform.api_keys where schema_name = any($1) order by created_at desc, id desc",
        schemas,
    )
    return [
        ApiKey(**{**row, "scopes": tuple(json.loads(row["scopes"])) if row["scopes"] else None})
        for row in rows
    ]


async def revoke_key(
    connection: Connection, key: str, after: timedelta = timedelta(0)
) -> asyncpg.Record:
    """Let a key die after `after` (at once by default). Returns its row. Raises LookupError."""
    row = await connection.fetchrow(
        "update platform.api_keys set"
        " revoked_at = case when $2 then coalesce(revoked_at, now()) else revoked_at end,"
        " expires_at = case when $2 then expires_at"
        "              else least(coalesce(expires_at, 'infinity'), now() + $3) end"
        " where id = $1 returning schema_name, kind, name, scopes",
        key,
        after <= timedelta(0),
        after,
    )
    if row is None:
        raise LookupError(f"There is no API key {key}.")
    return row


async def roll_key(
    connection: Connection, pepper: bytes, key: str, overlap: timedelta = timedelta(0)
) -> tuple[str, str]:
    """Replace a key by a new one of the same kind and scopes; the old one lives `overlap` more.

    The caller opens the transaction. Raises LookupError for a key that is unknown or dead: whoever
    holds it is not to have a new one.
    """
    alive = await connection.fetchrow(
        "select s.livemode from platform.api_keys k"
        " join platform.tenant_schemas s using (schema_name) where k.id = $1"
        " and k.revoked_at is null and coalesce(k.expires_at, 'infinity') > now()"
        " for update of k",
        key,
    )
    if alive is None:
        raise LookupError(f"There is no API key {key} that still works.")
    old = await revoke_key(connection, key, overlap)
    return await create_key(
        connection,
        pepper,
        old["schema_name"],
        alive["livemode"],
        old["kind"],
        old["name"],
        tuple(json.loads(old["scopes"])) if old["scopes"] else None,
    )


_FIND = """
select k.id, k.kind, k.name, k.scopes, k.expires_at, k.revoked_at,
       s.schema_name, s.livemode, s.tenant, s.suspended_at, t.country, t.default_currency
from platform.api_keys k
join platform.tenant_schemas s using (schema_name)
join platform.tenants t on t.id = s.tenant
where k.hash = $1
"""


@dataclass
class KeyRing:
    """Finds the caller behind a key."""

    database: Database
    pepper: bytes = field(repr=False)
    _known: dict[bytes, tuple[float, Caller]] = field(default_factory=dict, repr=False)

    async def caller(self, key: str) -> Caller:
        """Whose key this is. Raises KeyRefused and TenantSuspended."""
        digest = key_hash(self.pepper, key)
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        rows = await self.database.fetch_platform(_FIND, digest)
        if not rows:
            raise KeyRefused(f"Invalid API Key provided: {key_hint(key)}")
        caller = _check(rows[0], key)
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[digest] = (time.monotonic() + CACHE_SECONDS, caller)
        return caller


def _check(row: asyncpg.Record, key: str) -> Caller:
    if row["revoked_at"] is not None:
        raise KeyRefused(f"This API key has been revoked: {key_hint(key)}")
    if row["expires_at"] is not None and row["expires_at"] <= datetime.now(UTC):
        raise KeyRefused(f"Expired API Key provided: {key_hint(key)}")
    if row["suspended_at"] is not None:
        raise TenantSuspended
    return Caller(
        account=row["tenant"],
        schema=row["schema_name"],
        livemode=row["livemode"],
        key=row["id"],
        kind=row["kind"],
        scopes=frozenset(json.loads(row["scopes"])) if row["scopes"] else None,
        country=row["country"],
        currency=row["default_currency"],
        name=row["name"],
    )
