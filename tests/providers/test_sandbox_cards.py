"""The card sandbox over real HTTP, seen by our adapter and by Stripe's own SDK."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe
from sandbox_servers import Receiver, Sandbox, SandboxPsp, listen, url_of

from providers.boundary import Answer, Charge, DeclineCode, ForgedCallback, Refund, Verdict
from providers.sandbox.card_table import card_of_number
from providers.sandbox.cards import webhook_secret
from providers.stripe import StripeCards

KEY = "sk_test_cards"


@pytest.fixture
def psp(shared_sandbox: Sandbox) -> SandboxPsp:
    return shared_sandbox.psp("cards")


@pytest.fixture
def adapter(psp: SandboxPsp, client: httpx.AsyncClient) -> StripeCards:
    return StripeCards(KEY, client, psp.url, [webhook_secret(KEY)])


def charge_of(payer: str = "pm_card_visa", **fields: Any) -> Charge:
    return Charge(str(uuid4()), 1500, "xaf", payer, **fields)


async def post(
    client: httpx.AsyncClient, psp: SandboxPsp, path: str, key: str = KEY, **form: str
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return await client.post(f"{psp.url}{path}", data=form, headers=headers)


# --- Outcomes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payer",
    [
        "pm_card_visa",
        "pm_card_visa_debit",
        "pm_card_mastercard",
        "pm_card_amex",
        "pm_card_discover",
        "pm_card_bypassPending",
        "pm_card_createDispute",
        "pm_card_threeDSecureOptional",
    ],
)
async def test_cards_that_pay(adapter: StripeCards, psp: SandboxPsp, payer: str) -> None:
    charge = charge_of(payer)
    assert (await adapter.charge(charge)).verdict is Verdict.SUCCEEDED
    [movement] = psp.movements(charge.reference)
    assert (movement["amount"], movement["direction"], movement["payer"]) == (1500, "in", payer)


@pytest.mark.parametrize(
    ("payer", "code"),
    [
        ("pm_card_chargeDeclined", DeclineCode.GENERIC_DECLINE),
        ("pm_card_visa_chargeDeclined", DeclineCode.GENERIC_DECLINE),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", DeclineCode.INSUFFICIENT_FUNDS),
        ("pm_card_visa_chargeDeclinedLostCard", DeclineCode.LOST_CARD),
        ("pm_card_visa_chargeDeclinedStolenCard", DeclineCode.STOLEN_CARD),
        ("pm_card_chargeDeclinedExpiredCard", DeclineCode.EXPIRED_CARD),
        ("pm_card_chargeDeclinedIncorrectCvc", DeclineCode.INCORRECT_CVC),
        ("pm_card_chargeDeclinedProcessingError", DeclineCode.PROCESSING_ERROR),
        (
            "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
            DeclineCode.CARD_VELOCITY_EXCEEDED,
        ),
        ("pm_card_chargeCustomerFail", DeclineCode.GENERIC_DECLINE),
        ("pm_card_radarBlock", DeclineCode.FRAUDULENT),
        ("pm_card_nobody_knows", DeclineCode.CONFIGURATION),
    ],
)
async def test_cards_that_are_declined(
    adapter: StripeCards, psp: SandboxPsp, payer: str, code: DeclineCode
) -> None:
    charge = charge_of(payer)
    answer = await adapter.charge(charge)
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code)
    assert psp.movements(charge.reference) == []


@pytest.mark.parametrize(
    ("number", "outcome", "authentication"),
    [
        ("4242424242424242", "succeeded", "never"),
        ("4242 4242 4242 4242", "succeeded", "never"),
        ("4000000000000002", "generic_decline", "never"),
        ("4000000000009995", "insufficient_funds", "never"),
        ("4000002760003184", "succeeded", "always"),
        ("4000002500003155", "succeeded", "until_set_up"),
        ("4000000000000341", "generic_decline", "never"),
        ("4242424242424241", "incorrect_number", "never"),
        ("abc", "incorrect_number", "never"),
        ("4111111111111111", "generic_decline", "never"),  # valid, but no test card
    ],
)
def test_cards_by_number(number: str, outcome: str, authentication: str) -> None:
    card = card_of_number(number)
    assert (card.outcome, card.authentication) == (outcome, authentication)


async def test_a_kept_card_behaves_as_its_number_and_the_number_is_forgotten(
    adapter: StripeCards, psp: SandboxPsp, client: httpx.AsyncClient
) -> None:
    form = {"type": "card", "card[number]": "4000000000009995"}
    kept = (await post(client, psp, "/v1/payment_methods", **form)).json()
    assert kept["card"] == {"brand": "visa", "last4": "9995"}
    answer = await adapter.charge(charge_of(kept["id"]))
    assert answer.decline_code is DeclineCode.INSUFFICIENT_FUNDS
    assert "4000000000009995" not in str(psp.requests())
    stranger = StripeCards("sk_test_stranger", client, psp.url)
    answer = await stranger.charge(charge_of(kept["id"]))
    assert answer.decline_code is DeclineCode.CONFIGURATION


async def test_a_scripted_outcome_overrides_the_card(adapter: StripeCards, psp: SandboxPsp) -> None:
    psp.script(outcome="lost_card", payer="pm_card_visa", times=1)
    assert (await adapter.charge(charge_of())).decline_code is DeclineCode.LOST_CARD
    assert (await adapter.charge(charge_of())).verdict is Verdict.SUCCEEDED


async def outcome(adapter: StripeCards, charge: Charge) -> Answer:
    """What a look-up says, once it is not PENDING."""
    async with asyncio.timeout(3):
        while True:
            answer = await adapter.look_up(charge)
            if answer.verdict is not Verdict.PENDING:
                return answer
            await asyncio.sleep(0.02)


async def test_a_slow_bank_is_pending_first(adapter: StripeCards, psp: SandboxPsp) -> None:
    psp.script(delay=0.1, times=1)
    charge = charge_of()
    assert (await adapter.charge(charge)).verdict is Verdict.PENDING
    assert psp.movements(charge.reference) == []
    assert (await outcome(adapter, charge)).verdict is Verdict.SUCCEEDED
    assert len(psp.movements(charge.reference)) == 1


async def test_a_search_that_comes_too_early_finds_nothing(
    adapter: StripeCards, psp: SandboxPsp
) -> None:
    charge = charge_of()
    answer = await adapter.charge(charge)
    psp.script(operation="look_up", outcome="not_indexed", times=1)
    assert (await adapter.look_up(charge)).verdict is Verdict.NOT_SENT
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    known = replace(charge, provider_reference=answer.provider_reference)
    psp.script(operation="look_up", outcome="not_indexed", times=1)
    assert (await adapter.look_up(known)).verdict is Verdict.SUCCEEDED


# --- 3-D Secure -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payer", "result", "redirect_status", "verdict", "code", "moved"),
    [
        ("pm_card_authenticationRequired", "complete", "succeeded", Verdict.SUCCEEDED, None, 1),
        ("pm_card_threeDSecure2Required", "complete", "succeeded", Verdict.SUCCEEDED, None, 1),
        (
            "pm_card_authenticationRequired",
            "fail",
            "failed",
            Verdict.DECLINED,
            DeclineCode.AUTHENTICATION_FAILED,
            0,
        ),
        (
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            "complete",
            "failed",
            Verdict.DECLINED,
            DeclineCode.INSUFFICIENT_FUNDS,
            0,
        ),
    ],
)
async def test_the_payer_authenticates(
    adapter: StripeCards,
    psp: SandboxPsp,
    client: httpx.AsyncClient,
    payer: str,
    result: str,
    redirect_status: str,
    verdict: Verdict,
    code: DeclineCode | None,
    moved: int,
) -> None:
    charge = charge_of(payer, return_url="https://shop.example.test/back?order=5")
    answer = await adapter.charge(charge)
    assert answer.verdict is Verdict.PENDING
    assert answer.redirect_url == f"{psp.url}/3ds/{answer.provider_reference}"
    page = (await client.get(answer.redirect_url)).text
    assert "1500 XAF" in page
    assert "Complete authentication" in page
    assert "Fail authentication" in page

    for _ in range(2):  # a second click changes nothing
        back = await client.post(answer.redirect_url, data={"result": result})
        assert back.status_code == 303
        target = httpx.URL(back.headers["location"])
        assert (target.host, target.path) == ("shop.example.test", "/back")
        assert target.params["order"] == "5"
        assert target.params["payment_intent"] == answer.provider_reference
        assert target.params["redirect_status"] == redirect_status

    found = await adapter.look_up(charge)
    assert (found.verdict, found.decline_code) == (verdict, code)
    assert len(psp.movements(charge.reference)) == moved
    assert "<form" not in (await client.get(answer.redirect_url)).text


@pytest.mark.parametrize(
    ("payer", "off_session", "return_url", "verdict"),
    [
        ("pm_card_authenticationRequired", True, "https://a.test", Verdict.DECLINED),
        ("pm_card_authenticationRequired", False, None, Verdict.DECLINED),
        ("pm_card_authenticationRequired", False, "https://a.test", Verdict.PENDING),
        ("pm_card_authenticationRequiredSetupForOffSession", True, None, Verdict.SUCCEEDED),
        ("pm_card_authenticationRequiredSetupForOffSession", False, None, Verdict.DECLINED),
    ],
)
async def test_nobody_is_asked_to_authenticate_who_can_not(
    adapter: StripeCards,
    payer: str,
    off_session: bool,
    return_url: str | None,
    verdict: Verdict,
) -> None:
    answer = await adapter.charge(charge_of(payer, off_session=off_session, return_url=return_url))
    assert answer.verdict is verdict
    if verdict is Verdict.DECLINED:
        assert answer.decline_code is DeclineCode.AUTHENTICATION_REQUIRED


async def test_an_unknown_payment_has_no_page(psp: SandboxPsp, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{psp.url}/3ds/pi_x")).status_code == 404
    assert (await client.post(f"{psp.url}/3ds/pi_x", data={})).status_code == 404


# --- Holds ----------------------------------------------------------------------------------------


async def test_a_capture_sent_twice_takes_once(adapter: StripeCards, psp: SandboxPsp) -> None:
    charge = charge_of(capture=False)
    answer = await adapter.charge(charge)
    charge = replace(charge, provider_reference=answer.provider_reference)
    capture = str(uuid4())
    for reference in (capture, capture, str(uuid4())):
        assert (await adapter.capture(charge, reference, 900)).verdict is Verdict.SUCCEEDED
    [movement] = psp.movements(charge.reference)
    assert movement["amount"] == 900


async def test_more_than_the_hold_is_not_captured(adapter: StripeCards, psp: SandboxPsp) -> None:
    charge = charge_of(capture=False)
    await adapter.charge(charge)
    assert (await adapter.capture(charge, str(uuid4()), 1501)).verdict is Verdict.DECLINED
    assert (await adapter.look_up(charge)).evidence["amount_capturable"] == 1500
    assert psp.movements(charge.reference) == []


async def test_a_released_hold_can_not_be_taken(adapter: StripeCards, psp: SandboxPsp) -> None:
    charge = charge_of(capture=False)
    await adapter.charge(charge)
    for _ in range(2):
        assert (await adapter.cancel(charge, str(uuid4()))).verdict is Verdict.SUCCEEDED
    assert (await adapter.capture(charge, str(uuid4()), 1500)).verdict is Verdict.DECLINED
    assert psp.movements(charge.reference) == []


async def test_what_was_never_sent_is_neither_captured_nor_canceled(adapter: StripeCards) -> None:
    charge = charge_of(capture=False)
    assert (await adapter.capture(charge, str(uuid4()), 1500)).verdict is Verdict.NOT_SENT
    assert (await adapter.cancel(charge, str(uuid4()))).verdict is Verdict.NOT_SENT


# --- Refunds --------------------------------------------------------------------------------------


async def paid(adapter: StripeCards, payer: str = "pm_card_visa", **fields: Any) -> Charge:
    """A charge that succeeded, with Stripe's id of it."""
    charge = charge_of(payer, **fields)
    answer = await adapter.charge(charge)
    assert answer.verdict is Verdict.SUCCEEDED
    return replace(charge, provider_reference=answer.provider_reference)


def refund_of(charge: Charge, amount: int = 1500, **fields: Any) -> Refund:
    return Refund(str(uuid4()), amount, charge, **fields)


async def test_parts_are_refunded_up_to_the_whole(adapter: StripeCards, psp: SandboxPsp) -> None:
    charge = await paid(adapter)
    first, second = refund_of(charge, 600), refund_of(charge, 900)
    for refund in (first, second):
        answer = await adapter.refund(refund)
        assert answer.verdict is Verdict.SUCCEEDED
        assert str(answer.provider_reference).startswith("re_")
        [movement] = psp.movements(refund.reference)
        assert (movement["amount"], movement["direction"]) == (refund.amount, "out")
        known = replace(refund, provider_reference=answer.provider_reference)
        for asked in (refund, known):  # by our reference, and by Stripe's
            found = await adapter.look_up_refund(asked)
            assert (found.verdict, found.provider_reference) == (
                Verdict.SUCCEEDED,
                answer.provider_reference,
            )
    assert len(psp.movements(charge.reference)) == 1


@pytest.mark.parametrize(
    ("refunded", "amount", "code", "param"),
    [
        (0, 1501, None, "amount"),
        (600, 901, None, "amount"),
        (1500, 1, "charge_already_refunded", None),
    ],
)
async def test_more_than_what_is_left_is_not_refunded(
    adapter: StripeCards,
    psp: SandboxPsp,
    refunded: int,
    amount: int,
    code: str | None,
    param: str | None,
) -> None:
    charge = await paid(adapter)
    if refunded:
        assert (await adapter.refund(refund_of(charge, refunded))).verdict is Verdict.SUCCEEDED
    refund = refund_of(charge, amount)
    answer = await adapter.refund(refund)
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)
    error = answer.evidence["error"]
    assert (error.get("code"), error.get("param")) == (code, param)
    assert psp.movements(refund.reference) == []
    assert (await adapter.look_up_refund(refund)).verdict is Verdict.NOT_SENT


async def test_twenty_refunds_at_once_give_back_no_more_than_was_paid(
    adapter: StripeCards, psp: SandboxPsp
) -> None:
    charge = await paid(adapter)
    refunds = [refund_of(charge, 1000) for _ in range(20)]
    answers = await asyncio.gather(*(adapter.refund(refund) for refund in refunds))
    assert sorted(answer.verdict for answer in answers) == ["declined"] * 19 + ["succeeded"]
    assert sum(len(psp.movements(refund.reference)) for refund in refunds) == 1


@pytest.mark.parametrize("capture", [True, False])
async def test_what_was_not_taken_is_not_refunded(
    adapter: StripeCards, psp: SandboxPsp, capture: bool
) -> None:
    payer = "pm_card_chargeDeclined" if capture else "pm_card_visa"  # declined, or only held
    charge = charge_of(payer, capture=capture)
    answer = await adapter.charge(charge)
    refund = refund_of(replace(charge, provider_reference=answer.provider_reference))
    assert (await adapter.refund(refund)).verdict is Verdict.DECLINED
    assert psp.movements(refund.reference) == []


async def test_a_refund_of_what_was_never_sent(adapter: StripeCards) -> None:
    refund = refund_of(charge_of())
    assert (await adapter.refund(refund)).verdict is Verdict.NOT_SENT
    assert (await adapter.look_up_refund(refund)).verdict is Verdict.UNKNOWN


async def refund_outcome(adapter: StripeCards, refund: Refund, before: Verdict) -> Answer:
    """What a look-up says once it no longer says `before`."""
    async with asyncio.timeout(3):
        while True:
            answer = await adapter.look_up_refund(refund)
            if answer.verdict is not before:
                return answer
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("payer", "scripted", "before", "after", "code"),
    [
        ("pm_card_pendingRefund", None, Verdict.PENDING, Verdict.SUCCEEDED, None),
        ("pm_card_visa", "pending", Verdict.PENDING, Verdict.SUCCEEDED, None),
        ("pm_card_visa", "succeeded", Verdict.PENDING, Verdict.SUCCEEDED, None),
        (
            "pm_card_refundFail",
            None,
            Verdict.SUCCEEDED,
            Verdict.DECLINED,
            DeclineCode.EXPIRED_CARD,
        ),
        (
            "pm_card_visa",
            "failed",
            Verdict.SUCCEEDED,
            Verdict.DECLINED,
            DeclineCode.EXPIRED_CARD,
        ),
    ],
)
async def test_a_bank_that_takes_its_time(
    adapter: StripeCards,
    psp: SandboxPsp,
    receiver: Receiver,
    payer: str,
    scripted: str | None,
    before: Verdict,
    after: Verdict,
    code: DeclineCode | None,
) -> None:
    psp.script(operation="refund", outcome=scripted, delay=0.15)
    charge = await paid(adapter, payer)
    refund = refund_of(charge, 600, callback_url=f"{receiver.url}/callbacks/7")
    assert (await adapter.refund(refund)).verdict is before
    assert psp.movements(refund.reference) == []  # the payer has nothing yet
    answer = await refund_outcome(adapter, refund, before)
    assert (answer.verdict, answer.decline_code) == (after, code)
    moved = after is Verdict.SUCCEEDED
    assert len(psp.movements(refund.reference)) == moved
    callbacks = await asyncio.to_thread(receiver.wait_for, 2)
    events = []
    for callback in callbacks:
        assert adapter.read_callback(callback.headers, callback.body) == refund.reference
        signature = callback.headers["stripe-signature"]
        event = stripe.Webhook.construct_event(callback.body, signature, webhook_secret(KEY))
        events.append(event.type)
    assert events == ["refund.created", "refund.updated" if moved else "refund.failed"]
    # What a bank sent back is left of the charge again.
    rest = await adapter.refund(refund_of(charge, 1500))
    assert rest.verdict is (Verdict.DECLINED if moved else before)


@pytest.mark.parametrize(
    ("number", "verdict"),
    [("4000000000005126", Verdict.SUCCEEDED), ("4000000000007726", Verdict.PENDING)],
)
async def test_a_kept_card_takes_refunds_as_its_number(
    adapter: StripeCards,
    psp: SandboxPsp,
    client: httpx.AsyncClient,
    number: str,
    verdict: Verdict,
) -> None:
    psp.script(operation="refund", delay=5)  # so that the bank has not answered yet
    form = {"type": "card", "card[number]": number}
    kept = (await post(client, psp, "/v1/payment_methods", **form)).json()
    refund = refund_of(await paid(adapter, kept["id"]))
    assert (await adapter.refund(refund)).verdict is verdict
    assert psp.movements(refund.reference) == []


# --- Protocol -------------------------------------------------------------------------------------


async def test_another_charge_under_the_same_reference_is_unknown(
    adapter: StripeCards, psp: SandboxPsp
) -> None:
    charge = charge_of()
    await adapter.charge(charge)
    answer = await adapter.charge(replace(charge, amount=9))
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.evidence["error"]["type"] == "idempotency_error"
    assert [movement["amount"] for movement in psp.movements(charge.reference)] == [1500]


async def test_a_refused_request_leaves_its_key_free(adapter: StripeCards) -> None:
    charge = charge_of("pm_card_nobody_knows")
    assert (await adapter.charge(charge)).verdict is Verdict.DECLINED
    assert (await adapter.charge(replace(charge, payer="pm_card_visa"))).verdict is (
        Verdict.SUCCEEDED
    )


@pytest.mark.parametrize(
    ("path", "form", "status", "code", "param"),
    [
        ("/v1/payment_intents", {"amount": ""}, 400, "parameter_missing", "amount"),
        ("/v1/payment_intents", {"amount": "1.5"}, 400, "parameter_invalid_integer", "amount"),
        ("/v1/payment_intents", {"amount": "0"}, 400, "parameter_invalid_integer", "amount"),
        ("/v1/payment_intents", {"currency": ""}, 400, "parameter_missing", "currency"),
        ("/v1/payment_intents", {"colour": "1"}, 400, "parameter_unknown", "colour"),
        ("/v1/payment_intents", {"confirm": "false"}, 400, None, "confirm"),
        ("/v1/payment_intents", {"payment_method": "pm_x"}, 400, "resource_missing", None),
        ("/v1/payment_intents/pi_x/capture", {}, 404, "resource_missing", "intent"),
        ("/v1/payment_intents/pi_x/no_such_verb", {}, 404, None, None),
        ("/v1/refunds", {}, 400, "parameter_missing", "payment_intent"),
        ("/v1/refunds", {"payment_intent": "pi_x"}, 404, "resource_missing", "intent"),
        ("/v1/refunds", {"colour": "1"}, 400, "parameter_unknown", "colour"),
    ],
)
async def test_errors(
    psp: SandboxPsp,
    client: httpx.AsyncClient,
    path: str,
    form: dict[str, str],
    status: int,
    code: str | None,
    param: str | None,
) -> None:
    valid = {"amount": "5", "currency": "xaf", "payment_method": "pm_card_visa", "confirm": "true"}
    sent = {**valid, **form} if path == "/v1/payment_intents" else form
    response = await post(client, psp, path, **sent)
    error = response.json()["error"]
    assert (response.status_code, error.get("code")) == (status, code)
    assert error["type"] == "invalid_request_error"
    assert param is None or error["param"] == param


async def test_keys_open_their_own_account_only(
    adapter: StripeCards, psp: SandboxPsp, client: httpx.AsyncClient
) -> None:
    charge = charge_of()
    answer = await adapter.charge(charge)
    stranger = StripeCards("sk_test_stranger", client, psp.url)
    assert (await stranger.look_up(charge)).verdict is Verdict.NOT_SENT
    known = replace(charge, provider_reference=answer.provider_reference)
    assert (await stranger.look_up(known)).verdict is Verdict.UNKNOWN
    for key in ("wrong", "pk_test_x", "sk_live_x"):
        nobody = StripeCards(key, client, psp.url)
        refused = await nobody.charge(charge_of())
        assert refused.decline_code is DeclineCode.CONFIGURATION


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {KEY}", 404),
        (f"Basic {b64encode(f'{KEY}:'.encode()).decode()}", 404),
        (f"Basic {b64encode(b'sk_live_x:').decode()}", 401),
        ("Basic %%%", 401),
        ("Basic w6k=", 401),
        ("Basic /w==", 401),
        ("", 401),
    ],
)
async def test_a_key_comes_as_a_token_or_as_a_user(
    psp: SandboxPsp, client: httpx.AsyncClient, authorization: str, status: int
) -> None:
    url = f"{psp.url}/v1/payment_intents/pi_0"
    answer = await client.get(url, headers={"Authorization": authorization})
    assert answer.status_code == status


# --- Webhooks -------------------------------------------------------------------------------------


async def test_webhooks_are_signed_and_name_our_reference(
    adapter: StripeCards, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    charge = charge_of(
        "pm_card_authenticationRequired",
        return_url="https://shop.example.test",
        callback_url=f"{receiver.url}/callbacks/5",
    )
    answer = await adapter.charge(charge)
    await asyncio.to_thread(receiver.wait_for, 1)
    await client.post(str(answer.redirect_url), data={"result": "complete"})
    callbacks = await asyncio.to_thread(receiver.wait_for, 2)
    kinds = []
    for callback in callbacks:
        assert callback.path == "/callbacks/5"
        assert adapter.read_callback(callback.headers, callback.body) == charge.reference
        signature = callback.headers["stripe-signature"]
        event = stripe.Webhook.construct_event(callback.body, signature, webhook_secret(KEY))
        kinds.append(event.type)
        with pytest.raises(ForgedCallback):
            adapter.read_callback(callback.headers, callback.body + b" ")
    assert kinds == ["payment_intent.requires_action", "payment_intent.succeeded"]


async def test_a_refusal_knocks_too_and_doubled_means_doubled(
    adapter: StripeCards, psp: SandboxPsp, receiver: Receiver
) -> None:
    psp.script(callback="doubled", times=1)
    await adapter.charge(charge_of("pm_card_chargeDeclined", callback_url=receiver.url))
    first, second = await asyncio.to_thread(receiver.wait_for, 2)
    assert first.body == second.body
    assert b'"payment_intent.payment_failed"' in first.body


# --- Stripe's own SDK -----------------------------------------------------------------------------


@pytest.fixture
def sdk(psp: SandboxPsp) -> Iterator[stripe.StripeClient]:
    http_client = stripe.RequestsClient()
    yield stripe.StripeClient(KEY, base_addresses={"api": psp.url}, http_client=http_client)
    http_client.close()


def test_the_official_sdk_understands_every_answer(sdk: stripe.StripeClient) -> None:
    wanted: Any = {
        "amount": 1500,
        "currency": "xaf",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "capture_method": "manual",
        "metadata": {"order": str(uuid4())},
    }
    options: Any = {"idempotency_key": str(uuid4())}
    intent = sdk.v1.payment_intents.create(wanted, options)
    assert sdk.v1.payment_intents.create(wanted, options).id == intent.id
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1500)
    assert sdk.v1.payment_intents.retrieve(intent.id).metadata.to_dict() == wanted["metadata"]
    query: Any = {"query": f"metadata['order']:'{wanted['metadata']['order']}'"}
    assert [hit.id for hit in sdk.v1.payment_intents.search(query).data] == [intent.id]
    assert sdk.v1.payment_intents.capture(intent.id).amount_received == 1500
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        sdk.v1.payment_intents.cancel(intent.id)
    refunded: Any = {"payment_intent": intent.id, "amount": 500, "metadata": {"order": "5"}}
    refund = sdk.v1.refunds.create(refunded, {"idempotency_key": str(uuid4())})
    assert (refund.status, refund.amount, refund.currency) == ("succeeded", 500, "xaf")
    assert sdk.v1.refunds.retrieve(refund.id).payment_intent == intent.id
    rest = sdk.v1.refunds.create({"payment_intent": intent.id})  # without an amount: all the rest
    assert rest.amount == 1000
    page = sdk.v1.refunds.list({"payment_intent": intent.id, "limit": 1})
    assert ([hit.id for hit in page.data], page.has_more) == ([rest.id], True)
    assert [hit.id for hit in page.auto_paging_iter()] == [rest.id, refund.id]
    with pytest.raises(stripe.InvalidRequestError) as again:
        sdk.v1.refunds.create({"payment_intent": intent.id})
    assert again.value.code == "charge_already_refunded"
    with pytest.raises(stripe.CardError) as declined:
        sdk.v1.payment_intents.create({**wanted, "payment_method": "pm_card_chargeDeclined"})
    assert declined.value.code == "card_declined"
    with pytest.raises(stripe.IdempotencyError):
        sdk.v1.payment_intents.create({**wanted, "amount": 9}, options)
    with pytest.raises(stripe.AuthenticationError):
        sdk.v1.payment_intents.retrieve(intent.id, options={"api_key": "sk_live_x"})


# --- Crashes --------------------------------------------------------------------------------------

SERVE = """
import socket, sys
from pathlib import Path
import uvicorn
from providers.sandbox.server import create_sandbox

listener = socket.socket(fileno=int(sys.argv[1]))
app = create_sandbox(Path(sys.argv[2]), sys.argv[3])
server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
server.run(sockets=[listener])
"""


@contextmanager
def running(listener: socket.socket, books: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A sandbox in a process of its own; it must have ended, or be told to, when this returns."""
    descriptor = listener.fileno()
    command = [sys.executable, "-c", SERVE, str(descriptor), str(books), url_of(listener)]
    with subprocess.Popen(command, pass_fds=[descriptor]) as process:
        try:
            yield process
        finally:
            process.kill()


async def answering(client: httpx.AsyncClient, url: str) -> None:
    """Wait until the sandbox answers."""
    async with asyncio.timeout(30):
        while True:
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/healthz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def test_a_killed_sandbox_keeps_its_word(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as listener:
        url = url_of(listener)
        psp = SandboxPsp(f"{url}/cards")
        adapter = StripeCards(KEY, client, psp.url)
        paid, pending = charge_of(), replace(charge_of(), amount=1600)

        with running(listener, tmp_path) as process:
            await answering(client, url)
            psp.script(delay=0.3, amount=1600)
            assert (await adapter.charge(paid)).verdict is Verdict.SUCCEEDED
            assert (await adapter.charge(pending)).verdict is Verdict.PENDING
            psp.script(operation="refund", delay=0.3)
            back = refund_of(paid, 600)
            assert (await adapter.refund(back)).verdict is Verdict.PENDING
            os.kill(process.pid, signal.SIGKILL)

        with running(listener, tmp_path):
            await answering(client, url)
            assert (await adapter.charge(paid)).verdict is Verdict.SUCCEEDED  # replayed
            assert (await outcome(adapter, pending)).verdict is Verdict.SUCCEEDED
            assert (await adapter.refund(back)).verdict is Verdict.PENDING  # replayed
            refunded = await refund_outcome(adapter, back, Verdict.PENDING)
            assert refunded.verdict is Verdict.SUCCEEDED
            assert (await adapter.refund(refund_of(paid, 901))).verdict is Verdict.DECLINED
            for attempt in (paid, pending, back):
                assert len(psp.movements(attempt.reference)) == 1
