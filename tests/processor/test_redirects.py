"""Payments on providers' pages, from the merchant's call to the shop's page that the payer returns
to: the official SDK on one side, a browser on the other, and the PSPs' books to tell the truth.
"""

from typing import Any

import httpx
import pytest
import stripe
from live import Merchant, eventually
from payer_browser import Browser, Page, query_of
from provider_pages import BACK, CARD_WITH_CODE, RAILS, Rail, pay_with_code, taken
from sandbox_control import tell

CMI, PAYPAL = RAILS["cmi"], RAILS["paypal"]
EVERY_RAIL = pytest.mark.parametrize("rail", RAILS.values(), ids=RAILS)


def start(merchant: Merchant, rail: Rail, **more: Any) -> tuple[Any, Browser, Page]:
    """A payment whose payer has arrived at the page."""
    intent = merchant.api.payment_intents.create(rail.parameters() | more)
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    browser = Browser()
    page = browser.open(intent.next_action.redirect_to_url.url)
    assert page.status == 200
    return intent, browser, page


def status(merchant: Merchant, intent: str) -> str:
    return str(merchant.api.payment_intents.retrieve(intent).status)


def returned(page: Page, intent: Any) -> str:
    """Check what the shop is told, and return the status that it is told."""
    assert page.at_shop
    assert page.url.endswith("#top")
    told = query_of(page.url)
    assert told.pop("order") == "7"
    said = told.pop("redirect_status")
    assert told == {
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
    }
    return said


def events(merchant: Merchant, intent: Any) -> list[str]:
    """The types of what was announced about an intent and its charges, in order."""
    listed = merchant.api.events.list({"limit": 100}).data
    return [
        event.type
        for event in reversed(listed)
        if intent.id in (event.data.object["id"], getattr(event.data.object, "payment_intent", ""))
    ]


@EVERY_RAIL
def test_who_pays_on_a_page_comes_back_to_the_shop_with_a_payment(
    merchant: Merchant, rail: Rail
) -> None:
    intent, browser, page = start(merchant, rail)
    assert returned(rail.pay(browser, page), intent) in ("succeeded", "pending")
    eventually(lambda: status(merchant, intent.id) == "succeeded")
    assert taken(merchant, rail, intent.id) == [rail.amount]
    now = merchant.api.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction"]}
    )
    charge = now.latest_charge
    assert (now.amount_received, charge.paid, charge.captured) == (rail.amount, True, True)
    assert now.next_action is None
    assert charge.balance_transaction.amount == rail.amount
    assert {row["sum"] for row in _balances(merchant)} == {0}
    receipt = eventually(lambda: _receipt(charge.receipt_url))
    assert receipt.startswith(b"%PDF")
    assert {"payment_intent.created", "payment_intent.requires_action", "charge.succeeded"} <= set(
        events(merchant, intent)
    )
    assert events(merchant, intent).count("payment_intent.succeeded") == 1


def _balances(merchant: Merchant) -> list[Any]:
    return merchant.rows("select currency, sum(amount) from ledger_balances group by currency")


def _receipt(url: str) -> bytes | None:
    reply = httpx.get(url)
    return reply.content if reply.status_code == 200 else None


@EVERY_RAIL
def test_who_is_refused_may_try_again(merchant: Merchant, rail: Rail) -> None:
    intent, browser, page = start(merchant, rail)
    assert returned(rail.refuse(browser, page), intent) in ("failed", "pending")
    eventually(lambda: status(merchant, intent.id) == "requires_payment_method")
    now = merchant.api.payment_intents.retrieve(intent.id)
    assert now.last_payment_error.code == rail.refusal
    assert taken(merchant, rail, intent.id) == []
    again = merchant.api.payment_intents.confirm(
        intent.id, {key: value for key, value in rail.parameters().items() if "method" in key}
    )
    rail.pay(browser, browser.open(again.next_action.redirect_to_url.url))
    eventually(lambda: status(merchant, intent.id) == "succeeded")
    assert taken(merchant, rail, intent.id) == [rail.amount]


def test_3d_secure_on_cmis_page(merchant: Merchant) -> None:
    intent, browser, page = start(merchant, CMI)
    assert returned(pay_with_code(browser, page), intent) == "succeeded"
    assert taken(merchant, CMI, intent.id) == [5000]
    seen = httpx.get(f"{merchant.stack.sandbox}/cmi/control/requests").text
    assert CARD_WITH_CODE not in seen


@pytest.mark.parametrize(
    ("name", "told", "code"),
    [
        ("cmi", "failed", "payment_method_customer_decline"),
        ("paypal", "failed", "payment_method_customer_decline"),
        # Orange's page can be paid on until its time is over, whoever has left it.
        ("orange", "pending", None),
        ("cinetpay", "failed", "payment_method_customer_decline"),
    ],
)
def test_who_gives_up_on_the_page_may_choose_another_way(
    merchant: Merchant, name: str, told: str, code: str | None
) -> None:
    rail = RAILS[name]
    intent, browser, page = start(merchant, rail)
    assert returned(rail.give_up(browser, page), intent) == told
    now = merchant.api.payment_intents.retrieve(intent.id)
    if code is None:
        assert now.status == "requires_action"
        return
    assert (now.status, now.last_payment_error.code) == ("requires_payment_method", code)
    # The payer has the old page open in another tab, and pays there after all: nothing is taken.
    rail.pay(browser, page)
    paid = merchant.api.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": BACK}
    )
    assert (paid.status, taken(merchant, rail, intent.id)) == ("succeeded", [])


@pytest.mark.parametrize("name", ["cmi", "paypal", "orange"])
def test_a_page_that_nobody_pays_on_is_over_one_day(merchant: Merchant, name: str) -> None:
    rail = RAILS[name]
    intent, browser, page = start(merchant, rail)
    _wait_three_hours(merchant, intent)
    eventually(lambda: status(merchant, intent.id) == "requires_payment_method")
    now = merchant.api.payment_intents.retrieve(intent.id)
    assert now.last_payment_error.code == "payment_intent_payment_attempt_expired"
    # The payer, back from lunch, pays. Only Orange takes that without asking us once more.
    back = rail.pay(browser, page)
    if name == "orange":
        eventually(lambda: status(merchant, intent.id) == "succeeded")
        assert taken(merchant, rail, intent.id) == [rail.amount]
    else:
        assert returned(back, intent) == "failed"
        assert taken(merchant, rail, intent.id) == []


def _wait_three_hours(merchant: Merchant, intent: Any) -> None:
    """Let three hours pass for a charge, and its look-up come due."""
    merchant.rows(
        "update charges set created = created - 10800 where payment_intent = $1", intent.id
    )
    merchant.rows(
        "update platform.jobs j set run_at = now(), attempts = 0 from charges c"
        " where j.subject = c.id and c.payment_intent = $1",
        intent.id,
    )


@EVERY_RAIL
def test_a_lost_callback_and_a_payer_who_never_returns(merchant: Merchant, rail: Rail) -> None:
    operation = {"cmi": "charge", "orange_web": "confirm", "cinetpay": "pay"}.get(rail.psp)
    if operation is not None:  # PayPal tells nobody who has not asked to be told
        tell(merchant.stack, rail.psp, operation=operation, callback="lost", times=1)
    intent, browser, page = start(merchant, rail)
    browser.never_return = True
    rail.pay(browser, page)
    eventually(lambda: status(merchant, intent.id) == "succeeded", 40)
    assert taken(merchant, rail, intent.id) == [rail.amount]


@EVERY_RAIL
def test_a_payer_may_return_before_the_callback_and_more_than_once(
    merchant: Merchant, rail: Rail
) -> None:
    operation = {"cmi": "charge", "orange_web": "confirm", "cinetpay": "pay"}.get(rail.psp)
    if operation is not None:
        late = {"callback": "late", "callback_seconds": 2}
        tell(merchant.stack, rail.psp, operation=operation, times=1, **late)
    intent, browser, page = start(merchant, rail)
    first = rail.pay(browser, page)
    eventually(lambda: status(merchant, intent.id) == "succeeded")
    assert browser.way_back is not None
    again, once_more = browser.open(browser.way_back), Browser().open(browser.way_back)
    assert returned(first, intent) in ("succeeded", "pending")
    assert [returned(page, intent) for page in (again, once_more)] == ["succeeded"] * 2
    assert taken(merchant, rail, intent.id) == [rail.amount]
    assert events(merchant, intent).count("charge.succeeded") == 1


@pytest.mark.parametrize("name", ["cmi", "paypal"])
def test_what_is_canceled_takes_no_money_from_a_payer_who_is_late(
    merchant: Merchant, name: str
) -> None:
    rail = RAILS[name]
    intent, browser, page = start(merchant, rail)
    canceled = merchant.api.payment_intents.cancel(intent.id)
    assert (canceled.status, canceled.next_action) == ("canceled", None)
    assert returned(rail.pay(browser, page), intent) == "failed"
    assert (status(merchant, intent.id), sum(taken(merchant, rail, intent.id))) == ("canceled", 0)


@pytest.mark.parametrize("name", ["orange", "cinetpay"])
def test_a_page_that_cannot_be_taken_back_blocks_a_cancellation(
    merchant: Merchant, name: str
) -> None:
    intent, _, _ = start(merchant, RAILS[name])
    for operation in ("cancel", "confirm"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            getattr(merchant.api.payment_intents, operation)(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.status == "requires_action"
        if operation == "cancel":
            assert "on the provider's page" in str(refused.value)


@pytest.mark.parametrize("name", ["cmi", "paypal"])
def test_a_hold_made_on_a_page_is_captured_in_part(merchant: Merchant, name: str) -> None:
    rail = RAILS[name]
    intent, browser, page = start(merchant, rail, capture_method="manual")
    assert returned(rail.pay(browser, page), intent) == "succeeded"
    held = merchant.api.payment_intents.retrieve(intent.id)
    assert (held.status, held.amount_capturable) == ("requires_capture", 5000)
    assert taken(merchant, rail, intent.id) == []
    paid = merchant.api.payment_intents.capture(intent.id, {"amount_to_capture": 3000})
    assert (paid.status, paid.amount_received) == ("succeeded", 3000)
    assert taken(merchant, rail, intent.id) == [3000]


def test_the_form_of_a_payment_that_is_over_leads_back_instead(merchant: Merchant) -> None:
    intent, browser, page = start(merchant, CMI)
    CMI.pay(browser, page)
    assert returned(browser.open(page.url), intent) == "succeeded"
