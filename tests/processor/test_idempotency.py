"""Idempotency keys over REST: one key, one effect, one answer, whoever dies in between."""

import os
import random
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cbor2
import httpx
import pytest
from live import Merchant, Stack, eventually
from sandbox_control import cameroonian, moved, requests, tell

CARD = {"amount": "5000", "currency": "xaf", "confirm": "true", "payment_method": "pm_card_visa"}
INTENTS = "/v1/payment_intents"


def post(
    merchant: Merchant, path: str, data: dict[str, str], key: str, secret: str | None = None
) -> httpx.Response:
    """One request with an idempotency key, never repeated by the client."""
    return httpx.post(
        merchant.stack.base + path,
        data=data,
        headers={
            "Authorization": f"Bearer {secret or merchant.secret_key}",
            "Idempotency-Key": key,
        },
        timeout=40,
    )


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/v1/customers", {"name": "Aïcha", "metadata[a]": "1"}),
        (INTENTS, {"amount": "5000", "currency": "xaf"}),
        (INTENTS, CARD),
        (INTENTS, {**CARD, "expand[0]": "latest_charge"}),
    ],
    ids=["customer", "intent", "payment", "payment, expanded"],
)
def test_an_answer_is_replayed_byte_for_byte(
    merchant: Merchant, key: str, path: str, data: dict[str, str]
) -> None:
    first = post(merchant, path, data, key)
    assert first.status_code == 200
    assert "idempotent-replayed" not in first.headers
    # The object has changed since; the answer has not.
    post(merchant, f"{path}/{first.json()['id']}", {"description": "changed"}, f"{key}-2")
    again = post(merchant, path, data, key)
    assert (again.status_code, again.content) == (200, first.content)
    assert (again.headers["idempotent-replayed"], again.headers["idempotency-key"]) == ("true", key)
    assert again.headers["request-id"] != first.headers["request-id"]
    assert len(merchant.rows(f"select id from {path.removeprefix('/v1/')}")) == 1


def test_the_order_and_spelling_of_parameters_make_no_other_request(
    merchant: Merchant, key: str
) -> None:
    first = post(merchant, INTENTS, {"amount": "5000", "currency": "xaf"}, key)
    again = httpx.post(
        merchant.stack.base + INTENTS,
        json={"currency": "xaf", "amount": 5000},
        headers={"Authorization": f"Bearer {merchant.secret_key}", "Idempotency-Key": key},
    )
    assert again.content == first.content


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (INTENTS, {"amount": "5001", "currency": "xaf"}),
        (INTENTS, {"amount": "5000", "currency": "xaf", "description": "more"}),
        ("/v1/customers", {}),
        (INTENTS + "/{id}/confirm", {"payment_method": "pm_card_visa"}),
        (INTENTS + "/{id}/cancel", {}),
    ],
)
def test_a_key_is_for_one_request_only(
    merchant: Merchant, key: str, path: str, data: dict[str, str]
) -> None:
    first = post(merchant, INTENTS, {"amount": "5000", "currency": "xaf"}, key)
    other = post(merchant, path.format(id=first.json()["id"]), data, key)
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert merchant.rows("select status from payment_intents") == [("requires_payment_method",)]
    assert merchant.rows("select id from customers") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": "xaf"},
        {"amount": "1", "currency": "xaf"},
        {"amount": "5000", "currency": "xaf", "customer": "cus_nobody"},
        {**CARD, "payment_method": "pm_nobody"},
        {**CARD, "expand[0]": "nothing"},
    ],
)
def test_a_request_that_failed_validation_does_not_burn_its_key(
    merchant: Merchant, key: str, wrong: dict[str, str]
) -> None:
    assert post(merchant, INTENTS, wrong, key).status_code == 400
    right = post(merchant, INTENTS, CARD, key)
    assert (right.status_code, right.json()["status"]) == (200, "succeeded")


def test_a_refused_step_does_not_burn_its_key(merchant: Merchant, key: str) -> None:
    held = post(merchant, INTENTS, {**CARD, "capture_method": "manual"}, f"{key}-0").json()
    path = f"{INTENTS}/{held['id']}/capture"
    assert post(merchant, path, {"amount_to_capture": "9000"}, key).status_code == 400
    taken = post(merchant, path, {"amount_to_capture": "3000"}, key)
    assert taken.json()["amount_received"] == 3000
    assert post(merchant, path, {"amount_to_capture": "3000"}, key).content == taken.content


def test_a_refusal_of_the_payer_is_replayed_and_not_tried_again(
    merchant: Merchant, key: str
) -> None:
    declined = {**CARD, "payment_method": "pm_card_visa_chargeDeclined"}
    first, again = (post(merchant, INTENTS, declined, key) for _ in range(2))
    assert (first.status_code, again.status_code) == (402, 402)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert len(merchant.rows("select id from charges")) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"], ids=["empty", "long", "unprintable"])
def test_a_key_that_cannot_be_kept_is_refused(merchant: Merchant, key: str) -> None:
    refused = post(merchant, INTENTS, CARD, key)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "idempotency_key")
    assert merchant.rows("select id from payment_intents") == []


def wallet() -> dict[str, str]:
    return {
        "amount": "5000",
        "currency": "xaf",
        "confirm": "true",
        "payment_method_data[type]": "mobile_money",
        "payment_method_data[billing_details][phone]": cameroonian(),
    }


@pytest.mark.parametrize(("psp", "data"), [("cards", CARD), ("mtn", wallet())], ids=["card", "mtn"])
def test_fifty_requests_at_once_with_one_key_make_one_charge(
    merchant: Merchant, key: str, psp: str, data: dict[str, str]
) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post(merchant, INTENTS, data, key), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    (body,) = {answer.content for answer in answers if answer.status_code == 200}
    (intent,) = merchant.rows("select id from payment_intents")
    assert post(merchant, INTENTS, data, key).content == body
    eventually(lambda: moved(merchant, psp, intent["id"]))
    assert moved(merchant, psp, intent["id"]) == [5000]


def test_fifty_captures_at_once_with_one_key_take_once(merchant: Merchant, key: str) -> None:
    held = post(merchant, INTENTS, {**CARD, "capture_method": "manual"}, f"{key}-0").json()
    path = f"{INTENTS}/{held['id']}/capture"
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post(merchant, path, {}, key), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert moved(merchant, "cards", held["id"]) == [5000]


def test_keys_of_two_merchants_and_of_two_modes_never_meet(
    merchant: Merchant, other_merchant: Merchant, key: str
) -> None:
    live = merchant.key(livemode=True)
    answers = [
        post(merchant, "/v1/customers", {"name": "Aïcha"}, key),
        post(merchant, "/v1/customers", {"name": "Bouba"}, key, live),
        post(other_merchant, "/v1/customers", {"name": "Chantal"}, key),
    ]
    assert [answer.json()["name"] for answer in answers] == ["Aïcha", "Bouba", "Chantal"]
    assert [answer.json()["livemode"] for answer in answers] == [False, True, False]


def test_a_key_twice_in_one_batch_has_one_effect(merchant: Merchant, key: str) -> None:
    def call(amount: int) -> dict[str, Any]:
        return {
            "method": "payment_intents.create",
            "params": {
                "amount": amount,
                "currency": "xaf",
                "confirm": True,
                "payment_method": "pm_card_visa",
            },
            "idempotency_key": key,
        }

    reply = httpx.post(
        f"{merchant.stack.base}/rpc.batch",
        content=cbor2.dumps({"calls": [call(5000), call(5000), call(7000)]}),
        headers={
            "Authorization": f"Bearer {merchant.secret_key}",
            "Content-Type": "application/cbor",
        },
    )
    first, second, third = cbor2.loads(reply.content)["results"]
    assert (first["status"], first.get("replayed", False)) == (200, False)
    assert (second["status"], second["replayed"], second["result"]) == (200, True, first["result"])
    assert (third["status"], third["error"]["type"]) == (400, "idempotency_error")
    assert moved(merchant, "cards", first["result"]["id"]) == [5000]


# --- killed in the middle -----------------------------------------------------------------------


def kill_api(stack: Stack) -> None:
    """Kill the API's process with -9, as a machine without memory does. It is started again."""
    children = Path(f"/proc/{stack.pid}/task/{stack.pid}/children").read_text().split()
    (api,) = [int(pid) for pid in children if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(api, signal.SIGKILL)


def retry(merchant: Merchant, data: dict[str, str], key: str) -> httpx.Response:
    """Ask again with the same key until there is an answer, as Stripe's SDKs do."""
    deadline = time.monotonic() + 40
    while True:
        try:
            answer = post(merchant, INTENTS, data, key)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code != 409:
            return answer
        assert time.monotonic() < deadline, "no answer within 40 seconds"
        time.sleep(0.5)


def test_a_charge_whose_process_was_killed_is_answered_and_made_once(merchant: Merchant) -> None:
    amount = str(random.randrange(10_000, 99_999))  # of this test only, to script the PSPs by
    payments = {
        "cards": {**CARD, "amount": amount},
        "mtn": {**wallet(), "amount": amount},
    }
    keys = {psp: str(uuid.uuid4()) for psp in payments}
    for psp in payments:
        tell(merchant.stack, psp, amount=int(amount), times=1, fault="slow", fault_seconds=3)
    with ThreadPoolExecutor(2) as pool:
        cut = [pool.submit(post, merchant, INTENTS, payments[psp], keys[psp]) for psp in payments]
        for psp in payments:
            eventually(lambda psp=psp: heard(merchant.stack, psp, amount))
        kill_api(merchant.stack)
        assert all(isinstance(request.exception(), httpx.TransportError) for request in cut)
    for psp, data in payments.items():
        answer = retry(merchant, data, keys[psp])
        assert answer.status_code == 200
        intent = answer.json()["id"]
        eventually(lambda id_=intent: merchant.api.payment_intents.retrieve(id_).amount_received)
        assert moved(merchant, psp, intent) == [int(amount)]
        assert post(merchant, INTENTS, data, keys[psp]).content == answer.content
    assert len(merchant.rows("select id from payment_intents")) == 2
    assert len(merchant.rows("select id from charges")) == 2


def heard(stack: Stack, psp: str, amount: str) -> bool:
    """Whether the PSP has received a request about this amount."""
    return any(amount in request["body"] for request in requests(stack, psp))
