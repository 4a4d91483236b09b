"""The committed document is the table's, is valid, and leaves nothing undescribed."""

import json

import httpx
import openapi_spec_validator
import pytest
from contract import document, violations
from live import Stack

from openapi.document import COMMITTED, build, encoded, object_examples
from openapi.objects import KINDS, OBJECTS
from openapi.schemas import class_name, reference
from openapi.words import EXAMPLES, MEANINGS, RESOURCES, SAMPLES
from processor import errors
from processor.table import EXPANDER, OPERATIONS


def test_the_committed_document_is_the_one_of_the_table() -> None:
    built = encoded(build(OPERATIONS.values(), EXPANDER))
    assert COMMITTED.read_bytes() == built, "run `python -m openapi` and commit openapi.json"


def test_it_is_valid_openapi() -> None:
    openapi_spec_validator.validate(document())


def test_every_operation_is_in_it() -> None:
    listed = [
        operation["operationId"]
        for item in document()["paths"].values()
        for operation in item.values()
    ]
    assert sorted(listed) == sorted(OPERATIONS)


def test_every_object_is_described() -> None:
    schemas = document()["components"]["schemas"]
    missing = [name for name, schema in schemas.items() if "x-undescribed" in schema]
    assert missing == [], "describe them in openapi/objects"


def test_each_object_has_its_own_name() -> None:
    for kind, described in OBJECTS.items():
        assert described.__name__ == class_name(kind)
        literal = document()["components"]["schemas"][class_name(kind)]["properties"]["object"]
        if "external_account" not in kind:  # which calls itself by what it is
            assert literal["const"] == kind.removeprefix("deleted_")


def test_members_of_several_kinds_name_objects_that_exist() -> None:
    assert {kind for kinds in KINDS.values() for kind in kinds} <= OBJECTS.keys()


def test_errors_have_the_types_of_the_family() -> None:
    family = [errors.APIError, *errors.APIError.__subclasses__()]
    described = document()["components"]["schemas"]["ErrorDetails"]["properties"]["type"]
    assert set(described["enum"]) == {error.type for error in family}


def test_no_word_is_explained_in_vain() -> None:
    text = COMMITTED.read_text()
    for word, meaning in MEANINGS.items():
        assert json.dumps(meaning, ensure_ascii=False) in text, word
    assert {*EXAMPLES} <= {*OPERATIONS}
    resources = {operation.resource for operation in OPERATIONS.values()}
    assert RESOURCES.keys() <= resources
    assert all(f'"{word}"' in text for word in SAMPLES)


@pytest.mark.parametrize("kind", sorted(object_examples()))
def test_examples_of_objects_are_true(kind: str) -> None:
    assert violations(reference(class_name(kind)), object_examples()[kind]) == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_examples_of_calls_are_true(name: str) -> None:
    for item in document()["paths"].values():
        for operation in item.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if operation["operationId"] == name and "example" in media:
                    assert violations(media["schema"], media["example"]) == []


def test_the_stack_serves_it_compressed_and_once(stack: Stack) -> None:
    first = httpx.get(f"{stack.base}/openapi.json")
    assert first.headers["content-encoding"] == "gzip"
    assert first.content == COMMITTED.read_bytes()
    again = httpx.get(
        f"{stack.base}/openapi.json", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    plain = httpx.get(f"{stack.base}/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content
