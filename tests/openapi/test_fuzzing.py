"""Every operation, with made-up input of the right and of the wrong shape, as form and as JSON.

Whatever comes in, the answer is one that the document describes; what breaks the document's own
rules is never accepted. The same examples come in every run.
"""

import copy
import json
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from contract import document
from everything import endpoint, one_of_everything, open_intent, open_setup
from hypothesis import HealthCheck, given
from live import Merchant, Stack, new_merchant
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from stripe._encode import _api_encode

from openapi.document import FORM, JSON
from openapi.schemas import class_name
from processor.operations import Operation
from processor.table import OPERATIONS

CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer(FORM)
def _form(_: Any, value: Any) -> dict[str, Any]:
    """Forms as the official SDK writes them; what is no hash goes as it is."""
    if not isinstance(value, dict):
        return {"data": json.dumps(value).encode()}
    pairs = [(str(name), "" if item is None else item) for name, item in _api_encode(value)]
    return {"data": requests.models.RequestEncodingMixin._encode_params(pairs)}


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """A merchant with one of everything."""
    return new_merchant(stack)


@pytest.fixture(scope="module")
def ids(shop: Merchant) -> dict[str, str]:
    """Ids that exist, by the operations or path parameters that take them."""
    return one_of_everything(shop) | {
        "setup_intents.cancel": open_setup(shop.api).id,
        "customers.delete": shop.api.customers.create().id,
        "payment_intents.cancel": open_intent(shop.api).id,
        "webhook_endpoints.delete": endpoint(shop.api).id,
    }


# Values that mean something, so that made-up calls reach further than the first check.
LIKELY: dict[str, list[Any]] = {
    "amount": [-1, 0, 500, 5000, 99_999_999],
    "amount_to_capture": [1, 5000, 5001],
    "capture_method": ["automatic", "manual"],
    "confirm": [True],
    "currency": ["xaf", "XAF", "xof", "eur", "usd", "mad", "zzz"],
    "email": ["awa@example.com"],
    "expand": [[]],
    "query": ["email:'awa@example.com'", "created>1 AND -name~'a'", "metadata['a']:null"],
    "network": ["mtn", "orange", ""],
    "off_session": [True, "recurring"],
    "payment_method": ["pm_card_visa", "pm_card_visa_chargeDeclined", "pm_mobile_money_mtn"],
    "payment_method_types": [["card"], ["mobile_money"], ["card", "mobile_money"]],
    "phone": ["+237670000000", "670000000", "+33612345678", "0"],
    "return_url": ["https://shop.example.com/back"],
    "token": ["tok_visa", "tok_chargeDeclined"],
    "type": ["card", "mobile_money"],
    "url": ["https://shop.example.com/cpay", "http://[", "ftp://example.com"],
}


def _load(described: dict[str, Any], base: str) -> Any:
    """A document, as schemathesis reads it."""
    # A NUL byte is refused in every text, which JSON Schema cannot say.
    generation = GenerationConfig(allow_x00=False, with_security_parameters=False)
    project = ProjectConfig(base_url=base, generation=generation)
    config = SchemathesisConfig(projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_dict(described, config=config)


def _likely(values: dict[str, list[Any]]) -> dict[str, Any]:
    """The document with fewer values to choose from in what is asked."""
    described = copy.deepcopy(document())
    bodies = {class_name(name) for name in OPERATIONS}
    for name, schema in described["components"]["schemas"].items():
        if name in bodies or name.endswith("Parameters"):
            for member in schema["properties"].keys() & values.keys():
                schema["properties"][member] = {"enum": values[member]}
    for item in described["paths"].values():
        for operation in item.values():
            for parameter in operation["parameters"]:
                name = parameter.get("name", "").removesuffix("[]")
                if parameter.get("in") == "query" and name in values:
                    parameter["schema"] = {"enum": values[name]}
    return described


@pytest.fixture(scope="module")
def schemas(shop: Merchant, ids: dict[str, str]) -> dict[str, Any]:
    """The published document, and the same with likely values."""
    known = LIKELY | {name: [ids[name]] for name in ("charge", "customer")}
    known["payment_intent"] = [ids["intent"]]
    base = shop.stack.base
    return {"published": _load(document(), base), "likely": _load(_likely(known), base)}


def _media(operation: Operation) -> list[str | None]:
    """How an operation's body can be written."""
    described = document()["paths"][operation.path][operation.method.lower()]
    return list(described["requestBody"]["content"]) if operation.method == "POST" else [None]


POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [
    (name, mode, values, media)
    for name, operation in sorted(OPERATIONS.items())
    for mode, values in ((POSITIVE, "likely"), (POSITIVE, "published"), (NEGATIVE, "published"))
    for media in _media(operation)
]

# Of each case, so that the whole takes about a minute however long the table becomes.
EXAMPLES = max(4, 2000 // len(CASES))


@pytest.mark.parametrize(("name", "mode", "values", "media"), CASES)
def test_made_up_input(
    name: str,
    mode: GenerationMode,
    values: str,
    media: str | None,
    schemas: dict[str, Any],
    shop: Merchant,
    ids: dict[str, str],
) -> None:
    operation = OPERATIONS[name]
    known = {p: ids.get(name) or ids[p] for p in operation.path_parameters}
    options: dict[str, Any] = {"media_type": media} if media else {}
    checks = list(CHECKS)
    if mode is NEGATIVE and media == JSON:
        checks.append(negative_data_rejection)
    strategy = schemas[values][operation.path][operation.method].as_strategy(
        generation_mode=mode, path_parameters=known or None, **options
    )

    @given(case=strategy)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {shop.secret_key}"})
        assert response.status_code != 429, "a refused question proves nothing"
        case.validate_response(response, checks=checks)

    run()
