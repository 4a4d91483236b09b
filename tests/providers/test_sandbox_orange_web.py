"""The Orange Web Payment sandbox over real HTTP: refusals, pages, notifications, crashes."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kinds_orange_web import order_id, pay_on
from sandbox_servers import Receiver, SandboxPsp, listen, url_of
from single_psp import process, psp_at

from providers.boundary import Answer, Charge, DeclineCode, Verdict
from providers.orange_web import OrangeWeb
from providers.sandbox.book import Book
from providers.sandbox.orange_web import Settings, create_app
from providers.sandbox.orange_web.tables import CLIENT, CURRENCIES, MERCHANT_KEYS, demo_account
from providers.sandbox.script import Script

QUICK = Settings(approval_delay=0.05, delayed_approval=0.4)
PAYER = "0700000000"


def orange_at(settings: Settings) -> Any:
    return psp_at("orange_web", lambda url: create_app(Book(None), Script(), url, settings))


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxPsp]:
    with orange_at(QUICK) as psp:
        yield psp


@pytest.fixture
def orange(shared: SandboxPsp) -> Iterator[SandboxPsp]:
    """One for the module. Ask its book by reference only."""
    yield shared
    shared.clear()


@pytest.fixture
def wire(orange: SandboxPsp) -> Iterator[httpx.Client]:
    """A client with a token."""
    with httpx.Client(base_url=orange.url, trust_env=False) as http:
        token = http.post("/oauth/v3/token", auth=CLIENT, data=GRANT).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


@pytest.fixture
def adapter(orange: SandboxPsp, client: httpx.AsyncClient) -> OrangeWeb:
    return OrangeWeb(demo_account("ci", orange.url), client)


GRANT = {"grant_type": "client_credentials"}
CREATE = "/orange-money-webpay/ci/v1/webpayment"
STATUS = "/orange-money-webpay/ci/v1/transactionstatus"


def wish(**changes: Any) -> dict[str, Any]:
    """What a merchant asks for; a field given as None is left out."""
    fields = {
        "merchant_key": MERCHANT_KEYS["ci"],
        "currency": "XOF",
        "order_id": uuid4().hex[:30],
        "amount": 1200,
        "return_url": "https://m.example.test/ok",
        "cancel_url": "https://m.example.test/cancel",
        "notif_url": "http://127.0.0.1:9/notif",
        "lang": "fr",
        "reference": "Boutique X",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def create(wire: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = wire.post(CREATE, json=wish(**changes))
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


# --- The protocol, refusal by refusal ---


def test_token(wire: httpx.Client) -> None:
    for path in ("/oauth/v3/token", "/oauth/v2/token"):
        answer = wire.post(path, auth=CLIENT, data=GRANT)
        assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")
        assert answer.json()["expires_in"] == 7776000
    for wrong in ((CLIENT[0], "0" * 32), ("nobody", CLIENT[1])):
        answer = wire.post("/oauth/v3/token", auth=wrong, data=GRANT)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    for header in ("", "Basic %%%", "Basic w6k=", "Bearer x"):
        headers = {"Authorization": header}
        assert wire.post("/oauth/v3/token", headers=headers, data=GRANT).status_code == 401
    for body in ({}, {"grant_type": "password"}):
        assert wire.post("/oauth/v3/token", auth=CLIENT, data=body).status_code == 400


def test_a_token_that_says_its_life_in_text(orange: SandboxPsp, wire: httpx.Client) -> None:
    orange.script(operation="token", outcome="EXPIRES_IN_TEXT", times=1)
    first, second = (wire.post("/oauth/v3/token", auth=CLIENT, data=GRANT).json() for _ in range(2))
    assert (first["expires_in"], second["expires_in"]) == ("7776000", 7776000)


def test_too_many_tokens(orange: SandboxPsp, wire: httpx.Client) -> None:
    orange.script(operation="token", outcome="TOO_MANY_REQUESTS", times=1)
    statuses = [wire.post("/oauth/v3/token", auth=CLIENT, data=GRANT).status_code for _ in "12"]
    assert statuses == [429, 200]


def test_a_created_order(wire: httpx.Client) -> None:
    body = create(wire)
    assert body.keys() == {"status", "message", "pay_token", "payment_url", "notif_token"}
    assert (body["status"], body["message"]) == (201, "OK")
    assert len(bytes.fromhex(body["pay_token"])) == 32
    assert len(bytes.fromhex(body["notif_token"])) == 16
    assert body["payment_url"].endswith(f"/payment/pay_token/{body['pay_token']}")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"merchant_key": "wrong"}, 403, 1202),
        ({"merchant_key": MERCHANT_KEYS["sn"]}, 403, 1202),
        ({"currency": "OUV"}, 403, 1203),
        ({"currency": "XAF"}, 403, 1203),
        ({"currency": "xof"}, 403, 1203),
        ({"order_id": "x" * 31}, 400, 22),
        ({"order_id": ""}, 400, 22),
        ({"order_id": None}, 400, 22),
        ({"amount": 0}, 400, 22),
        ({"amount": -1}, 400, 22),
        ({"amount": "1200"}, 400, 22),
        ({"amount": 12.5}, 400, 22),
        ({"return_url": None}, 400, 22),
        ({"cancel_url": "nowhere"}, 400, 22),
        ({"notif_url": "https://m.example.test/" + "x" * 98}, 400, 22),  # 121 signs
        ({"reference": "x" * 31}, 400, 22),
    ],
)
def test_refused_orders(wire: httpx.Client, change: dict[str, Any], status: int, code: int) -> None:
    answer = wire.post(CREATE, json=wish(**change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json().keys() == {"code", "message", "description", "infoURL"}


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"not json", b"\xff", b"[" * 10_000])
@pytest.mark.parametrize("path", [CREATE, STATUS])
def test_bodies_that_cannot_be_read(wire: httpx.Client, path: str, body: bytes) -> None:
    answer = wire.post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 22)


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({"Authorization": ""}, CREATE, 401, 40),
        ({"Authorization": "Bearer wrong"}, CREATE, 401, 41),
        ({"Authorization": "Basic wrong"}, STATUS, 401, 41),
        ({}, CREATE.replace("/ci/", "/xx/"), 403, 50),
        ({}, STATUS.replace("/ci/", "/xx/"), 403, 50),
    ],
)
def test_refused_callers(
    wire: httpx.Client, headers: dict[str, str], path: str, status: int, code: int
) -> None:
    answer = wire.post(path, json=wish(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_token_that_expired_is_renewed(client: httpx.AsyncClient) -> None:
    with orange_at(replace(QUICK, access_token_lifetime=0)) as psp:
        token = await client.post(f"{psp.url}/oauth/v3/token", auth=CLIENT, data=GRANT)
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        answer = await client.post(f"{psp.url}{CREATE}", json=wish(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, 42)
        answered = await OrangeWeb(demo_account("ci", psp.url), client).charge(charge())
        assert answered.decline_code is DeclineCode.CONFIGURATION  # after one renewal
        assert [r["path"] for r in psp.requests()].count("/oauth/v3/token") == 3


def test_an_order_id_is_used_once_for_ever(wire: httpx.Client) -> None:
    used = wish()
    assert wire.post(CREATE, json=used).status_code == 201
    for again in (used, used | {"amount": 5}):
        answer = wire.post(CREATE, json=again)
        assert (answer.status_code, answer.json()["code"]) == (403, 1204)
    elsewhere = used | {"merchant_key": MERCHANT_KEYS["sn"]}
    assert wire.post(CREATE.replace("/ci/", "/sn/"), json=elsewhere).status_code == 201


def test_a_question_needs_all_three_values(wire: httpx.Client) -> None:
    pay_token = create(wire, order_id="ch-0001")["pay_token"]
    right = {"order_id": "ch-0001", "amount": 1200, "pay_token": pay_token}
    answer = wire.post(STATUS, json=right)
    assert answer.status_code == 201
    assert answer.json() == {"status": "INITIATED", "order_id": "ch-0001", "txnid": None}
    for wrong in ({"order_id": "ch-0002"}, {"amount": 1201}, {"pay_token": "0" * 64}):
        assert wire.post(STATUS, json=right | wrong).status_code == 404
    assert wire.post(STATUS.replace("/ci/", "/sn/"), json=right).status_code == 404


# --- The pages ---


@pytest.mark.parametrize(
    ("language", "word"), [("fr", "Votre numéro"), ("en", "Your Orange"), ("xx", "Votre numéro")]
)
def test_the_page_speaks_the_language_of_the_order(
    wire: httpx.Client, language: str, word: str
) -> None:
    name = '<b>"X" & co</b>'
    page = httpx.get(create(wire, lang=language, reference=name)["payment_url"], trust_env=False)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert word in page.text
    assert "1200 XOF" in page.text
    assert name not in page.text
    assert "&lt;b&gt;&quot;X&quot; &amp; co&lt;/b&gt;" in page.text


def test_a_wrong_code_pays_nothing(orange: SandboxPsp, wire: httpx.Client) -> None:
    order = wish()
    url = wire.post(CREATE, json=order).json()["payment_url"]
    codeless: list[dict[str, str]] = [
        {},
        {"msisdn": PAYER},
        {"msisdn": PAYER, "code": "é"},
        {"msisdn": PAYER, "code": ""},
        {"msisdn": "", "code": "123456"},
    ]
    for form in codeless:
        answer = httpx.post(url, data=form, trust_env=False)
        assert answer.status_code == 400
        assert "pas correct" in answer.text
    for body in (b"\xff\xfe=%%%", b"&&&===", b"a" * 10_000):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert httpx.post(url, content=body, headers=headers).status_code == 400
    multipart = {"content-type": "multipart/form-data; boundary=x"}
    assert httpx.post(url, content=b"--x\r\nrubbish", headers=multipart).status_code == 400
    assert orange.movements(order["order_id"]) == []


async def test_a_code_serves_once_and_an_order_too(
    orange: SandboxPsp, adapter: OrangeWeb, client: httpx.AsyncClient
) -> None:
    sent = charge()
    known, url = await opened(adapter, sent)
    paid = await pay_on(url, PAYER)
    assert (paid.status_code, paid.headers["location"]) == (303, sent.return_url)
    assert (await pay_on(url, PAYER)).status_code == 409
    await settled(adapter, known)
    page = await client.get(url)
    assert "SUCCESS" in page.text
    assert "<form" not in page.text
    assert len(orange.movements(order_id(known))) == 1


async def test_twenty_confirmations_at_once_take_the_money_once(
    orange: SandboxPsp, adapter: OrangeWeb
) -> None:
    known, page = await opened(adapter, charge())
    payers = [f"07000000{number:02}" for number in range(20)]
    answers = await asyncio.gather(*(pay_on(page, payer) for payer in payers))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 19
    await settled(adapter, known)
    assert len(orange.movements(order_id(known))) == 1


def test_a_cancelled_order_stays_initiated(wire: httpx.Client) -> None:
    order = wish()
    body = wire.post(CREATE, json=order).json()
    answer = httpx.post(body["payment_url"], data={"action": "cancel"}, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, order["cancel_url"])
    assert status_of(wire, order, body["pay_token"])["status"] == "INITIATED"


def test_pages_of_nobody(orange: SandboxPsp) -> None:
    for ask in (httpx.get, httpx.post):
        assert ask(f"{orange.url}/payment/pay_token/unknown").status_code == 404
    assert "<form" in httpx.get(f"{orange.url}/simulator").text
    for number in ("", "12", "not a number", "<script>", "0" * 99):
        page = httpx.post(f"{orange.url}/simulator", data={"msisdn": number})
        assert page.status_code == 200
        assert "<strong>" not in page.text
        assert "<script>" not in page.text


def status_of(wire: httpx.Client, order: dict[str, Any], pay_token: str) -> dict[str, Any]:
    question = {"order_id": order["order_id"], "amount": order["amount"], "pay_token": pay_token}
    answer: dict[str, Any] = wire.post(STATUS, json=question).json()
    return answer


# --- The adapter and the sandbox ---


def charge(callback_url: str = "http://127.0.0.1:9/cb", **changes: Any) -> Charge:
    reference = str(uuid4())
    return replace(
        Charge(reference, 1200, "xof", "", f"{callback_url}/{reference}"),
        return_url="http://127.0.0.1:9/back",
        **changes,
    )


async def opened(adapter: OrangeWeb, sent: Charge) -> tuple[Charge, str]:
    """The charge as the engine keeps it once it is sent, and its page."""
    answer = await adapter.charge(sent)
    assert answer.verdict is Verdict.PENDING
    assert answer.redirect_url is not None
    return replace(sent, provider_reference=answer.provider_reference), answer.redirect_url


async def settled(adapter: OrangeWeb, sent: Charge) -> Answer:
    deadline = time.monotonic() + 3
    while (answer := await adapter.look_up(sent)).verdict is Verdict.PENDING:
        assert time.monotonic() < deadline, "still pending"
        await asyncio.sleep(0.02)
    return answer


@pytest.mark.parametrize("country", CURRENCIES)
async def test_every_country_takes_money(
    orange: SandboxPsp, client: httpx.AsyncClient, country: str
) -> None:
    adapter = OrangeWeb(demo_account(country, orange.url), client)
    currency = "xof" if country == "dev" else CURRENCIES[country].lower()
    known, page = await opened(adapter, charge(currency=currency))
    assert (await adapter.look_up(known)).evidence["body"]["status"] == "INITIATED"
    await pay_on(page, PAYER)
    answer = await settled(adapter, known)
    assert answer.verdict is Verdict.SUCCEEDED
    assert answer.provider_reference is not None
    assert answer.provider_reference.startswith("MP")
    [moved] = orange.movements(order_id(known))
    assert (moved["amount"], moved["currency"]) == (1200, CURRENCIES[country].lower())
    assert (moved["direction"], moved["payer"]) == ("in", PAYER)


@pytest.mark.parametrize(
    ("payer", "verdict", "code"),
    [
        ("0700000051", Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        ("0700000052", Verdict.DECLINED, DeclineCode.EXPIRED),
        ("0700000053", Verdict.PENDING, None),
        ("0700000054", Verdict.PENDING, None),  # and then paid
        ("0712345651", Verdict.SUCCEEDED, None),
        ("770000051", Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
    ],
)
async def test_numbers(
    orange: SandboxPsp,
    adapter: OrangeWeb,
    payer: str,
    verdict: Verdict,
    code: DeclineCode | None,
) -> None:
    known, page = await opened(adapter, charge())
    await pay_on(page, payer)
    await asyncio.sleep(0.2)
    answer = await adapter.look_up(known)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert len(orange.movements(order_id(known))) == (verdict is Verdict.SUCCEEDED)
    if payer.endswith("54"):
        assert (await settled(adapter, known)).verdict is Verdict.SUCCEEDED


async def test_a_rule_for_the_confirmation_comes_first(
    orange: SandboxPsp, adapter: OrangeWeb
) -> None:
    orange.script(operation="charge", outcome="SUCCESS", times=1)
    orange.script(operation="confirm", payer=PAYER, outcome="FAILED", times=1)
    known, page = await opened(adapter, charge())
    await pay_on(page, PAYER)
    assert (await settled(adapter, known)).verdict is Verdict.DECLINED
    assert orange.movements(order_id(known)) == []


async def test_a_confirmation_after_the_tokens_life_is_expired(
    client: httpx.AsyncClient,
) -> None:
    with orange_at(replace(QUICK, pay_token_lifetime=0.1)) as psp:
        adapter = OrangeWeb(demo_account("ci", psp.url), client)
        known, page = await opened(adapter, charge())
        await asyncio.sleep(0.15)
        # Nobody has confirmed: it is INITIATED for ever.
        assert (await adapter.look_up(known)).evidence["body"]["status"] == "INITIATED"
        await pay_on(page, PAYER)
        assert (await settled(adapter, known)).decline_code is DeclineCode.EXPIRED
        assert psp.movements() == []


async def test_a_lost_creation_leads_to_another_order_and_one_payment(
    orange: SandboxPsp, adapter: OrangeWeb
) -> None:
    await adapter.check_credentials()  # so that the fault meets the creation
    orange.script(fault="reset_after_accepting", times=1)
    sent = charge()
    assert (await adapter.charge(sent)).verdict is Verdict.UNKNOWN
    assert (await adapter.look_up(sent)).verdict is Verdict.NOT_SENT
    known, page = await opened(adapter, sent)
    again = await adapter.charge(known)  # the page is known: no third order
    assert (again.verdict, again.redirect_url) == (Verdict.PENDING, None)
    created = [json.loads(r["body"]) for r in orange.requests() if r["path"] == CREATE][:2]
    first, second = (body["order_id"] for body in created)
    assert first != second
    assert first[:26] == second[:26]
    await pay_on(page, PAYER)
    assert (await settled(adapter, known)).verdict is Verdict.SUCCEEDED
    paid = [m for m in orange.movements() if m["reference"][:26] == first[:26]]
    assert len(paid) == 1


async def test_credentials(orange: SandboxPsp, client: httpx.AsyncClient) -> None:
    right = OrangeWeb(demo_account("ci", orange.url), client)
    assert (await right.check_credentials()).verdict is Verdict.SUCCEEDED
    wrong = OrangeWeb(replace(demo_account("ci", orange.url), client_secret="wrong"), client)
    answer = await wrong.check_credentials()
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, DeclineCode.CONFIGURATION)
    orange.script(operation="token", fault="error_503", times=1)
    new = OrangeWeb(demo_account("ci", orange.url), client)
    assert (await new.check_credentials()).verdict is Verdict.UNKNOWN


# --- Notifications ---


@pytest.mark.parametrize(
    ("payer", "count"), [(PAYER, 1), ("0700000051", 1), ("0700000052", 0), ("0700000053", 0)]
)
async def test_success_and_failure_notify_once(
    orange: SandboxPsp, adapter: OrangeWeb, receiver: Receiver, payer: str, count: int
) -> None:
    sent = charge(f"{receiver.url}/cb")
    _, page = await opened(adapter, sent)
    await pay_on(page, payer)
    await asyncio.to_thread(receiver.wait_for, count)
    await asyncio.sleep(0.2)
    assert [callback.path for callback in receiver.callbacks] == [f"/cb/{sent.reference}"] * count
    for callback in receiver.callbacks:
        body = json.loads(callback.body)
        assert body.keys() == {"status", "notif_token", "txnid"}
        assert adapter.read_callback(callback.headers, callback.body) is None


async def test_notifications_of_mali_say_more(
    orange: SandboxPsp, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    adapter = OrangeWeb(demo_account("ml", orange.url), client)
    known, page = await opened(adapter, charge(f"{receiver.url}/cb"))
    await pay_on(page, "70000000")
    [callback] = await asyncio.to_thread(receiver.wait_for, 1)
    body = json.loads(callback.body)
    assert f"{body['order_id']}:{body['pay_token']}" == known.provider_reference
    assert (body["amount"], body["currency"]) == ("1200", "XOF")
    assert adapter.read_callback(callback.headers, callback.body) is None


@pytest.mark.parametrize(
    ("behaviour", "counts"),
    [("normal", (1, 1)), ("lost", (0, 0)), ("doubled", (2, 2)), ("late", (0, 1))],
)
async def test_callback_behaviour(
    orange: SandboxPsp,
    adapter: OrangeWeb,
    receiver: Receiver,
    behaviour: str,
    counts: tuple[int, int],
) -> None:
    orange.script(callback=behaviour, callback_seconds=0.5)
    known, page = await opened(adapter, charge(f"{receiver.url}/cb"))
    await pay_on(page, PAYER)
    assert (await settled(adapter, known)).verdict is Verdict.SUCCEEDED  # whatever is heard of it
    await asyncio.sleep(0.2)
    soon = len(receiver.callbacks)
    await asyncio.sleep(0.5)
    assert (soon, len(receiver.callbacks)) == counts


# --- Crashes ---


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    adapter = OrangeWeb(demo_account("ci", f"{url}/orange_web"), client)
    with process(tmp_path, url):
        SandboxPsp(f"{url}/orange_web").script(operation="confirm", payer=PAYER, delay=0.7)
        waiting, page = await opened(adapter, charge())
        left_alone, _ = await opened(adapter, charge())
        await pay_on(page, PAYER)
        assert (await adapter.look_up(waiting)).evidence["body"]["status"] == "PENDING"
    with process(tmp_path, url):  # tokens died, too: the adapter renews by itself
        answer = await settled(adapter, waiting)
        assert answer.verdict is Verdict.SUCCEEDED
        assert (await adapter.look_up(left_alone)).evidence["body"]["status"] == "INITIATED"
        assert (await pay_on(page, PAYER)).status_code == 409
    with process(tmp_path, url):
        assert (await adapter.look_up(waiting)).provider_reference == answer.provider_reference
        psp = SandboxPsp(f"{url}/orange_web")
        assert [moved["reference"] for moved in psp.movements()] == [order_id(waiting)]
