"""The id of another tenant's object is answered exactly as one that never was."""

from typing import Any

import pytest
from everything import one_of_everything
from live import Merchant, Stack, new_merchant
from wire import send

from processor.table import OPERATIONS


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """Who asks."""
    return new_merchant(stack)


@pytest.fixture(scope="module")
def theirs(stack: Stack) -> dict[str, str]:
    """Ids of another merchant's objects, by the names of the parameters that take them."""
    return one_of_everything(new_merchant(stack, "Librairie Test"))


def _nobody(identifier: str) -> str:
    """An id of the same shape that never was."""
    return identifier[:-12] + "0" * 12


BODIES = {
    "external_accounts.create": b"external_account[object]=mobile_wallet"
    b"&external_account[phone]=%2B237670000000",
    "payment_methods.attach": b"customer=cus_nobody",
    "payment_intents.confirm": b"payment_method=pm_card_visa",
    "reconciliations.resolve_item": b"action=ignore&reason=curiosity",
    "unresolved_payments.resolve": b"outcome=failed&reason=curiosity",
    "unresolved_payments.approve": b"proposal=upd_nobody",
    "unresolved_payments.reject": b"proposal=upd_nobody&reason=curiosity",
}
NAMED = sorted(name for name, operation in OPERATIONS.items() if operation.path_parameters)


@pytest.mark.parametrize("name", NAMED)
def test_in_the_path(name: str, theirs: dict[str, str], shop: Merchant) -> None:
    operation = OPERATIONS[name]
    own = {"account": shop.tenant.id} if len(operation.path_parameters) > 1 else {}
    ids = [own.get(p) or theirs.get(name) or theirs[p] for p in operation.path_parameters]
    answers = []
    for shown in (ids, [one if one in own.values() else _nobody(one) for one in ids]):
        path = operation.path
        for parameter, identifier in zip(operation.path_parameters, shown, strict=True):
            path = path.replace(f"{{{parameter}}}", identifier)
        answer = send(shop, operation.method, path, BODIES.get(name, b""))
        text = answer.body.decode()
        for identifier in shown:
            text = text.replace(identifier, "ID")
        answers.append((answer.status, answer.error["type"], text))
    assert answers[0] == answers[1]
    # A foreign account is answered as Stripe does: it may not exist, or not be this key's.
    assert answers[0][0] in ((403,) if operation.path_parameters == ["account"] else (400, 404))


PARAMETERS: list[tuple[str, str, str]] = [
    ("POST", "/v1/payment_intents", "amount=500&currency=xaf&customer={customer}"),
    ("POST", "/v1/payment_intents", "amount=500&currency=xaf&payment_method={payment_method}"),
    ("POST", "/v1/customers", "payment_method={payment_method}"),
    (
        "POST",
        "/v1/customers",
        "invoice_settings[default_payment_method]={payment_method}",
    ),
    ("POST", "/v1/routing_rules", "targets[0][account]={provider_account}"),
    ("GET", "/v1/providers/health?account={provider_account}", ""),
    ("GET", "/v1/provider_accounts?starting_after={provider_account}", ""),
    ("POST", "/v1/refunds", "charge={charge}"),
    ("POST", "/v1/refunds", "payment_intent={intent}"),
    ("GET", "/v1/customers?starting_after={customer}", ""),
    ("GET", "/v1/charges?ending_before={charge}", ""),
    ("GET", "/v1/charges?payment_intent={intent}", ""),
    ("GET", "/v1/payment_intents?customer={customer}", ""),
    ("GET", "/v1/payment_methods?customer={customer}", ""),
    ("GET", "/v1/refunds?charge={charge}", ""),
    ("GET", "/v1/balance_transactions?source={charge}", ""),
]


@pytest.mark.parametrize(("method", "target", "body"), PARAMETERS)
def test_in_a_parameter(
    method: str, target: str, body: str, theirs: dict[str, str], shop: Merchant
) -> None:
    answers: list[Any] = []
    for ids in (theirs, {name: _nobody(one) for name, one in theirs.items()}):
        answer = send(shop, method, target.format(**ids), body.format(**ids).encode())
        text = answer.body.decode()
        for identifier in ids.values():
            text = text.replace(identifier, "ID")
        answers.append((answer.status, text))
    assert answers[0] == answers[1]
    assert answers[0][0] == (200 if answers[0][1].startswith('{"object":"list","data":[]') else 400)
