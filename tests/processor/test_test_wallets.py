"""Each name of a test wallet has its outcome, from the API to the sandbox PSP of its network."""

from pathlib import Path
from typing import Any

import stripe
from live import Merchant, eventually
from sandbox_control import tell

from processor.payment_methods.test_aliases import TEST_WALLETS

DOCUMENT = Path(__file__).parents[2] / "docs" / "sandboxes.md"
CURRENCIES = {"mtn": "xaf", "orange": "xaf", "moov": "xof", "tmoney": "xof"}
PAID = "succeeded"
# By the end of a name: what the payment comes to, "succeeded" or the code of its refusal.
ENDS = {
    "": PAID,
    "_declined": "payment_method_customer_decline",
    "_timeout": "payment_intent_payment_attempt_expired",
    "_delayed": PAID,
    "_insufficient_funds": "insufficient_funds",
    # Moov's one word for both.
    "moov_declined": "payment_intent_payment_attempt_expired",
}


def expected(name: str) -> str:
    """The end that goes with a name: the longest that fits."""
    return ENDS[max((end for end in ENDS if name.endswith(end)), key=len)]


def create(merchant: Merchant, name: str) -> str:
    """The id of a payment by that name."""
    currency = CURRENCIES[TEST_WALLETS[name].network]
    wanted: Any = {"amount": 5000, "currency": currency, "confirm": True, "payment_method": name}
    try:
        return str(merchant.api.payment_intents.create(wanted).id)
    except stripe.CardError as refused:  # some rails know at once
        return str(refused.error.payment_intent.id)


def end_of(merchant: Merchant, intent: str) -> str | None:
    """What a payment came to; None as long as it is open."""
    shown = merchant.api.payment_intents.retrieve(intent)
    if shown.status == PAID:
        return PAID
    if shown.status != "requires_payment_method":
        return None
    error = shown.last_payment_error
    return str(getattr(error, "decline_code", None) or error.code)


def test_every_name_has_its_outcome(merchant: Merchant) -> None:
    # Those who take their time take less of it.
    for psp, payer in (
        ("mtn", "237670000054"),
        ("orange_cm", "690000052"),
        ("orange_cm", "690000054"),
        ("paygate", "90000054"),
    ):
        tell(merchant.stack, psp, payer=payer, delay=0.5)
    intents = {name: create(merchant, name) for name in TEST_WALLETS}
    ends = {
        name: eventually(lambda intent=intent: end_of(merchant, intent), 60)
        for name, intent in intents.items()
    }
    assert ends == {name: expected(name) for name in TEST_WALLETS}


def test_the_document_has_every_name() -> None:
    document = DOCUMENT.read_text()
    for name, wallet in TEST_WALLETS.items():
        assert f"| `{name}` | `{wallet.phone}` |" in document
