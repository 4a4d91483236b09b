"""What is made from the table of operations is as the table is now."""

from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Struct

from processor.operations import Operation, Work
from processor.parameters import Parameters
from processor.table import OPERATIONS
from rpc.__main__ import written
from rpc.client.operations import Operations
from rpc.reference import MARKER, reference
from rpc.stubs import operations_module


@pytest.mark.parametrize("path", written(), ids=lambda path: path.name)
def test_nothing_has_drifted(path: Path) -> None:
    assert path.read_text() == written()[path], "run `python -m rpc` and commit what it writes"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_a_method_of_the_client(name: str) -> None:
    node: object = Operations(dict)
    for word in name.split("."):
        node = getattr(node, word)
    assert callable(node)


class Line(Struct, forbid_unknown_fields=True):
    """What is sold."""

    price: int


class Create(Parameters, kw_only=True):
    """What to sell."""

    lines: Annotated[list[Line], msgspec.Meta(min_length=1)]


async def create(_: Work, parameters: Create) -> dict[str, object]:
    return {"lines": parameters.lines}


NESTED = Operation(
    name="checkout.sessions.create",
    method="POST",
    path="/v1/checkout/sessions",
    parameters=Create,
    returns="checkout.session",
    summary="Create a session",
    write=create,
)


def test_a_noun_inside_a_noun_is_an_attribute_of_it() -> None:
    made: dict[str, object] = {}
    exec(operations_module([NESTED]), made)  # what importing it does
    calls = []
    operations = made["Operations"](lambda *call, **options: calls.append((call, options)))  # type: ignore[operator]
    operations.checkout.sessions.create(lines=[{"price": 5}], idempotency_key="k")
    call = ("checkout.sessions.create", {"lines": [{"price": 5}]})
    assert calls == [(call, {"idempotency_key": "k"})]


def test_the_reference_names_what_is_required_and_where_a_hash_is_described() -> None:
    page = reference(f"Before.\n{MARKER}After.", [NESTED])
    assert page.startswith(f"Before.\n{MARKER}\n## Methods")
    assert "After." not in page
    assert "| `lines` (required) | array (1 or more) of [Line](#line) |" in page
    assert "### Line\n\nWhat is sold.\n\n| parameter | type |" in page
