"""Prove the books of one schema: every rule that must hold, as a query for what breaks it.

Each check names what it promises and selects the rows that break the promise; none is the only good
answer. All read one snapshot, so that it may run beside live traffic.
"""

from dataclasses import dataclass

from tenants.database import Connection

_MOST_ROWS = 20  # of a broken promise that are reported


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that does not hold, and some of the rows that break it."""

    promise: str
    rows: list[str]


CHECKS = {
    "every transaction balances": """
        select transaction, currency, sum(amount) from ledger_entries
        group by transaction, currency having sum(amount) <> 0
    """,
    "every transaction has entries in its own currency": """
        select t.id from ledger_transactions t where not exists (
            select from ledger_entries e where e.transaction = t.id and e.currency = t.currency)
    """,
    "every entry has its transaction": """
        select e.id from ledger_entries e
        left join ledger_transactions t on t.id = e.transaction and t.currency = e.currency
        where t.id is null
    """,
    "every balance equals its entries": """
        select account, currency, b.amount as balance, e.amount as entries
        from (select account, currency, sum(amount) as amount from ledger_balances
              group by account, currency) b
        full join (select account, currency, sum(amount) as amount from ledger_entries
                   group by account, currency) e using (account, currency)
        where coalesce(b.amount, 0) <> coalesce(e.amount, 0)
    """,
    "all accounts together are zero in each currency": """
        select currency, sum(amount) from ledger_balances group by currency having sum(amount) <> 0
    """,
    "no account that may not be negative is negative": """
        select account, currency, sum(amount) from ledger_balances
        where account in ('merchant:pending', 'fees', 'taxes', 'refunds_in_transit',
                          'payouts_in_transit')
        group by account, currency having sum(amount) < 0
    """,
    "what is held equals what is pending": """
        select currency, h.net as held, b.amount as pending
        from (select currency, sum(net) as net from ledger_holds group by currency) h
        full join (select currency, sum(amount) as amount from ledger_balances
                   where account = 'merchant:pending' group by currency) b using (currency)
        where coalesce(h.net, 0) <> coalesce(b.amount, 0)
    """,
    "net and fee of a balance transaction are in its entries": """
        select t.id from ledger_transactions t
        join (select transaction,
                     coalesce(sum(amount) filter (where account like 'merchant:%'), 0) as net,
                     coalesce(sum(amount) filter (where account in ('fees', 'taxes')), 0) as fee
              from ledger_entries group by transaction) e on e.transaction = t.id
        where t.shown and (t.amount - t.fee <> e.net or t.fee <> e.fee)
    """,
    "every paid charge is posted once, and no other": """
        select c.id, c.state, c.amount_captured, t.amount, t.posted
        from charges c
        full join (select source, count(*) as posted, sum(amount) as amount
                   from ledger_transactions where kind in ('charge', 'payment') group by source) t
        on t.source = c.id
        where (c.state = 'succeeded')
              is distinct from (t.posted = 1 and t.amount = c.amount_captured)
          and (c.state = 'succeeded' or t.source is not null)
    """,
    "a succeeded intent has received what its charge captured": """
        select i.id, i.status, i.amount_received, c.state, c.amount_captured
        from payment_intents i left join charges c on c.id = i.latest_charge
        where i.status = 'succeeded'
          and (c.state is distinct from 'succeeded' or i.amount_received <> c.amount_captured)
    """,
    "a charge has given back what its refunds say": """
        select c.id, c.amount_refunded, coalesce(sum(r.amount), 0) as refunds
        from charges c left join refunds r on r.charge = c.id and r.state <> 'failed'
        group by c.id having c.amount_refunded <> coalesce(sum(r.amount), 0)
    """,
    "every refund took its amount, and gave it back when it failed": """
        select r.id, r.state, r.amount, t.amount from refunds r
        left join (select source, sum(amount) as amount from ledger_transactions
                   where shown group by source) t on t.source = r.id
        where coalesce(t.amount, 0) <> case when r.state = 'failed' then 0 else -r.amount end
    """,
    "what is disputed equals the open disputes": """
        select d.currency, d.amount as disputes, b.amount as held
        from (select currency, sum(amount) as amount from disputes
              where status in ('needs_response', 'under_review') group by currency) d
        full join (select currency, sum(amount) as amount from ledger_balances
                   where account = 'disputes' group by currency) b using (currency)
        where coalesce(d.amount, 0) <> coalesce(b.amount, 0)
    """,
    "a dispute took its amount once, and gave it back only when it was won": """
        select d.id, d.status, d.amount, t.amount as moved, t.lost
        from disputes d
        left join (select source, coalesce(sum(amount) filter (where shown), 0) as amount,
                          count(*) filter (where kind = 'dispute_lost') as lost
                   from ledger_transactions group by source) t on t.source = d.id
        where t.source is null
           or t.amount <> case when d.status = 'won' then 0 else -d.amount end
           or t.lost <> (d.status = 'lost')::int
    """,
    "no charge gives back or loses more than it captured": """
        select c.id, c.amount_captured, c.amount_refunded, d.amount as disputed
        from charges c
        left join (select charge, sum(amount) as amount from disputes
                   where status <> 'won' group by charge) d on d.charge = c.id
        where c.amount_refunded < 0
           or c.amount_refunded + coalesce(d.amount, 0) > c.amount_captured
    """,
    "every payout took its amount once, and gave it back when it did not arrive": """
        select p.id, p.state, p.amount, t.amount as moved, t.posted
        from payouts p
        left join (select source, sum(amount) as amount,
                          count(*) filter (where kind = 'payout') as posted
                   from ledger_transactions where shown group by source) t on t.source = p.id
        cross join lateral (select p.original_payout is null or p.state = 'paid' as due) r
        where coalesce(t.posted, 0) <> r.due::int
           or coalesce(t.amount, 0) <> case when not r.due or p.state in ('failed', 'canceled')
                                            then 0 else -p.amount end
    """,
    "what is in transit equals the payouts under way": """
        select p.currency, p.amount as payouts, b.amount as in_transit
        from (select currency, sum(amount) as amount from payouts
              where state not in ('paid', 'failed', 'canceled') and original_payout is null
              group by currency) p
        full join (select currency, sum(amount) as amount from ledger_balances
                   where account = 'payouts_in_transit' group by currency) b using (currency)
        where coalesce(p.amount, 0) <> coalesce(b.amount, 0)
    """,
    "what is in transit equals the refunds under way": """
        select r.currency, r.amount as refunds, b.amount as in_transit
        from (select currency, sum(amount) as amount from refunds
              where state in ('submitted', 'pending', 'unknown') group by currency) r
        full join (select currency, sum(amount) as amount from ledger_balances
                   where account = 'refunds_in_transit' group by currency) b using (currency)
        where coalesce(r.amount, 0) <> coalesce(b.amount, 0)
    """,
}


async def verify(connection: Connection) -> list[Breach]:
    """Every promise that does not hold, in the schema of this transaction.

    The transaction should be `repeatable read`, so that all checks see one moment.
    """
    breaches = []
    for promise, query in CHECKS.items():
        rows = await connection.fetch(f"{query} limit {_MOST_ROWS}")
        if rows:
            breaches.append(Breach(promise, [str(dict(row)) for row in rows]))
    return breaches
