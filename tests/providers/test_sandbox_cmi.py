"""The CMI sandbox over real HTTP: forms, cards, callbacks and the answers to them, XML, crashes."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree.ElementTree import fromstring

import httpx
import pytest
from boundary_kinds import final
from cmi_shop import (
    CARD,
    CARD_WITH_CODE,
    DEMO,
    Shop,
    form_on,
    open_page,
    pay,
    post,
    shop_of,
    type_card,
)
from sandbox_servers import SandboxPsp, listen, url_of
from single_psp import process, psp_at

from providers.boundary import Answer, Charge, Verdict
from providers.cmi import Cmi
from providers.cmi_account import order_id
from providers.cmi_form import CANCEL, CAPTURE, RECEIVED
from providers.cmi_hash import is_signed, sign
from providers.sandbox.book import Book
from providers.sandbox.cmi import create_app
from providers.sandbox.cmi.orders import Settings
from providers.sandbox.cmi.tables import CARDS, DEMO_CLIENT_ID, MESSAGES, demo_account
from providers.sandbox.script import Script

CLIENT_TIMEOUT = 5.0  # answers are lost by a reset, which needs no impatience


def cmi_at(settings: Settings) -> Any:
    return psp_at("cmi", lambda url: create_app(Book(None), Script(), url, settings))


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxPsp]:
    with cmi_at(Settings()) as psp:
        yield psp


@pytest.fixture
def psp(shared: SandboxPsp) -> Iterator[SandboxPsp]:
    """One for the module. Ask its book by reference only."""
    yield shared
    shared.clear()


@pytest.fixture
def shop(psp: SandboxPsp, client: httpx.AsyncClient) -> Iterator[Shop]:
    with shop_of(Cmi(demo_account(psp.url), client), charge()) as shop:
        yield shop


def charge(**changes: Any) -> Charge:
    reference = str(uuid4())
    made = Charge(reference, 12050, "mad", "", form_url="https://m.example.test/form", **changes)
    return replace(made, callback_url="https://m.example.test/cb")


def oid_of(shop: Shop) -> str:
    assert shop.charge is not None
    return order_id(shop.charge.reference)


def moved(psp: SandboxPsp, shop: Shop) -> list[tuple[str, str, int]]:
    """What the book says of the shop's order."""
    oid = oid_of(shop)
    return [
        (m["reference"].removeprefix(oid).strip(), m["direction"], m["amount"])
        for m in psp.movements()
        if m["reference"].startswith(oid)
    ]


# --- The form ---


def signed(**changes: str) -> dict[str, str]:
    """A shop's form, as it would sign it; a field given as "-" is left out."""
    fields = {
        "clientid": DEMO_CLIENT_ID,
        "storetype": "3D_PAY_HOSTING",
        "TranType": "PreAuth",
        "amount": "120.50",
        "currency": "504",
        "oid": uuid4().hex,
        "okUrl": "https://m.example.test/ok",
        "failUrl": "https://m.example.test/fail",
        "callbackUrl": "",
        "lang": "fr",
        "rnd": "1",
        "hashAlgorithm": "ver3",
    } | changes
    fields = {name: value for name, value in fields.items() if value != "-"}
    return fields | {"HASH": changes.get("HASH", sign(fields, DEMO.store_key))}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"HASH": "x"}, "HASH"),
        ({"HASH": sign(signed(), "another key")}, "HASH"),
        ({"clientid": "600000001"}, "clientid"),
        ({"clientid": "-"}, "clientid"),
        ({"storetype": "3D_PAY"}, "storetype"),
        ({"TranType": "Auth"}, "TranType"),
        ({"hashAlgorithm": "ver2"}, "hashAlgorithm"),
        ({"currency": "952"}, "currency"),
        ({"currency": "MAD"}, "currency"),
        *[({"amount": amount}, "amount") for amount in ("", "0", "-1", "12,5", "1e9", "1.999")],
        ({"amount": "9" * 400}, "amount"),
        ({"oid": ""}, "oid"),
        ({"oid": "x" * 65}, "oid"),
        ({"okUrl": "javascript:alert(1)"}, "okUrl"),
        ({"failUrl": "-"}, "failUrl"),
        ({"callbackURL": "ftp://m.example.test", "callbackUrl": "-"}, "callbackUrl"),
        ({"okUrl": "http://[::1"}, "okUrl"),
    ],
)
async def test_refused_forms(psp: SandboxPsp, changes: dict[str, str], problem: str) -> None:
    page = await post(f"{psp.url}/fim/est3Dgate", signed(**changes))
    assert page.status_code == 200
    assert form_on(page.text)[0] == ""
    assert f"{problem}:" in page.text


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"oid=1&oid=2", b"&".join(b"f%d=1" % n for n in range(300)), b"{}", b"%%%"],
)
async def test_bodies_that_are_no_form(
    psp: SandboxPsp, client: httpx.AsyncClient, body: bytes
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    page = await client.post(f"{psp.url}/fim/est3Dgate", content=body, headers=headers)
    assert (page.status_code, form_on(page.text)[0]) == (200, "")


async def test_an_oversized_body_is_not_read(psp: SandboxPsp, client: httpx.AsyncClient) -> None:
    for path in ("/fim/est3Dgate", "/fim/api", "/fim/card/1"):
        answer = await client.post(psp.url + path, content=b"a" * 300_000, timeout=10)
        assert answer.status_code == 413
    assert all(len(entry["body"]) < 300_000 for entry in psp.requests())


@pytest.mark.parametrize(("language", "word"), [("fr", "Montant"), ("en", "Amount"), ("ar", "Mon")])
async def test_the_page_speaks_the_language_of_the_form(
    psp: SandboxPsp, language: str, word: str
) -> None:
    page = (await post(f"{psp.url}/fim/est3Dgate", signed(lang=language))).text
    assert word in page
    assert "120.50 MAD" in page


async def test_nothing_of_a_form_is_markup(psp: SandboxPsp) -> None:
    evil = '"><script>alert(1)</script>'
    fields = signed(BillToName=evil, oid=evil, okUrl=f"https://m.example.test/?{evil}", lang=evil)
    page = (await post(f"{psp.url}/fim/est3Dgate", fields)).text
    page += (await type_card(page)).text
    assert "alert(1)" in page
    assert evil not in page
    action, returned = form_on(page.rpartition("<!doctype")[2])
    assert action == fields["okUrl"]
    assert returned["BillToName"] == evil


# --- Cards ---


@pytest.mark.parametrize("number", CARDS)
async def test_every_card_has_its_fate(psp: SandboxPsp, shop: Shop, number: str) -> None:
    card = CARDS[number]
    where, returned = await pay(shop, number)
    shop.wait_for(1)
    assert {**shop.told, "HASH": "", "rnd": ""} == {**returned, "HASH": "", "rnd": ""}
    assert is_signed(shop.told, DEMO.store_key)
    paid = card.outcome == "00" and card.md_status != "0"
    code = card.outcome if card.md_status != "0" else "99"
    response = "Approved" if paid else "Error" if card.md_status == "0" else "Declined"
    assert (returned["Response"], returned["ProcReturnCode"]) == (response, code)
    assert returned["mdStatus"] == card.md_status
    if response == "Declined":
        assert returned["ErrMsg"] == MESSAGES[code]
    assert number not in str(returned)
    assert where == f"{shop.url}/back"
    await settled(shop)
    assert moved(psp, shop) == ([("", "in", 12050)] if paid else [])


async def settled(shop: Shop) -> Answer:
    """The charge's outcome, once the answer to the callback has been acted upon."""
    sent = shop.charge
    assert sent is not None
    return await final(lambda: shop.adapter.look_up(sent))


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"pan": "4111111111111111"}, "pas une carte de test"),
        ({"pan": ""}, "pas une carte de test"),
        ({"pan": CARD + "0" * 500}, "pas une carte de test"),
        ({"expiry": "01/20"}, "expiration"),
        ({"expiry": "13/40"}, "expiration"),
        ({"expiry": "soon"}, "expiration"),
        ({"cvv": "12"}, "cryptogramme"),
        ({"cvv": "١٢٣"}, "cryptogramme"),
    ],
)
async def test_what_is_typed_wrong_can_be_typed_again(
    psp: SandboxPsp, typed: dict[str, str], message: str
) -> None:
    page = (await post(f"{psp.url}/fim/est3Dgate", signed())).text
    again = (await type_card(page, **typed)).text
    assert message in again
    assert "Paiement accepté" in (await type_card(again)).text


async def test_a_page_takes_one_card_and_a_code_page_one_code(psp: SandboxPsp) -> None:
    page = (await post(f"{psp.url}/fim/est3Dgate", signed())).text
    code_page = (await type_card(page, CARD_WITH_CODE)).text
    assert "déjà servi" in (await type_card(page)).text
    url, _ = form_on(code_page)
    assert "Paiement refusé" in (await post(url, {"code": "321"})).text
    assert "déjà servi" in (await post(url, {"code": "123"})).text
    for path in ("card", "3ds"):
        assert "déjà servi" in (await post(f"{psp.url}/fim/{path}/nobody", {})).text


async def test_a_declined_order_may_be_paid_again_and_a_paid_one_not(
    psp: SandboxPsp, shop: Shop
) -> None:
    await pay(shop, "4000000000051005")
    _, paid = await pay(shop)
    assert paid["Response"] == "Approved"
    assert (await settled(shop)).verdict is Verdict.SUCCEEDED
    _, again = form_on((await open_page(shop)).text)
    assert (again["Response"], again["ErrorCode"]) == ("Error", "CORE-2507")
    assert is_signed(again, DEMO.store_key)
    assert moved(psp, shop) == [("", "in", 12050)]


async def test_two_pages_of_one_order_are_paid_once(psp: SandboxPsp, shop: Shop) -> None:
    pages = [(await open_page(shop)).text for _ in range(5)]
    answers = [form_on(reply.text)[1] for reply in await asyncio.gather(*map(type_card, pages))]
    assert sorted(answer["Response"] for answer in answers) == ["Approved"] + ["Error"] * 4
    assert (await settled(shop)).verdict is Verdict.SUCCEEDED
    assert moved(psp, shop) == [("", "in", 12050)]


# --- The callback and its answer ---


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (CAPTURE, "S"),
        (f"  {CAPTURE}\n", "S"),
        (RECEIVED, "A"),
        (CANCEL, "V"),
        ("", "A"),
        ("action=postauth", "A"),
        ("<html>OK", "A"),
        (CAPTURE * 1000, "A"),
    ],
)
async def test_the_answer_decides(psp: SandboxPsp, shop: Shop, answer: str, state: str) -> None:
    shop.answer = answer
    await pay(shop)
    shop.wait_for(1)
    for _ in range(100):
        if status_of(psp, oid_of(shop))["TRANS_STAT"] == state:
            break
        await asyncio.sleep(0.02)
    assert status_of(psp, oid_of(shop))["TRANS_STAT"] == state
    assert moved(psp, shop) == ([("", "in", 12050)] if state == "S" else [])


@pytest.mark.parametrize(
    ("behaviour", "counts"),
    [("normal", (1, 1)), ("lost", (0, 0)), ("doubled", (2, 2)), ("late", (0, 1))],
)
async def test_callback_behaviour(
    psp: SandboxPsp, shop: Shop, behaviour: str, counts: tuple[int, int]
) -> None:
    psp.script(callback=behaviour, callback_seconds=1)
    await pay(shop)
    await asyncio.sleep(0.4)
    soon = len(shop.callbacks)
    if counts[1]:
        await asyncio.to_thread(shop.wait_for, counts[1])
        assert (await settled(shop)).verdict is Verdict.SUCCEEDED
    assert (soon, len(shop.callbacks)) == counts
    assert moved(psp, shop) == ([("", "in", 12050)] if counts[1] else [])


async def test_an_amount_that_nobody_answered_for_lapses(client: httpx.AsyncClient) -> None:
    with cmi_at(Settings(authorisation=1.0)) as psp:
        # A look-up says the yes of a payment that is still wanted.
        given_up = charge(wanted=False)
        with shop_of(Cmi(demo_account(psp.url), client), given_up) as shop:
            shop.answer = RECEIVED
            await pay(shop)
            assert status_of(psp, oid_of(shop))["TRANS_STAT"] == "A"
            assert (await settled(shop)).verdict is Verdict.DECLINED
            refused = ask(psp, "PostAuth", oid_of(shop))
            assert (refused["Response"], refused["ERRORCODE"]) == ("Error", "CORE-2509")
        assert psp.movements() == []


# --- The XML API ---


def call(psp: SandboxPsp, content: bytes) -> dict[str, str]:
    """The elements of an answer, those of Extra among them."""
    reply = httpx.post(f"{psp.url}/fim/api", content=content, trust_env=False, timeout=5)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/xml")
    root = fromstring(reply.content)
    assert root.tag == "CC5Response"
    return {element.tag: element.text or "" for element in root.iter()}


def document(oid: str, inner: str = "", **changes: str) -> bytes:
    access = {
        "Name": DEMO.api_user,
        "Password": DEMO.api_password,
        "ClientId": DEMO_CLIENT_ID,
        "OrderId": oid,
    } | changes
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in access.items())
    return f"<CC5Request>{elements}{inner}</CC5Request>".encode()


def ask(psp: SandboxPsp, operation: str, oid: str, **changes: str) -> dict[str, str]:
    return call(psp, document(oid, Type=operation, **changes))


def status_of(psp: SandboxPsp, oid: str) -> dict[str, str]:
    return call(psp, document(oid, "<Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>"))


@pytest.mark.parametrize(
    "changes",
    [{"Name": "x"}, {"Password": "x"}, {"Password": ""}, {"ClientId": "1"}, {"ClientId": ""}],
)
def test_callers_who_are_not_known(psp: SandboxPsp, changes: dict[str, str]) -> None:
    for operation in ("PostAuth", ""):
        refused = ask(psp, operation, "1", **changes)
        assert (refused["Response"], refused["ERRORCODE"]) == ("Error", "CORE-2201")
        assert refused["ProcReturnCode"] == "99"


BOMB = (
    b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]><CC5Request><Name>&j;</Name></CC5Request>"
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"DATA=",
        b"DATA=%00",
        b"no xml",
        b"<CC5Request>",
        b"\xff\xfe\x00",
        b"<Other/>",
        b'<?xml version="1.0" encoding="no-such"?><CC5Request/>',
        BOMB,
        b"DATA=" + BOMB,
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><CC5Request/>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><CC5Request>&e;</CC5Request>',
        b"<a>" * 50_000,
        b"<a>" * 30_000 + b"</a>" * 30_000,
    ],
)
def test_what_is_no_request(psp: SandboxPsp, content: bytes) -> None:
    refused = call(psp, content)
    assert (refused["Response"], refused["ERRORCODE"]) == ("Error", "CORE-2014")
    assert "root:" not in str(refused)


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("Auth", "CORE-2202"),
        ("PreAuth", "CORE-2202"),
        ("Points", "CORE-2001"),
        ("", "CORE-2001"),
        ("PostAuth", "CORE-2509"),
        ("Void", "CORE-2008"),
        ("Credit", "CORE-2117"),
    ],
)
def test_orders_that_nobody_made(psp: SandboxPsp, operation: str, error: str) -> None:
    assert ask(psp, operation, uuid4().hex)["ERRORCODE"] == error


async def test_a_hold_is_taken_in_part_and_given_back_in_parts(psp: SandboxPsp, shop: Shop) -> None:
    shop.answer = RECEIVED
    await pay(shop)
    oid = oid_of(shop)
    for operation, changes, error in (
        ("PostAuth", {"Total": "120.51", "Currency": "504"}, "CORE-2512"),
        ("PostAuth", {"Total": "0", "Currency": "504"}, "CORE-2506"),
        ("PostAuth", {"Total": "much", "Currency": "504"}, "CORE-2014"),
        ("PostAuth", {"Total": "1" * 400, "Currency": "504"}, "CORE-2014"),
        ("PostAuth", {"Total": "1", "Currency": "978"}, "CORE-2119"),
        ("Credit", {}, "CORE-2117"),
    ):
        assert ask(psp, operation, oid, **changes)["ERRORCODE"] == error
    taken = ask(psp, "PostAuth", oid, Total="100", Currency="504")
    assert (taken["Response"], taken["ProcReturnCode"], taken["OrderId"]) == ("Approved", "00", oid)
    shown = status_of(psp, oid)
    assert (shown["CAPTURE_AMT"], shown["ORIG_TRANS_AMT"], shown["PAN"]) == (
        "10000",
        "12050",
        "4000 00** **** 0010",
    )
    for operation, total, error in (
        ("PostAuth", "1", "CORE-2509"),
        ("Void", "1", "CORE-2511"),
        ("Credit", "100.01", "CORE-2503"),
        ("Credit", "60", ""),
        ("Credit", "40.01", "CORE-2503"),
        ("Credit", "40", ""),
        ("Credit", "0.01", "CORE-2504"),
    ):
        assert ask(psp, operation, oid, Total=total)["ERRORCODE"] == error
    assert moved(psp, shop) == [
        ("", "in", 10000),
        ("Credit 60.00", "out", 6000),
        ("Credit 40.00", "out", 4000),
    ]
    history = call(psp, document(oid, "<Extra><ORDERHISTORY>QUERY</ORDERHISTORY></Extra>"))
    assert (history["TRXCOUNT"], history["TRX1"].split("\t")[:3]) == ("3", ["C", "C", "4000"])


async def test_before_the_settlement_money_is_voided_and_not_credited(
    client: httpx.AsyncClient,
) -> None:
    with (
        cmi_at(Settings(settlement=60)) as psp,
        shop_of(Cmi(demo_account(psp.url), client), charge()) as shop,
    ):
        await pay(shop)
        assert (await settled(shop)).verdict is Verdict.SUCCEEDED
        assert ask(psp, "Credit", oid_of(shop))["ERRORCODE"] == "CORE-2508"
        assert ask(psp, "Void", oid_of(shop))["Response"] == "Approved"
        assert moved(psp, shop) == [("", "in", 12050), ("Void", "out", 12050)]


async def test_twenty_credits_at_once_give_back_no_more_than_was_paid(
    psp: SandboxPsp, shop: Shop
) -> None:
    await pay(shop)
    assert (await settled(shop)).verdict is Verdict.SUCCEEDED
    body = document(oid_of(shop), Type="Credit", Total="10")
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=10) as client:
        replies = await asyncio.gather(
            *(client.post(f"{psp.url}/fim/api", content=body) for _ in range(20))
        )
    assert sum(b"Approved" in reply.content for reply in replies) == 12
    assert sum(amount for _, way, amount in moved(psp, shop) if way == "out") == 12000


def test_what_a_client_sent_is_quoted_as_text(psp: SandboxPsp) -> None:
    for oid in ("&lt;b&gt;", "&#9;x", "é" * 200):
        assert "No record found" in status_of(psp, oid)["ErrMsg"]


# --- The script ---


@pytest.mark.parametrize(
    ("outcome", "response", "code"),
    [
        ("51", "Declined", "51"),
        ("not_authenticated", "Error", "99"),
        ("CORE-3000", "Declined", "99"),
    ],
)
async def test_a_scripted_end_by_amount_and_by_card(
    psp: SandboxPsp, shop: Shop, outcome: str, response: str, code: str
) -> None:
    psp.script(outcome=outcome, amount=12050, payer="4000 00** **** 0010", times=1)
    _, refused = await pay(shop)
    assert (refused["Response"], refused["ProcReturnCode"]) == (response, code)
    _, paid = await pay(shop)
    assert paid["Response"] == "Approved"


@pytest.mark.parametrize(
    ("fault", "taken"),
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
async def test_a_capture_whose_answer_is_lost_is_found_by_looking(
    psp: SandboxPsp, shop: Shop, fault: str, taken: bool
) -> None:
    shop.answer = RECEIVED
    await pay(shop)
    psp.script(operation="capture", fault=fault, fault_seconds=1, times=1)
    assert shop.charge is not None
    first = await shop.adapter.capture(shop.charge, str(uuid4()), 5000)
    assert first.verdict is Verdict.UNKNOWN
    assert moved(psp, shop) == ([("", "in", 5000)] if taken else [])
    again = await shop.adapter.capture(shop.charge, str(uuid4()), 5000)
    assert again.verdict is Verdict.SUCCEEDED
    assert moved(psp, shop) == [("", "in", 5000)]


async def test_no_card_and_no_password_reaches_the_log(psp: SandboxPsp, shop: Shop) -> None:
    page = (await open_page(shop)).text
    await type_card(page, "4000 0000 0000 0010", cvv="987")
    status_of(psp, oid_of(shop))
    log = json.dumps(psp.requests())
    assert "4000 00** **** 0010" in log
    for secret in ("4000 0000", "4000+0000", "4000000000000010", "cvv=987", DEMO.api_password):
        assert secret not in log


# --- Crashes ---


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    adapter = Cmi(demo_account(f"{url}/cmi"), client)
    psp = SandboxPsp(f"{url}/cmi")
    with shop_of(adapter, charge()) as held, shop_of(adapter, charge()) as opened:
        held.answer = RECEIVED
        with process(tmp_path, url):
            await pay(held)
            page = (await open_page(opened)).text
            code_page = (await type_card(page, CARD_WITH_CODE)).text
        with process(tmp_path, url):
            assert status_of(psp, oid_of(held))["TRANS_STAT"] == "A"
            assert status_of(psp, oid_of(opened))["TRANS_STAT"] == "PN"
            assert held.charge is not None
            taken = await adapter.capture(held.charge, str(uuid4()), 12050)
            assert taken.verdict is Verdict.SUCCEEDED
            await post(form_on(code_page)[0], {"code": "123"})
            assert (await settled(opened)).verdict is Verdict.SUCCEEDED
        with process(tmp_path, url):
            for shop in (held, opened):
                assert (await settled(shop)).verdict is Verdict.SUCCEEDED
                assert moved(psp, shop) == [("", "in", 12050)]
