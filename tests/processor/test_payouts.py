"""Payouts to banks and wallets, and what they do to the books."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
from live import Merchant, eventually
from payout_books import (
    assert_books_hold,
    balance,
    bank,
    becomes,
    cameroonian,
    events_of,
    fill_float,
    fund,
    wallet,
)
from sandbox_control import movements, tell

AVAILABLE = "merchant:available"


def reference(merchant: Merchant, payout: str) -> str:
    """The reference that a payout's provider knows."""
    found: str = merchant.rows("select reference from payouts where id = $1", payout)[0][0]
    return found


def sent(merchant: Merchant, payout: str) -> list[int]:
    """The amounts that MTN moved for a payout, over all its references."""
    rows = merchant.rows(
        "select reference, details->'spent_references' as spent from payouts where id = $1", payout
    )
    assert rows[0]["spent"] is None, "ask for each reference"
    found = movements(merchant.stack, "mtn", rows[0]["reference"])
    return [movement["amount"] for movement in found if movement["direction"] == "out"]


def test_a_payout_takes_from_the_balance_and_arrives_at_the_bank(merchant: Merchant) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    payout = merchant.api.payouts.create(
        {"amount": 40_000, "currency": "xaf", "description": "Week 47", "metadata": {"k": "v"}}
    )
    assert (payout.status, payout.type, payout.method) == ("pending", "bank_account", "standard")
    assert payout.arrival_date > time.time()
    assert balance(merchant, AVAILABLE) == before - 40_000
    assert balance(merchant, "payouts_in_transit") == 40_000
    entry = merchant.api.balance_transactions.retrieve(payout.balance_transaction)
    assert (entry.type, entry.amount, entry.fee, entry.source) == ("payout", -40_000, 0, payout.id)
    becomes(merchant, payout.id, "paid")
    assert balance(merchant, "payouts_in_transit") == 0
    assert balance(merchant, "clearing:bank") == 40_000
    assert events_of(merchant, payout.id) == ["payout.created", "payout.paid"]
    assert_books_hold(merchant)


def test_the_test_bank_account_is_made_once_and_can_be_expanded(merchant: Merchant) -> None:
    fund(merchant)

    def pay(_: int) -> Any:
        return merchant.api.payouts.create(
            {"amount": 500, "currency": "xaf", "expand": ["destination", "balance_transaction"]}
        )

    with ThreadPoolExecutor(8) as pool:
        payouts = list(pool.map(pay, range(8)))
    assert len({payout.destination.id for payout in payouts}) == 1
    account = payouts[0].destination
    assert (account.object, account.last4, account.default_for_currency) == (
        "bank_account",
        "6789",
        True,
    )
    assert payouts[0].balance_transaction.amount == -500


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("000111111116", "no_account"),
        ("000111111113", "account_closed"),
        ("000222222227", "insufficient_funds"),
        ("000333333335", "debit_not_authorized"),
        ("000444444440", "invalid_currency"),
    ],
)
def test_stripes_test_accounts_decide_failures(merchant: Merchant, number: str, code: str) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    payout = merchant.api.payouts.create(
        {"amount": 7_000, "currency": "xaf", "destination": bank(merchant, number)}
    )
    failed = becomes(merchant, payout.id, "failed")
    assert failed.failure_code == code
    assert failed.failure_message
    entry = merchant.api.balance_transactions.retrieve(failed.failure_balance_transaction)
    assert (entry.type, entry.amount) == ("payout_failure", 7_000)
    assert balance(merchant, AVAILABLE) == before
    assert events_of(merchant, payout.id) == ["payout.created", "payout.failed"]
    assert_books_hold(merchant)


def test_a_pending_payout_can_be_canceled_once(merchant: Merchant) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    payout = merchant.api.payouts.create({"amount": 9_000, "currency": "xaf"})
    canceled = merchant.api.payouts.cancel(payout.id)
    assert canceled.status == "canceled"
    entry = merchant.api.balance_transactions.retrieve(canceled.failure_balance_transaction)
    assert (entry.type, entry.amount) == ("payout_cancel", 9_000)
    with pytest.raises(stripe.InvalidRequestError, match="only be canceled while"):
        merchant.api.payouts.cancel(payout.id)
    assert balance(merchant, AVAILABLE) == before
    assert events_of(merchant, payout.id) == ["payout.created", "payout.canceled"]
    assert_books_hold(merchant)


def test_fifty_payouts_at_once_take_what_there_is_and_no_more(merchant: Merchant) -> None:
    fund(merchant, 100_000)
    before = balance(merchant, AVAILABLE)

    def pay(_: int) -> str | None:
        try:
            merchant.api.payouts.create({"amount": 7_000, "currency": "xaf"})
        except stripe.InvalidRequestError as error:
            return error.code
        return None

    with ThreadPoolExecutor(50) as pool:
        answers = Counter(pool.map(pay, range(50)))
    made = before // 7_000
    assert answers == {None: made, "balance_insufficient": 50 - made}
    assert balance(merchant, AVAILABLE) == before % 7_000
    assert_books_hold(merchant)


def test_a_repeated_request_makes_one_payout(merchant: Merchant) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)

    def pay(_: int) -> Any:
        return merchant.api.payouts.create(
            {"amount": 3_000, "currency": "xaf"}, {"idempotency_key": "payroll"}
        )

    with ThreadPoolExecutor(10) as pool:
        made = {payout.id for payout in pool.map(pay, range(10))}
    assert len(made) == 1
    assert balance(merchant, AVAILABLE) == before - 3_000


def test_a_bank_payout_that_arrived_can_be_asked_back(merchant: Merchant) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    payout = merchant.api.payouts.create({"amount": 6_000, "currency": "xaf"})
    with pytest.raises(stripe.InvalidRequestError, match="is pending"):
        merchant.api.payouts.reverse(payout.id)
    becomes(merchant, payout.id, "paid")
    reversal = merchant.api.payouts.reverse(payout.id, {"metadata": {"why": "wrong account"}})
    assert (reversal.amount, reversal.original_payout) == (-6_000, payout.id)
    assert balance(merchant, AVAILABLE) == before - 6_000, "credited before the money is back"
    with pytest.raises(stripe.InvalidRequestError, match="already been reversed"):
        merchant.api.payouts.reverse(payout.id)
    done = becomes(merchant, reversal.id, "paid")
    entry = merchant.api.balance_transactions.retrieve(done.balance_transaction)
    assert entry.amount == 6_000
    assert balance(merchant, AVAILABLE) == before
    assert balance(merchant, "clearing:bank") == 0
    assert merchant.api.payouts.retrieve(payout.id).reversed_by == reversal.id
    assert_books_hold(merchant)


def test_a_wallet_payout_reaches_the_wallet_once(merchant: Merchant) -> None:
    fund(merchant)
    fill_float(merchant)
    destination = wallet(merchant, cameroonian())
    payout = merchant.api.payouts.create(
        {"amount": 8_000, "currency": "xaf", "destination": destination}
    )
    assert (payout.type, payout.destination) == ("mobile_money", destination)
    assert payout.destination_details.mobile_money.network == "mtn"
    paid = becomes(merchant, payout.id, "paid")
    assert sent(merchant, payout.id) == [8_000]
    assert paid.trace_id.value
    assert balance(merchant, "payouts_in_transit") == 0
    with pytest.raises(stripe.InvalidRequestError, match="cannot be reversed"):
        merchant.api.payouts.reverse(payout.id)
    with pytest.raises(stripe.InvalidRequestError, match="only be canceled while"):
        merchant.api.payouts.cancel(payout.id)
    assert_books_hold(merchant)


@pytest.mark.parametrize(
    ("suffix", "code"), [("51", "declined"), ("57", "no_account"), ("50", "could_not_process")]
)
def test_a_wallet_payout_that_is_refused_is_the_merchants_again(
    merchant: Merchant, suffix: str, code: str
) -> None:
    fund(merchant)
    fill_float(merchant)
    before = balance(merchant, AVAILABLE)
    payout = merchant.api.payouts.create(
        {
            "amount": 8_000,
            "currency": "xaf",
            "destination": wallet(merchant, f"+2376700000{suffix}"),
        }
    )
    assert becomes(merchant, payout.id, "failed").failure_code == code
    assert sent(merchant, payout.id) == []
    assert balance(merchant, AVAILABLE) == before
    assert_books_hold(merchant)


@pytest.mark.parametrize(
    "fault",
    ["reset_after_accepting", "error_500_after_accepting", "unparsable_after_accepting"],
)
def test_an_unclear_answer_is_looked_up_and_never_sent_again(
    merchant: Merchant, fault: str
) -> None:
    fund(merchant)
    fill_float(merchant)
    phone = cameroonian()
    tell(merchant.stack, "mtn", operation="transfer", payer=phone[1:], fault=fault, callback="lost")
    payout = merchant.api.payouts.create(
        {"amount": 4_000, "currency": "xaf", "destination": wallet(merchant, phone)}
    )
    becomes(merchant, payout.id, "paid", 40)
    assert sent(merchant, payout.id) == [4_000]
    assert_books_hold(merchant)


def test_a_payout_that_never_arrived_is_sent_again_with_its_reference(merchant: Merchant) -> None:
    fund(merchant)
    fill_float(merchant)
    phone = cameroonian()
    tell(
        merchant.stack,
        "mtn",
        operation="transfer",
        payer=phone[1:],
        fault="reset_before_accepting",
        times=1,
    )
    payout = merchant.api.payouts.create(
        {"amount": 4_000, "currency": "xaf", "destination": wallet(merchant, phone)}
    )
    first = reference(merchant, payout.id)
    becomes(merchant, payout.id, "paid", 60)
    assert reference(merchant, payout.id) == first
    assert sent(merchant, payout.id) == [4_000]
    assert_books_hold(merchant)


def test_a_provider_without_float_makes_a_payout_wait_not_fail(merchant: Merchant) -> None:
    fund(merchant)
    fill_float(merchant)
    phone = cameroonian()
    tell(
        merchant.stack,
        "mtn",
        operation="transfer",
        payer=phone[1:],
        outcome="NOT_ENOUGH_FUNDS",
        times=1,
    )
    payout = merchant.api.payouts.create(
        {"amount": 4_000, "currency": "xaf", "destination": wallet(merchant, phone)}
    )

    def waits() -> Any:
        found = merchant.api.payouts.retrieve(payout.id)
        return found if getattr(found, "pending_reason", None) else None

    waiting = eventually(waits)
    assert (waiting.status, waiting.pending_reason) == ("pending", "insufficient_float")
    assert balance(merchant, "payouts_in_transit") == 4_000
    becomes(merchant, payout.id, "paid", 40)
    row = merchant.rows(
        "select details->'spent_references'->>0 as spent, reference from payouts where id = $1",
        payout.id,
    )[0]
    assert movements(merchant.stack, "mtn", row["spent"]) == []
    assert len(movements(merchant.stack, "mtn", row["reference"])) == 1
    assert_books_hold(merchant)


REFUSED: list[tuple[str, dict[str, Any], str | None, str | None]] = [
    ("no money", {"amount": 50_000_000}, "balance_insufficient", None),
    ("nothing", {"amount": 0}, "parameter_invalid_integer", "amount"),
    ("negative", {"amount": -500}, "parameter_invalid_integer", "amount"),
    ("less than a coin", {"amount": 1}, "amount_too_small", "amount"),
    ("unknown currency", {"currency": "zzz"}, None, "currency"),
    ("unknown destination", {"destination": "ba_none"}, "resource_missing", "destination"),
    ("instant to a bank", {"method": "instant"}, "instant_payouts_unsupported", "method"),
    ("unknown parameter", {"colour": "red"}, "parameter_unknown", "colour"),
]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_a_wrong_payout_moves_nothing(
    merchant: Merchant, fields: dict[str, Any], code: str | None, param: str | None
) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.payouts.create({"amount": 1_000, "currency": "xaf", **fields})
    assert (refused.value.code, refused.value.param) == (code, param)
    assert balance(merchant, AVAILABLE) == before
    assert merchant.rows("select * from payouts") == []


def test_a_wallet_takes_no_more_than_its_network_allows(merchant: Merchant) -> None:
    fund(merchant, 3_000_000)
    destination = wallet(merchant, cameroonian())
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.payouts.create(
            {"amount": 1_000_001, "currency": "xaf", "destination": destination}
        )
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount")


def test_payouts_are_listed_by_status_destination_and_arrival(merchant: Merchant) -> None:
    fund(merchant)
    destination = bank(merchant, "000222222227")
    failing = merchant.api.payouts.create(
        {"amount": 600, "currency": "xaf", "destination": destination}
    )
    canceled = merchant.api.payouts.create({"amount": 700, "currency": "xaf"})
    merchant.api.payouts.cancel(canceled.id)
    becomes(merchant, failing.id, "failed")

    def listed(**filters: Any) -> list[str]:
        return [payout.id for payout in merchant.api.payouts.list(filters).data]

    assert listed() == [canceled.id, failing.id]
    assert listed(status="canceled") == [canceled.id]
    assert listed(status="failed", destination=destination) == [failing.id]
    assert listed(arrival_date={"lt": failing.arrival_date}) == []
    entries = merchant.api.balance_transactions.list({"payout": failing.id}).data
    assert [entry.type for entry in entries] == ["payout_failure", "payout"]


def test_a_payout_is_its_merchants_own(merchant: Merchant, other_merchant: Merchant) -> None:
    fund(merchant)
    payout = merchant.api.payouts.create({"amount": 600, "currency": "xaf"})
    updated = merchant.api.payouts.update(payout.id, {"metadata": {"order": "7"}})
    assert updated.metadata["order"] == "7"
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        other_merchant.api.payouts.retrieve(payout.id)
    with pytest.raises(stripe.PermissionError):
        other_merchant.api.accounts.external_accounts.list(merchant.tenant.id)
