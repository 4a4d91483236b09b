"""Write balanced transactions, a set in one statement, in the transaction of what caused them."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from processor.rows import encoded
from tenants.database import Connection
from tenants.ids import new_id

# Rows that an account's balance is spread over. More let more writers in at once; a reader sums
# them all.
STRIPES = 8

PENDING = "merchant:pending"
AVAILABLE = "merchant:available"
FEES = "fees"
TAXES = "taxes"
REFUNDS_IN_TRANSIT = "refunds_in_transit"
PAYOUTS_IN_TRANSIT = "payouts_in_transit"
DISPUTES = "disputes"
RECONCILIATION = "reconciliation"  # what providers and books could not agree about


def clearing(provider: str) -> str:
    """The account of what a provider owes us (negative) or we owe it."""
    return f"clearing:{provider}"


class FeeDetail(Struct):
    """One part of a fee, in minor units."""

    amount: int
    type: str  # "stripe_fee" (the processor's own, in Stripe's words), "tax"
    description: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """One movement, before it is written. `entries` maps accounts to signed amounts."""

    kind: str
    source: str
    currency: str
    entries: Mapping[str, int]
    amount: int = 0  # gross, as the merchant sees it
    fee: int = 0
    fee_details: Sequence[FeeDetail] = ()
    available_on: int = 0  # unix seconds; 0: at once
    shown: bool = True  # as a balance transaction
    description: str | None = None
    id: str = field(default_factory=lambda: new_id("txn"))

    def __post_init__(self) -> None:
        """A movement that does not balance is a defect, and never reaches the database."""
        if sum(self.entries.values()) != 0:
            raise ValueError(f"{self.kind} of {self.source} does not balance: {self.entries}")


class _Row(Struct):
    id: str
    created: int
    kind: str
    shown: bool
    source: str
    currency: str
    amount: int
    fee: int
    available_on: int
    description: str | None
    fee_details: list[FeeDetail]


# One statement: headers, entries, and each touched balance once. Balances are taken in the order
# of their keys, so that two writers never wait for each other crosswise.
_POST = """
with headers as (
    insert into ledger_transactions
    select * from json_to_recordset($1::json) as r(
        id text, created bigint, kind text, shown boolean, source text, currency text,
        amount bigint, fee bigint, available_on bigint, description text, fee_details jsonb)
), input as (
    select * from unnest($2::text[], $3::text[], $4::text[], $5::bigint[])
    as r(transaction, account, currency, amount)
), entries as (
    insert into ledger_entries (transaction, account, currency, amount)
    select transaction, account, currency, amount from input
), holds as (
    insert into ledger_holds (transaction, currency, net, available_on)
    select * from unnest($7::text[], $8::text[], $9::bigint[], $10::bigint[])
)
insert into ledger_balances as b (account, currency, stripe, amount)
select account, currency, $6::smallint, sum(amount) from input
group by account, currency order by account, currency
on conflict (account, currency, stripe) do update set amount = b.amount + excluded.amount
"""


async def post(connection: Connection, transactions: Sequence[Transaction]) -> None:
    """Write transactions in the caller's database transaction."""
    if not transactions:
        return
    now = int(time.time())
    headers = [
        _Row(
            each.id,
            now,
            each.kind,
            each.shown,
            each.source,
            each.currency,
            each.amount,
            each.fee,
            each.available_on or now,
            each.description,
            list(each.fee_details),
        )
        for each in transactions
    ]
    legs = [
        (each.id, account, each.currency, amount)
        for each in transactions
        for account, amount in each.entries.items()
        if amount
    ]
    held = [each for each in transactions if each.entries.get(PENDING, 0) > 0]
    await connection.execute(
        _POST,
        encoded(headers),
        [leg[0] for leg in legs],
        [leg[1] for leg in legs],
        [leg[2] for leg in legs],
        [leg[3] for leg in legs],
        os.urandom(1)[0] % STRIPES,
        [each.id for each in held],
        [each.currency for each in held],
        [each.entries[PENDING] for each in held],
        [each.available_on for each in held],
    )


_RELEASE = """
delete from ledger_holds where transaction in (
    select transaction from ledger_holds where available_on <= $1
    order by transaction limit $2 for update skip locked
) returning currency, net
"""


async def release(connection: Connection, now: int, limit: int = 10_000) -> int:
    """Make available what has been pending long enough. Returns how many charges were released."""
    rows = await connection.fetch(_RELEASE, now, limit)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["net"]
    await post(
        connection,
        [
            Transaction(
                kind="release",
                source="settlement",
                currency=currency,
                entries={PENDING: -net, AVAILABLE: net},
                shown=False,
            )
            for currency, net in sorted(totals.items())
        ],
    )
    return len(rows)
