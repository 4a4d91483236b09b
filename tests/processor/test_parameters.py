"""From words to typed parameters: a table of types, and whatever anybody can send."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import UNSET, Meta, Struct, UnsetType

from processor.errors import InvalidRequest
from processor.parameters import (
    Amount,
    Id,
    Indexed,
    Metadata,
    MetadataUpdate,
    Parameters,
    ShortText,
    merged_metadata,
    parse,
)


class Line(Struct, forbid_unknown_fields=True):
    """A hash in an array."""

    price: Amount
    note: ShortText | None = None


class Order(Parameters, kw_only=True):
    """One parameter of each type."""

    amount: Amount | UnsetType = UNSET
    paid: bool | None = None
    color: Literal["green", "red"] | None = None
    customer: Id | None = None
    code: Annotated[str, Meta(min_length=3, max_length=3)] | UnsetType = UNSET
    lines: Annotated[list[Line], Meta(max_length=3)] | None = None
    when: int | Literal["now"] | None = None
    later: bool | Literal["once"] = False
    metadata: Metadata | None = None
    update: MetadataUpdate = UNSET


class Needy(Parameters, kw_only=True):
    """What must be given."""

    amount: Amount
    line: Line | None = None


TAKEN: list[tuple[dict[str, Any], str, Any]] = [
    ({"amount": "500"}, "amount", 500),
    ({"amount": "-7"}, "amount", -7),
    ({"amount": "007"}, "amount", 7),
    ({"paid": "true"}, "paid", True),
    ({"paid": "True"}, "paid", True),
    ({"paid": "false"}, "paid", False),
    ({"paid": ""}, "paid", None),
    ({"color": "red"}, "color", "red"),
    ({"color": ""}, "color", None),
    ({"customer": "1"}, "customer", "1"),
    ({"customer": "true"}, "customer", "true"),
    ({"code": "123"}, "code", "123"),
    ({"when": "7"}, "when", 7),
    ({"when": "now"}, "when", "now"),
    ({"later": "once"}, "later", "once"),
    ({"later": "true"}, "later", True),
    ({"lines": Indexed({"0": {"price": "5"}})}, "lines", [Line(5)]),
    ({"lines": Indexed({"3": {"price": "5"}, "7": {"price": "6"}})}, "lines", [Line(5), Line(6)]),
    ({"lines": ""}, "lines", None),
    ({"expand": Indexed({"0": "customer"})}, "expand", ["customer"]),
    ({"metadata": {"a": "1"}}, "metadata", {"a": "1"}),
    ({"metadata": Indexed({"2026": "x"})}, "metadata", {"2026": "x"}),
    ({"metadata": ""}, "metadata", None),
    ({"update": ""}, "update", None),
    ({"update": {"a": ""}}, "update", {"a": None}),
    ({}, "update", UNSET),
]


@pytest.mark.parametrize(("raw", "name", "value"), TAKEN)
def test_a_form_is_taken_by_the_parameter_s_type(raw: Any, name: str, value: Any) -> None:
    taken = getattr(parse(Order, raw, strict=False), name)
    assert taken == value
    assert type(taken) is type(value)


NUMBER, EMPTY = "parameter_invalid_integer", "parameter_invalid_empty"
UNKNOWN, MISSING = "parameter_unknown", "parameter_missing"

# The tree, the error's code and its parameter; in forms, then in doors with types of their own.
REFUSED: list[tuple[dict[str, Any], str | None, str]] = [
    ({"amount": "x"}, NUMBER, "amount"),
    ({"amount": "1.0"}, NUMBER, "amount"),
    ({"amount": " 1"}, NUMBER, "amount"),
    ({"amount": "٣"}, NUMBER, "amount"),
    ({"amount": "1" * 20}, NUMBER, "amount"),
    ({"amount": str(2**53 + 1)}, NUMBER, "amount"),
    ({"amount": ""}, EMPTY, "amount"),
    ({"amount": {"a": "b"}}, NUMBER, "amount"),
    ({"amount": Indexed({"0": "5"})}, NUMBER, "amount"),
    ({"paid": "yes"}, None, "paid"),
    ({"paid": "1"}, None, "paid"),
    ({"color": "blue"}, None, "color"),
    ({"customer": "x" * 256}, None, "customer"),
    ({"customer": "a\0"}, None, "customer"),
    ({"customer": "\ud800"}, None, "customer"),
    ({"code": "12"}, None, "code"),
    ({"when": "soon"}, NUMBER, "when"),
    ({"lines": "x"}, None, "lines"),
    ({"lines": Indexed({"0": {"price": "x"}})}, NUMBER, "lines[0][price]"),
    ({"lines": Indexed({"0": {}})}, MISSING, "lines[0][price]"),
    ({"lines": Indexed({"0": {"price": "5", "cost": "5"}})}, UNKNOWN, "lines[0][cost]"),
    ({"lines": Indexed({str(i): {"price": "5"} for i in range(4)})}, None, "lines"),
    ({"metadata": {"k" * 41: "v"}}, None, "metadata"),
    ({"metadata": {"k": "v" * 501}}, None, "metadata"),
    ({"metadata": {"a\0": "v"}}, None, "metadata"),
    ({"metadata": {"a": ""}}, EMPTY, "metadata[a]"),
    ({"metadata": "x"}, None, "metadata"),
    ({"colour": "red"}, UNKNOWN, "colour"),
    ({"k" * 900_000: "v"}, UNKNOWN, "k" * 80),
    ({"k" * 900_000: "\0"}, None, "k" * 80),
]
STRICTLY_REFUSED: list[tuple[dict[str, Any], str | None, str]] = [
    ({"amount": "5"}, NUMBER, "amount"),
    ({"amount": 5.0}, NUMBER, "amount"),
    ({"amount": True}, NUMBER, "amount"),
    ({"amount": None}, NUMBER, "amount"),
    ({"amount": 2**63}, NUMBER, "amount"),
    ({"amount": -(10**400)}, NUMBER, "amount"),
    ({"paid": 1}, None, "paid"),
    ({"paid": "true"}, None, "paid"),
    ({"customer": 5}, None, "customer"),
    ({"customer": b"x"}, None, "customer"),
    ({"expand": None}, None, "expand"),
    ({"expand": [[]]}, None, "expand[0]"),
    ({"metadata": {5: "v"}}, None, "metadata"),
    ({"metadata": {"a": None}}, None, "metadata"),
    ({"metadata": {"a": {"b": "c"}}}, None, "metadata"),
    ({"lines": {"0": {"price": 5}}}, None, "lines"),
]


@pytest.mark.parametrize(
    ("raw", "code", "param", "strict"),
    [(*case, False) for case in REFUSED] + [(*case, True) for case in STRICTLY_REFUSED],
)
def test_a_refusal_names_the_parameter(
    raw: Any, code: str | None, param: str, strict: bool
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse(Order, raw, strict=strict)
    assert (refusal.value.code, refusal.value.param) == (code, param)
    assert len(refusal.value.message) < 500


def test_what_must_be_given_is_named() -> None:
    for raw, param in (({}, "amount"), ({"amount": 5, "line": {}}, "line[price]")):
        with pytest.raises(InvalidRequest) as refusal:
            parse(Needy, raw, strict=True)
        assert (refusal.value.code, refusal.value.param) == (MISSING, param)


@pytest.mark.parametrize("levels", [17, 400])
def test_nesting_ends(levels: int) -> None:
    raw: Any = "x"
    for _ in range(levels):
        raw = {"a": raw}
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        parse(Order, raw, strict=True)


anything = some.recursive(
    some.one_of(
        some.none(),
        some.booleans(),
        some.integers(),
        some.floats(),
        some.text(some.characters()),
        some.binary(max_size=5),
    ),
    lambda inner: some.one_of(
        some.lists(inner, max_size=4),
        some.dictionaries(some.text(max_size=8) | some.integers(), inner, max_size=4),
        some.dictionaries(some.sampled_from(["price", "note"]), inner, max_size=2).map(Indexed),
    ),
    max_leaves=10,
)


@given(
    some.dictionaries(
        some.sampled_from(Order.__struct_fields__) | some.text(), anything, max_size=4
    ),
    some.booleans(),
)
def test_any_tree_is_parameters_or_a_refusal(raw: dict[str, Any], strict: bool) -> None:
    refusal = None
    try:
        taken = parse(Order, raw, strict=strict)
    except InvalidRequest as raised:
        refusal = raised
    if refusal is not None:
        assert 0 < len(refusal.message) < 500
        return
    defaults = Order()
    for name in set(Order.__struct_fields__) - raw.keys():
        assert getattr(taken, name) == getattr(defaults, name)


MERGES: list[tuple[dict[str, str], Any, dict[str, str]]] = [
    ({"a": "1"}, UNSET, {"a": "1"}),
    ({"a": "1"}, None, {}),
    ({"a": "1"}, {}, {"a": "1"}),
    ({"a": "1"}, {"b": "2"}, {"a": "1", "b": "2"}),
    ({"a": "1"}, {"a": "2"}, {"a": "2"}),
    ({"a": "1", "b": "2"}, {"a": None}, {"b": "2"}),
    ({"a": "1"}, {"b": None}, {"a": "1"}),
]


@pytest.mark.parametrize(("current", "update", "merged"), MERGES)
def test_metadata_merges_key_by_key(
    current: dict[str, str], update: Any, merged: dict[str, str]
) -> None:
    assert merged_metadata(current, update) == merged


def test_metadata_holds_50_keys_after_the_merge() -> None:
    current = {f"k{i}": "v" for i in range(50)}
    assert len(merged_metadata(current, {"k0": "w"})) == 50
    assert len(merged_metadata(current, {"k0": None, "new": "v"})) == 50
    with pytest.raises(InvalidRequest) as refusal:
        merged_metadata(current, {"new": "v"})
    assert refusal.value.param == "metadata"
