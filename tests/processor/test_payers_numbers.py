"""What people type where a payer's number or an amount is asked for, at the door of payments."""

from typing import Any

import pytest
import stripe
from live import Merchant, Stack, new_merchant
from sandbox_control import by_card, by_phone


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """One merchant for all that is refused: nothing of it may be left."""
    return new_merchant(stack)


REFUSED = {
    "too short": "+23767000000",
    "too short by far": "67",
    "too long": "+2376700000000",
    "300 digits": "6" * 300,
    "300 blanks around a number": " " * 150 + "670000000" + " " * 150,
    "letters": "+237 MTN MONEY",
    "a letter O": "+23767000000O",
    "words": "le numéro de ma mère",
    "a fixed line of Douala": "+237233420000",
    "a fixed line of Lomé": "+22822210000",
    "a fixed line of Abidjan": "+2252720300000",
    "no number of Togo": "+22874000000",
    "no number of Benin": "+22912345678",
    "no country": "+999123456789",
    "a freephone number": "+18005550199",
    "emergency": "112",
    "two numbers": "+237670000000/+237690000000",
    "two plus signs": "++237670000000",
    "an extension": "+237670000000 ext. 5",
    "a URI": "tel:+237670000000",
    "full-width digits": "\uff16\uff17\uff10\uff10\uff10\uff10\uff10\uff10\uff10",
    "Arabic digits": "\u0666\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660",
    "a mark from right to left": "\u200f+237670000000",
    "an isolate": "\u2066+237670000000\u2069",
    "a blank of no width": "+23767\u200b0000000",
    "emoji": "📱670000000",
    "emoji digits": "6️⃣7️⃣0️⃣0️⃣0️⃣0️⃣0️⃣0️⃣0️⃣",
    "a line break": "+237670000000\n",
    "a tab": "\t+237670000000",
    "a formula": "=+237670000000",
    "SQL": "670000000'; drop table charges; --",
    "a fraction": "670000000.5e3",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("where", ["billing_details", "mobile_money"])
def test_what_is_no_number_of_a_wallet(shop: Merchant, where: str, text: str) -> None:
    data: dict[str, Any] = {"type": "mobile_money", where: {"phone": text}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.payment_intents.create(by_phone("", payment_method_data=data))
    error = refused.value
    assert (error.http_status, error.param) == (400, f"payment_method_data[{where}][phone]")
    assert error.code in ("phone_number_invalid", None)  # None: longer than any text may be
    assert len(str(error)) < 300
    assert shop.rows("select id from payment_intents") == []


# A right number, and the network that somebody names: None where the number tells.
UNREACHABLE = {
    "France": ("+33612345678", None),
    "Nigeria": ("+2348031234567", None),
    "Camtel": ("+237620000000", None),
    "Airtel in Gabon": ("+24174000000", None),
    "no such wallet in Cameroon": ("+237670000000", "moov"),
    "no such wallet in Senegal": ("+221770000000", "tmoney"),
    "no such wallet in Togo": ("+22890000000", "orange"),
    "no network": ("+237670000000", "wave money"),
    "capitals": ("+237670000000", "MTN"),
    "a network from right to left": ("+237670000000", "\u202emtn"),
}


@pytest.mark.parametrize("case", UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_number_without_a_rail(shop: Merchant, case: tuple[str, str | None]) -> None:
    phone, network = case
    data: dict[str, Any] = {"type": "mobile_money", "billing_details": {"phone": phone}}
    if network is not None:
        data["mobile_money"] = {"network": network}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.payment_intents.create(by_phone("", payment_method_data=data))
    assert refused.value.code in ("payment_method_not_available", None)
    assert shop.rows("select id from payment_intents") == []


def wallet(phone: str, amount: int, network: str | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {"type": "mobile_money", "billing_details": {"phone": phone}}
    if network is not None:
        data["mobile_money"] = {"network": network}
    return by_phone("", amount=amount, currency="xof", payment_method_data=data)


def by_page(amount: int) -> dict[str, Any]:
    return by_card("pm_hosted_card", amount=amount, currency="xof")


def typed(amount: str) -> dict[str, Any]:
    return wallet("+2250100000123", 0) | {"amount": amount}


# What no rail takes, and the code of the answer.
AMOUNTS: list[tuple[str, dict[str, Any], str]] = [
    ("CinetPay's step", by_page(5003), "parameter_invalid_integer"),
    ("PayGate's least and CinetPay's step", wallet("+22890000123", 97), "amount_too_small"),
    ("below a coin", wallet("+2250100000123", 4), "amount_too_small"),
    ("nothing", wallet("+2250100000123", 0), "parameter_invalid_integer"),
    ("a debt", wallet("+2250100000123", -5000), "parameter_invalid_integer"),
    ("more than there is", wallet("+2250100000123", 10**12), "amount_too_large"),
    ("more than a number holds", wallet("+2250100000123", 10**30), "parameter_invalid_integer"),
    ("a fraction of a franc", typed("5000.5"), "parameter_invalid_integer"),
    ("full-width", typed("５０００"), "parameter_invalid_integer"),
    ("an exponent", typed("5e3"), "parameter_invalid_integer"),
]  # fmt: skip


@pytest.mark.parametrize("case", AMOUNTS, ids=lambda case: case[0])
def test_an_amount_that_no_rail_takes(
    shop: Merchant, case: tuple[str, dict[str, Any], str]
) -> None:
    _, parameters, code = case
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.payment_intents.create(parameters)
    assert (refused.value.http_status, refused.value.code) == (400, code)
    assert refused.value.param == "amount"
    assert shop.rows("select id from payment_intents") == []


# An amount that one of two providers does not take goes to the other, and the charge says why.
ELSEWHERE = [
    ("+22607000123", 5003, "orange_web_bf_test", {"cinetpay_bf_test": "amount_step"}),
    ("+22890000123", 95, "cinetpay_tg_test", {"paygate_test": "amount_too_small"}),
]


@pytest.mark.parametrize("case", ELSEWHERE)
def test_an_amount_that_one_rail_does_not_take_goes_to_another(
    merchant: Merchant, case: tuple[str, int, str, dict[str, str]]
) -> None:
    phone, amount, account, left_out = case
    intent = merchant.api.payment_intents.create(wallet(phone, amount))
    (row,) = merchant.rows(
        "select provider, details->'routing'->'considered' as considered from charges"
        " where payment_intent = $1",
        intent.id,
    )
    assert row["provider"] == account
    for name, reason in left_out.items():
        assert f'"reason": "{reason}", "result": "excluded", "account": "{name}"' in row[1]
