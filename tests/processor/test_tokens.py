"""Typed cards of test mode: what becomes of a number, and that it is nowhere afterwards."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe
from live import Merchant
from sandbox_control import by_card

NUMBER = "4242424242424242"


def card(**changes: Any) -> dict[str, Any]:
    return {"number": NUMBER, "exp_month": 12, "exp_year": 2034, "cvc": "123", **changes}


def test_a_token_says_what_the_card_is_and_who_has_it(merchant: Merchant) -> None:
    token = merchant.api.tokens.create(
        {"card": card(number="5555 5555 5555 4444", name="Awa", address_zip="BP 7", exp_year=34)}
    )
    shown = token.card
    assert (shown.brand, shown.last4, shown.exp_year) == ("MasterCard", "4444", 2034)
    assert (shown.name, shown.address_zip, shown.cvc_check) == ("Awa", "BP 7", "unchecked")
    method = merchant.api.payment_methods.create({"type": "card", "card": {"token": token.id}})
    assert (method.card.last4, method.billing_details.name) == ("4444", "Awa")
    assert merchant.api.tokens.retrieve(token.id).used is True


# What is typed, and the status, code, decline code and parameter of the answer.
REFUSED: list[tuple[dict[str, Any], int, str, str | None, str | None]] = [
    ({"number": "4242424242424241"}, 402, "incorrect_number", None, "number"),
    ({"number": "4242"}, 402, "incorrect_number", None, "number"),
    ({"number": "quatre"}, 402, "incorrect_number", None, "number"),
    ({"number": "4111111111111111"}, 402, "card_declined", "test_mode_live_card", None),
    ({"exp_month": 13}, 402, "invalid_expiry_month", None, "exp_month"),
    ({"exp_year": 2020}, 402, "invalid_expiry_year", None, "exp_year"),
    ({"exp_year": 2099}, 402, "invalid_expiry_year", None, "exp_year"),
    ({"cvc": "12"}, 402, "invalid_cvc", None, "cvc"),
    ({"cvc": "abc"}, 402, "invalid_cvc", None, "cvc"),
    ({"number": ""}, 400, "parameter_invalid_empty", None, "card[number]"),
    ({"colour": "red"}, 400, "parameter_unknown", None, "card[colour]"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: str(case[0]))
def test_what_is_no_card_is_refused_in_stripes_words(
    merchant: Merchant, case: tuple[dict[str, Any], int, str, str | None, str | None]
) -> None:
    changes, status, code, decline_code, param = case
    with pytest.raises(stripe.StripeError) as refused:
        merchant.api.tokens.create({"card": card(**changes)})
    error = refused.value.error
    told = (refused.value.http_status, error.code, getattr(error, "decline_code", None))
    assert (*told, getattr(error, "param", None)) == (status, code, decline_code, param)
    assert merchant.rows("select id from tokens") == []


# Where a client may put a number by mistake, and how.
MISPLACED: list[tuple[str, dict[str, Any]]] = [
    ("/v1/tokens", {"card": {"number": float(NUMBER), "exp_month": 12, "exp_year": 2034}}),
    ("/v1/tokens", {"card": {NUMBER: "1"}}),
    ("/v1/tokens", {"card": NUMBER}),
    ("/v1/payment_methods", {"type": "card", "card": {"token": NUMBER}}),
    ("/v1/payment_intents", {"amount": NUMBER, "currency": "xaf"}),
    ("/v1/charges", {"amount": 500, "currency": "xaf", "source": "4242 4242 4242 4242"}),
]


@pytest.mark.parametrize(("path", "parameters"), MISPLACED)
def test_no_error_repeats_a_number(
    merchant: Merchant, path: str, parameters: dict[str, Any]
) -> None:
    reply = httpx.post(
        merchant.stack.base + path,
        json=parameters,
        headers={"Authorization": f"Bearer {merchant.secret_key}"},
    )
    assert reply.status_code in (400, 402)
    assert "4242424242424242" not in reply.text.replace(" ", "")


def test_a_number_is_stored_nowhere(merchant: Merchant) -> None:
    parameters: Any = {"type": "card", "card": card()}
    merchant.api.payment_intents.create(
        by_card(payment_method_data=parameters) | {"payment_method": None},
        {"idempotency_key": "typed"},
    )
    merchant.api.tokens.create({"card": card()}, {"idempotency_key": "token"})
    tables = merchant.rows(
        "select table_name from information_schema.tables where table_schema = current_schema()"
    )
    for table in tables:
        for row in merchant.rows(f"select to_jsonb(t)::text as text from {table[0]} t"):
            assert NUMBER not in row["text"], table[0]
            assert NUMBER.encode().hex() not in row["text"], table[0]


def test_a_token_pays_once_even_if_fifty_try_at_once(merchant: Merchant) -> None:
    token = merchant.api.tokens.create({"card": card()}).id

    def charge(_: int) -> str:
        try:
            made = merchant.api.charges.create({"amount": 500, "currency": "xaf", "source": token})
        except stripe.InvalidRequestError as refused:
            return str(refused.code)
        return str(made.status)

    with ThreadPoolExecutor(50) as pool:
        outcomes = sorted(pool.map(charge, range(50)))
    assert outcomes == ["succeeded", *["token_already_used"] * 49]
    assert merchant.rows("select count(*) from charges")[0][0] == 1


def test_a_token_that_could_not_be_used_is_not_used_up(merchant: Merchant) -> None:
    token = merchant.api.tokens.create({"card": card()}).id
    with pytest.raises(stripe.InvalidRequestError):
        merchant.api.charges.create({"amount": 1, "currency": "xaf", "source": token})
    assert merchant.api.tokens.retrieve(token).used is False


def test_a_token_is_forgotten_after_an_hour(merchant: Merchant) -> None:
    token = merchant.api.tokens.create({"card": card()}).id

    async def age(connection: Any) -> None:
        await connection.execute(
            f'update "{merchant.tenant.test_schema}".tokens set created = created - 3601'
        )

    merchant.run(age)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.charges.create({"amount": 500, "currency": "xaf", "source": token})
    assert (refused.value.code, refused.value.param) == ("resource_missing", "source")


def test_a_browser_may_make_a_token_and_not_read_one(merchant: Merchant) -> None:
    base = merchant.stack.base
    browser = stripe.StripeClient(merchant.publishable_key, base_addresses={"api": base})
    parameters: Any = {"card": card()}
    token = browser.v1.tokens.create(parameters)
    assert json.loads(str(token))["card"]["last4"] == "4242"
    with pytest.raises(stripe.AuthenticationError):
        browser.v1.tokens.retrieve(token.id)


def test_live_mode_takes_no_number(merchant: Merchant) -> None:
    live = stripe.StripeClient(
        merchant.key(livemode=True), base_addresses={"api": merchant.stack.base}
    )
    parameters: Any = {"card": card()}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        live.v1.tokens.create(parameters)
    assert refused.value.param == "card[number]"
