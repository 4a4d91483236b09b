"""Saving a means of payment for later: what the bank, the payer and the network can do to it."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest
import stripe
from live import Merchant, eventually
from sandbox_control import by_card, cameroonian, requests, tell

BACK = "https://shop.example/back?order=7"


def set_up(merchant: Merchant, alias: str = "pm_card_visa", **parameters: Any) -> Any:
    """A setup intent of a new customer that is confirmed at once."""
    return merchant.api.setup_intents.create(
        {
            "customer": merchant.api.customers.create().id,
            "payment_method": alias,
            "confirm": True,
            **parameters,
        }
    )


def events(merchant: Merchant, identifier: str) -> list[str]:
    """The types of an object's events, oldest first."""
    rows = merchant.rows("select type from events where object_id = $1 order by id", identifier)
    return [row["type"] for row in rows]


def authenticate(setup: Any, result: str) -> dict[str, list[str]]:
    """Be the payer on the bank's page. Returns the query with which the shop is reached."""
    reply = httpx.post(setup.next_action.redirect_to_url.url, data={"result": result})
    returned = httpx.get(reply.headers["location"])
    assert returned.status_code == 303
    return parse_qs(urlsplit(returned.headers["location"]).query)


def test_a_card_is_saved_with_a_mandate_and_then_charged_off_session(merchant: Merchant) -> None:
    setup = set_up(merchant, expand=["mandate", "latest_attempt", "payment_method"])
    assert (setup.status, setup.latest_attempt.status) == ("succeeded", "succeeded")
    assert (setup.mandate.status, setup.mandate.type) == ("active", "multi_use")
    assert setup.payment_method.customer == setup.customer
    assert merchant.api.mandates.retrieve(setup.mandate.id).payment_method == (
        setup.payment_method.id
    )
    assert events(merchant, setup.id) == ["setup_intent.created", "setup_intent.succeeded"]
    paid = merchant.api.payment_intents.create(
        by_card(setup.payment_method.id, customer=setup.customer, off_session=True)
    )
    assert paid.status == "succeeded"


@pytest.mark.parametrize(
    ("alias", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ],
)
def test_a_refused_card_is_a_402_and_can_be_replaced(
    merchant: Merchant, alias: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        set_up(merchant, alias)
    error = refused.value.error
    assert (error.code, error.decline_code) == (code, decline_code)
    setup = merchant.api.setup_intents.retrieve(error.setup_intent.id)
    assert (setup.status, setup.payment_method) == ("requires_payment_method", None)
    assert setup.last_setup_error.code == code
    assert merchant.api.customers.payment_methods.list(setup.customer).data == []
    again = merchant.api.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
    assert (again.status, again.last_setup_error) == ("succeeded", None)
    attempts = merchant.api.setup_attempts.list({"setup_intent": setup.id}).data
    assert [attempt.status for attempt in attempts] == ["succeeded", "failed"]


def test_a_card_that_can_be_attached_and_not_charged_is_set_up(merchant: Merchant) -> None:
    setup = set_up(merchant, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        merchant.api.payment_intents.create(
            by_card(setup.payment_method, customer=setup.customer, off_session=True)
        )


# A card, and what an off-session charge of it ends with once it is set up.
CHALLENGED = [
    ("pm_card_authenticationRequiredOnSetup", "succeeded"),
    ("pm_card_authenticationRequired", "authentication_required"),
    ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "authentication_required"),
]


@pytest.mark.parametrize(("alias", "later"), CHALLENGED)
def test_3d_secure_at_set_up_counts_for_later_if_the_bank_says_so(
    merchant: Merchant, alias: str, later: str
) -> None:
    setup = set_up(merchant, alias, return_url=BACK)
    assert (setup.status, setup.next_action.type) == ("requires_action", "redirect_to_url")
    assert authenticate(setup, "complete") == {
        "order": ["7"],
        "setup_intent": [setup.id],
        "setup_intent_client_secret": [setup.client_secret],
        "redirect_status": ["succeeded"],
    }
    setup = merchant.api.setup_intents.retrieve(setup.id)
    assert (setup.status, setup.next_action) == ("succeeded", None)
    charge = by_card(setup.payment_method, customer=setup.customer, off_session=True)
    try:
        outcome = merchant.api.payment_intents.create(charge).status
    except stripe.CardError as refused:
        outcome = refused.code
    assert outcome == later
    never_set_up = by_card(alias, off_session=True)
    with pytest.raises(stripe.CardError) as refused_before:
        merchant.api.payment_intents.create(never_set_up)
    assert refused_before.value.code == "authentication_required"


def test_failing_3d_secure_saves_nothing(merchant: Merchant) -> None:
    setup = set_up(merchant, "pm_card_authenticationRequired", return_url=BACK)
    assert authenticate(setup, "fail")["redirect_status"] == ["failed"]
    setup = merchant.api.setup_intents.retrieve(setup.id)
    assert setup.status == "requires_payment_method"
    assert setup.last_setup_error.code == "setup_intent_authentication_failure"
    assert merchant.api.customers.payment_methods.list(setup.customer).data == []
    assert events(merchant, setup.id)[1:] == [
        "setup_intent.requires_action",
        "setup_intent.setup_failed",
    ]


def test_a_payer_who_never_comes_back_is_looked_up(merchant: Merchant) -> None:
    setup = set_up(merchant, "pm_card_authenticationRequired", return_url=BACK)
    httpx.post(setup.next_action.redirect_to_url.url, data={"result": "complete"})
    eventually(lambda: merchant.api.setup_intents.retrieve(setup.id).status == "succeeded")


def test_who_authenticates_after_the_cancellation_saves_nothing(merchant: Merchant) -> None:
    setup = set_up(merchant, "pm_card_authenticationRequired", return_url=BACK)
    merchant.api.setup_intents.cancel(setup.id, {"cancellation_reason": "abandoned"})
    assert authenticate(setup, "complete")["redirect_status"] == ["failed"]
    now = merchant.api.setup_intents.retrieve(setup.id, {"expand": ["latest_attempt"]})
    assert (now.status, now.latest_attempt.status) == ("canceled", "abandoned")
    assert merchant.api.customers.payment_methods.list(setup.customer).data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
    assert refused.value.code == "setup_intent_unexpected_state"
    assert refused.value.error.setup_intent.status == "canceled"


def test_a_check_whose_answer_is_lost_is_asked_for_again(merchant: Merchant) -> None:
    # A payer of this test's own, so that the rule is for it alone.
    tell(
        merchant.stack,
        "cards",
        operation="verify",
        payer="pm_card_jcb",
        fault="reset_after_accepting",
        times=1,
    )
    setup = set_up(merchant, "pm_card_jcb")
    assert setup.status == "processing"
    eventually(lambda: merchant.api.setup_intents.retrieve(setup.id).status == "succeeded", 30)
    attempts = merchant.api.setup_attempts.list({"setup_intent": setup.id}).data
    assert [attempt.status for attempt in attempts] == ["succeeded"]


def test_fifty_confirmations_at_once_are_one_attempt(merchant: Merchant) -> None:
    customer = merchant.api.customers.create().id
    setup = merchant.api.setup_intents.create({"customer": customer})

    def confirm(_: int) -> str:
        try:
            now = merchant.api.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
        except stripe.StripeError as refused:
            return str(refused.code)
        return str(now.status)

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(confirm, range(50)))
    assert outcomes.count("succeeded") == 1
    assert len(merchant.rows("select id from setup_attempts")) == 1
    assert len(merchant.api.customers.payment_methods.list(customer).data) == 1


def set_up_wallet(merchant: Merchant, phone: str, **parameters: Any) -> Any:
    """A setup intent of a new customer for a wallet, confirmed at once."""
    return merchant.api.setup_intents.create(
        {
            "customer": merchant.api.customers.create().id,
            "confirm": True,
            "payment_method_data": {"type": "mobile_money", "billing_details": {"phone": phone}},
            **parameters,
        }
    )


def approved(merchant: Merchant, phone: str, **parameters: Any) -> Any:
    """The same, once the wallet's owner has approved on the phone."""
    setup = set_up_wallet(merchant, phone, **parameters)
    assert setup.status == "requires_action"
    eventually(partial(has_succeeded, merchant, setup.id))
    return merchant.api.setup_intents.retrieve(setup.id, {"expand": ["mandate"]})


def has_succeeded(merchant: Merchant, setup: str) -> bool:
    return bool(merchant.api.setup_intents.retrieve(setup).status == "succeeded")


def let_the_day_come(merchant: Merchant, subject: str) -> None:
    """Make a job due that waits for days."""

    async def hurry(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "update platform.jobs set run_at = now() where subject = $1", subject
        )

    merchant.run(hurry)


def approvals(merchant: Merchant, phone: str) -> list[dict[str, Any]]:
    """What MTN was asked about the approvals of a wallet's owner, oldest first."""
    digits = phone.removeprefix("+")
    calls = [call for call in requests(merchant.stack, "mtn") if "preapproval" in call["path"]]
    references = {
        call["headers"]["x-reference-id"]
        for call in calls
        if call["method"] == "POST" and digits in call["body"]
    }
    about = (*references, digits)
    return [
        call
        for call in reversed(calls)
        if call["headers"].get("x-reference-id") in references
        or any(call["path"].endswith(name) for name in about)
    ]


def withdrawn(merchant: Merchant, phone: str) -> bool:
    calls = approvals(merchant, phone)
    return ("DELETE", 200) in [(call["method"], call["status"]) for call in calls]


def test_the_owner_of_an_mtn_wallet_approves_on_the_phone(merchant: Merchant) -> None:
    phone = cameroonian()
    setup = set_up_wallet(
        merchant,
        phone,
        mandate_data={
            "customer_acceptance": {
                "type": "online",
                "online": {"ip_address": "203.0.113.7", "user_agent": "Firefox"},
            }
        },
    )
    assert (setup.status, setup.mandate) == ("requires_action", None)
    action = setup.next_action
    assert action.type == "mobile_money_await_confirmation"
    shown = action.mobile_money_await_confirmation
    assert (shown.network, shown.phone_last4) == ("mtn", phone[-4:])
    assert "Allow the coming payments" in shown.message
    eventually(lambda: merchant.api.setup_intents.retrieve(setup.id).status == "succeeded")
    setup = merchant.api.setup_intents.retrieve(
        setup.id, {"expand": ["mandate", "latest_attempt", "payment_method"]}
    )
    assert (setup.next_action, setup.latest_attempt.status) == (None, "succeeded")
    assert (setup.mandate.status, setup.mandate.type) == ("active", "multi_use")
    assert setup.mandate.payment_method_details.type == "mobile_money"
    assert setup.mandate.customer_acceptance.online.ip_address == "203.0.113.7"
    assert setup.payment_method.customer == setup.customer
    assert events(merchant, setup.id) == [
        "setup_intent.created",
        "setup_intent.requires_action",
        "setup_intent.succeeded",
    ]


def test_charges_while_nobody_is_there_name_the_mandate(merchant: Merchant) -> None:
    setup = approved(merchant, cameroonian())

    def paid(**parameters: Any) -> Any:
        intent = merchant.api.payment_intents.create(
            by_card(setup.payment_method, customer=setup.customer, **parameters)
        )

        def now() -> Any:
            return merchant.api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})

        eventually(lambda: now().status == "succeeded")
        return now().latest_charge.payment_method_details.mobile_money.mandate

    assert paid(off_session=True) == setup.mandate.id
    assert paid() is None  # the payer is there, and says yes to this one
    [row] = merchant.rows(
        "select details->'routing'->'considered'->0 as first from charges"
        " where (details->>'off_session')::boolean"
    )
    assert json.loads(row["first"])["reason"] == "mandate"


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("+237670000051", "payment_method_customer_decline"),
        ("+237670000052", "setup_intent_setup_attempt_expired"),
    ],
)
def test_an_owner_who_does_not_approve_saves_nothing(
    merchant: Merchant, phone: str, code: str
) -> None:
    setup = set_up_wallet(merchant, phone)
    assert setup.status == "requires_action"
    eventually(lambda: merchant.api.setup_intents.retrieve(setup.id).status != "requires_action")
    setup = merchant.api.setup_intents.retrieve(setup.id)
    assert (setup.status, setup.mandate) == ("requires_payment_method", None)
    assert setup.last_setup_error.code == code
    assert merchant.api.customers.payment_methods.list(setup.customer).data == []
    assert events(merchant, setup.id)[-1] == "setup_intent.setup_failed"
    again = merchant.api.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
    assert again.status == "succeeded"


def test_a_question_whose_answer_is_lost_is_looked_up(merchant: Merchant) -> None:
    arrived, never_arrived = cameroonian(), cameroonian()
    for phone, fault in (
        (arrived, "reset_after_accepting"),
        (never_arrived, "reset_before_accepting"),
    ):
        tell(merchant.stack, "mtn", operation="preapproval", payer=phone[1:], fault=fault, times=1)
    setups = [set_up_wallet(merchant, phone) for phone in (arrived, never_arrived)]
    assert [setup.status for setup in setups] == ["processing", "processing"]
    for setup in setups:
        eventually(partial(has_succeeded, merchant, setup.id), 40)
    # Once, and twice with the same reference.
    for phone, times in ((arrived, 1), (never_arrived, 2)):
        asked = [call for call in approvals(merchant, phone) if call["method"] == "POST"]
        assert len(asked) == times
        assert len({call["headers"]["x-reference-id"] for call in asked}) == 1


def test_an_owner_who_takes_the_approval_back_ends_the_mandate(merchant: Merchant) -> None:
    setup = approved(merchant, "+237670000074")
    off_session: Any = by_card(setup.payment_method, customer=setup.customer, off_session=True)

    def ended() -> bool:
        let_the_day_come(merchant, setup.mandate.id)
        return bool(merchant.api.mandates.retrieve(setup.mandate.id).status == "inactive")

    assert eventually(ended)
    assert events(merchant, setup.mandate.id) == ["mandate.updated"]
    # The wallet is still the customer's; whoever charges it asks for a yes, as without a mandate.
    intent = merchant.api.payment_intents.create({**off_session, "expand": ["latest_charge"]})
    details = intent.latest_charge.payment_method_details.mobile_money
    assert (intent.status, details.mandate) == ("requires_action", None)


def test_a_mandate_ends_with_its_time(merchant: Merchant) -> None:
    setup = approved(merchant, cameroonian())

    let_the_day_come(merchant, setup.mandate.id)  # MTN says that it stands
    assert merchant.api.mandates.retrieve(setup.mandate.id).status == "active"
    merchant.rows(
        "update mandates set details = jsonb_set(details, '{expires_at}', '1')"
        " where id = $1 returning id",
        setup.mandate.id,
    )

    def ended() -> bool:
        let_the_day_come(merchant, setup.mandate.id)
        return bool(merchant.api.mandates.retrieve(setup.mandate.id).status == "inactive")

    assert eventually(ended)


def test_what_leaves_the_customer_is_withdrawn_at_mtn(merchant: Merchant) -> None:
    detached, canceled = cameroonian(), cameroonian()
    setup = approved(merchant, detached)
    merchant.api.payment_methods.detach(setup.payment_method)
    assert merchant.api.mandates.retrieve(setup.mandate.id).status == "inactive"
    assert events(merchant, setup.mandate.id) == ["mandate.updated"]
    tell(merchant.stack, "mtn", operation="preapproval", payer=canceled[1:], delay=60)
    waiting = set_up_wallet(merchant, canceled)
    assert merchant.api.setup_intents.cancel(waiting.id).status == "canceled"
    for phone in (detached, canceled):
        assert eventually(partial(withdrawn, merchant, phone))


def test_an_account_without_approvals_saves_a_wallet_by_consent(merchant: Merchant) -> None:
    setup = set_up_wallet(merchant, "+237690000000")
    assert (setup.status, bool(setup.mandate)) == ("succeeded", True)
    assert approvals(merchant, "+237690000000") == []
    on_session = set_up_wallet(merchant, cameroonian(), usage="on_session")
    assert (on_session.status, on_session.mandate) == ("succeeded", None)


def test_a_mandate_for_one_charge_says_for_which(merchant: Merchant) -> None:
    setup = set_up(merchant, single_use={"amount": 5000, "currency": "xaf"})
    assert setup.mandate is None
    mandate = merchant.api.mandates.retrieve(setup.single_use_mandate)
    assert (mandate.type, mandate.single_use.amount) == ("single_use", 5000)


def test_a_mandate_ends_when_its_card_leaves_the_customer(merchant: Merchant) -> None:
    setup = set_up(merchant)
    merchant.api.payment_methods.detach(setup.payment_method)
    assert merchant.api.mandates.retrieve(setup.mandate).status == "inactive"
    assert events(merchant, setup.mandate) == ["mandate.updated"]


def test_set_up_for_the_payers_presence_needs_no_mandate(merchant: Merchant) -> None:
    assert set_up(merchant, usage="on_session").mandate is None


def test_an_idempotency_key_is_one_setup(merchant: Merchant) -> None:
    parameters: Any = {"payment_method": "pm_card_visa", "confirm": True}
    first, second = (
        merchant.api.setup_intents.create(parameters, {"idempotency_key": "once"}) for _ in range(2)
    )
    assert first.id == second.id
    assert len(merchant.rows("select id from setup_attempts")) == 1


def test_update_list_and_filters(merchant: Merchant) -> None:
    customer = merchant.api.customers.create().id
    setup = merchant.api.setup_intents.create()
    changed = merchant.api.setup_intents.update(
        setup.id,
        {"customer": customer, "payment_method": "pm_card_visa", "metadata": {"a": "b"}},
    )
    assert (changed.status, changed.metadata["a"]) == ("requires_confirmation", "b")
    merchant.api.setup_intents.create()
    found = merchant.api.setup_intents.list({"customer": customer}).data
    assert [one.id for one in found] == [setup.id]
    found = merchant.api.setup_intents.list({"payment_method": changed.payment_method}).data
    assert [one.id for one in found] == [setup.id]


# What is wrong, the parameters, and the code and parameter of the answer.
REFUSED: list[tuple[str, dict[str, Any], str | None, str | None]] = [
    ("nothing to check", {"confirm": True}, "setup_intent_unexpected_state", None),
    ("a customer of nobody's", {"customer": "cus_nobody"}, "resource_missing", "customer"),
    ("a card of nobody's", {"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
    ("a type of nobody's", {"payment_method_types": ["cash"]}, None, "payment_method_types[0]"),
    (
        "a type that is not allowed",
        {"payment_method_types": ["mobile_money"], "payment_method": "pm_card_visa"},
        None,
        "payment_method",
    ),
    ("no URL", {"return_url": "javascript:alert(1)"}, None, "return_url"),
    ("no usage", {"usage": "sometimes"}, None, "usage"),
    (
        "nothing",
        {"single_use": {"amount": 0, "currency": "xaf"}},
        "parameter_invalid_integer",
        "amount",
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_bad_input_makes_nothing(
    merchant: Merchant, case: tuple[str, dict[str, Any], str | None, str | None]
) -> None:
    _, parameters, code, param = case
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.setup_intents.create(parameters)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert merchant.rows("select id from setup_intents") == []


def test_a_browser_acts_on_the_setup_intent_whose_secret_it_has(merchant: Merchant) -> None:
    base = merchant.stack.base
    browser = stripe.StripeClient(merchant.publishable_key, base_addresses={"api": base})
    notes: Any = {"metadata": {"margin": "30"}, "customer": merchant.api.customers.create().id}
    mine, other = (merchant.api.setup_intents.create(notes) for _ in range(2))
    for proof in ({}, {"client_secret": other.client_secret}):
        for operation in (browser.v1.setup_intents.retrieve, browser.v1.setup_intents.confirm):
            with pytest.raises(stripe.StripeError) as refused:
                operation(mine.id, proof)
            assert refused.value.error.param == "client_secret"
    done = browser.v1.setup_intents.confirm(
        mine.id, {"client_secret": mine.client_secret, "payment_method": "pm_card_visa"}
    )
    seen = browser.v1.setup_intents.retrieve(mine.id, {"client_secret": mine.client_secret})
    for shown in (done, seen):
        assert (shown.status, str(shown.metadata), shown.customer) == ("succeeded", "{}", None)
