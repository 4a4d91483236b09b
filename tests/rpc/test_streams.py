"""Batches as streams: carried out as they come, bounded, packed, and known by a name."""

import gzip
import http.client
import threading
import time
from contextlib import ExitStack
from typing import Any

import anyio
import cbor2
import httpx
import pytest
from live import Merchant, Stack, eventually, new_merchant
from streaming import Stream, items

from rpc.admission import OF_ONE_TENANT
from rpc.body import LONGEST_CALL
from rpc.reply import Reply, Stalled

# Parts of 500 calls, some 45 KB each: far more than the sockets' buffers hold.
MORE_THAN_BUFFERS = 1_000


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """A merchant of whom nothing is counted."""
    return new_merchant(stack)


def create(number: int, key: str | None = None) -> dict[str, Any]:
    """A call that makes a payment intent of this amount."""
    params = {"amount": 100 + number, "currency": "xaf"}
    return {
        "method": "payment_intents.create",
        "params": params,
        "idempotency_key": key or f"order-{number}",
    }


def post(merchant: Merchant, body: bytes, **headers: str) -> httpx.Response:
    sent = {
        "Authorization": f"Bearer {merchant.secret_key}",
        "Content-Type": "application/cbor-seq",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{merchant.stack.base}/rpc.batch", content=body, headers=sent, timeout=60)


def progress(merchant: Merchant, name: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{merchant.stack.base}/v1/rpc_batches/{name}",
        headers={"Authorization": f"Bearer {merchant.secret_key}"},
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def test_calls_are_answered_while_the_rest_is_still_to_come(merchant: Merchant) -> None:
    with Stream.open(merchant, Batch_Id="import-7") as stream:
        stream.send(create(0), create(1))
        assert [stream.next()["result"]["amount"] for _ in range(2)] == [100, 101]
        assert len(merchant.rows("select 1 from payment_intents")) == 2
        assert progress(merchant, "import-7")["done"] == 2
        stream.send(cbor2.dumps(create(2))[:20])
        stream.send(cbor2.dumps(create(2))[20:], {"method": "no.such"})
        assert [stream.next()["status"] for _ in range(2)] == [200, 404]
        stream.end()
        [last] = stream.rest()
    assert last["request_id"] == stream.response.getheader("request-id")
    assert stream.response.getheader("batch-id") == last["batch"] == "import-7"
    assert (last["status"], last["calls"], last["failed"]) == (200, 4, 1)
    counted = progress(merchant, "import-7")
    assert counted.pop("created") <= time.time()
    assert counted == {
        "id": "import-7",
        "object": "rpc_batch",
        "done": 4,
        "failed": 1,
        "livemode": False,
        "received": 4,
    }


def test_a_long_stream_is_answered_in_order_and_repeated_without_effect(merchant: Merchant) -> None:
    calls = [create(number) for number in range(1_300)]
    calls[700] = create(-700)  # one bad one among all the good ones
    body = b"".join(cbor2.dumps(call) for call in calls)
    first, again = (items(post(merchant, body, Batch_Id="orders").content) for _ in range(2))
    for *answers, last in (first, again):
        refused = answers.pop(700)
        assert (refused["status"], refused["error"]["param"]) == (400, "amount")
        amounts = [answer["result"]["amount"] for answer in answers]
        assert amounts == [100 + number for number in range(1_300) if number != 700]
        assert (last["calls"], last["failed"]) == (1_300, 1)
    assert [a.get("result") for a in first] == [a.get("result") for a in again]
    assert len(merchant.rows("select 1 from payment_intents")) == 1_299
    assert progress(merchant, "orders") | {"created": 0} == {
        "id": "orders",
        "object": "rpc_batch",
        "created": 0,
        "done": 1_300,
        "failed": 1,
        "livemode": False,
        "received": 1_300,
    }


def test_a_batch_in_several_bodies_is_counted_by_position(merchant: Merchant) -> None:
    for first, count in ((0, 3), (3, 2), (0, 2), (2, 3)):  # the last two are the first two again
        calls = [create(number) for number in range(first, first + count)]
        answer = post(
            merchant,
            cbor2.dumps({"calls": calls}),
            Content_Type="application/cbor",
            Batch_Id="parts",
            Batch_First=str(first),
        )
        assert {result["status"] for result in cbor2.loads(answer.content)["results"]} == {200}
    counted = progress(merchant, "parts")
    assert (counted["received"], counted["done"], counted["failed"]) == (5, 5, 0)


def test_a_stream_without_a_name_is_given_one(shop: Merchant) -> None:
    [last] = items(post(shop, b"").content)
    assert last["batch"].startswith("batch_")
    assert (last["status"], last["calls"]) == (200, 0)


SPOILED = {
    "a tag": (b"\xc0\x60", "a tag"),
    "an indefinite array": (b"\x9f\xff", "indefinite"),
    "nesting": (b"\x81" * 1_000, "more than|ends before"),
    "a text that never ends": (b"\x7b" + b"\xff" * 8, f"at most {LONGEST_CALL} bytes"),
    "an array of 2^64 - 1 items": (b"\x9b" + b"\xff" * 8, "more than"),
    "half a call": (cbor2.dumps(create(9))[:-1], "ends before"),
    "a key twice": (b"\xa2\x66method\x01\x66method\x02", "Duplicate"),
    "zeros": (bytes(100_000), "Invalid call"),
    "a call with a member that is none": (cbor2.dumps(create(9) | {"more": 1}), "more"),
}


@pytest.mark.parametrize(("spoiled", "words"), SPOILED.values(), ids=SPOILED)
def test_what_came_before_nonsense_is_carried_out_and_answered(
    shop: Merchant, spoiled: bytes, words: str
) -> None:
    *answers, last = items(post(shop, cbor2.dumps(create(0)) + spoiled).content)
    assert [answer["result"]["amount"] for answer in answers] == [100]
    assert (last["status"], last["calls"]) == (400, 1)
    assert any(word in last["error"]["message"] for word in words.split("|"))
    alone = post(shop, spoiled)
    assert (alone.status_code, alone.headers["content-type"]) == (400, "application/cbor")


def test_a_client_that_hangs_up_leaves_whole_calls(merchant: Merchant) -> None:
    with Stream.open(merchant, Batch_Id="lost") as stream:
        stream.send(create(0), create(1))
        stream.next()
        stream.send(create(2), cbor2.dumps(create(3))[:-1])
    assert eventually(lambda: progress(merchant, "lost")["done"] == 3)
    amounts = [row[0] for row in merchant.rows("select amount from payment_intents order by id")]
    assert amounts == [100, 101, 102]


@pytest.mark.parametrize(
    "headers",
    [{"Batch_Id": "a b"}, {"Batch_Id": "x" * 101}, {"Batch_First": "-1"}, {"Batch_First": "one"}],
    ids=str,
)
def test_a_name_that_is_none_is_refused(merchant: Merchant, headers: dict[str, str]) -> None:
    assert post(merchant, cbor2.dumps(create(0)), **headers).status_code == 400
    assert merchant.rows("select 1 from payment_intents") == []


def test_a_publishable_key_names_no_batch(shop: Merchant) -> None:
    bearer = f"Bearer {shop.publishable_key}"
    answer = post(shop, b"", Authorization=bearer, Batch_Id="import-7")
    assert answer.status_code == 401


# --- packed -------------------------------------------------------------------------------------


def test_bodies_and_answers_may_be_packed(merchant: Merchant) -> None:
    calls = [create(number) for number in range(20)]
    sequence = gzip.compress(b"".join(map(cbor2.dumps, calls)))
    packed = {"Content_Encoding": "gzip", "Accept_Encoding": "gzip"}
    streamed = post(merchant, sequence, **packed)
    one = gzip.compress(cbor2.dumps({"calls": calls}))
    at_once = post(merchant, one, Content_Type="application/cbor", **packed)
    for answer in (streamed, at_once):
        assert answer.headers["content-encoding"] == "gzip"
    *answers, _ = items(streamed.content)
    results = cbor2.loads(at_once.content)["results"]
    assert [a["result"] for a in answers] == [r["result"] for r in results]
    unpacked = post(merchant, sequence, Content_Encoding="gzip", Accept_Encoding="gzip;q=0")
    assert "content-encoding" not in unpacked.headers


BAD_PACKING = {
    "another encoding": (b"", "br", 415),
    "no gzip": (b"nonsense", "gzip", 400),
    "cut short": (gzip.compress(b"\x80" * 100)[:-9], "gzip", 400),
    "something after it": (gzip.compress(b"") + b"more", "gzip", 400),
}


@pytest.mark.parametrize("media_type", ["application/cbor", "application/cbor-seq"])
@pytest.mark.parametrize(("body", "encoding", "status"), BAD_PACKING.values(), ids=BAD_PACKING)
def test_what_cannot_be_unpacked_is_refused(
    shop: Merchant, body: bytes, encoding: str, status: int, media_type: str
) -> None:
    answer = post(shop, body, Content_Encoding=encoding, Content_Type=media_type)
    assert answer.status_code == status


def test_a_gigabyte_of_zeros_in_a_megabyte_is_refused_at_the_limit(shop: Merchant) -> None:
    bomb = gzip.compress(b"\x80" * 10_000_000)
    answer = post(shop, bomb * 100, Content_Encoding="gzip", Content_Type="application/cbor")
    assert answer.status_code == 413
    endless = gzip.compress(b"\x5b" + b"\xff" * 8 + bytes(10_000_000))
    assert post(shop, endless, Content_Encoding="gzip").status_code == 400


# --- held back ----------------------------------------------------------------------------------


def test_only_so_many_batches_of_one_merchant_are_in_hand(
    merchant: Merchant, other_merchant: Merchant
) -> None:
    with ExitStack() as streams:
        for number in range(OF_ONE_TENANT):
            stream = streams.enter_context(Stream.open(merchant))
            stream.send(create(number))
            stream.next()
        refused = post(merchant, cbor2.dumps(create(99)))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert cbor2.loads(refused.content)["error"]["type"] == "rate_limit_error"
        assert post(other_merchant, cbor2.dumps(create(0))).status_code == 200
    assert eventually(lambda: post(merchant, cbor2.dumps(create(99))).status_code == 200)


def test_a_client_that_reads_nothing_is_held_up_and_spares_the_memory(merchant: Merchant) -> None:
    part = b"".join(cbor2.dumps(create(number)) for number in range(500))
    sent = 0
    with Stream.open(merchant) as stream:

        def send() -> None:
            nonlocal sent
            while sent < MORE_THAN_BUFFERS:
                stream.send(part)
                sent += 1

        sender = threading.Thread(target=_until_closed, args=(send,))
        sender.start()
        eventually(lambda: len(merchant.rows("select 1 from payment_intents")) == 500)
        settled = -1
        while settled != sent:  # nothing moves any more
            settled = sent
            time.sleep(1)
        assert sent < MORE_THAN_BUFFERS
        assert stream.next()["status"] == 200
    sender.join()


def _until_closed(send: Any) -> None:
    try:
        send()
    except (OSError, http.client.HTTPException):
        return


async def test_an_answer_that_nobody_takes_is_given_up() -> None:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if len(sent) > 1:
            await anyio.sleep_forever()

    reply = Reply(send, {}, "req_1", patience=0.01)
    await reply.piece("application/cbor-seq", b"\x00")
    with pytest.raises(Stalled):
        await reply.flush()
