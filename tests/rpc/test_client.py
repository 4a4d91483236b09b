"""The Python client, against the real stack and through a line that breaks."""

import asyncio
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from live import Merchant

import rpc.client
from rpc.client import (
    APIConnectionError,
    APIError,
    AsyncClient,
    AuthenticationError,
    Call,
    CardError,
    Client,
    InvalidRequestError,
    NotSentError,
    Progress,
    RpcError,
    calls,
)

DECLINED = {
    "amount": 5000,
    "currency": "xaf",
    "confirm": True,
    "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
}


@pytest.fixture
def client(merchant: Merchant) -> Iterator[Client]:
    with Client(merchant.secret_key, merchant.stack.base) as made:
        yield made


def test_a_call_by_name_and_a_typed_call_do_the_same(client: Client) -> None:
    made = client.payment_intents.create(amount=5000, currency="xaf", metadata={"order": "7"})
    found = client.call("payment_intents.retrieve", {"intent": made["id"]})
    assert found == made
    assert found["metadata"] == {"order": "7"}


def test_a_refusal_is_raised_with_what_stripe_says_of_it(client: Client) -> None:
    with pytest.raises(CardError) as refused:
        client.call("payment_intents.create", DECLINED)
    error = refused.value
    assert (error.status, error.type) == (402, "card_error")
    assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.request_id is not None
    assert str(error) == error.error["message"]
    with pytest.raises(InvalidRequestError) as wrong:
        client.call("payment_intents.create", {"amount": -5, "currency": "xaf"})
    assert (wrong.value.status, wrong.value.param) == (400, "amount")


def test_a_batch_has_an_outcome_for_each_call(client: Client) -> None:
    mixed = [
        Call("payment_intents.create", {"amount": 100, "currency": "xaf"}, "one"),
        ("payment_intents.create", {"amount": 200}),
        calls.customers.create(name="Awa"),
    ]
    made, refused, customer = client.batch(mixed)
    assert isinstance(refused, RpcError)
    assert (refused.status, refused.param) == (400, "currency")
    assert isinstance(customer, dict)
    assert customer["name"] == "Awa"
    again = client.call(
        "payment_intents.create", {"amount": 100, "currency": "xaf"}, idempotency_key="one"
    )
    assert again == made


def test_a_batch_refused_as_a_whole_is_refused_for_each(merchant: Merchant) -> None:
    with Client("sk_test_wrong", merchant.stack.base) as client:
        outcomes = client.batch([("events.list", {}), ("events.list", {})])
    assert [o.status for o in outcomes if isinstance(o, AuthenticationError)] == [401, 401]


def test_a_long_row_of_calls_is_sent_in_parts_and_counted(client: Client) -> None:
    told: list[Progress] = []
    orders = (
        calls.payment_intents.create(amount=0 if number == 700 else 100 + number, currency="xaf")
        for number in range(1_201)
    )
    pairs = list(client.stream(orders, name="import-7", progress=told.append))
    amounts = [outcome["amount"] for _, outcome in pairs if isinstance(outcome, dict)]
    assert amounts == [100 + number for number in range(1_201) if number != 700]
    assert isinstance(pairs[700][1], InvalidRequestError)
    assert pairs[3][0].idempotency_key == "import-7/3"
    assert [(p.done, p.failed, p.total) for p in told] == [
        (500, 0, None),
        (1_000, 1, None),
        (1_201, 1, None),
    ]
    assert str(told[-1]).startswith("1,201 calls, 1 failed, ")
    counted = client.rpc_batches.retrieve(rpc_batch="import-7")
    assert (counted["received"], counted["done"], counted["failed"]) == (1_201, 1_201, 1)


def test_long_calls_make_short_parts(client: Client) -> None:
    told: list[Progress] = []
    metadata = {f"key {number}": "x" * 500 for number in range(50)}
    order = calls.customers.create(metadata=metadata)
    outcomes = client.batch([order] * 60, progress=told.append)
    assert all(isinstance(outcome, dict) for outcome in outcomes)
    assert [p.done for p in told] == [39, 60]
    assert str(told[0]).startswith("39 of 60 calls, 0 failed, ")


def test_after_a_closed_door_nothing_more_is_sent(merchant: Merchant) -> None:
    with Client("sk_test_wrong", merchant.stack.base, in_flight=1) as client:
        outcomes = client.batch([("events.list", {})] * 1_100)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [AuthenticationError] * 500 + [NotSentError] * 600


async def orders() -> AsyncIterator[Call]:
    for amount in range(100, 700):
        yield calls.payment_intents.create(amount=amount, currency="xaf")


def test_the_asynchronous_client_does_the_same(merchant: Merchant) -> None:
    async def use() -> None:
        async with AsyncClient(merchant.secret_key, merchant.stack.base) as client:
            made = await client.payment_intents.create(amount=5000, currency="xaf")
            [found] = await client.batch([("payment_intents.retrieve", {"intent": made["id"]})])
            assert found == made
            amounts = [o["amount"] async for _, o in client.stream(orders()) if isinstance(o, dict)]
            assert amounts == list(range(100, 700))
            with pytest.raises(RpcError):
                await client.call("payment_intents.create", DECLINED)

    asyncio.run(use())


# --- when the line breaks -----------------------------------------------------------------------


@contextmanager
def bad_line(base: str, answers: list[bytes | None]) -> Iterator[str]:
    """The address of a proxy that carries each request to `base`, and spoils the first answers.

    An answer is replaced by one of `answers`: other bytes, or None to hang up instead.
    """
    there = urlsplit(base)
    remaining = list(answers)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            with near, socket.create_connection((there.hostname, there.port)) as far:
                while request := _message(near):
                    far.sendall(request)
                    answer: bytes | None = _message(far)
                    if remaining:
                        answer = remaining.pop(0)
                    if answer is None:
                        break
                    near.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def _message(connection: socket.socket) -> bytes:
    """One HTTP/1.1 message with a content-length; empty at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    [length] = [
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    ]
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\nsorry\n"
NOT_OURS = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello\n"


@pytest.mark.parametrize("spoiled", [None, BAD_GATEWAY], ids=["hung up", "bad gateway"])
def test_a_lost_answer_is_asked_for_again_and_nothing_happens_twice(
    merchant: Merchant, spoiled: bytes | None
) -> None:
    with (
        bad_line(merchant.stack.base, [spoiled, spoiled]) as base,
        Client(merchant.secret_key, base) as client,
    ):
        made = client.payment_intents.create(amount=5000, currency="xaf")
    assert [row["id"] for row in merchant.rows("select id from payment_intents")] == [made["id"]]


def test_a_lost_batch_is_sent_again_with_the_same_keys(merchant: Merchant) -> None:
    orders = [calls.payment_intents.create(amount=100 + i, currency="xaf") for i in range(5)]
    with bad_line(merchant.stack.base, [None]) as base, Client(merchant.secret_key, base) as client:
        outcomes = client.batch(orders)
    assert [o["amount"] for o in outcomes if isinstance(o, dict)] == [100, 101, 102, 103, 104]
    assert len(merchant.rows("select 1 from payment_intents")) == 5


def test_who_gives_up_says_that_the_outcome_is_unknown(merchant: Merchant) -> None:
    with (
        bad_line(merchant.stack.base, [None, None]) as base,
        Client(merchant.secret_key, base, retries=1) as client,
        pytest.raises(APIConnectionError) as lost,
    ):
        client.payment_intents.create(amount=5000, currency="xaf")
    assert (lost.value.status, lost.value.type) == (0, "api_connection_error")


def test_an_answer_of_somebody_else_is_not_taken_for_ours(merchant: Merchant) -> None:
    with (
        bad_line(merchant.stack.base, [NOT_OURS]) as base,
        Client(merchant.secret_key, base) as client,
        pytest.raises(APIError, match="no answer"),
    ):
        client.events.list()


# --- alone --------------------------------------------------------------------------------------

ALONE = """
import sys
from client_of_cpay import Client
client = Client(sys.argv[1], sys.argv[2])
print(client.payment_intents.create(amount=5000, currency="xaf")["amount"])
assert not {"processor", "tenants", "msgspec", "rpc"} & sys.modules.keys()
"""


def test_the_folder_of_the_client_needs_nothing_else_of_ours(
    merchant: Merchant, tmp_path: Path
) -> None:
    folder = Path(rpc.client.__file__).parent
    shutil.copytree(folder, tmp_path / "client_of_cpay", ignore=shutil.ignore_patterns("__py*"))
    (tmp_path / "alone.py").write_text(ALONE)
    ran = subprocess.run(
        [sys.executable, tmp_path / "alone.py", merchant.secret_key, merchant.stack.base],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert (ran.stdout, ran.stderr) == ("5000\n", "")
