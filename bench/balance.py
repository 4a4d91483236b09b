"""How quickly a merchant's balance is read, and a merchant whose ledger is long.

The ledger is filled by SQL with what posting leaves: two entries for each transaction, and the
balances that they add up to.
"""

import http.client
import json
import time
from urllib.parse import urlsplit

import asyncpg

from bench.stack import Stack, in_database

# So many movements of one franc, of a kind that needs no payment to stand in the books.
_FILL = """
with made as (
    insert into ledger_transactions
    (id, created, kind, shown, source, currency, amount, fee, available_on, fee_details)
    select 'txn_bench' || lpad(n::text, 9, '0'), 1800000000, 'adjustment', true, 'bench', 'xaf',
           1, 0, 1800000000, '[]'
    from generate_series(1, $1::bigint) as n
    returning id
), entries as (
    insert into ledger_entries (transaction, account, currency, amount)
    select id, account, 'xaf', amount
    from made, (values ('merchant:available', 1), ('clearing:bench', -1)) as legs(account, amount)
)
insert into ledger_balances (account, currency, stripe, amount)
values ('merchant:available', 'xaf', 0, $1), ('clearing:bench', 'xaf', 0, -$1)
"""


def grow(stack: Stack, schema: str, transactions: int) -> None:
    """Fill a schema's empty ledger. Each transaction adds one franc to the balance."""

    async def fill(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{schema}"')
        await connection.execute(_FILL, transactions)
        await connection.execute("vacuum analyze ledger_entries, ledger_transactions")

    in_database(stack.database_url, fill)


def reads(stack: Stack, secret_key: str, seconds: float) -> tuple[float, int]:
    """How many times in a second one client after another reads the balance, and what it is."""
    connection = http.client.HTTPConnection(urlsplit(stack.base).netloc, timeout=10)
    headers = {"Authorization": f"Bearer {secret_key}"}
    done, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        connection.request("GET", "/v1/balance", headers=headers)
        body = connection.getresponse().read()
        done += 1
    connection.close()
    return done / passed, json.loads(body)["available"][0]["amount"]
