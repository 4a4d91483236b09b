"""The PayGate adapter: the bytes it sends, and each number by the call that it answers."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sandbox_servers import listen, url_of

from providers.boundary import (
    Balance,
    Balances,
    Captures,
    Charge,
    DeclineCode,
    ForgedCallback,
    Payout,
    Payouts,
    Provider,
    Refund,
    Refunds,
    Verdict,
)
from providers.paygate import TOGO, Paygate, PaygateAccount
from providers.paygate_calls import (
    DISBURSEMENT,
    PAYMENT,
    REGISTRATION,
    TRANSFER,
    Movement,
    build_balance,
    build_disburse,
    build_pay,
    build_status,
    build_status_v1,
    read_balances,
    read_disburse,
    read_pay,
    read_status,
    refuses_balance,
)

ACCOUNT = PaygateAccount("the-token", "https://paygate.example.test/")
REFERENCE = "5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11"
MOVEMENT = Movement(REFERENCE, 1500, "90000000", "TMONEY", "Order 123")
CHARGE = Charge(REFERENCE, 1500, "xof", "+22890000000")
PAYOUT = Payout("9e1c1b5a-30b1-4f6f-8a11-54a7d2c7b0e3", 2500, "xof", "+22899000000")


def reply(status: int, body: Any = None) -> httpx.Response:
    if isinstance(body, bytes):
        return httpx.Response(status, content=body)
    return httpx.Response(status) if body is None else httpx.Response(status, json=body)


# --- Requests ---


@pytest.mark.parametrize(
    ("request_", "path", "body"),
    [
        (
            build_pay(ACCOUNT, MOVEMENT),
            "/api/v1/pay",
            {
                "phone_number": "90000000",
                "amount": 1500,
                "description": "Order 123",
                "identifier": REFERENCE,
                "network": "TMONEY",
            },
        ),
        (
            build_disburse(ACCOUNT, replace(MOVEMENT, network="FLOOZ", reason="")),
            "/api/v1/disburse",
            {
                "phone_number": "90000000",
                "amount": 1500,
                "reason": REFERENCE,  # PayGate wants one
                "reference": REFERENCE,
                "network": "FLOOZ",
            },
        ),
        (build_status(ACCOUNT, REFERENCE), "/api/v2/status", {"identifier": REFERENCE}),
        (build_status_v1(ACCOUNT, "1234"), "/api/v1/status", {"tx_reference": "1234"}),
        (build_balance(ACCOUNT), "/api/v1/check-balance", {}),
    ],
)
def test_requests(request_: httpx.Request, path: str, body: dict[str, Any]) -> None:
    assert (request_.method, str(request_.url)) == ("POST", f"https://paygate.example.test{path}")
    assert request_.headers["content-type"] == "application/json"
    assert json.loads(request_.content) == {"auth_token": "the-token"} | body


# --- The same number, call by call ---

PENDING, SUCCEEDED, UNKNOWN = Verdict.PENDING, Verdict.SUCCEEDED, Verdict.UNKNOWN
CONFIGURATION, EXPIRED = DeclineCode.CONFIGURATION, DeclineCode.EXPIRED
REFUSED = DeclineCode.PROVIDER_ERROR

# Number: the verdict (a decline code stands for DECLINED) of pay, of disburse, of the status of a
# payment and of that of a disbursement.
MEANINGS: dict[int, tuple[Verdict | DeclineCode, ...]] = {
    0: (PENDING, UNKNOWN, SUCCEEDED, SUCCEEDED),
    2: (CONFIGURATION, UNKNOWN, PENDING, PENDING),
    4: (CONFIGURATION, REFUSED, EXPIRED, EXPIRED),
    6: (PENDING, UNKNOWN, DeclineCode.PAYER_DECLINED, DeclineCode.GENERIC_DECLINE),
    200: (UNKNOWN, PENDING, UNKNOWN, UNKNOWN),
    1: (UNKNOWN, REFUSED, UNKNOWN, UNKNOWN),
    -1: (UNKNOWN, REFUSED, UNKNOWN, UNKNOWN),
    99999: (UNKNOWN, REFUSED, UNKNOWN, UNKNOWN),
}


@pytest.mark.parametrize("spelling", [int, str])
@pytest.mark.parametrize("number", MEANINGS)
def test_what_a_number_means(number: int, spelling: type) -> None:
    bare = reply(200, {"status": spelling(number)})
    status = reply(200, {"status": spelling(number), "identifier": REFERENCE})
    answers = (
        read_pay(bare),
        read_disburse(bare),
        read_status(status, REFERENCE, 1500, PAYMENT),
        read_status(status, REFERENCE, 1500, TRANSFER),
    )
    assert tuple(answer.decline_code or answer.verdict for answer in answers) == MEANINGS[number]
    for answer in answers:
        assert (answer.decline_code is None) == (answer.verdict is not Verdict.DECLINED)
        if answer.decline_code is not None:
            assert answer.evidence["body"]["reason"] == str(number)


def test_every_number_of_a_table_is_tested() -> None:
    for table in (REGISTRATION, DISBURSEMENT, PAYMENT, TRANSFER):
        assert table.keys() <= MEANINGS.keys()


def test_a_refusal_with_a_tx_reference_is_none() -> None:
    answer = read_disburse(reply(200, {"status": 1, "tx_reference": "1234"}))
    assert (answer.verdict, answer.provider_reference) == (UNKNOWN, "1234")


@pytest.mark.parametrize("tx_reference", ["1234", 1234])
def test_an_accepted_movement_is_known_by_its_tx_reference(tx_reference: str | int) -> None:
    for read, number in ((read_pay, 0), (read_disburse, 200)):
        answer = read(reply(200, {"tx_reference": tx_reference, "status": number}))
        assert (answer.verdict, answer.provider_reference) == (PENDING, "1234")


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (401, None, Verdict.DECLINED),
        (403, {"error_code": 403, "error_message": "Words."}, Verdict.DECLINED),
        (429, None, Verdict.NOT_SENT),
        (200, {"error_code": 1, "error_message": "Words."}, UNKNOWN),
        (200, {"status": "soon"}, UNKNOWN),
        (200, {"status": ""}, UNKNOWN),
        (200, {"status": None}, UNKNOWN),
        (200, {"status": 0.5}, UNKNOWN),
        (200, {"status": [0]}, UNKNOWN),
        (200, {"status": 200, "tx_reference": ["1"]}, UNKNOWN),
        (200, {}, UNKNOWN),
        (200, [], UNKNOWN),
        (200, b"", UNKNOWN),
        (200, b"<html>OK</html>", UNKNOWN),
        (200, b"\xff", UNKNOWN),
        (200, b"[" * 100_000, UNKNOWN),
        (201, {"status": 200, "tx_reference": "1234"}, UNKNOWN),
        (302, None, UNKNOWN),
        (400, {"status": 4}, UNKNOWN),
        (404, None, UNKNOWN),
        (500, {"status": 0}, UNKNOWN),
        (502, b"<html>Bad gateway</html>", UNKNOWN),
    ],
)
def test_replies_that_are_no_answer(status: int, body: Any, verdict: Verdict) -> None:
    for answer in (read_pay(reply(status, body)), read_disburse(reply(status, body))):
        assert answer.verdict is verdict
        assert answer.decline_code is (CONFIGURATION if verdict is Verdict.DECLINED else None)
        assert answer.provider_reference is None
        assert answer.evidence["http_status"] == status


PAID = {
    "tx_reference": "1234",
    "identifier": REFERENCE,
    "payment_reference": "OP55",
    "status": 0,
    "datetime": "2026-11-21 10:00:00",
    "payment_method": "T-Money",
}


@pytest.mark.parametrize(
    ("status", "body", "verdict", "known_as"),
    [
        (200, PAID, SUCCEEDED, "OP55"),
        (200, PAID | {"payment_reference": ""}, SUCCEEDED, "1234"),
        (200, PAID | {"status": 2, "payment_reference": ""}, PENDING, "1234"),
        (200, PAID | {"amount": 1500}, SUCCEEDED, "OP55"),
        (200, PAID | {"amount": "1500.0"}, SUCCEEDED, "OP55"),
        (200, PAID | {"amount": 1501}, UNKNOWN, None),
        (200, PAID | {"amount": "1500.5"}, UNKNOWN, None),
        (200, PAID | {"amount": "NaN"}, UNKNOWN, None),
        (200, PAID | {"amount": "a lot"}, UNKNOWN, None),
        (200, PAID | {"identifier": str(uuid4()), "tx_reference": "5"}, UNKNOWN, None),
        (200, {"status": 0}, UNKNOWN, None),  # of which payment?
        (200, {"error_code": 404, "error_message": "Not found."}, UNKNOWN, None),
        (200, b"<html>OK</html>", UNKNOWN, None),
        (200, b"[" * 100_000, UNKNOWN, None),
        (200, [PAID], UNKNOWN, None),
        (403, None, UNKNOWN, None),
        (404, {"error_code": 404}, UNKNOWN, None),
        (429, None, UNKNOWN, None),
        (500, PAID, UNKNOWN, None),
    ],
)
def test_status_replies(status: int, body: Any, verdict: Verdict, known_as: str | None) -> None:
    for meanings in (PAYMENT, TRANSFER):
        answer = read_status(reply(status, body), REFERENCE, 1500, meanings)
        assert (answer.verdict, answer.provider_reference) == (verdict, known_as)
        assert answer.decline_code is None
        assert answer.evidence["http_status"] == status


def test_a_status_by_tx_reference() -> None:
    assert read_status(reply(200, PAID), "1234", 1500, PAYMENT).verdict is SUCCEEDED


@pytest.mark.parametrize(
    ("status", "body", "amounts", "refused"),
    [
        (200, {"flooz": 12500, "tmoney": 900}, {"moov": 12500, "tmoney": 900}, False),
        (200, {"flooz": "12500", "tmoney": 0, "status": 0}, {"moov": 12500, "tmoney": 0}, False),
        (200, {"flooz": 12500.0, "status": "0"}, {"moov": 12500}, False),
        (200, {"flooz": 12500.5, "tmoney": 900}, None, False),
        (200, {"flooz": "NaN", "tmoney": 900}, None, False),
        (200, {"flooz": "1e99999", "tmoney": 900}, None, False),
        (200, {"status": 2}, None, True),
        (200, {"status": "4", "flooz": 1, "tmoney": 1}, None, True),
        (200, {}, None, False),
        (200, {"error_code": 1}, None, False),
        (200, b"<html>", None, False),
        (403, {"status": 2}, None, False),
        (500, {"flooz": 12500, "tmoney": 900}, None, False),
    ],
)
def test_balance_replies(
    status: int, body: Any, amounts: dict[str, int] | None, refused: bool
) -> None:
    balances = read_balances(reply(status, body))
    expected = amounts and {network: Balance(amount, "xof") for network, amount in amounts.items()}
    assert balances == expected
    assert refuses_balance(reply(status, body)) is refused


# --- The adapter, without PayGate ---


@pytest.fixture
def alone(client: httpx.AsyncClient) -> Paygate:
    """An adapter whose PayGate refuses connections."""
    with listen() as nobody:
        return Paygate(PaygateAccount("the-token", url_of(nobody)), client)


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "xaf"},
        {"payer": "+237670000000"},
        {"payer": "90000000"},
        {"payer": "+2289000000"},
        {"payer": ""},
        {"payer": "+22822000000"},  # no mobile number, and no network named
        {"network": "mtn"},
        {"capture": False},
    ],
)
async def test_what_paygate_cannot_reach_is_not_sent(
    alone: Paygate, change: dict[str, Any]
) -> None:
    answer = await alone.charge(replace(CHARGE, **change))
    assert answer.verdict is Verdict.NOT_SENT
    assert "error" in answer.evidence
    if "capture" not in change:
        renamed = {"recipient" if k == "payer" else k: v for k, v in change.items()}
        assert "error" in (await alone.pay_out(replace(PAYOUT, **renamed))).evidence


async def test_nobody_listens(alone: Paygate) -> None:
    for sent in (await alone.charge(CHARGE), await alone.pay_out(PAYOUT)):
        assert (sent.verdict, "error" in sent.evidence) == (Verdict.NOT_SENT, False)
    assert (await alone.look_up(CHARGE)).verdict is UNKNOWN
    assert (await alone.look_up_payout(PAYOUT)).verdict is UNKNOWN
    assert await alone.balance() is None
    assert (await alone.check_credentials()).verdict is UNKNOWN


async def test_an_accepted_disbursement_is_never_sent_again(alone: Paygate) -> None:
    known = replace(PAYOUT, provider_reference="1234")
    assert (await alone.pay_out(known)).verdict is UNKNOWN  # it asked, and nobody was there
    refund = Refund(str(uuid4()), 500, CHARGE, provider_reference="1234")
    assert (await alone.refund(refund)).verdict is UNKNOWN


async def test_no_secret_shows(alone: Paygate) -> None:
    assert "the-token" not in f"{ACCOUNT!r} {alone!r}"


async def test_the_adapter_takes_money_and_sends_it(alone: Paygate) -> None:
    provider: Provider = alone
    assert provider.capabilities == TOGO
    for protocol in (Payouts, Refunds, Balances):
        assert isinstance(provider, protocol)
    assert not isinstance(provider, Captures)


# --- Callbacks ---

CALLBACK = {
    "tx_reference": "1234",
    "identifier": REFERENCE,
    "payment_reference": "OP55",
    "amount": 1500,
    "datetime": "2026-11-21 10:00:00",
    "payment_method": "T-Money",
    "phone_number": "90000000",
}


@pytest.mark.parametrize(
    "change", [{}, {"status": 0}, {"amount": "1500"}, {"amount": 1}, {"tx_reference": 1234}]
)
async def test_a_callback_is_a_knock_with_our_reference(
    alone: Paygate, change: dict[str, Any]
) -> None:
    body = json.dumps(CALLBACK | change).encode()
    for _ in range(2):  # a second one is a knock like the first
        assert alone.read_callback({}, body) == REFERENCE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"identifier=x",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"identifier":"' + b"x" * 1_000_000,
        json.dumps(CALLBACK | {"identifier": "ORDER-1"}).encode(),
        json.dumps(CALLBACK | {"identifier": "' or 1=1 --"}).encode(),
        json.dumps(CALLBACK | {"identifier": REFERENCE.upper()}).encode(),
        json.dumps(CALLBACK | {"identifier": REFERENCE.replace("-", "")}).encode(),
        json.dumps(CALLBACK | {"identifier": "c232ab00-9414-11ec-b3c8-9f68deced846"}).encode(),
        json.dumps(CALLBACK | {"identifier": 5}).encode(),
        json.dumps({"identifier": REFERENCE}).encode(),
        json.dumps(CALLBACK)[:-2].encode(),
    ],
)
async def test_a_body_that_is_not_about_us_is_forged(alone: Paygate, body: bytes) -> None:
    with pytest.raises(ForgedCallback):
        alone.read_callback({}, body)
