"""The kit that every sandbox PSP is built on: book, script, faults, callbacks, control API."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar, Request, post
from litestar.types import ASGIApp
from sandbox_servers import Receiver, SandboxPsp, serve

from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callback, Callbacks
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call, Gateway, step_of
from providers.sandbox.requests import RequestLog, scrub
from providers.sandbox.scenarios import SCENARIOS
from providers.sandbox.script import Rule, Script


def movement(reference: str, amount: int = 500) -> Movement:
    return Movement(
        reference=reference,
        amount=amount,
        currency="xaf",
        direction="in",
        kind="charge",
        payer="237670000000",
    )


def create_till(book: Book) -> ASGIApp:
    """The smallest PSP: `POST /pay` takes money at once and calls back where it is told to."""
    script, log, callbacks = Script(), RequestLog(), Callbacks()

    @post("/pay", status_code=200)
    async def pay(request: Request[Any, Any, Any]) -> dict[str, Any]:
        asked = await request.json()
        await book.write(movements=[movement(asked["reference"], asked["amount"])])
        if "callback_url" in asked:
            callback = Callback(asked["callback_url"], asked["reference"].encode())
            callbacks.send(callback, step_of(request.scope))
        return {"taken": asked["amount"]}

    def describe(method: str, path: str, body: bytes) -> Call | None:
        asked = msgspec.json.decode(body)
        return Call("charge", asked.get("payer"), asked["amount"])

    control = create_control("till", ("succeeded", "refused"), book, script, log)
    till = Litestar([pay], openapi_config=None, logging_config=None)
    return Gateway(till, control, script, log, describe)


@pytest.fixture
def book() -> Book:
    return Book(None)


@pytest.fixture
def till(book: Book) -> Iterator[SandboxPsp]:
    with serve(create_till(book)) as url:
        yield SandboxPsp(url)


async def pay(client: httpx.AsyncClient, till: SandboxPsp, **body: Any) -> httpx.Response:
    return await client.post(f"{till.url}/pay", json={"reference": "r", "amount": 500, **body})


# --- Book -----------------------------------------------------------------------------------------


async def test_a_book_opened_again_is_the_same_book(tmp_path: Path) -> None:
    book = Book(tmp_path / "psp.jsonl")
    await book.write({"intent": {"a": {"status": "held"}}})
    await book.write({"intent": {"a": {"status": "taken"}}}, [movement("r")])
    book.close()
    again = Book(tmp_path / "psp.jsonl")
    assert again.resource("intent", "a") == {"status": "taken"}
    assert again.movements() == again.movements("r") == book.movements("r")
    assert again.resource("intent", "b") is None
    again.close()


async def test_a_torn_last_line_is_dropped_and_writing_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "psp.jsonl"
    book = Book(path)
    await book.write(movements=[movement("whole")])
    book.close()
    path.write_bytes(path.read_bytes() + b'{"movements":[{"refer')
    book = Book(path)
    await book.write(movements=[movement("next")])
    book.close()
    reopened = Book(path)
    assert [m.reference for m in reopened.movements()] == ["whole", "next"]
    reopened.close()


def test_a_damaged_book_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "psp.jsonl"
    path.write_bytes(b"damaged\n{}\n")
    with pytest.raises(msgspec.DecodeError):
        Book(path)


async def test_writers_at_the_same_time_are_all_on_the_disk(tmp_path: Path) -> None:
    book = Book(tmp_path / "psp.jsonl")
    await asyncio.gather(*(book.write(movements=[movement(f"r{n}")]) for n in range(200)))
    book.close()
    reopened = Book(tmp_path / "psp.jsonl")
    assert {m.reference for m in reopened.movements()} == {f"r{n}" for n in range(200)}
    reopened.close()


async def test_a_reference_that_moved_twice_is_reported() -> None:
    book = Book(None)
    await book.write(movements=[movement("once"), movement("twice"), movement("twice")])
    assert book.moved_more_than_once() == {"twice": 2}


WRITER = """
import asyncio, sys
from pathlib import Path
from providers.sandbox.book import Book, Movement

async def write_for_ever():
    book = Book(Path(sys.argv[1]))
    for n in range(1_000_000):
        movement = Movement(reference=f"r{n}", amount=n, currency="xaf", direction="in",
                            kind="charge", payer="p")
        await book.write({"intent": {f"r{n}": {"amount": n}}}, [movement])
        print(n, flush=True)

asyncio.run(write_for_ever())
"""


def test_a_killed_process_loses_nothing_it_answered_for(tmp_path: Path) -> None:
    path = tmp_path / "psp.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        answered = [writer.stdout.readline() for _ in range(50)]
        os.kill(writer.pid, signal.SIGKILL)
        answered += writer.stdout.readlines()
    last = int(answered[-1])
    book = Book(path)
    for n in range(last + 1):
        assert [m.amount for m in book.movements(f"r{n}")] == [n]
        assert book.resource("intent", f"r{n}") == {"amount": n}
    assert len(book.movements()) in (last + 1, last + 2)  # the write that was under way
    book.close()


# --- Script ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule(), True),
        (Rule(payer="237670000000"), True),
        (Rule(payer="237670000001"), False),
        (Rule(amount=500), True),
        (Rule(amount=501), False),
        (Rule(payer="237670000000", amount=501), False),
        (Rule(operation="look_up"), False),
        (Rule(operation="*"), True),
    ],
)
def test_rule_matches(rule: Rule, matches: bool) -> None:
    assert rule.matches("charge", "237670000000", 500) == matches


def test_counted_rules_come_first_and_in_order_then_the_newest_standing_one() -> None:
    script = Script()
    for rule in (
        Rule(outcome="old"),
        Rule(outcome="first", times=2),
        Rule(outcome="second", times=1),
        Rule(outcome="new"),
    ):
        script.add(rule)
    assert [script.take("charge").outcome for _ in range(5)] == [
        "first", "first", "second", "new", "new",
    ]  # fmt: skip
    script.clear()
    assert script.take("charge").outcome is None


# --- Faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "moved"),
    [
        (None, 200, True),
        ("error_500", 500, False),
        ("error_503", 503, False),
        ("error_500_after_accepting", 500, True),
        ("unparsable_after_accepting", 200, True),
    ],
)
async def test_an_answer_of_the_script(
    till: SandboxPsp, client: httpx.AsyncClient, fault: str | None, status: int, moved: bool
) -> None:
    till.script(fault=fault)
    response = await pay(client, till)
    assert response.status_code == status
    assert (response.content == b'{"taken":500}') == (fault is None)
    assert len(till.movements("r")) == moved


@pytest.mark.parametrize(
    ("fault", "error", "moved"),
    [
        ("reset_before_accepting", httpx.ReadError, False),
        ("reset_after_accepting", httpx.ReadError, True),
        ("timeout_after_accepting", httpx.ReadTimeout, True),
    ],
)
async def test_no_answer_at_all(
    till: SandboxPsp,
    client: httpx.AsyncClient,
    fault: str,
    error: type[httpx.HTTPError],
    moved: bool,
) -> None:
    till.script(fault=fault)
    with pytest.raises(error):
        await pay(client, till)
    assert len(till.movements("r")) == moved


async def test_a_reset_is_a_tcp_reset(till: SandboxPsp, client: httpx.AsyncClient) -> None:
    till.script(fault="reset_before_accepting")
    with pytest.raises(httpx.ReadError) as raised:
        await pay(client, till)
    cause: BaseException | None = raised.value
    while cause is not None and not isinstance(cause, ConnectionResetError):
        cause = cause.__cause__ or cause.__context__
    assert isinstance(cause, ConnectionResetError)


async def test_a_slow_answer_is_the_right_one(till: SandboxPsp, client: httpx.AsyncClient) -> None:
    till.script(fault="slow", fault_seconds=0.2)
    response = await pay(client, till)
    assert response.json() == {"taken": 500}
    assert response.elapsed.total_seconds() >= 0.2


async def test_silence_ends_in_a_reset(till: SandboxPsp, client: httpx.AsyncClient) -> None:
    till.script(fault="timeout_after_accepting", fault_seconds=0.1)
    with pytest.raises(httpx.ReadError):
        await pay(client, till)


async def test_an_outage_answers_nobody_until_it_ends(
    till: SandboxPsp, client: httpx.AsyncClient
) -> None:
    till.script(outage=True)
    with pytest.raises(httpx.ReadError):
        await pay(client, till)
    till.script(outage=False)
    assert (await pay(client, till)).status_code == 200
    assert len(till.movements("r")) == 1


# --- Callbacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("behaviour", "arrivals"), [("normal", 1), ("doubled", 2)])
async def test_callbacks_arrive(
    till: SandboxPsp,
    client: httpx.AsyncClient,
    receiver: Receiver,
    behaviour: str,
    arrivals: int,
) -> None:
    till.script(callback=behaviour)
    await pay(client, till, callback_url=f"{receiver.url}/cb/r")
    received = await asyncio.to_thread(receiver.wait_for, arrivals)
    assert [(c.method, c.path, c.body) for c in received] == [("POST", "/cb/r", b"r")] * arrivals


async def test_lost_late_and_reordered_callbacks(
    till: SandboxPsp, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    for behaviour in ("lost", "late", "reordered", "normal"):
        till.script(callback=behaviour, callback_seconds=1, times=1)
        await pay(client, till, reference=behaviour, callback_url=receiver.url)
    received = await asyncio.to_thread(receiver.wait_for, 3)
    assert [c.body for c in received] == [b"normal", b"reordered", b"late"]


# --- Control API ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wish",
    [
        {"outcome": "no such outcome"},
        {"fault": "no such fault"},
        {"delay": "soon"},
        {"no_such_field": 1},
        {"outage": "perhaps"},
        {"scenario": "no such scenario"},
        {"scenario": ["outage"]},
        ["not", "an", "object"],
    ],
)
def test_the_control_api_refuses(till: SandboxPsp, wish: Any) -> None:
    url = f"{till.url}/control/script"
    assert httpx.post(url, json=wish).status_code == 400
    assert httpx.get(url).json() == {"outage": False, "rules": []}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_a_script_by_one_word(till: SandboxPsp, name: str) -> None:
    till.script(scenario=name)
    script = httpx.get(f"{till.url}/control/script").json()
    assert script["outage"] is SCENARIOS[name].outage
    assert script["rules"] == msgspec.to_builtins(list(SCENARIOS[name].rules))
    assert script["rules"] or script["outage"]
    assert httpx.get(f"{till.url}/control/scenarios").json()[name] == SCENARIOS[name].english


def test_the_page_speaks_both_languages(till: SandboxPsp) -> None:
    def page(query: str = "", **headers: str) -> str:
        return httpx.get(f"{till.url}/control{query}", headers=headers).text

    assert "money that moved" in page()
    french = page("?lang=fr")
    assert "argent déplacé" in french
    assert page(**{"accept-language": "fr-CM,fr;q=0.9"}) == french
    assert 'http-equiv="refresh"' in page("?live=1")
    assert 'http-equiv="refresh"' not in french
    posted = httpx.post(f"{till.url}/control/script?lang=fr", data={"scenario": "outage"})
    assert posted.headers["location"] == "../control?lang=fr"
    assert "Panne" in page("?lang=fr")


async def test_the_page_shows_everything_and_escapes_it(
    till: SandboxPsp, client: httpx.AsyncClient
) -> None:
    form = {"payer": "<b>", "times": "2", "outcome": "refused", "delay": "", "operation": "charge"}
    posted = await client.post(f"{till.url}/control/script", data=form)
    assert (posted.status_code, posted.headers["location"]) == (303, "../control?lang=en")
    await pay(client, till, reference="<i>")
    page = (await client.get(f"{till.url}/control")).text
    assert "&lt;i&gt;" in page
    assert "&lt;b&gt;" in page
    assert "<i>" not in page
    assert "<b>" not in page
    await client.post(f"{till.url}/control/script", data={"clear": "all"})
    assert (await client.get(f"{till.url}/control/script")).json()["rules"] == []


async def test_requests_are_kept_without_secrets(
    till: SandboxPsp, client: httpx.AsyncClient
) -> None:
    await client.post(
        f"{till.url}/pay?api_key=abc",
        json={"reference": "r", "amount": 1, "number": "4242424242424242", "cvc": "987"},
        headers={"Authorization": "Bearer sk_test_abc"},
    )
    [entry] = till.requests()
    assert (entry["method"], entry["status"], entry["fault"]) == ("POST", 200, None)
    kept = str(entry)
    for secret in ("sk_test_abc", "abc", "4242424242424242", "987"):
        assert secret not in kept
    assert "424242******4242" in kept


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("card[number]=4242424242424242", "card[number]=424242******4242"),
        ("number=4242+4242+4242+4242&a=1", "number=424242******4242&a=1"),
        ("number=4242%204242%204242%204242", "number=424242******4242"),
        ("c0ffee00-0000-4000-8000-000000000046", "c0ffee00-0000-4000-8000-000000000046"),
        ("card[cvc]=123&a=1", "card[cvc]=[hidden]&a=1"),
        ('{"client_secret": "x_secret_y", "a": 1}', '{"client_secret": "[hidden]", "a": 1}'),
        ('{"apiKey":"abc"}', '{"apiKey":"[hidden]"}'),
        ('{"msisdn":"237670000000"}', '{"msisdn":"237670000000"}'),
        ("pi_1_secret_2", "[hidden]"),
        ("whsec_abc sk_live_abc", "[hidden] [hidden]"),
        ("4242424242424241", "4242424242424241"),  # no card has this check digit
    ],
)
def test_scrub(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed
