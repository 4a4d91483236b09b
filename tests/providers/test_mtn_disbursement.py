"""The MTN adapter for money going out: what it sends, and what it makes of every reply."""

import json
from typing import Any

import httpx
import pytest

from providers.boundary import (
    Balances,
    Charge,
    DeclineCode,
    ForgedCallback,
    Payout,
    Payouts,
    Refund,
    Refunds,
    Verdict,
)
from providers.mtn_disbursement import (
    DISBURSEMENT_REASONS,
    MtnDisbursement,
    build_refund,
    build_transfer,
)
from providers.mtn_product import Access, MtnCredentials, build_balance, build_token
from providers.mtn_replies import read_status

CREDENTIALS = MtnCredentials(
    subscription_key="the-subscription-key",
    api_user="0d0a7c9e-7c57-4d0e-9f5f-3f1f6a5e9f10",
    api_key="the-api-key",
    target_environment="mtncameroon",
    base_url="https://momo.example.test/",
)
ACCESS = Access(CREDENTIALS, "disbursement", "the-token")
CHARGE = Charge("5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11", 1500, "xaf", "+237670000000")
REFUND = Refund(
    "0d6dbb8e-4a57-4c0b-9a52-3a1e6d1f8a12", 600, CHARGE, "https://api.example.test/cb/1", "re_123"
)
PAYOUT = Payout(
    "9e1c1b5a-30b1-4f6f-8a11-54a7d2c7b0e3",
    2500,
    "xaf",
    "+237670000001",
    "https://api.example.test/cb/2",
    "L'été de Rosine",
    "po_123",
)


@pytest.mark.parametrize(
    ("request_", "resource", "reference", "callback_url", "body"),
    [
        (
            build_transfer(ACCESS, PAYOUT, PAYOUT.callback_url),
            "transfer",
            PAYOUT.reference,
            PAYOUT.callback_url,
            {
                "amount": "2500",
                "currency": "XAF",
                "externalId": "po_123",
                "payee": {"partyIdType": "MSISDN", "partyId": "237670000001"},
                "payerMessage": "L ete de Rosine",
                "payeeNote": "L ete de Rosine",
            },
        ),
        (
            build_refund(ACCESS, REFUND, None),
            "refund",
            REFUND.reference,
            None,
            {
                "amount": "600",
                "currency": "XAF",
                "externalId": "re_123",
                "payerMessage": "",
                "payeeNote": "",
                "referenceIdToRefund": CHARGE.reference,
            },
        ),
    ],
)
def test_requests(
    request_: httpx.Request,
    resource: str,
    reference: str,
    callback_url: str | None,
    body: dict[str, Any],
) -> None:
    assert str(request_.url) == f"https://momo.example.test/disbursement/v1_0/{resource}"
    assert request_.method == "POST"
    expected = {
        "authorization": "Bearer the-token",
        "ocp-apim-subscription-key": "the-subscription-key",
        "x-target-environment": "mtncameroon",
        "x-reference-id": reference,
        "content-type": "application/json",
    }
    assert {name: request_.headers[name] for name in expected} == expected
    assert request_.headers.get("x-callback-url") == callback_url
    assert json.loads(request_.content) == body


def test_access_is_that_of_the_product() -> None:
    assert build_token(CREDENTIALS, "disbursement").url.path == "/disbursement/token/"
    assert build_balance(ACCESS).url.path == "/disbursement/v1_0/account/balance"


REASONS = {
    DeclineCode.FLOAT_INSUFFICIENT: "NOT_ENOUGH_FUNDS",
    DeclineCode.PAYER_NOT_FOUND: "PAYEE_NOT_FOUND",
    DeclineCode.LIMIT_EXCEEDED: "PAYEE_LIMIT_REACHED PAYER_LIMIT_REACHED AMOUNT_NOT_ALLOWED",
    DeclineCode.EXPIRED: "EXPIRED",
    DeclineCode.GENERIC_DECLINE: (
        "APPROVAL_REJECTED PAYMENT_NOT_APPROVED REJECTED TRANSACTION_CANCELED"
        " LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED PAYEE_NOT_ALLOWED_TO_RECEIVE"
    ),
    DeclineCode.CONFIGURATION: (
        "PAYER_NOT_FOUND SENDER_ACCOUNT_NOT_ACTIVE NOT_ALLOWED NOT_ALLOWED_TARGET_ENVIRONMENT"
        " INVALID_CALLBACK_URL_HOST INVALID_CURRENCY INVALID_WHATEVER"
    ),
    DeclineCode.PROVIDER_ERROR: (
        "INTERNAL_PROCESSING_ERROR SERVICE_UNAVAILABLE RESOURCE_NOT_FOUND RESOURCE_ALREADY_EXIST"
        " COULD_NOT_PERFORM_TRANSACTION TRANSACTION_NOT_FOUND TRANSACTION_NOT_COMPLETED"
        " TRANSFER_TYPE_UNKNOWN VALIDATION_ERROR A_WORD_OF_TOMORROW"
    ),
}


@pytest.mark.parametrize(
    ("reason", "code"),
    [(reason, code) for code, reasons in REASONS.items() for reason in reasons.split()],
)
def test_reasons_of_failure(reason: str, code: DeclineCode) -> None:
    """Every reason that MTN publishes or was seen to give; here we are the payer."""
    for spelling in (reason, {"code": reason, "message": "Words that may change."}):
        body = {"amount": "2500", "currency": "XAF", "status": "FAILED", "reason": spelling}
        answer = read_status(httpx.Response(200, json=body), 2500, "xaf", DISBURSEMENT_REASONS)
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code)


def test_the_adapter_opts_in_to_what_it_can() -> None:
    adapter = MtnDisbursement(CREDENTIALS, httpx.AsyncClient())
    for protocol in (Payouts, Refunds, Balances):
        assert isinstance(adapter, protocol)
    assert "the-api-key" not in repr(adapter)
    assert "MtnDisbursement" in repr(adapter)


def test_a_callback_is_a_knock_here_too() -> None:
    adapter = MtnDisbursement(CREDENTIALS, httpx.AsyncClient())
    body = {"amount": "2500", "currency": "XAF", "status": "SUCCESSFUL", "payee": {}}
    assert adapter.read_callback({}, json.dumps(body).encode()) is None
    with pytest.raises(ForgedCallback):
        adapter.read_callback({}, b"{}")
