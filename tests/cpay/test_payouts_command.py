"""Payouts to banks: out in a file, exactly once, and back by the bank's answer, all or nothing."""

import csv
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import asyncpg
import pytest
import stripe
from live import Merchant

from processor.ledger.posting import Transaction, post

IBAN = "CM2110002000300277976315008"
NAMESPACE = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"}


def in_live(merchant: Merchant, query: str, *parameters: Any) -> list[asyncpg.Record]:
    """Rows of the merchant's live schema."""

    async def fetch(connection: asyncpg.Connection) -> list[asyncpg.Record]:
        await connection.execute(f'set search_path = "{merchant.tenant.live_schema}"')
        rows: list[asyncpg.Record] = await connection.fetch(query, *parameters)
        return rows

    found: list[asyncpg.Record] = merchant.run(fetch)
    return found


def live(merchant: Merchant) -> Any:
    """The SDK in live mode, with 100,000 XAF available and a bank account to pay out to."""

    async def fund(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.live_schema}"')
        entries = {"clearing:mtn_cameroon": -100_000, "merchant:available": 100_000}
        await post(connection, [Transaction("release", "settlement", "xaf", entries, shown=False)])

    merchant.run(fund)
    base = merchant.stack.base
    client = stripe.StripeClient(merchant.key(livemode=True), base_addresses={"api": base})
    client.v1.accounts.external_accounts.create(
        merchant.tenant.id,
        {
            "external_account": {
                "object": "bank_account",
                "account_number": IBAN,
                "account_holder_name": "=Épicerie & Fils\u0001",
                "routing_number": "ECOCCMCX",
            }
        },
    )
    return client.v1


def cpay(merchant: Merchant, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does."""
    database = merchant.stack.database_url
    return subprocess.run(
        [sys.executable, "-m", "cpay", "payouts", *map(str, arguments)],
        env=os.environ
        | {
            "CPAY_DATABASE_URL": database,
            "CPAY_ADMIN_DATABASE_URL": database,
            "CPAY_STATE_DIR": str(merchant.stack.state),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def export(merchant: Merchant, file: Path, *options: str) -> dict[str, Any]:
    done = cpay(
        merchant, "export", file, "--currency", "xaf", "--tenant", merchant.tenant.id, *options
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def answer(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(["payout,status,reason", *lines]))
    return file


def states(merchant: Merchant) -> dict[str, str]:
    rows = in_live(merchant, "select id, state from payouts")
    return {row["id"]: row["state"] for row in rows}


def available(merchant: Merchant) -> int:
    rows = in_live(
        merchant,
        "select sum(amount)::bigint from ledger_balances where account = 'merchant:available'",
    )
    return int(rows[0][0])


def test_a_payout_leaves_in_one_file_and_comes_back_confirmed(
    merchant: Merchant, tmp_path: Path
) -> None:
    api = live(merchant)
    paid, failed = (api.payouts.create({"amount": n, "currency": "xaf"}) for n in (40_000, 5_000))
    canceled = api.payouts.create({"amount": 1_000, "currency": "xaf"})
    api.payouts.cancel(canceled.id)
    printed = export(merchant, tmp_path / "bank.csv")
    assert (printed["payouts"], printed["amount"]) == (2, 45_000)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "bank.csv").read_text("utf-8-sig"))))
    assert [(row["payout"], row["amount"]) for row in rows] == [
        (paid.id, "40000"),
        (failed.id, "5000"),
    ]
    assert rows[0]["account_number"] == IBAN
    assert rows[0]["beneficiary"].startswith("'=Épicerie"), "a spreadsheet would run it"
    assert api.payouts.retrieve(paid.id).status == "in_transit"
    with pytest.raises(stripe.InvalidRequestError, match="only be canceled while"):
        api.payouts.cancel(paid.id)

    again = cpay(merchant, "export", tmp_path / "no.csv", "--currency", "xaf")
    assert again.returncode == 1, "nothing is handed out twice"
    assert not (tmp_path / "no.csv").exists()
    cpay(merchant, "fetch", printed["key"], tmp_path / "copy.csv")
    assert (tmp_path / "copy.csv").read_bytes() == (tmp_path / "bank.csv").read_bytes()

    file = answer(tmp_path / "a.csv", f"{paid.id},paid,", f"{failed.id},failed,account_closed")
    for _ in range(2):  # the second time changes nothing
        done = cpay(merchant, "confirm", file)
        assert done.returncode == 0, done.stderr
        assert available(merchant) == 60_000
    assert api.payouts.retrieve(failed.id).failure_code == "account_closed"
    assert api.payouts.retrieve(paid.id).status == "paid"
    late = answer(tmp_path / "late.csv", f"{paid.id},failed,The beneficiary has moved")
    assert cpay(merchant, "confirm", late).returncode == 0
    returned = api.payouts.retrieve(paid.id)
    assert (returned.status, returned.failure_code) == ("failed", "could_not_process")
    assert returned.failure_message == "The beneficiary has moved"
    assert available(merchant) == 100_000
    assert in_live(merchant, "select sum(amount) from ledger_balances")[0][0] == 0


@pytest.mark.parametrize(
    ("lines", "complaints"),
    [
        (["{payout},paid", "po_nobody,paid"], ["Line 3", "po_nobody"]),
        (["{payout},paid", "{payout},failed"], ["Line 3", "also on line 2"]),
        (["{payout},perhaps", ",paid"], ["Line 2", "'perhaps'", "Line 3", "missing"]),
        (["{payout},paid", "{pending},paid"], ["Line 3", "is pending and cannot become paid"]),
        (['{payout},paid,"never closed'], ["Line 2"]),
    ],
    ids=["unknown", "twice", "misspelt", "never handed out", "malformed"],
)
def test_a_wrong_line_stops_the_whole_answer(
    merchant: Merchant, tmp_path: Path, lines: list[str], complaints: list[str]
) -> None:
    api = live(merchant)
    payout = api.payouts.create({"amount": 40_000, "currency": "xaf"}).id
    export(merchant, tmp_path / "bank.csv")
    pending = api.payouts.create({"amount": 500, "currency": "xaf"}).id
    before = states(merchant)
    filled = [line.format(payout=payout, pending=pending) for line in lines]
    done = cpay(merchant, "confirm", answer(tmp_path / "answer.csv", *filled))
    assert done.returncode == 1
    assert all(complaint in done.stderr for complaint in ["Nothing was applied", *complaints])
    assert states(merchant) == before
    assert available(merchant) == 59_500


def test_two_exports_at_once_hand_each_payout_out_once(merchant: Merchant, tmp_path: Path) -> None:
    api = live(merchant)
    made = {api.payouts.create({"amount": 500, "currency": "xaf"}).id for _ in range(5)}
    files = [tmp_path / f"{n}.csv" for n in range(3)]

    def run(file: Path) -> int:
        options = ("--currency", "xaf", "--tenant", merchant.tenant.id)
        return cpay(merchant, "export", file, *options).returncode

    with ThreadPoolExecutor(3) as pool:
        codes = sorted(pool.map(run, files))
    assert codes == [0, 1, 1]
    found = [
        row["payout"]
        for file in files
        if file.exists()
        for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig")))
    ]
    assert sorted(found) == sorted(made)


def test_pain_001_holds_what_a_bank_needs(merchant: Merchant, tmp_path: Path) -> None:
    api = live(merchant)
    payouts = [
        api.payouts.create({"amount": n, "currency": "xaf", "description": "Week <47>"})
        for n in (40_000, 5_000)
    ]
    missing = cpay(
        merchant, "export", tmp_path / "x.xml", "--currency", "xaf", "--format", "pain.001"
    )
    assert "needs --debtor-name" in missing.stderr
    debtor = ("--debtor-name", "CPay SA", "--debtor-account", IBAN, "--debtor-bic", "AFRICMCX")
    export(merchant, tmp_path / "bank.xml", "--format", "pain.001", *debtor)
    root = ElementTree.fromstring((tmp_path / "bank.xml").read_bytes())

    def texts(path: str) -> list[str | None]:
        return [element.text for element in root.iterfind(path, NAMESPACE)]

    transfer = ".//p:CdtTrfTxInf"
    assert texts(".//p:NbOfTxs") == ["2", "2"]
    assert texts(".//p:CtrlSum") == ["45000", "45000"]
    assert texts(f"{transfer}/p:PmtId/p:EndToEndId") == [payout.id for payout in payouts]
    assert texts(f"{transfer}/p:Amt/p:InstdAmt") == ["40000", "5000"]
    assert texts(f"{transfer}/p:CdtrAcct/p:Id/p:IBAN") == [IBAN, IBAN]
    assert texts(f"{transfer}/p:CdtrAgt/p:FinInstnId/p:BIC") == ["ECOCCMCX", "ECOCCMCX"]
    assert texts(f"{transfer}/p:Cdtr/p:Nm") == ["=Épicerie & Fils"] * 2
    assert texts(f"{transfer}/p:RmtInf/p:Ustrd") == ["Week <47>"] * 2
    assert texts(".//p:DbtrAgt/p:FinInstnId/p:BIC") == ["AFRICMCX"]
    identifiers = texts(".//p:MsgId")
    assert all(each is not None and len(each) <= 35 for each in identifiers)


def test_a_reversal_goes_with_a_file_for_people_and_brings_its_money_when_it_is_paid(
    merchant: Merchant, tmp_path: Path
) -> None:
    api = live(merchant)
    payout = api.payouts.create({"amount": 40_000, "currency": "xaf"})
    export(merchant, tmp_path / "bank.csv")
    cpay(merchant, "confirm", answer(tmp_path / "paid.csv", f"{payout.id},paid"))
    reversal = api.payouts.reverse(payout.id)
    debtor = ("--debtor-name", "CPay SA", "--debtor-account", IBAN)
    options = ("--currency", "xaf", "--tenant", merchant.tenant.id, "--format", "pain.001")
    assert cpay(merchant, "export", tmp_path / "x.xml", *options, *debtor).returncode == 1
    assert export(merchant, tmp_path / "back.csv")["amount"] == -40_000
    refused = answer(tmp_path / "late.csv", f"{payout.id},failed")
    assert "confirm its reversal" in cpay(merchant, "confirm", refused).stderr
    assert available(merchant) == 60_000
    cpay(merchant, "confirm", answer(tmp_path / "back.csv", f"{reversal.id},paid"))
    assert available(merchant) == 100_000
