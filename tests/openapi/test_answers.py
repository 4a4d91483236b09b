"""Every answer has exactly the members that the published document says, of the types it says."""

import io
from typing import Any

import asyncpg
import pytest
from contract import Client, violations
from everything import PNG, disputed, fund
from live import Merchant, eventually

from openapi.schemas import class_name, reference

IBAN = "CM2110002000300277976315008"
ADDRESS = {
    "city": "Douala",
    "country": "CM",
    "line1": "Rue Joss",
    "line2": "2e étage",
    "postal_code": "BP 7",
    "state": "Littoral",
}
SHIPPING = {
    "address": ADDRESS,
    "name": "Awa Ngono",
    "carrier": "DHL",
    "phone": "+237670000000",
    "tracking_number": "7",
}


@pytest.fixture
def call(merchant: Merchant) -> Client:
    """Calls as a merchant of this test's own."""
    return Client(merchant)


def _all(call: Client, path: str) -> list[Any]:
    """Everything on the first page of a list."""
    data: list[Any] = call("GET", path, {"limit": 100})["data"]
    return data


def test_customers(call: Client) -> None:
    call("POST", "/v1/customers")
    customer = call(
        "POST",
        "/v1/customers",
        {
            "address": ADDRESS,
            "balance": -500,
            "business_name": "Boutique Awa",
            "description": "Fidèle",
            "email": "awa@example.com",
            "individual_name": "Awa",
            "invoice_prefix": "AWA1",
            "invoice_settings": {
                "custom_fields": [{"name": "Contribuable", "value": "P01"}],
                "footer": "Merci",
            },
            "metadata": {"2026": "oui", "order": "7"},
            "name": "Awa Ngono",
            "next_invoice_sequence": 7,
            "payment_method": "pm_card_visa",
            "phone": "+237670000000",
            "preferred_locales": ["fr", "en"],
            "shipping": SHIPPING,
            "tax_exempt": "exempt",
        },
    )
    path = f"/v1/customers/{customer['id']}"
    (method,) = call("GET", f"{path}/payment_methods")["data"]
    call("GET", f"{path}/payment_methods/{method['id']}")
    default = {"invoice_settings": {"default_payment_method": method["id"]}}
    expand = ["invoice_settings.default_payment_method"]
    changed = call("POST", path, {**default, "expand": expand})
    assert changed["invoice_settings"]["default_payment_method"]["object"] == "payment_method"
    assert len(_all(call, "/v1/customers")) == 2
    found = call("GET", "/v1/customers/search", {"query": "email:'awa@example.com'"})
    assert [one["id"] for one in found["data"]] == [customer["id"]]
    call("POST", path, {"address": "", "metadata": "", "shipping": "", "tax_exempt": ""})
    call("DELETE", path)
    assert call("GET", path)["deleted"] is True


def test_payment_methods(call: Client) -> None:
    card = call("POST", "/v1/payment_methods", {"type": "card", "card": {"token": "tok_amex"}})
    wallet = call(
        "POST",
        "/v1/payment_methods",
        {
            "type": "mobile_money",
            "mobile_money": {"network": "mtn", "phone": "+237670000000"},
            "billing_details": {"address": ADDRESS, "email": "awa@example.com", "name": "Awa"},
            "metadata": {"wallet": "main"},
            "allow_redisplay": "always",
        },
    )
    customer = call("POST", "/v1/customers")
    for method in (card, wallet):
        path = f"/v1/payment_methods/{method['id']}"
        call("POST", f"{path}/attach", {"customer": customer["id"]})
        expanded = call("GET", path, {"expand": ["customer"]})
        assert expanded["customer"]["id"] == customer["id"]
        call("POST", path, {"billing_details": {"address": {"city": "Yaoundé"}}})
        call("POST", f"{path}/detach")
    assert len(_all(call, "/v1/payment_methods")) == 2


INTENTS: list[tuple[str, dict[str, Any], int]] = [
    ("plain", {}, 200),
    (
        "all members",
        {
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "capture_method": "manual",
            "confirmation_method": "manual",
            "description": "Order 7",
            "excluded_payment_method_types": ["mobile_money"],
            "metadata": {"order": "7"},
            "payment_method": "pm_card_visa",
            "payment_method_options": {"card": {"request_three_d_secure": "any"}},
            "receipt_email": "awa@example.com",
            "setup_future_usage": "off_session",
            "shipping": SHIPPING,
            "statement_descriptor": "BOUTIQUE",
            "statement_descriptor_suffix": "AWA",
            "transfer_group": "order-7",
        },
        200,
    ),
    ("types", {"allowed_payment_method_types": ["mobile_money"]}, 200),
    ("card", {"payment_method": "pm_card_visa", "confirm": True}, 200),
    ("held", {"payment_method": "pm_card_visa", "confirm": True, "capture_method": "manual"}, 200),
    ("declined", {"payment_method": "pm_card_visa_chargeDeclined", "confirm": True}, 402),
    (
        "3-D Secure",
        {
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "https://shop.example.com/back",
        },
        200,
    ),
    ("wallet", {"payment_method": "pm_mobile_money_mtn", "confirm": True}, 200),
    ("refused wallet", {"payment_method": "pm_mobile_money_mtn_declined", "confirm": True}, 200),
    (
        "no rail",
        {
            "payment_method_data[type]": "mobile_money",
            "payment_method_data[mobile_money][phone]": "+237690000000",
            "payment_method_data[mobile_money][network]": "moov",
            "confirm": True,
        },
        400,
    ),
    ("a page", {"payment_method": "pm_hosted_card", "confirm": True, "currency": "mad"}, 200),
    ("PayPal", {"payment_method": "pm_paypal", "confirm": True, "currency": "eur"}, 200),
    ("nothing to confirm", {"confirm": True}, 400),
]


def test_payment_intents_and_charges(call: Client) -> None:
    for name, parameters, status in INTENTS:
        asked = {"amount": 5000, "currency": "xaf", **parameters}
        answer = call("POST", "/v1/payment_intents", asked, status)
        assert ("error" in answer) == (status != 200), name
    eventually(
        lambda: all(
            intent["status"] != "processing" for intent in _all(call, "/v1/payment_intents")
        )
    )
    eventually(lambda: any(charge["failure_code"] for charge in _wallets(call)))
    eventually(lambda: any(charge["paid"] for charge in _wallets(call)))
    for intent in _all(call, "/v1/payment_intents"):
        path = f"/v1/payment_intents/{intent['id']}"
        call("GET", path, {"expand": ["latest_charge.balance_transaction", "payment_method"]})
        if intent["status"] == "requires_capture":
            call("POST", f"{path}/capture", {"amount_to_capture": 3000})
        elif intent["status"] == "succeeded":
            refused = call("POST", f"{path}/cancel", status=400)["error"]
            assert refused["payment_intent"]["id"] == intent["id"]
        elif intent["status"] == "requires_confirmation":
            call("POST", f"{path}/cancel", {"cancellation_reason": "duplicate"})
    charges = _all(call, "/v1/charges")
    # Nobody has paid on a page.
    assert {charge["status"] for charge in charges} == {"succeeded", "failed", "pending"}
    for charge in charges:
        call("POST", f"/v1/charges/{charge['id']}", {"fraud_details": {"user_report": "safe"}})


def test_refunds_and_the_balance(call: Client) -> None:
    intent = call(
        "POST",
        "/v1/payment_intents",
        {"amount": 5000, "currency": "xaf", "payment_method": "pm_card_visa", "confirm": True},
    )["id"]
    asked = {"payment_intent": intent, "amount": 2000, "reason": "duplicate"}
    refund = call("POST", "/v1/refunds", asked)["id"]
    call("POST", f"/v1/refunds/{refund}", {"metadata": {"order": "7"}})
    call("GET", f"/v1/refunds/{refund}", {"expand": ["charge.customer", "balance_transaction"]})
    call("POST", "/v1/refunds", asked | {"amount": 4000}, status=400)
    assert len(_all(call, "/v1/refunds")) == 1
    call("GET", "/v1/balance")
    transactions = call("GET", "/v1/balance_transactions", {"expand": ["data.source"]})["data"]
    assert {one["source"]["object"] for one in transactions} == {"charge", "refund"}


def _wallets(call: Client) -> list[Any]:
    return [charge for charge in _all(call, "/v1/charges") if charge["id"].startswith("py_")]


def test_tokens_and_files(call: Client) -> None:
    card = {
        "number": "4242424242424242",
        "exp_month": 12,
        "exp_year": 2034,
        "cvc": "123",
        "name": "Awa",
        "address_line1": "Rue Joss",
        "address_zip": "BP 7",
    }
    token = call("POST", "/v1/tokens", {"card": card})
    call("GET", f"/v1/tokens/{token['id']}")
    declined = {**card, "number": "4242424242424241"}
    call("POST", "/v1/tokens", {"card": declined}, status=402)
    upload = {"purpose": "business_logo", "file": io.BytesIO(PNG)}
    file = call.merchant.api.files.create(upload).id
    link = call("POST", "/v1/file_links", {"file": file, "metadata": {"a": "b"}})["id"]
    assert call("GET", f"/v1/files/{file}")["links"]["data"][0]["id"] == link
    call("GET", f"/v1/file_links/{link}", {"expand": ["file"]})
    assert call("POST", f"/v1/file_links/{link}", {"expires_at": "now"})["url"] is None
    assert len(_all(call, "/v1/files")) == len(_all(call, "/v1/file_links")) == 1


def test_payouts_and_their_destinations(call: Client) -> None:
    fund(call.merchant)
    accounts = f"/v1/accounts/{call.merchant.tenant.id}/external_accounts"
    for described in (
        {"object": "mobile_wallet", "phone": "+237670000000"},
        {"object": "bank_account", "account_number": IBAN, "bank_name": "Banque Test"},
    ):
        account = call("POST", accounts, {"external_account": described})["id"]
        call("POST", f"{accounts}/{account}", {"default_for_currency": True})
        call("GET", f"{accounts}/{account}")
        payout = call("POST", "/v1/payouts", {"amount": 1000, "currency": "xaf"})["id"]
        expand = ["balance_transaction.source", "destination"]
        call("GET", f"/v1/payouts/{payout}", {"expand": expand})
        call("POST", f"/v1/payouts/{payout}", {"metadata": {"week": "47"}})
    assert len(_all(call, "/v1/payouts")) == len(_all(call, accounts)) == 2
    other = next(one["id"] for one in _all(call, accounts) if not one["default_for_currency"])
    assert call("DELETE", f"{accounts}/{other}")["deleted"] is True


def test_unresolved_payments(call: Client) -> None:
    wallet = {"type": "mobile_money", "billing_details": {"phone": "+237670000053"}}
    waiting = call(
        "POST",
        "/v1/payment_intents",
        {"amount": 5000, "currency": "xaf", "confirm": True, "payment_method_data": wallet},
    )["latest_charge"]

    def entered() -> list[Any]:
        call.merchant.run(lambda connection: _pass_a_day(connection, call.merchant, waiting))
        return _all(call, "/v1/unresolved_payments")

    (item,) = eventually(entered, 30)
    path = f"/v1/unresolved_payments/{item['id']}"
    assert call("GET", path, {"expand": ["payment"]})["payment"]["id"] == waiting
    assert call("POST", f"{path}/look_up")["last_answer"]["verdict"] == "pending"
    decision = {"outcome": "failed", "reason": "The payer has left"}
    call("POST", f"{path}/resolve", {**decision, "outcome": "succeeded"}, status=400)
    assert call("POST", f"{path}/resolve", decision)["status"] == "resolved"
    call("POST", f"{path}/approve", {"proposal": "upd_nobody"}, status=400)
    shown = call("GET", f"/v1/charges/{waiting}", {"expand": ["unresolved_payment"]})
    assert shown["unresolved_payment"]["history"][0]["action"] == "resolve"
    events = call("GET", "/v1/events", {"type": "unresolved_payment.*"})["data"]
    for event in events:
        inside = event["data"]["object"]
        assert violations(reference("UnresolvedPayment"), inside) == []


async def _pass_a_day(connection: asyncpg.Connection, merchant: Merchant, charge: str) -> None:
    await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
    await connection.execute(
        "update charges set created = extract(epoch from now())::bigint - 86400 where id = $1",
        charge,
    )
    await connection.execute("update platform.jobs set run_at = now() where subject = $1", charge)


def test_disputes(call: Client) -> None:
    path = f"/v1/disputes/{disputed(call.merchant)}"
    file = call.merchant.api.files.create(
        {"purpose": "dispute_evidence", "file": io.BytesIO(PNG)}
    ).id
    evidence = {"customer_name": "Awa", "receipt": file}
    call("POST", path, {"evidence": evidence, "submit": False})
    shown = call("GET", path, {"expand": ["evidence.receipt", "charge"]})
    assert shown["evidence"]["receipt"]["object"] == "file"
    assert call("POST", f"{path}/close")["status"] == "lost"
    assert len(_all(call, "/v1/disputes")) == 1


def test_setup_intents_their_attempts_and_mandates(call: Client) -> None:
    customer = call("POST", "/v1/customers")["id"]
    never_answering = {
        "payment_method_data[type]": "mobile_money",
        "payment_method_data[mobile_money][phone]": "+237670000053",
    }
    for method, status in (
        ({"payment_method": "pm_card_visa"}, 200),
        ({"payment_method": "pm_mobile_money_orange"}, 200),
        (never_answering, 200),
        ({"payment_method": "pm_card_chargeDeclined"}, 402),
        ({"payment_method": "pm_card_authenticationRequired"}, 200),
    ):
        asked = {
            **method,
            "confirm": True,
            "customer": customer,
            "return_url": "https://shop.example.com/back",
        }
        call("POST", "/v1/setup_intents", asked, status)
    for intent in _all(call, "/v1/setup_intents"):
        path = f"/v1/setup_intents/{intent['id']}"
        shown = call("GET", path, {"expand": ["customer", "latest_attempt", "mandate"]})
        assert call("GET", "/v1/setup_attempts", {"setup_intent": intent["id"]})["data"]
        if intent["mandate"]:
            assert shown["mandate"]["type"] == "multi_use"
            call("GET", f"/v1/mandates/{intent['mandate']}", {"expand": ["payment_method"]})
            call("POST", f"{path}/cancel", status=400)
        else:
            call("POST", path, {"metadata": {"a": "b"}})
            call("POST", f"{path}/cancel", {"cancellation_reason": "abandoned"})


def test_what_is_deleted_expands_to_its_deleted_form(call: Client) -> None:
    customer = call("POST", "/v1/customers")["id"]
    intent = call(
        "POST", "/v1/payment_intents", {"amount": 5000, "currency": "xaf", "customer": customer}
    )
    call("DELETE", f"/v1/customers/{customer}")
    found = call("GET", f"/v1/payment_intents/{intent['id']}", {"expand": ["customer"]})
    assert found["customer"]["deleted"] is True


def test_events_and_the_objects_inside(call: Client) -> None:
    endpoint = call(
        "POST",
        "/v1/webhook_endpoints",
        {"url": "http://127.0.0.1:9/", "enabled_events": ["*"], "description": "Boutique"},
    )
    assert endpoint["secret"].startswith("whsec_")
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    call("GET", path)
    call("POST", path, {"metadata": {"a": "b"}, "enabled_events": ["customer.created"]})
    customer = call("POST", "/v1/customers", {"email": "awa@example.com"})["id"]
    call("POST", f"/v1/customers/{customer}", {"name": "Awa", "shipping": SHIPPING})
    call(
        "POST",
        "/v1/payment_intents",
        {"amount": 5000, "currency": "xaf", "payment_method": "pm_card_visa", "confirm": True},
    )
    call("DELETE", f"/v1/customers/{customer}")
    events = _all(call, "/v1/events")
    assert {event["type"] for event in events} >= {
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "charge.succeeded",
        "payment_intent.succeeded",
    }
    for event in events:
        call("GET", f"/v1/events/{event['id']}")
        inside = event["data"]["object"]
        assert violations(reference(class_name(inside["object"])), inside) == []
    assert len(_all(call, "/v1/webhook_endpoints")) == 1
    call("DELETE", path)


def test_refusals(call: Client) -> None:
    call("GET", "/v1/customers/cus_nobody", status=404)
    call("GET", "/v1/customers", {"limit": 0}, status=400)
    call("GET", "/v1/customers", key="sk_test_nobody", status=401)
    call("GET", "/v1/customers", key=call.merchant.publishable_key, status=401)
    call("GET", "/v1/customers", key=call.merchant.key(scopes=["charges:read"]), status=403)
