"""What tests of reports share: to ask for one, wait for it, and read it."""

import csv
import io
import time
from typing import Any

import httpx
from live import Merchant, eventually

ACTIVITY = "balance_change_from_activity.itemized.3"
PAYOUTS = "payouts.itemized.3"
PROVIDERS = "provider_activity.itemized.1"

Rows = list[dict[str, str]]


def moment_over(merchant: Merchant) -> None:
    """Wait until reports can hold what has just happened."""
    now = time.time()
    types = merchant.api.reporting.report_types
    eventually(lambda: types.retrieve("balance.summary.1").data_available_end > now)


def start(merchant: Merchant, kind: str, **parameters: Any) -> Any:
    """Ask for a report of all there is, unless the parameters say less."""
    reporting = merchant.api.reporting
    available = reporting.report_types.retrieve(kind)
    interval = {
        "interval_start": available.data_available_start,
        "interval_end": available.data_available_end,
    }
    return reporting.report_runs.create({"report_type": kind, "parameters": interval | parameters})


def finished(merchant: Merchant, run: str) -> Any:
    """The run when it is over."""
    runs = merchant.api.reporting.report_runs
    eventually(lambda: runs.retrieve(run).status != "pending")
    return runs.retrieve(run)


def download(merchant: Merchant, run: Any) -> httpx.Response:
    """The file of a run that has succeeded."""
    assert run.status == "succeeded", run
    answer = httpx.get(run.result.url, auth=(merchant.secret_key, ""))
    assert answer.status_code == 200
    return answer


def report(merchant: Merchant, kind: str, **parameters: Any) -> Rows:
    """The rows of a report."""
    run = finished(merchant, start(merchant, kind, **parameters).id)
    return read(download(merchant, run).content)


def read(body: bytes) -> Rows:
    """CSV as rows."""
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def major(amount: int, currency: str) -> str:
    """An amount as reports write it, worked out another way."""
    return str(amount) if currency in ("xaf", "xof") else f"{amount / 100:.2f}"
