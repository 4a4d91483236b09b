"""The addresses that payers come back to: whose they are, and what they show."""

import re
from typing import Any

import httpx
import pytest
from live import Merchant, Stack, eventually, new_merchant
from payer_browser import Browser, Page
from provider_pages import RAILS, card_page
from sandbox_control import by_card, references

from processor.secrets import Secrets

CMI = RAILS["cmi"]


def start(merchant: Merchant, **more: Any) -> tuple[Any, Page]:
    """A payment by card on CMI's page, without a page of the merchant's to go back to."""
    intent = merchant.api.payment_intents.create(by_card("pm_hosted_card", currency="mad") | more)
    return intent, Browser().open(intent.next_action.redirect_to_url.url)


def back_from(page: Page) -> str:
    """The address that the page's form gives to CMI."""
    return page.form.fields["okUrl"]


@pytest.fixture(scope="module")
def waiting(stack: Stack) -> tuple[Merchant, str, str, str]:
    """Two payments of one merchant and one of another's: their ways back."""
    one, other = new_merchant(stack), new_merchant(stack)
    first, second, theirs = (back_from(start(each)[1]) for each in (one, one, other))
    return one, first, second, theirs


def _parts(address: str) -> list[str]:
    return address.rsplit("/", 3)


# Of the first payment's address, what is put in place of its signed part.
TAMPERED = {
    "one letter": lambda w: _parts(w[1])[3][:-1] + ("0" if w[1][-1] != "0" else "1"),
    "cut short": lambda w: _parts(w[1])[3][:-1],
    "longer": lambda w: _parts(w[1])[3] + "0",
    "capitals": lambda w: "A" + _parts(w[1])[3][1:],
    "another payment's": lambda w: _parts(w[2])[3],
    "another tenant's": lambda w: _parts(w[3])[3],
    "NUL": lambda _: "%00",
    "not UTF-8": lambda _: "%ff%fe",
    "not ASCII": lambda _: "é" * 16,
    "very long": lambda _: "0" * 10_000,
}


@pytest.mark.parametrize("ending", ["", "/canceled", "/form"])
@pytest.mark.parametrize("name", TAMPERED)
def test_an_address_that_we_did_not_sign_says_nothing(
    waiting: tuple[Merchant, str, str, str], name: str, ending: str
) -> None:
    base, schema, reference, _ = _parts(waiting[1])
    signed = TAMPERED[name](waiting)
    reply = httpx.get(f"{base}/{schema}/{reference}/{signed}{ending}")
    assert reply.status_code == 404
    assert "n'est pas connu" in reply.text or "inconnu" in reply.text
    assert reply.headers["cache-control"] == "no-store"
    states = waiting[0].rows("select distinct state from charges")
    assert [row["state"] for row in states] == ["pending"]


def test_a_signature_is_of_one_tenant_mode_and_payment(
    waiting: tuple[Merchant, str, str, str],
) -> None:
    merchant, first, _, theirs = waiting
    base, schema, reference, signed = _parts(first)
    live = merchant.tenant.live_schema
    for place in (live, _parts(theirs)[1], "platform", "t1_test%00"):
        assert httpx.get(f"{base}/{place}/{reference}/{signed}").status_code == 404
    # A right signature of what is no payment of ours is of no use either.
    secrets = Secrets(merchant.stack.pepper)
    for place, name in ((live, reference), (schema, "x"), (_parts(theirs)[1], reference)):
        path = f"{place}/{name}/{secrets.redirect_state(place, name)}"
        assert httpx.get(f"{base}/{path}").status_code == 404


SAID = {
    "pay": ("Le paiement a réussi.", "The payment has succeeded."),
    "refuse": ("Le paiement n'a pas abouti.", "The payment did not go through."),
    "give_up": ("Le paiement n'a pas abouti.", "The payment did not go through."),
    "wait": ("Le paiement n'est pas encore confirmé.", "The payment is not confirmed yet."),
    "cancel": ("Ce paiement a été annulé.", "This payment was canceled."),
}


@pytest.mark.parametrize("what", SAID)
def test_without_a_page_of_the_merchants_we_say_what_happened(
    merchant: Merchant, what: str
) -> None:
    intent, page = start(merchant)
    if what == "cancel":
        merchant.api.payment_intents.cancel(intent.id)
    browser = Browser()
    if what in ("wait", "cancel"):
        shown = browser.open(back_from(page))
    else:
        shown = getattr(CMI, what)(browser, page)
    french, english = SAID[what]
    assert (shown.status, french in shown.html, english in shown.html) == (200, True, True)
    assert "50.00 MAD" in shown.html
    _is_safe(shown)


def _is_safe(page: Page) -> None:
    """It loads nothing, is not kept, and tells nobody its address."""
    assert re.findall(r"(?:src|href)=|https?://|@import|url\(", page.html) == []
    assert '<meta name="viewport" content="width=device-width,initial-scale=1">' in page.html
    policy = page.headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_the_page_that_leads_to_cmi_may_go_there_and_nowhere_else(merchant: Merchant) -> None:
    _, page = start(merchant)
    policy = page.headers["content-security-policy"]
    assert f"form-action {merchant.stack.sandbox}" in policy.split("; ")
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "strict-origin"
    assert "document.forms[0].submit()" in page.html
    assert "Continuer vers le paiement" in page.html
    assert "Continue to the payment" in page.html


def test_the_way_back_to_the_merchant_is_kept_by_nobody(merchant: Merchant) -> None:
    _, page = start(merchant, return_url="https://shop.example/é?q=1&r=<b>#à")
    reply = httpx.post(back_from(page), data={"anything": "at all"})
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("https://shop.example/%C3%A9?q=1&r=%3Cb%3E&payment")
    assert reply.headers["location"].endswith("&redirect_status=pending#%C3%A0")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["referrer-policy"] == "no-referrer"


def test_whoever_returns_after_days_is_told_the_truth(merchant: Merchant) -> None:
    intent, page = start(merchant)
    browser = Browser()
    CMI.pay(browser, page)
    eventually(lambda: merchant.api.payment_intents.retrieve(intent.id).status == "succeeded")
    merchant.rows("update charges set created = created - 864000")
    merchant.rows("update payment_intents set created = created - 864000")
    assert SAID["pay"][0] in browser.open(back_from(page)).html


def test_a_card_that_is_saved_on_a_banks_page(merchant: Merchant) -> None:
    intent = merchant.api.setup_intents.create(
        {"confirm": True, "payment_method": "pm_card_authenticationRequired"}
    )
    browser = Browser()
    page = browser.open(intent.next_action.redirect_to_url.url)
    shown = browser.submit(page, result="complete")
    assert "Votre moyen de paiement est enregistré." in shown.html
    assert "Your means of payment is saved." in shown.html
    _is_safe(shown)


def test_who_leaves_a_wrong_card_may_type_another(merchant: Merchant) -> None:
    intent, page = start(merchant)
    browser = Browser()
    typed = browser.submit(card_page(browser, page), pan="4111111111111111", expiry="1", cvv="1")
    assert "4111111111111111" not in typed.html
    assert references(merchant, intent.id) != []
    shown = browser.submit(browser.submit(typed, pan="4000000000000010", expiry="12/40", cvv="000"))
    assert SAID["pay"][0] in shown.html
