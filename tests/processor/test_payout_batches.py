"""Payout batches: accepted whole or not at all, and each line paid once whoever dies meanwhile."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Merchant, Stack, eventually, new_merchant, start_stack, stop_stack
from payout_books import assert_books_hold, balance, cameroonian, events_of, fill_float, fund
from sandbox_control import movements

from bench.chaos.kills import Killer

AVAILABLE = "merchant:available"


def post(merchant: Merchant, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    """Ask for a batch as JSON."""
    headers = {"Authorization": f"Bearer {merchant.secret_key}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    url = f"{merchant.stack.base}/v1/payout_batches"
    return httpx.post(url, json={"currency": "xaf", **body}, headers=headers, timeout=60)


def upload(merchant: Merchant, text: str) -> httpx.Response:
    """Ask for a batch with a CSV file."""
    return httpx.post(
        f"{merchant.stack.base}/v1/payout_batches",
        data={"currency": "xaf", "metadata[month]": "11"},
        files={"file": ("payroll.csv", text.encode(), "text/csv")},
        headers={"Authorization": f"Bearer {merchant.secret_key}"},
        timeout=60,
    )


def read(merchant: Merchant, batch: str) -> dict[str, Any]:
    reply = httpx.get(
        f"{merchant.stack.base}/v1/payout_batches/{batch}",
        headers={"Authorization": f"Bearer {merchant.secret_key}"},
    )
    found: dict[str, Any] = reply.json()
    return found


def completed(merchant: Merchant, batch: str, seconds: float = 60) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        found = read(merchant, batch)
        return found if found["status"] == "completed" else None

    return eventually(done, seconds)


def sent(merchant: Merchant, batch: str) -> list[int]:
    """What MTN moved for each payout of a batch."""
    rows = merchant.rows("select reference from payouts where batch = $1 order by line", batch)
    return [
        movement["amount"]
        for row in rows
        for movement in movements(merchant.stack, "mtn", row["reference"])
    ]


def test_a_batch_pays_every_line_once_and_says_how_far_it_is(merchant: Merchant) -> None:
    fund(merchant)
    fill_float(merchant)
    before = balance(merchant, AVAILABLE)
    lines = [{"amount": 200 + n, "phone": cameroonian(), "description": "Pay"} for n in range(30)]
    lines[7] = {"amount": 900, "phone": "+237670000057", "metadata": {"who": "nobody"}}
    total = sum(line["amount"] for line in lines)  # type: ignore[misc]
    reply = post(merchant, {"lines": lines, "description": "November"})
    assert reply.status_code == 200, reply.text
    batch = reply.json()
    assert (batch["object"], batch["count"], batch["amount"]) == ("payout_batch", 30, total)
    assert batch["status"] == "processing"
    assert batch["progress"]["pending"] == {"amount": total, "count": 30}
    assert balance(merchant, AVAILABLE) == before - total
    done = completed(merchant, batch["id"])
    assert done["progress"]["paid"] == {"amount": total - 900, "count": 29}
    assert done["progress"]["failed"] == {"amount": 900, "count": 1}
    assert sorted(sent(merchant, batch["id"])) == sorted(200 + n for n in range(30) if n != 7)
    assert balance(merchant, AVAILABLE) == before - total + 900
    assert balance(merchant, "merchant:reserved") == 0
    failed = merchant.api.payouts.list({"batch": batch["id"], "status": "failed"}).data
    assert [(each.metadata["who"], each.failure_code) for each in failed] == [
        ("nobody", "no_account")
    ]
    assert events_of(merchant, batch["id"]) == ["payout_batch.created", "payout_batch.completed"]
    assert_books_hold(merchant)


def test_a_batch_can_be_a_csv_file(merchant: Merchant) -> None:
    fund(merchant)
    fill_float(merchant)
    first, second = cameroonian(), cameroonian()
    text = (
        "\ufeffphone,amount,account_holder_name,reference\r\n"
        f'{first},500,"Ngo, Marie",E-1\r\n{second[4:]},700,,\r\n'
    )
    batch = upload(merchant, text).json()
    assert (batch["count"], batch["amount"], batch["metadata"]) == (2, 1_200, {"month": "11"})
    completed(merchant, batch["id"])
    payouts = merchant.api.payouts.list({"batch": batch["id"]}).data
    assert [payout.amount for payout in payouts] == [700, 500]
    details = payouts[1].destination_details.mobile_money
    assert (details.account_holder_name, details.last4) == ("Ngo, Marie", first[-4:])
    assert payouts[1].metadata["reference"] == "E-1"
    rows = merchant.rows("select line from payouts order by line")
    assert [row["line"] for row in rows] == [2, 3], "the lines of the file"


WRONG_FILES = [
    ("phone,amount\n+237670000001,500\n12,500\n+237670000001,5.5", {3: "phone", 4: "amount"}),
    ("phone,amount\n+237670000001,500,more\n+237670000001", {2: None, 3: None}),
    (
        "phone,amount,network\n+237670000001,500,wave\n+237690000000,500,moov",
        {2: "network", 3: "phone"},
    ),
    ("phone,amount\n+237670000001,1\n+237670000001,99999999", {2: "amount", 3: "amount"}),
    ("phone,amount\n+237670000001,-500\n=1+1,500", {2: "amount", 3: "phone"}),
    ('phone,amount\n+237670000001,500\n"+237670000001,500', {3: None}),
]


@pytest.mark.parametrize(
    ("text", "wrong"), WRONG_FILES, ids=[str(n) for n in range(len(WRONG_FILES))]
)
def test_every_wrong_line_of_a_file_is_named_and_nothing_moves(
    merchant: Merchant, text: str, wrong: dict[int, str | None]
) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    reply = upload(merchant, text)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["code"], error["param"]) == ("payout_batch_invalid", "file")
    assert {each["line"]: each["param"] for each in error["lines"]} == wrong
    assert balance(merchant, AVAILABLE) == before
    assert merchant.rows("select id from payout_batches") == []


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "parameter_missing", "lines"),
        ({"lines": []}, None, "lines"),
        ({"lines": [{"amount": 500}]}, "parameter_missing", "lines[0][phone]"),
        ({"lines": [{"amount": 0, "phone": "+237670000001"}]}, "payout_batch_invalid", "lines"),
        ({"lines": [{"amount": 500, "phone": "1"}] * 10_001}, None, "lines"),
        ({"lines": [{"amount": 500, "phone": "1"}], "currency": "zzz"}, None, "currency"),
        (
            {"lines": [{"amount": 900_000, "phone": "+237670000001"}] * 2},
            "balance_insufficient",
            None,
        ),
    ],
    ids=["nothing", "no line", "no phone", "no amount", "too many", "no currency", "no money"],
)
def test_a_wrong_batch_moves_nothing(
    merchant: Merchant, body: dict[str, Any], code: str | None, param: str | None
) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    reply = post(merchant, body)
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert (error.get("code"), error.get("param")) == (code, param)
    assert balance(merchant, AVAILABLE) == before
    assert merchant.rows("select id from payout_batches") == []


@pytest.mark.parametrize("text", ["", "amount\n500", "phone,amount,pin\n1,2,3", "\0", "phone"])
def test_a_file_without_the_columns_is_refused(merchant: Merchant, text: str) -> None:
    reply = upload(merchant, text)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "file")


def test_a_batch_that_is_asked_for_twice_is_one(merchant: Merchant) -> None:
    fund(merchant)
    before = balance(merchant, AVAILABLE)
    body = {"lines": [{"amount": 500, "phone": cameroonian()}]}
    first, second = (post(merchant, body, "november").json() for _ in range(2))
    assert first["id"] == second["id"]
    assert balance(merchant, AVAILABLE) == before - 500
    listed = httpx.get(
        f"{merchant.stack.base}/v1/payout_batches",
        headers={"Authorization": f"Bearer {merchant.secret_key}"},
    ).json()
    assert [each["id"] for each in listed["data"]] == [first["id"]]


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose parts may be killed."""
    process, stack = start_stack(tmp_path / "state")
    yield stack
    stop_stack(process)


def test_a_worker_that_is_killed_again_and_again_makes_each_line_once(fragile: Stack) -> None:
    merchant = new_merchant(fragile)
    fund(merchant, 2_000_000)
    before = balance(merchant, AVAILABLE)
    lines = [{"amount": 200, "phone": "+237670000001"} for _ in range(6_000)]
    reply = post(merchant, {"lines": lines})
    assert reply.status_code == 200, reply.text
    batch = reply.json()["id"]

    async def kill_the_worker() -> int:
        killer, until = Killer(fragile.pid), time.monotonic() + 6
        while time.monotonic() < until:
            await asyncio.sleep(0.4)
            await killer.kill("worker", "while it makes payouts")
        return killer.kills.total()

    assert asyncio.run(kill_the_worker()) > 2

    def made() -> bool:
        rows = merchant.rows("select count(*) from payouts where batch = $1", batch)
        return bool(rows[0][0] == 6_000)

    eventually(made, 400)
    rows = merchant.rows("select count(distinct line) from payouts where batch = $1", batch)
    assert rows[0][0] == 6_000
    assert balance(merchant, "merchant:reserved") == 0
    assert balance(merchant, AVAILABLE) == before - 6_000 * 200
    assert_books_hold(merchant)


def test_a_payout_whose_worker_is_killed_is_sent_once(fragile: Stack) -> None:
    merchant = new_merchant(fragile)
    fund(merchant)
    fill_float(merchant)
    lines = [{"amount": 300, "phone": cameroonian()} for _ in range(60)]
    batch = post(merchant, {"lines": lines}).json()["id"]

    async def kill_them() -> None:
        killer = Killer(fragile.pid)
        for part in ("worker", "sandbox", "worker"):
            await asyncio.sleep(0.5)
            await killer.kill(part, "while payouts are sent")  # type: ignore[arg-type]

    asyncio.run(kill_them())
    done = completed(merchant, batch, 240)
    assert done["progress"]["paid"]["count"] == 60
    assert sent(merchant, batch) == [300] * 60
    assert_books_hold(merchant)
