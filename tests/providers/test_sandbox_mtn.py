"""The MTN sandbox's collections over real HTTP: refusals, numbers, callbacks, faults, crashes."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from mtn_servers import DISBURSEMENT_KEY, KEY, QUICK, UNHURRIED, credentials, mtn_at, process
from sandbox_servers import Receiver, SandboxPsp, listen, url_of

from providers.boundary import Answer, Balance, Charge, DeclineCode, Verdict, Wallet
from providers.mtn import MtnCollection
from providers.sandbox.book import Book
from providers.sandbox.mtn_tables import CURRENCIES, DEMO_API_KEY, DEMO_API_USERS


@pytest.fixture
def mtn() -> Iterator[SandboxPsp]:
    with mtn_at(Book(None), QUICK) as psp:
        yield psp


@pytest.fixture
def adapter(mtn: SandboxPsp, client: httpx.AsyncClient) -> MtnCollection:
    return MtnCollection(credentials(mtn.url), client)


def charge(payer: str = "+237670000000", amount: int = 500, **changes: Any) -> Charge:
    return replace(Charge(str(uuid.uuid4()), amount, "xaf", payer), **changes)


async def settled(adapter: MtnCollection, charge: Charge, seconds: float = 3.0) -> Answer:
    """The first answer of `look_up` that is not PENDING."""
    deadline = time.monotonic() + seconds
    while (answer := await adapter.look_up(charge)).verdict is Verdict.PENDING:
        assert time.monotonic() < deadline, "still pending"
        await asyncio.sleep(0.02)
    return answer


# --- The protocol, refusal by refusal ---


@pytest.fixture(scope="module")
def anyone() -> Iterator[httpx.Client]:
    """A client without credentials, of one sandbox that all tests of refusals share."""
    with (
        mtn_at(Book(None), UNHURRIED) as psp,
        httpx.Client(base_url=psp.url, trust_env=False) as http,
    ):
        yield http


@pytest.fixture
def wire(anyone: httpx.Client) -> Iterator[httpx.Client]:
    """The same client, with headers that MTN accepts."""
    accepted = {"Ocp-Apim-Subscription-Key": KEY, "X-Target-Environment": "mtncameroon"}
    pair = (DEMO_API_USERS["mtncameroon"], DEMO_API_KEY)
    before = anyone.headers.copy()
    anyone.headers.update(accepted)
    token = anyone.post("/collection/token/", auth=pair).json()["access_token"]
    anyone.headers["Authorization"] = f"Bearer {token}"
    yield anyone
    anyone.headers = before


BODY = {
    "amount": "500",
    "currency": "XAF",
    "externalId": "ch_1",
    "payer": {"partyIdType": "MSISDN", "partyId": "237670000000"},
    "payerMessage": "Order 1",
    "payeeNote": "Order 1",
}
PAY = "/collection/v1_0/requesttopay"


def pay(
    wire: httpx.Client, body: Any = None, reference: str | None = None, **headers: str | None
) -> httpx.Response:
    """POST a request to pay; a header given as None is left out."""
    content = body if isinstance(body, bytes) else json.dumps(body or BODY).encode()
    request = wire.build_request("POST", PAY, content=content)
    request.headers["X-Reference-Id"] = reference or str(uuid.uuid4())
    for name, value in headers.items():
        if value is None:
            del request.headers[name.replace("_", "-")]
        else:
            request.headers[name.replace("_", "-")] = value
    return wire.send(request)


def test_token(anyone: httpx.Client) -> None:
    user = DEMO_API_USERS["sandbox"]
    headers = {"Ocp-Apim-Subscription-Key": KEY}

    def ask(path: str = "/collection/token/", **options: Any) -> httpx.Response:
        options = {"headers": headers, "auth": (user, DEMO_API_KEY)} | options
        return anyone.post(path, **options)

    answer = ask()
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("access_token", 3600)
    assert ask(content=b"{}").status_code == 400
    assert ask("/collection/token").status_code == 404
    for wrong in (
        {"auth": (user, "0" * 32)},
        {"auth": (str(uuid.uuid4()), DEMO_API_KEY)},
        {"auth": None},
        {"auth": None, "headers": headers | {"Authorization": "Basic %%%"}},
        {"auth": None, "headers": headers | {"Authorization": "Bearer x"}},
    ):
        assert (ask(**wrong).status_code, ask(**wrong).json()) == (401, {"error": "login_failed"})
    for key in ("", "wrong", DISBURSEMENT_KEY):
        refusal = ask(headers={"Ocp-Apim-Subscription-Key": key})
        assert (refusal.status_code, refusal.json()["statusCode"]) == (401, 401)
        assert refusal.json()["message"].startswith("Access denied due to invalid subscription key")


def test_provisioning(anyone: httpx.Client) -> None:
    user = str(uuid.uuid4())

    def call(method: str, path: str, key: str = KEY, **options: Any) -> httpx.Response:
        headers = {"Ocp-Apim-Subscription-Key": key} | options.pop("headers", {})
        return anyone.request(method, f"/v1_0/apiuser{path}", headers=headers, **options)

    def create(reference: str, body: Any, key: str = KEY) -> httpx.Response:
        return call("POST", "", key, headers={"X-Reference-Id": reference}, json=body)

    host = {"providerCallbackHost": "api.example.test"}
    assert create(user, host, key="wrong").status_code == 401
    assert create("not-a-uuid", host).status_code == 400
    for no_host in (None, "", 1):
        assert create(user, {"providerCallbackHost": no_host}).status_code == 400
    assert create(user, {}).status_code == create(user, []).status_code == 400
    assert call("GET", f"/{user}").status_code == 404
    assert call("POST", f"/{user}/apikey").status_code == 404
    created = create(user, host)
    assert (created.status_code, created.content) == (201, b"")
    assert create(user, host).json()["code"] == "RESOURCE_ALREADY_EXIST"
    assert call("GET", f"/{user}").json() == host | {"targetEnvironment": "sandbox"}
    assert call("GET", f"/{user}", key=DISBURSEMENT_KEY).status_code == 404

    def token(api_key: str) -> int:
        headers = {"Ocp-Apim-Subscription-Key": KEY}
        pair = (user, api_key)
        return anyone.post("/collection/token/", headers=headers, auth=pair).status_code

    assert token("") == 401  # no key was asked for yet
    made = call("POST", f"/{user}/apikey")
    assert made.status_code == 201
    assert len(bytes.fromhex(made.json()["apiKey"])) == 16
    assert token(made.json()["apiKey"]) == 200
    second = call("POST", f"/{user}/apikey").json()["apiKey"]
    assert (token(made.json()["apiKey"]), token(second)) == (401, 200)


def test_a_user_made_under_another_product_gets_a_token_and_no_further(
    anyone: httpx.Client,
) -> None:
    user, host = str(uuid.uuid4()), {"providerCallbackHost": "x.test"}
    key = {"Ocp-Apim-Subscription-Key": DISBURSEMENT_KEY}
    anyone.post("/v1_0/apiuser", headers=key | {"X-Reference-Id": user}, json=host)
    api_key = anyone.post(f"/v1_0/apiuser/{user}/apikey", headers=key).json()["apiKey"]
    key["Ocp-Apim-Subscription-Key"] = KEY
    token = anyone.post("/collection/token/", headers=key, auth=(user, api_key))
    assert token.status_code == 200
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    refusal = anyone.get(
        "/collection/v1_0/account/balance",
        headers=key | bearer | {"X-Target-Environment": "sandbox"},
    )
    assert refusal.status_code == 500
    assert refusal.json()["code"] == "NOT_ALLOWED_TARGET_ENVIRONMENT"


def test_a_token_of_another_product_is_no_token(wire: httpx.Client) -> None:
    pair = (DEMO_API_USERS["mtncameroon"], DEMO_API_KEY)
    key = {"Ocp-Apim-Subscription-Key": DISBURSEMENT_KEY}
    token = wire.post("/disbursement/token/", headers=key, auth=pair).json()["access_token"]
    refusal = pay(wire, Authorization=f"Bearer {token}")
    assert (refusal.status_code, refusal.json()) == (401, {"error": "login_failed"})


def test_an_accepted_request_is_202_and_empty(wire: httpx.Client) -> None:
    answer = pay(wire)
    assert (answer.status_code, answer.content) == (202, b"")


LONG = "x" * 161


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": 500}, 400, None),
        ({"amount": "-500"}, 400, None),
        ({"amount": "0"}, 400, None),
        ({"amount": ""}, 400, None),
        ({"amount": "5e2"}, 400, None),
        ({"amount": "500.00"}, 400, None),  # XAF is in whole units
        ({"externalId": None}, 400, None),
        ({"payer": None}, 400, None),
        ({"payer": {}}, 500, "INTERNAL_PROCESSING_ERROR"),
        ({"payer": {"partyIdType": "PHONE", "partyId": "237670000000"}}, 400, None),
        ({"payer": {"partyIdType": "MSISDN", "partyId": "+237670000000"}}, 400, None),
        ({"payer": {"partyIdType": "MSISDN", "partyId": "abc"}}, 400, None),
        ({"payerMessage": LONG}, 400, None),
        ({"payeeNote": LONG}, 400, None),
        ({"payeeNote": "It's"}, 400, None),
        ({"currency": "EUR"}, 500, "INVALID_CURRENCY"),
        ({"currency": "xaf"}, 500, "INVALID_CURRENCY"),
    ],
)
def test_refused_bodies(
    wire: httpx.Client, change: dict[str, Any], status: int, code: str | None
) -> None:
    reference = str(uuid.uuid4())
    answer = pay(wire, BODY | change, reference)
    assert answer.status_code == status
    assert (answer.json()["code"] if answer.content else None) == code
    assert wire.get(f"{PAY}/{reference}").status_code == 404  # nothing was created


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"not json", b"\xff", b"[" * 10_000])
def test_bodies_that_are_no_request_to_pay(wire: httpx.Client, body: bytes) -> None:
    assert pay(wire, body or b" ").status_code == 400


@pytest.mark.parametrize(
    "reference",
    [
        "1",
        "5f0f8a526b0f4f1c8d570d1f4d1f8a11",
        "c232ab00-9414-11ec-b3c8-9f68deced846",  # version 1
        "{5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11}",
    ],
)
def test_references_are_uuids_of_version_4(wire: httpx.Client, reference: str) -> None:
    assert pay(wire, reference=reference).status_code == 400
    assert wire.get(f"{PAY}/{reference}").status_code == 400


GATEWAY_401 = (401, {"statusCode"})
LOGIN_401 = (401, {"error"})
ENVIRONMENT_500 = (500, {"code"})


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"Ocp_Apim_Subscription_Key": None}, GATEWAY_401),
        ({"Ocp_Apim_Subscription_Key": "wrong"}, GATEWAY_401),
        ({"Ocp_Apim_Subscription_Key": DISBURSEMENT_KEY}, GATEWAY_401),
        ({"Authorization": None}, LOGIN_401),
        ({"Authorization": "Bearer wrong"}, LOGIN_401),
        ({"Authorization": "Bearer a.b.c"}, LOGIN_401),
        ({"Authorization": "Basic Og=="}, LOGIN_401),
        ({"X_Target_Environment": None}, ENVIRONMENT_500),
        ({"X_Target_Environment": "sandbox"}, ENVIRONMENT_500),
        ({"X_Callback_Url": "http://elsewhere.test/x"}, ENVIRONMENT_500),
        ({"X_Callback_Url": "http://127.0.0.1.elsewhere.test/x"}, ENVIRONMENT_500),
        ({"X_Callback_Url": "nonsense"}, ENVIRONMENT_500),
        ({"X_Callback_Url": "http://[/x"}, ENVIRONMENT_500),
    ],
)
def test_refused_headers(
    wire: httpx.Client, headers: dict[str, str | None], refusal: tuple[int, set[str]]
) -> None:
    answer = pay(wire, **headers)
    status, keys = refusal
    assert answer.status_code == status
    assert keys <= answer.json().keys()


def test_a_token_expires() -> None:
    with mtn_at(Book(None), replace(QUICK, token_lifetime=0)) as psp:
        key = {"Ocp-Apim-Subscription-Key": KEY}
        pair = (DEMO_API_USERS["mtncameroon"], DEMO_API_KEY)
        token = httpx.post(f"{psp.url}/collection/token/", headers=key, auth=pair).json()
        headers = key | {
            "Authorization": f"Bearer {token['access_token']}",
            "X-Target-Environment": "mtncameroon",
        }
        answer = httpx.get(f"{psp.url}/collection/v1_0/account/balance", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"error": "login_failed"})


def test_a_reference_is_used_once_whatever_the_body(wire: httpx.Client) -> None:
    reference = str(uuid.uuid4())
    assert pay(wire, reference=reference).status_code == 202
    for body in (BODY, BODY | {"amount": "1"}, b"garbage"):
        answer = pay(wire, body, reference)
        assert answer.status_code == 409
        assert answer.json() == {
            "message": "Duplicated reference id. Creation of resource failed.",
            "code": "RESOURCE_ALREADY_EXIST",
        }


def test_unknown_references_and_paths(wire: httpx.Client) -> None:
    answer = wire.get(f"{PAY}/{uuid.uuid4()}")
    assert answer.status_code == 404
    assert answer.json() == {
        "code": "RESOURCE_NOT_FOUND",
        "message": "Requested resource was not found.",
    }
    assert wire.get("/collection//v1_0/account/balance").status_code == 400
    assert wire.get("/collection/v2_0/account/balance").json()["statusCode"] == 404
    assert wire.delete(f"{PAY}/{uuid.uuid4()}").status_code == 404


def test_another_user_does_not_see_the_payment(wire: httpx.Client) -> None:
    reference = str(uuid.uuid4())
    pay(wire, reference=reference)
    pair = (DEMO_API_USERS["mtnbenin"], DEMO_API_KEY)
    token = wire.post("/collection/token/", auth=pair).json()["access_token"]
    answer = wire.get(
        f"{PAY}/{reference}",
        headers={"Authorization": f"Bearer {token}", "X-Target-Environment": "mtnbenin"},
    )
    assert answer.status_code == 404


def test_status_before_and_after(wire: httpx.Client) -> None:
    reference = str(uuid.uuid4())
    pay(wire, reference=reference)
    pending = wire.get(f"{PAY}/{reference}").json()
    assert pending == BODY | {"status": "PENDING"}  # no financialTransactionId, no reason
    deadline = time.monotonic() + 3.0
    while (final := wire.get(f"{PAY}/{reference}").json())["status"] == "PENDING":
        assert time.monotonic() < deadline, "still pending"
        time.sleep(0.05)
    assert final.pop("financialTransactionId").isdigit()
    assert final == BODY | {"status": "SUCCESSFUL"}


def test_delivery_notification(wire: httpx.Client) -> None:
    reference = str(uuid.uuid4())
    path = f"{PAY}/{reference}/deliverynotification"
    message = {"notificationMessage": "Thank you"}
    assert wire.post(path, json=message).status_code == 400  # unknown reference
    pay(wire, reference=reference)
    assert wire.post(path, json={"notificationMessage": LONG}).status_code == 400
    assert wire.post(path, json={}).status_code == 400
    assert wire.post(path, json=message).status_code == 200
    assert wire.post(path, json=message).status_code == 429


ACTIVE = {
    "msisdn": [f"467331234{suffix}" for suffix in range(50, 56)],
    "email": [
        f"{name}@email.com"
        for name in (
            "notfound",
            "notactive",
            "notallowed",
            "notallowedtargetenvironment",
            "internalprocessingerror",
            "serviceunavailable",
        )
    ],
    "party_code": [
        "5cecb5a7-8bd0-4f49-87b1-8eb9ecc7b7bc",
        "b0040b3c-b426-4a90-af6e-673e65861cd7",
        "4d5f500f-c385-4901-9be5-25b6d36ad220",
        "d2265f9b-0c22-496d-908f-79a65ad66266",
        "8f548a78-ceb8-4d12-a243-5640b91e91a4",
        "585c07a4-2c80-42f7-9e73-e586b36dee68",
    ],
}


@pytest.mark.parametrize("kind", ACTIVE)
def test_account_holder_table(wire: httpx.Client, kind: str) -> None:
    def active(holder: str) -> tuple[int, Any]:
        answer = wire.get(f"/collection/v1_0/accountholder/{kind}/{holder}/active")
        return answer.status_code, answer.json().get("code", answer.json().get("result"))

    assert [active(holder) for holder in ACTIVE[kind]] == [
        (404, "RESOURCE_NOT_FOUND"),
        (200, False),
        (500, "NOT_ALLOWED"),
        (500, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        (500, "INTERNAL_PROCESSING_ERROR"),
        (503, "SERVICE_UNAVAILABLE"),
    ]
    assert active("anything-else") == (200, True)
    assert wire.get("/collection/v1_0/accountholder/MSISDN/1/active").status_code == 400


def test_balance_of_another_currency(wire: httpx.Client) -> None:
    path = "/collection/v1_0/account/balance"
    assert wire.get(f"{path}/XAF").json() == wire.get(path).json()
    assert wire.get(f"{path}/EUR").json()["code"] == "INVALID_CURRENCY"


# --- The adapter and the sandbox ---


@pytest.mark.parametrize("environment", CURRENCIES)
async def test_every_demo_account_takes_money(
    mtn: SandboxPsp, client: httpx.AsyncClient, environment: str
) -> None:
    adapter = MtnCollection(credentials(mtn.url, environment), client)
    currency = CURRENCIES[environment].lower()
    sent = charge(currency=currency, amount=1250)
    assert (await adapter.charge(sent)).verdict is Verdict.PENDING
    answer = await settled(adapter, sent)
    assert answer.verdict is Verdict.SUCCEEDED
    assert answer.provider_reference is not None
    [moved] = mtn.movements(sent.reference)
    assert (moved["amount"], moved["currency"], moved["direction"]) == (1250, currency, "in")
    assert await adapter.balance() == Balance(1250, currency)


OFFICIAL_TABLE = {
    "50": ("INTERNAL_PROCESSING_ERROR", DeclineCode.PROVIDER_ERROR),
    "51": ("APPROVAL_REJECTED", DeclineCode.PAYER_DECLINED),
    "52": ("EXPIRED", DeclineCode.EXPIRED),
    "55": ("PAYER_NOT_FOUND", DeclineCode.PAYER_NOT_FOUND),
    "56": ("PAYEE_NOT_ALLOWED_TO_RECEIVE", DeclineCode.CONFIGURATION),
    "57": ("NOT_ALLOWED", DeclineCode.CONFIGURATION),
    "58": ("NOT_ALLOWED_TARGET_ENVIRONMENT", DeclineCode.CONFIGURATION),
    "59": ("INVALID_CALLBACK_URL_HOST", DeclineCode.CONFIGURATION),
    "60": ("INVALID_CURRENCY", DeclineCode.CONFIGURATION),
    "61": ("INTERNAL_PROCESSING_ERROR", DeclineCode.PROVIDER_ERROR),
    "62": ("SERVICE_UNAVAILABLE", DeclineCode.PROVIDER_ERROR),
    "63": ("COULD_NOT_PERFORM_TRANSACTION", DeclineCode.EXPIRED),
    "64": ("TRANSFER_TYPE_UNKNOWN", DeclineCode.PROVIDER_ERROR),
}
PREFIXES = {"sandbox": "+467331234", "mtncameroon": "+2376700000"}


@pytest.mark.parametrize("environment", PREFIXES)
async def test_numbers_that_fail(
    mtn: SandboxPsp, client: httpx.AsyncClient, environment: str
) -> None:
    adapter = MtnCollection(credentials(mtn.url, environment), client)
    currency = CURRENCIES[environment].lower()
    charges = {
        suffix: charge(PREFIXES[environment] + suffix, currency=currency)
        for suffix in OFFICIAL_TABLE
    }
    for sent in charges.values():
        assert (await adapter.charge(sent)).verdict is Verdict.PENDING
    for suffix, sent in charges.items():
        answer = await settled(adapter, sent)
        reason, code = OFFICIAL_TABLE[suffix]
        assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code), suffix
        assert answer.evidence["body"]["reason"] == reason  # a bare string
    assert mtn.movements() == []


@pytest.mark.parametrize("environment", PREFIXES)
async def test_numbers_that_take_their_time(
    mtn: SandboxPsp, client: httpx.AsyncClient, environment: str
) -> None:
    adapter = MtnCollection(credentials(mtn.url, environment), client)
    currency = CURRENCIES[environment].lower()
    ignored = charge(f"{PREFIXES[environment]}53", currency=currency)
    delayed = charge(f"{PREFIXES[environment]}54", currency=currency)
    for sent in (ignored, delayed):
        await adapter.charge(sent)
    answer = await adapter.look_up(delayed)
    assert (answer.verdict, answer.evidence["body"]["status"]) == (Verdict.PENDING, "CREATED")
    await asyncio.sleep(0.2)  # longer than an ordinary approval takes
    assert (await adapter.look_up(ignored)).verdict is Verdict.PENDING
    assert (await settled(adapter, delayed)).verdict is Verdict.SUCCEEDED
    assert (await settled(adapter, ignored)).decline_code is DeclineCode.EXPIRED
    assert [moved["reference"] for moved in mtn.movements()] == [delayed.reference]


@pytest.mark.parametrize(
    ("payer", "environment", "code"),
    [
        ("+237670000065", "mtncameroon", DeclineCode.INSUFFICIENT_FUNDS),
        ("+237670000066", "mtncameroon", DeclineCode.LIMIT_EXCEEDED),
        ("+46733123465", "sandbox", None),  # any other official number succeeds
        ("+46733123400", "sandbox", None),
        ("+237670000000", "sandbox", None),
        ("+237670000149", "mtncameroon", None),
        ("+237690000050", "mtncameroon", None),
    ],
)
async def test_other_numbers(
    mtn: SandboxPsp,
    client: httpx.AsyncClient,
    payer: str,
    environment: str,
    code: DeclineCode | None,
) -> None:
    adapter = MtnCollection(credentials(mtn.url, environment), client)
    sent = charge(payer, currency=CURRENCIES[environment].lower())
    await adapter.charge(sent)
    answer = await settled(adapter, sent)
    assert answer.decline_code is code
    assert (answer.verdict is Verdict.SUCCEEDED) == (code is None)


async def test_questions_about_people(adapter: MtnCollection) -> None:
    assert await adapter.wallet("+237670000001") == Wallet(active=True, holder="Sand Box")
    assert await adapter.wallet("+237670000055") == Wallet(active=False)
    assert await adapter.wallet("+46733123455") is None


async def test_sending_a_reference_twice_moves_money_once(
    mtn: SandboxPsp, adapter: MtnCollection
) -> None:
    sent = charge()
    verdicts = {(await adapter.charge(sent)).verdict for _ in range(3)}
    assert verdicts == {Verdict.PENDING}
    await settled(adapter, sent)
    assert (await adapter.charge(sent)).verdict is Verdict.PENDING
    assert len(mtn.movements(sent.reference)) == 1


async def test_twenty_at_once_with_one_reference_move_money_once(
    mtn: SandboxPsp, adapter: MtnCollection
) -> None:
    sent = charge()
    await asyncio.gather(*(adapter.charge(sent) for _ in range(20)))
    await settled(adapter, sent)
    assert len(mtn.movements(sent.reference)) == 1


# --- The script ---


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("NOT_ENOUGH_FUNDS", DeclineCode.INSUFFICIENT_FUNDS),
        ("LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED", DeclineCode.INSUFFICIENT_FUNDS),
        ("APPROVAL_REJECTED", DeclineCode.PAYER_DECLINED),
    ],
)
async def test_a_scripted_outcome_by_amount(
    mtn: SandboxPsp, adapter: MtnCollection, outcome: str, code: DeclineCode
) -> None:
    mtn.script(amount=777, outcome=outcome)
    refused, taken = charge(amount=777), charge(amount=778)
    for sent in (refused, taken):
        await adapter.charge(sent)
    assert (await settled(adapter, refused)).decline_code is code
    assert (await settled(adapter, taken)).verdict is Verdict.SUCCEEDED


async def test_a_scripted_approval_may_come_after_the_usual_end(
    mtn: SandboxPsp, adapter: MtnCollection
) -> None:
    mtn.script(payer="237670000000", outcome="SUCCESSFUL", delay=QUICK.expiry + 0.4)
    sent = charge()
    await adapter.charge(sent)
    await asyncio.sleep(QUICK.expiry + 0.1)
    assert (await adapter.look_up(sent)).verdict is Verdict.PENDING
    assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        ("timeout_after_accepting", True),
        ("reset_after_accepting", True),
        ("error_500_after_accepting", True),
        ("unparsable_after_accepting", True),
        ("reset_before_accepting", False),
        ("error_500", False),
        ("error_503", False),
    ],
)
async def test_a_fault_leaves_the_charge_unknown_until_it_is_looked_up(
    mtn: SandboxPsp, adapter: MtnCollection, fault: str, accepted: bool
) -> None:
    sent = charge()
    mtn.script(fault=fault, times=1)
    assert (await adapter.charge(sent)).verdict is Verdict.UNKNOWN
    truth = Verdict.SUCCEEDED if accepted else Verdict.NOT_SENT
    assert (await settled(adapter, sent)).verdict is truth
    if not accepted:  # the same reference may be sent again, and takes the money once
        assert (await adapter.charge(sent)).verdict is Verdict.PENDING
        assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED
    assert len(mtn.movements(sent.reference)) == 1


@pytest.mark.parametrize("fault", ["reset_before_accepting", "error_500", "error_503"])
async def test_a_fault_on_the_token_call_sends_nothing(
    mtn: SandboxPsp, adapter: MtnCollection, fault: str
) -> None:
    mtn.script(operation="token", fault=fault, times=1)
    sent = charge()
    assert (await adapter.charge(sent)).verdict is Verdict.NOT_SENT
    assert (await adapter.look_up(sent)).verdict is Verdict.NOT_SENT  # MTN itself says so


async def test_an_outage(mtn: SandboxPsp, adapter: MtnCollection) -> None:
    before, during = charge(), charge()
    await adapter.charge(before)
    mtn.script(outage=True)
    assert (await adapter.charge(during)).verdict is Verdict.UNKNOWN
    for sent in (before, during):
        assert (await adapter.look_up(sent)).verdict is Verdict.UNKNOWN
    mtn.script(outage=False)
    assert (await settled(adapter, before)).verdict is Verdict.SUCCEEDED
    assert (await adapter.look_up(during)).verdict is Verdict.NOT_SENT


# --- Callbacks ---


def path_of(sent: Charge) -> str:
    return f"/cb/mtn/{sent.reference}"


def with_callback(receiver: Receiver, **changes: Any) -> Charge:
    sent = charge(**changes)
    return replace(sent, callback_url=f"{receiver.url}{path_of(sent)}")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_callback_is_the_status_without_our_reference(
    client: httpx.AsyncClient, receiver: Receiver, method: Any
) -> None:
    with mtn_at(Book(None), replace(QUICK, callback_method=method)) as psp:
        adapter = MtnCollection(credentials(psp.url), client)
        sent = with_callback(receiver, external_id="ch_1")
        await adapter.charge(sent)
        await settled(adapter, sent)
        [callback] = await asyncio.to_thread(receiver.wait_for, 1)
        assert (callback.method, callback.path) == (method, path_of(sent))
        assert sent.reference.encode() not in callback.body
        answer = await adapter.look_up(sent)
        assert json.loads(callback.body) == answer.evidence["body"]
        assert adapter.read_callback(callback.headers, callback.body) is None


@pytest.mark.parametrize("suffix", ["00", "51"])
async def test_success_and_failure_both_call_back_once(
    adapter: MtnCollection, receiver: Receiver, suffix: str
) -> None:
    sent = with_callback(receiver, payer=f"+2376700000{suffix}")
    await adapter.charge(sent)
    await settled(adapter, sent)
    await asyncio.to_thread(receiver.wait_for, 1)
    await asyncio.sleep(0.2)
    assert [callback.path for callback in receiver.callbacks] == [path_of(sent)]


async def test_a_wrong_callback_host_costs_the_callback_only(
    mtn: SandboxPsp, adapter: MtnCollection
) -> None:
    sent = charge(callback_url="http://elsewhere.test/cb")
    assert (await adapter.charge(sent)).verdict is Verdict.PENDING
    assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED
    statuses = [r["status"] for r in mtn.requests() if r["path"].endswith("/requesttopay")]
    assert statuses == [202, 500]  # newest first


@pytest.mark.parametrize(
    ("behaviour", "counts"),
    [("normal", (1, 1)), ("lost", (0, 0)), ("doubled", (2, 2)), ("late", (0, 1))],
)
async def test_callback_behaviour(
    mtn: SandboxPsp,
    adapter: MtnCollection,
    receiver: Receiver,
    behaviour: str,
    counts: tuple[int, int],
) -> None:
    mtn.script(callback=behaviour, callback_seconds=0.5)
    sent = with_callback(receiver)
    await adapter.charge(sent)
    assert (await settled(adapter, sent)).verdict is Verdict.SUCCEEDED  # whatever is heard of it
    await asyncio.sleep(0.2)
    soon = len(receiver.callbacks)
    await asyncio.sleep(0.6)
    assert (soon, len(receiver.callbacks)) == counts


async def test_callbacks_out_of_order(
    mtn: SandboxPsp, adapter: MtnCollection, receiver: Receiver
) -> None:
    mtn.script(callback="reordered", times=1)
    first, second = with_callback(receiver), with_callback(receiver)
    await adapter.charge(first)
    await settled(adapter, first)
    await adapter.charge(second)
    callbacks = await asyncio.to_thread(receiver.wait_for, 2)
    assert [callback.path for callback in callbacks] == [path_of(second), path_of(first)]


# --- Crashes ---


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    book = tmp_path / "mtn.jsonl"
    paid, waiting, ignored = charge(), charge(), charge("+237670000053")
    adapter = MtnCollection(credentials(url), client)
    with process(book, url, delay=0.05):
        await adapter.charge(paid)
        settled_before = await settled(adapter, paid)
    assert settled_before.verdict is Verdict.SUCCEEDED
    with process(book, url, delay=1.5):
        await adapter.charge(waiting)
        await adapter.charge(ignored)
        assert (await adapter.look_up(waiting)).verdict is Verdict.PENDING
    with process(book, url, delay=0.05):  # tokens died, too: the adapter renews by itself
        assert await settled(adapter, paid) == settled_before
        assert (await settled(adapter, waiting)).verdict is Verdict.SUCCEEDED
        assert (await adapter.look_up(ignored)).verdict is Verdict.PENDING
        assert (await adapter.charge(paid)).evidence["http_status"] == 409
        psp = SandboxPsp(url)
        assert len(psp.movements(paid.reference)) == 1
        assert len(psp.movements(waiting.reference)) == 1
        assert len(psp.movements()) == 2
