"""The Stripe adapter's verifications: what it sends, what it makes of every reply, and that the
card sandbox plays along."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sandbox_servers import Sandbox

from providers.boundary import Answer, DeclineCode, Verdict, Verification, Verifications
from providers.stripe import StripeCards
from providers.stripe_api import Reply, Request
from providers.stripe_verifications import build_verification, read_verification

VERIFICATION = Verification(
    reference="0d6dbb8e-4a57-4c0b-9a52-3a1e6d1f8a12",
    payer="pm_card_visa",
    off_session=True,
    callback_url="https://api.example.test/callbacks/0d6dbb8e",
    return_url="https://api.example.test/redirects/0d6dbb8e",
    external_id="setatt_1",
)
KNOWN = replace(VERIFICATION, provider_reference="seti_1")


def found(status: str, **fields: Any) -> Reply:
    body = {
        "id": "seti_1",
        "object": "setup_intent",
        "client_secret": "seti_1_secret_x",
        "payment_method": "pm_1",
        "status": status,
        **fields,
    }
    return Reply(200, body, "req_1")


def error(status: int, **fields: Any) -> Reply:
    said = {"type": "invalid_request_error", "message": "No.", **fields}
    return Reply(status, {"error": said}, "req_1")


def test_build() -> None:
    assert build_verification(VERIFICATION) == Request(
        "POST",
        "/v1/setup_intents",
        {
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "usage": "off_session",
            "payment_method_types[0]": "card",
            "metadata[reference]": VERIFICATION.reference,
            "metadata[setup_attempt]": "setatt_1",
            "metadata[callback_url]": "https://api.example.test/callbacks/0d6dbb8e",
            "return_url": "https://api.example.test/redirects/0d6dbb8e",
        },
        idempotency_key=VERIFICATION.reference,
    )
    assert build_verification(KNOWN) == Request("GET", "/v1/setup_intents/seti_1")


PAGE = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example"}}
REFUSED = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}


@pytest.mark.parametrize(
    ("reply", "verdict", "code", "redirect", "token"),
    [
        (found("succeeded"), Verdict.SUCCEEDED, None, None, "pm_1"),
        (found("succeeded", payment_method={"odd": 1}), Verdict.SUCCEEDED, None, None, None),
        (
            found("requires_action", next_action=PAGE),
            Verdict.PENDING,
            None,
            "https://bank.example",
            None,
        ),
        (found("requires_action", next_action="odd"), Verdict.PENDING, None, None, None),
        (found("processing"), Verdict.PENDING, None, None, None),
        (
            found("requires_payment_method", last_setup_error=REFUSED),
            Verdict.DECLINED,
            DeclineCode.LOST_CARD,
            None,
            None,
        ),
        (found("requires_payment_method"), Verdict.UNKNOWN, None, None, None),
        (found("canceled"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR, None, None),
        (found("a_status_of_next_year"), Verdict.UNKNOWN, None, None, None),
        (Reply(200, None), Verdict.UNKNOWN, None, None, None),
        (error(402, **REFUSED), Verdict.DECLINED, DeclineCode.LOST_CARD, None, None),
        (error(401), Verdict.DECLINED, DeclineCode.CONFIGURATION, None, None),
        (error(409, type="idempotency_error"), Verdict.UNKNOWN, None, None, None),
        (error(429), Verdict.NOT_SENT, None, None, None),
        (error(500), Verdict.UNKNOWN, None, None, None),
    ],
)
def test_what_a_reply_means(
    reply: Reply,
    verdict: Verdict,
    code: DeclineCode | None,
    redirect: str | None,
    token: str | None,
) -> None:
    answer = read_verification(VERIFICATION, reply)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert (answer.redirect_url, answer.token) == (redirect, token)
    assert "secret" not in str(answer.evidence)


def test_a_refusal_names_the_setup_intent() -> None:
    answer = read_verification(VERIFICATION, error(402, **REFUSED, setup_intent={"id": "seti_1"}))
    assert answer.provider_reference == "seti_1"


@pytest.mark.parametrize("status", [401, 402, 404, 429, 500])
def test_an_error_to_a_look_up_says_nothing_about_the_card(status: int) -> None:
    answer = read_verification(KNOWN, error(status, **REFUSED))
    assert (answer.verdict, answer.provider_reference) == (Verdict.UNKNOWN, "seti_1")


async def verify(sandbox: Sandbox, client: httpx.AsyncClient, **changes: Any) -> Answer:
    stripe = StripeCards("sk_test_verifications", client, f"{sandbox.psp('cards').url}")
    assert isinstance(stripe, Verifications)
    return await stripe.verify(replace(VERIFICATION, callback_url=None, **changes))


async def test_the_same_reference_is_one_setup_intent(
    sandbox: Sandbox, client: httpx.AsyncClient
) -> None:
    first, second = [await verify(sandbox, client) for _ in range(2)]
    assert first.verdict is second.verdict is Verdict.SUCCEEDED
    assert first.provider_reference == second.provider_reference
    assert sandbox.psp("cards").movements() == []


async def test_after_3d_secure_the_card_has_a_token_of_its_own(
    sandbox: Sandbox, client: httpx.AsyncClient
) -> None:
    alias = "pm_card_authenticationRequiredOnSetup"
    asked = await verify(sandbox, client, payer=alias)
    assert asked.verdict is Verdict.PENDING
    assert asked.redirect_url is not None
    await client.post(asked.redirect_url, data={"result": "complete"})
    done = await verify(sandbox, client, provider_reference=asked.provider_reference)
    assert done.verdict is Verdict.SUCCEEDED
    assert done.token not in (None, alias)


async def test_failing_3d_secure_is_a_refusal(sandbox: Sandbox, client: httpx.AsyncClient) -> None:
    asked = await verify(sandbox, client, payer="pm_card_authenticationRequired")
    assert asked.redirect_url is not None
    await client.post(asked.redirect_url, data={"result": "fail"})
    done = await verify(sandbox, client, provider_reference=asked.provider_reference)
    assert (done.verdict, done.decline_code) == (
        Verdict.DECLINED,
        DeclineCode.AUTHENTICATION_FAILED,
    )
