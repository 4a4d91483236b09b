"""Read balances: exact at every moment, and as quick after a million entries as after one."""

from dataclasses import dataclass

from processor.ledger.posting import AVAILABLE, PENDING, clearing
from tenants.database import Connection


@dataclass(frozen=True, slots=True)
class MerchantBalance:
    """What the merchant has in one currency, in minor units."""

    currency: str
    available: int
    pending: int


async def merchant(connection: Connection) -> list[MerchantBalance]:
    """The merchant's balances in every currency it has had, by currency."""
    rows = await connection.fetch(
        "select currency,"
        " coalesce(sum(amount) filter (where account = $1), 0)::bigint as available,"
        " coalesce(sum(amount) filter (where account = $2), 0)::bigint as pending"
        " from ledger_balances where account in ($1, $2) group by currency order by currency",
        AVAILABLE,
        PENDING,
    )
    return [MerchantBalance(**row) for row in rows]


async def account(connection: Connection, name: str, currency: str) -> int:
    """One account's balance."""
    found: int = await connection.fetchval(
        "select coalesce(sum(amount), 0)::bigint from ledger_balances"
        " where account = $1 and currency = $2",
        name,
        currency,
    )
    return found


async def cleared(connection: Connection, source: str, provider: str, currency: str) -> int:
    """What the ledger has of one source in a provider's account: money into it, in minor units."""
    amount: int = await connection.fetchval(
        "select coalesce(-sum(e.amount), 0)::bigint"
        " from ledger_transactions t join ledger_entries e on e.transaction = t.id"
        " where t.source = $1 and e.account = $2 and e.currency = $3",
        source,
        clearing(provider),
        currency,
    )
    return amount


async def lock_account(connection: Connection, name: str, currency: str) -> int:
    """One account's balance, held against everybody who would take from it by this same way.

    Credits may still arrive beside it: they only make more room than was seen. The lock is on the
    account's name, because a debit may go to any of its rows and even make a new one; the sum is
    read by a second statement, which sees what the lock's last holder has committed.
    """
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(concat_ws('/', current_schema(), $1::text,"
        " $2::text), 0))",
        name,
        currency,
    )
    return await account(connection, name, currency)
