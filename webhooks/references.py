"""References of ours in addresses that come from outside, and what they are about."""

import re
from dataclasses import dataclass
from typing import Literal

import asyncpg

from processor.engine import Processor
from processor.errors import Unavailable
from processor.payments import moved
from processor.setup_intents import settlement as setup_intents
from tenants.database import Connection
from tenants.provision import SCHEMA_NAME

_REFERENCE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

_SUBJECT = """
select id, provider, 'look_up' as job, payment_intent as intent from charges where reference = $1
union all
select id, provider, 'look_up_setup', setup_intent from setup_attempts where reference = $1
union all
select id, provider, 'look_up_refund', null from refunds where reference = $1
union all
select id, provider, 'payout', null from payouts where reference = $1
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a reference is about."""

    id: str  # the subject of its job
    provider: str  # the account that knows the reference
    job: str  # asks what became of it
    intent: str | None  # of an attempt to pay or to set up

    @property
    def kind(self) -> Literal["payment_intent", "setup_intent"]:
        """Of the intent."""
        return "setup_intent" if self.job == setup_intents.JOB else "payment_intent"


async def find(connection: Connection, reference: str) -> Subject | None:
    """What a reference in a tenant's schema is about."""
    row = await connection.fetchrow(_SUBJECT, reference)
    if row is not None:
        return Subject(*row)
    found = await moved.find(connection, reference)
    if found is None:
        return None
    return Subject(reference, found.left.account, moved.JOB, found.charge.payment_intent)


def is_reference(text: str) -> bool:
    """Whether a text has the form of our references."""
    return _REFERENCE.fullmatch(text) is not None


async def schema_exists(processor: Processor, schema: str) -> bool:
    """Whether it is a tenant's: its name comes from a URL and goes into `set local role`.

    Raises Unavailable while the tenant is suspended: whoever knocks has to knock again.
    """
    if not SCHEMA_NAME.fullmatch(schema):
        return False
    row = await processor.gather(_schemas, None, schema)
    if row is not None and row["suspended_at"] is not None:
        raise Unavailable("This account is being moved; ask again in a few minutes.")
    return row is not None


async def _schemas(processor: Processor, _: None, names: list[str]) -> list[asyncpg.Record | None]:
    rows = await processor.database.fetch_platform(
        "select schema_name, suspended_at from platform.tenant_schemas where schema_name = any($1)",
        names,
    )
    found = {row["schema_name"]: row for row in rows}
    return [found.get(name) for name in names]
