"""Match a statement's items with the movements of a clearing account, a set at a time.

A line finds its charge, refund or payout by our reference, else by the provider's, else by our id
together with the amount. What the ledger then says of that object decides the finding:

- matched: both say the same, be it that nothing moved
- missing_here: the statement has a movement that the ledger has not
- missing_there: the ledger has one that the statement has not, or denies
- different_amount: both have one, of different amounts
- duplicate: the statement has the same movement again
"""

from typing import Literal

from processor.ledger.posting import clearing
from processor.reconciliation.objects import Finding, Reconciliation, ReconciliationItem, Total
from tenants.database import Connection
from tenants.ids import new_id

# What a captured part of a charge moved; before it is paid, what it would move.
_CHARGED = "case when amount_captured > 0 then amount_captured else amount end"

# $1: the reconciliation, $2: the provider.
_LINK = f"""
with known as (
    select id, 'collection' as kind, reference, provider_reference, {_CHARGED} as amount, currency
    from charges where provider = $2
    union all
    select id, 'refund', reference, provider_reference, amount, currency
    from refunds where provider = $2
    union all
    select id, 'payout', reference, provider_reference, amount, currency
    from payouts where provider = $2 and original_payout is null
)
update reconciliation_items i set source = k.id, matched_by = '{{name}}'
from known k where i.reconciliation = $1 and i.source is null
  and k.kind = i.kind and k.currency = i.currency and {{condition}}
"""

_KEYS = {
    "reference": "k.reference = i.reference",
    "provider_reference": "k.provider_reference = i.provider_reference",
    "external_id": "k.id = i.external_id and k.amount = i.amount",
}

# $1: the reconciliation, $2: the clearing account. Its entries are negative where the provider
# owes us more: the provider's account is their opposite.
_JUDGE = """
with lines as (
    select id, row_number() over (
        partition by kind, currency, coalesce('source ' || source, 'ours ' || reference,
                                              'theirs ' || provider_reference, external_id)
        order by moved desc, line) as occurrence
    from reconciliation_items where reconciliation = $1
), booked as (
    select t.source, e.currency, -sum(e.amount)::bigint as amount
    from ledger_transactions t join ledger_entries e on e.transaction = t.id
    where e.account = $2
      and t.source in (select source from reconciliation_items where reconciliation = $1)
    group by t.source, e.currency
), compared as (
    select i.id, l.occurrence,
           case when not i.moved then 0 when i.kind = 'collection' then i.amount
                else -i.amount end as statement,
           case when l.occurrence = 1 then coalesce(b.amount, 0) else 0 end as ledger
    from reconciliation_items i join lines l on l.id = i.id
    left join booked b on b.source = i.source and b.currency = i.currency
    where i.reconciliation = $1
)
update reconciliation_items i
set occurrence = c.occurrence, statement_amount = c.statement, ledger_amount = c.ledger,
    status = case
        when c.statement = c.ledger then 'matched'
        when c.occurrence > 1 then 'duplicate'
        when c.ledger = 0 then 'missing_here'
        when c.statement = 0 then 'missing_there'
        else 'different_amount' end
from compared c where i.id = c.id
"""

# $1: the reconciliation, $2: the clearing account, $3: the provider, $4 and $5: the period, $6: the
# origin. What another statement has, just beyond the period's border, is not missing; nor is an
# adjustment. A merchant's statement hides nothing from the operator's.
_UNSEEN = """
select t.source, e.currency, -sum(e.amount)::bigint as amount, min(t.created) as occurred_at
from ledger_transactions t join ledger_entries e on e.transaction = t.id
where e.account = $2 and t.source in (
    select t.source from ledger_transactions t join ledger_entries e on e.transaction = t.id
    where e.account = $2 and t.created >= $4 and t.created < $5)
  and t.source not like 'rci\\_%'
  and not exists (
    select from reconciliation_items i join reconciliations r on r.id = i.reconciliation
    where i.source = t.source and i.currency = e.currency and i.provider = $3
      and i.line is not null
      and (r.id = $1 or i.status = 'matched' and (r.origin = $6 or r.origin = 'operator')))
group by t.source, e.currency having sum(e.amount) <> 0
order by t.source, e.currency
"""

_TOTALS = """
select currency, sum(statement)::bigint as statement, sum(ledger)::bigint as ledger,
       sum(explained)::bigint as explained
from (
    select currency, statement_amount as statement, 0 as ledger,
           statement_amount - ledger_amount as explained
    from reconciliation_items where reconciliation = $1
    union all
    select e.currency, 0, -e.amount, 0
    from ledger_transactions t join ledger_entries e on e.transaction = t.id
    where e.account = $2 and t.created >= $3 and t.created < $4
) parts group by currency order by currency
"""

_Kind = Literal["collection", "refund", "payout", "dispute", "other"]

_KINDS: dict[str, _Kind] = {
    "ch": "collection",
    "py": "collection",
    "re": "refund",
    "po": "payout",
    "dp": "dispute",
}


async def match(connection: Connection, reconciliation: Reconciliation) -> None:
    """Write into the stored lines what is found about them, and add what they lack. Sets the
    counts, totals and status of the reconciliation, which the caller stores."""
    # The planner has no statistics of rows that were written a moment ago, and would walk through
    # all of them for each charge.
    await connection.execute("set local enable_nestloop = off")
    account = clearing(reconciliation.provider)
    start, end = reconciliation.period_start, reconciliation.period_end
    for name, condition in _KEYS.items():
        statement = _LINK.format(name=name, condition=condition)
        await connection.execute(statement, reconciliation.id, reconciliation.provider)
    await connection.execute(_JUDGE, reconciliation.id, account)
    unseen = await connection.fetch(
        _UNSEEN,
        reconciliation.id,
        account,
        reconciliation.provider,
        start,
        end,
        reconciliation.origin,
    )
    await ReconciliationItem.insert(
        connection, [_missing_there(reconciliation, *row) for row in unseen]
    )
    counts = await connection.fetch(
        "select status, count(*) as items from reconciliation_items"
        " where reconciliation = $1 group by status",
        reconciliation.id,
    )
    found: dict[Finding, int] = {row["status"]: row["items"] for row in counts}
    totals = await connection.fetch(_TOTALS, reconciliation.id, account, start, end)
    details = reconciliation.details
    details.counts = found
    details.totals = [_total(*row) for row in totals]
    reconciliation.open_items = sum(found.values()) - found.get("matched", 0)
    reconciliation.status = "open" if reconciliation.open_items else "completed"


def _total(currency: str, statement: int, ledger: int, explained: int) -> Total:
    difference = statement - ledger
    return Total(currency, statement, ledger, difference, difference - explained)


def _missing_there(
    reconciliation: Reconciliation, source: str, currency: str, amount: int, occurred_at: int
) -> ReconciliationItem:
    return ReconciliationItem(
        id=new_id("rci"),
        created=reconciliation.created,
        reconciliation=reconciliation.id,
        provider=reconciliation.provider,
        kind=_KINDS.get(source.partition("_")[0], "other"),
        amount=abs(amount),
        currency=currency,
        moved=False,
        occurred_at=occurred_at,
        source=source,
        status="missing_there",
        ledger_amount=amount,
    )
