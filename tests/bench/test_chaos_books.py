"""What a chaos run reads in the PSPs' books, and how it knows our references there."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.chaos.books import attempts
from bench.chaos.resources import READERS, name_at, name_of_refund, psp_of
from providers.catalogue import PROVIDER_TYPES
from providers.cmi_account import order_id as cmi_order_id
from providers.orange_cm_calls import order_id as orange_order_id
from providers.orange_web_orders import new_order_id
from providers.sandbox.demo import demo_accounts
from providers.sandbox.server import PSPS

REFERENCE = "6f2c8a54-7d1e-4c3b-9a0f-1b2c3d4e5f60"


def write(folder: Path, psp: str, *lines: dict[str, Any], torn: str = "") -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"{psp}.jsonl").write_text(text + torn)


def movement(reference: str, amount: int, kind: str = "charge") -> dict[str, Any]:
    direction = "in" if kind == "charge" else "out"
    of_money = {"amount": amount, "currency": "xof", "direction": direction}
    return {"reference": reference, "kind": kind, "payer": "", "at": 0.0, **of_money}


def test_every_psp_has_a_reader_and_every_account_a_psp() -> None:
    assert READERS.keys() == PSPS.keys()
    for account in demo_accounts("http://127.0.0.1:9"):
        assert psp_of(account.name) == PROVIDER_TYPES[account.provider].sandbox


@pytest.mark.parametrize(
    ("psp", "kind", "state", "fate"),
    [
        ("cards", "intent", {"status": "requires_capture", "metadata": {}}, "held"),
        ("cards", "intent", {"status": "succeeded", "metadata": {}, "due": 7.0}, "open"),
        ("cards", "refund", {"status": "failed", "metadata": {}}, "nothing"),
        ("cinetpay", "payment", {"code": "00", "metadata": "r"}, "moved"),
        ("cinetpay", "payment", {"code": "662", "metadata": "r"}, "open"),
        ("cinetpay", "payment", {"code": "602", "metadata": "r"}, "nothing"),
        ("cmi", "order", {"oid": "r", "transactions": [{"kind": "S", "state": "A"}]}, "held"),
        ("cmi", "order", {"oid": "r", "transactions": [{"kind": "S", "state": "C"}]}, "moved"),
        ("cmi", "order", {"oid": "r", "transactions": [{"kind": "S", "state": "V"}]}, "nothing"),
        ("flutterwave", "charge", {"status": "voided", "reference": "r"}, "nothing"),
        ("moov", "transaction", {"status": "100", "kind": "charge", "reference": "r"}, "open"),
        ("moov", "transaction", {"status": "0", "kind": "payout", "reference": "r"}, "moved"),
        ("mtn", "transfer", {"status": "PENDING"}, "open"),
        ("orange_cm", "mp", {"status": "SUCCESSFULL", "order_id": "r"}, "moved"),
        ("orange_web", "order", {"status": "INITIATED", "order_id": "r"}, "open"),
        ("paygate", "transaction", {"status": 6, "kind": "disburse", "name": "r"}, "nothing"),
        ("paypal", "order", {"invoice_id": "r", "capture": None}, "open"),
        ("paypal", "order", {"invoice_id": "r", "capture": {"status": "DECLINED"}}, "nothing"),
        ("paypal", "order", {"invoice_id": "r", "authorization": {"status": "CREATED"}}, "held"),
        ("paypal", "refund", {"invoice_id": "r", "status": "COMPLETED"}, "moved"),
    ],
)
def test_each_psps_words_are_understood(
    tmp_path: Path, psp: str, kind: str, state: dict[str, Any], fate: str
) -> None:
    whole = {"amount": "500" if psp == "mtn" else 500, "currency": "XOF", **state}
    write(tmp_path, psp, {"resources": {kind: {"id": whole}}})
    [attempt] = attempts(tmp_path)
    assert (attempt.fate, attempt.amount) == (fate, 500)


def test_a_refund_at_cmi_is_known_by_its_order_and_amount(tmp_path: Path) -> None:
    lines = [{"kind": "S", "state": "C"}, {"kind": "C", "state": "C", "amount": 1500}]
    order = {"oid": cmi_order_id(REFERENCE), "amount": 1500, "currency": "mad"}
    write(tmp_path, "cmi", {"resources": {"order": {"id": {**order, "transactions": lines}}}})
    names = [attempt.reference for attempt in attempts(tmp_path)]
    assert names == [
        name_at("cmi", REFERENCE),
        name_of_refund("cmi", "of no use", REFERENCE, 1500, "mad"),
    ]


def test_our_references_are_found_in_orders_of_orange() -> None:
    assert name_at("orange_cm", REFERENCE) == orange_order_id(REFERENCE)
    assert new_order_id(REFERENCE).startswith(name_at("orange_web", REFERENCE))


def test_of_several_pages_for_one_reference_the_paid_one_counts(tmp_path: Path) -> None:
    page = {"amount": 500, "currency": "XOF", "metadata": REFERENCE}
    paid, lost = page | {"code": "00"}, page | {"code": "662"}
    moves = [movement(REFERENCE, 500)]
    write(
        tmp_path,
        "cinetpay",
        {"resources": {"payment": {"one": paid}}, "movements": moves},
        {"resources": {"payment": {"two": lost}}},
    )
    [attempt] = attempts(tmp_path)
    assert (attempt.fate, [each.amount for each in attempt.moved]) == ("moved", [500])


def test_money_that_moved_without_an_attempt_is_an_attempt(tmp_path: Path) -> None:
    write(tmp_path, "flutterwave", {"movements": [movement("unheard of", 70, "refund")]})
    [attempt] = attempts(tmp_path)
    assert (attempt.reference, attempt.direction, attempt.fate) == ("unheard of", "out", "moved")


def test_what_a_killed_psp_was_still_writing_is_not_in_its_book(tmp_path: Path) -> None:
    write(tmp_path, "mtn", {"movements": [movement("r", 5)]}, torn='{"movements": [{"refer')
    assert len(attempts(tmp_path)) == 1
