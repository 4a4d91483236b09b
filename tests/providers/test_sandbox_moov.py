"""The Moov sandbox over real HTTP: envelopes, tokens, numbers, prompts, crashes."""

import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree.ElementTree import fromstring

import httpx
import pytest
from boundary_kinds import final
from sandbox_servers import SandboxPsp, listen, serve, url_of

from providers.boundary import Answer, Balance, Charge, DeclineCode, Payout, Verdict, Wallet
from providers.moov import Moov
from providers.moov_soap import PATH, SOAP, envelope, make_token
from providers.sandbox.book import Book
from providers.sandbox.moov import create_app
from providers.sandbox.moov.tables import MERCHANTS, STATUSES, demo_account
from providers.sandbox.moov.transactions import Settings
from providers.sandbox.script import Script

QUICK = Settings(approval_delay=0.05, prompt_life=0.4, initial_float=100_000)
MERCHANT = MERCHANTS["BJ"]
TOKEN = make_token(MERCHANT.user, MERCHANT.password, MERCHANT.encryption_key)
XML = {"content-type": "application/soap+xml; charset=utf-8"}


@contextmanager
def moov_at(book: Book, settings: Settings = QUICK) -> Iterator[SandboxPsp]:
    with serve(create_app(book, Script(), "http://unused.test", settings)) as url:
        yield SandboxPsp(url)


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxPsp]:
    """One sandbox for tests that ask nothing of its balance."""
    with moov_at(Book(None)) as psp:
        yield psp


@pytest.fixture
def moov(shared: SandboxPsp, client: httpx.AsyncClient) -> Iterator[Moov]:
    yield Moov(demo_account("BJ", shared.url), client)
    shared.clear()


def charge(payer: str = "+2290195123456", amount: int = 500) -> Charge:
    return Charge(str(uuid4()), amount, "xof", payer)


async def settled(moov: Moov, charge: Charge) -> Answer:
    return await final(lambda: moov.look_up(charge))


# --- On the wire ---


def post(psp: SandboxPsp, content: bytes, headers: dict[str, str] = XML) -> httpx.Response:
    return httpx.post(
        f"{psp.url}{PATH}", content=content, headers=headers, timeout=5, trust_env=False
    )


def result(reply: httpx.Response) -> dict[str, str]:
    """The fields of an answer."""
    assert reply.status_code == 200, reply.text
    found = fromstring(reply.content).find(f"{{{SOAP}}}Body/*/return")
    assert found is not None
    return {field.tag: field.text or "" for field in found}


def call(psp: SandboxPsp, operation: str, **fields: Any) -> dict[str, str]:
    return result(post(psp, envelope(operation, {"token": TOKEN, **fields})))


def push(psp: SandboxPsp, operation: str = "PushWithPending", **fields: str) -> dict[str, str]:
    wanted = {
        "msisdn": "2290195123456", "message": "Order", "amount": "500",
        "externaldata1": str(uuid4()), "externaldata2": "", "fee": "0",
    }  # fmt: skip
    return call(psp, operation, **(wanted | fields))


def test_a_push_is_pending_then_paid(shared: SandboxPsp) -> None:
    reference = str(uuid4())
    assert push(shared, externaldata1=reference) == {"description": "PENDING", "status": "100"}
    time.sleep(0.2)
    paid = call(shared, "getTransactionStatus", request={"transid": reference})
    assert (paid["status"], paid["description"]) == ("0", "SUCCESS")
    again = call(shared, "getTransactionStatus", request={"transid": paid["referenceid"]})
    assert again == paid  # by Moov's own id, too
    [movement] = shared.movements(reference)
    assert (movement["amount"], movement["currency"], movement["direction"]) == (500, "xof", "in")


def test_the_blocking_push_answers_when_the_payer_has(shared: SandboxPsp) -> None:
    reference = str(uuid4())
    started = time.monotonic()
    paid = push(shared, "Push", externaldata1=reference)
    assert time.monotonic() - started >= 0.05
    assert (paid["status"], paid["transid"]) == ("0", reference)
    ignored = push(shared, "Push", msisdn="2290194000100")
    assert ignored["status"] == "92"


def test_an_envelope_that_claims_to_be_utf_16_is_read(shared: SandboxPsp) -> None:
    claim = b'<?xml version="1.0" encoding="utf-16"?>\n'
    body = envelope("getBalance", {"token": TOKEN, "request": {"msisdn": MERCHANT.msisdn}})
    assert result(post(shared, claim + body))["status"] == "0"
    for media_type in ("text/xml;charset=UTF-8", "application/xml"):
        assert result(post(shared, body, {"content-type": media_type}))["status"] == "0"


BILLION = (
    b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b']><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    b"<soapenv:Body>&j;</soapenv:Body></soapenv:Envelope>"
)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "soap:Client"),
        (b"<html>", "soap:Client"),
        (b"\xff\xfe\x00", "soap:Client"),
        (b'{"token": 1}', "soap:Client"),
        (BILLION, "soap:Client"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "soap:Client"),
        (b"<a>" * 30_000, "soap:Client"),
        (b"<a>" * 14_000 + b"</a>" * 14_000, "soap:VersionMismatch"),
        (b"x" * 200_000, "soap:Client"),
        (b"<a/>", "soap:VersionMismatch"),
        (envelope("", {}).replace(b"<api:></api:>", b""), "soap:Client"),
        (envelope("refund", {"token": TOKEN}), "soap:Client"),
        (envelope("Push", {}).replace(b"api.merchant.tlc", b"other.example"), "soap:Client"),
        (
            envelope("Push", {"token": TOKEN, "msisdn": "2290195123456", "amount": "a lot"}),
            "soap:Server",
        ),
        (
            envelope("Push", {"token": TOKEN, "msisdn": "2290195123456", "amount": "-5"}),
            "soap:Server",
        ),
    ],
)  # fmt: skip
def test_bad_envelopes_are_answered_with_a_fault(
    shared: SandboxPsp, content: bytes, code: str
) -> None:
    reply = post(shared, content)
    assert reply.status_code == 500
    fault = fromstring(reply.content).find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault")
    assert fault is not None
    assert fault.findtext("faultcode") == code
    assert fault.findtext("faultstring")
    assert fault.find("detail/{http://api.merchant.tlc.com/}Exception") is not None


def test_what_is_no_call_at_all(shared: SandboxPsp) -> None:
    body = envelope("Push", {})
    assert post(shared, body, {"content-type": "application/json"}).status_code == 415
    assert post(shared, body, {}).status_code == 415
    assert httpx.get(f"{shared.url}{PATH}", trust_env=False).status_code == 405
    assert httpx.post(f"{shared.url}/", headers=XML, trust_env=False).status_code == 404


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "%%%",
        b64encode(b"short").decode(),
        b64encode(bytes(32)).decode(),
        make_token(MERCHANT.user, "wrong", MERCHANT.encryption_key),
        make_token(MERCHANT.user, MERCHANT.password, "0" * 32),
        f"0:{MERCHANT.user}:{MERCHANT.password}",
        "é" * 44,
    ],
)
def test_a_wrong_token_is_refused(shared: SandboxPsp, token: str) -> None:
    reply = post(shared, envelope("Push", {"token": token, "amount": "5"}))
    assert result(reply) == {"description": "INVALID_CREDENTIALS", "status": "98"}


@pytest.mark.parametrize(
    ("operation", "fields", "status"),
    [
        ("PushWithPending", {"msisdn": "", "amount": "5"}, "91"),
        ("PushWithPending", {"msisdn": "2290195123456"}, "91"),
        ("PushWithPending", {"msisdn": "95123456", "amount": "5"}, "3"),
        ("PushWithPending", {"msisdn": "+2290195123456", "amount": "5"}, "3"),
        ("PushWithPending", {"msisdn": "2290195123456", "amount": "0"}, "12"),
        ("getTransactionStatus", {"request": {}}, "91"),
        ("getTransactionStatus", {"request": {"transid": "never"}}, "94"),
        ("transferFlooz", {"request": {"destination": "2290195123456", "amount": "5"}}, "91"),
        ("cashintrans", {"request": {"referenceid": "a", "amount": "5"}}, "91"),
        ("getBalance", {"request": {"msisdn": "2290195123456"}}, "4"),
        ("getBalance", {}, "4"),
        ("getMobileAccountStatus", {}, "3"),
    ],
)
def test_refused_calls(
    shared: SandboxPsp, operation: str, fields: dict[str, Any], status: str
) -> None:
    assert call(shared, operation, **fields)["status"] == status


def test_the_two_transfers_disagree_about_ids(shared: SandboxPsp) -> None:
    ours = str(uuid4())
    request = {"destination": "2290195123456", "amount": "100", "referenceid": ours}
    flooz = call(shared, "transferFlooz", request=request)
    assert (flooz["status"], flooz["transactionid"]) == ("0", ours)
    assert int(flooz["senderbalancebefore"]) - int(flooz["senderbalanceafter"]) == 100
    ours = request["referenceid"] = str(uuid4())
    deposit = call(shared, "cashintrans", request=request)
    assert (deposit["status"], deposit["referenceid"]) == ("0", ours)
    assert deposit["transid"] not in ("", ours)


def test_an_id_used_twice_moves_the_money_twice(shared: SandboxPsp) -> None:
    ours = str(uuid4())
    request = {"destination": "2290195123456", "amount": "100", "referenceid": ours}
    assert [call(shared, "cashintrans", request=request)["status"] for _ in "12"] == ["0", "0"]
    assert len(shared.movements(ours)) == 2


def test_another_merchant_does_not_see_the_payment(shared: SandboxPsp) -> None:
    ours = str(uuid4())
    push(shared, externaldata1=ours)
    other = MERCHANTS["TG"]
    token = make_token(other.user, other.password, other.encryption_key)
    asked = envelope("getTransactionStatus", {"token": token, "request": {"transid": ours}})
    assert result(post(shared, asked))["status"] == "94"


# --- Through the adapter ---


@pytest.mark.parametrize("code", [code for code in STATUSES if code.isdecimal() and code != "100"])
async def test_numbers_decide_how_a_charge_ends(moov: Moov, code: str) -> None:
    wanted = charge(f"+2290194000{code.zfill(3)}")
    answer = await moov.charge(wanted)
    if answer.verdict is Verdict.PENDING:
        answer = await settled(moov, wanted)
    expected = {
        "0": Verdict.SUCCEEDED,
        "94": Verdict.UNKNOWN,  # no answer to a push
        "99": Verdict.UNKNOWN,
    }.get(code, Verdict.DECLINED)
    assert answer.verdict is expected
    if expected is Verdict.DECLINED:
        assert answer.evidence["body"]["reason"] == code


async def test_a_prompt_that_nobody_answers_is_over_at_last(moov: Moov) -> None:
    wanted = charge("+2290194000100")
    assert (await moov.charge(wanted)).verdict is Verdict.PENDING
    answer = await settled(moov, wanted)
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, DeclineCode.EXPIRED)


async def test_a_newer_prompt_replaces_an_open_one(moov: Moov, shared: SandboxPsp) -> None:
    first, second = charge("+2290194000100"), charge("+2290194000100")
    await moov.charge(first)
    shared.script(operation="charge", outcome="0")
    await moov.charge(second)
    replaced = await moov.look_up(first)
    assert (replaced.verdict, replaced.decline_code) == (Verdict.DECLINED, DeclineCode.EXPIRED)
    assert (await settled(moov, second)).verdict is Verdict.SUCCEEDED
    assert shared.movements(first.reference) == []


async def test_wallets(moov: Moov) -> None:
    assert await moov.wallet("+2290195123456") == Wallet(active=True, holder="SAND BOX")
    assert await moov.wallet("+2290194000009") == Wallet(active=False, holder="SAND BOX")
    assert await moov.wallet("+2290194000555") == Wallet(active=False)


async def test_transfers_stop_when_the_account_is_empty(client: httpx.AsyncClient) -> None:
    with moov_at(Book(None), replace(QUICK, initial_float=1000)) as psp:
        moov = Moov(demo_account("TG", psp.url), client)
        payout = Payout(str(uuid4()), 600, "xof", "+22896123456")
        assert (await moov.pay_out(payout)).verdict is Verdict.SUCCEEDED
        assert (await moov.pay_out(payout)).verdict is Verdict.SUCCEEDED  # the same one
        assert await moov.balance() == Balance(400, "xof")
        refused = await moov.pay_out(replace(payout, reference=str(uuid4())))
        assert (refused.verdict, refused.decline_code) == (
            Verdict.DECLINED,
            DeclineCode.FLOAT_INSUFFICIENT,
        )
        assert len(psp.movements()) == 1


# --- Crashes ---

SERVER = """
import sys
from pathlib import Path
import uvicorn
from providers.sandbox.book import Book
from providers.sandbox.moov import create_app
from providers.sandbox.moov.transactions import Settings
from providers.sandbox.script import Script
settings = Settings(approval_delay=float(sys.argv[3]))
app = create_app(Book(Path(sys.argv[1])), Script(), "", settings)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), lifespan="off", log_level="error")
"""


@contextmanager
def process(book: Path, url: str, delay: float) -> Iterator[None]:
    """The sandbox in a process of its own, killed with SIGKILL at the end."""
    arguments = [str(book), url.rpartition(":")[2], str(delay)]
    server = subprocess.Popen([sys.executable, "-c", SERVER, *arguments], cwd=Path.cwd())
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/control/script", trust_env=False)
                break
            except httpx.ConnectError:
                assert server.poll() is None, "the sandbox did not start"
                assert time.monotonic() < deadline, "the sandbox did not start in time"
                time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()


async def test_a_killed_sandbox_goes_on_where_it_was(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    with listen() as free:
        url = url_of(free)
    book, wanted = tmp_path / "moov.jsonl", charge()
    moov = Moov(demo_account("BJ", url), client)
    with process(book, url, 1.0):
        before = await moov.balance()
        assert (await moov.charge(wanted)).verdict is Verdict.PENDING
    with process(book, url, 1.0):
        assert (await settled(moov, wanted)).verdict is Verdict.SUCCEEDED
        assert (await moov.charge(wanted)).verdict is Verdict.SUCCEEDED
        assert len(SandboxPsp(url).movements(wanted.reference)) == 1
        assert before is not None
        assert await moov.balance() == replace(before, amount=before.amount + 500)
    with process(book, url, 1.0):
        assert (await moov.look_up(wanted)).verdict is Verdict.SUCCEEDED
        assert len(SandboxPsp(url).movements(wanted.reference)) == 1
