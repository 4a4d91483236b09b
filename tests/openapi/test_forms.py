"""Forms: a table of spellings, and whatever the official SDK can write."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as some
from stripe._encode import _api_encode

from openapi.forms import MAX_DEPTH, MAX_PAIRS, decode
from processor.errors import InvalidRequest
from processor.parameters import Indexed

SPELLINGS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("&&", {}),
    ("a=1", {"a": "1"}),
    ("a=1&b=2", {"a": "1", "b": "2"}),
    ("a", {"a": ""}),
    ("a=", {"a": ""}),
    ("a=b=c", {"a": "b=c"}),
    ("a=1&a=2", {"a": "2"}),
    ("a=x+y%2Bz%20", {"a": "x y+z "}),
    ("a=%C3%A9%F0%9F%92%B8", {"a": "é💸"}),
    ("a=%zz%4", {"a": "%zz%4"}),
    ("a[b]=1", {"a": {"b": "1"}}),
    ("a%5Bb%5D=1", {"a": {"b": "1"}}),
    ("a[b][c]=1&a[b][d]=2&a[e]=3", {"a": {"b": {"c": "1", "d": "2"}, "e": "3"}}),
    ("a[0]=x&a[1]=y", {"a": Indexed({"0": "x", "1": "y"})}),
    ("a[]=x&a[]=y", {"a": Indexed({"0": "x", "1": "y"})}),
    ("a[10]=x&a[9]=y", {"a": Indexed({"9": "y", "10": "x"})}),
    ("a[0][b]=1&a[0][c]=2&a[1][b]=3", {"a": Indexed({"0": {"b": "1", "c": "2"}, "1": {"b": "3"}})}),
    ("a[2026]=x&a[b]=y", {"a": {"2026": "x", "b": "y"}}),
    ("a[1234567]=x", {"a": {"1234567": "x"}}),
    ("a[٣]=x", {"a": {"٣": "x"}}),
    ("__class__=x&constructor[prototype]=y", {"__class__": "x", "constructor": {"prototype": "y"}}),
]


@pytest.mark.parametrize(("text", "tree"), SPELLINGS)
def test_spellings(text: str, tree: dict[str, Any]) -> None:
    assert _told(decode(text.encode())) == _told(tree)


def _told(node: Any) -> Any:
    """A tree that differs when kinds or the order of an array do."""
    if isinstance(node, Indexed):
        return ("array", [(key, _told(value)) for key, value in node.items()])
    if isinstance(node, dict):
        return ("hash", {key: _told(value) for key, value in node.items()})
    # In arrays the SDK writes booleans as Python does, elsewhere as JSON does; both are taken.
    return {"True": "true", "False": "false"}.get(node, node)


REFUSED: list[tuple[str, str | None]] = [
    ("=1", ""),
    ("[a]=1", "[a]"),
    ("a[=1", "a["),
    ("a]=1", "a]"),
    ("a[b]c=1", "a[b]c"),
    ("a[[b]]=1", "a[[b]]"),
    ("a[][]=1", "a[][]"),
    ("a=1&a[b]=2", "a[b]"),
    ("a[b]=1&a=2", "a"),
    ("a[b]=1&a[b][c]=2", "a[b][c]"),
    ("a=%ff", "a"),
    ("a=%ED%A0%80", "a"),
    ("%ff=1", None),
    ("a" + "[b]" * MAX_DEPTH + "=1", ("a" + "[b]" * MAX_DEPTH)[:80]),
    ("&".join(["a=1"] * (MAX_PAIRS + 1)), None),
]


@pytest.mark.parametrize(("text", "param"), REFUSED)
def test_refusals_name_the_parameter(text: str, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode(text.encode())
    assert refusal.value.param == param


def test_the_limits_themselves_are_taken() -> None:
    decode("&".join(["a=1"] * MAX_PAIRS).encode())
    decode(("a" + "[b]" * (MAX_DEPTH - 1) + "=1").encode())


names = some.text(
    some.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=1, max_size=12
)
scalars = some.one_of(
    some.text(some.characters(exclude_categories=["Cs"])), some.booleans(), some.integers()
)
trees = some.recursive(
    scalars,
    lambda inner: some.one_of(
        some.lists(inner, min_size=1, max_size=4),
        some.dictionaries(names, inner, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


@given(some.dictionaries(names, trees, max_size=5).filter(lambda tree: _depth(tree) <= MAX_DEPTH))
def test_what_the_sdk_writes_is_read_as_it_was_meant(tree: dict[str, Any]) -> None:
    written = urlencode(list(_api_encode(tree)))
    expected = {key: _meant(value) for key, value in tree.items()}
    for text in (written, written.replace("%5B", "[").replace("%5D", "]")):
        assert _told(decode(text.encode())) == _told(expected)


def _depth(tree: Any) -> int:
    if isinstance(tree, dict):
        return 1 + max(map(_depth, tree.values()), default=0)
    return 1 + max(map(_depth, tree)) if isinstance(tree, list) else 0


def _meant(value: Any) -> Any:
    """A value as a form can say it: texts only, and arrays as numbered hashes."""
    if isinstance(value, list):
        return Indexed({str(index): _meant(item) for index, item in enumerate(value)})
    if isinstance(value, dict):
        meant = {key: _meant(item) for key, item in value.items()}
        if all(key.isascii() and key.isdigit() and len(key) < 7 for key in meant):
            return Indexed(sorted(meant.items(), key=lambda pair: int(pair[0])))
        return meant
    return str(value)


@given(some.binary(max_size=200) | some.text("a[]=&%0f1+", max_size=60).map(str.encode))
def test_any_bytes_are_a_tree_or_a_refusal(written: bytes) -> None:
    try:
        told = "".join(decode(written))
    except InvalidRequest as refusal:
        told = refusal.message
    assert len(told) < 300
