"""The sandbox of Orange Money Cameroon over real HTTP: refusals, numbers, callbacks, crashes."""

import asyncio
import json
import re
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sandbox_servers import Receiver, Sandbox, SandboxPsp, listen, url_of
from single_psp import process, psp_at

from providers.boundary import Answer, Charge, DeclineCode, Payout, Verdict, Wallet
from providers.orange_cm import OrangeCm
from providers.orange_cm_calls import order_id
from providers.sandbox.book import Book
from providers.sandbox.orange_cm import Settings, create_app
from providers.sandbox.orange_cm.tables import (
    API_USER,
    CHANNEL_MSISDN,
    CONSUMER,
    PIN,
    demo_account,
)
from providers.sandbox.script import Script

QUICK = Settings(approval_delay=0.05, delayed_approval=0.4, initial_float=10_000)


@contextmanager
def orange_at(book: Book, settings: Settings = QUICK) -> Iterator[SandboxPsp]:
    with psp_at("orange_cm", lambda url: create_app(book, Script(), url, settings)) as psp:
        yield psp


@pytest.fixture
def orange() -> Iterator[SandboxPsp]:
    with orange_at(Book(None)) as psp:
        yield psp


@pytest.fixture
def adapter(orange: SandboxPsp, client: httpx.AsyncClient) -> OrangeCm:
    return OrangeCm(demo_account(orange.url), client)


def charge(payer: str = "+237690000000", amount: int = 500, **changes: Any) -> Charge:
    return replace(Charge(str(uuid.uuid4()), amount, "xaf", payer), **changes)


def payout(recipient: str = "+237690000000", amount: int = 500) -> Payout:
    return Payout(str(uuid.uuid4()), amount, "xaf", recipient)


async def prepared(adapter: OrangeCm, charge: Charge) -> Charge:
    answer = await adapter.prepare(charge)
    assert answer.verdict is Verdict.PENDING, answer.evidence
    return replace(charge, provider_reference=answer.provider_reference)


async def prepared_payout(adapter: OrangeCm, payout: Payout) -> Payout:
    answer = await adapter.prepare_payout(payout)
    assert answer.verdict is Verdict.PENDING, answer.evidence
    return replace(payout, provider_reference=answer.provider_reference)


async def settled(adapter: OrangeCm, charge: Charge, seconds: float = 4.0) -> Answer:
    """The first answer of `look_up` that is not PENDING."""
    deadline = time.monotonic() + seconds
    while (answer := await adapter.look_up(charge)).verdict is Verdict.PENDING:
        assert time.monotonic() < deadline, "still pending"
        await asyncio.sleep(0.02)
    return answer


# --- The protocol, refusal by refusal ---

BASE = "/omcoreapis/1.0.2"
X_AUTH_TOKEN = b64encode(":".join(API_USER).encode()).decode()


@pytest.fixture(scope="module")
def anyone() -> Iterator[httpx.Client]:
    """A client without credentials, of one sandbox that all tests of refusals share."""
    with (
        orange_at(Book(None), replace(QUICK, approval_delay=0.3)) as psp,
        httpx.Client(base_url=psp.url, trust_env=False) as http,
    ):
        yield http


@pytest.fixture
def wire(anyone: httpx.Client) -> Iterator[httpx.Client]:
    """The same client, with headers that Orange accepts."""
    before = anyone.headers.copy()
    form = {"grant_type": "client_credentials"}
    token = anyone.post("/token", auth=CONSUMER, data=form).json()["access_token"]
    anyone.headers.update({"Authorization": f"Bearer {token}", "X-AUTH-TOKEN": X_AUTH_TOKEN})
    yield anyone
    anyone.headers = before


def init(wire: httpx.Client, kind: str = "mp") -> str:
    pay_token: str = wire.post(f"{BASE}/{kind}/init").json()["data"]["payToken"]
    return pay_token


def body_for(pay_token: str, **changes: Any) -> dict[str, Any]:
    return {
        "notifUrl": "http://127.0.0.1:9/om/cb/1",
        "channelUserMsisdn": CHANNEL_MSISDN,
        "amount": "100",
        "subscriberMsisdn": "690000001",
        "pin": PIN,
        "orderId": "12345",
        "description": "Payment Description",
        "payToken": pay_token,
    } | changes


def status(wire: httpx.Client, pay_token: str, kind: str = "mp") -> dict[str, Any]:
    record: dict[str, Any] = wire.get(f"{BASE}/{kind}/paymentstatus/{pay_token}").json()["data"]
    return record


def test_a_token_is_shared_and_its_life_shrinks(anyone: httpx.Client) -> None:
    form = {"grant_type": "client_credentials"}
    first = anyone.post("/token", auth=CONSUMER, data=form)
    assert first.status_code == 200
    said = first.json()
    assert (said["scope"], said["token_type"]) == ("am_application_scope default", "Bearer")
    assert str(uuid.UUID(said["access_token"])) == said["access_token"]
    time.sleep(1.1)
    second = anyone.post("/token", auth=CONSUMER, data=form).json()
    assert second["access_token"] == said["access_token"]
    assert second["expires_in"] < said["expires_in"] <= 3600


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"data": {"grant_type": "client_credentials"}}, (401, "invalid_client")),
        (
            {"auth": (CONSUMER[0], "wrong"), "data": {"grant_type": "client_credentials"}},
            (401, "invalid_client"),
        ),
        ({"auth": CONSUMER}, (400, "unsupported_grant_type")),
        ({"auth": CONSUMER, "data": {"grant_type": "password"}}, (400, "unsupported_grant_type")),
        ({"auth": CONSUMER, "content": b"\xff\x00=&&"}, (400, "unsupported_grant_type")),
    ],
)
def test_refused_tokens(
    anyone: httpx.Client, options: dict[str, Any], refusal: tuple[int, str]
) -> None:
    answer = anyone.post("/token", **options)
    assert (answer.status_code, answer.json()["error"]) == refusal


CALLS = [
    ("POST", "/mp/init"),
    ("POST", "/mp/pay"),
    ("GET", "/mp/push/MP1"),
    ("GET", "/mp/paymentstatus/MP1"),
    ("POST", "/cashin/init"),
    ("POST", "/cashin/pay"),
    ("GET", "/cashin/paymentstatus/CI1"),
    ("POST", "/infos/subscriber/customer/690000000"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": None}, 900902),
        ({"X-AUTH-TOKEN": None}, 900902),
        ({"Authorization": "Bearer wrong"}, 900901),
        ({"Authorization": "Basic Og=="}, 900901),
        ({"X-AUTH-TOKEN": "wrong"}, 900901),
    ],
)
def test_every_call_wants_both_tokens(
    wire: httpx.Client, method: str, path: str, headers: dict[str, str | None], code: int
) -> None:
    request = wire.build_request(method, BASE + path)
    for name, value in headers.items():
        del request.headers[name]
        if value is not None:
            request.headers[name] = value
    answer = wire.send(request)
    assert (answer.status_code, answer.json()["fault"]["code"]) == (401, code)


def test_a_fault_is_xml_for_those_who_want_it(wire: httpx.Client) -> None:
    answer = wire.get(f"{BASE}/nothing", headers={"Accept": "application/xml"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/xml")
    assert b"<ams:code>900906</ams:code>" in answer.content
    assert wire.delete(f"{BASE}/mp/init").json()["fault"]["code"] == 900906


def test_an_expired_token_is_a_fault() -> None:
    with orange_at(Book(None), replace(QUICK, token_lifetime=0.0)) as psp:
        form = {"grant_type": "client_credentials"}
        token = httpx.post(f"{psp.url}/token", auth=CONSUMER, data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "X-AUTH-TOKEN": X_AUTH_TOKEN}
        answer = httpx.post(f"{psp.url}{BASE}/mp/init", headers=headers)
        assert (answer.status_code, answer.json()["fault"]["code"]) == (401, 900901)


def test_a_payment_step_by_step(wire: httpx.Client) -> None:
    made = wire.post(f"{BASE}/mp/init").json()
    pay_token = made["data"]["payToken"]
    assert made["message"] == "Payment request successfully initiated"
    assert re.fullmatch(r"MP\d{6}[0-9A-F]{20}", pay_token)
    blank = status(wire, pay_token)
    assert {name for name, value in blank.items() if value is not None} == {
        "id", "createtime", "payToken", "status",
    }  # fmt: skip
    assert blank["status"] == "INITIATED"

    paid = wire.post(f"{BASE}/mp/pay", json=body_for(pay_token))
    assert paid.status_code == 200
    record = paid.json()["data"]
    assert paid.json()["message"] == "Merchant payment successfully initiated"
    assert re.fullmatch(r"MP\d{6}\.\d{4}\.[A-Z]\d{5}", record["txnid"])
    assert record == blank | {
        "subscriberMsisdn": "690000001",
        "amount": 100,
        "txnid": record["txnid"],
        "txnmode": "12345",
        "inittxnmessage": record["inittxnmessage"],
        "inittxnstatus": "200",
        "status": "PENDING",
        "notifUrl": "http://127.0.0.1:9/om/cb/1",
        "description": "Payment Description",
        "channelUserMsisdn": CHANNEL_MSISDN,
    }
    pushed = wire.get(f"{BASE}/mp/push/{pay_token}")
    assert pushed.json() == {"message": "Push sent to customer", "data": record}

    deadline = time.monotonic() + 3.0
    while (final := status(wire, pay_token))["status"] == "PENDING":
        assert time.monotonic() < deadline, "still pending"
        time.sleep(0.05)
    assert (final["status"], final["confirmtxnstatus"]) == ("SUCCESSFULL", "200")
    assert record["txnid"] in final["confirmtxnmessage"]
    assert wire.get(f"{BASE}/mp/push/{pay_token}").status_code == 422


def test_a_pay_token_serves_once(wire: httpx.Client) -> None:
    pay_token = init(wire)
    assert wire.post(f"{BASE}/mp/pay", json=body_for(pay_token)).status_code == 200
    for changes in ({}, {"amount": "1"}, {"subscriberMsisdn": "690000065"}):
        again = wire.post(f"{BASE}/mp/pay", json=body_for(pay_token, **changes))
        assert again.status_code == 422
    assert status(wire, pay_token)["amount"] == 100


def test_a_pay_token_expires_blank_and_serves_no_more() -> None:
    with (
        orange_at(Book(None), replace(QUICK, pay_token_life=0.0)) as psp,
        httpx.Client(base_url=psp.url, trust_env=False) as http,
    ):
        form = {"grant_type": "client_credentials"}
        token = http.post("/token", auth=CONSUMER, data=form).json()["access_token"]
        http.headers.update({"Authorization": f"Bearer {token}", "X-AUTH-TOKEN": X_AUTH_TOKEN})
        pay_token = init(http)
        record = status(http, pay_token)
        assert (record["status"], record["amount"], record["txnid"]) == ("EXPIRED", None, None)
        assert http.post(f"{BASE}/mp/pay", json=body_for(pay_token)).status_code == 422


def test_a_cash_in_is_done_at_once(wire: httpx.Client) -> None:
    pay_token = init(wire, "cashin")
    assert re.fullmatch(r"CI\d{6}[0-9A-F]{20}", pay_token)
    assert status(wire, pay_token, "cashin")["status"] == "INITIATED"
    assert wire.get(f"{BASE}/mp/paymentstatus/{pay_token}").status_code == 404
    done = wire.post(f"{BASE}/cashin/pay", json=body_for(pay_token, amount="98"))
    assert (done.status_code, done.json()["message"]) == (200, "Cash in performed successfully")
    record = done.json()["data"]
    assert re.fullmatch(r"CI\d{6}\.\d{4}\.[A-Z]\d{5}", record.pop("txnid"))
    assert record.pop("createtime").isdigit()
    assert record == {
        "subscriberMsisdn": "690000001",
        "amount": 98,
        "payToken": pay_token,
        "txnmode": "12345",
        "txnstatus": "200",
        "orderId": "12345",
        "status": "SUCCESSFULL",
        "channelUserMsisdn": CHANNEL_MSISDN,
        "description": "Payment Description",
    }
    assert wire.post(f"{BASE}/cashin/pay", json=body_for(pay_token)).status_code == 422


@pytest.mark.parametrize("kind", ["mp", "cashin"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pin": "0000"}, "60021"),
        ({"channelUserMsisdn": "690000000"}, "00671"),
        ({"subscriberMsisdn": "237690000001"}, "00671"),  # numbers are national
        ({"subscriberMsisdn": "+237690000001"}, "00671"),
        ({"subscriberMsisdn": ""}, "00671"),
        ({"subscriberMsisdn": "690000055"}, "99051"),
        ({"subscriberMsisdn": "690000065"}, "60019"),
    ],
)
def test_business_refusals_are_417(
    wire: httpx.Client, kind: str, changes: dict[str, Any], code: str
) -> None:
    pay_token = init(wire, kind)
    answer = wire.post(f"{BASE}/{kind}/pay", json=body_for(pay_token, **changes))
    assert answer.status_code == 417
    assert answer.json()["message"].startswith(f"{code} :: ")
    record = answer.json()["data"]
    assert (record["status"], record["txnid"]) == ("FAILED", None)
    assert record["inittxnstatus" if kind == "mp" else "txnstatus"] == code
    assert status(wire, pay_token, kind) == record


@pytest.mark.parametrize("kind", ["mp", "cashin"])
@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 100},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "1.5"},
        {"amount": "1e3"},
        {"amount": ""},
        {"amount": "1" * 10},
        {"orderId": "5f0f8a52-6b0f"},
        {"orderId": "x" * 21},
        {"orderId": ""},
        {"orderId": None},
        {"pin": 482913},
        {"subscriberMsisdn": None},
    ],
)
def test_malformed_bodies_are_400(wire: httpx.Client, kind: str, changes: dict[str, Any]) -> None:
    pay_token = init(wire, kind)
    answer = wire.post(f"{BASE}/{kind}/pay", json=body_for(pay_token, **changes))
    assert answer.status_code == 400
    assert status(wire, pay_token, kind)["status"] == "INITIATED"  # it still serves


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 10_000, b"a=b"])
@pytest.mark.parametrize("path", ["/mp/pay", "/cashin/pay", "/infos/subscriber/customer/69"])
def test_bodies_that_are_none_at_all(wire: httpx.Client, path: str, body: bytes) -> None:
    assert wire.post(BASE + path, content=body).status_code == 400


def test_unknown_pay_tokens(wire: httpx.Client) -> None:
    for pay_token in ("MP22120771FEB7B21FD2381C3786", "x", "%00", "é"):
        assert wire.get(f"{BASE}/mp/paymentstatus/{pay_token}").status_code == 404
        assert wire.get(f"{BASE}/mp/push/{pay_token}").status_code == 404
        pay = wire.post(f"{BASE}/mp/pay", json=body_for(pay_token))
        assert pay.status_code == 404


def test_no_pin_and_no_token_reaches_the_request_log(orange: SandboxPsp) -> None:
    with httpx.Client(base_url=orange.url, trust_env=False) as http:
        form = {"grant_type": "client_credentials"}
        token = http.post("/token", auth=CONSUMER, data=form).json()["access_token"]
        http.headers.update({"Authorization": f"Bearer {token}", "X-AUTH-TOKEN": X_AUTH_TOKEN})
        http.post(f"{BASE}/mp/pay", json=body_for(init(http)))
        # As other clients may write it, and as nobody should.
        for content in ('{"pin" : "482913"', '{"Pin":482913}', "pin=482913&x=1"):
            http.post(f"{BASE}/mp/pay", content=content.encode())
        http.post(f"{BASE}/infos/subscriber/customer/690000000", json={"pin": PIN})
        page = http.get("/control").text
    log = json.dumps(orange.requests())
    assert log.count("[hidden]") >= 6
    basic = b64encode(":".join(CONSUMER).encode()).decode()
    for secret in (PIN, X_AUTH_TOKEN, token, basic):
        assert secret not in log
        assert secret not in page


# --- The adapter and the sandbox ---


@pytest.mark.parametrize(
    ("suffix", "verdict", "code", "reason"),
    [
        ("00", Verdict.SUCCEEDED, None, None),
        ("50", Verdict.DECLINED, DeclineCode.PROVIDER_ERROR, "FAILED"),
        ("51", Verdict.DECLINED, DeclineCode.PAYER_DECLINED, "CANCELLED"),
        ("52", Verdict.DECLINED, DeclineCode.EXPIRED, "EXPIRED"),
        ("54", Verdict.SUCCEEDED, None, None),
    ],
)
async def test_numbers_of_subscribers_who_are_prompted(
    orange: SandboxPsp,
    adapter: OrangeCm,
    suffix: str,
    verdict: Verdict,
    code: DeclineCode | None,
    reason: str | None,
) -> None:
    orange.script(payer="690000052", delay=0.5)  # instead of seven minutes
    sent = await prepared(adapter, charge(f"+2376900000{suffix}"))
    assert (await adapter.look_up(sent)).verdict is Verdict.NOT_SENT
    assert (await adapter.charge(sent)).verdict is Verdict.PENDING
    assert (await adapter.push(sent)).verdict is Verdict.PENDING
    answer = await settled(adapter, sent)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.evidence["body"].get("reason") == reason
    assert answer.provider_reference == sent.provider_reference
    moved = [500] if verdict is Verdict.SUCCEEDED else []
    assert [m["amount"] for m in orange.movements(order_id(sent.reference))] == moved


REFUSED_NUMBERS = {
    "55": ("99051", DeclineCode.PAYER_NOT_FOUND),
    "56": ("00671", DeclineCode.PAYER_NOT_FOUND),
    "57": ("0066111", DeclineCode.PAYER_NOT_FOUND),
    "65": ("60019", DeclineCode.INSUFFICIENT_FUNDS),
    "66": ("60019", DeclineCode.INSUFFICIENT_FUNDS),
}


@pytest.mark.parametrize("suffix", REFUSED_NUMBERS)
async def test_numbers_that_are_refused(orange: SandboxPsp, adapter: OrangeCm, suffix: str) -> None:
    reason, code = REFUSED_NUMBERS[suffix]
    sent = await prepared(adapter, charge(f"+2376900000{suffix}"))
    for answer in (await adapter.charge(sent), await adapter.look_up(sent)):
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code)
        assert answer.evidence["body"]["reason"] == reason
    pay = next(entry for entry in orange.requests() if entry["path"].endswith("/mp/pay"))
    assert pay["status"] == (200 if suffix == "66" else 417)
    out = await prepared_payout(adapter, payout(f"+2376900000{suffix}"))
    for answer in (await adapter.pay_out(out), await adapter.look_up_payout(out)):
        assert answer.verdict is Verdict.DECLINED
        assert answer.evidence["body"]["reason"] == reason
    assert orange.movements() == []


async def test_cash_ins_come_out_of_the_merchants_float(
    orange: SandboxPsp, adapter: OrangeCm
) -> None:
    for amount, verdict in ((9_000, Verdict.SUCCEEDED), (1_001, Verdict.DECLINED)):
        out = await prepared_payout(adapter, payout(amount=amount))
        assert (await adapter.look_up_payout(out)).verdict is Verdict.NOT_SENT
        for answer in (await adapter.pay_out(out), await adapter.look_up_payout(out)):
            assert answer.verdict is verdict
    assert answer.decline_code is DeclineCode.FLOAT_INSUFFICIENT
    taken = await prepared(adapter, charge(amount=1))
    await adapter.charge(taken)
    await settled(adapter, taken)
    out = await prepared_payout(adapter, payout(amount=1_001))
    assert (await adapter.pay_out(out)).verdict is Verdict.SUCCEEDED
    moved = [(m["direction"], m["amount"]) for m in orange.movements()]
    assert moved == [("out", 9_000), ("in", 1), ("out", 1_001)]


async def test_an_expired_pay_token_is_replaced_and_a_living_one_is_kept(
    client: httpx.AsyncClient,
) -> None:
    with orange_at(Book(None), replace(QUICK, pay_token_life=2.0)) as psp:
        adapter = OrangeCm(demo_account(psp.url), client)
        sent = await prepared(adapter, charge())
        assert (await prepared(adapter, sent)) == sent
        await asyncio.sleep(2.0)
        assert (await adapter.look_up(sent)).verdict is Verdict.NOT_SENT
        refreshed = await prepared(adapter, sent)
        assert refreshed.provider_reference != sent.provider_reference
        # Even if somebody still tried the old one.
        assert (await adapter.charge(sent)).verdict is Verdict.UNKNOWN
        assert (await adapter.charge(refreshed)).verdict is Verdict.PENDING
        assert (await settled(adapter, refreshed)).verdict is Verdict.SUCCEEDED
        assert len(psp.movements(order_id(sent.reference))) == 1


async def test_twenty_at_once_with_one_pay_token_move_money_once(
    orange: SandboxPsp, adapter: OrangeCm
) -> None:
    sent = await prepared(adapter, charge())
    answers = await asyncio.gather(*(adapter.charge(sent) for _ in range(20)))
    assert sorted(answer.verdict for answer in answers)[:2] == [Verdict.PENDING, Verdict.UNKNOWN]
    assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED
    out = await prepared_payout(adapter, payout())
    await asyncio.gather(*(adapter.pay_out(out) for _ in range(20)))
    assert (await adapter.look_up_payout(out)).verdict is Verdict.SUCCEEDED
    for reference in (sent.reference, out.reference):
        assert len(orange.movements(order_id(reference))) == 1


async def test_questions_about_people(adapter: OrangeCm) -> None:
    assert await adapter.wallet("+237690000001") == Wallet(active=True, holder="SAND BOX")
    assert await adapter.wallet("+237690000055") == Wallet(active=False)
    assert await adapter.wallet("+237690000056") == Wallet(active=False)
    assert await adapter.wallet("+237690000065") == Wallet(active=True, holder="SAND BOX")


@pytest.mark.parametrize(
    "change", [{"consumer_secret": "x"}, {"api_password": "x"}, {"consumer_key": ""}]
)
async def test_wrong_credentials(
    orange: SandboxPsp, client: httpx.AsyncClient, change: dict[str, str]
) -> None:
    adapter = OrangeCm(replace(demo_account(orange.url), **change), client)
    answer = await adapter.check_credentials()
    assert answer.decline_code is DeclineCode.CONFIGURATION
    assert (await adapter.prepare(charge())).verdict in (Verdict.DECLINED, Verdict.NOT_SENT)


async def test_a_wrong_pin_is_refused_by_its_code(
    orange: SandboxPsp, client: httpx.AsyncClient
) -> None:
    adapter = OrangeCm(replace(demo_account(orange.url), pin="0000"), client)
    sent = await prepared(adapter, charge())
    answer = await adapter.charge(sent)
    assert (answer.verdict, answer.evidence["body"]["reason"]) == (Verdict.DECLINED, "60021")
    assert await adapter.wallet("+237690000001") is None


# --- The script, and callbacks ---


async def test_a_scripted_delay_by_amount(orange: SandboxPsp, adapter: OrangeCm) -> None:
    orange.script(amount=777, payer="690000000", delay=0.8)
    late, usual = await prepared(adapter, charge(amount=777)), await prepared(adapter, charge())
    for sent in (late, usual):
        await adapter.charge(sent)
    assert (await settled(adapter, usual)).verdict is Verdict.SUCCEEDED
    assert (await adapter.look_up(late)).verdict is Verdict.PENDING
    assert (await settled(adapter, late)).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize("operation", ["token", "init"])
async def test_a_fault_before_pay_sends_nothing(
    orange: SandboxPsp, adapter: OrangeCm, operation: str
) -> None:
    for fault in ("reset_after_accepting", "error_500", "unparsable_after_accepting"):
        orange.script(operation=operation, fault=fault, times=1)
        assert (await adapter.prepare(charge())).verdict is Verdict.NOT_SENT


@pytest.mark.parametrize(
    ("suffix", "body"),
    [
        ("00", {"status": "SUCCESSFULL", "message": "Transaction completed"}),
        ("50", {"status": "FAILED", "message": "Transaction failed"}),
        ("51", {"status": "FAILED", "message": "Transaction failed"}),
    ],
)
async def test_callbacks_are_unsigned_and_sent_once(
    adapter: OrangeCm, receiver: Receiver, suffix: str, body: dict[str, str]
) -> None:
    sent = charge(f"+2376900000{suffix}", callback_url=f"{receiver.url}/cb/1")
    sent = await prepared(adapter, sent)
    await adapter.charge(sent)
    await asyncio.to_thread(receiver.wait_for, 1)
    await asyncio.sleep(0.1)
    [callback] = receiver.callbacks
    assert (callback.method, callback.path) == ("POST", "/cb/1")
    assert json.loads(callback.body) == body | {"payToken": sent.provider_reference}
    assert adapter.read_callback(callback.headers, callback.body) is None


@pytest.mark.parametrize(
    ("behaviour", "counts"),
    [("lost", (0, 0)), ("doubled", (2, 2)), ("late", (0, 1))],
)
async def test_callback_behaviour(
    orange: SandboxPsp,
    adapter: OrangeCm,
    receiver: Receiver,
    behaviour: str,
    counts: tuple[int, int],
) -> None:
    orange.script(callback=behaviour, callback_seconds=0.4)
    sent = await prepared(adapter, charge(callback_url=f"{receiver.url}/cb/1"))
    await adapter.charge(sent)
    assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED  # whatever is heard of it
    await asyncio.sleep(0.15)
    soon = len(receiver.callbacks)
    await asyncio.sleep(0.5)
    assert (soon, len(receiver.callbacks)) == counts


# --- Crashes ---


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    psp = Sandbox(url).psp("orange_cm")
    adapter = OrangeCm(demo_account(psp.url), client)
    with process(tmp_path, url):
        psp.script(delay=2.0)  # until after the crash
        out = await prepared_payout(adapter, payout())
        assert (await adapter.pay_out(out)).verdict is Verdict.SUCCEEDED
        waiting, unused = [await prepared(adapter, charge()) for _ in range(2)]
        assert (await adapter.charge(waiting)).verdict is Verdict.PENDING
    with process(tmp_path, url):  # the access token died, too: the adapter renews by itself
        assert (await adapter.look_up_payout(out)).verdict is Verdict.SUCCEEDED
        assert (await settled(adapter, waiting)).verdict is Verdict.SUCCEEDED
        assert (await adapter.look_up(unused)).verdict is Verdict.NOT_SENT
        assert (await adapter.charge(unused)).verdict is Verdict.PENDING
        assert (await settled(adapter, unused)).verdict is Verdict.SUCCEEDED
        for used in (adapter.charge(waiting), adapter.pay_out(out)):
            assert (await used).verdict is Verdict.UNKNOWN  # 422
        for attempt in (out, waiting, unused):
            assert len(psp.movements(order_id(attempt.reference))) == 1
        assert len(psp.movements()) == 3


async def test_the_float_is_what_the_book_says(client: httpx.AsyncClient, tmp_path: Path) -> None:
    for _ in range(2):  # the second time after a restart
        with closing(Book(tmp_path / "book.jsonl")) as book, orange_at(book) as psp:
            adapter = OrangeCm(demo_account(psp.url), client)
            out = await prepared_payout(adapter, payout(amount=6_000))
            answer = await adapter.pay_out(out)
    assert answer.decline_code is DeclineCode.FLOAT_INSUFFICIENT
