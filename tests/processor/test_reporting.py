"""Reports through the API and the command: what merchants' books are made from."""

import os
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import stripe
from live import Merchant, Stack, eventually, new_merchant
from reports_run import (
    ACTIVITY,
    PAYOUTS,
    PROVIDERS,
    download,
    finished,
    major,
    moment_over,
    report,
    start,
)

from processor.reporting.report_types import REPORT_TYPES


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """A merchant with a little of everything, a moment ago."""
    merchant = new_merchant(stack)
    api = merchant.api
    paid = pay(merchant, 60_000, "xaf", "pm_card_bypassPending", description="=cmd|' /C calc'!A0")
    pay(merchant, 1_050, "eur", "pm_card_visa", metadata={"order": "@7"})
    wallet = {"type": "mobile_money", "billing_details": {"phone": "+237671234567"}}
    asked = {"amount": 5_000, "currency": "xaf", "confirm": True, "payment_method_data": wallet}
    intent = api.payment_intents.create(asked)
    eventually(lambda: api.payment_intents.retrieve(intent.id).status == "succeeded")
    api.refunds.create({"charge": paid.latest_charge, "amount": 1_000})
    pay(merchant, 3_000, "xaf", "pm_card_createDispute")
    eventually(lambda: api.disputes.list().data)
    api.payouts.cancel(api.payouts.create({"amount": 700, "currency": "xaf"}).id)
    api.payouts.create({"amount": 2_000, "currency": "xaf"})
    moment_over(merchant)
    return merchant


def pay(merchant: Merchant, amount: int, currency: str, card: str, **more: Any) -> Any:
    """A card pays."""
    asked = {"amount": amount, "currency": currency, "confirm": True, "payment_method": card}
    return merchant.api.payment_intents.create(asked | more)


def test_types_are_listed_with_what_they_can_report(shop: Merchant) -> None:
    types = shop.api.reporting.report_types.list().data
    assert {kind.id for kind in types} == REPORT_TYPES.keys()
    for kind in types:
        assert shop.api.reporting.report_types.retrieve(kind.id).name == kind.name
        assert kind.data_available_start < kind.data_available_end < time.time()
        assert len(kind.default_columns) == len(set(kind.default_columns))


def test_a_run_ends_with_a_file_and_an_event(shop: Merchant, other_merchant: Merchant) -> None:
    run = start(shop, ACTIVITY)
    assert (run.status, run.result) == ("pending", None)
    run = finished(shop, run.id)
    answer = download(shop, run)
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'filename="{run.result.filename}"' in answer.headers["content-disposition"]
    assert (run.result.purpose, run.result.size) == ("finance_report_run", len(answer.content))
    (event,) = [
        each
        for each in shop.api.events.list({"type": "reporting.report_run.succeeded"}).data
        if each.data.object["id"] == run.id
    ]
    assert event.data.object == run
    for url in (f"{shop.stack.base}/v1/reporting/report_runs/{run.id}", run.result.url):
        assert httpx.get(url, auth=(other_merchant.secret_key, "")).status_code == 404
    link = shop.api.file_links.create({"file": run.result.id})
    assert httpx.get(link.url).content == answer.content


def test_activity_and_payouts_are_the_balance_transactions(shop: Merchant) -> None:
    rows = report(shop, ACTIVITY) + report(shop, PAYOUTS)
    found = {
        row["balance_transaction_id"]: tuple(
            row[name] for name in ("currency", "gross", "fee", "net", "reporting_category")
        )
        for row in rows
    }
    expected = {
        each.id: (
            each.currency,
            major(each.amount, each.currency),
            major(each.fee, each.currency),
            major(each.net, each.currency),
            each.reporting_category,
        )
        for each in shop.api.balance_transactions.list({"limit": 100}).data
    }
    assert found == expected
    assert len(rows) == len(expected) == 9
    assert ("eur", "10.50") in {cells[:2] for cells in found.values()}
    assert ("xaf", "-1000") in {cells[:2] for cells in found.values()}


def test_refunds_and_disputes_name_the_charge_that_they_took_from(shop: Merchant) -> None:
    rows = report(shop, ACTIVITY)
    charges = {row["charge_id"]: row for row in rows if row["reporting_category"] == "charge"}
    taken = [row for row in rows if row["reporting_category"] in ("refund", "dispute")]
    assert len(taken) == 2
    for row in taken:
        charge = charges[row["charge_id"]]
        assert row["source_id"] != row["charge_id"]
        for name in ("payment_intent_id", "payment_method_id", "payment_method_type"):
            assert row[name] == charge[name] != ""


def test_no_text_is_a_formula_to_a_spreadsheet(shop: Merchant) -> None:
    columns = ["description", "gross", "payment_metadata[order]"]
    rows = report(shop, ACTIVITY, columns=columns)
    assert list(rows[0]) == columns
    assert "'=cmd|' /C calc'!A0" in {row["description"] for row in rows}
    assert {row["payment_metadata[order]"] for row in rows} == {"", "'@7"}
    assert "-1000" in {row["gross"] for row in rows}


def test_a_provider_account_is_reported_under_its_own_references(shop: Merchant) -> None:
    rows = report(shop, PROVIDERS, currency="XAF")
    (wallet,) = [row for row in rows if row["network"] == "mtn"]
    ((reference, theirs),) = shop.rows(
        "select reference, provider_reference from charges where provider = 'mtncameroon_test'"
    )
    assert (wallet["reference"], wallet["provider_reference"]) == (reference, theirs)
    assert (wallet["provider_account"], wallet["amount"]) == ("mtncameroon_test", "5000")
    # The bank may have answered for the payout already.
    found = Counter(row["reporting_category"] for row in rows)
    assert found - Counter(payout=1) == {"charge": 3, "refund": 1}
    (refund,) = report(shop, PROVIDERS, reporting_category="refund")
    assert refund["amount"] == "-1000"


def test_times_are_in_the_zone_that_was_asked_for(shop: Merchant) -> None:
    for row in report(shop, ACTIVITY, timezone="Africa/Douala", currency="xaf"):
        local, utc = (datetime.fromisoformat(row[name]) for name in ("created", "created_utc"))
        assert local - utc == timedelta(hours=1)


AVAILABLE = "available"  # stands for a time at which there are reports


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"interval_start": 1}, "interval_start"),
        ({"interval_end": 2**33}, "interval_end"),
        ({"interval_start": AVAILABLE, "interval_end": AVAILABLE}, "interval_end"),
        ({"interval_end": ""}, "interval_end"),
        ({"currency": "zzz"}, "currency"),
        ({"columns": ["gross", "secrets"]}, "columns"),
        ({"columns": ["gross", "gross"]}, "columns"),
        ({"columns": ["payment_metadata[]"]}, "columns"),
        ({"timezone": "Africa/Atlantis"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"reporting_category": "bribe"}, "reporting_category"),
        ({"payout": "po_1"}, "payout"),
    ],
)
def test_wrong_parameters_are_named(shop: Merchant, wrong: dict[str, Any], param: str) -> None:
    end = shop.api.reporting.report_types.retrieve(ACTIVITY).data_available_end
    filled = {name: end if value == AVAILABLE else value for name, value in wrong.items()}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        start(shop, ACTIVITY, **filled)
    assert (refused.value.http_status, refused.value.param) == (400, f"parameters[{param}]")


def test_unknown_reports_and_keys_without_the_right_are_refused(shop: Merchant) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.reporting.report_runs.create(
            {"report_type": "ledger.itemized.1", "parameters": {"interval_start": 1}}
        )
    assert refused.value.param == "parameters[interval_end]"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        start(shop, "balance.summary.1", reporting_category="charge")
    assert refused.value.param == "parameters[reporting_category]"
    key = shop.key(kind="restricted", scopes=("reporting.report_runs:read",))
    url = f"{shop.stack.base}/v1/reporting/report_runs"
    assert httpx.get(url, auth=(key, "")).status_code == 200
    assert httpx.post(url, auth=(key, "")).status_code == 403


def test_runs_are_listed_newest_first(shop: Merchant) -> None:
    made = [start(shop, "payouts.summary.1").id for _ in range(3)]
    runs = shop.api.reporting.report_runs
    assert [run.id for run in runs.list({"limit": 3}).data] == made[::-1]
    (older,) = runs.list({"limit": 1, "starting_after": made[1]}).data
    assert older.id == made[0]
    assert runs.list({"created": {"lt": runs.retrieve(older.id).created - 3600}}).data == []


def test_the_command_writes_the_same_file(shop: Merchant) -> None:
    run = finished(shop, start(shop, ACTIVITY, currency="xaf", timezone="Africa/Douala").id)
    asked = run.parameters
    interval = (asked.interval_start, asked.interval_end)
    first, last = (datetime.fromtimestamp(each, UTC).isoformat() for each in interval)
    options = ["--currency", "xaf", "--timezone", "Africa/Douala", "--from", first, "--to", last]
    done = cpay(shop, ACTIVITY, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == download(shop, run).content
    assert b" rows" in done.stderr
    refused = cpay(shop, ACTIVITY, "--from", first, "--columns", "gross,secrets")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"no column secrets" in refused.stderr


def cpay(merchant: Merchant, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as an operator does."""
    database = merchant.stack.database_url
    return subprocess.run(
        [sys.executable, "-m", "cpay", "report", *arguments, "--tenant", merchant.tenant.id],
        env=os.environ
        | {
            "CPAY_DATABASE_URL": database,
            "CPAY_ADMIN_DATABASE_URL": database,
            "CPAY_KEY_PEPPER": merchant.stack.pepper.decode(),
            "CPAY_STATE_DIR": str(merchant.stack.state),
        },
        capture_output=True,
        check=False,
        timeout=60,
    )
