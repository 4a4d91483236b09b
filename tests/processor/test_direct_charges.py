"""Charges without an intent, and searching for payments."""

from typing import Any

import pytest
import stripe
from live import Merchant, eventually
from sandbox_control import by_card, movements, tell


def charge(merchant: Merchant, source: str | None = "tok_visa", **parameters: Any) -> Any:
    return merchant.api.charges.create(
        {"amount": 5000, "currency": "xaf", "source": source, **parameters}
    )


def taken(merchant: Merchant, identifier: str) -> list[int]:
    """The amounts that the PSP moved for a charge."""
    rows = merchant.rows("select reference from charges where id = $1", identifier)
    found = movements(merchant.stack, "cards", rows[0]["reference"])
    return [movement["amount"] for movement in found]


def clearing(merchant: Merchant) -> int:
    """What the providers owe, by the ledger."""
    rows = merchant.rows(
        "select -coalesce(sum(amount), 0) from ledger_balances where account like 'clearing:%'"
    )
    return int(rows[0][0])


def test_a_token_is_charged_without_an_intent(merchant: Merchant) -> None:
    paid = charge(merchant, description="Order 7", metadata={"order": "7"})
    assert (paid.status, paid.payment_intent, paid.amount_captured) == ("succeeded", None, 5000)
    assert merchant.api.charges.retrieve(paid.id).description == "Order 7"
    assert merchant.api.payment_intents.list().data == []
    (hidden,) = merchant.rows("select id from payment_intents")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.payment_intents.retrieve(hidden["id"])
    assert refused.value.http_status == 404
    types = [event.type for event in merchant.api.events.list().data]
    assert types == ["charge.succeeded"]
    assert (taken(merchant, paid.id), clearing(merchant)) == ([5000], 5000)
    refund = merchant.api.refunds.create({"charge": paid.id, "amount": 2000})
    assert (refund.status, refund.payment_intent, clearing(merchant)) == ("succeeded", None, 3000)
    assert merchant.rows("select sum(amount) from ledger_balances")[0][0] == 0


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("tok_chargeDeclined", "card_declined"),
        ("tok_chargeDeclinedExpiredCard", "expired_card"),
        ("tok_authenticationRequired", "authentication_required"),
    ],
)
def test_a_refused_card_is_a_402_that_names_the_charge(
    merchant: Merchant, token: str, code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        charge(merchant, token)
    error = refused.value.error
    failed = merchant.api.charges.retrieve(error.charge)
    assert (error.code, failed.failure_code, failed.status) == (code, code, "failed")
    assert getattr(error, "payment_intent", None) is None
    assert clearing(merchant) == 0


def test_a_customer_is_charged_by_default_or_by_choice(merchant: Merchant) -> None:
    customer = merchant.api.customers.create().id
    with pytest.raises(stripe.CardError) as refused:
        charge(merchant, None, customer=customer)
    assert refused.value.code == "missing"
    first, second = (
        merchant.api.payment_methods.attach(alias, {"customer": customer}).id
        for alias in ("pm_card_visa", "pm_card_mastercard")
    )
    merchant.api.customers.update(
        customer, {"invoice_settings": {"default_payment_method": second}}
    )
    assert charge(merchant, None, customer=customer).payment_method == second
    assert charge(merchant, first, customer=customer).payment_method == first


def test_a_customers_source_is_charged_until_another_takes_its_place(merchant: Merchant) -> None:
    customer = merchant.api.customers.create({"source": "tok_visa"})
    first = customer.default_source
    assert charge(merchant, None, customer=customer.id).payment_method == first
    token = merchant.api.tokens.create(
        {"card": {"number": "5555555555554444", "exp_month": 12, "exp_year": 2034}}
    ).id
    second = merchant.api.customers.update(customer.id, {"source": token}).default_source
    assert merchant.api.tokens.retrieve(token).used is True
    paid = charge(merchant, None, customer=customer.id)
    assert paid.payment_method_details.card.last4 == "4444"
    chosen = merchant.api.customers.update(customer.id, {"default_source": first})
    assert chosen.default_source == first
    attached = merchant.api.customers.payment_methods.list(customer.id).data
    assert {method.id for method in attached} == {first, second}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.customers.update(customer.id, {"source": token})
    assert refused.value.code == "token_already_used"


def test_only_what_the_customer_has_is_charged(merchant: Merchant) -> None:
    owner, other = (merchant.api.customers.create().id for _ in range(2))
    card = merchant.api.payment_methods.attach("pm_card_visa", {"customer": owner}).id
    for source in (card, "tok_visa"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            charge(merchant, source, customer=other)
        assert refused.value.param == "source"
    wallet = merchant.api.payment_methods.attach("pm_mobile_money_mtn", {"customer": owner}).id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        charge(merchant, wallet, customer=owner)
    assert refused.value.param == "source"
    assert merchant.rows("select id from charges") == []


def test_a_held_charge_is_captured_in_part_and_once(merchant: Merchant) -> None:
    held = charge(merchant, capture=False)
    assert (held.captured, held.paid, clearing(merchant)) == (False, True, 0)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.charges.capture(held.id, {"amount": 5001})
    assert refused.value.param == "amount"
    captured = merchant.api.charges.capture(held.id, {"amount": 3000})
    assert (captured.captured, captured.amount_captured) == (True, 3000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.charges.capture(held.id)
    assert refused.value.code == "charge_already_captured"
    assert (taken(merchant, held.id), clearing(merchant)) == ([3000], 3000)


def test_a_charge_whose_answer_is_lost_is_looked_up_and_never_sent_twice(
    merchant: Merchant,
) -> None:
    rule = {"payer": "pm_card_discover", "amount": 4321, "times": 1}
    tell(merchant.stack, "cards", fault="reset_after_accepting", **rule)
    made = charge(merchant, "tok_discover", amount=4321)
    assert (made.status, made.paid) == ("pending", False)
    eventually(lambda: merchant.api.charges.retrieve(made.id).paid, 30)
    assert (taken(merchant, made.id), clearing(merchant)) == ([4321], 4321)


def test_an_idempotency_key_is_one_charge(merchant: Merchant) -> None:
    parameters: Any = {"amount": 5000, "currency": "xaf", "source": "tok_visa"}
    first, second = (
        merchant.api.charges.create(parameters, {"idempotency_key": "once"}) for _ in range(2)
    )
    assert (first.id, clearing(merchant)) == (second.id, 5000)


@pytest.fixture
def found(merchant: Merchant) -> Any:
    """What a query finds among three payments: the intents' and charges' amounts, sorted."""
    customer = merchant.api.customers.create().id
    merchant.api.payment_intents.create(by_card(amount=100, metadata={"order": "7"}))
    merchant.api.payment_intents.create(
        by_card("pm_card_mastercard", amount=200, customer=customer, metadata={"order": "8"})
    )
    with pytest.raises(stripe.CardError):
        merchant.api.payment_intents.create(by_card("pm_card_chargeDeclined", amount=300))
    charge(merchant, amount=400)

    def search(resource: str, query: str) -> list[int]:
        query = query.replace("CUSTOMER", customer)
        page = getattr(merchant.api, resource).search({"query": query})
        return sorted(one.amount for one in page.data)

    return search


def test_searching_payments(found: Any) -> None:
    queries: list[tuple[str, str, list[int]]] = [
        ("payment_intents", "status:'succeeded'", [100, 200]),
        ("payment_intents", "amount>150 AND -status:'succeeded'", [300]),
        ("payment_intents", "customer:'CUSTOMER'", [200]),
        ("payment_intents", "metadata['order']:'7' OR metadata['order']:'8'", [100, 200]),
        ("payment_intents", "currency:'xaf'", [100, 200, 300]),
        ("charges", "status:'failed'", [300]),
        ("charges", "payment_method_details.card.last4:'4242'", [100, 400]),
        ("charges", "payment_method_details.card.brand:'mastercard'", [200]),
        ("charges", "payment_method_details.card.exp_month:12 AND amount<150", [100]),
        ("charges", "refunded:'false' AND amount>=200", [200, 300, 400]),
        ("charges", "disputed:'true'", []),
        ("charges", "metadata['order']:'8'", [200]),
    ]
    for resource, query, amounts in queries:
        assert found(resource, query) == amounts, query


@pytest.mark.parametrize(
    "query", ["", "status", "colour:'red'", "status:'a' AND amount>1 OR amount<3", "amount:'x'"]
)
def test_a_query_that_is_none_is_refused(merchant: Merchant, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.charges.search({"query": query})
    assert refused.value.param == "query"
