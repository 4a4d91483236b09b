"""The CinetPay sandbox over real HTTP: refusals, pages, numbers, notifications, faults, crashes."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus
from uuid import uuid4

import httpx
import pytest
from boundary_kinds import final
from kinds_cinetpay import CARD, SITE, choose, on_the_page
from sandbox_servers import Receiver, SandboxPsp, listen, url_of
from single_psp import process, psp_at

from providers.boundary import Answer, Charge, ForgedCallback, Verdict
from providers.cinetpay import WALLETS, CinetPay
from providers.cinetpay_notification import sign
from providers.sandbox.book import Book
from providers.sandbox.cinetpay import create_app
from providers.sandbox.cinetpay.payments import Settings
from providers.sandbox.cinetpay.tables import ENDS, MESSAGES, PAID, SITES, demo_account
from providers.sandbox.script import Script

QUICK = Settings(approval_delay=0.05)
PAYER = "+2250701020304"
OTHER = next(site for site in SITES.values() if site.country == "SN")

CLIENT_TIMEOUT = 5.0  # answers are lost by a reset, which needs no impatience


def cinetpay_at(settings: Settings) -> Any:
    return psp_at("cinetpay", lambda url: create_app(Book(None), Script(), url, settings))


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxPsp]:
    with cinetpay_at(QUICK) as psp:
        yield psp


@pytest.fixture
def psp(shared: SandboxPsp) -> Iterator[SandboxPsp]:
    """One for the module. Ask its book by reference only."""
    yield shared
    shared.clear()


@pytest.fixture
def adapter(psp: SandboxPsp, client: httpx.AsyncClient) -> CinetPay:
    return CinetPay(demo_account(SITE, psp.url), client)


def wish(**changes: Any) -> dict[str, Any]:
    """What a merchant asks for; a field given as None is left out."""
    fields = {
        "apikey": SITE.api_key,
        "site_id": SITE.site_id,
        "transaction_id": uuid4().hex,
        "amount": 1500,
        "currency": "XOF",
        "description": "Order 1",
        "notify_url": "http://127.0.0.1:9/notify",
        "return_url": "http://127.0.0.1:9/back",
        "channels": "ALL",
        "lang": "fr",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def post(psp: SandboxPsp, path: str, **content: Any) -> httpx.Response:
    return httpx.post(psp.url + path, trust_env=False, timeout=10, **content)


def create(psp: SandboxPsp, **changes: Any) -> dict[str, Any]:
    answer = post(psp, "/v2/payment", json=wish(**changes))
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def check(psp: SandboxPsp, **question: Any) -> httpx.Response:
    access = {"apikey": SITE.api_key, "site_id": SITE.site_id}
    return post(psp, "/v2/payment/check", json=access | question)


# --- The protocol, refusal by refusal ---


def test_a_created_payment(psp: SandboxPsp) -> None:
    body = create(psp, transaction_id="order-1", metadata="ref-1")
    assert body.keys() == {"code", "message", "description", "data", "api_response_id"}
    assert (body["code"], body["message"]) == ("201", "CREATED")
    assert body["data"]["payment_url"].endswith(body["data"]["payment_token"])
    for question in ({"transaction_id": "order-1"}, {"token": body["data"]["payment_token"]}):
        shown = check(psp, **question).json()
        assert (shown["code"], shown["message"]) == ("662", "WAITING_CUSTOMER_PAYMENT")
        assert shown["data"] == {
            "amount": "1500",
            "currency": "XOF",
            "status": "WAITING_FOR_CUSTOMER",
            "payment_method": None,
            "description": "Order 1",
            "metadata": "ref-1",
            "operator_id": None,
            "payment_date": "",
            "fund_availability_date": None,
        }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apikey": "wrong"}, "609"),
        ({"apikey": None}, "609"),
        ({"apikey": 7}, "609"),
        ({"site_id": "1"}, "613"),
        ({"site_id": OTHER.site_id}, "613"),
        ({"apikey": OTHER.api_key}, "613"),
        ({"currency": "XAF"}, "612"),
        ({"currency": "xof"}, "612"),
        *[
            ({"amount": amount}, "608")
            for amount in (0, -5, 1501, "1500", 1500.0, True, 10**12, None, [])
        ],
        *[
            ({name: value}, "608")
            for name in ("transaction_id", "description", "notify_url", "return_url")
            for value in (None, "", 7, "x" * 501)
        ],
        ({"return_url": "javascript:alert(1)"}, "608"),
        ({"channels": "WALLET"}, "608"),
        ({"channels": "CREDIT_CARD"}, "608"),  # which wants to know the payer
        ({"customer_phone_number": 7}, "608"),
    ],
)
def test_refused_payments(psp: SandboxPsp, changes: dict[str, Any], code: str) -> None:
    answer = post(psp, "/v2/payment", json=wish(**changes))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"] == MESSAGES[code]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"not json", b"\xff", b"[" * 10_000])
@pytest.mark.parametrize("path", ["/v2/payment", "/v2/payment/check"])
def test_bodies_that_cannot_be_read(psp: SandboxPsp, path: str, body: bytes) -> None:
    answer = post(psp, path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "608")


def test_an_oversized_body_is_not_read(psp: SandboxPsp) -> None:
    assert post(psp, "/v2/payment", content=b"x" * 300_000).status_code == 413


def test_a_transaction_id_is_used_once_for_ever_by_its_site(psp: SandboxPsp) -> None:
    used = wish()
    assert post(psp, "/v2/payment", json=used).status_code == 201
    for again in (used, used | {"amount": 5}):
        answer = post(psp, "/v2/payment", json=again)
        assert (answer.status_code, answer.json()["code"]) == (400, "620")
    elsewhere = used | {"apikey": OTHER.api_key, "site_id": OTHER.site_id}
    assert post(psp, "/v2/payment", json=elsewhere).status_code == 201


def test_questions_about_nothing_and_about_others(psp: SandboxPsp) -> None:
    token = create(psp, apikey=OTHER.api_key, site_id=OTHER.site_id)["data"]["payment_token"]
    for question in ({"transaction_id": "never"}, {"token": "never"}, {"token": token}):
        answer = check(psp, **question)
        assert (answer.status_code, answer.json()["code"]) == (404, "404")
    for question in ({}, {"token": ""}, {"transaction_id": 7}, {"token": ["x"]}):
        assert check(psp, **question).json()["code"] == "608"


# --- The page ---


@pytest.mark.parametrize(("language", "word"), [("fr", "Payer"), ("en", "Pay<"), ("xx", "Payer")])
def test_the_page_speaks_the_language_of_the_payment(
    psp: SandboxPsp, language: str, word: str
) -> None:
    evil = '"><script>alert(1)</script>'
    body = create(psp, lang=language, description=evil, customer_phone_number=evil)
    page = httpx.get(body["data"]["payment_url"], trust_env=False)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert word in page.text
    assert "1500 XOF" in page.text
    assert evil not in page.text
    for name, (country, _) in WALLETS.items():
        assert (f'value="{name}"' in page.text) == (country == "CI")


async def test_what_makes_no_sense_pays_nothing(psp: SandboxPsp, client: httpx.AsyncClient) -> None:
    body = create(psp, transaction_id="nonsense")
    url = body["data"]["payment_url"]
    for method, number in (("", ""), ("OM", ""), ("OM", "12"), ("NONE", PAYER), ("OM", "9" * 20)):
        page = await choose(url, method, number)
        assert page.status_code == 400
        assert "indiquez un numéro" in page.text
    for content in (b"\xff%%%", b"&&&=", b"&".join(b"f%d=1" % n for n in range(99))):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await client.post(url, content=content, headers=headers)
        assert answer.status_code == 400
    assert check(psp, transaction_id="nonsense").json()["code"] == "662"
    for ask in (client.get, client.post):
        assert (await ask(f"{psp.url}/payment/nobody")).status_code == 404


async def test_a_payer_who_leaves_and_a_page_that_nobody_opens(client: httpx.AsyncClient) -> None:
    with cinetpay_at(replace(QUICK, page_life=1.5)) as psp:
        left, forgotten = (create(psp)["data"] for _ in range(2))
        answer = await choose(left["payment_url"], "", "", action="cancel")
        assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1:9/back")
        assert check(psp, token=left["payment_token"]).json()["code"] == "627"
        await asyncio.sleep(1.5)
        assert check(psp, token=forgotten["payment_token"]).json()["code"] == "625"
        for over in (left, forgotten):
            page = await client.get(over["payment_url"])
            assert "<form" not in page.text
            await choose(over["payment_url"], "OM", PAYER)
        assert psp.movements() == []


async def test_twenty_payers_at_once_pay_once(psp: SandboxPsp, adapter: CinetPay) -> None:
    known, page = await opened(adapter, on_the_page(PAYER))
    await asyncio.gather(*(choose(page, "OM", f"+22507010203{n:02}") for n in range(20)))
    assert (await settled(adapter, known)).verdict is Verdict.SUCCEEDED
    assert len(psp.movements(known.reference)) == 1


# --- The adapter and the sandbox ---


async def opened(adapter: CinetPay, sent: Charge) -> tuple[Charge, str]:
    """The charge as the engine keeps it once it is sent, and its page."""
    answer = await adapter.charge(sent)
    assert answer.verdict is Verdict.PENDING
    assert answer.redirect_url is not None
    return replace(sent, provider_reference=answer.provider_reference), answer.redirect_url


async def settled(adapter: CinetPay, sent: Charge) -> Answer:
    return await final(lambda: adapter.look_up(sent))


@pytest.mark.parametrize("site", SITES.values(), ids=lambda site: site.country)
async def test_every_site_takes_money(
    psp: SandboxPsp, client: httpx.AsyncClient, site: Any
) -> None:
    adapter = CinetPay(demo_account(site, psp.url), client)
    currency = site.currency.lower()
    known, page = await opened(adapter, replace(on_the_page(""), currency=currency))
    await choose(page, "VISAM", CARD)
    assert (await settled(adapter, known)).verdict is Verdict.SUCCEEDED
    [movement] = psp.movements(known.reference)
    assert (movement["amount"], movement["currency"]) == (1500, currency)
    assert (movement["direction"], movement["payer"]) == ("in", "4242")


@pytest.mark.parametrize("code", [PAID, "623", "663", *ENDS])
async def test_numbers_decide(psp: SandboxPsp, adapter: CinetPay, code: str) -> None:
    known, page = await opened(adapter, on_the_page(PAYER))
    number = "+2250700000" + (f"000{code}" if code != PAID else "1234")
    assert (await choose(page, "OM", number)).status_code == 303
    await asyncio.sleep(0.1)
    answer = await (adapter.look_up(known) if code in ("623", "663") else settled(adapter, known))
    expected = {PAID: Verdict.SUCCEEDED, "623": Verdict.PENDING, "663": Verdict.PENDING}
    assert answer.verdict is expected.get(code, Verdict.DECLINED)
    assert len(psp.movements(known.reference)) == (code == PAID)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("4000 0000 0000 9995", "602"),
        ("4000 0000 0000 0002", "600"),
        ("4000 0000 0000 0069", "600"),
    ],
)
async def test_cards_decide(psp: SandboxPsp, adapter: CinetPay, card: str, code: str) -> None:
    known, page = await opened(adapter, on_the_page(""))
    await choose(page, "VISAM", card)
    answer = await settled(adapter, known)
    assert (answer.verdict, answer.evidence["body"]["code"]) == (Verdict.DECLINED, code)
    assert psp.movements(known.reference) == []
    log = unquote_plus(str(psp.requests())).replace(" ", "")
    assert card.replace(" ", "") not in log


async def test_a_rule_for_the_payer_comes_before_one_for_the_payment(
    psp: SandboxPsp, adapter: CinetPay
) -> None:
    psp.script(outcome="602", amount=1500)
    psp.script(operation="pay", outcome="604", payer="2250701020304", times=1)
    for code in ("604", "602"):
        known, page = await opened(adapter, on_the_page(PAYER))
        await choose(page, "OM", PAYER)
        assert (await settled(adapter, known)).evidence["body"]["code"] == code


async def test_a_payment_whose_creation_is_lost_is_caught_when_taken_twice(
    psp: SandboxPsp, adapter: CinetPay
) -> None:
    sent = on_the_page(PAYER)
    psp.script(fault="timeout_after_accepting", fault_seconds=1, times=1)
    assert (await adapter.charge(sent)).verdict is Verdict.UNKNOWN
    known, page = await opened(adapter, sent)
    await choose(page, "OM", PAYER)
    assert (await settled(adapter, known)).verdict is Verdict.SUCCEEDED
    assert len(psp.movements(sent.reference)) == 1


# --- Notifications ---


async def test_notifications_are_signed_forms_about_our_reference(
    psp: SandboxPsp, adapter: CinetPay, receiver: Receiver
) -> None:
    known, page = await opened(adapter, notified(receiver))
    await choose(page, "OM", PAYER)
    tried, *told = await asyncio.to_thread(receiver.wait_for, 3)
    assert (tried.method, tried.body) == ("GET", b"")  # that the address is there
    words = [dict(parse_qsl(each.body.decode(), keep_blank_values=True)) for each in told]
    assert [form["cpm_error_message"] for form in words] == [
        "WAITING_CUSTOMER_TO_VALIDATE",
        "SUCCES",
    ]
    for callback, form in zip(told, words, strict=True):
        assert len(form) == 16
        assert callback.headers["x-token"] == sign(form, SITE.secret_key)
        assert adapter.read_callback(callback.headers, callback.body) == known.reference
        forged = callback.body.replace(b"1500", b"1505")
        with pytest.raises(ForgedCallback):
            adapter.read_callback(callback.headers, forged)


def notified(receiver: Receiver) -> Charge:
    return replace(on_the_page(PAYER), callback_url=f"{receiver.url}/notify")


@pytest.mark.parametrize(
    ("behaviour", "ends"), [("normal", 1), ("lost", 0), ("doubled", 2), ("late", 0)]
)
async def test_callback_behaviour(
    psp: SandboxPsp, adapter: CinetPay, receiver: Receiver, behaviour: str, ends: int
) -> None:
    psp.script(callback=behaviour, callback_seconds=2)
    known, page = await opened(adapter, notified(receiver))
    await choose(page, "OM", PAYER)
    assert (await settled(adapter, known)).verdict is Verdict.SUCCEEDED  # whatever is heard of it
    await asyncio.sleep(0.3)
    soon = [each for each in receiver.callbacks if b"SUCCES" in each.body]
    assert len(soon) == ends
    if behaviour == "late":
        await asyncio.to_thread(receiver.wait_for, 3)
    assert len(psp.movements(known.reference)) == 1


# --- Crashes ---


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    psp = SandboxPsp(f"{url}/cinetpay")
    adapter = CinetPay(demo_account(SITE, psp.url), client)
    with process(tmp_path, url):
        psp.script(operation="pay", delay=0.7)
        waiting, page = await opened(adapter, on_the_page(PAYER))
        unopened, other_page = await opened(adapter, on_the_page(PAYER))
        await choose(page, "OM", PAYER)
        assert (await adapter.look_up(waiting)).verdict is Verdict.PENDING
    with process(tmp_path, url):
        answer = await settled(adapter, waiting)
        assert answer.verdict is Verdict.SUCCEEDED
        await choose(page, "OM", PAYER)  # too late for a second time
        await choose(other_page, "OM", PAYER)
        assert (await settled(adapter, unopened)).verdict is Verdict.SUCCEEDED
    with process(tmp_path, url):
        assert (await adapter.look_up(waiting)).provider_reference == answer.provider_reference
        assert len(psp.movements()) == 2
        for paid in (waiting, unopened):
            assert len(psp.movements(paid.reference)) == 1
