"""Disputes: what the payer's bank takes, what evidence does, and the books through all of it."""

import io
from typing import Any

import pytest
import stripe
from live import Merchant, eventually


def disputed(merchant: Merchant, amount: int = 3000) -> tuple[Any, Any]:
    """A paid intent whose payer has disputed it, and the dispute."""
    intent = merchant.api.payment_intents.create(
        {
            "amount": amount,
            "currency": "xaf",
            "confirm": True,
            "payment_method": "pm_card_createDispute",
        }
    )
    found = eventually(
        lambda: merchant.api.disputes.list({"payment_intent": intent.id}).data or None
    )
    return intent, found[0]


def balance(merchant: Merchant, account: str) -> int:
    rows = merchant.rows(
        "select coalesce(sum(amount), 0) from ledger_balances where account = $1", account
    )
    return int(rows[0][0])


def test_a_dispute_takes_its_amount_until_it_is_decided(merchant: Merchant) -> None:
    intent, dispute = disputed(merchant)
    assert (dispute.status, dispute.reason, dispute.amount) == (
        "needs_response",
        "fraudulent",
        3000,
    )
    assert [entry.amount for entry in dispute.balance_transactions] == [-3000]
    assert balance(merchant, "disputes") == 3000
    assert merchant.api.charges.retrieve(intent.latest_charge).disputed is True
    assert merchant.rows("select sum(amount) from ledger_balances")[0][0] == 0


def test_winning_evidence_brings_the_money_back(merchant: Merchant) -> None:
    _, dispute = disputed(merchant)
    before = balance(merchant, "merchant:available")
    won = merchant.api.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    assert (won.status, len(won.balance_transactions)) == ("won", 2)
    assert balance(merchant, "merchant:available") == before + 3000
    assert balance(merchant, "disputes") == 0


@pytest.mark.parametrize("way", ["losing_evidence", "close"])
def test_a_lost_dispute_is_gone_for_good(merchant: Merchant, way: str) -> None:
    _, dispute = disputed(merchant)
    before = balance(merchant, "merchant:available")
    if way == "close":
        lost = merchant.api.disputes.close(dispute.id)
    else:
        lost = merchant.api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": way}})
    assert lost.status == "lost"
    assert balance(merchant, "merchant:available") == before
    assert balance(merchant, "disputes") == 0
    assert merchant.rows("select sum(amount) from ledger_balances")[0][0] == 0
    with pytest.raises(stripe.InvalidRequestError):
        merchant.api.disputes.close(dispute.id)


def test_evidence_can_be_kept_back_and_sent_later(merchant: Merchant) -> None:
    _, dispute = disputed(merchant)
    kept = merchant.api.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Awa"}, "submit": False, "metadata": {"k": "v"}}
    )
    assert (kept.status, kept.evidence.customer_name) == ("needs_response", "Awa")
    assert kept.evidence_details.has_evidence is True
    file = io.BytesIO(b"%PDF-1.7 receipt")
    file.name = "receipt.pdf"
    upload = merchant.api.files.create({"purpose": "dispute_evidence", "file": file})
    sent = merchant.api.disputes.update(dispute.id, {"evidence": {"receipt": upload.id}})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert (sent.evidence.receipt, sent.evidence.customer_name) == (upload.id, "Awa")


def test_a_disputed_charge_cannot_be_refunded(merchant: Merchant) -> None:
    intent, _ = disputed(merchant)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"


@pytest.mark.parametrize(
    ("evidence", "param"),
    [
        ({"no_such_member": "x"}, "evidence[no_such_member]"),
        ({"receipt": "file_unknown"}, "evidence[receipt]"),
        ({"uncategorized_text": "x" * 20_001}, "evidence[uncategorized_text]"),
    ],
)
def test_wrong_evidence_is_refused(
    merchant: Merchant, evidence: dict[str, str], param: str
) -> None:
    _, dispute = disputed(merchant)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.disputes.update(dispute.id, {"evidence": evidence})
    assert refused.value.param == param
