"""The Orange Web Payment adapter: the bytes it sends, and what it makes of every reply."""

import json
from base64 import b32decode, b64encode
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from providers.boundary import (
    Balances,
    Charge,
    DeclineCode,
    ForgedCallback,
    Payouts,
    Provider,
    Refunds,
    Verdict,
)
from providers.orange_web import OrangeWeb, OrangeWebAccount, orange_web_capabilities
from providers.orange_web_account import build_token, read_token
from providers.orange_web_orders import (
    build_order,
    build_status,
    new_order_id,
    read_order,
    read_status,
)

ACCOUNT = OrangeWebAccount(
    country="ci",
    client_id="the-client",
    client_secret="the-client-secret",
    merchant_key="the-merchant-key",
    merchant_name="Boutique X",
    base_url="https://orange.example.test/",
)
CHARGE = Charge(
    reference="5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    amount=1200,
    currency="xof",
    payer="",
    callback_url="https://api.example.test/callbacks/orange/5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    description="Order 123",
    return_url="https://api.example.test/back",
    language="fr",
)
PAY_TOKEN = "0" * 64
KNOWN = replace(CHARGE, provider_reference=f"ch-0001:{PAY_TOKEN}")
NOTIF_TOKEN = "f" * 32
PAGE = f"https://webpayment.orange-money.com/payment/pay_token/{PAY_TOKEN}"

# As published.
CREATED = {
    "status": 201,
    "message": "OK",
    "pay_token": PAY_TOKEN,
    "payment_url": PAGE,
    "notif_token": NOTIF_TOKEN,
}
PAID = {"status": "SUCCESS", "order_id": "ch-0001", "txnid": "MP150709.1341.A00073"}
NOTIFICATION = {"status": "SUCCESS", "notif_token": NOTIF_TOKEN, "txnid": "MP150709.1341.A00073"}


def reply(status: int, body: Any = None) -> httpx.Response:
    if isinstance(body, bytes):
        return httpx.Response(status, content=body)
    return httpx.Response(status) if body is None else httpx.Response(status, json=body)


def error(code: Any) -> dict[str, Any]:
    words = "Words that may change."
    return {"code": code, "message": words, "description": words, "infoURL": ""}


# --- Requests ---


def test_token_request() -> None:
    request = build_token(ACCOUNT)
    assert str(request.url) == "https://orange.example.test/oauth/v3/token"
    assert (request.method, request.content) == ("POST", b"grant_type=client_credentials")
    pair = b64encode(b"the-client:the-client-secret").decode()
    assert request.headers["authorization"] == f"Basic {pair}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_order_request() -> None:
    request = build_order(ACCOUNT, "the-token", CHARGE, "ch-0001")
    expected_url = "https://orange.example.test/orange-money-webpay/ci/v1/webpayment"
    assert (request.method, str(request.url)) == ("POST", expected_url)
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.headers["accept"] == request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {
        "merchant_key": "the-merchant-key",
        "currency": "XOF",
        "order_id": "ch-0001",
        "amount": 1200,
        "return_url": "https://api.example.test/back",
        "cancel_url": "https://api.example.test/back",
        "notif_url": CHARGE.callback_url,
        "lang": "fr",
        "reference": "Boutique X",
    }


@pytest.mark.parametrize(
    ("country", "currency", "sent"),
    [
        ("dev", "xof", "OUV"),
        ("dev", "xaf", "OUV"),
        ("ci", "xof", "XOF"),
        ("sn", "xof", "XOF"),
        ("ml", "xof", "XOF"),
        ("bf", "xof", "XOF"),
        ("cm", "xaf", "XAF"),
        ("gn", "gnf", "GNF"),
    ],
)
def test_country_and_currency_of_an_order(country: str, currency: str, sent: str) -> None:
    account = replace(ACCOUNT, country=country)
    request = build_order(account, "t", replace(CHARGE, currency=currency), "ch-0001")
    assert request.url.path == f"/orange-money-webpay/{country}/v1/webpayment"
    assert json.loads(request.content)["currency"] == sent
    assert currency in orange_web_capabilities(country).currencies


@pytest.mark.parametrize(
    ("name", "description", "shown"),
    [
        ("Boutique X", "Order 123", "Boutique X"),
        ("", "Order 123", "Order 123"),
        ("x" * 31, "", "x" * 30),
        ("", "", None),
    ],
)
def test_the_name_on_the_page(name: str, description: str, shown: str | None) -> None:
    account, charge = (
        replace(ACCOUNT, merchant_name=name),
        replace(CHARGE, description=description),
    )
    body = json.loads(build_order(account, "t", charge, "ch-0001").content)
    assert body.get("reference") == shown


def test_status_request_has_all_three_values() -> None:
    request = build_status(ACCOUNT, "the-token", CHARGE, "ch-0001", PAY_TOKEN)
    assert request.url.path == "/orange-money-webpay/ci/v1/transactionstatus"
    assert json.loads(request.content) == {
        "order_id": "ch-0001",
        "amount": 1200,
        "pay_token": PAY_TOKEN,
    }


@pytest.mark.parametrize(("length", "fits"), [(120, True), (121, False)])
def test_the_way_back_of_a_payer_who_cancels(length: int, *, fits: bool) -> None:
    url = "https://api.example.test/".ljust(length, "x")
    charge = replace(CHARGE, cancel_url=url)
    body = json.loads(build_order(ACCOUNT, "token", charge, "ch-0001").content)
    assert body["cancel_url"] == (url if fits else charge.return_url)


@pytest.mark.parametrize(("status", "untouched"), [("INITIATED", True), ("PENDING", False)])
def test_whether_a_payer_has_confirmed(status: str, *, untouched: bool) -> None:
    assert read_status(reply(201, {"status": status}), CHARGE, "ch-0001").untouched is untouched


def test_an_order_id_is_short_new_every_time_and_tells_our_reference() -> None:
    reference = str(uuid4())
    ids = {new_order_id(reference) for _ in range(20)}
    assert len(ids) == 20
    for order_id in ids:
        assert len(order_id) == 30
        assert order_id.isalnum()
        assert UUID(bytes=b32decode(f"{order_id[:26].upper()}======")) == UUID(reference)


# --- Replies ---

TOKEN = {"token_type": "Bearer", "access_token": "the-token", "expires_in": 7776000}


@pytest.mark.parametrize(
    ("status", "body", "seconds"),
    [
        (200, TOKEN, 7775940),
        (200, TOKEN | {"expires_in": "3600"}, 3540),
        (200, TOKEN | {"expires_in": 30}, 0),
        (200, TOKEN | {"expires_in": "soon"}, None),
        (200, TOKEN | {"access_token": ""}, None),
        (200, {"access_token": "the-token"}, None),
        (200, b"<html>", None),
        (200, b"\xff", None),
        (401, {"error": "invalid_client"}, None),
        (429, TOKEN, None),
        (503, error(5), None),
    ],
)
def test_token_replies(status: int, body: Any, seconds: float | None) -> None:
    before = monotonic()
    token = read_token(reply(status, body))
    if token is None or seconds is None:
        assert token is seconds is None
        return
    assert token.value == "the-token"
    assert before + seconds <= token.renew_at <= monotonic() + seconds


@pytest.mark.parametrize("status", [201, 200])
def test_a_created_order_waits_on_its_page(status: int) -> None:
    answer = read_order(reply(status, CREATED), "ch-0001")
    assert answer.verdict is Verdict.PENDING
    assert answer.redirect_url == PAGE
    assert answer.provider_reference == f"ch-0001:{PAY_TOKEN}"
    assert answer.evidence == {"http_status": status, "body": {"status": 201, "message": "OK"}}


CONFIGURATION = DeclineCode.CONFIGURATION


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code"),
    [
        (401, error(40), Verdict.DECLINED, CONFIGURATION),
        (401, error(41), Verdict.DECLINED, CONFIGURATION),
        (401, error(42), Verdict.DECLINED, CONFIGURATION),
        (403, error(50), Verdict.DECLINED, CONFIGURATION),
        (403, error(53), Verdict.DECLINED, CONFIGURATION),
        (403, error(1201), Verdict.DECLINED, CONFIGURATION),
        (403, error(1202), Verdict.DECLINED, CONFIGURATION),
        (403, error("1203"), Verdict.DECLINED, CONFIGURATION),
        (403, None, Verdict.DECLINED, CONFIGURATION),
        (400, {"code": "not a number"}, Verdict.DECLINED, CONFIGURATION),
        (403, error(1204), Verdict.NOT_SENT, None),
        (403, error("1204"), Verdict.NOT_SENT, None),
        (429, None, Verdict.NOT_SENT, None),
        (503, error(5), Verdict.UNKNOWN, None),
        (500, error(1204), Verdict.UNKNOWN, None),  # not with this status
        (500, None, Verdict.UNKNOWN, None),
        (502, b"<html>Bad gateway</html>", Verdict.UNKNOWN, None),
        (201, b"", Verdict.UNKNOWN, None),
        (201, b'{"status":201,"pay_token":"', Verdict.UNKNOWN, None),
        (201, b"[" * 100_000, Verdict.UNKNOWN, None),
        (201, b"\xff\xfe", Verdict.UNKNOWN, None),
        (201, [CREATED], Verdict.UNKNOWN, None),
        (201, CREATED | {"pay_token": ""}, Verdict.UNKNOWN, None),
        (201, CREATED | {"pay_token": None}, Verdict.UNKNOWN, None),
        (201, CREATED | {"payment_url": ""}, Verdict.UNKNOWN, None),
        (201, CREATED | {"payment_url": "javascript:alert(1)"}, Verdict.UNKNOWN, None),
        (302, CREATED, Verdict.UNKNOWN, None),
        (404, None, Verdict.UNKNOWN, None),
    ],
)
def test_order_replies(status: int, body: Any, verdict: Verdict, code: DeclineCode | None) -> None:
    answer = read_order(reply(status, body), "ch-0001")
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert (answer.redirect_url, answer.provider_reference) == (None, None)
    assert answer.evidence["http_status"] == status
    for secret in (PAY_TOKEN, NOTIF_TOKEN):
        assert secret not in str(answer.evidence)


def test_the_code_of_a_refusal_is_its_reason() -> None:
    answer = read_order(reply(403, error(1203)), "ch-0001")
    assert answer.evidence["body"] == error(1203) | {"reason": "1203"}


WAITING = {"status": "INITIATED", "order_id": "ch-0001", "txnid": None}


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (201, PAID, Verdict.SUCCEEDED),
        (200, PAID, Verdict.SUCCEEDED),
        (201, PAID | {"amount": 1200}, Verdict.SUCCEEDED),
        (201, PAID | {"amount": "1200"}, Verdict.SUCCEEDED),
        (201, PAID | {"amount": "1200.00"}, Verdict.SUCCEEDED),
        (201, WAITING, Verdict.PENDING),
        (201, WAITING | {"status": "PENDING"}, Verdict.PENDING),
        (201, WAITING | {"status": "A_WORD_OF_TOMORROW"}, Verdict.PENDING),
        (201, WAITING | {"status": "success"}, Verdict.PENDING),
        (201, WAITING | {"status": ""}, Verdict.PENDING),
        (201, PAID | {"amount": 1201}, Verdict.UNKNOWN),
        (201, PAID | {"amount": "1200.5"}, Verdict.UNKNOWN),
        (201, PAID | {"amount": "a lot"}, Verdict.UNKNOWN),
        (201, PAID | {"amount": "1e999999"}, Verdict.UNKNOWN),
        (201, PAID | {"amount": "NaN"}, Verdict.UNKNOWN),
        (201, PAID | {"order_id": "ch-0002"}, Verdict.UNKNOWN),
        (201, {"txnid": "MP150709.1341.A00073"}, Verdict.UNKNOWN),
        (201, PAID | {"status": None}, Verdict.UNKNOWN),
        (201, [PAID], Verdict.UNKNOWN),
        (201, b"<html>OK</html>", Verdict.UNKNOWN),
        (201, b"", Verdict.UNKNOWN),
        (201, b"\xff", Verdict.UNKNOWN),
        (201, b"[" * 100_000, Verdict.UNKNOWN),
        (202, PAID, Verdict.UNKNOWN),
        (400, error(22), Verdict.UNKNOWN),
        (401, error(42), Verdict.UNKNOWN),
        (403, error(1201), Verdict.UNKNOWN),
        (404, error(60), Verdict.UNKNOWN),  # an order whose page somebody may have
        (429, None, Verdict.UNKNOWN),
        (503, error(5), Verdict.UNKNOWN),
    ],
)
def test_status_replies(status: int, body: Any, verdict: Verdict) -> None:
    answer = read_status(reply(status, body), CHARGE, "ch-0001")
    assert (answer.verdict, answer.decline_code) == (verdict, None)
    paid_as = "MP150709.1341.A00073" if verdict is Verdict.SUCCEEDED else None
    assert answer.provider_reference == paid_as
    assert answer.evidence["http_status"] == status


@pytest.mark.parametrize(
    ("status", "code"),
    [("FAILED", DeclineCode.PROVIDER_ERROR), ("EXPIRED", DeclineCode.EXPIRED)],
)
def test_statuses_that_end_without_money(status: str, code: DeclineCode) -> None:
    answer = read_status(reply(201, WAITING | {"status": status}), CHARGE, "ch-0001")
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code)
    assert answer.evidence["body"]["reason"] == status
    other = read_status(reply(201, PAID | {"status": status, "amount": 1}), CHARGE, "ch-0001")
    assert other.verdict is Verdict.UNKNOWN


# --- The adapter, without a connection ---


class Unreachable(httpx.AsyncBaseTransport):
    """Nothing may be sent in these tests: whoever tries fails the test."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"sent {request.url}")


@pytest.fixture
def silent() -> OrangeWeb:
    return OrangeWeb(ACCOUNT, httpx.AsyncClient(transport=Unreachable()))


LONG = "https://api.example.test/" + "x" * 100


@pytest.mark.parametrize(
    "change",
    [
        {"capture": False},
        {"currency": "xaf"},  # not of this account's country
        {"currency": "eur"},
        {"return_url": None},
        {"callback_url": None},
        {"return_url": LONG},
        {"callback_url": LONG},
    ],
)
async def test_what_orange_cannot_take_is_not_sent(
    silent: OrangeWeb, change: dict[str, Any]
) -> None:
    answer = await silent.charge(replace(CHARGE, **change))
    assert answer.verdict is Verdict.NOT_SENT
    assert answer.evidence["error"]


async def test_without_a_page_nobody_can_have_paid(silent: OrangeWeb) -> None:
    assert (await silent.look_up(CHARGE)).verdict is Verdict.NOT_SENT


@pytest.mark.parametrize("reference", ["MP150709.1341.A00073", "ch-0001:", ""])
async def test_without_a_pay_token_nothing_is_claimed(silent: OrangeWeb, reference: str) -> None:
    known = replace(CHARGE, provider_reference=reference)
    assert (await silent.look_up(known)).verdict is Verdict.UNKNOWN
    assert (await silent.charge(known)).verdict is Verdict.UNKNOWN


async def test_no_secret_shows(silent: OrangeWeb) -> None:
    shown = f"{ACCOUNT!r} {silent!r} {read_token(reply(200, TOKEN))!r}"
    for secret in ("the-client-secret", "the-merchant-key", "the-token"):
        assert secret not in shown


def test_the_adapter_takes_money_and_nothing_else(silent: OrangeWeb) -> None:
    provider: Provider = silent
    assert provider.name == "orange_web"
    for protocol in (Refunds, Payouts, Balances):
        assert not isinstance(provider, protocol)


@pytest.mark.parametrize(
    ("country", "countries", "currencies"),
    [
        ("ci", {"CI"}, {"xof"}),
        ("cm", {"CM"}, {"xaf"}),
        ("gn", {"GN"}, {"gnf"}),
        ("mg", set(), set()),  # whose currency we do not know
        ("dev", {"BF", "CI", "CM", "GN", "ML", "SN"}, {"xaf", "xof", "gnf"}),
        (None, {"BF", "CI", "CM", "GN", "ML", "SN"}, {"xaf", "xof", "gnf"}),
    ],
)
def test_capabilities(country: str | None, countries: set[str], currencies: set[str]) -> None:
    able = orange_web_capabilities(country)
    assert (able.countries, able.currencies) == (countries, currencies)
    assert (able.networks, able.methods) == ({"orange"}, {"mobile_money"})


# --- Notifications ---


@pytest.mark.parametrize(
    "body",
    [
        NOTIFICATION,
        NOTIFICATION | {"status": "FAILED", "txnid": None},
        NOTIFICATION | {"pay_token": PAY_TOKEN, "order_id": "ch-0001", "amount": "1200"},
    ],
)
def test_a_notification_is_a_knock_without_our_reference(
    silent: OrangeWeb, body: dict[str, Any]
) -> None:
    for _ in range(2):  # a second one is a knock like the first
        assert silent.read_callback({}, json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"status=SUCCESS",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"status":"' + b"x" * 1_000_000,
        json.dumps({"status": "SUCCESS"}).encode(),
        json.dumps({"notif_token": NOTIF_TOKEN}).encode(),
        json.dumps(NOTIFICATION | {"notif_token": 1}).encode(),
        json.dumps(NOTIFICATION)[:-2].encode(),
    ],
)
def test_a_body_that_orange_never_sends_is_forged(silent: OrangeWeb, body: bytes) -> None:
    with pytest.raises(ForgedCallback):
        silent.read_callback({}, body)
