"""Statements against the books: each finding, each way to resolve it, and nothing twice."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from live import Merchant, eventually
from payout_books import assert_books_hold, balance, becomes, cameroonian, fill_float, fund, wallet
from sandbox_control import by_card, by_phone, tell
from statements_made import HEADER, import_lines, line, report, resolve

from processor.ledger.verify import verify
from processor.reconciliation.open_payments import count

MTN = "mtncameroon_test"


def paid_by_card(merchant: Merchant, amount: int = 5000) -> Any:
    """The row of a charge by card that has been paid."""
    intent = merchant.api.payment_intents.create(by_card(amount=amount))
    return merchant.rows("select * from charges where id = $1", intent.latest_charge)[0]


def by_wallet(merchant: Merchant, phone: str, status: str) -> Any:
    """The row of a wallet's charge when its intent has this status."""
    intent = merchant.api.payment_intents.create(by_phone(phone)).id
    eventually(lambda: merchant.api.payment_intents.retrieve(intent).status == status)
    return merchant.rows("select * from charges where payment_intent = $1", intent)[0]


def row(merchant: Merchant, table: str, identifier: str) -> Any:
    """A row by its id."""
    return merchant.rows(f"select * from {table} where id = $1", identifier)[0]


def at(seconds: int) -> datetime:
    """A time, from unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def breaches(merchant: Merchant) -> Any:
    """What does not hold in the merchant's books."""

    async def work(connection: asyncpg.Connection) -> Any:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        return await verify(connection)

    return merchant.run(work)


def completed_events(merchant: Merchant, reconciliation: str) -> int:
    """How often a reconciliation was said to be completed."""
    found = merchant.rows(
        "select data from events where object_id = $1 and type = 'reconciliation.completed'",
        reconciliation,
    )
    return len(found)


def test_a_statement_that_agrees_is_completed_at_once(merchant: Merchant, tmp_path: Path) -> None:
    by_reference, by_theirs, by_our_id = (paid_by_card(merchant, n) for n in (5000, 6000, 7000))

    refund = merchant.api.refunds.create({"charge": by_reference["id"], "amount": 2000})
    made, *items = import_lines(
        merchant,
        tmp_path,
        line(reference=by_reference["reference"], amount=5000),
        line(provider_reference=by_theirs["provider_reference"], amount=6000),
        line(external_id=by_our_id["id"], amount=7000),
        line(external_id=refund.id, amount=2000, kind="refund"),
        line(reference="never-seen", amount=900, status="failed"),
    )

    assert items == []
    assert (made["status"], made["open_items"], made["counts"]["matched"]) == ("completed", 0, 5)
    (total,) = made["totals"]
    assert total["statement"] == 5000 + 6000 + 7000 - 2000
    assert total["timing"] == total["difference"]
    matched = merchant.rows("select matched_by from reconciliation_items order by line")
    expected = ["reference", "provider_reference", "external_id", "external_id", None]
    assert [each["matched_by"] for each in matched] == expected
    assert completed_events(merchant, made["id"]) == 1


def test_each_difference_is_found_and_adjusted(merchant: Merchant, tmp_path: Path) -> None:
    first, second, third = (paid_by_card(merchant, amount) for amount in (5000, 6000, 7000))
    moment = first["created"] - 60
    made, *items = import_lines(
        merchant,
        tmp_path,
        line(reference=first["reference"], amount=5000),
        line(reference=first["reference"], amount=5000),
        line(reference=second["reference"], amount=6500),
        line(provider_reference="theirs-1", amount=800),
        start=at(moment),
        end=at(moment + 3600),
    )
    found = {item["result"]: item for item in items}
    assert {name: item["difference"] for name, item in found.items()} == {
        "duplicate": 5000,
        "different_amount": 500,
        "missing_here": 800,
        "missing_there": -7000,
    }
    assert found["missing_there"]["source"] == third["id"]
    assert [(total["difference"], total["timing"]) for total in made["totals"]] == [(-700, 0)]
    for item in items:
        done = resolve(merchant, item["id"], "adjust")
        assert done["resolution"] == "adjust"
        assert done["history"][0]["by"] == "operator awa"
        assert done["history"][0]["ledger_transaction"].startswith("txn_")
    # The clearing account now is what the statement says: 17,300 that the provider owes.
    assert balance(merchant, "clearing:cards_test") == -17_300
    assert balance(merchant, "reconciliation") == -700
    assert report(merchant, made["id"])[0]["status"] == "completed"
    assert completed_events(merchant, made["id"]) == 1
    assert breaches(merchant) == []


def test_a_late_success_is_booked_by_the_statement(merchant: Merchant, tmp_path: Path) -> None:
    charge = by_wallet(merchant, "+237670000051", "requires_payment_method")
    late = line(reference=charge["reference"], amount=5000, provider_reference="mtn-77")
    made, item = import_lines(merchant, tmp_path, late, provider=MTN)
    assert (item["result"], item["source"]) == ("missing_here", charge["id"])
    assert resolve(merchant, item["id"], "book")["resolution"] == "book"
    intent = merchant.api.payment_intents.retrieve(
        charge["payment_intent"], {"expand": ["latest_charge"]}
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 5000)
    assert intent.latest_charge.balance_transaction is not None
    evidence = json.loads(row(merchant, "charges", charge["id"])["details"])["evidence"]
    assert evidence == {"reconciliation": made["id"], "line": 2}
    assert balance(merchant, f"clearing:{MTN}") == -5000
    assert breaches(merchant) == []


def test_another_amount_is_never_booked(merchant: Merchant, tmp_path: Path) -> None:
    charge = by_wallet(merchant, "+237670000051", "requires_payment_method")
    other = line(reference=charge["reference"], amount=4999)
    _, item = import_lines(merchant, tmp_path, other, provider=MTN)
    with pytest.raises(RuntimeError, match="cannot be booked"):
        resolve(merchant, item["id"], "book")
    assert row(merchant, "charges", charge["id"])["state"] == "failed"
    assert row(merchant, "reconciliation_items", item["id"])["resolution"] is None
    assert merchant.rows("select 1 from ledger_entries") == []


def test_a_denied_payout_gives_the_money_back(merchant: Merchant, tmp_path: Path) -> None:
    fill_float(merchant)
    fund(merchant)
    account = wallet(merchant, cameroonian())
    payout = merchant.api.payouts.create(
        {"amount": 3000, "currency": "xaf", "destination": account}
    ).id
    becomes(merchant, payout, "paid")
    before = balance(merchant, "merchant:available")
    denied = line(external_id=payout, amount=3000, kind="payout", status="failed")
    # What filled the float may have been booked in the same second: it is found missing, too.
    _, *found = import_lines(merchant, tmp_path, denied, provider=MTN)
    (item,) = [each for each in found if each["source"] == payout]
    assert (item["result"], item["difference"]) == ("missing_there", 3000)
    resolve(merchant, item["id"], "book")
    assert merchant.api.payouts.retrieve(payout).status == "failed"
    assert balance(merchant, "merchant:available") == before + 3000
    assert_books_hold(merchant)


def test_the_provider_is_asked_again(merchant: Merchant, tmp_path: Path) -> None:
    phone = cameroonian()
    tell(merchant.stack, "mtn", payer=phone[1:], times=1, delay=2, callback="lost")
    intent = merchant.api.payment_intents.create(by_phone(phone)).id
    (charge,) = merchant.rows("select * from charges where payment_intent = $1", intent)
    paid = line(reference=charge["reference"], amount=5000)
    made, item = import_lines(merchant, tmp_path, paid, provider=MTN)
    assert item["result"] == "missing_here"

    def settled() -> bool:
        # In this order: what is answered in between is seen as answered.
        asked = merchant.rows("select 1 from platform.jobs where subject = $1", item["id"])
        now = row(merchant, "reconciliation_items", item["id"])
        if now["resolution"] is None and not asked:
            resolve(merchant, item["id"], "look_up")
        return bool(now["resolution"] == "look_up")

    eventually(settled, 30)
    assert merchant.api.payment_intents.retrieve(intent).status == "succeeded"
    assert report(merchant, made["id"])[0]["status"] == "completed"


def test_an_answer_that_changes_nothing_leaves_the_item_open(
    merchant: Merchant, tmp_path: Path
) -> None:
    charge = by_wallet(merchant, "+237670000051", "requires_payment_method")
    paid = line(reference=charge["reference"], amount=5000)
    made, item = import_lines(merchant, tmp_path, paid, provider=MTN)
    resolve(merchant, item["id"], "look_up")

    def answered() -> Any:
        return report(merchant, made["id"])[1]["history"][0]["result"]

    assert eventually(answered) == "The provider's answer did not change the books."
    done = resolve(merchant, item["id"], "ignore", "MTN says that the line is theirs")
    assert [deed["action"] for deed in done["history"]] == ["look_up", "ignore"]
    assert completed_events(merchant, made["id"]) == 1


def test_an_item_is_resolved_once_however_many_try(merchant: Merchant, tmp_path: Path) -> None:
    stray = line(provider_reference="theirs-9", amount=400)
    made, item = import_lines(merchant, tmp_path, stray)

    def adjust(_: int) -> bool:
        try:
            resolve(merchant, item["id"], "adjust")
        except RuntimeError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(adjust, range(50))) == 1
    assert balance(merchant, "reconciliation") == 400
    assert completed_events(merchant, made["id"]) == 1


def test_a_movement_is_adjusted_once_whichever_statement_has_it(
    merchant: Merchant, tmp_path: Path
) -> None:
    stray = line(provider_reference="theirs-9", amount=400)
    _, first = import_lines(merchant, tmp_path, stray)
    with pytest.raises(RuntimeError, match="imported before"):
        import_lines(merchant, tmp_path, stray)
    _, *again = import_lines(merchant, tmp_path, stray, line(provider_reference="x", amount=1))
    resolve(merchant, first["id"], "adjust")
    with pytest.raises(RuntimeError, match=f"already, as {first['id']}"):
        resolve(merchant, again[0]["id"], "adjust")
    assert balance(merchant, "reconciliation") == 400


def test_the_next_statement_does_not_miss_what_the_last_one_had(
    merchant: Merchant, tmp_path: Path
) -> None:
    charge = paid_by_card(merchant)
    day = {"start": at(charge["created"] - 60), "end": at(charge["created"] + 60)}
    import_lines(merchant, tmp_path, line(reference=charge["reference"], amount=5000), **day)
    made, *items = import_lines(
        merchant, tmp_path, line(reference="no", amount=5, status="failed"), **day
    )
    assert (items, made["status"]) == ([], "completed")


def test_nothing_of_a_malformed_statement_is_stored(merchant: Merchant, tmp_path: Path) -> None:
    wrong = [
        line(reference="a", amount="12.5"),
        line(reference="a", amount=5, currency="btc"),
        line(amount=5),
        line(reference="a", amount=5, kind="gift"),
        line(reference="a", amount=5, status="perhaps"),
        line(reference="a", amount=5, time="yesterday"),
        line(reference="a", amount=0),
        "too,short",
        line(reference="a" * 300, amount=5),
    ]
    with pytest.raises(RuntimeError) as refused:
        import_lines(merchant, tmp_path, line(reference="good", amount=5), *wrong)
    assert f"{len(wrong)} lines are wrong" in str(refused.value)
    for number in range(3, 3 + len(wrong)):
        assert f"'line': {number}," in str(refused.value)
    assert merchant.rows("select 1 from reconciliations") == []
    assert merchant.rows("select 1 from reconciliation_items") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "there is no column"),
        (b"a,b\n1,2\n", "there is no column"),
        (HEADER.encode(), "no lines"),
        (b"\xff\xfe", "not UTF-8"),
        (HEADER.encode() + b'\n"open,1,2', "no CSV"),
    ],
)
def test_what_is_no_statement_is_refused(
    merchant: Merchant, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes(content)
    done = reconcile(merchant, "import", file, "--provider", MTN, "--mapping", "standard")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def reconcile(merchant: Merchant, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does."""
    command = [sys.executable, "-m", "cpay", "reconcile", *map(str, arguments)]
    return subprocess.run(
        [*command, "--tenant", merchant.tenant.id, "--by", "awa"],
        env=os.environ
        | {
            "CPAY_DATABASE_URL": merchant.stack.database_url,
            "CPAY_KEY_PEPPER": merchant.stack.pepper.decode(),
            "CPAY_STATE_DIR": str(merchant.stack.state),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_night_counts_what_is_open_and_looks_again(merchant: Merchant) -> None:
    # A merchant's first night is the moment it is made, and the worker's to count.
    eventually(lambda: merchant.rows("select 1 from open_counts"))
    phone = cameroonian()
    tell(merchant.stack, "mtn", payer=phone[1:], times=1, delay=600)
    intent = merchant.api.payment_intents.create(by_phone(phone)).id
    (charge,) = merchant.rows("select * from charges where payment_intent = $1", intent)
    schema = merchant.tenant.test_schema

    async def night(connection: asyncpg.Connection) -> Any:
        await connection.execute(f'set search_path = "{schema}"')
        await connection.execute("update charges set created = created - 7200")
        await connection.execute("delete from platform.jobs where subject = $1", charge["id"])
        async with connection.transaction():
            await connection.execute(f'set local role "{schema}"')
            await count(connection)
        return await connection.fetchrow("select counts, restored from open_counts")

    counted = merchant.run(night)
    open_charges = json.loads(counted["counts"])["charges"]["xaf"]
    assert (open_charges["number"], open_charges["amount"]) == (1, 5000)
    assert counted["restored"] == 1
    planned = "select attempts from platform.jobs where subject = $1 and schema_name = $2"
    assert len(merchant.rows(planned, charge["id"], schema)) == 1
    assert report(merchant)[0]["counts"] == json.loads(counted["counts"])
