"""What every process has seen of a provider's health, put together.

Each process has a breaker per account and operation, and acts on what it sees at once. Once a
second it writes its window down and reads everybody's: failures add up across processes, one that
opens opens for all, and when the rest is over a bounded number of probes is let through in all of
them together. Whoever turns the state asks for the event, so it is told once.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from processor.breaker import Breaker, Limits
from processor.routing.accounts import OPERATIONS, Account
from processor.routing.directory import Directory
from tenants.connections import DATABASE_ERRORS
from tenants.database import Connection, Database

logger = logging.getLogger(__name__)

SYNC_SECONDS = 1.0

JOB = "provider_health"

_WRITE_CALLS = """
insert into platform.provider_calls as c (account, operation, process, calls, failures)
select a, o, $1, n, f from unnest($2::text[], $3::text[], $4::int[], $5::int[]) as g(a, o, n, f)
on conflict (account, operation, process)
do update set calls = excluded.calls, failures = excluded.failures, seen_at = now()
"""

# A process that has not been heard of for a while has no say.
_READ = """
select account, operation, h.state,
       extract(epoch from h.open_until - now())::float8 as seconds,
       extract(epoch from h.since)::bigint as since,
       coalesce(c.calls, 0) as calls, coalesce(c.failures, 0) as failures
from platform.provider_health h full join (
    select account, operation, sum(calls) as calls, sum(failures) as failures
    from platform.provider_calls where seen_at > now() - interval '5 seconds' group by 1, 2
) c using (account, operation)
where $1::text is null or account = $1
"""

# Longer after each failed probe, up to the limit. The first row that comes back is the news.
_OPEN = """
insert into platform.provider_health as h (account, operation, state, open_until, rest_seconds)
values ($1, $2, 'open', now() + $3 * interval '1 second', $3)
on conflict (account, operation) do update set
    state = 'open', probes = 0, changed_at = now(),
    since = case when h.state = 'open' then h.since else now() end,
    rest_seconds = case when h.state = 'open' then least(h.rest_seconds * 2, $4) else $3 end,
    open_until = now() + interval '1 second'
        * case when h.state = 'open' then least(h.rest_seconds * 2, $4) else $3 end
where h.state = 'closed' or h.open_until <= now()
returning (select before.state from platform.provider_health before
           where before.account = $1 and before.operation = $2) as before
"""

_CLOSE = """
update platform.provider_health set state = 'closed', open_until = null, probes = 0,
    changed_at = now(), since = now()
where account = $1 and operation = $2 and state = 'open' returning 1
"""

# A probe whose process died is forgotten after a minute.
_PROBE = """
update platform.provider_health set changed_at = now(),
    probes = case when changed_at < now() - interval '1 minute' then 1 else probes + 1 end
where account = $1 and operation = $2 and state = 'open' and open_until <= now()
  and (probes < $3 or changed_at < now() - interval '1 minute')
returning 1
"""

_PRUNE = "delete from platform.provider_calls where seen_at < now() - interval '1 hour'"

# Every tenant that may use the account hears of it, by a job of its own.
_TELL = """
insert into platform.jobs (schema_name, kind, subject)
select schema_name, $1, $2 from platform.tenant_schemas
where livemode = $3 and ($4::text is null or schema_name = $4)
on conflict (schema_name, kind, subject) do update set run_at = now(), attempts = 0
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What all processes know of an account and operation together."""

    calls: int = 0  # in the window
    failures: int = 0  # among them
    state: Literal["closed", "open"] | None = None  # None: it was never open
    seconds: float = 0.0  # until the next probe may be made, while it is open
    since: int | None = None  # when it last opened or closed, in unix seconds


async def read(database: Database, account: str | None = None) -> dict[tuple[str, str], Seen]:
    """What is known now, by account and operation; of all accounts, or of one."""
    rows = await database.fetch_platform(_READ, account)
    return {
        (row["account"], row["operation"]): Seen(
            int(row["calls"]),
            int(row["failures"]),
            row["state"],
            row["seconds"] or 0.0,
            row["since"],
        )
        for row in rows
    }


@dataclass(slots=True)
class Health:
    """This process's part in what all of them know."""

    database: Database
    directory: Directory
    limits: Limits = field(default_factory=Limits)
    process: str = field(default_factory=lambda: f"{socket.gethostname()}/{os.getpid()}")
    # What all processes knew at the last look, at most `SYNC_SECONDS` ago and a moment.
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)

    async def run(self) -> None:
        """Share what is known, until cancelled."""
        while True:
            with _without_the_database():
                await self.directory.poll()
                await self.sync()
            await asyncio.sleep(SYNC_SECONDS)

    async def sync(self) -> None:
        """Write this process's windows, read everybody's, and turn the breakers accordingly."""
        accounts = {account.name: account for account in self.directory.all()}
        await self._write(accounts.values())
        self.seen = await read(self.database)
        for (name, operation), seen in self.seen.items():
            account = accounts.get(name)
            if account is not None and operation in account.breakers:
                await self._follow(account, operation, seen)

    async def _follow(self, account: Account, operation: str, seen: Seen) -> None:
        """Turn a breaker to what all processes know together."""
        breaker = account.breakers[operation]
        if seen.state == "open":
            # A process that has just started has probes only, as the others have.
            if seen.seconds > 0 or breaker.state == "closed":
                breaker.open_for(max(seen.seconds, 0.0))
        elif seen.state == "closed" and breaker.state != "closed":
            breaker.close()
        elif breaker.state == "closed" and self.limits.exceeded(seen.calls, seen.failures):
            breaker.open_for(self.limits.rest)
            await self.opened(account, operation)

    async def opened(self, account: Account, operation: str) -> None:
        """A breaker has opened, or stays open after a failed probe: let it be so for everybody."""
        with _without_the_database():
            async with self.database.platform() as connection:
                news = await connection.fetchrow(
                    _OPEN, account.name, operation, self.limits.rest, self.limits.longest_rest
                )
                if news is not None and news["before"] != "open":
                    await self._tell(connection, account, operation)

    async def closed(self, account: Account, operation: str) -> None:
        """A probe got an answer: let it be so for everybody."""
        with _without_the_database():
            async with self.database.platform() as connection:
                if await connection.fetchval(_CLOSE, account.name, operation) is not None:
                    await self._tell(connection, account, operation)
                await connection.execute(
                    "delete from platform.provider_calls where account = $1 and operation = $2",
                    account.name,
                    operation,
                )

    async def may_probe(self, account: Account, operation: str) -> bool:
        """Take one of the probes that all processes have together."""
        found: int | None = 1
        with _without_the_database():
            async with self.database.platform() as connection:
                found = await connection.fetchval(
                    _PROBE, account.name, operation, self.limits.probes
                )
        return found is not None

    async def _write(self, accounts: Iterable[Account]) -> None:
        seen = [
            (account.name, operation, *_window(account.breakers[operation]))
            for account in accounts
            for operation in OPERATIONS
        ]
        seen = [row for row in seen if row[2]]
        if not seen:
            return
        async with self.database.platform() as connection:
            await connection.execute(_PRUNE)
            await connection.execute(
                _WRITE_CALLS, self.process, *(list(column) for column in zip(*seen, strict=True))
            )

    async def _tell(self, connection: Connection, account: Account, operation: str) -> None:
        subject = f"{account.name} {operation}"
        await connection.execute(_TELL, JOB, subject, account.livemode, account.owner)


@contextmanager
def _without_the_database() -> Iterator[None]:
    """While the database is away, each process goes on with what it knows itself: an answer of a
    provider must not get lost for the sake of statistics."""
    try:
        yield
    except DATABASE_ERRORS as error:
        logger.warning("the health of providers is not shared right now: %s", error)


def _window(breaker: Breaker) -> tuple[int, int]:
    return breaker.calls, breaker.failures
