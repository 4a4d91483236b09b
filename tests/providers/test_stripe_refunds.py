"""The Stripe adapter's refunds: what it sends, and what it makes of every reply."""

from dataclasses import replace
from typing import Any

import pytest

from providers.boundary import Charge, DeclineCode, Refund, Verdict
from providers.stripe_api import Reply, Request
from providers.stripe_refunds import (
    build_look_up_refund,
    build_refund,
    read_look_up_refund,
    read_refund,
)

CHARGE = Charge("5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11", 1500, "xaf", "pm_card_visa")
REFUND = Refund(
    reference="0d6dbb8e-4a57-4c0b-9a52-3a1e6d1f8a12",
    amount=600,
    charge=CHARGE,
    callback_url="https://api.example.test/callbacks/0d6dbb8e",
    external_id="re_123",
)


def found(status: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 600,
        "charge": "ch_1",
        "currency": "xaf",
        "destination_details": {"card": {"reference": "not to be kept"}},
        "metadata": {"reference": REFUND.reference},
        "payment_intent": "pi_1",
        "status": status,
        **fields,
    }


def ok(body: dict[str, Any]) -> Reply:
    return Reply(200, body, "req_1")


def listed(*refunds: Any, has_more: Any = False) -> Reply:
    return ok({"object": "list", "data": list(refunds), "has_more": has_more})


def error(status: int, **fields: Any) -> Reply:
    said = {"type": "invalid_request_error", "message": "No.", **fields}
    return Reply(status, {"error": said}, "req_1")


def test_build_refund() -> None:
    assert build_refund(REFUND, "pi_1") == Request(
        "POST",
        "/v1/refunds",
        {
            "payment_intent": "pi_1",
            "amount": "600",
            "metadata[reference]": REFUND.reference,
            "metadata[refund]": "re_123",
            "metadata[callback_url]": "https://api.example.test/callbacks/0d6dbb8e",
        },
        idempotency_key=REFUND.reference,
    )
    bare = build_refund(replace(REFUND, callback_url=None, external_id=""), "pi_1")
    assert bare.form.keys() == {"payment_intent", "amount", "metadata[reference]"}


def test_build_look_up_by_their_id_or_in_the_payments_list() -> None:
    known = replace(REFUND, provider_reference="re_1")
    assert build_look_up_refund(known, None) == Request("GET", "/v1/refunds/re_1")
    form = {"payment_intent": "pi_1", "limit": "100"}
    assert build_look_up_refund(REFUND, "pi_1") == Request("GET", "/v1/refunds", form)


@pytest.mark.parametrize(
    ("body", "verdict", "code"),
    [
        (found("succeeded"), Verdict.SUCCEEDED, None),
        (found("pending"), Verdict.PENDING, None),
        (found("pending", pending_reason="insufficient_funds"), Verdict.PENDING, None),
        (found("requires_action"), Verdict.PENDING, None),
        (found("canceled"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (found("failed"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (found("failed", failure_reason="unknown"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (found("failed", failure_reason="declined"), Verdict.DECLINED, DeclineCode.GENERIC_DECLINE),
        (
            found("failed", failure_reason="lost_or_stolen_card"),
            Verdict.DECLINED,
            DeclineCode.LOST_CARD,
        ),
        (
            found("failed", failure_reason="expired_or_canceled_card"),
            Verdict.DECLINED,
            DeclineCode.EXPIRED_CARD,
        ),
        (
            found("failed", failure_reason="insufficient_funds"),
            Verdict.DECLINED,
            DeclineCode.FLOAT_INSUFFICIENT,
        ),
        (found("failed", failure_reason=["odd"]), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (found("a_status_of_next_year"), Verdict.UNKNOWN, None),
        (found("succeeded", amount=1500), Verdict.UNKNOWN, None),
        (found("succeeded", currency="eur"), Verdict.UNKNOWN, None),
        (found("failed", amount=1500), Verdict.UNKNOWN, None),
    ],
)
def test_a_refund_means_the_same_wherever_it_stands(
    body: dict[str, Any], verdict: Verdict, code: DeclineCode | None
) -> None:
    another = found("succeeded", id="re_0", metadata={"reference": "another"})
    for answer in (
        read_refund(REFUND, ok(body)),
        read_look_up_refund(REFUND, ok(body)),
        read_look_up_refund(REFUND, listed(another, "odd", body)),
    ):
        assert (answer.verdict, answer.decline_code) == (verdict, code)
        assert answer.provider_reference == "re_1"
        assert answer.evidence["status"] == body["status"]
        assert "not to be kept" not in str(answer.evidence)


PROVIDER = DeclineCode.PROVIDER_ERROR


@pytest.mark.parametrize(
    ("reply", "verdict", "code"),
    [
        (error(400, code="charge_already_refunded"), Verdict.DECLINED, PROVIDER),
        (error(400, code="charge_disputed"), Verdict.DECLINED, PROVIDER),
        (error(400, param="amount"), Verdict.DECLINED, PROVIDER),  # more than is left
        (error(400), Verdict.DECLINED, PROVIDER),  # not captured, not paid
        (error(404, code="resource_missing"), Verdict.DECLINED, PROVIDER),
        (error(400, code="balance_insufficient"), Verdict.DECLINED, DeclineCode.FLOAT_INSUFFICIENT),
        (error(400, code="insufficient_funds"), Verdict.DECLINED, DeclineCode.FLOAT_INSUFFICIENT),
        (error(401), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (error(403), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (error(400, type="idempotency_error"), Verdict.UNKNOWN, None),
        (error(409, type="idempotency_error"), Verdict.UNKNOWN, None),
        (error(429, type="rate_limit_error"), Verdict.NOT_SENT, None),
        (error(500, type="api_error"), Verdict.UNKNOWN, None),
        (Reply(400, None), Verdict.UNKNOWN, None),
        (Reply(404, None), Verdict.UNKNOWN, None),
        (Reply(503, None), Verdict.UNKNOWN, None),
        (Reply(200, None), Verdict.UNKNOWN, None),
        (Reply(302, None), Verdict.UNKNOWN, None),
    ],
)
def test_a_refund_that_was_not_made(
    reply: Reply, verdict: Verdict, code: DeclineCode | None
) -> None:
    answer = read_refund(REFUND, reply)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.evidence["http_status"] == reply.status


def test_the_id_of_the_payment_is_not_taken_for_the_refunds() -> None:
    about = {"code": "payment_intent_unexpected_state", "payment_intent": {"id": "pi_1"}}
    answer = read_refund(REFUND, error(400, **about))
    assert (answer.verdict, answer.provider_reference) == (Verdict.DECLINED, None)


def test_only_a_whole_list_without_it_says_that_it_was_never_sent() -> None:
    another = found("succeeded", metadata={"reference": "another"})
    for nothing in ((), (another,), (found("succeeded", metadata=None),)):
        assert read_look_up_refund(REFUND, listed(*nothing)).verdict is Verdict.NOT_SENT
    for more in (True, None, "odd"):
        answer = read_look_up_refund(REFUND, listed(another, has_more=more))
        assert answer.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "reply",
    [
        *(error(status, type="api_error") for status in (400, 401, 403, 404, 409, 429, 500, 503)),
        Reply(200, None),
        Reply(404, None),
        ok({"object": "list"}),
        ok({"object": "list", "data": {}, "has_more": False}),
        ok({}),
    ],
)
def test_any_other_reply_to_a_look_up_is_unknown(reply: Reply) -> None:
    assert read_look_up_refund(REFUND, reply).verdict is Verdict.UNKNOWN
