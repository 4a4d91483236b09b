"""One object of each kind, for tests that go through all operations."""

import io
from typing import Any

import httpx
from live import Merchant, eventually

ON_SETUPS = ("retrieve", "update", "confirm", "cancel")
PNG = b"\x89PNG\r\n\x1a\n"


def one_of_everything(merchant: Merchant) -> dict[str, str]:
    """Ids of a merchant's objects, by the path parameters that take them, or by the operation if
    its parameter has the name of many."""
    api = merchant.api
    customer = api.customers.create({"payment_method": "pm_card_visa"})
    paid = api.payment_intents.create(
        {"amount": 5000, "currency": "xaf", "confirm": True, "payment_method": "pm_card_visa"}
    )
    charge = api.charges.retrieve(paid.latest_charge)
    file = api.files.create({"purpose": "business_logo", "file": io.BytesIO(PNG)})
    fund(merchant)
    account = merchant.tenant.id
    wallet = {"object": "mobile_wallet", "phone": "+237670000000"}
    external = api.accounts.external_accounts.create(account, {"external_account": wallet})
    payout = api.payouts.create({"amount": 1000, "currency": "xaf"})
    saved = api.setup_intents.create({"confirm": True, "payment_method": "pm_card_visa"})
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    return {
        "customer": customer.id,
        "payment_method": api.customers.payment_methods.list(customer.id).data[0].id,
        "intent": open_intent(api).id,
        "charge": charge.id,
        "refund": api.refunds.create({"charge": charge.id, "amount": 1000}).id,
        "webhook_endpoint": endpoint(api).id,
        "file": file.id,
        "link": api.file_links.create({"file": file.id}).id,
        "product": api.products.create({"name": "Sac"}).id,
        "token": api.tokens.create({"card": card}).id,
        "mandate": saved.mandate,
        **{f"setup_intents.{name}": open_setup(api).id for name in ON_SETUPS},
        "account": account,
        "payout": payout.id,
        "payout_batch": batch(merchant),
        "dispute": disputed(merchant),
        **{f"external_accounts.{name}": external.id for name in ("retrieve", "update", "delete")},
        "events.retrieve": api.events.list().data[0].id,
        "balance_transactions.retrieve": charge.balance_transaction,
    }


def fund(merchant: Merchant) -> None:
    """Make 50,000 XAF and more available, by a card whose money is there at once."""
    merchant.api.payment_intents.create(
        {
            "amount": 60_000,
            "currency": "xaf",
            "confirm": True,
            "payment_method": "pm_card_bypassPending",
        }
    )


def disputed(merchant: Merchant) -> str:
    """A dispute of a test card that disputes whatever it pays."""
    merchant.api.payment_intents.create(
        {
            "amount": 3000,
            "currency": "xaf",
            "confirm": True,
            "payment_method": "pm_card_createDispute",
        }
    )
    found = eventually(lambda: merchant.api.disputes.list().data or None)
    identifier: str = found[0].id
    return identifier


def batch(merchant: Merchant) -> str:
    """A batch of one payout; the SDK does not know batches."""
    reply = httpx.post(
        f"{merchant.stack.base}/v1/payout_batches",
        json={"currency": "xaf", "lines": [{"amount": 500, "phone": "+237670000001"}]},
        headers={"Authorization": f"Bearer {merchant.secret_key}"},
    )
    identifier: str = reply.json()["id"]
    return identifier


def open_setup(api: Any) -> Any:
    """A setup intent that nothing has been checked for."""
    return api.setup_intents.create({})


def open_intent(api: Any) -> Any:
    """A payment intent that nobody has paid."""
    return api.payment_intents.create({"amount": 5000, "currency": "xaf"})


def endpoint(api: Any) -> Any:
    """A webhook endpoint that hears nothing."""
    return api.webhook_endpoints.create(
        {"url": "https://shop.example.com", "enabled_events": ["invoice.created"]}
    )
