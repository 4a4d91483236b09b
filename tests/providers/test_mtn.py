"""The MTN adapter: what it makes of every reply, recorded or broken off."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport
from sandbox_servers import url_of

from providers.boundary import (
    Answer,
    Balance,
    Balances,
    Charge,
    DeclineCode,
    ForgedCallback,
    Provider,
    Verdict,
)
from providers.mtn import (
    COLLECTION_REASONS,
    MtnCollection,
    MtnCredentials,
    build_request_to_pay,
)
from providers.mtn_product import (
    Access,
    build_active,
    build_balance,
    build_name,
    build_token,
    read_active,
    read_balance,
    read_name,
    read_token,
)
from providers.mtn_replies import read_creation, read_status

CREDENTIALS = MtnCredentials(
    subscription_key="the-subscription-key",
    api_user="0d0a7c9e-7c57-4d0e-9f5f-3f1f6a5e9f10",
    api_key="the-api-key",
    target_environment="mtncameroon",
    base_url="https://momo.example.test/",
)
CHARGE = Charge(
    reference="5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    amount=1500,
    currency="xaf",
    payer="+237670000000",
    callback_url="https://api.example.test/cb/mtn/5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    description="Order 123",
    external_id="ch_123",
)
ACCESS = Access(CREDENTIALS, "collection", "the-token")
EURO_CHARGE = Charge(CHARGE.reference, 1250, "eur", "+46733123454")


def reply(status: int, body: Any = None) -> httpx.Response:
    if isinstance(body, bytes):
        return httpx.Response(status, content=body)
    return httpx.Response(status) if body is None else httpx.Response(status, json=body)


def error(code: str, message: str = "Words that may change.") -> dict[str, str]:
    return {"code": code, "message": message}


NOT_FOUND = error("RESOURCE_NOT_FOUND", "Requested resource was not found.")
DUPLICATE = error("RESOURCE_ALREADY_EXIST", "Duplicated reference id. Creation of resource failed.")


# --- Requests ---


def test_token_request_has_basic_authentication_and_no_body() -> None:
    request = build_token(CREDENTIALS, "collection")
    assert str(request.url) == "https://momo.example.test/collection/token/"
    assert (request.method, request.content) == ("POST", b"")
    pair = httpx.BasicAuth(CREDENTIALS.api_user, CREDENTIALS.api_key)
    expected = next(pair.auth_flow(httpx.Request("POST", request.url))).headers["authorization"]
    assert request.headers["authorization"] == expected
    assert request.headers["ocp-apim-subscription-key"] == "the-subscription-key"


def test_request_to_pay() -> None:
    request = build_request_to_pay(ACCESS, CHARGE, CHARGE.callback_url)
    assert str(request.url) == "https://momo.example.test/collection/v1_0/requesttopay"
    assert request.method == "POST"
    expected = {
        "authorization": "Bearer the-token",
        "ocp-apim-subscription-key": "the-subscription-key",
        "x-target-environment": "mtncameroon",
        "x-reference-id": CHARGE.reference,
        "x-callback-url": CHARGE.callback_url,
        "content-type": "application/json",
    }
    assert {name: request.headers[name] for name in expected} == expected
    assert json.loads(request.content) == {
        "amount": "1500",
        "currency": "XAF",
        "externalId": "ch_123",
        "payer": {"partyIdType": "MSISDN", "partyId": "237670000000"},
        "payerMessage": "Order 123",
        "payeeNote": "Order 123",
    }


def test_request_to_pay_in_a_currency_with_cents_and_without_optional_parts() -> None:
    request = build_request_to_pay(ACCESS, EURO_CHARGE, None)
    body = json.loads(request.content)
    assert (body["amount"], body["currency"]) == ("12.50", "EUR")
    assert body["externalId"] == EURO_CHARGE.reference  # MTN requires one
    assert "x-callback-url" not in request.headers


@pytest.mark.parametrize(
    ("description", "note"),
    [
        ("L'été à Yaoundé: n°5!", "L ete a Yaounde n 5"),
        ("", ""),
        ("''''", ""),
        ("Ωμέγα 😀 42", "42"),
        ("  two\n lines ", "two lines"),
        ("x" * 200, "x" * 160),
        ("y" * 159 + " z", "y" * 159),
    ],
)
def test_notes_are_plain_and_short(description: str, note: str) -> None:
    charge = Charge(CHARGE.reference, 1, "xaf", CHARGE.payer, description=description)
    body = json.loads(build_request_to_pay(ACCESS, charge, None).content)
    assert (body["payerMessage"], body["payeeNote"]) == (note, note)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (
            ACCESS.get(f"requesttopay/{CHARGE.reference}"),
            f"/collection/v1_0/requesttopay/{CHARGE.reference}",
        ),
        (
            build_active(ACCESS, "+237670000000"),
            "/collection/v1_0/accountholder/msisdn/237670000000/active",
        ),
        (
            build_name(ACCESS, "+237670000000"),
            "/collection/v1_0/accountholder/msisdn/237670000000/basicuserinfo",
        ),
        (build_balance(ACCESS), "/collection/v1_0/account/balance"),
    ],
)
def test_questions(request_: httpx.Request, path: str) -> None:
    assert (request_.method, request_.url.path) == ("GET", path)
    assert request_.headers["authorization"] == "Bearer the-token"
    assert request_.headers["x-target-environment"] == "mtncameroon"


def test_no_secret_shows() -> None:
    adapter = MtnCollection(CREDENTIALS, httpx.AsyncClient())
    shown = f"{CREDENTIALS!r} {adapter!r} {read_token(reply(200, TOKEN))!r}"
    for secret in ("the-subscription-key", "the-api-key", "t1"):
        assert secret not in shown


# --- Replies ---

TOKEN = {"access_token": "t1", "token_type": "access_token", "expires_in": 3600}


@pytest.mark.parametrize(
    ("status", "body", "seconds"),
    [
        (200, TOKEN, 3540),
        (200, TOKEN | {"expires_in": "3600"}, 3540),
        (200, TOKEN | {"token_type": "Bearer"}, 3540),
        (200, TOKEN | {"expires_in": 30}, 0),
        (200, {"access_token": "t1"}, None),
        (200, TOKEN | {"access_token": ""}, None),
        (200, b"<html>", None),
        (200, b"", None),
        (201, TOKEN, None),
        (400, None, None),
        (401, {"error": "login_failed"}, None),
        (401, {"statusCode": 401, "message": "Access denied due to invalid key."}, None),
        (500, None, None),
    ],
)
def test_token_replies(status: int, body: Any, seconds: float | None) -> None:
    before = monotonic()
    token = read_token(reply(status, body))
    if token is None or seconds is None:
        assert token is seconds is None
        return
    assert token.value == "t1"
    assert before + seconds <= token.renew_at <= monotonic() + seconds


CONFIGURATION = DeclineCode.CONFIGURATION


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code"),
    [
        (202, None, Verdict.PENDING, None),
        (409, DUPLICATE, Verdict.PENDING, None),
        (400, None, Verdict.DECLINED, CONFIGURATION),
        (400, error("VALIDATION_ERROR"), Verdict.DECLINED, CONFIGURATION),
        (401, {"statusCode": 401, "message": "Access denied."}, Verdict.DECLINED, CONFIGURATION),
        (401, {"error": "login_failed"}, Verdict.DECLINED, CONFIGURATION),
        (403, {"statusCode": 403, "message": "Forbidden"}, Verdict.DECLINED, CONFIGURATION),
        (500, error("NOT_ALLOWED"), Verdict.DECLINED, CONFIGURATION),
        (500, error("NOT_ALLOWED_TARGET_ENVIRONMENT"), Verdict.DECLINED, CONFIGURATION),
        (500, error("INVALID_CALLBACK_URL_HOST"), Verdict.DECLINED, CONFIGURATION),
        (500, error("INVALID_CURRENCY"), Verdict.DECLINED, CONFIGURATION),
        (429, None, Verdict.NOT_SENT, None),
        (500, error("INTERNAL_PROCESSING_ERROR"), Verdict.UNKNOWN, None),
        (503, error("SERVICE_UNAVAILABLE"), Verdict.UNKNOWN, None),
        (503, error("NOT_ALLOWED"), Verdict.UNKNOWN, None),  # not with this status
        (500, error("A_WORD_OF_TOMORROW"), Verdict.UNKNOWN, None),
        (500, None, Verdict.UNKNOWN, None),
        (500, b"[" * 100_000, Verdict.UNKNOWN, None),
        (500, {"code": {"not": "text"}}, Verdict.UNKNOWN, None),
        (502, b"<html>Bad gateway</html>", Verdict.UNKNOWN, None),
        (504, None, Verdict.UNKNOWN, None),
        (200, None, Verdict.UNKNOWN, None),
        (302, None, Verdict.UNKNOWN, None),
        (404, NOT_FOUND, Verdict.UNKNOWN, None),
        (418, None, Verdict.UNKNOWN, None),
    ],
)
def test_request_to_pay_replies(
    status: int, body: Any, verdict: Verdict, code: DeclineCode | None
) -> None:
    answer = read_creation(reply(status, body))
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.evidence["http_status"] == status


STATUS = {
    "amount": "1500",
    "currency": "XAF",
    "externalId": "ch_123",
    "payer": {"partyIdType": "MSISDN", "partyId": "237670000000"},
    "payerMessage": "Order 123",
    "payeeNote": "Order 123",
    "status": "PENDING",
}
PAID = STATUS | {"status": "SUCCESSFUL", "financialTransactionId": "363440463"}
ONLY_STATUS = {"status": "SUCCESSFUL"}


def status_of(charge: Charge, response: httpx.Response) -> Answer:
    return read_status(response, charge.amount, charge.currency, COLLECTION_REASONS)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, PAID, Verdict.SUCCEEDED),
        (200, PAID | {"amount": "1500.00"}, Verdict.SUCCEEDED),
        (200, PAID | {"amount": 1500}, Verdict.SUCCEEDED),
        (200, STATUS, Verdict.PENDING),
        (200, STATUS | {"status": "CREATED"}, Verdict.PENDING),
        (200, STATUS | {"status": "TIMEOUT"}, Verdict.PENDING),
        (200, STATUS | {"status": "successful"}, Verdict.PENDING),
        (200, STATUS | {"status": ""}, Verdict.PENDING),
        (404, NOT_FOUND, Verdict.NOT_SENT),
        (404, {"statusCode": 404, "message": "Resource not found"}, Verdict.UNKNOWN),  # a gateway
        (404, None, Verdict.UNKNOWN),
        (404, b"<html>Not found</html>", Verdict.UNKNOWN),
        (200, PAID | {"amount": "1501"}, Verdict.UNKNOWN),
        (200, PAID | {"amount": "1500.5"}, Verdict.UNKNOWN),
        (200, PAID | {"amount": "NaN"}, Verdict.UNKNOWN),
        (200, PAID | {"amount": "1e999999"}, Verdict.UNKNOWN),
        (200, PAID | {"amount": "a lot"}, Verdict.UNKNOWN),
        (200, PAID | {"amount": None}, Verdict.UNKNOWN),
        (200, PAID | {"currency": "XOF"}, Verdict.UNKNOWN),
        (200, STATUS | {"status": "FAILED", "amount": "1501"}, Verdict.UNKNOWN),
        (200, STATUS | {"status": None}, Verdict.UNKNOWN),
        (200, ONLY_STATUS, Verdict.UNKNOWN),
        (200, b"<html>OK</html>", Verdict.UNKNOWN),
        (200, b"", Verdict.UNKNOWN),
        (200, b"\xff", Verdict.UNKNOWN),
        (200, b"[" * 100_000, Verdict.UNKNOWN),
        (200, [PAID], Verdict.UNKNOWN),
        (202, PAID, Verdict.UNKNOWN),
        (400, None, Verdict.UNKNOWN),
        (401, {"error": "login_failed"}, Verdict.UNKNOWN),
        (403, {"statusCode": 403, "message": "Forbidden"}, Verdict.UNKNOWN),
        (409, DUPLICATE, Verdict.UNKNOWN),
        (429, None, Verdict.UNKNOWN),
        (500, error("INTERNAL_PROCESSING_ERROR"), Verdict.UNKNOWN),
        (503, error("SERVICE_UNAVAILABLE"), Verdict.UNKNOWN),
    ],
)
def test_status_replies(status: int, body: Any, verdict: Verdict) -> None:
    answer = status_of(CHARGE, reply(status, body))
    assert answer.verdict is verdict
    assert answer.decline_code is None
    assert answer.provider_reference == ("363440463" if verdict is Verdict.SUCCEEDED else None)
    assert answer.evidence["http_status"] == status


def test_amounts_are_compared_as_money() -> None:
    body = PAID | {"amount": "12.5", "currency": "EUR"}
    assert status_of(EURO_CHARGE, reply(200, body)).verdict is Verdict.SUCCEEDED
    body["amount"] = "1250"
    assert status_of(EURO_CHARGE, reply(200, body)).verdict is Verdict.UNKNOWN


REASONS = {
    DeclineCode.INSUFFICIENT_FUNDS: (
        "NOT_ENOUGH_FUNDS LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED"
    ),
    DeclineCode.PAYER_NOT_FOUND: "PAYER_NOT_FOUND PAYEE_NOT_FOUND SENDER_ACCOUNT_NOT_ACTIVE",
    DeclineCode.PAYER_DECLINED: "APPROVAL_REJECTED TRANSACTION_CANCELED PAYMENT_NOT_APPROVED",
    DeclineCode.EXPIRED: "EXPIRED COULD_NOT_PERFORM_TRANSACTION",
    DeclineCode.LIMIT_EXCEEDED: "PAYER_LIMIT_REACHED PAYEE_LIMIT_REACHED AMOUNT_NOT_ALLOWED",
    DeclineCode.CONFIGURATION: (
        "NOT_ALLOWED NOT_ALLOWED_TARGET_ENVIRONMENT INVALID_CALLBACK_URL_HOST INVALID_CURRENCY"
        " INVALID_WHATEVER PAYEE_NOT_ALLOWED_TO_RECEIVE"
    ),
    DeclineCode.PROVIDER_ERROR: (
        "INTERNAL_PROCESSING_ERROR SERVICE_UNAVAILABLE RESOURCE_NOT_FOUND RESOURCE_ALREADY_EXIST"
        " TRANSACTION_NOT_FOUND TRANSACTION_NOT_COMPLETED TRANSFER_TYPE_UNKNOWN VALIDATION_ERROR"
        " A_WORD_OF_TOMORROW"
    ),
}


@pytest.mark.parametrize(
    ("reason", "code"),
    [(reason, code) for code, reasons in REASONS.items() for reason in reasons.split()],
)
def test_reasons_of_failure(reason: str, code: DeclineCode) -> None:
    for spelling in (reason, {"code": reason, "message": "Words that may change."}):
        body = STATUS | {"status": "FAILED", "reason": spelling}
        answer = status_of(CHARGE, reply(200, body))
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code)
        assert answer.evidence["body"]["reason"] == spelling


@pytest.mark.parametrize("reason", [{}, {"reason": None}, {"reason": ""}, {"reason": {}}])
def test_failed_without_a_reason_is_failed(reason: dict[str, Any]) -> None:
    answer = status_of(CHARGE, reply(200, STATUS | {"status": "FAILED"} | reason))
    assert answer.verdict is Verdict.DECLINED
    assert answer.decline_code is DeclineCode.PROVIDER_ERROR


def test_evidence_of_a_long_page_is_short() -> None:
    answer = read_creation(reply(502, b"<html>" + b"x" * 1_000_000))
    assert len(answer.evidence["body"]) == 4000


@pytest.mark.parametrize(
    ("status", "body", "active"),
    [
        (200, {"result": True}, True),
        (200, {"result": False}, False),
        (404, NOT_FOUND, False),
        (404, None, None),
        (200, {}, None),
        (200, {"result": "false"}, None),
        (500, error("NOT_ALLOWED"), None),
        (503, None, None),
    ],
)
def test_active_replies(status: int, body: Any, active: bool | None) -> None:
    assert read_active(reply(status, body)) is active


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (200, {"given_name": "Ama", "family_name": "Mensah"}, "Ama Mensah"),
        (200, {"given_name": "Ama"}, "Ama"),
        (200, {"name": "Ama Mensah", "given_name": "Ama"}, "Ama Mensah"),
        (200, {}, None),
        (200, b"", None),
        (404, NOT_FOUND, None),
    ],
)
def test_name_replies(status: int, body: Any, name: str | None) -> None:
    assert read_name(reply(status, body)) == name


@pytest.mark.parametrize(
    ("status", "body", "balance"),
    [
        (200, {"availableBalance": "1000", "currency": "XAF"}, Balance(1000, "xaf")),
        (200, {"availableBalance": "15.5", "currency": "EUR"}, Balance(1550, "eur")),
        (200, {"availableBalance": "", "currency": "EUR"}, None),
        (200, {"availableBalance": "1.5", "currency": "XAF"}, None),
        (200, {"availableBalance": "10", "currency": "XYZ"}, None),
        (500, error("NOT_ALLOWED"), None),
    ],
)
def test_balance_replies(status: int, body: Any, balance: Balance | None) -> None:
    assert read_balance(reply(status, body)) == balance


# --- Callbacks ---


@pytest.mark.parametrize("status", ["SUCCESSFUL", "FAILED", "PENDING", "A_WORD_OF_TOMORROW"])
def test_a_callback_is_a_knock_without_our_reference(status: str) -> None:
    adapter = MtnCollection(CREDENTIALS, httpx.AsyncClient())
    body = json.dumps(PAID | {"status": status}).encode()
    assert adapter.read_callback({"content-type": "application/json"}, body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"status=SUCCESSFUL",
        b"<xml/>",
        b"\xff\xfe",
        b'{"status":"\xff"}',
        b"[" * 100_000,
        b'{"x":' + b"[" * 100_000,
        json.dumps(ONLY_STATUS).encode(),
        json.dumps(PAID | {"status": 1}).encode(),
        json.dumps(PAID | {"amount": "much"}).encode(),
        json.dumps(PAID)[:-2].encode(),
    ],
)
def test_a_body_that_mtn_never_sends_is_forged(body: bytes) -> None:
    adapter = MtnCollection(CREDENTIALS, httpx.AsyncClient())
    with pytest.raises(ForgedCallback):
        adapter.read_callback({}, body)


# --- Broken connections, on real sockets and with both HTTP clients ---


@pytest.fixture(params=["httpx", "httpx_aiohttp"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """The adapter's HTTP client: httpx alone, and with the transport that production uses."""
    transport = AiohttpTransport(trust_env=False) if request.param == "httpx_aiohttp" else None
    async with httpx.AsyncClient(transport=transport, timeout=0.3, trust_env=False) as client:
        yield client


def http(status: int, body: Any = None, extra: str = "") -> bytes:
    """A whole HTTP/1.1 response, as bytes."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(content)}\r\n"
    return f"{head}{extra}\r\n".encode() + content


ACCEPTED = http(202)
TOKEN_GIVEN = http(200, TOKEN)


@dataclass
class Seen:
    """One request, as it came over the socket."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Behaviour = bytes | str | Callable[[Seen], bytes]
"""What to send before closing; or "close", "reset", "silence"."""


@dataclass
class Mtn:
    """A server with MTN's paths and bad manners."""

    request_to_pay: Behaviour = ACCEPTED
    token: Behaviour = TOKEN_GIVEN
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def count(self, path: str) -> int:
        return sum(path in seen.path for seen in self.seen)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request of one connection."""
        self._open.add(writer)
        try:
            seen = await self._read(reader)
            behaviour = self.token if seen.path.endswith("/token/") else self.request_to_pay
            if behaviour == "silence":
                await reader.read()  # until the client leaves
            elif behaviour == "reset":
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            elif not isinstance(behaviour, str):
                writer.write(behaviour(seen) if callable(behaviour) else behaviour)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()
            self._open.discard(writer)

    async def _read(self, reader: asyncio.StreamReader) -> Seen:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        seen = Seen(first.split()[0], first.split()[1], headers, body)
        self.seen.append(seen)
        return seen


@asynccontextmanager
async def running(mtn: Mtn) -> AsyncIterator[Mtn]:
    server = await asyncio.start_server(mtn.handle, "127.0.0.1", 0)
    mtn.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield mtn
    finally:
        server.close()
        for writer in list(mtn._open):
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)


def adapter_at(url: str, client: httpx.AsyncClient) -> MtnCollection:
    return MtnCollection(
        MtnCredentials("the-subscription-key", "user", "the-api-key", "mtncameroon", url), client
    )


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return url_of(free)


LOSSES: list[Behaviour] = [
    "close",
    "reset",
    "silence",
    b"HTTP/1.1 202 Acc",
    b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    b"HTTP/1.1 twohundred OK\r\n\r\n",
]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
async def test_a_charge_that_may_have_arrived_is_unknown(
    client: httpx.AsyncClient, loss: Behaviour
) -> None:
    async with running(Mtn(loss)) as mtn:
        answer = await adapter_at(mtn.url, client).charge(CHARGE)
    assert answer.verdict is Verdict.UNKNOWN
    assert mtn.count("requesttopay") == 1  # and nobody sent it twice


@pytest.mark.parametrize("loss", LOSSES, ids=str)
async def test_a_look_up_without_an_answer_is_unknown(
    client: httpx.AsyncClient, loss: Behaviour
) -> None:
    async with running(Mtn(loss)) as mtn:
        assert (await adapter_at(mtn.url, client).look_up(CHARGE)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "loss", [*LOSSES, http(401, {"error": "x"}), http(503), http(400)], ids=str
)
async def test_without_a_token_nothing_was_sent(client: httpx.AsyncClient, loss: Behaviour) -> None:
    async with running(Mtn(token=loss)) as mtn:
        adapter = adapter_at(mtn.url, client)
        assert (await adapter.charge(CHARGE)).verdict is Verdict.NOT_SENT
        assert (await adapter.look_up(CHARGE)).verdict is Verdict.UNKNOWN
        assert await adapter.wallet(CHARGE.payer) is None
    assert mtn.count("requesttopay") == 0


async def test_nobody_listens(client: httpx.AsyncClient) -> None:
    adapter = adapter_at(closed_port(), client)
    assert (await adapter.charge(CHARGE)).verdict is Verdict.NOT_SENT
    assert (await adapter.look_up(CHARGE)).verdict is Verdict.UNKNOWN
    assert await adapter.balance() is None
    assert await adapter.wallet(CHARGE.payer) is None


async def test_a_refused_connection_with_a_token_in_hand_is_not_sent(
    client: httpx.AsyncClient,
) -> None:
    async with running(Mtn()) as mtn:
        adapter = adapter_at(mtn.url, client)
        assert (await adapter.charge(CHARGE)).verdict is Verdict.PENDING
    assert (await adapter.charge(CHARGE)).verdict is Verdict.NOT_SENT
    assert (await adapter.look_up(CHARGE)).verdict is Verdict.UNKNOWN


async def test_a_connection_that_is_never_accepted_is_not_sent() -> None:
    # A full backlog drops the handshake, so that connecting itself times out.
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        url = url_of(deaf)
        for transport in (None, AiohttpTransport(trust_env=False)):
            async with httpx.AsyncClient(
                transport=transport, timeout=0.3, trust_env=False
            ) as client:
                answer = await adapter_at(url, client).charge(CHARGE)
                assert answer.verdict is Verdict.NOT_SENT


# --- Tokens and repeats ---


async def test_one_token_serves_many_calls_at_once(client: httpx.AsyncClient) -> None:
    async with running(Mtn()) as mtn:
        adapter = adapter_at(mtn.url, client)
        answers = await asyncio.gather(*(adapter.charge(CHARGE) for _ in range(20)))
        assert {answer.verdict for answer in answers} == {Verdict.PENDING}
        assert (mtn.count("/token/"), mtn.count("requesttopay")) == (1, 20)


async def test_calls_that_wait_for_one_failing_token_fail_together(
    client: httpx.AsyncClient,
) -> None:
    async with running(Mtn(token="silence")) as mtn:
        adapter = adapter_at(mtn.url, client)
        started = time.monotonic()
        answers = await asyncio.gather(*(adapter.charge(CHARGE) for _ in range(10)))
        assert time.monotonic() - started < 1.0  # not one time-out after the other
        assert {answer.verdict for answer in answers} == {Verdict.NOT_SENT}
        assert mtn.count("/token/") == 1
        mtn.token = TOKEN_GIVEN
        assert (await adapter.charge(CHARGE)).verdict is Verdict.PENDING


async def test_a_caller_who_gives_up_leaves_the_token_to_the_others(
    client: httpx.AsyncClient,
) -> None:
    async with running(Mtn()) as mtn:
        adapter = adapter_at(mtn.url, client)
        impatient = asyncio.create_task(adapter.charge(CHARGE))
        patient = asyncio.create_task(adapter.charge(CHARGE))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).verdict is Verdict.PENDING
        assert mtn.count("/token/") == 1


async def test_a_token_about_to_expire_is_renewed(client: httpx.AsyncClient) -> None:
    async with running(Mtn(token=http(200, TOKEN | {"expires_in": 60}))) as mtn:
        adapter = adapter_at(mtn.url, client)
        await adapter.charge(CHARGE)
        await adapter.charge(CHARGE)
        assert mtn.count("/token/") == 2


async def test_a_refused_token_is_renewed_once_and_the_call_repeated(
    client: httpx.AsyncClient,
) -> None:
    def accept_second_token(seen: Seen) -> bytes:
        return http(202 if seen.headers["authorization"] == "Bearer t2" else 401)

    tokens = iter(["t1", "t2"])
    async with running(Mtn(accept_second_token)) as mtn:
        mtn.token = lambda _: http(200, TOKEN | {"access_token": next(tokens)})
        assert (await adapter_at(mtn.url, client).charge(CHARGE)).verdict is Verdict.PENDING
    sent = [seen for seen in mtn.seen if "requesttopay" in seen.path]
    assert [seen.headers["x-reference-id"] for seen in sent] == [CHARGE.reference] * 2
    assert sent[0].body == sent[1].body


async def test_a_second_refusal_of_the_token_is_a_configuration_fault(
    client: httpx.AsyncClient,
) -> None:
    async with running(Mtn(http(401, {"error": "login_failed"}))) as mtn:
        adapter = adapter_at(mtn.url, client)
        answer = await adapter.charge(CHARGE)
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, CONFIGURATION)
        assert (mtn.count("/token/"), mtn.count("requesttopay")) == (2, 2)
        assert (await adapter.look_up(CHARGE)).verdict is Verdict.UNKNOWN


async def test_a_refused_callback_host_costs_the_callback_only(client: httpx.AsyncClient) -> None:
    def refuse_callback(seen: Seen) -> bytes:
        if "x-callback-url" in seen.headers:
            return http(500, error("INVALID_CALLBACK_URL_HOST"))
        return http(202)

    async with running(Mtn(refuse_callback)) as mtn:
        assert (await adapter_at(mtn.url, client).charge(CHARGE)).verdict is Verdict.PENDING
        assert mtn.count("requesttopay") == 2


async def test_a_callback_host_refused_twice_is_a_configuration_fault(
    client: httpx.AsyncClient,
) -> None:
    async with running(Mtn(http(500, error("INVALID_CALLBACK_URL_HOST")))) as mtn:
        answer = await adapter_at(mtn.url, client).charge(CHARGE)
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, CONFIGURATION)
        assert mtn.count("requesttopay") == 2


async def test_redirects_are_not_followed(client: httpx.AsyncClient) -> None:
    async with running(Mtn()) as elsewhere:
        moved = http(307, extra=f"Location: {elsewhere.url}/collection/v1_0/requesttopay\r\n")
        async with running(Mtn(moved)) as mtn:
            answer = await adapter_at(mtn.url, client).charge(CHARGE)
    assert answer.verdict is Verdict.UNKNOWN
    assert elsewhere.seen == []


async def test_a_charge_to_capture_later_is_not_sent(client: httpx.AsyncClient) -> None:
    async with running(Mtn()) as mtn:
        held = Charge(CHARGE.reference, 100, "xaf", CHARGE.payer, capture=False)
        assert (await adapter_at(mtn.url, client).charge(held)).verdict is Verdict.NOT_SENT
        assert mtn.seen == []


async def test_evidence_holds_no_secret(client: httpx.AsyncClient) -> None:
    async with running(Mtn(http(500, error("INTERNAL_PROCESSING_ERROR")))) as mtn:
        adapter = adapter_at(mtn.url, client)
        answers = [await adapter.charge(CHARGE), await adapter.look_up(CHARGE)]
        mtn.token = http(200, {"access_token": "the-new-token"})  # without its life: no token
        adapter = adapter_at(mtn.url, client)
        answers.append(await adapter.charge(CHARGE))
    for secret in ("the-api-key", "the-subscription-key", "t1", "the-new-token"):
        assert secret not in repr(answers)


def test_the_adapter_is_a_provider() -> None:
    provider: Provider = MtnCollection(CREDENTIALS, httpx.AsyncClient())
    assert provider.name == "mtn"
    assert isinstance(provider, Balances)
