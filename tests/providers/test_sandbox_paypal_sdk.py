"""The PayPal sandbox as PayPal's own client sees it: the PyPI package "paypal-server-sdk".

The client has no option for another address: a process of its own puts the sandbox's in the place
of PayPal's. What it cannot read it raises.
"""

import json
import os
import subprocess
import sys
from typing import Any

from fetched import python_package
from sandbox_servers import Sandbox

SDK = "paypal-server-sdk==2.4.0"

# Takes two orders through to the end: one paid and partly refunded, one held and released.
PROGRAM = """
import json, sys, uuid
from base64 import b64encode
import requests
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.exceptions.o_auth_provider_exception import OAuthProviderException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

url, invoice = sys.argv[1:]
Configuration.environments[Environment.SANDBOX][Server.DEFAULT] = url

credentials = ClientCredentialsAuthCredentials("fidelity", "fidelity-secret")
paypal = PaypalServersdkClient(
    environment=Environment.SANDBOX, client_credentials_auth_credentials=credentials
)
money = {"currency_code": "EUR", "value": "12.50"}

def order(intent, invoice):
    unit = {"amount": money, "invoice_id": invoice, "custom_id": "ch_1", "description": "Order"}
    context = {"return_url": "https://m.example.test/ok", "cancel_url": "https://m.example.test/no"}
    return paypal.orders.create_order({
        "paypal_request_id": str(uuid.uuid4()), "prefer": "return=representation",
        "body": {"intent": intent, "purchase_units": [unit],
                 "payment_source": {"paypal": {"experience_context": context}}},
    }).body

def approve(made):
    page = next(link.href for link in made.links if link.rel == "payer-action")
    requests.post(page, data={"choice": "COMPLETED"}, allow_redirects=False, timeout=10)

def refused(call, **options):
    try:
        call(options)
    except ErrorException as error:
        return [error.response_code, error.name, error.details[0].issue, bool(error.debug_id)]

full = {"prefer": "return=representation"}
made = order("CAPTURE", invoice)
early = refused(paypal.orders.capture_order, id=made.id)
approve(made)
approved = paypal.orders.get_order({"id": made.id}).body
captured = paypal.orders.capture_order({"id": made.id, **full}).body
capture = captured.purchase_units[0].payments.captures[0]
again = refused(paypal.orders.capture_order, id=made.id)
part = {"amount": {"currency_code": "EUR", "value": "5.00"}, "custom_id": "re_1"}
refund = paypal.payments.refund_captured_payment(
    {"capture_id": capture.id, "paypal_request_id": str(uuid.uuid4()), "body": part, **full}
).body
shown = paypal.payments.get_refund({"refund_id": refund.id}).body
after = paypal.payments.get_captured_payment({"capture_id": capture.id}).body

held = order("AUTHORIZE", invoice + "b")
approve(held)
authorized = paypal.orders.authorize_order({"id": held.id, **full}).body
authorization = authorized.purchase_units[0].payments.authorizations[0]
paypal.payments.void_payment({"authorization_id": authorization.id, **full})
voided = paypal.payments.get_authorized_payment({"authorization_id": authorization.id}).body
lost = refused(paypal.orders.get_order, id="0" * 17)
try:
    stranger = b64encode(b"fidelity:wrong").decode()
    paypal.o_auth_authorization.request_token({"authorization": f"Basic {stranger}"})
except OAuthProviderException as error:
    stranger = [error.response_code, str(error.error)]

print(json.dumps({
    "made": made.status, "early": early, "approved": approved.status,
    "captured": [captured.status, capture.status, capture.amount.value, capture.invoice_id],
    "again": again, "refund": [refund.status, refund.amount.value],
    "shown": [shown.id, shown.status, shown.custom_id], "after": after.status,
    "authorized": [authorization.status, authorization.amount.value], "voided": voided.status,
    "lost": lost, "stranger": stranger,
}))
"""


def test_paypals_own_client_understands_the_sandbox(shared_sandbox: Sandbox) -> None:
    package = python_package(SDK)
    psp = shared_sandbox.psp("paypal")
    invoice = os.urandom(8).hex()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, psp.url, invoice],
        env={"PYTHONPATH": str(package), "PATH": os.environ["PATH"], "NO_PROXY": "*"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    seen: dict[str, Any] = json.loads(done.stdout)
    refund_id, issue = seen["shown"][0], "UNPROCESSABLE_ENTITY"
    assert seen == {
        "made": "PAYER_ACTION_REQUIRED",
        "early": [422, issue, "ORDER_NOT_APPROVED", True],
        "approved": "APPROVED",
        "captured": ["COMPLETED", "COMPLETED", "12.50", invoice],
        "again": [422, issue, "ORDER_ALREADY_CAPTURED", True],
        "refund": ["COMPLETED", "5.00"],
        "shown": [refund_id, "COMPLETED", "re_1"],
        "after": "PARTIALLY_REFUNDED",
        "authorized": ["CREATED", "12.50"],
        "voided": "VOIDED",
        "lost": [404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", True],
        "stranger": [401, "invalid_client"],
    }
    moved = psp.movements(invoice) + psp.movements(refund_id)
    assert [(m["direction"], m["amount"], m["currency"]) for m in moved] == [
        ("in", 1250, "eur"),
        ("out", 500, "eur"),
    ]
