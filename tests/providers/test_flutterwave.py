"""The Flutterwave adapter: requests, what each reply says of the money, webhooks, lost answers."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from providers.boundary import (
    Answer,
    Billing,
    Charge,
    CredentialChecks,
    DeclineCode,
    ForgedCallback,
    Payouts,
    Provider,
    Refund,
    Refunds,
    Verdict,
)
from providers.flutterwave import (
    LIVE_URL,
    SANDBOX_URL,
    Flutterwave,
    FlutterwaveAccount,
    flutterwave_capabilities,
)
from providers.flutterwave_calls import (
    Access,
    Subscriber,
    build_charge,
    build_look_up,
    build_look_up_refund,
    build_networks,
    build_refund,
    build_token,
    read_token,
    subscriber_of,
)
from providers.flutterwave_replies import (
    read_creation,
    read_look_up,
    read_look_up_refund,
    read_networks,
    read_refund,
    read_search,
)
from providers.flutterwave_webhook import sign

ACCOUNT = FlutterwaveAccount(
    "CM", "the-client", "the-client-secret", "the-secret-hash", "", "https://flw.example.test/"
)
ACCESS = Access(ACCOUNT, "the-token")
REFERENCE = "5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11"
CHARGE = Charge(
    reference=REFERENCE,
    amount=1500,
    currency="xaf",
    payer="+237670000000",
    callback_url="https://api.example.test/cb",
    return_url="https://api.example.test/back",
    external_id="py_1",
    network="mtn",
    billing=Billing(name="Ama Efua Mensah", email="ama@example.test"),
)
KNOWN = replace(CHARGE, provider_reference="chg_nONgeAGY97")
REFUND = Refund("6a0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a22", 600, KNOWN, None, "re_1")
SUBSCRIBER = Subscriber("CM", "237", "670000000")


# --- Requests ---


def body_of(request: httpx.Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content)
    return body


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        (LIVE_URL, "https://idp.flutterwave.com"),
        (SANDBOX_URL + "/", "https://idp.flutterwave.com"),
        ("https://flw.example.test/", "https://flw.example.test"),
    ],
)
def test_the_token_is_the_identity_providers(base_url: str, host: str) -> None:
    request = build_token(replace(ACCOUNT, base_url=base_url))
    assert str(request.url) == f"{host}/realms/flutterwave/protocol/openid-connect/token"
    assert dict(parse_qsl(request.content.decode())) == {
        "client_id": "the-client",
        "client_secret": "the-client-secret",
        "grant_type": "client_credentials",
    }


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": "invalid_client"}),
        (200, {"access_token": "", "expires_in": 600}),
        (200, {"access_token": "t"}),
        (200, []),
    ],
)
def test_replies_without_a_token(status: int, body: Any) -> None:
    assert read_token(httpx.Response(status, json=body)) is None
    assert read_token(httpx.Response(200, json={"access_token": "t", "expires_in": 600}))


def test_a_charge() -> None:
    request = build_charge(ACCESS, CHARGE, SUBSCRIBER, "MTN")
    assert str(request.url) == "https://flw.example.test/orchestration/direct-charges"
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.headers["x-trace-id"] == request.headers["x-idempotency-key"] == REFERENCE
    assert body_of(request) == {
        "amount": 1500,
        "currency": "XAF",
        "reference": REFERENCE,
        "customer": {
            "email": "ama@example.test",
            "phone": {"country_code": "237", "number": "670000000"},
            "name": {"first": "Ama", "last": "Efua Mensah"},
        },
        "payment_method": {
            "type": "mobile_money",
            "mobile_money": {
                "network": "MTN",
                "country_code": "237",
                "phone_number": "670000000",
            },
        },
        "meta": {"charge": "py_1", "callback_url": "https://api.example.test/cb"},
        "redirect_url": "https://api.example.test/back",
    }


def test_a_charge_of_somebody_who_left_nothing() -> None:
    bare = Charge(REFERENCE, 5, "xof", "+2250701020304")
    access = Access(replace(ACCOUNT, payer_email="nobody@example.test"), "t")
    body = body_of(build_charge(access, bare, Subscriber("CI", "225", "0701020304"), "WAVE"))
    assert body["customer"] == {
        "email": "nobody@example.test",
        "phone": {"country_code": "225", "number": "0701020304"},
    }
    assert (body["meta"], "redirect_url" in body) == ({}, False)


@pytest.mark.parametrize(
    ("msisdn", "parts"),
    [
        ("+237670000000", ("CM", "237", "670000000")),
        ("+2250701020304", ("CI", "225", "0701020304")),
        ("+221771234567", ("SN", "221", "771234567")),
        ("+23767", None),
        ("pm_card_visa", None),
        ("", None),
    ],
)
def test_numbers_are_taken_apart(msisdn: str, parts: tuple[str, str, str] | None) -> None:
    assert subscriber_of(msisdn) == (None if parts is None else Subscriber(*parts))


def test_questions() -> None:
    for request, path, query in (
        (build_networks(ACCESS, "CI"), "/mobile-networks", {"country": "CI"}),
        (build_look_up(ACCESS, CHARGE), "/charges", {"reference": REFERENCE}),
        (build_look_up(ACCESS, KNOWN), "/charges/chg_nONgeAGY97", {}),
        (build_look_up_refund(ACCESS, REFUND), "/refunds", {"page": "1", "size": "50"}),
        (
            build_look_up_refund(ACCESS, replace(REFUND, provider_reference="rfd_1")),
            "/refunds/rfd_1",
            {},
        ),
    ):
        assert (request.method, request.url.path) == ("GET", path)
        assert dict(request.url.params) == query
        assert 12 <= len(request.headers["x-trace-id"]) <= 255
        assert "x-idempotency-key" not in request.headers


def test_a_refund() -> None:
    request = build_refund(ACCESS, REFUND, "chg_nONgeAGY97")
    assert (request.method, request.url.path) == ("POST", "/refunds")
    assert request.headers["x-idempotency-key"] == REFUND.reference
    assert body_of(request) == {
        "amount": 600,
        "charge_id": "chg_nONgeAGY97",
        "reason": "requested_by_customer",
        "meta": {"reference": REFUND.reference, "refund": "re_1"},
    }


# --- Replies about charges ---

# After the published example, with what a wallet has instead of a card.
SHOWN = {
    "id": "chg_nONgeAGY97",
    "amount": 1500,
    "fees": [{"type": "vat", "amount": 12.3}],
    "billing_details": {
        "email": "ama@example.test",
        "name": {"first": "Ama", "last": "Mensah"},
        "phone": {"country_code": "237", "number": "670000000"},
    },
    "currency": "XAF",
    "customer_id": "cus_3XarBILKQS",
    "description": None,
    "settled": False,
    "settlement_id": [],
    "meta": {"charge": "py_1"},
    "next_action": None,
    "payment_method_details": {
        "id": "pmd_WRq7L4TM8p",
        "type": "mobile_money",
        "mobile_money": {"network": "MTN", "country_code": "237", "phone_number": "670000000"},
        "customer_id": "cus_3XarBILKQS",
        "device_fingerprint": "62wd23423rq324323qew1",
    },
    "redirect_url": "https://api.example.test/back",
    "reference": REFERENCE,
    "status": "succeeded",
    "processor_response": {"type": "approved", "code": "00"},
    "created_datetime": "2024-12-03T13:54:21.546559974Z",
}
PAGE_URL = "https://flw.example.test/redirects?opay&token=eyJhbGciOi"
TO_A_PAGE = {"type": "redirect_url", "redirect_url": {"url": PAGE_URL}}


def reply(body: Any, status: int = 200) -> httpx.Response:
    if isinstance(body, bytes):
        return httpx.Response(status, content=body)
    return httpx.Response(status, json=body)


def success(**changes: Any) -> dict[str, Any]:
    return {"status": "success", "message": "Charge fetched", "data": SHOWN | changes}


def failure(kind: str, code: str) -> dict[str, Any]:
    error = {"type": kind, "code": code, "message": "words", "validation_errors": []}
    return {"status": "failed", "error": error}


NOT_VALID = failure("REQUEST_NOT_VALID", "10400")
UNAUTHORIZED = failure("UNAUTHORIZED", "10401")
CONFLICT = failure("RESOURCE_CONFLICT", "10409")


def test_what_is_kept_of_a_reply() -> None:
    body = success(status="pending", next_action=TO_A_PAGE)
    answer = read_creation(reply(body, 201), CHARGE)
    assert (answer.verdict, answer.provider_reference) == (Verdict.PENDING, "chg_nONgeAGY97")
    assert answer.redirect_url == PAGE_URL
    assert answer.evidence == {
        "http_status": 201,
        "id": "chg_nONgeAGY97",
        "status": "pending",
        "amount": 1500,
        "currency": "XAF",
        "reference": REFERENCE,
        "processor_response": {"type": "approved", "code": "00"},
        "next_action": "redirect_url",
    }


DECLINED = Verdict.DECLINED
ABOUT_A_CHARGE: list[tuple[dict[str, Any], Verdict, DeclineCode | None]] = [
    ({}, Verdict.SUCCEEDED, None),
    ({"status": "SUCCEEDED"}, Verdict.SUCCEEDED, None),
    ({"status": "Successful"}, Verdict.SUCCEEDED, None),
    ({"amount": 1500.0}, Verdict.SUCCEEDED, None),
    ({"amount": "1500"}, Verdict.SUCCEEDED, None),
    ({"currency": "xaf", "processor_response": None}, Verdict.SUCCEEDED, None),
    ({"status": "pending"}, Verdict.PENDING, None),
    ({"status": "PENDING"}, Verdict.PENDING, None),
    ({"status": "tomorrow's word"}, Verdict.PENDING, None),
    ({"status": "failed"}, DECLINED, DeclineCode.PROVIDER_ERROR),
    ({"status": "failed", "processor_response": None}, DECLINED, DeclineCode.PROVIDER_ERROR),
    *(
        ({"status": status, "processor_response": {"type": "x", "code": code}}, DECLINED, ours)
        for status in ("failed", "FAILED", "voided")
        for code, ours in {
            "05": DeclineCode.DO_NOT_HONOR,
            "51": DeclineCode.INSUFFICIENT_FUNDS,
            "54": DeclineCode.EXPIRED_CARD,
            "55": DeclineCode.AUTHENTICATION_FAILED,
            "91": DeclineCode.PROCESSING_ERROR,
            "99": DeclineCode.PROVIDER_ERROR,
        }.items()
    ),
    # Another charge, other money, no shape of a charge.
    ({"reference": "6a0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a22"}, Verdict.UNKNOWN, None),
    ({"amount": 1501}, Verdict.UNKNOWN, None),
    ({"amount": 1500.5}, Verdict.UNKNOWN, None),
    ({"amount": 1.5e3 * 10}, Verdict.UNKNOWN, None),
    ({"amount": None}, Verdict.UNKNOWN, None),
    ({"amount": True}, Verdict.UNKNOWN, None),
    ({"currency": "XOF"}, Verdict.UNKNOWN, None),
    ({"status": None}, Verdict.UNKNOWN, None),
    ({"id": "../refunds"}, Verdict.UNKNOWN, None),
    ({"id": ""}, Verdict.UNKNOWN, None),
]


@pytest.mark.parametrize(("changes", "verdict", "code"), ABOUT_A_CHARGE)
def test_what_a_charge_says(
    changes: dict[str, Any], verdict: Verdict, code: DeclineCode | None
) -> None:
    body = success(**changes)
    listed = {"status": "success", "data": [{"reference": "another"}, body["data"], {}]}
    for answer in (read_creation(reply(body, 201), CHARGE), read_look_up(reply(body), KNOWN)):
        assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.provider_reference == "chg_nONgeAGY97"  # known before, whatever is said now
    found = read_search(reply(listed), CHARGE)
    assert found.verdict is verdict
    if verdict is not Verdict.UNKNOWN:
        assert found.provider_reference == "chg_nONgeAGY97"


@pytest.mark.parametrize(
    ("action", "url"),
    [
        (TO_A_PAGE, PAGE_URL),
        ({"type": "redirect_url", "redirect_url": {"url": "javascript:alert(1)"}}, None),
        ({"type": "redirect_url", "redirect_url": PAGE_URL}, None),
        ({"type": "redirect_url"}, None),
        ({"type": "payment_instruction", "payment_instruction": {"note": "Dial"}}, None),
        *(
            ({"type": kind, "redirect_url": {"url": PAGE_URL}}, None)
            for kind in (
                "requires_pin", "requires_otp", "requires_additional_fields", "requires_requery",
                "requires_capture", "requires_bank_transfer", "qr_code", "tomorrow",
            )
        ),
        ({}, None),
        (None, None),
    ],
)  # fmt: skip
def test_what_comes_next_is_a_page_or_our_patience(action: Any, url: str | None) -> None:
    answer = read_look_up(reply(success(status="pending", next_action=action)), KNOWN)
    assert (answer.verdict, answer.redirect_url) == (Verdict.PENDING, url)


REFUSED: list[tuple[Any, int, Verdict, DeclineCode | None]] = [
    (NOT_VALID, 400, DECLINED, DeclineCode.CONFIGURATION),
    (UNAUTHORIZED, 401, DECLINED, DeclineCode.CONFIGURATION),
    (failure("FORBIDDEN", "10403"), 403, DECLINED, DeclineCode.CONFIGURATION),
    (failure("NOT_FOUND", "10404"), 404, DECLINED, DeclineCode.CONFIGURATION),
    (CONFLICT, 409, Verdict.UNKNOWN, None),
    (NOT_VALID, 429, Verdict.NOT_SENT, None),
    (b"slow down", 429, Verdict.NOT_SENT, None),
    (NOT_VALID, 500, Verdict.UNKNOWN, None),
    (success(), 500, Verdict.UNKNOWN, None),
    (success() | {"status": "failed"}, 201, Verdict.UNKNOWN, None),
    ({"status": "success"}, 201, Verdict.UNKNOWN, None),
    ({"status": "success", "data": []}, 201, Verdict.UNKNOWN, None),
    ({"message": "Forbidden"}, 403, Verdict.UNKNOWN, None),
    (b"<html>403</html>", 403, Verdict.UNKNOWN, None),
    (b"<html>OK</html>", 200, Verdict.UNKNOWN, None),
    (b"", 201, Verdict.UNKNOWN, None),
    (b"\xff", 201, Verdict.UNKNOWN, None),
    (b"[" * 100_000, 201, Verdict.UNKNOWN, None),
]


@pytest.mark.parametrize(("body", "status", "verdict", "code"), REFUSED)
def test_replies_that_bring_no_charge_and_no_refund(
    body: Any, status: int, verdict: Verdict, code: DeclineCode | None
) -> None:
    for answer in (
        read_creation(reply(body, status), CHARGE),
        read_refund(reply(body, status), REFUND),
    ):
        assert (answer.verdict, answer.decline_code) == (verdict, code)
        assert answer.provider_reference is None
    # Of a question, no refusal says anything about the money.
    if status != 201:
        for answer in (
            read_look_up(reply(body, status), KNOWN),
            read_search(reply(body, status), CHARGE),
            read_look_up_refund(reply(body, status), REFUND),
        ):
            assert answer.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("listed", "verdict"),
    [
        ([], Verdict.NOT_SENT),
        ([{"reference": "6a0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a22"}], Verdict.UNKNOWN),
        ([None, 5, "x"], Verdict.UNKNOWN),
        ({}, Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ],
)
def test_only_an_empty_list_says_never_seen(listed: Any, verdict: Verdict) -> None:
    answer = read_search(reply({"status": "success", "data": listed}), CHARGE)
    assert (answer.verdict, answer.provider_reference) == (verdict, None)


# --- Replies about refunds ---

REFUNDED = {
    "id": "rfd_1",
    "amount_refunded": 600,
    "meta": {"reference": REFUND.reference},
    "reason": "requested_by_customer",
    "status": "completed",
    "charge_id": "chg_nONgeAGY97",
    "created_datetime": "2024-12-03T13:54:21Z",
}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.SUCCEEDED),
        ({"status": "SUCCEEDED"}, Verdict.SUCCEEDED),
        ({"meta": None}, Verdict.SUCCEEDED),
        *(({"status": word}, Verdict.PENDING) for word in ("new", "pending", "requires_action")),
        ({"status": "tomorrow's word"}, Verdict.PENDING),
        ({"status": "failed"}, Verdict.DECLINED),
        ({"status": "Cancelled"}, Verdict.DECLINED),
        ({"amount_refunded": 1500}, Verdict.UNKNOWN),
        ({"meta": {"reference": REFERENCE}}, Verdict.UNKNOWN),
        ({"id": "a/b"}, Verdict.UNKNOWN),
        ({"status": None}, Verdict.UNKNOWN),
    ],
)
def test_what_a_refund_says(changes: dict[str, Any], verdict: Verdict) -> None:
    body = {"status": "success", "data": REFUNDED | changes}
    for answer in (
        read_refund(reply(body, 201), REFUND),
        read_look_up_refund(reply(body), REFUND),
    ):
        assert answer.verdict is verdict
        if verdict is not Verdict.UNKNOWN:
            assert answer.provider_reference == "rfd_1"


def test_a_refund_is_found_by_our_reference_and_never_believed_to_be_missing() -> None:
    others = [{"meta": None}, None, REFUNDED | {"meta": {"reference": REFERENCE}}]
    for listed, verdict in (
        ([*others, REFUNDED], Verdict.SUCCEEDED),
        (others, Verdict.UNKNOWN),
        ([], Verdict.UNKNOWN),
    ):
        answer = read_look_up_refund(reply({"status": "success", "data": listed}), REFUND)
        assert answer.verdict is verdict


@pytest.mark.parametrize(
    ("before", "verdict"),
    [(0, Verdict.SUCCEEDED), (120, Verdict.SUCCEEDED), (600, Verdict.UNKNOWN)],
)
async def test_a_refund_is_sought_page_by_page(before: int, verdict: Verdict) -> None:
    listed = [*({"meta": None} for _ in range(before)), REFUNDED]
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        if "/token" in request.url.path:
            return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
        page, size = (int(request.url.params[name]) for name in ("page", "size"))
        asked.append(page)
        part = listed[(page - 1) * size : page * size]
        return httpx.Response(200, json={"status": "success", "data": part})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        adapter = Flutterwave(ACCOUNT, client)
        assert (await adapter.look_up_refund(REFUND)).verdict is verdict
    assert asked == list(range(1, min(10, before // 50 + 1) + 1))


def test_networks() -> None:
    listed = [
        {"id": "mob_cYjd92Qk", "network": "MTN", "name": "MTN Mobile Money"},
        {"id": "mob_2", "network": "AIRTEL", "name": "Airtel Money"},
    ]
    networks = read_networks(reply({"status": "success", "data": listed}))
    assert networks == {"MTN": "MTN Mobile Money", "AIRTEL": "Airtel Money"}
    assert read_networks(reply({"status": "success", "data": []})) == {}
    assert read_networks(reply({"status": "success", "data": [{"id": "x"}]})) is None
    assert read_networks(reply(NOT_VALID, 400)) is None


# --- Webhooks ---

COMPLETED = {
    "id": "wbk_W5p6ktwU0jQ8RO4By860",
    "timestamp": 1738317710000,
    "type": "charge.completed",
    "data": SHOWN,
}
REFUND_COMPLETED = {
    "webhook_id": "wbk_2",
    "timestamp": 1738317710,
    "type": "refund.completed",
    "data": REFUNDED,
}


def read(event: Any, signature: str | None = None, account: FlutterwaveAccount = ACCOUNT) -> Any:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    signature = sign(body, "the-secret-hash") if signature is None else signature
    headers = {"Flutterwave-Signature": signature}
    return Flutterwave(account, httpx.AsyncClient()).read_callback(headers, body)


def test_the_signature_is_base64() -> None:
    # printf '%s' '{"type":"x"}' | openssl dgst -sha256 -hmac the-secret-hash -binary | base64
    expected = "cbb0qlRiQWAWcJfZUUG3kVBLrb8LN2NrcVVo7bTFTPU="
    assert sign(b'{"type":"x"}', "the-secret-hash") == expected


@pytest.mark.parametrize(
    ("event", "reference"),
    [
        (COMPLETED, REFERENCE),
        (REFUND_COMPLETED, REFUND.reference),
        (REFUND_COMPLETED | {"data": REFUNDED | {"meta": None}}, None),
        (COMPLETED | {"type": "transfer.disburse", "data": {"id": "trf_1"}}, None),
        (COMPLETED | {"data": {"reference": 5}}, None),
    ],
)
def test_a_webhook_names_our_reference(event: dict[str, Any], reference: str | None) -> None:
    assert read(event) == reference


@pytest.mark.parametrize(
    ("event", "signature"),
    [
        (COMPLETED, ""),
        (COMPLETED, "the-secret-hash"),  # as v3 did it
        (COMPLETED, sign(b"another body", "the-secret-hash")),
        (COMPLETED, "é"),
        (b"", None),
        (b"[]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        ({"type": "charge.completed"}, None),
        ({"type": "charge.completed", "data": []}, None),
    ],
)
def test_forged_webhooks(event: Any, signature: str | None) -> None:
    with pytest.raises(ForgedCallback):
        read(event, signature)


def test_without_a_secret_hash_every_webhook_is_forged() -> None:
    body = json.dumps(COMPLETED).encode()
    with pytest.raises(ForgedCallback):
        read(body, sign(body, ""), replace(ACCOUNT, secret_hash=""))


# --- The adapter ---


def test_an_account_is_for_payers_of_one_country() -> None:
    able = flutterwave_capabilities("CI")
    assert (able.countries, able.currencies) == ({"CI"}, {"xof"})
    assert able.networks == {"moov", "mtn", "orange", "wave"}
    assert flutterwave_capabilities("CM").networks == {"mtn", "orange"}
    assert flutterwave_capabilities(None).countries >= {"CI", "CM", "SN"}
    with pytest.raises(ValueError, match="country"):
        replace(ACCOUNT, country="FR")


def test_the_adapter_is_what_it_says() -> None:
    adapter = Flutterwave(ACCOUNT, httpx.AsyncClient())
    provider: Provider = adapter
    assert provider.name == "flutterwave"
    assert isinstance(adapter, Refunds)
    assert isinstance(adapter, CredentialChecks)
    assert not isinstance(adapter, Payouts)
    for secret in ("the-client-secret", "the-secret-hash"):
        assert secret not in repr(adapter)


@pytest.mark.parametrize(
    "charge",
    [
        replace(CHARGE, capture=False),
        replace(CHARGE, payer="pm_card_visa"),
        replace(CHARGE, payer="+22890000000", currency="xof", network="tmoney"),
        replace(CHARGE, payer="+2250501020304", currency="xof"),
        replace(CHARGE, currency="xof"),
        replace(CHARGE, currency="eur"),
        replace(CHARGE, billing=Billing()),
    ],
)
async def test_what_cannot_be_charged_is_not_sent(
    client: httpx.AsyncClient, charge: Charge
) -> None:
    answer: Answer = await Flutterwave(ACCOUNT, client).charge(charge)
    assert answer.verdict is Verdict.NOT_SENT
    assert answer.evidence["error"]
