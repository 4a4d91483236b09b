"""The CinetPay adapter: requests, every code, notifications, lost pages."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from kinds_cinetpay import BILLING
from sandbox_servers import listen, serve, url_of

from providers.boundary import (
    Answer,
    Billing,
    Charge,
    CredentialChecks,
    DeclineCode,
    ForgedCallback,
    Payouts,
    Provider,
    Refunds,
    Verdict,
)
from providers.cinetpay import (
    CinetPay,
    CinetPayAccount,
    build_check,
    build_payment,
    cinetpay_capabilities,
    customer_of,
)
from providers.cinetpay_notification import SIGNED_FIELDS, sign
from providers.cinetpay_replies import is_taken, read_check, read_creation

ACCOUNT = CinetPayAccount(
    "CI", "105900225", "the-api-key", "the-secret-key", "https://cinetpay.example.test/"
)
REFERENCE = "5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11"
CHARGE = Charge(
    reference=REFERENCE,
    amount=1500,
    currency="xof",
    payer="+2250701020304",
    callback_url="https://api.example.test/cb",
    return_url="https://shop.example.test/back",
    description="Order #12 & co",
    language="fr",
)
CARD = replace(CHARGE, payer="", billing=BILLING)


# --- Requests ---


def body_of(request: httpx.Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content)
    return body


def test_a_payment_by_wallet() -> None:
    request = build_payment(ACCOUNT, CHARGE, REFERENCE)
    assert (request.method, str(request.url)) == (
        "POST",
        "https://cinetpay.example.test/v2/payment",
    )
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "CPay"
    assert body_of(request) == {
        "apikey": "the-api-key",
        "site_id": "105900225",
        "transaction_id": REFERENCE,
        "amount": 1500,
        "currency": "XOF",
        "description": "Order 12 co",
        "notify_url": "https://api.example.test/cb",
        "return_url": "https://shop.example.test/back",
        "channels": "MOBILE_MONEY",
        "lang": "fr",
        "metadata": REFERENCE,
        "customer_phone_number": "+2250701020304",
    }


def test_a_payment_by_card_names_its_holder() -> None:
    body = body_of(build_payment(ACCOUNT, CARD, f"{REFERENCE}-2"))
    assert (body["channels"], body["transaction_id"]) == ("CREDIT_CARD", f"{REFERENCE}-2")
    assert body["metadata"] == REFERENCE
    assert {name: value for name, value in body.items() if name.startswith("customer_")} == {
        "customer_name": "Mensah",
        "customer_surname": "Ama",
        "customer_email": "ama@example.test",
        "customer_phone_number": "+2250701020304",
        "customer_address": "Rue 12",
        "customer_city": "Abidjan",
        "customer_country": "CI",
        "customer_state": "AB",
        "customer_zip_code": "00225",
    }


@pytest.mark.parametrize(
    ("name", "family", "given"),
    [
        ("Ama", "Ama", "Ama"),
        ("Ama Efua Mensah", "Mensah", "Ama Efua"),
        (" Ama Mensah ", "Mensah", "Ama"),
        ("", "", ""),
    ],
)
def test_names(name: str, family: str, given: str) -> None:
    customer = customer_of(replace(CARD, billing=Billing(name=name)))
    assert (customer["customer_name"], customer["customer_surname"]) == (family, given)


def test_a_network_makes_it_a_wallet_without_a_number() -> None:
    body = body_of(build_payment(ACCOUNT, replace(CHARGE, payer="", network="moov"), REFERENCE))
    assert body["channels"] == "MOBILE_MONEY"


def test_a_description_is_never_empty() -> None:
    for language, description in (("fr", "Paiement"), ("en", "Payment")):
        charge = replace(CHARGE, description="#&", language=language)
        assert body_of(build_payment(ACCOUNT, charge, REFERENCE))["description"] == description


@pytest.mark.parametrize(("name", "value"), [("transaction_id", REFERENCE), ("token", "t")])
def test_check(name: str, value: str) -> None:
    request = build_check(ACCOUNT, name, value)
    assert str(request.url) == "https://cinetpay.example.test/v2/payment/check"
    assert body_of(request) == {"apikey": "the-api-key", "site_id": "105900225", name: value}


def test_capabilities_are_those_of_the_country() -> None:
    able = cinetpay_capabilities("TG", signed=True)
    assert (able.countries, able.networks) == ({"TG"}, {"moov", "tmoney"})
    assert (able.currencies, able.amounts["xof"].step) == ({"xof"}, 5)
    assert cinetpay_capabilities("CM", signed=False).currencies == {"xaf"}
    unsigned = CinetPay(replace(ACCOUNT, secret_key=""), httpx.AsyncClient())
    assert not unsigned.capabilities.signed_callbacks
    with pytest.raises(ValueError, match="country"):
        replace(ACCOUNT, country="FR")


# --- Replies ---

PAGE = {"payment_token": "the-token", "payment_url": "https://checkout.example.test/payment/x"}
CREATED = {
    "code": "201",
    "message": "CREATED",
    "description": "Transaction created with success",
    "data": PAGE,
    "api_response_id": "1663323067.7677",
}
ACCEPTED = {
    "amount": "1500",
    "currency": "XOF",
    "status": "ACCEPTED",
    "payment_method": "FLOOZTG",
    "description": "Order",
    "metadata": None,
    "operator_id": "MP220915.2257.A76307",
    "payment_date": "2022-09-15 22:57:15",
}


def reply(body: Any, status: int = 200) -> httpx.Response:
    if isinstance(body, bytes):
        return httpx.Response(status, content=body)
    return httpx.Response(status, json=body)


def of(code: str | int, status: str | None = None, **changes: Any) -> dict[str, Any]:
    """A reply of payment/check; without a status, without `data`."""
    body: dict[str, Any] = {"code": code, "message": "WORDS", "api_response_id": "1"}
    return body if status is None else body | {"data": ACCEPTED | {"status": status} | changes}


def checked(body: Any, status: int = 200, token: str | None = "t") -> Answer:
    return read_check(reply(body, status), 1500, "xof", token)


def test_a_page_is_pending_and_the_evidence_opens_nothing() -> None:
    for status in (200, 201):
        answer = read_creation(reply(CREATED, status))
        assert answer.verdict is Verdict.PENDING
        assert (answer.provider_reference, answer.redirect_url) == tuple(PAGE.values())
        assert "the-token" not in str(answer.evidence)
        assert PAGE["payment_url"] not in str(answer.evidence)


DECLINED = Verdict.DECLINED
CREATIONS: list[tuple[Any, int, Verdict, DeclineCode | None]] = [
    *((of(str(code)), 400, DECLINED, DeclineCode.CONFIGURATION) for code in (606, 608, 609)),
    *((of(str(code)), 400, DECLINED, DeclineCode.CONFIGURATION) for code in range(610, 620)),
    (of("620"), 400, Verdict.NOT_SENT, None),
    (of(620), 200, Verdict.NOT_SENT, None),
    (of("635"), 400, DECLINED, DeclineCode.PAYER_NOT_FOUND),
    (of("641"), 400, DECLINED, DeclineCode.LIMIT_EXCEEDED),
    (of("642"), 400, DECLINED, DeclineCode.LIMIT_EXCEEDED),
    (of("804"), 400, DECLINED, DeclineCode.PROVIDER_ERROR),
    (of("624"), 400, Verdict.UNKNOWN, None),
    (of("999"), 200, Verdict.UNKNOWN, None),
    (of("201"), 200, Verdict.UNKNOWN, None),
    (CREATED | {"data": []}, 200, Verdict.UNKNOWN, None),
    (CREATED | {"data": PAGE | {"payment_token": ""}}, 200, Verdict.UNKNOWN, None),
    (CREATED | {"data": PAGE | {"payment_url": "javascript:alert(1)"}}, 200, Verdict.UNKNOWN, None),
    (CREATED | {"code": None}, 200, Verdict.UNKNOWN, None),
    (CREATED, 500, Verdict.UNKNOWN, None),
    (of("609"), 503, Verdict.UNKNOWN, None),
    (of("429"), 429, Verdict.NOT_SENT, None),
    (b"<html>Access denied: 1010</html>", 403, Verdict.UNKNOWN, None),
    (b"", 200, Verdict.UNKNOWN, None),
    (b"\xff", 200, Verdict.UNKNOWN, None),
    (b"[" * 100_000, 200, Verdict.UNKNOWN, None),
    ([CREATED], 200, Verdict.UNKNOWN, None),
]


@pytest.mark.parametrize(("body", "status", "verdict", "code"), CREATIONS)
def test_replies_to_a_creation(
    body: Any, status: int, verdict: Verdict, code: DeclineCode | None
) -> None:
    answer = read_creation(reply(body, status))
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.redirect_url is None
    assert is_taken(reply(body, status)) == (body in (of("620"), of(620)))


REFUSALS = {
    DeclineCode.PROVIDER_ERROR: "600 626 804",
    DeclineCode.INSUFFICIENT_FUNDS: "602",
    DeclineCode.AUTHENTICATION_FAILED: "604",
    DeclineCode.GENERIC_DECLINE: "606",
    DeclineCode.EXPIRED: "625",
    DeclineCode.PAYER_DECLINED: "627",
    DeclineCode.PAYER_NOT_FOUND: "635 636 637",
    DeclineCode.LIMIT_EXCEEDED: "641 642 807 808 809 810 811 812",
}


@pytest.mark.parametrize(
    ("code", "expected"),
    [(code, ours) for ours, codes in REFUSALS.items() for code in codes.split()],
)
def test_refused_payments(code: str, expected: DeclineCode) -> None:
    for body in (of(code, "REFUSED"), of(int(code), "REFUSED"), of(code), of(code, "CANCELLED")):
        answer = checked(body)
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, expected)
        assert answer.evidence["body"]["reason"] == code
    assert checked(of(code, "WAITING_FOR_CUSTOMER")).verdict is Verdict.PENDING
    assert checked(of(code, "ACCEPTED")).verdict is Verdict.UNKNOWN


CHECKS: list[tuple[Any, int, Verdict, Verdict]] = [
    # With the token in hand; without.
    (of("00", "ACCEPTED"), 200, Verdict.SUCCEEDED, Verdict.SUCCEEDED),
    (of("00", "ACCEPTED", amount=1500), 200, Verdict.SUCCEEDED, Verdict.SUCCEEDED),
    (of("00", "ACCEPTED", amount="1500.00"), 200, Verdict.SUCCEEDED, Verdict.SUCCEEDED),
    (of("00", "ACCEPTED", amount="1505"), 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("00", "ACCEPTED", amount="1e3"), 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("00", "ACCEPTED", currency="XAF"), 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("602", "REFUSED", amount="15"), 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("00", "REFUSED"), 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("00"), 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("0", "ACCEPTED"), 200, Verdict.UNKNOWN, Verdict.NOT_SENT),
    (of("00", "WAITING_FOR_CUSTOMER"), 200, Verdict.PENDING, Verdict.NOT_SENT),
    (of("201"), 200, Verdict.PENDING, Verdict.NOT_SENT),
    (of("623", "PENDING"), 200, Verdict.PENDING, Verdict.NOT_SENT),
    (of("662", "PENDING"), 200, Verdict.PENDING, Verdict.NOT_SENT),
    (of("663"), 200, Verdict.PENDING, Verdict.NOT_SENT),
    (of("624"), 400, Verdict.UNKNOWN, Verdict.NOT_SENT),
    (of("404"), 404, Verdict.UNKNOWN, Verdict.NOT_SENT),
    (of("608"), 400, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("609"), 400, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("613"), 400, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("429"), 429, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (of("00", "ACCEPTED"), 502, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ({"message": "SUCCES"}, 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (b"<html>OK</html>", 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (b"<html>Not found</html>", 404, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (b"", 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (b"\xff", 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
    (b"[" * 100_000, 200, Verdict.UNKNOWN, Verdict.UNKNOWN),
]


@pytest.mark.parametrize(("body", "status", "with_token", "without"), CHECKS)
def test_replies_to_a_check(body: Any, status: int, with_token: Verdict, without: Verdict) -> None:
    assert checked(body, status, "t").verdict is with_token
    assert checked(body, status, "t").provider_reference == "t"
    assert checked(body, status, None).verdict is without


# --- Notifications ---

FIELDS = {name: f"<{name}>" for name in SIGNED_FIELDS} | {
    "cpm_site_id": "105900225",
    "cpm_trans_id": REFERENCE,
    "cpm_designation": "Été à Abidjan",
    "cpm_custom": "",
}


def read(fields: dict[str, str], x_token: str | None, account: CinetPayAccount = ACCOUNT) -> Any:
    headers = {} if x_token is None else {"X-Token": x_token}
    adapter = CinetPay(account, httpx.AsyncClient())
    return adapter.read_callback(headers, urlencode(fields).encode())


def test_the_signature_is_over_sixteen_values_in_order() -> None:
    # printf '%s' 1 2 ... 16 | openssl dgst -sha256 -hmac the-secret-key
    fields = {name: str(number) for number, name in enumerate(SIGNED_FIELDS, 1)}
    assert len(SIGNED_FIELDS) == 16
    assert (
        sign(fields, "the-secret-key")
        == "fc2de4f556e54c6dbe7d0217b8582d0ac47f3cc35f0adcba6037dbe50285803c"
    )


@pytest.mark.parametrize("suffix", ["", "-2", "-3"])
def test_a_notification_names_our_reference(suffix: str) -> None:
    fields = FIELDS | {"cpm_trans_id": REFERENCE + suffix, "not_signed": "x"}
    assert read(fields, sign(fields, "the-secret-key")) == REFERENCE
    assert read(fields, sign(fields, "the-secret-key").upper()) == REFERENCE
    unsigned = replace(ACCOUNT, secret_key="")
    assert read(fields, None, unsigned) == REFERENCE


@pytest.mark.parametrize("name", SIGNED_FIELDS)
def test_a_changed_field_is_forged(name: str) -> None:
    token = sign(FIELDS, "the-secret-key")
    with pytest.raises(ForgedCallback):
        read(FIELDS | {name: FIELDS[name] + "0"}, token)


@pytest.mark.parametrize(
    "x_token",
    [None, "", "0" * 64, "é" * 64, sign(FIELDS, "another-key"), sign({}, "the-secret-key")],
)
def test_a_wrong_signature_is_forged(x_token: str | None) -> None:
    with pytest.raises(ForgedCallback):
        read(FIELDS, x_token)


@pytest.mark.parametrize(
    "change",
    [
        {"cpm_site_id": "1"},
        {"cpm_site_id": ""},
        {"cpm_trans_id": ""},
        {"cpm_trans_id": "1"},
        {"cpm_trans_id": f"{REFERENCE}-22"},
        {"cpm_trans_id": f"{REFERENCE}' or 1"},
    ],
)
def test_a_well_signed_notification_about_something_else_is_forged(change: dict[str, str]) -> None:
    fields = FIELDS | change
    with pytest.raises(ForgedCallback):
        read(fields, sign(fields, "the-secret-key"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b"cpm_site_id=%FF",
        b"&" * 10_000,
        b"a=1&" * 4_000,
        urlencode(FIELDS | {"padding": "x" * 50_000}).encode(),
        json.dumps(FIELDS).encode(),
    ],
    ids=repr,
)
def test_what_is_no_form_is_forged(body: bytes) -> None:
    adapter = CinetPay(replace(ACCOUNT, secret_key=""), httpx.AsyncClient())
    with pytest.raises(ForgedCallback):
        adapter.read_callback({}, body)


# --- The adapter, over HTTP ---


@dataclass
class Scripted:
    """A server that gives its answers one after the other, and keeps what it was asked."""

    answers: list[Any]
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["method"] == "POST"
        self.seen.append(json.loads((await receive())["body"]))
        body = json.dumps(self.answers[len(self.seen) - 1]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def cinetpay_that(*answers: Any) -> AsyncIterator[tuple[CinetPay, Scripted]]:
    scripted = Scripted(list(answers))
    with serve(scripted) as url:
        async with httpx.AsyncClient(timeout=1, trust_env=False) as client:
            yield CinetPay(replace(ACCOUNT, base_url=url), client), scripted


async def test_a_lost_page_is_asked_for_under_the_next_id() -> None:
    async with cinetpay_that(of("620"), of("620"), CREATED) as (cinetpay, scripted):
        answer = await cinetpay.charge(CHARGE)
    assert answer.redirect_url == PAGE["payment_url"]
    assert [body["transaction_id"] for body in scripted.seen] == [
        REFERENCE,
        f"{REFERENCE}-2",
        f"{REFERENCE}-3",
    ]
    assert {body["metadata"] for body in scripted.seen} == {REFERENCE}


async def test_when_every_id_is_taken_nothing_was_sent() -> None:
    async with cinetpay_that(*[of("620")] * 3) as (cinetpay, scripted):
        answer = await cinetpay.charge(CHARGE)
    assert (answer.verdict, answer.redirect_url) == (Verdict.NOT_SENT, None)
    assert len(scripted.seen) == 3


async def test_with_the_token_in_hand_nothing_is_created_again() -> None:
    known = replace(CHARGE, provider_reference="the-token")
    async with cinetpay_that(of("662", "PENDING"), of("00", "ACCEPTED")) as (cinetpay, scripted):
        assert (await cinetpay.charge(known)).verdict is Verdict.PENDING
        assert (await cinetpay.look_up(known)).verdict is Verdict.SUCCEEDED
    assert [body["token"] for body in scripted.seen] == ["the-token"] * 2


@pytest.mark.parametrize(
    ("charge", "named"),
    [
        (replace(CHARGE, capture=False), "capture"),
        (replace(CHARGE, currency="xaf"), "XAF"),
        (replace(CHARGE, amount=1501), "multiples of 5"),
        (replace(CHARGE, callback_url=None), "notify_url"),
        (replace(CHARGE, return_url=None), "return_url"),
        (replace(CARD, billing=Billing()), "customer_name, customer_surname, customer_email"),
        (replace(CARD, billing=replace(BILLING, state="")), "customer_state"),
        (replace(CARD, billing=replace(BILLING, postal_code="")), "customer_zip_code"),
    ],
)
async def test_what_cinetpay_would_refuse_never_leaves(charge: Charge, named: str) -> None:
    async with cinetpay_that() as (cinetpay, scripted):
        answer = await cinetpay.charge(charge)
    assert answer.verdict is Verdict.NOT_SENT
    assert named in answer.evidence["error"]
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (of("404"), Verdict.SUCCEEDED),
        (of("662", "PENDING"), Verdict.SUCCEEDED),
        (of("609"), Verdict.DECLINED),
        (of("613"), Verdict.DECLINED),
        (of("624"), Verdict.UNKNOWN),
        (of("608"), Verdict.UNKNOWN),
        ({}, Verdict.UNKNOWN),
    ],
)
async def test_credentials(body: Any, verdict: Verdict) -> None:
    async with cinetpay_that(body) as (cinetpay, _):
        assert (await cinetpay.check_credentials()).verdict is verdict


async def test_nobody_listens(client: httpx.AsyncClient) -> None:
    with listen() as nobody:
        cinetpay = CinetPay(replace(ACCOUNT, base_url=url_of(nobody)), client)
        assert (await cinetpay.charge(CHARGE)).verdict is Verdict.NOT_SENT
        assert (await cinetpay.look_up(CHARGE)).verdict is Verdict.UNKNOWN
        assert (await cinetpay.check_credentials()).verdict is Verdict.UNKNOWN


def test_the_adapter_is_a_provider_that_hides_its_secrets() -> None:
    cinetpay = CinetPay(ACCOUNT, httpx.AsyncClient())
    provider: Provider = cinetpay
    assert provider.name == "cinetpay"
    assert isinstance(cinetpay, CredentialChecks)
    assert not isinstance(cinetpay, (Payouts, Refunds))
    for secret in (ACCOUNT.api_key, ACCOUNT.secret_key):
        assert secret not in repr(cinetpay)
