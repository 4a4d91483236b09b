"""The CBOR door over HTTP."""

from typing import Any

import cbor2
import httpx
import pytest
from live import Merchant

from processor.table import OPERATIONS

CREATE = {"amount": 5000, "currency": "xaf"}
PURPOSE = "dispute_evidence"
LARGEST = max(operation.largest_body for operation in OPERATIONS.values())


def post(merchant: Merchant, path: str, tree: Any, **headers: str) -> tuple[httpx.Response, Any]:
    """POST a tree, or bytes as they are. Returns the response and what it says."""
    body = tree if isinstance(tree, bytes) else cbor2.dumps(tree)
    sent = {
        "Authorization": f"Bearer {merchant.secret_key}",
        "Content-Type": "application/cbor",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.post(merchant.stack.base + path, content=body, headers=sent)
    assert response.headers["content-type"] == "application/cbor"
    return response, cbor2.loads(response.content)


def call(method: str, key: str | None = None, **params: Any) -> dict[str, Any]:
    """One call."""
    made: dict[str, Any] = {"method": method, "params": params}
    return made | ({"idempotency_key": key} if key else {})


def test_a_call_answers_as_rest_does(merchant: Merchant) -> None:
    response, answer = post(merchant, "/rpc", call("payment_intents.create", **CREATE))
    assert (response.status_code, answer["status"]) == (200, 200)
    assert answer["request_id"] == response.headers["request-id"]
    intent = answer["result"]
    assert merchant.api.payment_intents.retrieve(intent["id"]).to_dict() == intent
    _, again = post(merchant, "/rpc", call("payment_intents.retrieve", intent=intent["id"]))
    assert again["result"] == intent


def test_a_repeated_call_is_replayed_whichever_door_it_comes_through(merchant: Merchant) -> None:
    first = merchant.api.payment_intents.create(CREATE, {"idempotency_key": "order-1"})
    _, answer = post(merchant, "/rpc", call("payment_intents.create", "order-1", **CREATE))
    assert (answer["result"]["id"], answer["replayed"]) == (first.id, True)
    assert len(merchant.rows("select 1 from payment_intents")) == 1


def test_a_refusal_has_the_status_and_the_error_of_rest(merchant: Merchant) -> None:
    response, answer = post(
        merchant, "/rpc", call("payment_intents.create", amount=0, currency="xaf")
    )
    assert response.status_code == answer["status"] == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["param"] == "amount"
    assert "result" not in answer


def test_answers_are_deterministic_cbor(merchant: Merchant) -> None:
    response, answer = post(merchant, "/rpc", call("payment_intents.create", **CREATE))
    assert response.content == cbor2.dumps(answer, canonical=True)


PARAMETERS = {
    "a float for an integer": ({"amount": 5000.0, "currency": "xaf"}, "amount"),
    "not a number": ({"amount": float("nan"), "currency": "xaf"}, "amount"),
    "text for an integer": ({"amount": "5000", "currency": "xaf"}, "amount"),
    "a boolean for an integer": ({"amount": True, "currency": "xaf"}, "amount"),
    "a negative integer of 65 bits": ({"amount": -(2**64), "currency": "xaf"}, "amount"),
    "an unsigned integer of 64 bits": ({"amount": 2**64 - 1, "currency": "xaf"}, "amount"),
    "an integer for text": (CREATE | {"description": 7}, "description"),
    "infinity in metadata": (CREATE | {"metadata": {"a": float("inf")}}, "metadata"),
    "a NUL in text": (CREATE | {"description": "a\0b"}, "description"),
    "a parameter of another operation": (CREATE | {"refund": 1}, "refund"),
    "an array for a map": (CREATE | {"metadata": []}, "metadata"),
    "bytes for text": (CREATE | {"description": b"shoes"}, "description"),
    "a key of bytes": (CREATE | {"metadata": {b"order": "7"}}, "metadata"),
}


@pytest.mark.parametrize(("params", "param"), PARAMETERS.values(), ids=PARAMETERS)
def test_a_wrong_parameter_is_named(merchant: Merchant, params: Any, param: str) -> None:
    response, answer = post(
        merchant, "/rpc", {"method": "payment_intents.create", "params": params}
    )
    assert (response.status_code, answer["error"]["param"]) == (400, param)


ENVELOPES = {
    "no map": [],
    "no method": {"params": {}},
    "method of a wrong type": {"method": 5},
    "params of a wrong type": {"method": "payment_intents.create", "params": []},
    "a member that is none": {"method": "payment_intents.create", "parameters": {}},
    "a key that is empty": call("payment_intents.create", **CREATE) | {"idempotency_key": ""},
    "a key that is too long": call("payment_intents.create", "k" * 256, **CREATE),
    "a cycle": bytes.fromhex("d81c81d81d00"),
    "bytes in params": call("payment_intents.create", amount=5000, currency=b"xaf"),
    "a thousand levels": b"\x81" * 1_000 + b"\x00",
    "no CBOR": b'{"method": "payment_intents.create"}',
}


@pytest.mark.parametrize("path", ["/rpc", "/rpc.batch"])
@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)
def test_what_is_no_call_is_refused(merchant: Merchant, path: str, envelope: Any) -> None:
    response, answer = post(merchant, path, envelope)
    assert response.status_code == answer["status"] == 400
    assert answer["error"]["type"] == "invalid_request_error"


def test_an_unknown_method_is_not_found(merchant: Merchant) -> None:
    response, answer = post(merchant, "/rpc", call("payment_intents.destroy"))
    assert (response.status_code, answer["error"]["param"]) == (404, "method")


def test_a_request_that_is_not_for_this_door(merchant: Merchant) -> None:
    listing = call("events.list")
    assert post(merchant, "/rpc", listing, Authorization="")[0].status_code == 401
    assert post(merchant, "/rpc", listing, Authorization="Bearer sk_test_x")[0].status_code == 401
    assert post(merchant, "/rpc", listing, Stripe_Account="acct_x")[0].status_code == 403
    assert post(merchant, "/rpc", listing, Content_Type="application/json")[0].status_code == 415
    assert post(merchant, "/rpc", listing, Stripe_Version="yesterday")[0].status_code == 400
    assert post(merchant, "/rpc", b"\x00" * (LARGEST + 1))[0].status_code == 413
    assert post(merchant, "/rpc.batch", b"\x00" * 8_000_001)[0].status_code == 413
    for path in ("/rpc", "/rpc.batch"):
        response = httpx.get(merchant.stack.base + path)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_restricted_key_keeps_its_limits(merchant: Merchant) -> None:
    key = merchant.key(kind="restricted", scopes=("payment_intents:read",))
    bearer = f"Bearer {key}"
    refused, _ = post(
        merchant, "/rpc", call("payment_intents.create", **CREATE), Authorization=bearer
    )
    allowed, _ = post(merchant, "/rpc", call("payment_intents.list"), Authorization=bearer)
    assert (refused.status_code, allowed.status_code) == (403, 200)


def test_another_merchants_objects_do_not_exist(
    merchant: Merchant, other_merchant: Merchant
) -> None:
    intent = other_merchant.api.payment_intents.create(CREATE)
    response, _ = post(merchant, "/rpc", call("payment_intents.retrieve", intent=intent.id))
    assert response.status_code == 404


# --- batches ------------------------------------------------------------------------------------


def test_each_call_of_a_batch_succeeds_or_fails_by_itself(merchant: Merchant) -> None:
    calls = [
        call("payment_intents.create", "one", **CREATE),
        call("payment_intents.create", "two", amount=-1, currency="xaf"),
        call("nothing.at_all"),
        "nonsense",
        call("customers.create", name="Awa"),
        call("payment_intents.create", "three", **CREATE),
        call("payment_intents.create", "one", **CREATE),
    ]
    response, answer = post(merchant, "/rpc.batch", {"calls": calls})
    results = answer["results"]
    assert response.status_code == 200
    assert [result["status"] for result in results] == [200, 400, 404, 400, 200, 200, 200]
    assert results[4]["result"]["name"] == "Awa"
    assert results[6]["result"] == results[0]["result"]
    assert [result.get("replayed") for result in results] == [None] * 6 + [True]
    assert len({result["request_id"] for result in results}) == len(calls)
    assert len(merchant.rows("select 1 from payment_intents")) == 2


def test_a_batch_is_repeated_safely(merchant: Merchant) -> None:
    calls = [call("payment_intents.create", f"key-{i}", **CREATE) for i in range(1_000)]
    _, first = post(merchant, "/rpc.batch", {"calls": calls})
    _, second = post(merchant, "/rpc.batch", {"calls": calls})
    assert {result["status"] for result in first["results"]} == {200}
    assert all(result["replayed"] for result in second["results"])
    assert [r["result"] for r in first["results"]] == [r["result"] for r in second["results"]]
    assert len(merchant.rows("select 1 from payment_intents")) == 1_000
    assert len(merchant.rows("select 1 from events")) == 1_000


def test_one_bad_call_and_doubled_keys_among_a_thousand_spoil_nothing_else(
    merchant: Merchant,
) -> None:
    calls = [call("payment_intents.create", f"key-{i}", **CREATE) for i in range(1_000)]
    calls[500] = call("payment_intents.create", "bad", amount=-1, currency="xaf")
    calls[600] = calls[0]  # the same again
    calls[700] = call("payment_intents.create", "key-1", amount=7000, currency="xaf")
    _, answer = post(merchant, "/rpc.batch", {"calls": calls})
    results = dict(enumerate(answer["results"]))
    bad, again, other = results.pop(500), results.pop(600), results.pop(700)
    assert (bad["status"], bad["error"]["param"]) == (400, "amount")
    assert (again["result"], again["replayed"]) == (results[0]["result"], True)
    assert (other["status"], other["error"]["type"]) == (400, "idempotency_error")
    assert {result["status"] for result in results.values()} == {200}
    assert len(merchant.rows("select 1 from payment_intents")) == 997


def test_answers_that_would_fill_the_memory_are_not_made(merchant: Merchant) -> None:
    evidence = {"data": b"%PDF-1.7\n" + bytes(4_500_000), "name": "evidence.pdf"}
    made, _ = post(merchant, "/rpc", call("files.create", file=evidence, purpose=PURPOSE))
    file = cbor2.loads(made.content)["result"]["id"]
    reads = [call("files.contents", file=file)] * 100
    order = call("payment_intents.create", **CREATE)
    _, answer = post(merchant, "/rpc.batch", {"calls": [*reads, order]})
    statuses = [result["status"] for result in answer["results"]]
    assert statuses == [200] * 4 + [413] * 97
    assert answer["results"][4]["error"]["code"] == "batch_answer_too_large"
    assert merchant.rows("select 1 from payment_intents") == []


def test_a_batch_has_its_limits(merchant: Merchant) -> None:
    listing = call("events.list")
    response, answer = post(merchant, "/rpc.batch", {"calls": [listing] * 1_001})
    assert (response.status_code, answer["error"]["param"]) == (400, "calls")
    response, answer = post(merchant, "/rpc.batch", {"calls": []})
    assert (response.status_code, answer["results"]) == (200, [])
    response, answer = post(merchant, "/rpc.batch", {"calls": "x"})
    assert response.status_code == 400


def test_a_batch_can_pay(merchant: Merchant) -> None:
    pay = CREATE | {"confirm": True, "payment_method": "pm_card_visa"}
    refused = CREATE | {"confirm": True, "payment_method": "pm_card_chargeDeclined"}
    calls = [call("payment_intents.create", **params) for params in (pay, refused, pay)]
    _, answer = post(merchant, "/rpc.batch", {"calls": calls})
    paid, declined, paid_too = answer["results"]
    assert paid["result"]["status"] == paid_too["result"]["status"] == "succeeded"
    assert (declined["status"], declined["error"]["code"]) == (402, "card_declined")


def test_a_file_goes_in_and_comes_out_as_bytes(merchant: Merchant) -> None:
    data = b"\x89PNG\r\n\x1a\n" + bytes(100)
    upload = {"data": data, "name": "logo.png"}
    _, made = post(merchant, "/rpc", call("files.create", file=upload, purpose="business_logo"))
    _, found = post(merchant, "/rpc", call("files.contents", file=made["result"]["id"]))
    assert found["result"] == {"media_type": "image/png", "data": data}
