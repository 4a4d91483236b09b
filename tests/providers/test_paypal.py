"""The PayPal adapter: what it sends, and what it makes of every reply."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import httpx
import pytest

from providers.boundary import Answer, Charge, DeclineCode, ForgedCallback, Refund, Verdict
from providers.paypal import PayPal, read_webhook
from providers.paypal_api import (
    ISSUES,
    Access,
    Money,
    PayPalAccount,
    build_token,
    money,
    read_error,
    read_token,
)
from providers.paypal_orders import (
    Order,
    build_completion,
    build_look_up,
    build_order,
    read_completion,
    read_creation,
    read_look_up,
    read_order_in,
)
from providers.paypal_payments import (
    build_capture,
    build_look_up_refund,
    build_refund,
    build_void,
    cancel_empty,
    read_capture,
    read_look_up_refund,
    read_refund,
    read_refund_in_order,
    read_void,
)

ACCOUNT = PayPalAccount("the-client", "the-secret", "https://paypal.example.test/")
ACCESS = Access(ACCOUNT, "the-token")
CHARGE = Charge(
    reference="5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    amount=1230,
    currency="eur",
    payer="",
    description="Thé à la menthe",
    external_id="ch_123",
    return_url="https://shop.example.test/back",
    language="fr",
)
ORDER_ID = "5O190127TN364715T"
KNOWN = replace(CHARGE, provider_reference=ORDER_ID)
REFUND = Refund("0d6dbb8e-4a57-4c0b-9a52-3a1e6d1f8a12", 600, KNOWN, external_id="re_123")
PAGE = "https://www.paypal.com/checkoutnow?token=5O190127TN364715T"


def said(status: int, body: Any = None, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers=headers)


def refused(status: int, name: str, issue: str = "", rel: str = "") -> httpx.Response:
    links = [{"href": PAGE, "rel": rel, "method": "GET"}] if rel else []
    details = [{"issue": issue, "description": "No."}] if issue else []
    body = {"name": name, "message": "No.", "debug_id": "b1", "details": details, "links": links}
    return said(status, body, **{"paypal-debug-id": "b1d1f06c7246c"})


def payment(status: str, **fields: Any) -> dict[str, Any]:
    amount = {"currency_code": "EUR", "value": "12.30"}
    return {"id": "2GG279541U471931P", "status": status, "amount": amount, **fields}


def order(status: str = "COMPLETED", **payments: Any) -> dict[str, Any]:
    """An order as PayPal shows it, with what must not be kept."""
    unit = {
        "reference_id": "default",
        "amount": {"currency_code": "EUR", "value": "12.30"},
        "invoice_id": CHARGE.reference,
        "payments": payments,
    }
    return {
        "id": ORDER_ID,
        "intent": "CAPTURE",
        "status": status,
        "purchase_units": [unit],
        "payer": {"email_address": "rosine@example.test", "name": {"given_name": "Rosine"}},
        "links": [{"href": PAGE, "rel": "payer-action", "method": "GET"}],
    }


# --- Requests -------------------------------------------------------------------------------------


def test_the_token_call() -> None:
    request = build_token(ACCOUNT)
    pair = b64encode(b"the-client:the-secret").decode()
    assert (request.method, str(request.url)) == (
        "POST",
        "https://paypal.example.test/v1/oauth2/token",
    )
    assert request.headers["authorization"] == f"Basic {pair}"
    assert request.content == b"grant_type=client_credentials"


@pytest.mark.parametrize(
    ("request_", "path", "request_id", "body"),
    [
        (
            build_order(ACCESS, CHARGE),
            "/v2/checkout/orders",
            CHARGE.reference,
            {
                "intent": "CAPTURE",
                "purchase_units": [
                    {
                        "amount": {"currency_code": "EUR", "value": "12.30"},
                        "invoice_id": CHARGE.reference,
                        "custom_id": "ch_123",
                        "description": "Thé à la menthe",
                    }
                ],
                "payment_source": {
                    "paypal": {
                        "experience_context": {
                            "user_action": "PAY_NOW",
                            "shipping_preference": "NO_SHIPPING",
                            "locale": "fr-FR",
                            "return_url": "https://shop.example.test/back",
                            "cancel_url": "https://shop.example.test/back",
                        }
                    }
                },
            },
        ),
        (
            build_completion(ACCESS, CHARGE, ORDER_ID),
            f"/v2/checkout/orders/{ORDER_ID}/capture",
            f"{CHARGE.reference}-capture",
            {},
        ),
        (
            build_completion(ACCESS, replace(CHARGE, capture=False), ORDER_ID),
            f"/v2/checkout/orders/{ORDER_ID}/authorize",
            f"{CHARGE.reference}-authorize",
            {},
        ),
        (
            build_capture(ACCESS, "0VF52814937998046", REFUND.reference, 900, "usd"),
            "/v2/payments/authorizations/0VF52814937998046/capture",
            REFUND.reference,
            {"amount": {"currency_code": "USD", "value": "9.00"}, "final_capture": True},
        ),
        (
            build_void(ACCESS, "0VF52814937998046"),
            "/v2/payments/authorizations/0VF52814937998046/void",
            None,
            {},
        ),
        (
            build_refund(ACCESS, REFUND, "2GG279541U471931P"),
            "/v2/payments/captures/2GG279541U471931P/refund",
            REFUND.reference,
            {
                "amount": {"currency_code": "EUR", "value": "6.00"},
                "invoice_id": REFUND.reference,
                "custom_id": "re_123",
            },
        ),
    ],
)
def test_calls_that_change_something(
    request_: httpx.Request, path: str, request_id: str | None, body: dict[str, Any]
) -> None:
    assert (request_.method, str(request_.url)) == ("POST", f"https://paypal.example.test{path}")
    assert request_.headers.get("paypal-request-id") == request_id
    assert request_.headers["authorization"] == "Bearer the-token"
    assert request_.headers["prefer"] == "return=representation"
    assert json.loads(request_.content) == body


def test_questions_and_ids_that_try_to_leave_their_path() -> None:
    for request, path in (
        (build_look_up(ACCESS, ORDER_ID), f"/v2/checkout/orders/{ORDER_ID}"),
        (build_look_up(ACCESS, "../x?y"), "/v2/checkout/orders/..%2Fx%3Fy"),
        (
            build_look_up_refund(ACCESS, "1JU08902781691411"),
            "/v2/payments/refunds/1JU08902781691411",
        ),
    ):
        assert (request.method, str(request.url)) == ("GET", f"https://paypal.example.test{path}")
        assert "paypal-request-id" not in request.headers


def test_a_bare_order_is_held_and_has_no_way_back() -> None:
    bare = replace(CHARGE, capture=False, description="", return_url=None, external_id="")
    body = json.loads(build_order(ACCESS, bare).content)
    assert body["intent"] == "AUTHORIZE"
    [unit] = body["purchase_units"]
    assert unit.keys() == {"amount", "invoice_id", "custom_id"}
    assert unit["custom_id"] == CHARGE.reference
    experience = body["payment_source"]["paypal"]["experience_context"]
    assert "return_url" not in experience
    long = json.loads(build_order(ACCESS, replace(CHARGE, description="x" * 500)).content)
    assert len(long["purchase_units"][0]["description"]) == 127


@pytest.mark.parametrize(
    ("value", "currency", "same"),
    [
        ("12.30", "EUR", True),
        ("12.3", "EUR", True),
        ("12.31", "EUR", False),
        ("12.301", "EUR", False),
        ("12.30", "USD", False),
        ("1e1", "EUR", False),
        ("", "EUR", False),
    ],
)
def test_amounts_are_compared_as_money(value: str, currency: str, *, same: bool) -> None:
    assert Money(currency, value).is_about(1230, "eur") is same
    assert money(5, "gbp") == {"currency_code": "GBP", "value": "0.05"}


@pytest.mark.parametrize(
    "reply",
    [
        said(401, {"error": "invalid_client"}),
        said(200, {"access_token": ""}),
        said(200, {"access_token": "", "expires_in": 1}),
        said(200, {"access_token": "x", "expires_in": "soon"}),
        said(200, b"<html>"),
        said(500, {"access_token": "x", "expires_in": 1}),
    ],
)
def test_a_reply_without_a_token(reply: httpx.Response) -> None:
    assert read_token(reply) is None


def test_a_token() -> None:
    token = read_token(said(200, {"access_token": "A21AAx", "expires_in": 32400, "nonce": "n"}))
    assert token is not None
    assert token.value == "A21AAx"
    assert "A21AAx" not in repr(token)


# --- Orders ---------------------------------------------------------------------------------------

PENDING, SUCCEEDED, DECLINED, UNKNOWN, NOT_SENT = (
    Verdict.PENDING,
    Verdict.SUCCEEDED,
    Verdict.DECLINED,
    Verdict.UNKNOWN,
    Verdict.NOT_SENT,
)
GENERIC, EXPIRED = DeclineCode.GENERIC_DECLINE, DeclineCode.EXPIRED
AUTHORIZE = replace(KNOWN, capture=False)


def outcome(answer: Answer) -> tuple[Verdict, DeclineCode | None]:
    return answer.verdict, answer.decline_code


@pytest.mark.parametrize(
    ("charge", "body", "verdict", "code"),
    [
        (KNOWN, order("CREATED"), PENDING, None),
        (KNOWN, order("SAVED"), PENDING, None),
        (KNOWN, order("PAYER_ACTION_REQUIRED"), PENDING, None),
        (KNOWN, order("APPROVED"), PENDING, None),
        (KNOWN, order("VOIDED"), DECLINED, EXPIRED),
        (KNOWN, order("A_STATUS_OF_NEXT_YEAR"), UNKNOWN, None),
        (KNOWN, order(captures=[payment("COMPLETED")]), SUCCEEDED, None),
        (KNOWN, order(captures=[payment("PARTIALLY_REFUNDED")]), SUCCEEDED, None),
        (KNOWN, order(captures=[payment("REFUNDED")]), SUCCEEDED, None),
        (KNOWN, order(captures=[payment("PENDING")]), PENDING, None),
        (KNOWN, order(captures=[payment("DECLINED")]), DECLINED, GENERIC),
        (KNOWN, order(captures=[payment("FAILED")]), DECLINED, GENERIC),
        (KNOWN, order(captures=[payment("odd")]), UNKNOWN, None),
        (KNOWN, order(captures=[]), UNKNOWN, None),
        (KNOWN, order(captures=[payment("COMPLETED"), payment("COMPLETED")]), UNKNOWN, None),
        (KNOWN, order(authorizations=[payment("CREATED")]), UNKNOWN, None),
        (AUTHORIZE, order(authorizations=[payment("CREATED")]), SUCCEEDED, None),
        (AUTHORIZE, order(authorizations=[payment("CAPTURED")]), SUCCEEDED, None),
        (AUTHORIZE, order(authorizations=[payment("PARTIALLY_CAPTURED")]), SUCCEEDED, None),
        (AUTHORIZE, order(authorizations=[payment("PENDING")]), PENDING, None),
        (AUTHORIZE, order(authorizations=[payment("DENIED")]), DECLINED, GENERIC),
        (AUTHORIZE, order(authorizations=[payment("VOIDED")]), DECLINED, EXPIRED),
        (AUTHORIZE, order(captures=[payment("COMPLETED")]), UNKNOWN, None),
    ],
)
def test_an_order_means_the_same_wherever_it_is_shown(
    charge: Charge, body: dict[str, Any], verdict: Verdict, code: DeclineCode | None
) -> None:
    shown = Order(ORDER_ID, "APPROVED")
    for answer in (
        read_creation(charge, said(201, body)),
        read_look_up(charge, said(200, body)),
        read_completion(charge, shown, said(201, body)),
    ):
        assert outcome(answer) == (verdict, code)
        assert answer.provider_reference == ORDER_ID
        assert "osine" not in str(answer.evidence)
        assert answer.evidence["body"]["status"] == body["status"]


def test_the_payer_is_sent_to_the_page() -> None:
    for rel in ("payer-action", "approve"):
        body = {**order("CREATED"), "links": [{"href": "x", "rel": "self"}, link(rel)]}
        assert read_creation(CHARGE, said(200, body)).redirect_url == PAGE
    minimal = {"id": ORDER_ID, "status": "PAYER_ACTION_REQUIRED", "links": [link("payer-action")]}
    answer = read_creation(CHARGE, said(200, minimal))
    assert (answer.verdict, answer.redirect_url) == (PENDING, PAGE)


def link(rel: str) -> dict[str, str]:
    return {"href": PAGE, "rel": rel, "method": "GET"}


def of_other_money(**changes: Any) -> dict[str, Any]:
    body = order(captures=[payment("COMPLETED")])
    body["purchase_units"][0] |= changes
    return body


@pytest.mark.parametrize(
    "body",
    [
        of_other_money(amount={"currency_code": "USD", "value": "12.30"}),
        of_other_money(amount={"currency_code": "EUR", "value": "1230"}),
        of_other_money(invoice_id="another"),
        {**order(captures=[payment("COMPLETED")]), "purchase_units": order()["purchase_units"] * 2},
        order(captures=[payment("COMPLETED", amount={"currency_code": "EUR", "value": "0.01"})]),
        order(captures=[payment("COMPLETED", amount={"currency_code": "USD", "value": "12.30"})]),
    ],
)
def test_other_money_is_never_a_success(body: dict[str, Any]) -> None:
    assert read_look_up(KNOWN, said(200, body)).verdict is UNKNOWN
    assert read_creation(KNOWN, said(201, body)).verdict is UNKNOWN


MALFORMED = [
    said(200, b""),
    said(200, b"<html>OK</html>"),
    said(200, b"\xff\xfe"),
    said(200, b"[" * 100_000),
    said(200, []),
    said(200, {}),
    said(200, {"id": 5, "status": "COMPLETED"}),
    said(200, {"id": ORDER_ID, "status": "COMPLETED", "purchase_units": [{"payments": 5}]}),
    said(200, {**order(), "links": "none"}),
    said(204),
    said(302, order("COMPLETED", captures=[payment("COMPLETED")])),
]


@pytest.mark.parametrize("reply", MALFORMED)
def test_what_is_no_order_is_unknown(reply: httpx.Response) -> None:
    assert read_creation(CHARGE, reply).verdict is UNKNOWN
    assert read_look_up(KNOWN, reply).verdict is UNKNOWN
    assert read_completion(KNOWN, Order(ORDER_ID, "APPROVED"), reply).verdict is UNKNOWN
    assert read_capture(ORDER_ID, 900, "eur", reply).verdict is UNKNOWN
    assert read_refund(REFUND, reply).verdict is UNKNOWN
    assert read_look_up_refund(REFUND, reply).verdict is UNKNOWN
    assert read_refund_in_order(REFUND, reply).verdict is UNKNOWN


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("issue", "code"), ISSUES.items())
def test_every_issue_has_its_code_and_stays_in_the_evidence(issue: str, code: DeclineCode) -> None:
    answer = read_error(refused(422, "UNPROCESSABLE_ENTITY", issue))
    assert outcome(answer) == (DECLINED, code)
    assert answer.evidence == {
        "http_status": 422,
        "debug_id": "b1d1f06c7246c",
        "body": {"reason": issue},
    }


@pytest.mark.parametrize(
    ("reply", "verdict", "code"),
    [
        (refused(422, "UNPROCESSABLE_ENTITY", "NEW_ISSUE"), DECLINED, DeclineCode.PROVIDER_ERROR),
        (refused(400, "INVALID_REQUEST"), DECLINED, DeclineCode.PROVIDER_ERROR),
        (refused(404, "RESOURCE_NOT_FOUND"), DECLINED, DeclineCode.PROVIDER_ERROR),
        (refused(401, "AUTHENTICATION_FAILURE"), DECLINED, DeclineCode.CONFIGURATION),
        (refused(403, "NOT_AUTHORIZED", "PERMISSION_DENIED"), DECLINED, DeclineCode.CONFIGURATION),
        (refused(422, "UNPROCESSABLE_ENTITY", "DUPLICATE_INVOICE_ID"), UNKNOWN, None),
        (refused(422, "UNPROCESSABLE_ENTITY", "ORDER_ALREADY_CAPTURED"), UNKNOWN, None),
        (refused(409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS"), UNKNOWN, None),
        (refused(429, "RATE_LIMIT_REACHED"), NOT_SENT, None),
        (said(429, b"slow down"), NOT_SENT, None),
        (refused(500, "INTERNAL_SERVER_ERROR"), UNKNOWN, None),
        (refused(503, "SERVICE_UNAVAILABLE"), UNKNOWN, None),
        (said(400, b"<html>Bad Request</html>"), UNKNOWN, None),
        (said(404, {"error": "no route"}), UNKNOWN, None),
        (said(422, {"name": "UNPROCESSABLE_ENTITY", "details": "none"}), UNKNOWN, None),
    ],
)
def test_a_call_that_was_refused(
    reply: httpx.Response, verdict: Verdict, code: DeclineCode | None
) -> None:
    for answer in (read_creation(CHARGE, reply), read_refund(REFUND, reply)):
        assert outcome(answer) == (verdict, code)
        assert answer.provider_reference is None
    assert outcome(read_capture(ORDER_ID, 900, "eur", reply)) == (verdict, code)
    assert outcome(read_void(ORDER_ID, reply)) == (verdict, code)
    # A question that failed says nothing about the money.
    assert read_look_up(KNOWN, reply).verdict is UNKNOWN
    assert read_look_up_refund(REFUND, reply).verdict is UNKNOWN
    assert read_refund_in_order(REFUND, reply).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("reply", "verdict", "code", "page"),
    [
        (refused(422, "X", "INSTRUMENT_DECLINED", "redirect"), DECLINED, GENERIC, None),
        (refused(422, "X", "ORDER_EXPIRED"), DECLINED, EXPIRED, None),
        (refused(422, "X", "PAYER_ACTION_REQUIRED", "payer-action"), PENDING, None, PAGE),
        (refused(422, "X", "ORDER_NOT_APPROVED"), PENDING, None, None),
        (refused(422, "X", "ORDER_ALREADY_CAPTURED"), UNKNOWN, None, None),
        # Said of our key, our rights or our haste, and not of the order:
        (refused(401, "AUTHENTICATION_FAILURE"), UNKNOWN, None, None),
        (refused(403, "NOT_AUTHORIZED"), UNKNOWN, None, None),
        (refused(404, "RESOURCE_NOT_FOUND"), UNKNOWN, None, None),
        (refused(429, "RATE_LIMIT_REACHED"), UNKNOWN, None, None),
        (refused(500, "INTERNAL_SERVER_ERROR"), UNKNOWN, None, None),
        (said(422, b"odd"), UNKNOWN, None, None),
    ],
)
def test_a_completion_that_was_refused(
    reply: httpx.Response, verdict: Verdict, code: DeclineCode | None, page: str | None
) -> None:
    answer = read_completion(KNOWN, Order(ORDER_ID, "APPROVED"), reply)
    assert outcome(answer) == (verdict, code)
    assert (answer.redirect_url, answer.provider_reference) == (page, ORDER_ID)


# --- Captures, voids, refunds ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "amount", "verdict"),
    [
        ("COMPLETED", 1230, SUCCEEDED),
        ("COMPLETED", 900, UNKNOWN),
        ("PENDING", 1230, PENDING),
        ("DECLINED", 1230, DECLINED),
        ("odd", 1230, UNKNOWN),
    ],
)
def test_a_capture(status: str, amount: int, verdict: Verdict) -> None:
    answer = read_capture(ORDER_ID, amount, "eur", said(201, payment(status)))
    assert (answer.verdict, answer.provider_reference) == (verdict, ORDER_ID)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (said(204, b""), SUCCEEDED),
        (said(200, payment("VOIDED")), SUCCEEDED),
        (refused(422, "X", "PREVIOUSLY_VOIDED"), SUCCEEDED),
        (refused(422, "X", "PREVIOUSLY_CAPTURED"), DECLINED),
        (refused(409, "X", "PREVIOUS_REQUEST_IN_PROGRESS"), UNKNOWN),
        (said(302, b""), UNKNOWN),
    ],
)
def test_a_void(reply: httpx.Response, verdict: Verdict) -> None:
    assert read_void(ORDER_ID, reply).verdict is verdict


def given_back(status: str, **fields: Any) -> dict[str, Any]:
    amount = {"currency_code": "EUR", "value": "6.00"}
    return {
        "id": "1JU0",
        "status": status,
        "amount": amount,
        "invoice_id": REFUND.reference,
    } | fields


@pytest.mark.parametrize(
    ("body", "verdict", "code"),
    [
        (given_back("COMPLETED"), SUCCEEDED, None),
        (given_back("PENDING"), PENDING, None),
        (given_back("FAILED"), DECLINED, DeclineCode.PROVIDER_ERROR),
        (given_back("CANCELLED"), DECLINED, DeclineCode.PROVIDER_ERROR),
        (given_back("odd"), UNKNOWN, None),
        (given_back("COMPLETED", amount={"currency_code": "EUR", "value": "6.01"}), UNKNOWN, None),
        (given_back("FAILED", amount={"currency_code": "USD", "value": "6.00"}), UNKNOWN, None),
    ],
)
def test_a_refund_means_the_same_wherever_it_is_shown(
    body: dict[str, Any], verdict: Verdict, code: DeclineCode | None
) -> None:
    another = given_back("COMPLETED", id="another", invoice_id="another")
    shown = order(captures=[payment("PARTIALLY_REFUNDED")], refunds=[another, body])
    for answer in (
        read_refund(REFUND, said(201, body)),
        read_look_up_refund(REFUND, said(200, body)),
        read_refund_in_order(REFUND, said(200, shown)),
    ):
        assert outcome(answer) == (verdict, code)
        assert answer.provider_reference == "1JU0"


def test_only_an_order_that_shows_its_payment_says_that_a_refund_was_never_sent() -> None:
    another = given_back("COMPLETED", invoice_id="another")
    paid = [payment("COMPLETED")]
    for body in (order(captures=paid), order(captures=paid, refunds=[another])):
        assert read_refund_in_order(REFUND, said(200, body)).verdict is NOT_SENT
    for body in (order("APPROVED"), order(captures=[]), of_other_money(invoice_id="x")):
        assert read_refund_in_order(REFUND, said(200, body)).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (order("CREATED"), Verdict.SUCCEEDED),
        (order("APPROVED"), Verdict.SUCCEEDED),
        (order("VOIDED"), Verdict.SUCCEEDED),
        (order("COMPLETED"), Verdict.DECLINED),
        (order("APPROVED", captures=[payment("PENDING")]), Verdict.DECLINED),
    ],
)
def test_an_order_that_holds_nothing_needs_no_cancellation(
    body: dict[str, Any], verdict: Verdict
) -> None:
    reply = said(200, body)
    shown = read_order_in(reply)
    assert shown is not None
    assert cancel_empty(shown, reply).verdict is verdict


@pytest.mark.parametrize(
    ("status", "untouched"),
    [("CREATED", True), ("PAYER_ACTION_REQUIRED", True), ("APPROVED", False)],
)
def test_whether_a_payer_has_agreed_to_anything(status: str, *, untouched: bool) -> None:
    assert read_look_up(KNOWN, said(200, order(status))).untouched is untouched


def test_a_payer_who_cancels_has_a_way_back_of_their_own() -> None:
    request = build_order(ACCESS, replace(CHARGE, cancel_url="https://api.example.test/canceled"))
    experience = json.loads(request.content)["payment_source"]["paypal"]["experience_context"]
    assert experience["cancel_url"] == "https://api.example.test/canceled"


# --- What is never sent ---------------------------------------------------------------------------


async def test_what_paypal_can_not_take_is_not_sent(client: httpx.AsyncClient) -> None:
    adapter = PayPal(ACCOUNT, client)  # nobody is at its address
    for charge in (replace(CHARGE, off_session=True), replace(CHARGE, currency="xaf")):
        assert (await adapter.charge(charge)).verdict is NOT_SENT
    assert (await adapter.look_up(CHARGE)).verdict is NOT_SENT
    assert (await adapter.capture(CHARGE, "r", 5)).verdict is NOT_SENT
    assert (await adapter.look_up_refund(replace(REFUND, charge=CHARGE))).verdict is UNKNOWN
    assert "the-secret" not in repr(adapter)


# --- Webhooks -------------------------------------------------------------------------------------

SIGNED = {
    "PayPal-Transmission-Id": "69cd13f0-d67a-11e5-baa3-778b53f4ae55",
    "PAYPAL-TRANSMISSION-TIME": "2026-11-21T12:00:00Z",
    "paypal-transmission-sig": b64encode(b"s" * 256).decode(),
    "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-360caa42",
    "paypal-auth-algo": "SHA256withRSA",
}
CAPTURED = {"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"invoice_id": "the-reference"}}


@pytest.mark.parametrize(
    ("resource", "reference"),
    [
        ({"invoice_id": "the-reference"}, "the-reference"),
        ({"purchase_units": [{"invoice_id": "the-reference"}]}, "the-reference"),
        ({"purchase_units": []}, None),
        ({"purchase_units": ["odd"]}, None),
        ({"invoice_id": 5}, None),
        ({}, None),
    ],
)
def test_a_webhook_bears_our_reference_as_invoice(
    resource: dict[str, Any], reference: str | None
) -> None:
    body = json.dumps({"event_type": "CHECKOUT.ORDER.APPROVED", "resource": resource}).encode()
    assert read_webhook(SIGNED, body, ACCOUNT.base_url) == reference


@pytest.mark.parametrize(
    "certificate",
    [
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api-m.paypal.com/v1/notifications/certs/CERT-1",
        "https://paypal.example.test/certs/1",  # the server that we call
    ],
)
def test_certificates_of_paypal(certificate: str) -> None:
    headers = {**SIGNED, "paypal-cert-url": certificate}
    assert read_webhook(headers, json.dumps(CAPTURED).encode(), ACCOUNT.base_url)


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        *(({name: ""}, CAPTURED) for name in SIGNED),
        ({"paypal-auth-algo": "none"}, CAPTURED),
        ({"paypal-transmission-sig": "!!"}, CAPTURED),
        ({"paypal-transmission-sig": b64encode(b"short").decode()}, CAPTURED),
        ({"paypal-cert-url": "http://api.paypal.com/cert"}, CAPTURED),
        ({"paypal-cert-url": "https://api.paypal.com.evil.test/cert"}, CAPTURED),
        ({"paypal-cert-url": "https://api.paypal.com@evil.test/cert"}, CAPTURED),
        ({"paypal-cert-url": "https://api.paypal.com:8443/cert"}, CAPTURED),
        ({"paypal-cert-url": "https://[::1"}, CAPTURED),
        ({}, b""),
        ({}, b"[]"),
        ({}, b"\xff"),
        ({}, b"[" * 200_000),
        ({}, b'{"event_type": "X"}'),
        ({}, b'{"event_type": "X", "resource": "' + b"x" * 2_000_000 + b'"}'),
    ],
)
def test_a_forged_webhook(changes: dict[str, str], body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ForgedCallback):
        read_webhook({**SIGNED, **changes}, content, ACCOUNT.base_url)
