"""Providers that may not be asked twice: the payer is told so before anything is sent."""

import random
from typing import Any

import pytest
import stripe
from live import Merchant
from payout_books import cameroonian
from sandbox_control import by_phone
from test_provider_accounts import call

CINETPAY, MOOV = "cinetpay_cm_test", "moov_bj_test"


def beninese() -> str:
    """A wallet of Moov Benin whom no other test knows."""
    return f"+229019410{random.randrange(10_000):04}"


def ask(merchant: Merchant, phone: str, **more: Any) -> Any:
    return merchant.api.payment_intents.create(by_phone(phone, **more))


def refusal(merchant: Merchant, phone: str, **more: Any) -> Any:
    with pytest.raises(stripe.CardError) as caught:
        ask(merchant, phone, **more)
    assert caught.value.error is not None
    [row] = merchant.rows(
        "select provider_reference from charges where id = $1", caught.value.error.charge
    )
    assert row["provider_reference"] is None, "it was sent"
    return caught.value.error


def test_an_aggregator_is_not_asked_again_at_once_for_the_same(
    merchant: Merchant, other_merchant: Merchant
) -> None:
    for each in (merchant, other_merchant):
        call(each, "POST", "routing_rules", targets=[{"account": CINETPAY}], fallback=False)
    phone = cameroonian()
    assert ask(merchant, phone).status == "requires_action"
    assert ask(merchant, phone, amount=5_005).status == "requires_action"
    assert ask(merchant, cameroonian()).status == "requires_action"
    refused = refusal(merchant, phone)
    assert (refused.code, refused.decline_code) == (
        "payment_method_provider_decline",
        "duplicate_transaction",
    )
    # What another merchant asks for is not ours to know: the provider decides.
    assert ask(other_merchant, phone).status == "requires_action"

    async def a_minute_passes(connection: Any) -> None:
        await connection.execute(
            f'update "{merchant.tenant.test_schema}".charges set created = created - 60'
        )

    merchant.run(a_minute_passes)
    assert ask(merchant, phone).status == "requires_action"


def test_a_second_prompt_does_not_replace_the_first(merchant: Merchant) -> None:
    phone = beninese()
    first = ask(merchant, phone, currency="xof")
    [row] = merchant.rows("select provider from charges where id = $1", first.latest_charge)
    assert (row["provider"], first.status) == (MOOV, "requires_action")
    refused = refusal(merchant, phone, currency="xof", amount=7_000)
    assert refused.decline_code == "try_again_later"
    assert ask(merchant, beninese(), currency="xof").status == "requires_action"
