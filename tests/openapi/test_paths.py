"""Each path names one operation, and what stands in the braces."""

import pytest

from openapi.paths import Paths, parameters
from processor.table import OPERATIONS

PATHS = Paths(OPERATIONS.values())


@pytest.mark.parametrize(
    ("method", "path", "name", "given"),
    [
        ("POST", "/v1/payment_intents", "payment_intents.create", {}),
        ("GET", "/v1/payment_intents", "payment_intents.list", {}),
        ("GET", "/v1/payment_intents/search", "payment_intents.search", {}),
        ("GET", "/v1/payment_intents/pi_1", "payment_intents.retrieve", {"intent": "pi_1"}),
        ("POST", "/v1/payment_intents/pi_1/confirm", "payment_intents.confirm", {"intent": "pi_1"}),
        ("GET", "/v1/payment_intents/é ü", "payment_intents.retrieve", {"intent": "é ü"}),
        (
            "GET",
            "/v1/customers/cus_1/payment_methods/pm_1",
            "customers.retrieve_payment_method",
            {"customer": "cus_1", "payment_method": "pm_1"},
        ),
    ],
)
def test_a_path_and_a_method_name_an_operation(
    method: str, path: str, name: str, given: dict[str, str]
) -> None:
    operation = PATHS.at(path)[method]
    assert (operation.name, parameters(operation, path)) == (name, given)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_found_under_its_path_and_no_other(name: str) -> None:
    operation = OPERATIONS[name]
    path = operation.path.replace("{", "x_").replace("}", "")
    assert PATHS.at(path)[operation.method] is operation
    given = parameters(operation, path)
    assert given == {each: f"x_{each}" for each in operation.path_parameters}
    assert operation.method not in PATHS.at(f"{path}/more/than/that")


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/payment_intents/pi_1/nothing", ""])
def test_other_paths_name_nothing(path: str) -> None:
    assert PATHS.at(path) == {}
