"""Linked batches: all calls or none."""

from typing import Any

import cbor2
import httpx
import pytest
from live import Merchant, Stack, new_merchant

from processor.table import OPERATIONS
from rpc.client import Client, InvalidRequestError, RpcError, calls

INTENT = {"amount": 5000, "currency": "xaf"}
TABLES = ("customers", "products", "payment_intents", "events", "idempotency_keys")


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """A merchant of whom only differences are counted."""
    return new_merchant(stack)


def linked(merchant: Merchant, *calls: Any) -> list[dict[str, Any]]:
    """The results of a linked batch."""
    answer = httpx.post(
        f"{merchant.stack.base}/rpc.batch",
        content=cbor2.dumps({"calls": calls, "linked": True}),
        headers={
            "Authorization": f"Bearer {merchant.secret_key}",
            "Content-Type": "application/cbor",
        },
    )
    assert answer.status_code == 200
    results: list[dict[str, Any]] = cbor2.loads(answer.content)["results"]
    return results


def call(method: str, key: str | None = None, **params: Any) -> dict[str, Any]:
    return {"method": method, "params": params, "idempotency_key": key}


def counts(merchant: Merchant) -> list[int]:
    return [merchant.rows(f"select count(*) from {table}")[0][0] for table in TABLES]


def test_all_are_carried_out_together_and_replayed_together(merchant: Merchant) -> None:
    order = [
        call("customers.create", "customer", name="Awa"),
        call("payment_intents.create", "first", **INTENT),
        call("payment_intents.create", "first", **INTENT),
        call("payment_intents.create", "second", payment_method="pm_card_visa", **INTENT),
        call("products.create", "product", name="Sac"),
    ]
    first, again = linked(merchant, *order), linked(merchant, *order)
    assert [result["status"] for result in first] == [200] * 5
    assert first[1]["result"] == first[2]["result"]
    assert [result["result"] for result in again] == [result["result"] for result in first]
    assert all(result["replayed"] for result in again)
    assert counts(merchant) == [1, 1, 2, 4, 4]


FAULTS = {
    "a wrong parameter": (call("payment_intents.create", amount=0, currency="xaf"), 400),
    "an unknown object": (call("customers.update", customer="cus_nobody", name="Awa"), 404),
    "an unknown method": (call("no.such"), 404),
    "no call": (["nonsense"], 400),
    "a key of something else": (call("customers.create", "taken", name="Ali"), 400),
    "a payment": (
        call("payment_intents.create", confirm=True, payment_method="pm_card_visa", **INTENT),
        400,
    ),
    "what asks a provider": (call("payment_intents.confirm", intent="pi_1"), 400),
    "a read": (call("events.list"), 400),
}


@pytest.mark.parametrize(("fault", "status"), FAULTS.values(), ids=FAULTS)
def test_one_that_is_refused_undoes_all(shop: Merchant, fault: Any, status: int) -> None:
    taken = call("customers.create", "taken", name="Awa")
    assert linked(shop, taken)[0]["status"] == 200
    before = counts(shop)
    results = linked(
        shop,
        call("products.create", "undone product", name="Sac"),
        call("payment_intents.create", "undone intent", **INTENT),
        fault,
        call("customers.create", "undone customer", name="Awa"),
    )
    assert [result["status"] for result in results] == [424, 424, status, 424]
    assert results[0]["error"]["code"] == "linked_call_refused"
    assert "call 2" in results[0]["error"]["message"]
    assert counts(shop) == before


def test_only_what_is_one_transaction_can_be_linked() -> None:
    linkable = {name for name, operation in OPERATIONS.items() if operation.linked is not None}
    assert linkable == {"payment_intents.create"}
    assert all(OPERATIONS[name].batch is not None for name in linkable)


def test_the_client_links(merchant: Merchant) -> None:
    with Client(merchant.secret_key, merchant.stack.base) as client:
        good = calls.payment_intents.create(amount=5000, currency="xaf")
        bad = calls.payment_intents.create(amount=-5, currency="xaf")
        undone, refused = client.batch([good, bad], linked=True)
        assert isinstance(undone, RpcError)
        assert undone.code == "linked_call_refused"
        assert isinstance(refused, InvalidRequestError)
        assert refused.param == "amount"
        assert all(isinstance(one, dict) for one in client.batch([good, good], linked=True))
        with pytest.raises(ValueError, match="at most 1000"):
            client.batch([good] * 1_001, linked=True)
    assert len(merchant.rows("select 1 from payment_intents")) == 2
