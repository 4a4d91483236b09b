"""The Stripe adapter's pure functions: what it sends, and what it makes of every reply."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from providers.boundary import Charge, DeclineCode, ForgedCallback, Verdict
from providers.stripe import (
    build_cancel,
    build_capture,
    build_charge,
    build_look_up,
    read_cancel,
    read_capture,
    read_charge,
    read_look_up,
    read_webhook,
)
from providers.stripe_api import Reply, Request

CHARGE = Charge(
    reference="5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    amount=1500,
    currency="xaf",
    payer="pm_card_visa",
    callback_url="https://api.example.test/callbacks/5f0f8a52",
    description="Order 123",
    external_id="ch_123",
    return_url="https://shop.example.test/back",
)


def intent(status: str, **fields: Any) -> dict[str, Any]:
    """A payment intent, with the fields of Stripe's that matter and some that must not be kept."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1500,
        "amount_capturable": 0,
        "amount_received": 0,
        "client_secret": "pi_1_secret_abc",
        "currency": "xaf",
        "last_payment_error": None,
        "latest_charge": "ch_1",
        "metadata": {"reference": CHARGE.reference},
        "next_action": None,
        "status": status,
        **fields,
    }


def error(status: int, **fields: Any) -> Reply:
    said = {"type": "invalid_request_error", "message": "No.", **fields}
    return Reply(status, {"error": said}, "req_1")


def card_error(code: str, decline_code: str | None = None) -> Reply:
    refused = intent("requires_payment_method", last_payment_error={"code": code})
    said = {"code": code, "decline_code": decline_code, "payment_intent": refused}
    return error(402, type="card_error", **said)


def ok(body: dict[str, Any]) -> Reply:
    return Reply(200, body, "req_1")


def found(*intents: dict[str, Any]) -> Reply:
    return ok({"object": "search_result", "data": list(intents), "has_more": False})


# --- build ----------------------------------------------------------------------------------------


def test_build_charge() -> None:
    assert build_charge(CHARGE) == Request(
        "POST",
        "/v1/payment_intents",
        {
            "amount": "1500",
            "currency": "xaf",
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "capture_method": "automatic",
            "payment_method_types[0]": "card",
            "metadata[reference]": CHARGE.reference,
            "metadata[charge]": "ch_123",
            "metadata[callback_url]": "https://api.example.test/callbacks/5f0f8a52",
            "description": "Order 123",
            "return_url": "https://shop.example.test/back",
        },
        idempotency_key=CHARGE.reference,
    )


@pytest.mark.parametrize(
    ("changes", "sent", "not_sent"),
    [
        ({"capture": False}, {"capture_method": "manual"}, []),
        ({"off_session": True}, {"off_session": "true"}, ["error_on_requires_action"]),
        ({"return_url": None}, {"error_on_requires_action": "true"}, ["return_url"]),
        ({"return_url": None, "off_session": True}, {}, ["error_on_requires_action"]),
        (
            {"callback_url": None, "external_id": "", "description": ""},
            {},
            ["metadata[callback_url]", "metadata[charge]", "description"],
        ),
    ],
)
def test_build_charge_variants(
    changes: dict[str, Any], sent: dict[str, str], not_sent: list[str]
) -> None:
    form = build_charge(replace(CHARGE, **changes)).form
    assert sent.items() <= form.items()
    assert not form.keys() & set(not_sent)


def test_build_look_up_by_their_id_or_our_reference() -> None:
    known = build_look_up(replace(CHARGE, provider_reference="pi_1"))
    assert known == Request("GET", "/v1/payment_intents/pi_1")
    query = {"query": f"metadata['reference']:'{CHARGE.reference}'"}
    assert build_look_up(CHARGE) == Request("GET", "/v1/payment_intents/search", query)


def test_build_capture_and_cancel() -> None:
    capture = Request("POST", "/v1/payment_intents/pi_1/capture", {"amount_to_capture": "9"}, "c")
    assert build_capture("pi_1", "c", 9) == capture
    assert build_cancel("pi_1", "x") == Request("POST", "/v1/payment_intents/pi_1/cancel", {}, "x")


# --- read -----------------------------------------------------------------------------------------

# An intent's status means the same in the answer to a charge and in a look-up.
INTENTS = [
    (intent("succeeded", amount_received=1500), Verdict.SUCCEEDED, None),
    (intent("requires_capture", amount_capturable=1500), Verdict.SUCCEEDED, None),
    (intent("processing"), Verdict.PENDING, None),
    (intent("requires_action"), Verdict.PENDING, None),
    (
        intent("requires_payment_method", last_payment_error={"code": "expired_card"}),
        Verdict.DECLINED,
        DeclineCode.EXPIRED_CARD,
    ),
    (
        intent(
            "requires_payment_method",
            last_payment_error={"code": "payment_intent_authentication_failure"},
        ),
        Verdict.DECLINED,
        DeclineCode.AUTHENTICATION_FAILED,
    ),
    (intent("canceled"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
    (
        intent("canceled", cancellation_reason="automatic"),
        Verdict.DECLINED,
        DeclineCode.EXPIRED,
    ),
    (intent("requires_payment_method"), Verdict.UNKNOWN, None),
    (intent("requires_confirmation"), Verdict.UNKNOWN, None),
    (intent("a_status_of_next_year"), Verdict.UNKNOWN, None),
    (intent("succeeded", amount=1), Verdict.UNKNOWN, None),
    (intent("succeeded", currency="eur"), Verdict.UNKNOWN, None),
    ({}, Verdict.UNKNOWN, None),
]


@pytest.mark.parametrize(("body", "verdict", "code"), INTENTS)
def test_read_an_intent(body: dict[str, Any], verdict: Verdict, code: DeclineCode | None) -> None:
    for answer in (
        read_charge(CHARGE, ok(body)),
        read_look_up(CHARGE, ok(body)),
        read_look_up(CHARGE, found(body)),
    ):
        assert (answer.verdict, answer.decline_code) == (verdict, code)
        assert answer.provider_reference == body.get("id")


def test_read_where_the_payer_must_go() -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example.test"}}
    answer = read_charge(CHARGE, ok(intent("requires_action", next_action=action)))
    assert answer.redirect_url == "https://bank.example.test"


@pytest.mark.parametrize(
    ("reply", "verdict", "code"),
    [
        (error(400), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (error(401), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (error(403), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (error(404), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (error(400, type="idempotency_error"), Verdict.UNKNOWN, None),
        (error(402, type="a_type_of_next_year"), Verdict.UNKNOWN, None),
        *((Reply(status, None), Verdict.UNKNOWN, None) for status in (400, 401, 402, 403, 404)),
        (error(409, type="idempotency_error"), Verdict.UNKNOWN, None),
        (error(429, type="rate_limit_error"), Verdict.NOT_SENT, None),
        (error(500, type="api_error"), Verdict.UNKNOWN, None),
        (Reply(502, None), Verdict.UNKNOWN, None),
        (Reply(503, None), Verdict.UNKNOWN, None),
        (Reply(200, None), Verdict.UNKNOWN, None),
        (Reply(302, None), Verdict.UNKNOWN, None),
        (Reply(200, {"error": "odd"}), Verdict.UNKNOWN, None),
    ],
)
def test_read_charge_without_an_intent(
    reply: Reply, verdict: Verdict, code: DeclineCode | None
) -> None:
    answer = read_charge(CHARGE, reply)
    assert (answer.verdict, answer.decline_code) == (verdict, code)


@pytest.mark.parametrize(
    ("code", "decline_code", "ours"),
    [
        ("card_declined", "insufficient_funds", DeclineCode.INSUFFICIENT_FUNDS),
        ("card_declined", "lost_card", DeclineCode.LOST_CARD),
        ("card_declined", "stolen_card", DeclineCode.STOLEN_CARD),
        ("card_declined", "do_not_honor", DeclineCode.DO_NOT_HONOR),
        ("card_declined", "fraudulent", DeclineCode.FRAUDULENT),
        ("card_declined", "card_velocity_exceeded", DeclineCode.CARD_VELOCITY_EXCEEDED),
        ("card_declined", "withdrawal_count_limit_exceeded", DeclineCode.LIMIT_EXCEEDED),
        ("card_declined", "generic_decline", DeclineCode.GENERIC_DECLINE),
        ("card_declined", "a_reason_of_next_year", DeclineCode.GENERIC_DECLINE),
        ("card_declined", None, DeclineCode.GENERIC_DECLINE),
        ("expired_card", "expired_card", DeclineCode.EXPIRED_CARD),
        ("incorrect_cvc", "incorrect_cvc", DeclineCode.INCORRECT_CVC),
        ("incorrect_number", None, DeclineCode.INCORRECT_NUMBER),
        ("processing_error", "processing_error", DeclineCode.PROCESSING_ERROR),
        (
            "authentication_required",
            "authentication_required",
            DeclineCode.AUTHENTICATION_REQUIRED,
        ),
    ],
)
def test_read_a_card_error(code: str, decline_code: str | None, ours: DeclineCode) -> None:
    answer = read_charge(CHARGE, card_error(code, decline_code))
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, ours)
    assert answer.provider_reference == "pi_1"
    assert answer.evidence["error"]["code"] == code
    assert answer.evidence["error"].get("decline_code") == decline_code
    assert answer.evidence["request_id"] == "req_1"


def test_an_empty_search_is_the_only_not_sent_of_a_look_up() -> None:
    assert read_look_up(CHARGE, found()).verdict is Verdict.NOT_SENT


@pytest.mark.parametrize(
    "reply",
    [
        *(error(status, type="api_error") for status in (400, 401, 403, 404, 409, 429, 500, 503)),
        card_error("card_declined"),
        Reply(200, None),
        Reply(200, {"object": "search_result"}),
        Reply(200, {"object": "search_result", "data": {}}),
        Reply(200, {"object": "search_result", "data": ["odd"]}),
        Reply(200, {"object": "list", "data": []}),
    ],
)
def test_any_other_reply_to_a_look_up_is_unknown(reply: Reply) -> None:
    known = replace(CHARGE, provider_reference="pi_1")
    assert read_look_up(known, reply).verdict is Verdict.UNKNOWN


def refused_in_state(status: str, **fields: Any) -> Reply:
    refused = intent(status, **fields)
    return error(400, code="payment_intent_unexpected_state", payment_intent=refused)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (ok(intent("succeeded", amount_received=900)), Verdict.SUCCEEDED),
        (refused_in_state("succeeded", amount_received=900), Verdict.SUCCEEDED),
        (ok(intent("succeeded", amount_received=1500)), Verdict.UNKNOWN),
        (refused_in_state("succeeded", amount_received=1500), Verdict.UNKNOWN),
        (refused_in_state("canceled"), Verdict.DECLINED),
        (refused_in_state("requires_action"), Verdict.DECLINED),
        (ok(intent("requires_capture")), Verdict.UNKNOWN),
        (error(400, code="amount_too_large"), Verdict.DECLINED),
        (error(409), Verdict.UNKNOWN),
        (error(429), Verdict.NOT_SENT),
        (Reply(500, None), Verdict.UNKNOWN),
        (Reply(200, None), Verdict.UNKNOWN),
    ],
)
def test_read_capture_of_900(reply: Reply, verdict: Verdict) -> None:
    assert read_capture(900, reply).verdict is verdict


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (ok(intent("canceled")), Verdict.SUCCEEDED),
        (refused_in_state("canceled"), Verdict.SUCCEEDED),
        (refused_in_state("succeeded"), Verdict.DECLINED),
        (refused_in_state("processing"), Verdict.DECLINED),
        (ok(intent("requires_capture")), Verdict.UNKNOWN),
        (error(401), Verdict.DECLINED),
        (Reply(503, None), Verdict.UNKNOWN),
    ],
)
def test_read_cancel(reply: Reply, verdict: Verdict) -> None:
    assert read_cancel(reply).verdict is verdict


def test_a_payment_in_another_state_is_no_fault_of_our_configuration() -> None:
    answer = read_cancel(refused_in_state("succeeded"))
    assert answer.decline_code is DeclineCode.PROVIDER_ERROR


def test_evidence_holds_no_secret() -> None:
    body = error(
        401,
        message="Invalid key sk_live_abc, card 4242424242424242, pi_1_secret_abc",
        payment_method={"card": {"last4": "4242"}},
    )
    evidence = read_charge(CHARGE, body).evidence
    assert evidence == {
        "http_status": 401,
        "request_id": "req_1",
        "error": {
            "type": "invalid_request_error",
            "message": "Invalid key [hidden], card [hidden], [hidden]",
        },
    }
    assert "secret" not in str(read_charge(CHARGE, ok(intent("succeeded"))).evidence)


# --- Webhooks -------------------------------------------------------------------------------------

NOW = 1_800_000_000
EVENT = json.dumps({"type": "payment_intent.succeeded", "data": {"object": intent("x")}}).encode()


def signature(secret: str, body: bytes, at: int = NOW) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"v1={digest}"


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW},{signature('whsec_new', EVENT)}",
        f"t={NOW},{signature('whsec_old', EVENT)}",
        f"t={NOW},{signature('whsec_other', EVENT)},{signature('whsec_new', EVENT)},v0=abc",
        f"t={NOW - 300},{signature('whsec_new', EVENT, NOW - 300)}",
    ],
)
def test_a_signed_webhook_holds_our_reference(header: str) -> None:
    for name in ("Stripe-Signature", "stripe-signature"):
        reference = read_webhook({name: header}, EVENT, ["whsec_new", "whsec_old"], NOW)
        assert reference == CHARGE.reference


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (None, EVENT),
        ("", EVENT),
        (f"t={NOW}", EVENT),
        (signature("whsec_new", EVENT), EVENT),
        (f"t={NOW},v1=", EVENT),
        (f"t={NOW},v1=é", EVENT),
        (f"t={NOW},{signature('whsec_other', EVENT)}", EVENT),
        (f"t={NOW},{signature('whsec_new', EVENT)}", EVENT + b" "),
        (f"t={NOW + 1},{signature('whsec_new', EVENT)}", EVENT),
        (f"t={NOW - 301},{signature('whsec_new', EVENT, NOW - 301)}", EVENT),
        (f"t={NOW + 301},{signature('whsec_new', EVENT, NOW + 301)}", EVENT),
        (f"t={'9' * 5000},{signature('whsec_new', EVENT)}", EVENT),
        (f"t=soon,{signature('whsec_new', EVENT)}", EVENT),
        (f"t={NOW},{signature('whsec_new', b'[]')}", b"[]"),
        (f"t={NOW},{signature('whsec_new', b'odd')}", b"odd"),
    ],
)
def test_a_forged_webhook_is_refused(header: str | None, body: bytes) -> None:
    headers = {} if header is None else {"stripe-signature": header}
    with pytest.raises(ForgedCallback):
        read_webhook(headers, body, ["whsec_new"], NOW)


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_every_webhook_is_forged(secrets: list[str]) -> None:
    header = {"stripe-signature": f"t={NOW},{signature('', EVENT)}"}
    with pytest.raises(ForgedCallback):
        read_webhook(header, EVENT, secrets, NOW)


@pytest.mark.parametrize(
    "event",
    [{}, {"data": []}, {"data": {"object": {"id": "cus_1"}}}, {"data": {"object": {"metadata": {
        "reference": 5}}}}],
)  # fmt: skip
def test_a_webhook_about_something_else_names_nothing(event: dict[str, Any]) -> None:
    body = json.dumps(event).encode()
    header = f"t={NOW},{signature('whsec_new', body)}"
    assert read_webhook({"stripe-signature": header}, body, ["whsec_new"], NOW) is None
