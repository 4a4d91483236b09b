"""MTN's pre-approvals: requests, every reply, and the sandbox that asks wallets' owners."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mtn_servers import QUICK, credentials, mtn_at, process
from sandbox_servers import Receiver, SandboxPsp, listen, url_of

from providers.boundary import Answer, DeclineCode, PreApproval, PreApprovals, Verdict
from providers.mtn import MtnCollection
from providers.mtn_preapproval import (
    build_cancellation,
    build_list,
    build_preapproval,
    build_status,
    read_cancellation,
    read_list,
    read_status,
)
from providers.mtn_product import Access
from providers.mtn_replies import read_creation
from providers.sandbox.book import Book
from providers.sandbox.mtn_tables import PREAPPROVAL_NUMBERS

REFERENCE = "5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11"
ASKED = PreApproval(
    REFERENCE, "+237670000000", "xaf", 86_400, "https://api.example.test/cb", "Boutique l'Étoile"
)
ACCESS = Access(credentials("https://mtn.example.test/"), "collection", "the-token")


# --- Requests and replies ---


def test_requests() -> None:
    asked = build_preapproval(ACCESS, ASKED, ASKED.callback_url)
    assert str(asked.url) == "https://mtn.example.test/collection/v2_0/preapproval"
    assert asked.headers["x-reference-id"] == REFERENCE
    assert asked.headers["x-callback-url"] == "https://api.example.test/cb"
    assert json.loads(asked.content) == {
        "payer": {"partyIdType": "MSISDN", "partyId": "237670000000"},
        "payerCurrency": "XAF",
        "payerMessage": "Boutique l Etoile",
        "validityTime": 86_400,
    }
    for request, method, path in (
        (build_status(ACCESS, ASKED), "GET", f"v2_0/preapproval/{REFERENCE}"),
        (build_list(ACCESS, ASKED), "GET", "v1_0/preapprovals/msisdn/237670000000"),
        (build_cancellation(ACCESS, ASKED), "DELETE", f"v1_0/preapproval/{REFERENCE}"),
    ):
        assert (request.method, request.url.path) == (method, f"/collection/{path}")
        assert request.headers["x-target-environment"] == "mtncameroon"


def reply(body: Any, status: int = 200) -> httpx.Response:
    if isinstance(body, bytes):
        return httpx.Response(status, content=body)
    return httpx.Response(status, json=body)


SHOWN = {
    "payer": {"partyIdType": "MSISDN", "partyId": "237670000000"},
    "payerCurrency": "XAF",
    "payerMessage": "Boutique",
    "expirationDateTime": "2027-11-28T12:00:00Z",
    "status": "SUCCESSFUL",
}
NOT_FOUND = {"code": "RESOURCE_NOT_FOUND", "message": "Requested resource was not found."}

STATUSES: list[tuple[Any, int, Verdict, DeclineCode | None]] = [
    (SHOWN, 200, Verdict.SUCCEEDED, None),
    (SHOWN | {"expirationDateTime": 1795867200}, 200, Verdict.SUCCEEDED, None),
    *((SHOWN | {"status": word}, 200, Verdict.PENDING, None) for word in ("CREATED", "PENDING")),
    (SHOWN | {"status": "TOMORROW"}, 200, Verdict.PENDING, None),
    *(
        (SHOWN | {"status": "FAILED", "reason": reason}, 200, Verdict.DECLINED, code)
        for reason, code in (
            ("APPROVAL_REJECTED", DeclineCode.PAYER_DECLINED),
            ({"code": "APPROVAL_REJECTED", "message": "x"}, DeclineCode.PAYER_DECLINED),
            ("EXPIRED", DeclineCode.EXPIRED),
            ("PAYER_NOT_FOUND", DeclineCode.PAYER_NOT_FOUND),
            ("NOT_ALLOWED", DeclineCode.CONFIGURATION),
            ("INVALID_CURRENCY", DeclineCode.CONFIGURATION),
            ("INTERNAL_PROCESSING_ERROR", DeclineCode.PROVIDER_ERROR),
            ("TOMORROW", DeclineCode.PROVIDER_ERROR),
            (None, DeclineCode.PROVIDER_ERROR),
        )
    ),
    (NOT_FOUND, 404, Verdict.NOT_SENT, None),
    ({"statusCode": 404, "message": "Resource not found"}, 404, Verdict.UNKNOWN, None),
    (SHOWN | {"payerCurrency": "EUR"}, 200, Verdict.UNKNOWN, None),
    (SHOWN | {"payer": {"partyId": "237670000001"}}, 200, Verdict.UNKNOWN, None),
    (SHOWN, 500, Verdict.UNKNOWN, None),
    ([], 200, Verdict.UNKNOWN, None),
    (b"<html>", 200, Verdict.UNKNOWN, None),
    (b"\xff", 200, Verdict.UNKNOWN, None),
]


@pytest.mark.parametrize(("body", "status", "verdict", "code"), STATUSES)
def test_what_a_status_says(
    body: Any, status: int, verdict: Verdict, code: DeclineCode | None
) -> None:
    answer = read_status(reply(body, status), ASKED)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.provider_reference == (REFERENCE if verdict is Verdict.SUCCEEDED else None)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("APPROVED", Verdict.SUCCEEDED),
        ("PENDING", Verdict.SUCCEEDED),
        ("CANCELLED", Verdict.DECLINED),
        ("EXPIRED", Verdict.DECLINED),
        ("REJECTED", Verdict.DECLINED),
        ("TOMORROW", Verdict.UNKNOWN),
    ],
)
def test_whether_an_approval_stands(status: str, verdict: Verdict) -> None:
    other = {"preApprovalId": str(uuid4()), "status": "CANCELLED", "frequency": "MONTHLY"}
    listed = [other, {"preApprovalId": REFERENCE, "status": status}]
    answer = read_list(reply(listed), ASKED)
    assert answer.verdict is verdict
    assert "MONTHLY" not in str(answer.evidence)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 200),
        ([{"preApprovalId": "another", "status": "APPROVED"}], 200),
        ([{"preApprovalId": REFERENCE, "status": "CANCELLED"}], 500),
        ({}, 200),
        (b"", 404),
    ],
)
def test_what_is_not_listed_is_not_known_to_have_ended(body: Any, status: int) -> None:
    assert read_list(reply(body, status), ASKED).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("body", "status", "verdict"),
    [
        (b"", 200, Verdict.SUCCEEDED),
        (NOT_FOUND, 404, Verdict.NOT_SENT),
        (b"", 404, Verdict.UNKNOWN),
        (b"", 401, Verdict.UNKNOWN),
        (b"", 503, Verdict.UNKNOWN),
    ],
)
def test_cancellations(body: Any, status: int, verdict: Verdict) -> None:
    assert read_cancellation(reply(body, status)).verdict is verdict


# --- Over real HTTP ---


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxPsp]:
    with mtn_at(Book(None), QUICK) as psp:
        yield psp


@pytest.fixture
def psp(shared: SandboxPsp) -> Iterator[SandboxPsp]:
    yield shared
    shared.clear()


@pytest.fixture
def adapter(psp: SandboxPsp, client: httpx.AsyncClient) -> MtnCollection:
    return MtnCollection(credentials(psp.url), client)


def asking(payer: str = "+237670000000", **changes: Any) -> PreApproval:
    return replace(ASKED, reference=str(uuid4()), payer=payer, callback_url=None, **changes)


async def answered(adapter: MtnCollection, approval: PreApproval) -> Answer:
    """What the owner said, as soon as it was said."""
    async with asyncio.timeout(5):
        while True:
            answer = await adapter.look_up_approval(approval)
            if answer.verdict is not Verdict.PENDING:
                return answer
            await asyncio.sleep(0.02)


async def test_an_approval_from_the_question_to_its_end(
    adapter: MtnCollection, psp: SandboxPsp
) -> None:
    approval = asking()
    assert isinstance(adapter, PreApprovals)
    assert (await adapter.look_up_approval(approval)).verdict is Verdict.NOT_SENT
    assert (await adapter.cancel_approval(approval)).verdict is Verdict.NOT_SENT
    assert (await adapter.ask_approval(approval)).verdict is Verdict.PENDING
    assert (await adapter.ask_approval(approval)).verdict is Verdict.PENDING  # the same question
    assert (await answered(adapter, approval)).verdict is Verdict.SUCCEEDED
    assert (await adapter.approval_stands(approval)).verdict is Verdict.SUCCEEDED
    assert (await adapter.cancel_approval(approval)).verdict is Verdict.SUCCEEDED
    assert (await adapter.approval_stands(approval)).verdict is Verdict.DECLINED
    assert psp.movements(approval.reference) == []


async def test_approvals_end_with_their_time_or_their_owners_word(adapter: MtnCollection) -> None:
    short, withdrawn = asking(seconds=1), asking("+237670000074")
    for approval in (short, withdrawn):
        await adapter.ask_approval(approval)
        assert (await answered(adapter, approval)).verdict is Verdict.SUCCEEDED
    await asyncio.sleep(1)
    for approval in (short, withdrawn):
        assert (await adapter.approval_stands(approval)).verdict is Verdict.DECLINED


@pytest.mark.parametrize("suffix", PREAPPROVAL_NUMBERS)
async def test_the_official_numbers(adapter: MtnCollection, suffix: str) -> None:
    approval = asking(f"+2376700000{suffix}")
    assert (await adapter.ask_approval(approval)).verdict is Verdict.PENDING
    answer = await answered(adapter, approval)
    outcome = PREAPPROVAL_NUMBERS[suffix]
    if outcome == "DELAYED":
        assert answer.verdict is Verdict.SUCCEEDED
        return
    assert answer.verdict is Verdict.DECLINED
    expected = {"FAILED": None, "PENDING": "EXPIRED"}.get(outcome, outcome)
    assert answer.evidence["body"].get("reason") == expected


async def test_a_question_that_is_canceled_is_refused(
    adapter: MtnCollection, psp: SandboxPsp
) -> None:
    psp.script(operation="preapproval", delay=60)
    approval = asking()
    await adapter.ask_approval(approval)
    assert (await adapter.cancel_approval(approval)).verdict is Verdict.SUCCEEDED
    answer = await adapter.look_up_approval(approval)
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, DeclineCode.PAYER_DECLINED)
    assert (await adapter.approval_stands(approval)).verdict is Verdict.DECLINED


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("reset_before_accepting", Verdict.NOT_SENT),
        ("error_503", Verdict.NOT_SENT),
        ("reset_after_accepting", Verdict.SUCCEEDED),
        ("error_500_after_accepting", Verdict.SUCCEEDED),
        ("unparsable_after_accepting", Verdict.SUCCEEDED),
    ],
)
async def test_a_lost_answer_is_found_by_our_reference(
    adapter: MtnCollection, psp: SandboxPsp, fault: str, found: Verdict
) -> None:
    await adapter.check_credentials()
    psp.script(operation="preapproval", fault=fault, times=1)
    approval = asking()
    assert (await adapter.ask_approval(approval)).verdict is Verdict.UNKNOWN
    assert (await answered(adapter, approval)).verdict is found


async def test_broken_questions_say_nothing(adapter: MtnCollection, psp: SandboxPsp) -> None:
    approval = asking()
    await adapter.ask_approval(approval)
    await answered(adapter, approval)
    for operation, ask in (
        ("look_up_preapproval", adapter.look_up_approval),
        ("list_preapprovals", adapter.approval_stands),
        ("cancel_preapproval", adapter.cancel_approval),
    ):
        psp.script(operation=operation, fault="reset_before_accepting", times=1)
        assert (await ask(approval)).verdict is Verdict.UNKNOWN
    assert (await adapter.approval_stands(approval)).verdict is Verdict.SUCCEEDED


def call(psp: SandboxPsp, method: str, path: str, **content: Any) -> httpx.Response:
    """A call with a token."""
    user = credentials(psp.url)
    key = {"Ocp-Apim-Subscription-Key": user.subscription_key}
    with httpx.Client(base_url=f"{psp.url}/collection", trust_env=False, verify=False) as http:
        token = http.post("/token/", auth=(user.api_user, user.api_key), headers=key).json()
        headers = key | {
            "Authorization": f"Bearer {token['access_token']}",
            "X-Target-Environment": "mtncameroon",
            "X-Reference-Id": str(uuid4()),
        }
        given = content.pop("headers", {})
        return http.request(method, path, headers=headers | given, **content)


WISH = {
    "payer": {"partyIdType": "MSISDN", "partyId": "237670000000"},
    "payerCurrency": "XAF",
    "payerMessage": "Boutique",
    "validityTime": 60,
}


@pytest.mark.parametrize(
    ("changes", "headers", "status"),
    [
        ({}, {}, 202),
        ({"payerCurrency": "EUR"}, {}, 500),
        ({"validityTime": 0}, {}, 400),
        ({"validityTime": "60"}, {}, 400),
        ({"validityTime": None}, {}, 400),
        ({"payer": {}}, {}, 500),
        ({"payer": {"partyIdType": "MSISDN", "partyId": "+237670000000"}}, {}, 400),
        ({"payerMessage": "x" * 161}, {}, 400),
        ({"payerMessage": "l'Étoile"}, {}, 400),
        ({}, {"X-Reference-Id": "7"}, 400),
        ({}, {"X-Callback-Url": "https://elsewhere.example.test/cb"}, 500),
        ({}, {"X-Callback-Url": "http://127.0.0.1:9/cb"}, 202),
        ({}, {"Authorization": "Bearer wrong"}, 401),
        ({}, {"X-Target-Environment": "mtnbenin"}, 500),
    ],
)
def test_refused_questions(
    psp: SandboxPsp, changes: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    answer = call(psp, "POST", "/v2_0/preapproval", json=WISH | changes, headers=headers)
    assert answer.status_code == status
    if changes != {"payer": {}}:  # which MTN answers with its word for "internal error"
        accepted = Verdict.PENDING if status == 202 else Verdict.DECLINED
        assert read_creation(answer).verdict is accepted


def test_a_reference_is_asked_with_once(psp: SandboxPsp) -> None:
    headers = {"X-Reference-Id": str(uuid4())}
    statuses = [
        call(psp, "POST", "/v2_0/preapproval", json=WISH, headers=headers).status_code for _ in "12"
    ]
    assert statuses == [202, 409]
    assert call(psp, "GET", f"/v2_0/preapproval/{uuid4()}").status_code == 404
    assert call(psp, "DELETE", f"/v1_0/preapproval/{uuid4()}").status_code == 404
    assert call(psp, "POST", "/v1_0/preapproval", json=WISH).status_code == 404  # v2_0 only


async def test_the_owners_answer_is_told(
    adapter: MtnCollection, psp: SandboxPsp, receiver: Receiver
) -> None:
    approval = replace(asking("+237670000051"), callback_url=f"{receiver.url}/cb")
    await adapter.ask_approval(approval)
    [told] = await asyncio.to_thread(receiver.wait_for, 1)
    body = json.loads(told.body)
    assert (body["status"], body["reason"]) == ("FAILED", "APPROVAL_REJECTED")
    assert approval.reference not in told.body.decode()
    assert adapter.read_callback(told.headers, told.body) is None


async def test_kill_9_loses_no_approval(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    adapter, approval = MtnCollection(credentials(url), client), asking()
    with process(tmp_path / "book", url, 0.7):
        await adapter.ask_approval(approval)
        assert (await adapter.look_up_approval(approval)).verdict is Verdict.PENDING
    with process(tmp_path / "book", url, 0.7):
        assert (await answered(adapter, approval)).verdict is Verdict.SUCCEEDED
        assert (await adapter.approval_stands(approval)).verdict is Verdict.SUCCEEDED
