"""The adapter of Orange Money Cameroon: what it sends, and what it makes of every reply."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from litestar.types import Receive, Scope, Send
from sandbox_servers import listen, serve, url_of

from providers.boundary import (
    Charge,
    DeclineCode,
    ForgedCallback,
    Payout,
    PayoutPreparations,
    Payouts,
    Preparations,
    Refunds,
    Verdict,
    Wallet,
    WalletChecks,
)
from providers.orange_cm import OrangeCm, OrangeCmAccount, connect_orange_cm
from providers.orange_cm_calls import (
    Access,
    build_init,
    build_pay,
    build_push,
    build_status,
    build_subscriber,
    build_token,
    national,
    order_id,
)
from providers.orange_cm_replies import (
    CASH_IN_REASONS,
    PAYMENT_REASONS,
    read_init,
    read_pay,
    read_status,
    read_subscriber,
    read_token,
)

ACCOUNT = OrangeCmAccount(
    consumer_key="the-consumer-key",
    api_user="the-api-user",
    channel_msisdn="+237690000009",
    consumer_secret="the-consumer-secret",
    api_password="the-api-password",
    pin="482913",
    base_url="https://omapi.example.test/",
)
X_AUTH_TOKEN = "dGhlLWFwaS11c2VyOnRoZS1hcGktcGFzc3dvcmQ="
BASIC = "Basic dGhlLWNvbnN1bWVyLWtleTp0aGUtY29uc3VtZXItc2VjcmV0"
ACCESS = Access(ACCOUNT, "the-token")
SECRETS = ("the-consumer-secret", "the-api-password", "482913", "the-token", X_AUTH_TOKEN, BASIC)

TOKEN = "MP22120771FEB7B21FD2381C3786"
CHARGE = Charge(
    reference="5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    amount=100,
    currency="xaf",
    payer="+237690000001",
    callback_url="https://api.example.test/om/cb/1",
    description="Payment Description",
    external_id="ch_123",
    provider_reference=TOKEN,
)
CASH_IN_TOKEN = "CI24120168FBF65A909F588B4480"
PAYOUT = Payout(
    "9e1c1b5a-30b1-4f6f-8a11-54a7d2c7b0e3",
    98,
    "xaf",
    "+237695000000",
    external_id="po_123",
    provider_reference=CASH_IN_TOKEN,
)


def reply(status: int, body: Any = None) -> httpx.Response:
    if isinstance(body, bytes):
        return httpx.Response(status, content=body)
    return httpx.Response(status) if body is None else httpx.Response(status, json=body)


# --- Requests ---


def test_token_request() -> None:
    request = build_token(ACCOUNT)
    assert (request.method, str(request.url)) == ("POST", "https://omapi.example.test/token")
    assert request.headers["authorization"] == BASIC
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.content == b"grant_type=client_credentials"


PAY_BODY = (
    b'{"notifUrl":"https://api.example.test/om/cb/1","channelUserMsisdn":"690000009",'
    b'"amount":"100","subscriberMsisdn":"690000001","pin":"482913",'
    b'"orderId":"5f0f8a526b0f4f1c8d57","description":"Payment Description",'
    b'"payToken":"MP22120771FEB7B21FD2381C3786"}'
)
CASH_IN_BODY = (
    b'{"notifUrl":"","channelUserMsisdn":"690000009","amount":"98",'
    b'"subscriberMsisdn":"695000000","pin":"482913","orderId":"9e1c1b5a30b14f6f8a11",'
    b'"description":"po_123","payToken":"CI24120168FBF65A909F588B4480"}'
)


@pytest.mark.parametrize(
    ("request_", "method", "path", "body"),
    [
        (build_init(ACCESS, "mp"), "POST", "mp/init", b""),
        (build_init(ACCESS, "cashin"), "POST", "cashin/init", b""),
        (build_pay(ACCESS, "mp", CHARGE, TOKEN), "POST", "mp/pay", PAY_BODY),
        (
            build_pay(ACCESS, "cashin", PAYOUT, CASH_IN_TOKEN),
            "POST",
            "cashin/pay",
            CASH_IN_BODY,
        ),
        (build_push(ACCESS, TOKEN), "GET", f"mp/push/{TOKEN}", b""),
        (build_status(ACCESS, "mp", TOKEN), "GET", f"mp/paymentstatus/{TOKEN}", b""),
        (
            build_status(ACCESS, "cashin", CASH_IN_TOKEN),
            "GET",
            f"cashin/paymentstatus/{CASH_IN_TOKEN}",
            b"",
        ),
        (
            build_subscriber(ACCESS, "+237690000001"),
            "POST",
            "infos/subscriber/customer/690000001",
            b'{"channelMsisdn":"690000009","pin":"482913"}',
        ),
    ],
)
def test_requests(request_: httpx.Request, method: str, path: str, body: bytes) -> None:
    assert request_.method == method
    assert str(request_.url) == f"https://omapi.example.test/omcoreapis/1.0.2/{path}"
    assert request_.headers["authorization"] == "Bearer the-token"
    assert request_.headers["x-auth-token"] == X_AUTH_TOKEN
    assert request_.headers["content-type"] == "application/json"
    assert request_.content == body


def test_a_pay_without_optional_parts_and_with_a_long_description() -> None:
    bare = replace(CHARGE, description="", external_id="", callback_url=None)
    body = json.loads(build_pay(ACCESS, "mp", bare, TOKEN).content)
    assert (body["notifUrl"], body["description"]) == ("", body["orderId"])
    long = replace(CHARGE, description="é" * 500)
    assert json.loads(build_pay(ACCESS, "mp", long, TOKEN).content)["description"] == "é" * 100


def test_the_order_id_is_the_reference_as_far_as_it_fits() -> None:
    assert order_id(CHARGE.reference) == "5f0f8a526b0f4f1c8d57"


@pytest.mark.parametrize(
    ("msisdn", "number"),
    [
        ("+237690000001", "690000001"),
        ("690000001", "690000001"),
        ("237690000001", None),
        ("+2376900000012", None),
        ("+237222000001", None),  # a landline
        ("+225070000001", None),
        ("+22890000000", None),
        ("69000000١", None),
        ("", None),
    ],
)
def test_numbers_are_national(msisdn: str, number: str | None) -> None:
    assert national(msisdn) == number


def test_no_secret_shows() -> None:
    adapter = OrangeCm(ACCOUNT, httpx.AsyncClient())
    shown = f"{ACCOUNT!r} {ACCESS!r} {adapter!r}"
    assert "the-api-user" in shown
    for secret in SECRETS:
        assert secret not in shown


# --- Replies ---

TOKEN_BODY = {
    "access_token": "00000000-0000-3000-8000-000000000000",
    "scope": "am_application_scope default",
    "token_type": "Bearer",
    "expires_in": 2496,
}


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, TOKEN_BODY, True),
        (200, TOKEN_BODY | {"expires_in": "2496"}, True),
        (200, TOKEN_BODY | {"expires_in": 0}, True),  # to be used once
        (200, TOKEN_BODY | {"access_token": ""}, False),
        (200, {"access_token": "x"}, False),
        (200, b"", False),
        (201, TOKEN_BODY, False),
        (401, {"error": "invalid_client"}, False),
        (503, b"<html>", False),
    ],
)
def test_token_replies(status: int, body: Any, found: bool) -> None:
    token = read_token(reply(status, body))
    assert (token is not None and token.value == TOKEN_BODY["access_token"]) is found


FAULT = {
    "fault": {
        "code": 900901,
        "message": "Invalid Credentials",
        "description": "Access failure for API: the-token",
    }
}
XML_FAULT = (
    b'<ams:fault xmlns:ams="http://wso2.org/apimanager/security"><ams:code>900902</ams:code>'
    b"<ams:message>Missing Credentials</ams:message><ams:description>the-token</ams:description>"
    b"</ams:fault>"
)
INIT = {"message": "Payment request successfully initiated", "data": {"payToken": TOKEN}}
CONFIGURATION = DeclineCode.CONFIGURATION


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code"),
    [
        (200, INIT, Verdict.PENDING, None),
        (200, {"data": {"payToken": ""}}, Verdict.NOT_SENT, None),
        (200, {"data": {"payToken": "../../token"}}, Verdict.NOT_SENT, None),
        (200, {"data": {"payToken": 1}}, Verdict.NOT_SENT, None),
        (200, {"data": None}, Verdict.NOT_SENT, None),
        (200, [], Verdict.NOT_SENT, None),
        (200, b"\xff", Verdict.NOT_SENT, None),
        (401, FAULT, Verdict.DECLINED, CONFIGURATION),
        (401, XML_FAULT, Verdict.DECLINED, CONFIGURATION),
        (403, b"", Verdict.DECLINED, CONFIGURATION),
        (404, FAULT, Verdict.DECLINED, CONFIGURATION),
        (404, b"", Verdict.NOT_SENT, None),
        (429, FAULT, Verdict.NOT_SENT, None),
        (500, INIT, Verdict.NOT_SENT, None),
        (503, FAULT, Verdict.NOT_SENT, None),
    ],
)
def test_init_replies(status: int, body: Any, verdict: Verdict, code: DeclineCode | None) -> None:
    answer = read_init(reply(status, body))
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.provider_reference == (TOKEN if verdict is Verdict.PENDING else None)
    assert answer.evidence["http_status"] == status
    assert "the-token" not in str(answer.evidence)


RECORD: dict[str, Any] = {
    "id": 48463325,
    "createtime": "1670442691",
    "subscriberMsisdn": "690000001",
    "amount": 100,
    "payToken": TOKEN,
    "txnid": "MP221207.2051.B56929",
    "txnmode": "12345",
    "inittxnmessage": "Paiement e la clientele done.",
    "inittxnstatus": "200",
    "confirmtxnstatus": None,
    "confirmtxnmessage": None,
    "status": "PENDING",
    "notifUrl": "https://api.example.test/om/cb/1",
    "description": "Payment Description",
    "channelUserMsisdn": "690000000",
}
PAID = RECORD | {
    "status": "SUCCESSFULL",
    "confirmtxnstatus": "200",
    "confirmtxnmessage": "Successful Payment of COMPANY_NAME from 690000001 CUSTOMER_NAME.",
}
REFUSED = RECORD | {
    "txnid": None,
    "inittxnmessage": "Le solde du compte du payeur est insuffisant",
    "inittxnstatus": "60019",
    "status": "FAILED",
}
BLANK = dict.fromkeys(RECORD) | {
    "id": 48445436,
    "createtime": "1670436067",
    "payToken": TOKEN,
    "status": "EXPIRED",
}
SUCCEEDED, DECLINED, PENDING = Verdict.SUCCEEDED, Verdict.DECLINED, Verdict.PENDING
NOT_SENT, UNKNOWN = Verdict.NOT_SENT, Verdict.UNKNOWN
FUNDS = DeclineCode.INSUFFICIENT_FUNDS


def body_of(record: Any, message: str = "Words that may change.") -> dict[str, Any]:
    return {"message": message, "data": record}


# What pay and paymentstatus are answered with: HTTP status, record, and what it says of the money.
RECORDS: list[tuple[int, Any, Verdict, DeclineCode | None]] = [
    (200, RECORD, PENDING, None),
    (200, RECORD | {"createtime": 1670442691, "amount": "100"}, PENDING, None),
    (200, RECORD | {"status": "A_WORD_OF_TOMORROW"}, PENDING, None),
    (200, RECORD | {"status": "INITIATED"}, PENDING, None),  # with a subscriber: pay arrived
    (200, PAID, SUCCEEDED, None),
    (200, PAID | {"status": "SUCCESSFUL"}, SUCCEEDED, None),
    (200, PAID | {"status": "SUCCESS", "amount": 100.0}, SUCCEEDED, None),
    (200, PAID | {"inittxnstatus": 200}, SUCCEEDED, None),
    (200, PAID | {"amount": None}, SUCCEEDED, None),  # nothing is said against it
    (200, PAID | {"confirmtxnstatus": "0"}, SUCCEEDED, None),  # a client had to stop minding
    (200, PAID | {"amount": 99}, UNKNOWN, None),
    (200, PAID | {"amount": "100.5"}, UNKNOWN, None),
    (200, PAID | {"amount": "much"}, UNKNOWN, None),
    (200, PAID | {"payToken": "MP22120771FEB7B21FD2381C3787"}, UNKNOWN, None),
    (200, PAID | {"payToken": None}, UNKNOWN, None),
    (200, PAID | {"inittxnstatus": "60019"}, UNKNOWN, None),  # contradicts itself
    (200, PAID | {"status": "successfull"}, PENDING, None),
    (200, RECORD | {"status": None}, UNKNOWN, None),
    (200, RECORD | {"status": 1}, UNKNOWN, None),
    (200, REFUSED, DECLINED, FUNDS),  # whatever the HTTP status
    (200, REFUSED | {"status": "PENDING"}, DECLINED, FUNDS),
    (200, REFUSED | {"inittxnstatus": 60019}, DECLINED, FUNDS),
    (200, REFUSED | {"status": None}, DECLINED, FUNDS),
    (417, REFUSED, DECLINED, FUNDS),
    (417, REFUSED | {"amount": 99}, UNKNOWN, None),
    (417, REFUSED | {"amount": None}, DECLINED, FUNDS),
    (417, REFUSED | {"payToken": "MP22120771FEB7B21FD2381C3787"}, UNKNOWN, None),
    (417, REFUSED | {"inittxnstatus": "00671"}, DECLINED, DeclineCode.PAYER_NOT_FOUND),
    (417, REFUSED | {"inittxnstatus": "99051"}, DECLINED, DeclineCode.PAYER_NOT_FOUND),
    (417, REFUSED | {"inittxnstatus": "0066111"}, DECLINED, DeclineCode.PAYER_NOT_FOUND),
    (417, REFUSED | {"inittxnstatus": "60021"}, DECLINED, DeclineCode.PROVIDER_ERROR),
    (417, PAID, UNKNOWN, None),
    (417, RECORD, UNKNOWN, None),
    (200, RECORD | {"status": "FAILED"}, DECLINED, DeclineCode.PROVIDER_ERROR),
    (200, RECORD | {"status": "FAILED", "confirmtxnstatus": "60019"}, DECLINED, FUNDS),
    (200, RECORD | {"status": "CANCELLED"}, DECLINED, DeclineCode.PAYER_DECLINED),
    (200, RECORD | {"status": "EXPIRED"}, DECLINED, DeclineCode.EXPIRED),
    (200, None, UNKNOWN, None),
    (200, [], UNKNOWN, None),
    (200, {}, UNKNOWN, None),
    (200, "paid", UNKNOWN, None),
    (422, PAID, UNKNOWN, None),
    (422, None, UNKNOWN, None),
    (400, None, UNKNOWN, None),
    (404, None, UNKNOWN, None),
    (500, PAID, UNKNOWN, None),
    (500, REFUSED, UNKNOWN, None),
    (503, None, UNKNOWN, None),
    (201, PAID, UNKNOWN, None),
    (302, None, UNKNOWN, None),
]


@pytest.mark.parametrize(("status", "record", "verdict", "code"), RECORDS)
def test_records(status: int, record: Any, verdict: Verdict, code: DeclineCode | None) -> None:
    for read in (read_status, read_pay):
        answer = read(reply(status, body_of(record)), 100, TOKEN, PAYMENT_REASONS)
        assert (answer.verdict, answer.decline_code) == (verdict, code)
        assert answer.provider_reference == TOKEN  # there is nothing else to look up by
        assert answer.evidence["http_status"] == status


@pytest.mark.parametrize("record", [BLANK, BLANK | {"status": "INITIATED"}])
def test_a_blank_record_says_that_pay_never_arrived(record: dict[str, Any]) -> None:
    said = reply(200, body_of(record))
    assert read_status(said, 100, TOKEN, PAYMENT_REASONS).verdict is NOT_SENT
    # It cannot be said of a pay that was answered.
    assert read_pay(said, 100, TOKEN, PAYMENT_REASONS).verdict is UNKNOWN


UNREADABLE = [b"", b"null", b"[]", b"<html>OK</html>", b"\xff", b"[" * 100_000, b'"paid"', b"200"]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: str(body[:10]))
@pytest.mark.parametrize("status", [200, 400, 417, 422, 500])
def test_what_cannot_be_read_is_unknown(status: int, body: bytes) -> None:
    for read in (read_status, read_pay):
        answer = read(reply(status, body), 100, TOKEN, PAYMENT_REASONS)
        assert answer.verdict is UNKNOWN
    assert read_init(reply(status, body)).verdict is NOT_SENT
    assert read_subscriber(reply(status, body)) is None


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code"),
    [
        (401, FAULT, DECLINED, CONFIGURATION),
        (401, b"", DECLINED, CONFIGURATION),
        (403, XML_FAULT, DECLINED, CONFIGURATION),
        (400, FAULT, DECLINED, CONFIGURATION),
        (404, XML_FAULT, DECLINED, CONFIGURATION),
        (404, b"<html/>", UNKNOWN, None),
        (429, FAULT, NOT_SENT, None),
        (429, b"", NOT_SENT, None),
        (500, FAULT, UNKNOWN, None),
        (503, XML_FAULT, UNKNOWN, None),
        (417, {"message": "60019 :: Le solde est insuffisant"}, DECLINED, FUNDS),
        (417, {"message": "Refus"}, DECLINED, DeclineCode.PROVIDER_ERROR),
        (417, {"message": ""}, UNKNOWN, None),
        (417, {"error": "expectation failed"}, UNKNOWN, None),
    ],
)
def test_pay_replies_without_a_record(
    status: int, body: Any, verdict: Verdict, code: DeclineCode | None
) -> None:
    said = reply(status, body)
    answer = read_pay(said, 100, TOKEN, PAYMENT_REASONS)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    # Asked what became of the money, none of these is an answer.
    assert read_status(said, 100, TOKEN, PAYMENT_REASONS).verdict is UNKNOWN


CASH_IN = {
    "createtime": "1733056973",
    "subscriberMsisdn": "695000000",
    "amount": 98,
    "payToken": CASH_IN_TOKEN,
    "txnid": "CI241201.1342.C36820",
    "txnmode": "order-1",
    "txnstatus": "200",
    "orderId": "order-1",
    "status": "SUCCESSFULL",
    "channelUserMsisdn": "695000001",
    "description": "payout",
}


@pytest.mark.parametrize(
    ("status", "record", "verdict", "code"),
    [
        (200, CASH_IN, SUCCEEDED, None),
        (200, CASH_IN | {"amount": 980}, UNKNOWN, None),
        (200, CASH_IN | {"txnstatus": "60019"}, UNKNOWN, None),
        (
            417,
            CASH_IN | {"txnstatus": "60019", "status": "FAILED"},
            DECLINED,
            DeclineCode.FLOAT_INSUFFICIENT,
        ),
        (
            417,
            CASH_IN | {"txnstatus": "99051", "status": "FAILED"},
            DECLINED,
            DeclineCode.PAYER_NOT_FOUND,
        ),
        (200, CASH_IN | {"status": "CANCELLED"}, DECLINED, DeclineCode.GENERIC_DECLINE),
        (200, CASH_IN | {"status": "PENDING"}, PENDING, None),
    ],
)
def test_cash_ins(status: int, record: Any, verdict: Verdict, code: DeclineCode | None) -> None:
    for read in (read_status, read_pay):
        answer = read(reply(status, body_of(record)), 98, CASH_IN_TOKEN, CASH_IN_REASONS)
        assert (answer.verdict, answer.decline_code) == (verdict, code)


@pytest.mark.parametrize(
    ("status", "body", "wallet"),
    [
        (200, {"data": {"firstName": "AMA", "lastName": "MENSAH"}}, Wallet(True, "AMA MENSAH")),
        (200, {"data": {"firstName": None, "lastName": "MENSAH"}}, Wallet(True, "MENSAH")),
        (200, {"data": {}}, None),
        (200, {"data": None}, None),
        (200, {"data": {"firstName": 1}}, None),
        (417, {"message": "99051 :: Inconnu", "data": None}, Wallet(False)),
        (417, {"message": "00671 :: Inconnu"}, Wallet(False)),
        (417, {"message": "60021 :: PIN incorrect"}, None),
        (417, {"message": "Inconnu"}, None),
        (404, {"message": "99051 :: Inconnu"}, None),
        (401, FAULT, None),
        (500, b"<html>", None),
    ],
)
def test_subscriber_replies(status: int, body: Any, wallet: Wallet | None) -> None:
    assert read_subscriber(reply(status, body)) == wallet


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (body_of(REFUSED, "60019 :: Le solde du compte du payeur est insuffisant"), "60019"),
        (body_of(RECORD | {"status": "FAILED", "confirmtxnstatus": "60033"}), "60033"),
        (body_of(RECORD | {"status": "CANCELLED"}), "CANCELLED"),
        (body_of(None, "00671 :: Numero inconnu"), "00671"),
        (body_of(PAID), None),
        (body_of(RECORD), None),
    ],
)
def test_the_rails_own_reason_is_kept(body: Any, reason: str | None) -> None:
    answer = read_pay(reply(417 if reason else 200, body), 100, TOKEN, PAYMENT_REASONS)
    assert answer.evidence["body"].get("reason") == reason
    assert answer.evidence["body"]["message"] == body["message"]


def test_evidence_is_short_and_has_no_field_that_nobody_named() -> None:
    record = PAID | {"pin": "482913", "inittxnmessage": "x" * 100_000, "txnid": {"deep": []}}
    for body in (body_of(record), b"<pre>" + PAY_BODY * 100, XML_FAULT):
        evidence = read_init(reply(500, body)).evidence
        assert "482913" not in str(evidence)
        assert len(str(evidence)) < 2000


# --- Callbacks ---

CALLBACK = {"payToken": TOKEN, "status": "SUCCESSFULL", "message": "Transaction completed"}


@pytest.mark.parametrize(
    "body",
    [
        CALLBACK,
        CALLBACK | {"status": "FAILED", "message": "Transaction failed"},
        CALLBACK | {"status": "A_WORD_OF_TOMORROW", "txnid": "MP241129.1234.A12345"},
    ],
)
def test_a_callback_is_a_knock_without_our_reference(body: dict[str, str]) -> None:
    adapter = OrangeCm(ACCOUNT, httpx.AsyncClient())
    for _ in range(2):  # a second one is nothing special
        assert adapter.read_callback({}, json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        *UNREADABLE,
        b"{}",
        b"payToken=MP1&status=SUCCESSFULL",
        json.dumps({"payToken": TOKEN}).encode(),
        json.dumps({"status": "SUCCESSFULL"}).encode(),
        json.dumps(CALLBACK | {"payToken": None}).encode(),
        json.dumps(CALLBACK | {"payToken": "../x"}).encode(),
        json.dumps(CALLBACK | {"status": 1}).encode(),
        json.dumps(CALLBACK)[:-2].encode(),
        json.dumps(CALLBACK | {"message": "x" * 5000}).encode(),
    ],
    ids=lambda body: str(body[:20]),
)
def test_a_body_that_orange_never_sends_is_forged(body: bytes) -> None:
    with pytest.raises(ForgedCallback):
        OrangeCm(ACCOUNT, httpx.AsyncClient()).read_callback({}, body)


# --- The adapter, at a server that answers as recorded ---


@dataclass
class Recorded:
    """A server with a reply for each call, by the last words of its path before a payToken."""

    replies: dict[str, tuple[int, Any]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await receive()
        path = scope["path"].removeprefix("/omcoreapis/1.0.2/").removesuffix(f"/{TOKEN}")
        self.seen.append(path)
        status, body = self.replies[path]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content, "more_body": False})


@pytest.fixture
def orange() -> Iterator[Recorded]:
    recorded = Recorded({"/token": (200, TOKEN_BODY), "mp/init": (200, INIT)})
    with serve(recorded) as url:
        recorded.url = url
        yield recorded


@pytest.fixture
def adapter(orange: Recorded, client: httpx.AsyncClient) -> OrangeCm:
    return OrangeCm(replace(ACCOUNT, base_url=orange.url), client)


NEW = replace(CHARGE, provider_reference=None)


async def test_a_new_charge_is_prepared_by_init(orange: Recorded, adapter: OrangeCm) -> None:
    answer = await adapter.prepare(NEW)
    assert (answer.verdict, answer.provider_reference) == (PENDING, TOKEN)
    assert orange.seen == ["/token", "mp/init"]


@pytest.mark.parametrize(
    ("status", "said", "verdict", "calls"),
    [
        (200, BLANK | {"status": "INITIATED"}, PENDING, ["mp/paymentstatus"]),
        (200, BLANK, PENDING, ["mp/paymentstatus", "mp/init"]),
        (200, PAID, SUCCEEDED, ["mp/paymentstatus"]),
        (200, REFUSED, DECLINED, ["mp/paymentstatus"]),
        (200, RECORD, UNKNOWN, ["mp/paymentstatus"]),  # PENDING would have it paid again
        (503, None, UNKNOWN, ["mp/paymentstatus"]),
    ],
)
async def test_a_prepared_charge_is_asked_about_first(
    orange: Recorded,
    adapter: OrangeCm,
    status: int,
    said: Any,
    verdict: Verdict,
    calls: list[str],
) -> None:
    orange.replies["mp/paymentstatus"] = (status, body_of(said))
    answer = await adapter.prepare(CHARGE)
    assert (answer.verdict, answer.provider_reference) == (verdict, TOKEN)
    assert orange.seen == ["/token", *calls]


async def test_without_a_pay_token_nothing_was_sent(orange: Recorded, adapter: OrangeCm) -> None:
    payout = replace(PAYOUT, provider_reference=None)
    answers = await asyncio.gather(
        adapter.charge(NEW),
        adapter.look_up(NEW),
        adapter.push(NEW),
        adapter.pay_out(payout),
        adapter.look_up_payout(payout),
    )
    assert {answer.verdict for answer in answers} == {NOT_SENT}
    assert orange.seen == []


@pytest.mark.parametrize(
    "change",
    [{"capture": False}, {"currency": "eur"}, {"payer": "+22507000001"}, {"payer": "pm_card_visa"}],
)
async def test_what_orange_has_no_words_for_is_not_sent(
    orange: Recorded, adapter: OrangeCm, change: dict[str, Any]
) -> None:
    assert (await adapter.prepare(replace(NEW, **change))).verdict is NOT_SENT
    assert (await adapter.charge(replace(CHARGE, **change))).verdict is NOT_SENT
    assert orange.seen == []


async def test_a_token_refused_twice_is_a_configuration_fault(
    orange: Recorded, adapter: OrangeCm
) -> None:
    orange.replies |= {"mp/pay": (401, FAULT), "mp/paymentstatus": (401, FAULT)}
    answer = await adapter.charge(CHARGE)
    assert (answer.verdict, answer.decline_code) == (DECLINED, CONFIGURATION)
    assert orange.seen == ["/token", "mp/pay", "/token", "mp/pay"]
    assert (await adapter.look_up(CHARGE)).verdict is UNKNOWN


async def test_the_prompt_can_be_shown_again(orange: Recorded, adapter: OrangeCm) -> None:
    orange.replies["mp/push"] = (200, body_of(RECORD, "Push sent to customer"))
    assert (await adapter.push(CHARGE)).verdict is PENDING
    assert orange.seen[-1] == "mp/push"
    orange.replies["mp/push"] = (500, b"")
    assert (await adapter.push(CHARGE)).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("token", "init", "verdict"),
    [
        ((200, TOKEN_BODY), (200, INIT), SUCCEEDED),
        ((200, TOKEN_BODY), (401, FAULT), DECLINED),
        ((401, {"error": "invalid_client"}), (200, INIT), DECLINED),
        ((200, TOKEN_BODY), (500, b""), UNKNOWN),
        ((503, b""), (200, INIT), UNKNOWN),
    ],
)
async def test_credentials(
    orange: Recorded, adapter: OrangeCm, token: Any, init: Any, verdict: Verdict
) -> None:
    orange.replies = {"/token": token, "mp/init": init}
    answer = await adapter.check_credentials()
    assert answer.verdict is verdict
    assert answer.decline_code == (CONFIGURATION if verdict is DECLINED else None)


async def test_nobody_listens(client: httpx.AsyncClient) -> None:
    with listen() as nobody:
        adapter = OrangeCm(replace(ACCOUNT, base_url=url_of(nobody)), client)
        for answer in (await adapter.prepare(NEW), await adapter.charge(CHARGE)):
            assert answer.verdict is NOT_SENT
        for answer in (await adapter.look_up(CHARGE), await adapter.prepare(CHARGE)):
            assert (answer.verdict, answer.provider_reference) == (UNKNOWN, TOKEN)
        assert await adapter.wallet(CHARGE.payer) is None
        assert await adapter.wallet("+22890000000") is None


def test_the_adapter_opts_in_to_what_the_rail_has() -> None:
    adapter, disbursement = connect_orange_cm(ACCOUNT, httpx.AsyncClient())
    assert disbursement is None
    for protocol in (Preparations, Payouts, PayoutPreparations, WalletChecks):
        assert isinstance(adapter, protocol)
    assert not isinstance(adapter, Refunds)
