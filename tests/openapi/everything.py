"""One object of each kind, for tests that go through all operations."""

import io
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from live import Merchant, eventually

from processor.unresolved_payments.objects import UnresolvedPayment
from tenants.ids import new_id

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
        "rpc_batch": rpc_batch(merchant),
        **reconciliation(merchant),
        **routing(merchant),
        "unresolved_payment": unresolved(merchant, charge.id),
        "report_run": report_run(api),
        "report_type": "balance.summary.2",  # which never was: types are the same for everybody
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


def rpc_batch(merchant: Merchant) -> str:
    """A batch of no calls, under a name of the merchant's."""
    name = "orders-of-last-monday"
    httpx.post(
        f"{merchant.stack.base}/rpc.batch",
        content=b"\xa1\x65calls\x80",
        headers={
            "Authorization": f"Bearer {merchant.secret_key}",
            "Batch-Id": name,
            "Content-Type": "application/cbor",
        },
    ).raise_for_status()
    return name


STATEMENT = """\
provider_reference,reference,external_id,amount,currency,kind,time,status
theirs-{unique},,,400,xaf,collection,2026-11-20T10:00:00Z,succeeded
"""


def reconciliation(merchant: Merchant) -> dict[str, str]:
    """A statement with one line that nobody knows, and its item."""
    statement = STATEMENT.format(unique=uuid4()).encode()
    upload = {"purpose": "provider_statement", "file": io.BytesIO(statement)}
    file = merchant.api.files.create(upload).id
    url = f"{merchant.stack.base}/v1/reconciliations"
    with httpx.Client(headers={"Authorization": f"Bearer {merchant.secret_key}"}) as client:
        made = client.post(url, data={"file": file, "provider_account": "mtncameroon_test"}).json()
        items = f"{url}/{made['id']}/items"
        (item,) = eventually(lambda: client.get(items).json()["data"] or None)
    return {"reconciliation": made["id"], "item": item["id"]}


def routing(merchant: Merchant) -> dict[str, str]:
    """An account at a provider, and a rule that names another."""
    made = {}
    for noun, wish in {
        "provider_account": {"provider": "stripe", "credentials": {"secret_key": "sk_test_shop"}},
        "routing_rule": {"targets": [{"account": "cards_test"}]},
    }.items():
        reply = httpx.post(
            f"{merchant.stack.base}/v1/{noun}s",
            json=wish,
            headers={"Authorization": f"Bearer {merchant.secret_key}"},
            timeout=60,
        )
        made[noun] = reply.json()["id"]
    return made


def unresolved(merchant: Merchant, charge: str) -> str:
    """An item of the queue, written by hand: nobody waits here until a charge is old enough."""
    item = UnresolvedPayment(
        id=new_id("unp"),
        created=1,
        type="charge",
        reason="outcome_unknown",
        payment=charge,
        provider="mtncameroon_test",
        amount=5000,
        currency="xaf",
        since=1,
    )

    async def write(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        await UnresolvedPayment.insert(connection, [item])

    merchant.run(write)
    return item.id


def report_run(api: Any) -> str:
    """A run of a report about the account's first minutes."""
    kind = api.reporting.report_types.retrieve("balance.summary.1")
    interval = {
        "interval_start": kind.data_available_start,
        "interval_end": kind.data_available_end,
    }
    run = api.reporting.report_runs.create({"report_type": kind.id, "parameters": interval})
    identifier: str = run.id
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
