"""The Flutterwave sandbox over real HTTP: refusals, next actions, webhooks, crashes."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from boundary_kinds import final
from kinds_flutterwave import PAYER, WITH_PAGE, authorise, flutterwave, of_mtn
from sandbox_servers import Receiver, SandboxPsp, listen, url_of
from single_psp import process, psp_at

from providers.boundary import Answer, Charge, DeclineCode, Refund, Verdict
from providers.flutterwave import Flutterwave
from providers.flutterwave_webhook import read_webhook, sign
from providers.sandbox.book import Book
from providers.sandbox.flutterwave import Settings, create_app
from providers.sandbox.flutterwave.tables import (
    CLIENT,
    SIGNED_WITH,
    TEST_NUMBERS,
    demo_account,
)
from providers.sandbox.script import Script

QUICK = Settings(approval_delay=0.05, refund_delay=0.05, webhook_pause=0.1)
TOKEN = "/realms/flutterwave/protocol/openid-connect/token"
CHARGES = "/orchestration/direct-charges"


def flutterwave_at(settings: Settings) -> Any:
    return psp_at("flutterwave", lambda url: create_app(Book(None), Script(), url, settings))


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxPsp]:
    with flutterwave_at(QUICK) as psp:
        yield psp


@pytest.fixture
def psp(shared: SandboxPsp) -> Iterator[SandboxPsp]:
    """One for the module. Ask its book by reference only."""
    yield shared
    shared.clear()


@pytest.fixture
def adapter(psp: SandboxPsp, client: httpx.AsyncClient) -> Flutterwave:
    return Flutterwave(demo_account("CM", psp.url), client)


@pytest.fixture
def wire(psp: SandboxPsp) -> Iterator[httpx.Client]:
    """A client with a token and a trace id."""
    with httpx.Client(base_url=psp.url, trust_env=False, verify=False) as http:
        token = http.post(TOKEN, data=grant()).json()["access_token"]
        http.headers.update({"Authorization": f"Bearer {token}", "X-Trace-Id": str(uuid4())})
        yield http


def grant(**changes: str) -> dict[str, str]:
    form = {"client_id": CLIENT[0], "client_secret": CLIENT[1], "grant_type": "client_credentials"}
    return form | changes


def wish(**changes: Any) -> dict[str, Any]:
    """What a merchant asks for; a field given as None is left out."""
    fields = {
        "amount": 1500,
        "currency": "XAF",
        "reference": str(uuid4()),
        "customer": {"email": "ama@example.test", "name": {"first": "Ama", "last": "Mensah"}},
        "payment_method": wallet(),
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def wallet(**changes: Any) -> dict[str, Any]:
    fields = {"network": "MTN", "country_code": "237", "phone_number": "670000000"} | changes
    return {"type": "mobile_money", "mobile_money": fields}


def charged(wire: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = wire.post(CHARGES, json=wish(**changes))
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def paid(adapter: Flutterwave, charge: Charge) -> Charge:
    """Send it, and wait for its end."""
    await adapter.charge(charge)
    answer = await final(lambda: adapter.look_up(charge))
    assert answer.verdict is Verdict.SUCCEEDED
    return replace(charge, provider_reference=answer.provider_reference)


# --- The protocol, refusal by refusal ---


def test_token(wire: httpx.Client) -> None:
    body = wire.post(TOKEN, data=grant()).json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    for wrong, status in (
        (grant(client_secret="wrong"), 401),
        (grant(client_id="nobody"), 401),
        (grant(grant_type="password"), 400),
        ({}, 400),
    ):
        assert wire.post(TOKEN, data=wrong).status_code == status


async def test_a_token_lives_its_time_and_is_renewed(client: httpx.AsyncClient) -> None:
    with flutterwave_at(replace(QUICK, token_lifetime=0)) as psp:
        answer = await Flutterwave(demo_account("CM", psp.url), client).check_credentials()
        assert answer.decline_code is DeclineCode.CONFIGURATION  # after one renewal
        assert [request["path"] for request in psp.requests()].count(TOKEN) == 2
        assert CLIENT[1] not in str(psp.requests())


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Basic wrong"])
def test_callers_without_a_token(wire: httpx.Client, token: str) -> None:
    for method, path in (
        ("POST", CHARGES),
        ("GET", "/charges"),
        ("GET", "/charges/chg_1"),
        ("PUT", "/charges/chg_1"),
        ("POST", "/refunds"),
        ("GET", "/refunds"),
        ("GET", "/mobile-networks?country=CM"),
    ):
        answer = wire.request(method, path, headers={"Authorization": token})
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": None}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 12.5}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": 10**12}, "amount"),
        ({"currency": "XOF"}, "currency"),
        ({"currency": "xaf"}, "currency"),
        ({"reference": None}, "reference"),
        ({"reference": "short"}, "reference"),
        ({"reference": "x" * 43}, "reference"),
        ({"reference": "under_score"}, "reference"),
        ({"customer": None}, "customer"),
        ({"customer": {}}, "customer.email"),
        ({"customer": {"email": "nobody"}}, "customer.email"),
        ({"payment_method": None}, "payment_method"),
        ({"payment_method": wallet() | {"type": "card"}}, "payment_method.type"),
        ({"payment_method": wallet(country_code="+237")}, "country_code"),
        ({"payment_method": wallet(country_code="33")}, "country_code"),
        ({"payment_method": wallet(network="WAVE")}, "network"),
        ({"payment_method": wallet(phone_number="+237670000000")}, "phone_number"),
        ({"redirect_url": "nowhere"}, "redirect_url"),
        ({"meta": {"a": 5}}, "meta"),
    ],
)
def test_charges_that_are_not_valid(
    wire: httpx.Client, changes: dict[str, Any], field: str
) -> None:
    answer = wire.post(CHARGES, json=wish(**changes))
    assert (answer.status_code, answer.json()["status"]) == (400, "failed")
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("REQUEST_NOT_VALID", "10400")
    assert field in error["validation_errors"][0]["field_name"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"not json", b"\xff", b"[" * 10_000])
@pytest.mark.parametrize("path", [CHARGES, "/refunds"])
def test_bodies_that_cannot_be_read(wire: httpx.Client, path: str, body: bytes) -> None:
    assert wire.post(path, content=body).status_code == 400


@pytest.mark.parametrize("header", ["X-Trace-Id", "X-Idempotency-Key"])
def test_headers_have_a_length(wire: httpx.Client, header: str) -> None:
    for value, status in (("x" * 11, 400), ("x" * 256, 400), (f"{uuid4()}", 201)):
        assert wire.post(CHARGES, json=wish(), headers={header: value}).status_code == status
    del wire.headers["X-Trace-Id"]
    assert wire.post(CHARGES, json=wish()).status_code == 400
    assert wire.get("/charges").status_code == 200  # where it may be left out


def test_a_reference_is_taken_once(wire: httpx.Client) -> None:
    reference = charged(wire)["reference"]
    answer = wire.post(CHARGES, json=wish(reference=reference, amount=5))
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "RESOURCE_CONFLICT")


def test_a_repeated_key_is_answered_as_before(wire: httpx.Client) -> None:
    headers, asked = {"X-Idempotency-Key": str(uuid4())}, wish()
    first = wire.post(CHARGES, json=asked, headers=headers)
    again = wire.post(CHARGES, json=asked, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert "x-idempotency-cache-hit" not in first.headers
    assert again.headers["x-idempotency-cache-hit"] == "true"
    # A refusal is not kept, so that the same key serves the corrected request.
    headers = {"X-Idempotency-Key": str(uuid4())}
    assert wire.post(CHARGES, json=wish(amount=0), headers=headers).status_code == 400
    assert wire.post(CHARGES, json=wish(), headers=headers).status_code == 201


def test_lists(wire: httpx.Client) -> None:
    references = [charged(wire)["reference"] for _ in range(3)]
    page = wire.get("/charges", params={"page": "1", "size": "2"}).json()
    assert [charge["reference"] for charge in page["data"]] == references[:0:-1]
    assert page["meta"]["page_info"]["total_pages"] >= 2
    [found] = wire.get("/charges", params={"reference": references[0]}).json()["data"]
    assert found["reference"] == references[0]
    assert wire.get("/charges", params={"reference": "nobody-has-it"}).json()["data"] == []
    for path in ("/charges/chg_none", "/refunds/rfd_none"):
        assert wire.get(path).json()["error"]["type"] == "NOT_FOUND"


def test_networks_of_a_country(wire: httpx.Client) -> None:
    listed = wire.get("/mobile-networks", params={"country": "CM"}).json()["data"]
    assert [network["network"] for network in listed] == ["MTN", "ORANGEMONEY"]
    assert wire.get("/mobile-networks", params={"country": "KE"}).json()["data"] == []
    for country in ("", "FR", "cm"):
        assert wire.get("/mobile-networks", params={"country": country}).status_code == 400


# --- What payers do ---


@pytest.mark.parametrize("suffix", TEST_NUMBERS)
async def test_every_test_number(adapter: Flutterwave, psp: SandboxPsp, suffix: str) -> None:
    charge = of_mtn(f"+2376700000{suffix}")
    answer = await adapter.charge(charge)
    assert answer.verdict is Verdict.PENDING
    outcome = TEST_NUMBERS[suffix]
    shown = {"redirect_url", "requires_pin", "requires_otp"} & {outcome} or {"payment_instruction"}
    assert {answer.evidence["next_action"]} == shown
    if outcome in ("pending", *shown):
        await asyncio.sleep(0.15)
        assert (await adapter.look_up(charge)).verdict is Verdict.PENDING
        assert psp.movements(charge.reference) == []
        return
    ended = await final(lambda: adapter.look_up(charge))
    assert ended.verdict is Verdict.DECLINED
    assert psp.movements(charge.reference) == []


async def test_a_page_is_refused_or_paid_once(adapter: Flutterwave, psp: SandboxPsp) -> None:
    refused, paying = of_mtn(WITH_PAGE), of_mtn(WITH_PAGE)
    back = await authorise(await adapter.charge(refused), "refuse")
    assert (back.status_code, back.headers["location"]) == (303, refused.return_url)
    ended = await final(lambda: adapter.look_up(refused))
    assert (ended.verdict, ended.decline_code) == (Verdict.DECLINED, DeclineCode.DO_NOT_HONOR)
    answer = await adapter.charge(paying)
    for action in ("pay", "refuse", "pay"):
        assert (await authorise(answer, action)).status_code == 303
    assert (await final(lambda: adapter.look_up(paying))).verdict is Verdict.SUCCEEDED
    assert len(psp.movements(paying.reference)) == 1


def test_pages(wire: httpx.Client) -> None:
    page = charged(wire, payment_method=wallet(phone_number="670000061"))["next_action"]
    shown = httpx.get(page["redirect_url"]["url"], trust_env=False).text
    assert "Autoriser le paiement" in shown
    assert "1500 XAF" in shown
    for method in ("GET", "POST"):
        assert wire.request(method, "/redirects/none").status_code == 404


@pytest.mark.parametrize(
    ("suffix", "right", "wrong"),
    [
        (
            "62",
            {"type": "pin", "pin": {"nonce": "abcdefghij12", "encrypted_pin": "c2VjcmV0"}},
            {"type": "pin", "pin": {"nonce": "short", "encrypted_pin": "c2VjcmV0"}},
        ),
        (
            "63",
            {"type": "otp", "otp": {"code": "123456"}},
            {"type": "otp", "otp": {"code": "12"}},
        ),
    ],
)
def test_a_payers_secret_ends_the_waiting(
    wire: httpx.Client, psp: SandboxPsp, suffix: str, right: Any, wrong: Any
) -> None:
    charge = charged(wire, payment_method=wallet(phone_number=f"6700000{suffix}"))
    path = f"/charges/{charge['id']}"
    other = {"type": "avs"}
    for authorization in (wrong, other, {"type": right["type"]}):
        answer = wire.put(path, json={"authorization": authorization})
        assert answer.status_code == 400, authorization
    assert wire.put(path, json={"authorization": right}).json()["data"]["status"] == "pending"
    assert wire.put("/charges/chg_none", json={"authorization": right}).status_code == 404


@pytest.mark.parametrize(
    ("scenario", "action"),
    [
        ("scenario:auth_redirect", "redirect_url"),
        ("scenario:auth_pin", "requires_pin"),
        ("scenario:unheard_of", "payment_instruction"),
    ],
)
def test_scenarios(wire: httpx.Client, scenario: str, action: str) -> None:
    answer = wire.post(CHARGES, json=wish(), headers={"X-Scenario-Key": scenario})
    assert answer.json()["data"]["next_action"]["type"] == action


def test_a_script_by_number_and_amount(psp: SandboxPsp, wire: httpx.Client) -> None:
    psp.script(operation="charge", payer=PAYER, amount=700, outcome="requires_otp", times=1)
    actions = [charged(wire, amount=n)["next_action"]["type"] for n in (1500, 700, 700)]
    assert actions == ["payment_instruction", "requires_otp", "payment_instruction"]


# --- Lost answers ---


async def test_a_reference_that_was_there_before_is_looked_up(
    adapter: Flutterwave, psp: SandboxPsp, wire: httpx.Client
) -> None:
    """As after a lost answer whose key Flutterwave has forgotten."""
    charge = of_mtn(PAYER)
    made = charged(wire, reference=charge.reference)
    answer = await adapter.charge(charge)
    assert answer.verdict in (Verdict.PENDING, Verdict.SUCCEEDED)
    assert answer.provider_reference == made["id"]
    assert (await final(lambda: adapter.look_up(charge))).verdict is Verdict.SUCCEEDED
    assert len(psp.movements(charge.reference)) == 1


async def test_a_reference_of_other_money_is_unknown(
    adapter: Flutterwave, wire: httpx.Client
) -> None:
    charge = of_mtn(PAYER)
    charged(wire, reference=charge.reference, amount=5)
    assert (await adapter.charge(charge)).verdict is Verdict.UNKNOWN
    assert (await adapter.look_up(charge)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("fault", ["error_503", "reset_before_accepting"])
async def test_without_the_networks_nothing_is_sent(
    adapter: Flutterwave, psp: SandboxPsp, fault: str
) -> None:
    psp.script(operation="networks", fault=fault, times=1)
    charge = of_mtn(PAYER)
    assert (await adapter.charge(charge)).verdict is Verdict.NOT_SENT
    assert (await adapter.charge(charge)).verdict is Verdict.PENDING
    asked = [request for request in psp.requests() if "networks" in request["path"]]
    await adapter.charge(of_mtn(PAYER))
    assert len([r for r in psp.requests() if "networks" in r["path"]]) == len(asked)  # once


@pytest.mark.parametrize(
    ("payer", "currency", "network", "sent"),
    [
        ("+2250701020304", "xof", "orange", True),
        ("+2250501020304", "xof", "mtn", True),
        ("+2250101020304", "xof", "moov", True),
        ("+221771234567", "xof", "wave", True),
        ("+237690000000", "xaf", "orange", True),
        ("+237690000000", "xaf", "moov", False),
        ("+237690000000", "xaf", None, False),
    ],
)
async def test_networks_are_called_as_flutterwave_lists_them(
    psp: SandboxPsp,
    client: httpx.AsyncClient,
    payer: str,
    currency: str,
    network: str | None,
    sent: bool,
) -> None:
    country = {"+225": "CI", "+221": "SN", "+237": "CM"}[payer[:4]]
    adapter = Flutterwave(demo_account(country, psp.url), client)
    charge = replace(of_mtn(payer), currency=currency, network=network)
    expected = Verdict.PENDING if sent else Verdict.NOT_SENT
    assert (await adapter.charge(charge)).verdict is expected


async def test_credentials(psp: SandboxPsp, client: httpx.AsyncClient) -> None:
    async def check(**changes: str) -> Answer:
        account = replace(demo_account("CM", psp.url), **changes)
        return await Flutterwave(account, client).check_credentials()

    assert (await check()).verdict is Verdict.SUCCEEDED
    assert (await check(client_secret="wrong")).decline_code is DeclineCode.CONFIGURATION
    psp.script(operation="token", fault="error_503", times=1)
    assert (await check()).verdict is Verdict.UNKNOWN


# --- Refunds ---


async def test_refunds_add_up_to_the_charge(adapter: Flutterwave, psp: SandboxPsp) -> None:
    charge = await paid(adapter, of_mtn(PAYER))
    for amount, verdict in (
        (600, Verdict.SUCCEEDED),
        (901, Verdict.UNKNOWN),  # a conflict, which may have been our own doing
        (900, Verdict.SUCCEEDED),
    ):
        refund = Refund(str(uuid4()), amount, charge)
        answer = await adapter.refund(refund)
        if verdict is Verdict.SUCCEEDED:
            answer = await final(lambda refund=refund: adapter.look_up_refund(refund))  # type: ignore[misc]
        assert answer.verdict is verdict
        moved = [movement["amount"] for movement in psp.movements(refund.reference)]
        assert moved == ([amount] if verdict is Verdict.SUCCEEDED else [])


async def test_what_a_failed_refund_held_can_be_refunded_again(
    adapter: Flutterwave, psp: SandboxPsp
) -> None:
    charge = await paid(adapter, of_mtn(PAYER))
    psp.script(operation="refund", outcome="cancelled", times=1)
    for verdict in (Verdict.DECLINED, Verdict.SUCCEEDED):
        refund = Refund(str(uuid4()), 1500, charge)
        assert (await adapter.refund(refund)).verdict is Verdict.PENDING
        ended = await final(lambda refund=refund: adapter.look_up_refund(refund))  # type: ignore[misc]
        assert ended.verdict is verdict


async def test_a_charge_whose_id_was_lost_is_found_to_be_refunded(
    adapter: Flutterwave, psp: SandboxPsp
) -> None:
    charge = replace(await paid(adapter, of_mtn(PAYER)), provider_reference=None)
    assert (await adapter.refund(Refund(str(uuid4()), 5, charge))).verdict is Verdict.PENDING
    nobody = Refund(str(uuid4()), 5, of_mtn(PAYER))
    assert (await adapter.refund(nobody)).verdict is Verdict.NOT_SENT


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"charge_id": "chg_none"}, 404),
        ({"reason": "because"}, 400),
        ({"amount": 0}, 400),
        ({"amount": 1501}, 409),
        ({"amount": None}, 400),
    ],
)
def test_refused_refunds(wire: httpx.Client, changes: dict[str, Any], status: int) -> None:
    charge = charged(wire)
    body = {"amount": 5, "charge_id": charge["id"], "reason": "duplicate"} | changes
    body = {name: value for name, value in body.items() if value is not None}
    assert wire.post("/refunds", json=body).status_code == status


def test_what_is_not_paid_is_not_refunded(wire: httpx.Client) -> None:
    charge = charged(wire, payment_method=wallet(phone_number="670000053"))
    body = {"amount": 5, "charge_id": charge["id"], "reason": "duplicate"}
    assert wire.post("/refunds", json=body).status_code == 409


# --- Webhooks ---


async def test_the_end_of_a_charge_and_of_a_refund_is_told(
    adapter: Flutterwave, psp: SandboxPsp, receiver: Receiver
) -> None:
    charge = replace(of_mtn(PAYER), callback_url=f"{receiver.url}/cb")
    charge = await paid(adapter, charge)
    refund = Refund(str(uuid4()), 600, charge, f"{receiver.url}/refunds")
    await adapter.refund(refund)
    told = await asyncio.to_thread(receiver.wait_for, 2)
    references = [adapter.read_callback(each.headers, each.body) for each in told]
    assert references == [charge.reference, refund.reference]
    first, second = (json.loads(each.body) for each in told)
    assert (first["type"], second["type"]) == ("charge.completed", "refund.completed")
    assert first["id"].startswith("wbk_")
    assert second["webhook_id"].startswith("wbk_")
    assert first["timestamp"] > 500 * second["timestamp"]  # milliseconds beside seconds
    assert told[0].headers["flutterwave-signature"] == sign(told[0].body, SIGNED_WITH)


def test_a_failed_charge_is_told_to_the_dashboards_address(
    wire: httpx.Client, receiver: Receiver
) -> None:
    assert "URL de webhook" in wire.get("/dashboard").text
    wire.post("/dashboard", data={"url": f"{receiver.url}/account"})
    charge = charged(wire, payment_method=wallet(phone_number="670000051"))
    [told] = receiver.wait_for(1)
    wire.post("/dashboard", data={"url": ""})
    assert told.path == "/account"
    assert json.loads(told.body)["data"]["status"] == "failed"
    assert read_webhook(told.headers, told.body, SIGNED_WITH) == charge["reference"]


@pytest.mark.parametrize(
    ("behaviour", "count"), [("normal", 1), ("lost", 0), ("doubled", 2), ("late", 1)]
)
async def test_callback_behaviour(
    adapter: Flutterwave, psp: SandboxPsp, receiver: Receiver, behaviour: str, count: int
) -> None:
    psp.script(callback=behaviour, callback_seconds=0.2)
    await paid(adapter, replace(of_mtn(PAYER), callback_url=f"{receiver.url}/cb"))
    await asyncio.to_thread(receiver.wait_for, count)
    await asyncio.sleep(0.3)
    assert len(receiver.callbacks) == count  # answered with 200: not repeated


async def test_a_webhook_that_nobody_takes_is_sent_three_times_more(
    adapter: Flutterwave, psp: SandboxPsp, receiver: Receiver
) -> None:
    receiver.status = 503
    await paid(adapter, replace(of_mtn(PAYER), callback_url=receiver.url))
    told = await asyncio.to_thread(receiver.wait_for, 4)
    await asyncio.sleep(0.3)
    assert len(receiver.callbacks) == 4
    assert len({each.body for each in told}) == 1


# --- Crashes ---


async def test_kill_9_loses_nothing(tmp_path: Path, client: httpx.AsyncClient) -> None:
    with listen() as free:
        url = url_of(free)
    adapter = flutterwave(url, client)
    waiting, with_page = of_mtn(PAYER), of_mtn(WITH_PAGE)
    with process(tmp_path, url):
        SandboxPsp(f"{url}/flutterwave").script(delay=0.7)
        await adapter.charge(waiting)
        page = await adapter.charge(with_page)
        assert (await adapter.look_up(waiting)).verdict is Verdict.PENDING
    with process(tmp_path, url):  # tokens died, too: the adapter renews by itself
        charge = await final(lambda: adapter.look_up(waiting))
        assert charge.verdict is Verdict.SUCCEEDED
        assert (await authorise(page)).status_code == 303
        assert (await final(lambda: adapter.look_up(with_page))).verdict is Verdict.SUCCEEDED
        paid = replace(waiting, provider_reference=charge.provider_reference)
        refund = Refund(str(uuid4()), 1500, paid)
        SandboxPsp(f"{url}/flutterwave").script(operation="refund", delay=0.7)
        await adapter.refund(refund)
    with process(tmp_path, url):
        # The key outlived the process: nothing is made twice.
        assert (await adapter.charge(waiting)).provider_reference == charge.provider_reference
        assert (await final(lambda: adapter.look_up_refund(refund))).verdict is Verdict.SUCCEEDED
        moved = [each["reference"] for each in SandboxPsp(f"{url}/flutterwave").movements()]
        assert moved == [waiting.reference, with_page.reference, refund.reference]
