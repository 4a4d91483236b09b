"""Write down the parts of a batch as they come in and as they are answered.

Nothing depends on these rows: what was done is protected by the calls' idempotency keys, and these
only count it. So their transactions do not wait for the disk. A part is counted as done after its
calls were committed, and the log keeps that order: a count may be lost in a crash of the database,
and is never ahead of the truth.
"""

import time
from dataclasses import dataclass

from tenants.database import Connection

KEPT_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbours in a batch that are carried out together."""

    batch: str
    first: int  # position of the first call; that of a batch's first call is 0
    calls: int


# A part that is sent again replaces what it covers, however it was cut before. Statements of one
# `with` see the rows as they were, so the row that is replaced must not be deleted as well.
_RECEIVED = """
with covered as (
    delete from rpc_batch_parts
    where batch = $1 and first < $2::bigint + $3::integer and first + calls > $2 and first <> $2
), received as (
    insert into rpc_batch_parts (batch, first, calls, created) values ($1, $2, $3, $4)
    on conflict (batch, first)
    do update set calls = excluded.calls, failed = null, created = excluded.created
)
select set_config('synchronous_commit', 'off', true)
"""

_ANSWERED = """
with answered as (
    update rpc_batch_parts set failed = $3 where batch = $1 and first = $2
)
select set_config('synchronous_commit', 'off', true)
"""


async def received(connection: Connection, part: Part) -> None:
    """The part's calls are here, and are about to be carried out."""
    await connection.execute(_RECEIVED, part.batch, part.first, part.calls, int(time.time()))


async def answered(connection: Connection, part: Part, failed: int) -> None:
    """All of the part's calls have an answer, which for `failed` of them is an error."""
    await connection.execute(_ANSWERED, part.batch, part.first, failed)


async def prune(connection: Connection) -> None:
    """Forget batches after `KEPT_SECONDS`."""
    await connection.execute(
        "delete from rpc_batch_parts where created < extract(epoch from now()) - $1", KEPT_SECONDS
    )
