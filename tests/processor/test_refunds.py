"""Refunds by card and by wallet, and what they do to the books."""

import concurrent.futures
from typing import Any

import asyncpg
import pytest
import stripe
from live import Merchant, eventually
from sandbox_control import tell


def pay(merchant: Merchant, amount: int = 5000, **parameters: Any) -> Any:
    """A paid intent in XAF, by card unless `phone` is given."""
    phone = parameters.pop("phone", None)
    if phone is None:
        parameters.setdefault("payment_method", "pm_card_visa")
    else:
        parameters["payment_method_data"] = {
            "type": "mobile_money",
            "billing_details": {"phone": phone},
        }
    intent = merchant.api.payment_intents.create(
        {"amount": amount, "currency": "xaf", "confirm": True, **parameters}
    )

    def paid() -> Any:
        now = merchant.api.payment_intents.retrieve(intent.id)
        return now if now.status == "succeeded" else None

    return eventually(paid)


def available(merchant: Merchant) -> int:
    """The sum of the merchant's two balances in XAF."""
    rows = merchant.rows(
        "select coalesce(sum(amount), 0) from ledger_balances where account like 'merchant:%'"
    )
    return int(rows[0][0])


def assert_books_hold(merchant: Merchant) -> None:
    """Everything sums to zero, and what is in transit is under way."""
    assert merchant.rows("select sum(amount) from ledger_balances")[0][0] in (0, None)
    in_transit = merchant.rows(
        "select coalesce(sum(amount), 0) from ledger_balances where account = 'refunds_in_transit'"
    )
    under_way = merchant.rows(
        "select coalesce(sum(amount), 0) from refunds where state not in ('succeeded', 'failed')"
    )
    assert in_transit[0][0] == under_way[0][0]


def test_a_card_refund_takes_its_amount_from_the_balance(merchant: Merchant) -> None:
    intent = pay(merchant, 5000)
    before = available(merchant)
    refund = merchant.api.refunds.create({"payment_intent": intent.id, "amount": 1500})
    assert (refund.status, refund.amount) == ("succeeded", 1500)
    assert available(merchant) == before - 1500
    transaction = merchant.api.balance_transactions.retrieve(refund.balance_transaction)
    assert (transaction.type, transaction.amount, transaction.net) == ("refund", -1500, -1500)
    assert merchant.api.charges.retrieve(intent.latest_charge).amount_refunded == 1500
    assert_books_hold(merchant)


def test_a_wallet_refund_ends_when_the_operator_has_paid(merchant: Merchant) -> None:
    intent = pay(merchant, 5000, phone="+237670000000")
    refund = merchant.api.refunds.create({"payment_intent": intent.id})
    assert refund.destination_details.type == "mobile_money"

    def done() -> bool:
        return bool(merchant.api.refunds.retrieve(refund.id).status == "succeeded")

    assert eventually(done)
    assert merchant.api.charges.retrieve(intent.latest_charge).refunded is True
    assert_books_hold(merchant)


def test_a_card_refund_that_comes_back_is_the_merchants_again(merchant: Merchant) -> None:
    intent = pay(merchant, 5000, payment_method="pm_card_refundFail")
    before = available(merchant)
    refund = merchant.api.refunds.create({"payment_intent": intent.id})

    def failed() -> bool:
        return bool(merchant.api.refunds.retrieve(refund.id).status == "failed")

    assert eventually(failed)
    assert available(merchant) == before
    assert merchant.api.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert_books_hold(merchant)


def test_a_card_refund_that_came_back_unheard_is_found_by_a_later_look(merchant: Merchant) -> None:
    intent = pay(merchant, 5003, payment_method="pm_card_refundFail")
    before = available(merchant)
    tell(merchant.stack, "cards", operation="refund", amount=5003, callback="lost", times=1)
    refund = merchant.api.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"

    async def let_the_day_come(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "update platform.jobs set run_at = now() where subject = $1", refund.id
        )

    def failed() -> bool:
        merchant.run(let_the_day_come)
        return bool(merchant.api.refunds.retrieve(refund.id).status == "failed")

    assert eventually(failed)
    assert available(merchant) == before
    assert_books_hold(merchant)


def test_fifty_refunds_at_once_give_back_no_more_than_was_paid(merchant: Merchant) -> None:
    intent = pay(merchant, 5000)

    def refund(_: int) -> int:
        try:
            made = merchant.api.refunds.create({"payment_intent": intent.id, "amount": 400})
        except stripe.InvalidRequestError:
            return 0
        return int(made.amount)

    with concurrent.futures.ThreadPoolExecutor(25) as pool:
        given = sum(pool.map(refund, range(50)))
    assert given == 4800
    assert merchant.api.charges.retrieve(intent.latest_charge).amount_refunded == 4800
    assert_books_hold(merchant)


def test_one_key_refunds_once(merchant: Merchant) -> None:
    intent = pay(merchant, 5000)

    def refund(_: int) -> str:
        made = merchant.api.refunds.create(
            {"payment_intent": intent.id, "amount": 700},
            {"idempotency_key": "refund-once", "max_network_retries": 5},
        )
        return str(made.id)

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(refund, range(12)))) == 1
    assert merchant.api.charges.retrieve(intent.latest_charge).amount_refunded == 700


@pytest.mark.parametrize(
    ("parameters", "code", "param"),
    [
        ({}, "parameter_missing", "payment_intent"),
        ({"payment_intent": "pi_unknown"}, "resource_missing", "payment_intent"),
        ({"charge": "re_unknown"}, "resource_missing", "charge"),
        ({"payment_intent": "INTENT", "amount": 0}, "parameter_invalid_integer", "amount"),
        ({"payment_intent": "INTENT", "amount": -5}, "parameter_invalid_integer", "amount"),
        ({"payment_intent": "INTENT", "amount": 5001}, "amount_too_large", "amount"),
        ({"payment_intent": "INTENT", "currency": "usd"}, None, "currency"),
        ({"payment_intent": "INTENT", "reason": "bored"}, None, "reason"),
    ],
)
def test_a_wrong_refund_is_refused_and_takes_nothing(
    merchant: Merchant, parameters: dict[str, Any], code: str | None, param: str
) -> None:
    intent = pay(merchant, 5000)
    before = available(merchant)
    given = {k: intent.id if v == "INTENT" else v for k, v in parameters.items()}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.refunds.create(given)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert available(merchant) == before
