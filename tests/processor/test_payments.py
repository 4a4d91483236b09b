"""Payments as a merchant makes them: the official SDK on one side, a PSP's book on the other."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stripe
from live import Merchant, Stack, eventually, new_merchant
from sandbox_control import by_card, by_phone, cameroonian, moved, requests

# MTN's official test numbers 467331234xx, in EUR, and their Cameroonian twins +2376700000xx: where
# a payment ends, Stripe's code and decline code, and the operator's own word.
NUMBERS = """
xx  status                   code                                    decline_code                     operator
00  succeeded                -                                       -                                -
50  requires_payment_method  payment_method_provider_decline         generic_decline                  INTERNAL_PROCESSING_ERROR
51  requires_payment_method  payment_method_customer_decline         -                                APPROVAL_REJECTED
52  requires_payment_method  payment_intent_payment_attempt_expired  -                                EXPIRED
53  requires_action          -                                       -                                -
54  succeeded                -                                       -                                -
55  requires_payment_method  payment_method_provider_decline         invalid_account                  PAYER_NOT_FOUND
56  requires_payment_method  payment_method_provider_decline         generic_decline                  PAYEE_NOT_ALLOWED_TO_RECEIVE
57  requires_payment_method  payment_method_provider_decline         generic_decline                  NOT_ALLOWED
58  requires_payment_method  payment_method_provider_decline         generic_decline                  NOT_ALLOWED_TARGET_ENVIRONMENT
59  requires_payment_method  payment_method_provider_decline         generic_decline                  INVALID_CALLBACK_URL_HOST
60  requires_payment_method  payment_method_provider_decline         generic_decline                  INVALID_CURRENCY
61  requires_payment_method  payment_method_provider_decline         generic_decline                  INTERNAL_PROCESSING_ERROR
62  requires_payment_method  payment_method_provider_decline         generic_decline                  SERVICE_UNAVAILABLE
63  requires_payment_method  payment_intent_payment_attempt_expired  -                                COULD_NOT_PERFORM_TRANSACTION
64  requires_payment_method  payment_method_provider_decline         generic_decline                  TRANSFER_TYPE_UNKNOWN
65  requires_payment_method  payment_method_provider_decline         insufficient_funds               NOT_ENOUGH_FUNDS
66  requires_payment_method  payment_method_provider_decline         withdrawal_count_limit_exceeded  PAYER_LIMIT_REACHED
"""  # noqa: E501 - a table has one row a line
ROWS = [line.split() for line in NUMBERS.strip().splitlines()[1:]]
OFFICIAL_ROWS = [row for row in ROWS if row[0] not in ("65", "66")]
DELAYED_SECONDS = 60  # for the number 54, which the sandbox approves after 25 s

BACK = "https://shop.example/back?order=7"


@pytest.fixture(scope="module")
def payments(stack: Stack) -> tuple[Merchant, dict[tuple[str, str], str]]:
    """A payment by every test number, all made at once because one of them takes half a minute."""
    merchant = new_merchant(stack)
    intents = {}
    for rows, prefix, currency in (
        (OFFICIAL_ROWS, "467331234", "eur"),
        (ROWS, "+2376700000", "xaf"),
    ):
        for row in rows:
            intent = merchant.api.payment_intents.create(
                by_phone(prefix + row[0], currency=currency)
            )
            assert intent.status == "requires_action"
            intents[currency, row[0]] = intent.id
    return merchant, intents


@pytest.mark.parametrize(
    ("currency", "row"),
    [("eur", row) for row in OFFICIAL_ROWS] + [("xaf", row) for row in ROWS],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_mtns_test_numbers_end_where_the_table_says(
    payments: tuple[Merchant, dict[tuple[str, str], str]], currency: str, row: list[str]
) -> None:
    merchant, intents = payments
    number, status, code, decline_code, operator = row
    identifier = intents[currency, number]

    def ended() -> Any:
        intent = merchant.api.payment_intents.retrieve(identifier)
        return intent if intent.status == status else None

    intent = eventually(ended, DELAYED_SECONDS)
    error = intent.last_payment_error
    told = [getattr(error, name, None) for name in ("code", "decline_code", "network_decline_code")]
    assert told == [None if word == "-" else word for word in (code, decline_code, operator)]
    assert moved(merchant, "mtn", identifier) == ([5000] if status == "succeeded" else [])


def test_a_prompt_tells_the_payer_what_to_do(merchant: Merchant) -> None:
    intent = merchant.api.payment_intents.create(by_phone("+237 6 70 00 00 53"))
    prompt = intent.next_action["mobile_money_await_confirmation"]
    assert (prompt["network"], prompt["phone_last4"], prompt["ussd_code"]) == (
        "mtn",
        "0053",
        "*126#",
    )
    assert prompt["expires_at"] == pytest.approx(intent.created + 300, abs=2)
    charge = merchant.api.charges.retrieve(intent.latest_charge)
    assert (charge.id[:3], charge.status, charge.paid) == ("py_", "pending", False)


def wallet(**fields: Any) -> dict[str, Any]:
    phone = fields.pop("phone", None)
    data: dict[str, Any] = {"type": "mobile_money", "mobile_money": fields}
    if phone is not None:
        data["billing_details"] = {"phone": phone}
    return by_phone("", payment_method_data=data)


def test_a_network_that_is_named_wins_over_the_prefix(merchant: Merchant) -> None:
    # Numbers are portable in Cameroon: this one has Orange's prefix and is said to be MTN's.
    intent = merchant.api.payment_intents.create(wallet(phone="+237690000001", network="mtn"))
    assert intent.next_action["mobile_money_await_confirmation"]["network"] == "mtn"
    eventually(lambda: moved(merchant, "mtn", intent.id) == [5000])


# What is wrong, the parameters, and the code and parameter of the answer.
DATA = "payment_method_data"
REFUSED: list[tuple[str, dict[str, Any], str | None, str]] = [
    (
        "no rail",
        wallet(phone="+237690000000", network="moov"),
        "payment_method_not_available",
        "payment_method",
    ),
    (
        "a wallet of another country",
        by_phone("+2250501020304"),
        "payment_method_not_available",
        "payment_method",
    ),
    (
        "unknown network",
        wallet(phone="+237670000000", network="wave"),
        None,
        f"{DATA}[mobile_money][network]",
    ),
    ("a prefix of nobody's", wallet(phone="+237620000000"), None, f"{DATA}[mobile_money][network]"),
    ("no number", wallet(network="mtn"), "parameter_missing", f"{DATA}[billing_details][phone]"),
    (
        "too short",
        by_phone("+23767000000"),
        "phone_number_invalid",
        f"{DATA}[billing_details][phone]",
    ),
    (
        "a fixed line",
        by_phone("+237222222222"),
        "phone_number_invalid",
        f"{DATA}[billing_details][phone]",
    ),
    (
        "two numbers",
        by_phone("670000000/671000000"),
        "phone_number_invalid",
        f"{DATA}[billing_details][phone]",
    ),
    (
        "manual capture",
        by_phone("+237670000000", capture_method="manual"),
        None,
        "capture_method",
    ),
    (
        "a currency without mobile money",
        by_phone("+237670000000", currency="usd"),
        "payment_intent_incompatible_payment_method",
        "payment_method",
    ),
    ("below the smallest coin", by_card(amount=4), "amount_too_small", "amount"),
    ("below half a euro", by_card(amount=49, currency="eur"), "amount_too_small", "amount"),
    ("beyond eight digits", by_card(amount=100_000_000), "amount_too_large", "amount"),
    ("nothing", by_card(amount=0), "parameter_invalid_integer", "amount"),
    ("less than nothing", by_card(amount=-5), "parameter_invalid_integer", "amount"),
    ("a currency of nobody's", by_card(currency="zzz"), None, "currency"),
    ("a card of nobody's", by_card("pm_card_nobody"), "resource_missing", "payment_method"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_what_cannot_be_paid_is_refused_before_anything_is_made(
    merchant: Merchant, case: tuple[str, dict[str, Any], str | None, str]
) -> None:
    _, parameters, code, param = case
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.payment_intents.create(parameters)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        code,
        param,
    )
    assert merchant.rows("select id from payment_intents") == []


@pytest.mark.parametrize(("amount", "currency"), [(5, "xaf"), (99_999_999, "xof"), (50, "eur")])
def test_the_bounds_of_a_currency_belong_to_it(
    merchant: Merchant, amount: int, currency: str
) -> None:
    assert merchant.api.payment_intents.create(
        by_card(amount=amount, currency=currency.upper())
    ).amount_received == (amount)


@pytest.mark.parametrize("operation", ["confirm", "cancel"])
def test_an_open_prompt_blocks_whatever_could_charge_the_payer_again(
    merchant: Merchant, operation: str
) -> None:
    intent = merchant.api.payment_intents.create(by_phone("+237670000053"))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        getattr(merchant.api.payment_intents, operation)(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error.payment_intent.status == "requires_action"
    assert len(merchant.rows("select id from charges")) == 1


def test_after_a_refusal_the_payer_may_try_again(merchant: Merchant) -> None:
    intent = merchant.api.payment_intents.create(by_phone("+237670000051"))
    eventually(
        lambda: merchant.api.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    )
    second = by_phone(cameroonian())["payment_method_data"]
    merchant.api.payment_intents.confirm(intent.id, {DATA: second})
    eventually(lambda: merchant.api.payment_intents.retrieve(intent.id).status == "succeeded")
    assert moved(merchant, "mtn", intent.id) == [5000]
    assert merchant.api.payment_intents.retrieve(intent.id).last_payment_error is None


# --- cards --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alias", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_refused_card_is_a_402_and_can_be_replaced(
    merchant: Merchant, alias: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        merchant.api.payment_intents.create(by_card(alias))
    error = refused.value
    assert (error.http_status, error.code, error.error.decline_code) == (402, code, decline_code)
    intent = error.error.payment_intent
    assert intent.status == "requires_payment_method"
    paid = merchant.api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, moved(merchant, "cards", intent.id)) == ("succeeded", [5000])


def authenticate(page: str, result: str) -> str:
    """Be the payer: open the bank's page, press a button, and go where it leads."""
    assert "3-D Secure" in httpx.get(page).text
    reply = httpx.post(page, data={"result": result})
    assert reply.status_code == 303
    returned = httpx.get(reply.headers["location"])
    assert returned.status_code == 303
    return str(returned.headers["location"])


@pytest.mark.parametrize(
    ("result", "redirect_status", "status", "money"),
    [
        ("complete", "succeeded", "succeeded", [5000]),
        ("fail", "failed", "requires_payment_method", []),
    ],
)
def test_3d_secure_leads_back_to_the_shop_with_the_outcome(
    merchant: Merchant, result: str, redirect_status: str, status: str, money: list[int]
) -> None:
    intent = merchant.api.payment_intents.create(
        by_card("pm_card_threeDSecure2Required", return_url=BACK)
    )
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    assert intent.next_action.redirect_to_url.return_url == BACK
    shop = urlsplit(authenticate(intent.next_action.redirect_to_url.url, result))
    assert shop.netloc == "shop.example"
    assert parse_qs(shop.query) == {
        "order": ["7"],
        "payment_intent": [intent.id],
        "payment_intent_client_secret": [intent.client_secret],
        "redirect_status": [redirect_status],
    }
    now = merchant.api.payment_intents.retrieve(intent.id)
    assert (now.status, moved(merchant, "cards", intent.id)) == (status, money)
    code = now.last_payment_error and now.last_payment_error.code
    assert code == (None if money else "payment_intent_authentication_failure")


def test_a_payer_who_never_comes_back_is_looked_up(merchant: Merchant) -> None:
    intent = merchant.api.payment_intents.create(
        by_card("pm_card_threeDSecure2Required", return_url=BACK)
    )
    page = intent.next_action.redirect_to_url.url
    assert httpx.post(page, data={"result": "complete"}).status_code == 303
    eventually(lambda: merchant.api.payment_intents.retrieve(intent.id).status == "succeeded")


def test_a_payment_that_waits_for_3d_secure_can_be_canceled(merchant: Merchant) -> None:
    intent = merchant.api.payment_intents.create(
        by_card("pm_card_threeDSecure2Required", return_url=BACK)
    )
    canceled = merchant.api.payment_intents.cancel(
        intent.id, {"cancellation_reason": "requested_by_customer"}
    )
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "requested_by_customer")
    # The payer, back at the old page, finds nothing to confirm; and no charge was ever made.
    page = intent.next_action.redirect_to_url.url
    assert "Nothing to authenticate" in httpx.get(page).text
    assert merchant.api.charges.list({"payment_intent": intent.id}).data == []
    assert moved(merchant, "cards", intent.id) == []


@pytest.mark.parametrize(
    "nobody_there", [{"off_session": True}, {"error_on_requires_action": True}]
)
def test_a_challenge_without_a_payer_is_a_refusal(
    merchant: Merchant, nobody_there: dict[str, Any]
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        merchant.api.payment_intents.create(
            by_card("pm_card_authenticationRequired", **nobody_there)
        )
    assert refused.value.code == "authentication_required"
    assert refused.value.error.payment_intent.status == "requires_payment_method"


def hold(merchant: Merchant) -> Any:
    intent = merchant.api.payment_intents.create(by_card(capture_method="manual"))
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 5000)
    assert moved(merchant, "cards", intent.id) == []
    return intent


def test_a_part_of_a_held_amount_is_taken_and_the_rest_released(merchant: Merchant) -> None:
    intent = hold(merchant)
    taken = merchant.api.payment_intents.capture(intent.id, {"amount_to_capture": 2000})
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 2000, 0)
    assert merchant.api.charges.retrieve(taken.latest_charge).amount_captured == 2000
    assert moved(merchant, "cards", intent.id) == [2000]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (5001, "amount_too_large"),
        (0, "parameter_invalid_integer"),
        (-1, "parameter_invalid_integer"),
    ],
)
def test_no_more_than_is_held_is_taken(merchant: Merchant, amount: int, code: str) -> None:
    intent = hold(merchant)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.payment_intents.capture(intent.id, {"amount_to_capture": amount})
    assert (refused.value.code, refused.value.param) == (code, "amount_to_capture")
    assert merchant.api.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_a_held_amount_is_taken_once(merchant: Merchant) -> None:
    intent = hold(merchant)
    merchant.api.payment_intents.capture(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.payment_intents.capture(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert moved(merchant, "cards", intent.id) == [5000]


def test_of_captures_and_a_cancel_at_once_one_wins(merchant: Merchant) -> None:
    intent = hold(merchant)

    def attempt(operation: str) -> Any:
        try:
            return getattr(merchant.api.payment_intents, operation)(intent.id).status
        except stripe.InvalidRequestError as error:
            return error.code

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(attempt, ["capture", "cancel"] * 6))
    assert outcomes.count("payment_intent_unexpected_state") == 11
    (status,) = set(outcomes) - {"payment_intent_unexpected_state"}
    assert merchant.api.payment_intents.retrieve(intent.id).status == status
    assert moved(merchant, "cards", intent.id) == ([5000] if status == "succeeded" else [])


def test_a_canceled_hold_is_released_at_the_psp(merchant: Merchant) -> None:
    intent = hold(merchant)
    canceled = merchant.api.payment_intents.cancel(intent.id)
    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    (row,) = merchant.rows("select provider_reference from charges")
    releases = [
        request
        for request in requests(merchant.stack, "cards")
        if request["path"] == f"/v1/payment_intents/{row['provider_reference']}/cancel"
    ]
    # The janitor may have repeated it, under the same key: the release has one effect.
    assert {request["status"] for request in releases} == {200}
    assert len({request["headers"]["idempotency-key"] for request in releases}) == 1
    assert moved(merchant, "cards", intent.id) == []
    charge = merchant.api.charges.retrieve(intent.latest_charge)
    assert (charge.refunded, charge.captured) == (True, False)


# --- customers and publishable keys -------------------------------------------------------------


def test_setup_future_usage_saves_what_paid(merchant: Merchant) -> None:
    customer = merchant.api.customers.create({"name": "Aïcha"})
    intent = merchant.api.payment_intents.create(
        by_card(customer=customer.id, setup_future_usage="off_session")
    )
    saved = merchant.api.customers.payment_methods.list(customer.id).data
    assert [method.id for method in saved] == [intent.payment_method]
    again = merchant.api.payment_intents.create(
        by_card(saved[0].id, customer=customer.id, off_session=True)
    )
    assert again.status == "succeeded"


def test_setup_future_usage_does_not_save_what_was_refused(merchant: Merchant) -> None:
    customer = merchant.api.customers.create()
    with pytest.raises(stripe.CardError):
        merchant.api.payment_intents.create(
            by_card(
                "pm_card_chargeDeclined", customer=customer.id, setup_future_usage="off_session"
            )
        )
    assert merchant.api.customers.payment_methods.list(customer.id).data == []


def test_a_payment_method_pays_for_its_own_customer_only(merchant: Merchant) -> None:
    owner, other = (merchant.api.customers.create() for _ in range(2))
    method = merchant.api.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    for parameters in (by_card(method.id), by_card(method.id, customer=other.id)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            merchant.api.payment_intents.create(parameters)
        assert refused.value.param == "payment_method"
    assert merchant.rows("select id from charges") == []


@pytest.fixture
def browser(merchant: Merchant) -> stripe.StripeClient:
    """The SDK with a publishable key, as a payer's browser has it."""
    base = merchant.stack.base
    return stripe.StripeClient(merchant.publishable_key, base_addresses={"api": base})


def test_a_publishable_key_sees_and_confirms_the_intent_whose_secret_it_has(
    merchant: Merchant, browser: stripe.StripeClient
) -> None:
    intent = merchant.api.payment_intents.create({"amount": 5000, "currency": "xaf"})
    proof: Any = {"client_secret": intent.client_secret}
    assert browser.v1.payment_intents.retrieve(intent.id, proof).amount == 5000
    paid = browser.v1.payment_intents.confirm(
        intent.id, {**proof, "payment_method": "pm_card_visa"}
    )
    assert paid.status == "succeeded"


def test_a_publishable_key_without_the_right_secret_sees_nothing(
    merchant: Merchant, browser: stripe.StripeClient
) -> None:
    mine, other = (
        merchant.api.payment_intents.create({"amount": 5000, "currency": "xaf"}) for _ in range(2)
    )
    with pytest.raises(stripe.PermissionError):
        browser.v1.payment_intents.retrieve(mine.id)
    for operation in (browser.v1.payment_intents.retrieve, browser.v1.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            operation(mine.id, {"client_secret": other.client_secret})
        assert refused.value.param == "client_secret"


@pytest.mark.parametrize("path", ["customer", "latest_charge", "payment_method.customer"])
def test_a_publishable_key_expands_nothing_of_the_merchants(
    merchant: Merchant, browser: stripe.StripeClient, path: str
) -> None:
    customer = merchant.api.customers.create({"email": "secret@example.com"})
    intent = merchant.api.payment_intents.create(by_card(customer=customer.id))
    with pytest.raises(stripe.PermissionError) as refused:
        browser.v1.payment_intents.retrieve(
            intent.id, {"client_secret": intent.client_secret, "expand": [path]}
        )
    assert refused.value.error.param == "expand"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/payment_intents"),
        ("POST", "/v1/payment_intents"),
        ("POST", "/v1/payment_intents/pi_1/cancel"),
        ("POST", "/v1/payment_intents/pi_1/capture"),
        ("GET", "/v1/charges"),
        ("GET", "/v1/customers"),
        ("POST", "/v1/customers"),
        ("GET", "/v1/events"),
        ("POST", "/v1/webhook_endpoints"),
    ],
)
def test_a_publishable_key_opens_no_other_door(merchant: Merchant, method: str, path: str) -> None:
    reply = httpx.request(
        method,
        merchant.stack.base + path,
        headers={"Authorization": f"Bearer {merchant.publishable_key}"},
    )
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "secret_key_required"


def test_a_payer_reads_no_notes_and_sets_no_terms(
    merchant: Merchant, browser: stripe.StripeClient
) -> None:
    intent = merchant.api.payment_intents.create(
        {"amount": 5000, "currency": "xaf", "metadata": {"margin": "40 %"}}
    )
    secret = {"client_secret": intent.client_secret}
    payer: Any = browser.v1.payment_intents
    assert payer.retrieve(intent.id, secret).metadata.to_dict() == {}
    with pytest.raises(stripe.PermissionError) as refused:
        payer.confirm(
            intent.id,
            {**secret, "payment_method": "pm_card_visa", "capture_method": "manual"},
        )
    assert refused.value.error.param == "capture_method"
    paid = payer.confirm(intent.id, {**secret, "payment_method": "pm_card_visa"})
    assert (paid.status, paid.metadata.to_dict()) == ("succeeded", {})
    assert merchant.api.payment_intents.retrieve(intent.id).metadata.margin == "40 %"
