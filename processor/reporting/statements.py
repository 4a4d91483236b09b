"""What each report asks of the ledger.

All take the interval ($1 inclusive, $2 exclusive, in unix seconds) and a currency or null ($3).
Summaries and itemized ones also take a reporting category or null ($4); itemized ones are read in
pages, after a position ($5) and of a length ($6), in the order of ids, which is that of time.
"""

from collections.abc import Mapping
from typing import Any

from processor.ledger.objects import REPORTING_CATEGORIES
from processor.payments.objects import DIRECT
from processor.payouts.states import STATUSES


def _case(value: str, names: Mapping[Any, str], otherwise: str) -> str:
    """`value` by another name."""
    whens = " ".join(f"when '{name}' then '{other}'" for name, other in names.items())
    return f"case {value} {whens} else {otherwise} end"


_INTERVAL = "t.created >= $1 and t.created < $2 and ($3::text is null or t.currency = $3)"
_CATEGORY = _case("t.kind", REPORTING_CATEGORIES, "t.kind")
_IS_PAYOUT = f"{_CATEGORY} in ('payout', 'payout_reversal')"

# What the merchant has, whether it can be paid out yet or not.
_MERCHANT = "account like 'merchant:%'"

# Balances are read backwards, from the present ones: what came after the interval is less than what
# came before it, and the balance of today is read in constant time. $4 and $5 are the days for the
# descriptions.
BALANCE = f"""
with later as (
    select e.currency, sum(e.amount) as since_start,
           coalesce(sum(e.amount) filter (where t.created >= $2), 0) as since_end
    from ledger_transactions t join ledger_entries e on e.transaction = t.id
    where t.created >= $1 and e.{_MERCHANT} group by e.currency
), present as (
    select currency, sum(amount) as amount from ledger_balances
    where {_MERCHANT} and ($3::text is null or currency = $3) group by currency
), changes as (
    select t.currency, sum(t.amount - t.fee) filter (where not {_IS_PAYOUT}) as activity,
           sum(t.amount - t.fee) filter (where {_IS_PAYOUT}) as payouts
    from ledger_transactions t where t.shown and {_INTERVAL} group by t.currency
)
select currency, line.category, line.description, coalesce(line.amount, 0)::bigint as amount
from present left join later using (currency) left join changes using (currency)
cross join lateral (values
    (1, 'starting_balance', 'Starting balance (' || $4::text || ')',
     present.amount - coalesce(since_start, 0)),
    (2, 'activity', 'Activity', activity),
    (3, 'payouts', 'Total payouts', payouts),
    (4, 'ending_balance', 'Ending balance (' || $5::text || ')',
     present.amount - coalesce(since_end, 0))
) line(place, category, description, amount)
order by currency, line.place
"""


def _summary(condition: str) -> str:
    return f"""
select {_CATEGORY} as reporting_category, t.currency, count(*) as count,
       sum(t.amount)::bigint as gross, sum(t.fee)::bigint as fee,
       sum(t.amount - t.fee)::bigint as net
from ledger_transactions t
where t.shown and {condition} and {_INTERVAL} and ($4::text is null or {_CATEGORY} = $4)
group by 1, 2 order by 2, 1
"""


ACTIVITY_SUMMARY = _summary(f"not {_IS_PAYOUT}")
PAYOUTS_SUMMARY = _summary(_IS_PAYOUT)


def _shown_page(condition: str) -> str:
    return f"""
page as (
    select t.id, t.created, t.available_on, t.currency, t.amount as gross, t.fee,
           t.amount - t.fee as net, t.source, t.description, {_CATEGORY} as reporting_category
    from ledger_transactions t
    where t.shown and {condition} and {_INTERVAL} and ($4::text is null or {_CATEGORY} = $4)
      and t.id > $5
    order by t.id limit $6
)"""


# What a movement came from: a charge, or what was taken back from one.
_CHARGES = """
left join refunds r on r.id = page.source
left join disputes d on d.id = page.source
left join charges c on c.id = coalesce(r.charge, d.charge, page.source)
"""
_INTENT = f"case when not starts_with(c.payment_intent, '{DIRECT}_') then c.payment_intent end"

ACTIVITY = f"""
with {_shown_page(f"not {_IS_PAYOUT}")}
select page.*, c.id as charge_id, c.created as charge_created, {_INTENT} as payment_intent_id,
       c.payment_method as payment_method_id, c.details->>'method_type' as payment_method_type,
       c.details->'card'->>'brand' as card_brand, c.details->'card'->>'funding' as card_funding,
       c.details->'card'->>'country' as card_country,
       c.details->'mobile_money'->>'network' as network,
       c.details->>'statement_descriptor' as statement_descriptor,
       c.customer as customer_id,
       coalesce(u.email, c.details->'billing_details'->>'email') as customer_email,
       coalesce(u.name, c.details->'billing_details'->>'name') as customer_name,
       d.reason as dispute_reason,
       coalesce(nullif(i.metadata, '{{}}'), c.metadata) as payment_metadata,
       r.metadata as refund_metadata
from page {_CHARGES}
left join payment_intents i on i.id = c.payment_intent
left join customers u on u.id = c.customer
order by page.id
"""

_STATUS = _case("p.state", STATUSES, "p.state")

PAYOUTS = f"""
with {_shown_page(_IS_PAYOUT)}
select page.*, p.arrival_date, {_STATUS} as status,
       back.created as reversed_at, p.details->>'description' as payout_description,
       case p.details->'destination'->>'kind' when 'mobile_wallet' then 'mobile_money'
            else 'bank_account' end as payout_type,
       p.destination, p.provider_reference as trace_id, p.batch
from page join payouts p on p.id = page.source
left join ledger_transactions back on back.id = p.details->>'failure_balance_transaction'
order by page.id
"""

# The movements of a provider's account, in Stripe's words for what caused them.
_MOVEMENTS = {"ch": "charge", "py": "charge", "re": "refund", "dp": "dispute", "po": "payout"}
_OF_SOURCE = _case("split_part(t.source, '_', 1)", _MOVEMENTS, "'other_adjustment'")
_MOVEMENT = (
    f"case t.kind when 'reconciliation_adjustment' then 'other_adjustment' else {_OF_SOURCE} end"
)

# A provider's account is the clearing account seen from its side: what it has taken in for us is
# positive. A page never ends between two entries of one transaction.
PROVIDER_ACTIVITY = f"""
with page as (
    select t.id, t.created, t.currency, t.source, substring(e.account from 10) as provider_account,
           -e.amount as amount, {_MOVEMENT} as reporting_category
    from ledger_transactions t
    join ledger_entries e on e.transaction = t.id and e.account like 'clearing:%'
    where {_INTERVAL} and ($4::text is null or {_MOVEMENT} = $4) and t.id > $5
    order by t.id fetch first $6 rows with ties
)
select page.*, coalesce(r.reference, p.reference, c.reference) as reference,
       case when r.id is not null then r.provider_reference
            when p.id is not null then p.provider_reference
            else c.provider_reference end as provider_reference,
       coalesce(c.details->'mobile_money'->>'network', p.details->'destination'->>'network')
           as network,
       c.id as charge_id, {_INTENT} as payment_intent_id
from page {_CHARGES} left join payouts p on p.id = page.source
order by page.id, page.provider_account
"""
