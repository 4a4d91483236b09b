"""The MTN sandbox's disbursements over real HTTP: refusals, numbers, refunds, float, crashes."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from mtn_servers import DISBURSEMENT_KEY, KEY, RICH, UNHURRIED, credentials, mtn_at, process
from sandbox_servers import Receiver, SandboxPsp, listen, url_of

from providers.boundary import Answer, Balance, Charge, DeclineCode, Payout, Refund, Verdict
from providers.mtn import MtnCollection
from providers.mtn_disbursement import MtnDisbursement
from providers.sandbox.book import Book
from providers.sandbox.mtn_tables import CURRENCIES, DEMO_API_KEY, DEMO_API_USERS


@pytest.fixture
def mtn() -> Iterator[SandboxPsp]:
    with mtn_at(Book(None), RICH) as psp:
        yield psp


@dataclass
class Merchant:
    """Both products of one account."""

    collection: MtnCollection
    disbursement: MtnDisbursement

    async def paid(self, payer: str = "+237670000000", amount: int = 1500) -> Charge:
        """A charge that its payer has paid."""
        charge = Charge(str(uuid.uuid4()), amount, "xaf", payer)
        await self.collection.charge(charge)
        answer = await settled(lambda: self.collection.look_up(charge))
        assert answer.verdict is Verdict.SUCCEEDED
        return charge

    async def end_of(self, sent: Payout | Refund) -> Answer:
        """What became of a payout or refund that was sent."""
        if isinstance(sent, Payout):
            return await settled(lambda: self.disbursement.look_up_payout(sent))
        return await settled(lambda: self.disbursement.look_up_refund(sent))


def merchant_at(url: str, client: httpx.AsyncClient, environment: str = "mtncameroon") -> Merchant:
    out = credentials(url, environment, DISBURSEMENT_KEY)
    return Merchant(
        MtnCollection(credentials(url, environment), client), MtnDisbursement(out, client)
    )


@pytest.fixture
def merchant(mtn: SandboxPsp, client: httpx.AsyncClient) -> Merchant:
    return merchant_at(mtn.url, client)


def payout(recipient: str = "+237670000000", amount: int = 500, **changes: Any) -> Payout:
    return replace(Payout(str(uuid.uuid4()), amount, "xaf", recipient), **changes)


def refund(charge: Charge, amount: int = 1500, **changes: Any) -> Refund:
    return replace(Refund(str(uuid.uuid4()), amount, charge), **changes)


async def settled(look_up: Callable[[], Awaitable[Answer]], seconds: float = 3.0) -> Answer:
    """The first answer that is not PENDING."""
    deadline = time.monotonic() + seconds
    while (answer := await look_up()).verdict is Verdict.PENDING:
        assert time.monotonic() < deadline, "still pending"
        await asyncio.sleep(0.02)
    return answer


# --- The protocol, refusal by refusal ---


@pytest.fixture(scope="module")
def wire() -> Iterator[httpx.Client]:
    """A client of a sandbox that these tests share, with headers that MTN accepts."""
    with (
        mtn_at(Book(None), UNHURRIED) as psp,
        httpx.Client(base_url=psp.url, trust_env=False) as http,
    ):
        http.headers["Ocp-Apim-Subscription-Key"] = DISBURSEMENT_KEY
        http.headers["X-Target-Environment"] = "mtncameroon"
        pair = (DEMO_API_USERS["mtncameroon"], DEMO_API_KEY)
        token = http.post("/disbursement/token/", auth=pair).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


MONEY = {"amount": "500", "currency": "XAF", "externalId": "po_1"}
PAYEE = {"partyIdType": "MSISDN", "partyId": "237670000000"}
BODIES: dict[str, dict[str, Any]] = {
    "transfer": MONEY | {"payee": PAYEE},
    "deposit": MONEY | {"payee": PAYEE},
    "refund": MONEY | {"referenceIdToRefund": str(uuid.uuid4())},
}
BASE = "/disbursement/v1_0"


def create(
    wire: httpx.Client, kind: str, body: Any = None, reference: str = "", version: str = "v1_0"
) -> httpx.Response:
    headers = {"X-Reference-Id": reference or str(uuid.uuid4())}
    path = f"/disbursement/{version}/{kind}"
    return wire.post(path, json=body or BODIES[kind], headers=headers)


@pytest.mark.parametrize("kind", BODIES)
def test_accepted_then_409_and_shown(wire: httpx.Client, kind: str) -> None:
    reference = str(uuid.uuid4())
    answer = create(wire, kind, reference=reference)
    assert (answer.status_code, answer.content) == (202, b"")
    again = create(wire, kind, MONEY, reference)  # whatever the body
    assert (again.status_code, again.json()["code"]) == (409, "RESOURCE_ALREADY_EXIST")
    shown = wire.get(f"{BASE}/{kind}/{reference}").json()
    payee = {} if kind == "refund" else {"payee": PAYEE}  # the original's payer, had it one
    assert shown == MONEY | payee | {"status": "PENDING"}


@pytest.mark.parametrize(
    ("version", "kind", "status"),
    [
        ("v2_0", "deposit", 202),
        ("v2_0", "refund", 202),
        ("v2_0", "transfer", 404),  # MTN has none
        ("v1_0", "requesttopay", 404),
    ],
)
def test_versions(wire: httpx.Client, version: str, kind: str, status: int) -> None:
    body = BODIES.get(kind, BODIES["transfer"])
    assert create(wire, kind, body, version=version).status_code == status


@pytest.mark.parametrize(
    ("kind", "change", "status", "code"),
    [
        ("transfer", {"amount": 500}, 400, None),
        ("transfer", {"amount": "0"}, 400, None),
        ("transfer", {"amount": "500.5"}, 400, None),  # XAF is in whole units
        ("transfer", {"payee": None}, 400, None),
        ("transfer", {"payee": {}}, 500, "INTERNAL_PROCESSING_ERROR"),
        ("transfer", {"payee": PAYEE | {"partyId": "+237670000000"}}, 400, None),
        ("transfer", {"payeeNote": "It's"}, 400, None),
        ("transfer", {"currency": "EUR"}, 500, "INVALID_CURRENCY"),
        ("deposit", {"payee": None}, 400, None),
        ("refund", {"referenceIdToRefund": None}, 400, None),
        ("refund", {"referenceIdToRefund": ""}, 400, None),
        ("refund", {"amount": ""}, 400, None),
    ],
)
def test_refused_bodies(
    wire: httpx.Client, kind: str, change: dict[str, Any], status: int, code: str | None
) -> None:
    reference = str(uuid.uuid4())
    answer = create(wire, kind, BODIES[kind] | change, reference)
    assert answer.status_code == status
    assert (answer.json()["code"] if answer.content else None) == code
    assert wire.get(f"{BASE}/{kind}/{reference}").status_code == 404  # nothing was created


def test_a_transfer_is_no_deposit_and_a_reference_has_to_be_a_uuid(wire: httpx.Client) -> None:
    reference = str(uuid.uuid4())
    create(wire, "transfer", reference=reference)
    unknown = wire.get(f"{BASE}/deposit/{reference}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert create(wire, "transfer", reference="1").status_code == 400


def test_a_collection_has_no_access_to_disbursements(wire: httpx.Client) -> None:
    pair = (DEMO_API_USERS["mtncameroon"], DEMO_API_KEY)
    key = {"Ocp-Apim-Subscription-Key": KEY}
    token = wire.post("/collection/token/", auth=pair, headers=key).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}", "X-Reference-Id": str(uuid.uuid4())}
    refusal = wire.post(f"{BASE}/transfer", json=BODIES["transfer"], headers=bearer)
    assert (refusal.status_code, refusal.json()) == (401, {"error": "login_failed"})
    refusal = wire.post(f"{BASE}/transfer", json=BODIES["transfer"], headers=key)
    assert (refusal.status_code, refusal.json()["statusCode"]) == (401, 401)


def test_a_callback_goes_to_the_host_of_the_user_only(wire: httpx.Client) -> None:
    headers = {"X-Reference-Id": str(uuid.uuid4()), "X-Callback-Url": "http://elsewhere.test/x"}
    refusal = wire.post(f"{BASE}/transfer", json=BODIES["transfer"], headers=headers)
    assert (refusal.status_code, refusal.json()["code"]) == (500, "INVALID_CALLBACK_URL_HOST")


# --- Numbers ---

TRANSFERS = {
    "50": (None, DeclineCode.PROVIDER_ERROR),
    "51": ("REJECTED", DeclineCode.GENERIC_DECLINE),
    "52": ("EXPIRED", DeclineCode.EXPIRED),
    "55": ("NOT_ENOUGH_FUNDS", DeclineCode.FLOAT_INSUFFICIENT),
    "56": ("PAYER_LIMIT_REACHED", DeclineCode.LIMIT_EXCEEDED),
    "57": ("PAYEE_NOT_FOUND", DeclineCode.PAYER_NOT_FOUND),
    "58": ("NOT_ALLOWED", DeclineCode.CONFIGURATION),
    "59": ("NOT_ALLOWED_TARGET_ENVIRONMENT", DeclineCode.CONFIGURATION),
    "60": ("INVALID_CALLBACK_URL_HOST", DeclineCode.CONFIGURATION),
    "61": ("INVALID_CURRENCY", DeclineCode.CONFIGURATION),
    "62": ("INTERNAL_PROCESSING_ERROR", DeclineCode.PROVIDER_ERROR),
    "63": ("SERVICE_UNAVAILABLE", DeclineCode.PROVIDER_ERROR),
}
PREFIXES = {"sandbox": "+467331234", "mtncameroon": "+2376700000"}


@pytest.mark.parametrize("environment", PREFIXES)
async def test_transfers_by_number(
    mtn: SandboxPsp, client: httpx.AsyncClient, environment: str
) -> None:
    merchant = merchant_at(mtn.url, client, environment)
    currency = CURRENCIES[environment].lower()
    sent = {end: payout(PREFIXES[environment] + end, currency=currency) for end in TRANSFERS}
    ignored = payout(f"{PREFIXES[environment]}53", currency=currency)
    delayed = payout(f"{PREFIXES[environment]}54", currency=currency)
    usual = payout(f"{PREFIXES[environment]}64", currency=currency)
    for each in (*sent.values(), ignored, delayed, usual):
        assert (await merchant.disbursement.pay_out(each)).verdict is Verdict.PENDING
    answer = await merchant.disbursement.look_up_payout(delayed)
    assert answer.evidence["body"]["status"] == "CREATED"
    for end, each in sent.items():
        answer = await merchant.end_of(each)
        reason, code = TRANSFERS[end]
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code), end
        assert answer.evidence["body"].get("reason") == reason
    assert (await merchant.disbursement.look_up_payout(ignored)).verdict is Verdict.PENDING
    assert (await merchant.end_of(usual)).verdict is Verdict.SUCCEEDED
    assert (await merchant.end_of(delayed)).verdict is Verdict.SUCCEEDED
    assert (await merchant.end_of(ignored)).decline_code is DeclineCode.EXPIRED
    assert {moved["reference"] for moved in mtn.movements()} == {usual.reference, delayed.reference}


REFUNDS = {
    "1": "RESOURCE_NOT_FOUND",
    "2": None,
    "3": "REJECTED",
    "4": "EXPIRED",
    "7": "NOT_ALLOWED",
    "8": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "9": "INVALID_CALLBACK_URL_HOST",
    "10": "INVALID_CURRENCY",
    "11": "INTERNAL_PROCESSING_ERROR",
    "12": "SERVICE_UNAVAILABLE",
    "13": "COULD_NOT_PERFORM_TRANSACTION",
}


async def test_refunds_by_the_official_references(mtn: SandboxPsp, merchant: Merchant) -> None:
    sent = {
        original: refund(Charge(original, 500, "xaf", ""), 500) for original in (*REFUNDS, "5", "6")
    }
    for each in sent.values():
        assert (await merchant.disbursement.refund(each)).verdict is Verdict.PENDING
    for original, reason in REFUNDS.items():
        answer = await merchant.end_of(sent[original])
        assert answer.verdict is Verdict.DECLINED
        assert answer.evidence["body"].get("reason") == reason
    assert (await merchant.end_of(sent["6"])).verdict is Verdict.SUCCEEDED
    assert (await merchant.end_of(sent["5"])).decline_code is DeclineCode.EXPIRED
    assert [moved["reference"] for moved in mtn.movements()] == [sent["6"].reference]


@pytest.mark.parametrize(
    ("payer", "code"),
    [
        ("+237670000070", DeclineCode.PAYER_NOT_FOUND),
        ("+237670000071", None),  # CREATED first
        ("+237670000072", DeclineCode.FLOAT_INSUFFICIENT),
        ("+237670000073", DeclineCode.EXPIRED),  # PENDING until then
    ],
)
async def test_refunds_by_the_payer(
    mtn: SandboxPsp, merchant: Merchant, payer: str, code: DeclineCode | None
) -> None:
    sent = refund(await merchant.paid(payer))
    await merchant.disbursement.refund(sent)
    answer = await merchant.end_of(sent)
    assert answer.decline_code is code
    assert len(mtn.movements(sent.reference)) == (1 if code is None else 0)


@pytest.mark.parametrize("number", ["+237670000000", "+237670000055"])
async def test_names_and_wallets_with_a_token_of_this_product(
    merchant: Merchant, number: str
) -> None:
    first, second = [
        await each.wallet(number) for each in (merchant.collection, merchant.disbursement)
    ]
    assert first == second
    assert first is not None
    assert first.active is not number.endswith("55")


# --- Refunds ---


async def test_a_refund_goes_to_who_paid(mtn: SandboxPsp, merchant: Merchant) -> None:
    sent = refund(await merchant.paid("+237670000009"), 600, external_id="re_1")
    await merchant.disbursement.refund(sent)
    answer = await merchant.end_of(sent)
    assert answer.verdict is Verdict.SUCCEEDED
    shown = answer.evidence["body"]
    assert shown["payee"] == {"partyIdType": "MSISDN", "partyId": "237670000009"}
    assert (shown["externalId"], shown["amount"]) == ("re_1", "600")
    [moved] = mtn.movements(sent.reference)
    assert (moved["kind"], moved["direction"], moved["payer"], moved["amount"]) == (
        "refund",
        "out",
        "237670000009",
        600,
    )


async def test_refunds_at_once_give_back_no_more_than_was_paid(
    mtn: SandboxPsp, merchant: Merchant
) -> None:
    charge = await merchant.paid()
    sent = [refund(charge, 1000) for _ in range(10)]
    await asyncio.gather(*(merchant.disbursement.refund(each) for each in sent))
    answers = [await merchant.end_of(each) for each in sent]
    assert sorted(answer.verdict for answer in answers) == ["declined"] * 9 + ["succeeded"]
    refused = [answer for answer in answers if answer.verdict is Verdict.DECLINED]
    assert {answer.evidence["body"]["reason"] for answer in refused} == {"AMOUNT_NOT_ALLOWED"}
    assert len([moved for moved in mtn.movements() if moved["direction"] == "out"]) == 1


async def test_what_was_not_paid_or_elsewhere_is_not_refunded(
    mtn: SandboxPsp, merchant: Merchant, client: httpx.AsyncClient
) -> None:
    unpaid = Charge(str(uuid.uuid4()), 500, "xaf", "+237670000051")
    await merchant.collection.charge(unpaid)
    await settled(lambda: merchant.collection.look_up(unpaid))
    elsewhere = merchant_at(mtn.url, client, "mtncongo")
    cases = [
        (merchant, unpaid, "NOT_ALLOWED"),
        (merchant, Charge(str(uuid.uuid4()), 500, "xaf", ""), "RESOURCE_NOT_FOUND"),
        (elsewhere, await merchant.paid(), "RESOURCE_NOT_FOUND"),
    ]
    for who, charge, reason in cases:
        sent = refund(charge, 500)
        await who.disbursement.refund(sent)
        answer = await who.end_of(sent)
        assert (answer.verdict, answer.evidence["body"]["reason"]) == (Verdict.DECLINED, reason)
        assert mtn.movements(sent.reference) == []


# --- Float ---


async def test_one_float_for_both_products_of_an_environment(
    mtn: SandboxPsp, merchant: Merchant, client: httpx.AsyncClient
) -> None:
    charge = await merchant.paid(amount=1500)
    sent, back = payout(amount=400), refund(charge, 1000)
    await merchant.disbursement.pay_out(sent)
    await merchant.disbursement.refund(back)
    for each in (sent, back):
        assert (await merchant.end_of(each)).verdict is Verdict.SUCCEEDED
    expected = Balance(100_000 + 1500 - 400 - 1000, "xaf")
    assert await merchant.collection.balance() == expected
    assert await merchant.disbursement.balance() == expected
    elsewhere = merchant_at(mtn.url, client, "mtncongo")
    assert await elsewhere.disbursement.balance() == Balance(100_000, "xaf")


async def test_the_float_is_never_overdrawn(mtn: SandboxPsp, merchant: Merchant) -> None:
    sent = [payout(amount=40_000) for _ in range(5)]
    await asyncio.gather(*(merchant.disbursement.pay_out(each) for each in sent))
    answers = [await merchant.end_of(each) for each in sent]
    codes = [answer.decline_code for answer in answers if answer.verdict is Verdict.DECLINED]
    assert codes == [DeclineCode.FLOAT_INSUFFICIENT] * 3
    assert await merchant.disbursement.balance() == Balance(20_000, "xaf")
    assert len(mtn.movements()) == 2


# --- Callbacks and crashes ---


async def test_a_callback_is_the_status_without_our_reference(
    merchant: Merchant, receiver: Receiver
) -> None:
    sent = payout(callback_url=f"{receiver.url}/cb/mtn/1", external_id="po_1")
    await merchant.disbursement.pay_out(sent)
    answer = await merchant.end_of(sent)
    [callback] = await asyncio.to_thread(receiver.wait_for, 1)
    assert callback.path == "/cb/mtn/1"
    assert json.loads(callback.body) == answer.evidence["body"]
    assert sent.reference.encode() not in callback.body
    assert merchant.disbursement.read_callback(callback.headers, callback.body) is None


async def test_a_wrong_callback_host_costs_the_callback_only(merchant: Merchant) -> None:
    sent = payout(callback_url="http://elsewhere.test/cb")
    assert (await merchant.disbursement.pay_out(sent)).verdict is Verdict.PENDING
    assert (await merchant.end_of(sent)).verdict is Verdict.SUCCEEDED


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    book = tmp_path / "mtn.jsonl"
    merchant = merchant_at(url, client)
    sent = payout()
    with process(book, url, delay=0.05):
        charge = await merchant.paid()
        before = await merchant.disbursement.balance()
    back, too_much = refund(charge, 1000), refund(charge, 501)
    with process(book, url, delay=1.0):
        await merchant.disbursement.pay_out(sent)
        await merchant.disbursement.refund(back)
        assert (await merchant.disbursement.look_up_payout(sent)).verdict is Verdict.PENDING
    with process(book, url, delay=0.05):
        for each in (sent, back):
            assert (await merchant.end_of(each)).verdict is Verdict.SUCCEEDED
        await merchant.disbursement.refund(too_much)  # what was given back is remembered
        assert (await merchant.end_of(too_much)).verdict is Verdict.DECLINED
        assert (await merchant.disbursement.pay_out(sent)).evidence["http_status"] == 409
        psp = SandboxPsp(url)
        assert [len(psp.movements(each.reference)) for each in (charge, sent, back)] == [1, 1, 1]
        assert before is not None
        assert await merchant.disbursement.balance() == replace(before, amount=before.amount - 1500)
