"""The PayGate sandbox over real HTTP: numbers with many meanings, pages, callbacks, crashes."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from boundary_kinds import final
from sandbox_servers import Receiver, SandboxPsp, listen, url_of
from single_psp import process, psp_at

from providers.boundary import Answer, Charge, DeclineCode, Payout, Verdict
from providers.paygate import Paygate
from providers.sandbox.book import Book
from providers.sandbox.paygate import Settings, create_app
from providers.sandbox.paygate.tables import ACCOUNTS, DEMO_TOKEN, demo_account
from providers.sandbox.script import Script

QUICK = Settings(approval_delay=0.05, delayed_approval=0.4, expiry=0.6, initial_balance=100_000)
OTHER_TOKEN = next(token for token in ACCOUNTS if token != DEMO_TOKEN)
PAY, DISBURSE = "/api/v1/pay", "/api/v1/disburse"
STATUS, STATUS_V1, BALANCE = "/api/v2/status", "/api/v1/status", "/api/v1/check-balance"

CLIENT_TIMEOUT = 5.0  # answers are lost by a reset, which needs no impatience


def paygate_at(settings: Settings) -> Any:
    return psp_at("paygate", lambda url: create_app(Book(None), Script(), url, settings))


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxPsp]:
    with paygate_at(QUICK) as psp:
        yield psp


@pytest.fixture
def psp(shared: SandboxPsp) -> Iterator[SandboxPsp]:
    """One for the module. Ask its book by reference only."""
    yield shared
    shared.clear()


@pytest.fixture
def adapter(psp: SandboxPsp, client: httpx.AsyncClient) -> Paygate:
    return Paygate(demo_account(psp.url), client)


def call(psp: SandboxPsp, path: str, **fields: Any) -> Any:
    """The answer to a call; a field given as None is left out."""
    body = {"auth_token": DEMO_TOKEN} | fields
    body = {name: value for name, value in body.items() if value is not None}
    return httpx.post(psp.url + path, json=body, trust_env=False, timeout=5).json()


def pay(psp: SandboxPsp, **changes: Any) -> Any:
    fields = {
        "phone_number": "90123456",
        "amount": 1200,
        "identifier": uuid4().hex,
        "network": "TMONEY",
        "description": "Order 1",
    }
    return call(psp, PAY, **(fields | changes))


def disburse(psp: SandboxPsp, **changes: Any) -> Any:
    fields = {
        "phone_number": "96123456",
        "amount": 1200,
        "reason": "Refund",
        "network": "FLOOZ",
        "reference": uuid4().hex,
    }
    return call(psp, DISBURSE, **(fields | changes))


def ended(psp: SandboxPsp, identifier: str) -> dict[str, Any]:
    """What status says once it no longer says 2."""
    deadline = time.monotonic() + 3
    while (shown := call(psp, STATUS, identifier=identifier))["status"] == 2:
        assert time.monotonic() < deadline, "still pending"
        time.sleep(0.02)
    answer: dict[str, Any] = shown
    return answer


# --- The protocol ---


@pytest.mark.parametrize(("network", "said"), [("FLOOZ", "FLOOZ"), ("TMONEY", "T-Money")])
def test_a_payment_step_by_step(psp: SandboxPsp, network: str, said: str) -> None:
    identifier = uuid4().hex
    begun = pay(psp, identifier=identifier, network=network)
    assert begun.keys() == {"tx_reference", "status"}
    assert begun["status"] == 0  # registered; in a status call 0 is "paid"
    waiting = call(psp, STATUS, identifier=identifier)
    assert waiting["status"] in (2, 0)
    paid = ended(psp, identifier)
    assert paid.keys() == {
        "tx_reference", "identifier", "payment_reference", "status", "datetime", "payment_method",
    }  # fmt: skip
    assert (paid["status"], paid["payment_method"], paid["identifier"]) == (0, said, identifier)
    assert call(psp, STATUS_V1, tx_reference=begun["tx_reference"]) == paid
    [moved] = psp.movements(identifier)
    assert (moved["amount"], moved["currency"], moved["direction"]) == (1200, "xof", "in")


def test_an_identifier_is_used_once_for_ever_by_its_merchant(psp: SandboxPsp) -> None:
    identifier = uuid4().hex
    assert pay(psp, identifier=identifier)["status"] == 0
    assert pay(psp, identifier=identifier) == {"status": 6}
    assert pay(psp, identifier=identifier, amount=5000) == {"status": 6}
    assert pay(psp, identifier=identifier, auth_token=OTHER_TOKEN)["status"] == 0
    assert ended(psp, identifier)["status"] == 0


@pytest.mark.parametrize("token", ["", "wrong", None, 7, DEMO_TOKEN + " "])
def test_wrong_tokens(psp: SandboxPsp, token: Any) -> None:
    refused = {"status": 4 if token in (None, 7) else 2}
    assert pay(psp, auth_token=token) == refused
    assert disburse(psp, auth_token=token) == refused
    assert call(psp, BALANCE, auth_token=token) == refused
    for path, field in ((STATUS, "identifier"), (STATUS_V1, "tx_reference")):
        # No number there: 2 would be read as "pending" and 4 as "expired".
        assert call(psp, path, auth_token=token, **{field: "x"})["error_code"] == 400


@pytest.mark.parametrize(
    "changes",
    [
        *[{"phone_number": n} for n in ("", "9012345", "+22890123456", "22890123456", 90123456)],
        *[{"amount": a} for a in (99, 1_000_001, -1, "1200", 1200.5, None, True)],
        *[{"network": n} for n in ("", "MOOV", "flooz", "T-Money", None)],
    ],
)
def test_refused_parameters(psp: SandboxPsp, changes: dict[str, Any]) -> None:
    assert pay(psp, **changes) == {"status": 4}
    assert disburse(psp, **changes) == {"status": 4}


@pytest.mark.parametrize("changes", [{"identifier": ""}, {"identifier": None}, {"identifier": 7}])
def test_a_payment_needs_an_identifier(psp: SandboxPsp, changes: dict[str, Any]) -> None:
    assert pay(psp, **changes) == {"status": 4}


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"not json", b"\xff", b"[" * 10_000])
@pytest.mark.parametrize("path", [PAY, DISBURSE, STATUS, STATUS_V1, BALANCE])
def test_bodies_that_cannot_be_read(psp: SandboxPsp, path: str, body: bytes) -> None:
    answer = httpx.post(psp.url + path, content=body, trust_env=False, timeout=5)
    assert answer.status_code == 200
    assert answer.json().get("status", 4) == 4


def test_an_oversized_body_is_not_read(psp: SandboxPsp) -> None:
    answer = httpx.post(psp.url + PAY, content=b"x" * 300_000, trust_env=False, timeout=5)
    assert answer.status_code == 413


def test_what_nobody_has_heard_of(psp: SandboxPsp) -> None:
    theirs = uuid4().hex
    tx_reference = pay(psp, identifier=theirs, auth_token=OTHER_TOKEN)["tx_reference"]
    for path, question in (
        (STATUS, {"identifier": "never"}),
        (STATUS, {"identifier": theirs}),
        (STATUS_V1, {"tx_reference": "1"}),
        (STATUS_V1, {"tx_reference": tx_reference}),
    ):
        assert call(psp, path, **question)["error_code"] == 404


def test_the_same_reference_disbursed_twice_pays_twice(psp: SandboxPsp) -> None:
    reference = uuid4().hex
    assert [disburse(psp, reference=reference)["status"] for _ in "12"] == [200, 200]
    deadline = time.monotonic() + 3
    while len(psp.movements(reference)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_wallets_that_are_filled_and_emptied_apart() -> None:
    with paygate_at(replace(QUICK, initial_balance=2000)) as psp:
        assert disburse(psp, amount=2001) == {"status": 402}
        assert disburse(psp, amount=1500)["status"] == 200
        assert disburse(psp, amount=501) == {"status": 402}  # set aside at once
        assert call(psp, BALANCE) == {"flooz": 500, "tmoney": 2000, "status": 0}
        failed = uuid4().hex
        disburse(psp, amount=500, phone_number="96000051", reference=failed)
        assert ended(psp, failed)["status"] == 6
        assert call(psp, BALANCE)["flooz"] == 500  # put back
        paid = uuid4().hex
        pay(psp, identifier=paid, network="FLOOZ")
        assert ended(psp, paid)["status"] == 0
        assert call(psp, BALANCE) == {"flooz": 1700, "tmoney": 2000, "status": 0}


def test_a_list_of_addresses(psp: SandboxPsp) -> None:
    for operation, path in (("disburse", DISBURSE), ("balance", BALANCE)):
        psp.script(operation=operation, outcome="address_refused", times=1)
        body = {"auth_token": DEMO_TOKEN}
        answer = httpx.post(psp.url + path, json=body, trust_env=False)
        assert (answer.status_code, answer.json()["error_code"]) == (403, 403)


def test_numbers_may_come_as_text(psp: SandboxPsp) -> None:
    psp.script(operation="*", outcome="codes_as_text")
    identifier = uuid4().hex
    assert pay(psp, identifier=identifier)["status"] == "0"
    assert call(psp, BALANCE)["status"] == "0"
    assert call(psp, STATUS, identifier=identifier)["status"] in ("0", "2")


# --- The pages ---


def page_url(psp: SandboxPsp, **changes: str) -> httpx.URL:
    query = {
        "token": DEMO_TOKEN,
        "amount": "1200",
        "description": "Order 1",
        "identifier": uuid4().hex,
        "url": "https://m.example.test/back",
        "phone": "90123456",
        "network": "TOGOCEL",
    } | changes
    return httpx.URL(f"{psp.url}/v1/page", params=query)


def test_the_page_is_filled_in_and_pays_once(psp: SandboxPsp) -> None:
    identifier = uuid4().hex
    url = page_url(psp, identifier=identifier)
    page = httpx.get(url, trust_env=False)
    assert page.status_code == 200
    assert "1200 XOF" in page.text
    assert 'value="90123456"' in page.text
    assert "<option value=TOGOCEL selected>" in page.text
    form = {"phone": "96123456", "network": "MOOV"}
    done = httpx.post(url, data=form, trust_env=False)
    assert (done.status_code, 'href="https://m.example.test/back"' in done.text) == (200, True)
    assert httpx.post(url, data=form, trust_env=False).status_code == 400
    assert ended(psp, identifier)["payment_method"] == "FLOOZ"
    assert len(psp.movements(identifier)) == 1


@pytest.mark.parametrize(
    ("query", "form", "status"),
    [
        ({"token": "wrong"}, {}, 403),
        ({"amount": "12.5"}, {}, 400),
        ({"amount": "9" * 50}, {}, 400),
        ({"amount": "-1200"}, {}, 400),
        ({"identifier": ""}, {}, 400),
        ({"url": "javascript:alert(1)"}, {}, 400),
        ({"url": ""}, {}, 400),
        ({}, {"phone": "1"}, 400),
        ({}, {"network": "FLOOZ"}, 400),
        ({}, {"network": ""}, 400),
    ],
)
def test_pages_that_cannot_be_paid_on(
    psp: SandboxPsp, query: dict[str, str], form: dict[str, str], status: int
) -> None:
    typed = {"phone": "96123456", "network": "MOOV"} | form
    answer = httpx.post(page_url(psp, **query), data=typed, trust_env=False)
    assert answer.status_code == status
    assert "javascript:" not in answer.text


def test_nothing_of_a_page_is_markup(psp: SandboxPsp) -> None:
    evil = '"><script>alert(1)</script>'
    url = page_url(psp, amount=evil, description=evil, phone=evil, network=evil)
    for page in (httpx.get(url), httpx.post(url, data={"phone": evil, "network": evil})):
        assert evil not in page.text
        assert "alert(1)" in page.text


@pytest.mark.parametrize("path", ["/v1/page", "/dashboard"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"\xff\xfe=%%%"),
        ("multipart/form-data; boundary=x", b"--x\r\nrubbish"),
        ("multipart/form-data", b"rubbish"),
        ("application/json", b"{"),
    ],
)
def test_forms_that_cannot_be_read(psp: SandboxPsp, path: str, kind: str, body: bytes) -> None:
    url = page_url(psp) if path == "/v1/page" else f"{psp.url}{path}"
    answer = httpx.post(url, content=body, headers={"content-type": kind}, trust_env=False)
    assert answer.status_code == 400


# --- The adapter and the sandbox ---


def charge(payer: str = "+22890123456", **changes: Any) -> Charge:
    return Charge(str(uuid4()), 1200, "xof", payer, **changes)


async def settled(adapter: Paygate, sent: Charge) -> Answer:
    return await final(lambda: adapter.look_up(sent))


@pytest.mark.parametrize(
    ("payer", "verdict", "code"),
    [
        ("+22890000051", Verdict.DECLINED, DeclineCode.PAYER_DECLINED),
        ("+22890000052", Verdict.DECLINED, DeclineCode.EXPIRED),
        ("+22896000053", Verdict.DECLINED, DeclineCode.EXPIRED),
        ("+22896000054", Verdict.SUCCEEDED, None),
        ("+22896000055", Verdict.SUCCEEDED, None),
        ("+22890123451", Verdict.SUCCEEDED, None),
    ],
)
async def test_numbers_decide(
    psp: SandboxPsp, adapter: Paygate, payer: str, verdict: Verdict, code: DeclineCode | None
) -> None:
    sent = charge(payer)
    assert (await adapter.charge(sent)).verdict is Verdict.PENDING
    answer = await settled(adapter, sent)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert len(psp.movements(sent.reference)) == (verdict is Verdict.SUCCEEDED)


async def test_a_scripted_end_by_amount_and_by_number(psp: SandboxPsp, adapter: Paygate) -> None:
    psp.script(outcome="cancelled", amount=1200, payer="90123456", times=1)
    for verdict in (Verdict.DECLINED, Verdict.SUCCEEDED):
        sent = charge()
        await adapter.charge(sent)
        assert (await settled(adapter, sent)).verdict is verdict


async def test_a_lost_disbursement_is_found_and_not_sent_again(
    psp: SandboxPsp, adapter: Paygate
) -> None:
    payout = Payout(str(uuid4()), 600, "xof", "+22896123456")
    psp.script(operation="disburse", fault="timeout_after_accepting", fault_seconds=1, times=1)
    assert (await adapter.pay_out(payout)).verdict is Verdict.UNKNOWN
    answer = await final(lambda: adapter.look_up_payout(payout))
    assert answer.verdict is Verdict.SUCCEEDED
    assert len(psp.movements(payout.reference)) == 1


# --- Callbacks ---


def subscribe(psp: SandboxPsp, url: str, token: str = DEMO_TOKEN) -> int:
    form = {"auth_token": token, "url": url}
    return httpx.post(f"{psp.url}/dashboard", data=form, trust_env=False).status_code


def test_the_dashboard_takes_an_address_per_account(psp: SandboxPsp) -> None:
    assert "<form" in httpx.get(f"{psp.url}/dashboard", trust_env=False).text
    assert subscribe(psp, "https://m.example.test/cb", "wrong") == 400
    assert subscribe(psp, "javascript:alert(1)") == 400
    assert subscribe(psp, "") == 200


@pytest.mark.parametrize(
    ("behaviour", "counts"),
    [("normal", (1, 1)), ("lost", (0, 0)), ("doubled", (2, 2)), ("late", (0, 1))],
)
async def test_callback_behaviour(
    psp: SandboxPsp,
    adapter: Paygate,
    receiver: Receiver,
    behaviour: str,
    counts: tuple[int, int],
) -> None:
    assert subscribe(psp, f"{receiver.url}/cb") == 200
    psp.script(callback=behaviour, callback_seconds=1)
    sent = charge()
    await adapter.charge(sent)
    assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED  # whatever is heard of it
    await asyncio.sleep(0.3)
    soon = len(receiver.callbacks)
    if counts[1]:
        await asyncio.to_thread(receiver.wait_for, counts[1])
    assert (soon, len(receiver.callbacks)) == counts
    for callback in receiver.callbacks:
        assert json.loads(callback.body).keys() == {
            "tx_reference", "identifier", "payment_reference", "datetime", "payment_method",
            "amount", "phone_number",
        }  # fmt: skip
        assert adapter.read_callback(callback.headers, callback.body) == sent.reference


async def test_failures_and_disbursements_call_nobody_back(
    psp: SandboxPsp, adapter: Paygate, receiver: Receiver
) -> None:
    assert subscribe(psp, f"{receiver.url}/cb") == 200
    failed, payout = charge("+22890000051"), Payout(str(uuid4()), 600, "xof", "+22896123456")
    await adapter.charge(failed)
    await adapter.pay_out(payout)
    assert (await settled(adapter, failed)).verdict is Verdict.DECLINED
    await final(lambda: adapter.look_up_payout(payout))
    await asyncio.sleep(0.1)
    assert receiver.callbacks == []


# --- Crashes ---


async def test_kill_9_loses_nothing(
    tmp_path: Path, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    with listen() as free:
        url = url_of(free)
    psp = SandboxPsp(f"{url}/paygate")
    adapter = Paygate(demo_account(psp.url), client)
    sent, payout = charge(), Payout(str(uuid4()), 600, "xof", "+22896123456")
    with process(tmp_path, url):
        subscribe(psp, f"{receiver.url}/cb")
        psp.script(operation="*", delay=1.0)
        before = call(psp, BALANCE)
        assert (await adapter.charge(sent)).verdict is Verdict.PENDING
        assert (await adapter.pay_out(payout)).verdict is Verdict.PENDING
    with process(tmp_path, url):
        assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED
        paid_out = await final(lambda: adapter.look_up_payout(payout))
        assert paid_out.verdict is Verdict.SUCCEEDED
        assert pay(psp, identifier=sent.reference) == {"status": 6}
        receiver.wait_for(1)
    with process(tmp_path, url):
        after = call(psp, BALANCE)
        assert after["tmoney"] == before["tmoney"] + 1200
        assert after["flooz"] == before["flooz"] - 600
        for reference in (sent.reference, payout.reference):
            assert len(psp.movements(reference)) == 1
