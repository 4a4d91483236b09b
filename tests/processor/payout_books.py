"""What tests of payouts share: a merchant with money, its destinations, and its books."""

import random
from typing import Any

from live import Merchant, eventually


def fund(merchant: Merchant, amount: int = 100_000) -> None:
    """Make at least `amount` XAF available, at once; fees leave a little less than what is paid."""
    merchant.api.payment_intents.create(
        {
            "amount": amount + amount // 10,
            "currency": "xaf",
            "confirm": True,
            "payment_method": "pm_card_bypassPending",
        }
    )


def fill_float(merchant: Merchant, amount: int = 100_000) -> None:
    """Have a payer fill the operator's MTN account: it pays out what it took."""
    intent = merchant.api.payment_intents.create(
        {
            "amount": amount,
            "currency": "xaf",
            "confirm": True,
            "payment_method_data": {
                "type": "mobile_money",
                "billing_details": {"phone": "+237670000001"},
            },
        }
    )
    eventually(lambda: merchant.api.payment_intents.retrieve(intent.id).status == "succeeded", 20)


def cameroonian() -> str:
    """A wallet of MTN Cameroon whom no other test knows."""
    return f"+23767{random.randrange(1_000_000, 10_000_000)}"


def wallet(merchant: Merchant, phone: str, **more: Any) -> str:
    """The id of an external account for a wallet."""
    account: str = merchant.api.accounts.external_accounts.create(
        merchant.tenant.id,
        {"external_account": {"object": "mobile_wallet", "phone": phone}, **more},
    ).id
    return account


def bank(merchant: Merchant, number: str, **more: Any) -> str:
    """The id of an external account for a bank account."""
    account: str = merchant.api.accounts.external_accounts.create(
        merchant.tenant.id,
        {"external_account": {"object": "bank_account", "account_number": number}, **more},
    ).id
    return account


def balance(merchant: Merchant, account: str) -> int:
    """One account of the merchant's ledger, in XAF."""
    rows = merchant.rows(
        "select coalesce(sum(amount), 0)::bigint from ledger_balances"
        " where account = $1 and currency = 'xaf'",
        account,
    )
    return int(rows[0][0])


def becomes(merchant: Merchant, payout: str, status: str, seconds: float = 20) -> Any:
    """Wait until a payout has this status."""

    def reached() -> Any:
        found = merchant.api.payouts.retrieve(payout)
        return found if found.status == status else None

    return eventually(reached, seconds)


def events_of(merchant: Merchant, identifier: str) -> list[str]:
    """The types of an object's events, oldest first."""
    rows = merchant.rows("select type from events where object_id = $1 order by id", identifier)
    return [row["type"] for row in rows]


def assert_books_hold(merchant: Merchant) -> None:
    """Everything sums to zero, and what is in transit is what is under way."""
    assert merchant.rows("select sum(amount) from ledger_balances")[0][0] == 0
    # One statement, because the worker may be moving money meanwhile.
    in_transit = merchant.rows(
        "select (select coalesce(sum(amount), 0) from ledger_balances"
        "        where account = 'payouts_in_transit') as held,"
        "       (select coalesce(sum(amount), 0) from payouts"
        "        where state not in ('paid', 'failed', 'canceled') and amount > 0) as under_way"
    )[0]
    assert in_transit["held"] == in_transit["under_way"]
    wrong = merchant.rows(
        "select p.id, p.state, p.amount, t.amount from payouts p left join"
        " (select source, sum(amount) as amount from ledger_transactions where shown group by 1) t"
        " on t.source = p.id where coalesce(t.amount, 0) <> case"
        " when p.state in ('failed', 'canceled') then 0"
        " when p.original_payout is not null and p.state <> 'paid' then 0 else -p.amount end"
    )
    assert wrong == []
