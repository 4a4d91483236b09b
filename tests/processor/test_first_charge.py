"""The walking skeleton: a charge from request to receipt and event, by card and by wallet."""

from live import Merchant, eventually


def test_a_card_charge_succeeds_at_once(merchant: Merchant) -> None:
    intent = merchant.api.payment_intents.create(
        {"amount": 5000, "currency": "xaf", "confirm": True, "payment_method": "pm_card_visa"}
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 5000)
    charge = merchant.api.charges.retrieve(intent.latest_charge)
    assert (charge.paid, charge.captured, charge.amount_captured) == (True, True, 5000)


def test_a_mobile_money_charge_succeeds_when_the_payer_confirms(merchant: Merchant) -> None:
    intent = merchant.api.payment_intents.create(
        {
            "amount": 5000,
            "currency": "xaf",
            "confirm": True,
            "payment_method_data": {
                "type": "mobile_money",
                "billing_details": {"phone": "+237670000000"},
            },
        }
    )
    assert intent.status == "requires_action"
    assert intent.next_action.type == "mobile_money_await_confirmation"

    def paid() -> bool:
        now = merchant.api.payment_intents.retrieve(intent.id)
        return (now.status, now.amount_received) == ("succeeded", 5000)

    assert eventually(paid)
