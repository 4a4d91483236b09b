"""The PayPal sandbox over real HTTP: pages, refusals, webhooks, faults, crashes."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4
from zlib import crc32

import httpx
import pytest
from boundary_kinds import charge_of, final
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from kinds_paypal import CLIENT_ID, paypal, visit
from sandbox_servers import Receiver, Sandbox, SandboxPsp, listen, serve, url_of

from providers.boundary import Answer, Charge, DeclineCode, Refund, Verdict
from providers.paypal import PayPal, PayPalAccount
from providers.sandbox.book import Book
from providers.sandbox.paypal import create_app
from providers.sandbox.paypal.access import secret_of
from providers.sandbox.paypal.psp import Settings
from providers.sandbox.script import Script


@pytest.fixture
def psp(shared_sandbox: Sandbox) -> SandboxPsp:
    return shared_sandbox.psp("paypal")


@pytest.fixture
def adapter(shared_sandbox: Sandbox, client: httpx.AsyncClient) -> PayPal:
    return paypal(shared_sandbox.url, client)


def euros(amount: int = 1500, **changes: Any) -> Charge:
    return replace(charge_of("", "eur"), amount=amount, **changes)


async def approved(adapter: PayPal, charge: Charge, choice: str = "COMPLETED") -> Charge:
    """The charge, once its payer has pressed a button of the page."""
    answer = await adapter.charge(charge)
    assert answer.verdict is Verdict.PENDING
    await visit(answer, choice)
    return replace(charge, provider_reference=answer.provider_reference)


async def token(client: httpx.AsyncClient, psp: SandboxPsp, client_id: str = CLIENT_ID) -> str:
    reply = await client.post(
        f"{psp.url}/v1/oauth2/token",
        auth=(client_id, secret_of(client_id)),
        data={"grant_type": "client_credentials"},
    )
    found: str = reply.raise_for_status().json()["access_token"]
    return found


async def call(
    client: httpx.AsyncClient, psp: SandboxPsp, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    """A POST with a good token; the body as JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    bearer = {"authorization": f"Bearer {await token(client, psp)}"}
    sent = {"content-type": "application/json", **bearer, **headers}
    return await client.post(f"{psp.url}{path}", content=content, headers=sent)


# --- The page, and what decides -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "verdict", "code"),
    [
        ("COMPLETED", Verdict.SUCCEEDED, None),
        ("INSTRUMENT_DECLINED", Verdict.DECLINED, DeclineCode.GENERIC_DECLINE),
        ("PENDING", Verdict.PENDING, None),
        ("cancel", Verdict.PENDING, None),
    ],
)
async def test_the_payer_decides(
    adapter: PayPal, psp: SandboxPsp, choice: str, verdict: Verdict, code: DeclineCode | None
) -> None:
    charge = await approved(adapter, euros(), choice)
    answer = await adapter.look_up(charge)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert len(psp.movements(charge.reference)) == (verdict is Verdict.SUCCEEDED)


async def test_who_cancelled_can_come_back(adapter: PayPal) -> None:
    charge = await approved(adapter, euros(), "cancel")
    again = await adapter.look_up(charge)
    assert again.redirect_url is not None
    await visit(again)
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("amount", "verdict", "code"),
    [
        (1051, Verdict.DECLINED, DeclineCode.GENERIC_DECLINE),
        (1052, Verdict.DECLINED, DeclineCode.GENERIC_DECLINE),
        (1053, Verdict.DECLINED, DeclineCode.LIMIT_EXCEEDED),
        (1054, Verdict.DECLINED, DeclineCode.GENERIC_DECLINE),
        (1055, Verdict.PENDING, None),
    ],
)
@pytest.mark.parametrize("capture", [True, False])
async def test_amounts_decide(
    adapter: PayPal, amount: int, verdict: Verdict, code: DeclineCode | None, *, capture: bool
) -> None:
    charge = await approved(adapter, euros(amount, capture=capture))
    answer = await adapter.look_up(charge)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.evidence["http_status"] in (201, 422)


async def test_a_review_ends(adapter: PayPal, psp: SandboxPsp) -> None:
    psp.script(outcome="PENDING", delay=0.1)
    for capture in (True, False):
        charge = await approved(adapter, euros(capture=capture))
        assert (await adapter.look_up(charge)).verdict is Verdict.PENDING
        assert (await final(lambda c=charge: adapter.look_up(c))).verdict is Verdict.SUCCEEDED
        assert len(psp.movements(charge.reference)) == capture


async def test_a_payer_who_has_to_come_back(adapter: PayPal, psp: SandboxPsp) -> None:
    psp.script(operation="complete", outcome="PAYER_ACTION_REQUIRED", times=1)
    charge = await approved(adapter, euros())
    answer = await adapter.look_up(charge)
    assert (answer.verdict, answer.evidence["body"]["reason"]) == (
        Verdict.PENDING,
        "PAYER_ACTION_REQUIRED",
    )
    await visit(answer)
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED


async def test_paypals_own_way_to_ask_for_a_refusal(
    adapter: PayPal, psp: SandboxPsp, client: httpx.AsyncClient
) -> None:
    charge = await approved(adapter, euros())
    path = f"/v2/checkout/orders/{charge.provider_reference}/capture"
    mock = {"paypal-mock-response": '{"mock_application_codes": "TRANSACTION_REFUSED"}'}
    reply = await call(client, psp, path, **mock)
    assert (reply.status_code, reply.json()["details"][0]["issue"]) == (422, "TRANSACTION_REFUSED")
    reply = await call(client, psp, path, **{"paypal-mock-response": "odd"})
    assert reply.status_code == 201


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("fr", 'Payer / <span lang="en">Pay<', 'lang="fr"'),
        ("en", 'Pay / <span lang="fr">', "15.00"),
    ],
)
async def test_the_page_speaks_both_languages(
    adapter: PayPal, client: httpx.AsyncClient, language: str, first: str, second: str
) -> None:
    charge = euros(language=language, description="<b>Thé</b>", return_url="http://x.test/back?a=1")
    answer = await adapter.charge(charge)
    assert answer.redirect_url is not None
    page = (await client.get(answer.redirect_url)).text
    assert first in page
    assert second in page
    assert "&lt;b&gt;Thé" in page
    back = (await visit(answer)).headers["location"]
    assert back.startswith("http://x.test/back?a=1&token=")
    assert "PayerID=" in back
    cancelled = (await visit(answer, "cancel")).headers["location"]
    assert "PayerID" not in cancelled
    paid = replace(charge, provider_reference=answer.provider_reference)
    assert (await adapter.look_up(paid)).verdict is Verdict.SUCCEEDED
    assert "Already paid." in (await client.get(answer.redirect_url)).text
    await visit(answer)  # of no consequence any more


async def test_pages_of_nothing(
    psp: SandboxPsp, client: httpx.AsyncClient, adapter: PayPal
) -> None:
    for reply in (
        await client.get(f"{psp.url}/checkoutnow"),
        await client.get(f"{psp.url}/checkoutnow?token=%00%ff"),
        await client.post(f"{psp.url}/checkoutnow?token=x", data={"choice": "COMPLETED"}),
    ):
        assert reply.status_code == 404
    page = (await adapter.charge(euros())).redirect_url
    assert page is not None
    for body in (b"", b"choice=steal", b"\xff\xfe", b"choice=" + b"x" * 100_000):
        assert (await client.post(page, content=body)).status_code == 404


# --- Never twice ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["reset_after_accepting", "timeout_after_accepting", "error_500_after_accepting"]
)
@pytest.mark.parametrize("capture", [True, False])
async def test_a_completion_whose_answer_is_lost_is_done_once(
    adapter: PayPal, psp: SandboxPsp, fault: str, *, capture: bool
) -> None:
    charge = await approved(adapter, euros(capture=capture))
    psp.script(operation="complete", fault=fault, fault_seconds=1, times=1)
    answer = await adapter.look_up(charge)
    assert (answer.verdict, answer.provider_reference) == (
        Verdict.UNKNOWN,
        charge.provider_reference,
    )
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    assert len(psp.movements(charge.reference)) == capture


async def test_a_completion_that_never_left_is_not_not_sent(
    adapter: PayPal, psp: SandboxPsp
) -> None:
    charge = await approved(adapter, euros())
    psp.script(operation="complete", fault="reset_before_accepting", times=1)
    assert (await adapter.look_up(charge)).verdict is Verdict.UNKNOWN
    assert psp.movements(charge.reference) == []


async def test_many_look_ups_at_once_take_the_money_once(adapter: PayPal, psp: SandboxPsp) -> None:
    charge = await approved(adapter, euros())
    answers = await asyncio.gather(*(adapter.look_up(charge) for _ in range(10)))
    assert {answer.verdict for answer in answers} == {Verdict.SUCCEEDED}
    assert len(psp.movements(charge.reference)) == 1


async def test_one_invoice_is_paid_once_though_its_request_id_is_forgotten(
    adapter: PayPal, psp: SandboxPsp, client: httpx.AsyncClient
) -> None:
    first = await approved(adapter, euros())
    assert (await adapter.look_up(first)).verdict is Verdict.SUCCEEDED
    unit = {
        "amount": {"currency_code": "EUR", "value": "15.00"},
        "invoice_id": first.reference,
    }
    body = {"intent": "CAPTURE", "purchase_units": [unit]}
    made = (await call(client, psp, "/v2/checkout/orders", body)).json()
    await client.post(f"{psp.url}/checkoutnow?token={made['id']}", data={"choice": "COMPLETED"})
    answer = await adapter.look_up(replace(first, provider_reference=made["id"]))
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.evidence["body"]["reason"] == "DUPLICATE_INVOICE_ID"
    assert len(psp.movements(first.reference)) == 1


# --- Holds and refunds ----------------------------------------------------------------------------


async def test_a_hold_is_taken_in_part_once(adapter: PayPal, psp: SandboxPsp) -> None:
    charge = await approved(adapter, euros(capture=False))
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    assert psp.movements(charge.reference) == []
    reference = str(uuid4())
    psp.script(operation="capture", fault="timeout_after_accepting", fault_seconds=1, times=1)
    assert (await adapter.capture(charge, reference, 900)).verdict is Verdict.UNKNOWN
    assert (await adapter.capture(charge, reference, 900)).verdict is Verdict.SUCCEEDED
    assert (await adapter.capture(charge, str(uuid4()), 800)).verdict is Verdict.UNKNOWN
    assert [moved["amount"] for moved in psp.movements(charge.reference)] == [900]
    assert (await adapter.cancel(charge, str(uuid4()))).verdict is Verdict.DECLINED
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    refund = Refund(str(uuid4()), 900, charge)
    assert (await adapter.refund(refund)).verdict is Verdict.SUCCEEDED


async def test_a_hold_is_released(adapter: PayPal, psp: SandboxPsp) -> None:
    charge = await approved(adapter, euros(capture=False))
    # Nothing is held yet: there is nothing to give back.
    assert (await adapter.cancel(charge, str(uuid4()))).verdict is Verdict.SUCCEEDED
    assert (await adapter.capture(charge, str(uuid4()), 5)).verdict is Verdict.UNKNOWN
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    more = await adapter.capture(charge, str(uuid4()), 1501)
    assert (more.verdict, more.evidence["body"]["reason"]) == (
        Verdict.DECLINED,
        "MAX_CAPTURE_AMOUNT_EXCEEDED",
    )
    for _ in range(2):
        assert (await adapter.cancel(charge, str(uuid4()))).verdict is Verdict.SUCCEEDED
    late = await adapter.capture(charge, str(uuid4()), 900)
    assert (late.verdict, late.decline_code) == (Verdict.DECLINED, DeclineCode.EXPIRED)
    answer = await adapter.look_up(charge)
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, DeclineCode.EXPIRED)
    assert psp.movements(charge.reference) == []


async def test_refunds_that_are_refused(adapter: PayPal, psp: SandboxPsp) -> None:
    charge = await approved(adapter, euros())
    unpaid = await adapter.refund(Refund(str(uuid4()), 500, charge))
    assert (unpaid.verdict, unpaid.decline_code) == (Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    psp.script(operation="refund", outcome="REFUND_FAILED_INSUFFICIENT_FUNDS", times=1)
    refund = Refund(str(uuid4()), 500, charge)
    broke = await adapter.refund(refund)
    assert (broke.verdict, broke.decline_code) == (Verdict.DECLINED, DeclineCode.FLOAT_INSUFFICIENT)
    psp.script(operation="refund", outcome="PENDING", delay=0.05, times=1)
    pending = await adapter.refund(refund)
    assert pending.verdict is Verdict.PENDING
    known = replace(refund, provider_reference=pending.provider_reference)
    assert (await final(lambda: adapter.look_up_refund(known))).verdict is Verdict.SUCCEEDED
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED  # PARTIALLY_REFUNDED
    assert (await adapter.refund(Refund(str(uuid4()), 1000, charge))).verdict is Verdict.SUCCEEDED
    assert (await adapter.look_up(charge)).evidence["payment"]["status"] == "REFUNDED"
    much = await adapter.refund(Refund(str(uuid4()), 1, charge))
    assert much.evidence["body"]["reason"] == "CAPTURE_FULLY_REFUNDED"


async def test_many_refunds_at_once_give_back_no_more_than_was_paid(
    adapter: PayPal, psp: SandboxPsp
) -> None:
    charge = await approved(adapter, euros())
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    refunds = [Refund(str(uuid4()), 400, charge) for _ in range(8)]
    answers = await asyncio.gather(*(adapter.refund(refund) for refund in refunds))
    verdicts = [answer.verdict for answer in answers]
    assert verdicts.count(Verdict.SUCCEEDED) == 3
    # On a busy machine one may not get through at all.
    assert set(verdicts) <= {Verdict.SUCCEEDED, Verdict.DECLINED, Verdict.NOT_SENT}
    moved = [amount for r in refunds for amount in psp.movements(r.reference)]
    assert len(moved) == 3


# --- Access ---------------------------------------------------------------------------------------


async def test_wrong_credentials(psp: SandboxPsp, client: httpx.AsyncClient) -> None:
    stranger = PayPal(PayPalAccount("an-app", "wrong", psp.url), client)
    checked = await stranger.check_credentials()
    assert (checked.verdict, checked.decline_code) == (
        Verdict.DECLINED,
        DeclineCode.CONFIGURATION,
    )
    assert (await stranger.charge(euros())).verdict is Verdict.NOT_SENT


async def test_an_app_sees_its_own_orders_only(
    adapter: PayPal, psp: SandboxPsp, client: httpx.AsyncClient
) -> None:
    charge = await approved(adapter, euros())
    other = PayPal(PayPalAccount("other", secret_of("other"), psp.url), client)
    assert (await other.look_up(charge)).verdict is Verdict.UNKNOWN
    assert psp.movements(charge.reference) == []


async def test_a_token_that_ended_is_renewed(client: httpx.AsyncClient) -> None:
    with serve(create_app(Book(None), Script(), "", Settings(token_lifetime=0.1))) as url:
        adapter = PayPal(PayPalAccount(CLIENT_ID, secret_of(CLIENT_ID), url), client)
        assert (await adapter.check_credentials()).verdict is Verdict.SUCCEEDED
        await asyncio.sleep(0.15)
        assert (await adapter.check_credentials()).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize("authorization", ["", "Basic !!", "Basic eA==", "Bearer x", "x" * 5000])
async def test_nobody_enters_without_credentials(
    psp: SandboxPsp, client: httpx.AsyncClient, authorization: str
) -> None:
    headers = {"authorization": authorization}
    form = {"grant_type": "client_credentials"}
    reply = await client.post(f"{psp.url}/v1/oauth2/token", headers=headers, data=form)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    reply = await client.get(f"{psp.url}/v2/checkout/orders/X", headers=headers)
    assert (reply.status_code, reply.json()["name"]) == (401, "AUTHENTICATION_FAILURE")


# --- Bad input ------------------------------------------------------------------------------------

UNIT = {"amount": {"currency_code": "EUR", "value": "15.00"}}


def of(**amount: Any) -> dict[str, Any]:
    return {"intent": "CAPTURE", "purchase_units": [{"amount": {**UNIT["amount"], **amount}}]}


@pytest.mark.parametrize(
    ("body", "status", "issue"),
    [
        (b"", 400, "INVALID_PARAMETER_SYNTAX"),
        (b"{", 400, "MALFORMED_REQUEST_JSON"),
        (b"\xff", 400, "MALFORMED_REQUEST_JSON"),
        (b"[" * 100_000, 400, "INVALID_PARAMETER_SYNTAX"),
        (b'{"x":' * 40_000, 400, "MALFORMED_REQUEST_JSON"),
        ([], 400, "INVALID_PARAMETER_SYNTAX"),
        ({"intent": "STEAL", "purchase_units": [UNIT]}, 400, "INVALID_PARAMETER_VALUE"),
        ({"intent": "CAPTURE", "purchase_units": []}, 400, "INVALID_ARRAY_MAX_ITEMS"),
        ({"intent": "CAPTURE", "purchase_units": [UNIT, UNIT]}, 400, "INVALID_ARRAY_MAX_ITEMS"),
        ({"intent": "CAPTURE", "purchase_units": [{}]}, 400, "INVALID_PARAMETER_SYNTAX"),
        (of(currency_code="XAF"), 422, "INVALID_CURRENCY_CODE"),
        (of(currency_code="MAD"), 422, "INVALID_CURRENCY_CODE"),
        (of(value="0.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (of(value="-5.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (of(value="5.005"), 422, "DECIMAL_PRECISION"),
        (of(value="1e5"), 400, "INVALID_PARAMETER_SYNTAX"),
        (of(value="NaN"), 400, "INVALID_PARAMETER_SYNTAX"),
        (of(value=15), 400, "INVALID_PARAMETER_SYNTAX"),
        (
            {**of(), "payment_source": {"paypal": {}}},
            400,
            "PAYPAL_REQUEST_ID_REQUIRED",
        ),
        (
            {"intent": "CAPTURE", "purchase_units": [{**UNIT, "invoice_id": "x" * 128}]},
            400,
            "INVALID_STRING_LENGTH",
        ),
    ],
)
async def test_orders_that_are_not_made(
    psp: SandboxPsp, client: httpx.AsyncClient, body: Any, status: int, issue: str
) -> None:
    reply = await call(client, psp, "/v2/checkout/orders", body)
    said = reply.json()
    assert (reply.status_code, said["details"][0]["issue"]) == (status, issue)
    assert said["debug_id"] == reply.headers["paypal-debug-id"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/checkout/orders/NONE/capture", 404),
        ("/v2/checkout/orders/NONE/authorize", 404),
        ("/v2/checkout/orders/%2e%2e/capture", 404),
        ("/v2/payments/authorizations/NONE/capture", 404),
        ("/v2/payments/authorizations/NONE/void", 404),
        ("/v2/payments/captures/NONE/refund", 404),
        ("/v2/nothing", 404),
        ("/v1/notifications/webhooks", 400),
        ("/v1/notifications/nothing", 404),
    ],
)
async def test_calls_about_nothing(
    psp: SandboxPsp, client: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await call(client, psp, path)).status_code == status


async def test_states_that_do_not_allow_it(
    adapter: PayPal, psp: SandboxPsp, client: httpx.AsyncClient
) -> None:
    charge = euros()
    made = await adapter.charge(charge)
    own = f"/v2/checkout/orders/{made.provider_reference}"
    refusals = []
    refusals.append(await call(client, psp, f"{own}/capture"))
    await visit(made)
    refusals.append(await call(client, psp, f"{own}/authorize"))
    refusals.append(await call(client, psp, f"{own}/capture", **{"paypal-request-id": "x" * 109}))
    done = await call(client, psp, f"{own}/capture", **{"paypal-request-id": "once"})
    again = await call(client, psp, f"{own}/capture", **{"paypal-request-id": "once"})
    assert (done.status_code, again.status_code) == (201, 200)
    assert done.json() == again.json()
    refusals.append(await call(client, psp, f"{own}/capture"))
    capture = done.json()["purchase_units"][0]["payments"]["captures"][0]["id"]
    back = f"/v2/payments/captures/{capture}/refund"
    for value, currency in (("1.00", "USD"), ("99.00", "EUR")):
        body = {"amount": {"currency_code": currency, "value": value}}
        refusals.append(await call(client, psp, back, body))
    assert [reply.json()["details"][0]["issue"] for reply in refusals] == [
        "ORDER_NOT_APPROVED",
        "ACTION_DOES_NOT_MATCH_INTENT",
        "INVALID_STRING_LENGTH",
        "ORDER_ALREADY_CAPTURED",
        "REFUND_CAPTURE_CURRENCY_MISMATCH",
        "REFUND_AMOUNT_EXCEEDED",
    ]
    rest = await call(client, psp, back)  # without an amount: what is left
    assert rest.json().keys() == {"id", "status"}  # nobody preferred the whole


# --- Webhooks -------------------------------------------------------------------------------------


async def test_webhooks_are_signed_and_bear_our_reference(
    adapter: PayPal, psp: SandboxPsp, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    url = f"{receiver.url}/paypal"
    webhook = (await call(client, psp, "/v1/notifications/webhooks", {"url": url})).json()
    charge = await approved(adapter, euros())
    assert (await adapter.look_up(charge)).verdict is Verdict.SUCCEEDED
    refund = Refund(str(uuid4()), 500, charge)
    await adapter.refund(refund)
    told = receiver.wait_for(3)
    events = {json.loads(c.body)["event_type"]: c for c in told}
    assert events.keys() == {
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.REFUNDED",
    }
    references = [adapter.read_callback(c.headers, c.body) for c in events.values()]
    assert sorted(map(str, references)) == sorted([charge.reference] * 2 + [refund.reference])
    knock = events["PAYMENT.CAPTURE.COMPLETED"]
    await check_signature(client, knock.headers, knock.body, webhook["id"])
    claim = claim_of(knock.headers, webhook["id"])
    for body, status in (
        (knock.body, "SUCCESS"),
        (knock.body.replace(b"15.00", b"1.00"), "FAILURE"),
    ):
        asked = json.dumps(claim)[:-1].encode() + b', "webhook_event": ' + body + b"}"
        reply = await call(client, psp, "/v1/notifications/verify-webhook-signature", asked)
        assert reply.json() == {"verification_status": status}
    headers = {"authorization": f"Bearer {await token(client, psp)}"}
    own = f"{psp.url}/v1/notifications/webhooks"
    listed = (await client.get(own, headers=headers)).json()["webhooks"]
    assert {"id": webhook["id"], "url": url} in listed
    gone = [await client.delete(f"{own}/{webhook['id']}", headers=headers) for _ in range(2)]
    assert [reply.status_code for reply in gone] == [204, 404]


def claim_of(headers: dict[str, str], webhook_id: str) -> dict[str, str]:
    names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
    claim = {name: headers[f"paypal-{name.replace('_', '-')}"] for name in names}
    return {**claim, "webhook_id": webhook_id}


async def check_signature(
    client: httpx.AsyncClient, headers: dict[str, str], body: bytes, webhook_id: str
) -> None:
    """As a receiver would by itself: RSA over id, time, webhook and CRC-32."""
    pem = (await client.get(headers["paypal-cert-url"])).content
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    at = headers["paypal-transmission-time"]
    signed = f"{headers['paypal-transmission-id']}|{at}|{webhook_id}|{crc32(body)}".encode()
    signature = b64decode(headers["paypal-transmission-sig"])
    key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


async def test_a_webhook_may_come_twice_or_never(
    adapter: PayPal, psp: SandboxPsp, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    body = {"url": f"{receiver.url}/paypal"}
    webhook = (await call(client, psp, "/v1/notifications/webhooks", body)).json()
    psp.script(callback="lost", times=1)
    await approved(adapter, euros())
    psp.script(callback="doubled", times=1)
    await approved(adapter, euros())
    first, second = receiver.wait_for(2)
    assert first == second
    assert len(receiver.callbacks) == 2
    headers = {"authorization": f"Bearer {await token(client, psp)}"}
    await client.delete(f"{psp.url}/v1/notifications/webhooks/{webhook['id']}", headers=headers)


# --- Crashes --------------------------------------------------------------------------------------

SERVER = """
import sys
from pathlib import Path
import uvicorn
from providers.sandbox.book import Book
from providers.sandbox.paypal import create_app
from providers.sandbox.script import Script
app = create_app(Book(Path(sys.argv[1])), Script(), sys.argv[3])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), lifespan="off", log_level="error")
"""


def start(book: Path, url: str) -> subprocess.Popen[bytes]:
    arguments = [str(book), url.rpartition(":")[2], "http://unused.test"]
    server = subprocess.Popen([sys.executable, "-c", SERVER, *arguments], cwd=Path.cwd())
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"{url}/control/script", trust_env=False)
        except httpx.ConnectError:
            assert server.poll() is None, "the sandbox did not start"
            assert time.monotonic() < deadline, "the sandbox did not start in time"
            time.sleep(0.05)
        else:
            return server


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    adapter = PayPal(PayPalAccount(CLIENT_ID, secret_of(CLIENT_ID), url), client)
    book, psp = tmp_path / "paypal.jsonl", SandboxPsp(url)

    async def press(answer: Answer) -> None:
        data = {"choice": "COMPLETED"}
        await client.post(f"{url}/checkoutnow?token={answer.provider_reference}", data=data)

    server = start(book, url)
    try:
        psp.script(delay=0.3)
        charges = [euros() for _ in range(2)]
        answers = [await adapter.charge(charge) for charge in charges]
        known = [
            replace(charge, provider_reference=answer.provider_reference)
            for charge, answer in zip(charges, answers, strict=True)
        ]
        for answer in answers:
            await press(answer)
        assert (await adapter.look_up(known[0])).verdict is Verdict.PENDING
        server.send_signal(signal.SIGKILL)
        server.wait()
        server = start(book, url)  # tokens died, too: the adapter renews by itself
        for charge in known:
            answer = await final(lambda c=charge: adapter.look_up(c))
            assert answer.verdict is Verdict.SUCCEEDED
            assert len(psp.movements(charge.reference)) == 1
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
