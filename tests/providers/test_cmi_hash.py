"""HASH ver3, against PHP's own results and as properties."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from providers.cmi_hash import is_signed, sign

VECTORS = json.loads(Path(__file__).with_name("cmi_hash_vectors.json").read_text("utf-8"))

# No two that differ by case alone, nor any that is left out.
NAMES = st.lists(
    st.from_regex(r"[a-z.]{1,4}[0-9]{0,3}", fullmatch=True), min_size=1, max_size=8, unique=True
)
VALUES = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vectors(vector: dict[str, Any]) -> None:
    assert sign(vector["params"], vector["storeKey"]) == vector["hash"]
    signed = vector["params"] | {"HASH": vector["hash"]}
    assert is_signed(signed, vector["storeKey"])
    assert not is_signed(signed, vector["storeKey"] + "x")


@given(NAMES, st.data())
def test_the_order_of_fields_never_matters(names: list[str], data: st.DataObject) -> None:
    fields = {name: data.draw(VALUES) for name in names}
    shuffled = names[:]
    random.Random(0).shuffle(shuffled)
    assert sign({name: fields[name] for name in shuffled}, "K") == sign(fields, "K")


@given(NAMES, st.data())
def test_one_changed_character_changes_it(names: list[str], data: st.DataObject) -> None:
    fields = {name: data.draw(VALUES) for name in names}
    name = data.draw(st.sampled_from(names))
    changed = data.draw(VALUES)
    trimmed = " \t\n\r\0\x0b"
    assume(changed.strip(trimmed) != fields[name].strip(trimmed))
    assert sign({**fields, name: changed}, "K") != sign(fields, "K")


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"a": "1", "b2": "2", "b12": "3"}, {"a": "1", "b3": "2", "b20": "3"}),  # natural order
        ({"a": "1", "B": "2"}, {"A": "1", "b": "2"}),  # whatever the case
        ({"a": " 1\r\n"}, {"a": "1"}),
        ({"a": "1", "HASH": "x", "Encoding": "y", "NationalIdNo": "z"}, {"a": "1"}),
        ({"b01": "1", "b1": "2"}, {"b1": "2", "b01": "1"}),  # equal numbers: by their spelling
        (
            {"a.b": "1", "a1": "2", "aa": "3", "a_": "4"},
            {"a1": "1", "a2": "2", "a3": "3", "a4": "4"},
        ),
    ],
)
def test_what_is_signed_alike(fields: dict[str, str], same: dict[str, str]) -> None:
    assert sign(fields, "K") == sign(same, "K")


def test_a_bar_in_a_value_is_no_border() -> None:
    assert sign({"a": "1|2"}, "K") != sign({"a": "1", "b": "2"}, "K")
    assert sign({"a": "1\\"}, "|K") != sign({"a": "1"}, "\\||K")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"a": "1"},
        {"a": "1", "HASH": ""},
        {"a": "1", "HASH": "é" * 88},
        {"a": "1", "HASH": sign({"a": "1"}, "K"), "hash": sign({"a": "1"}, "K")},
        {"a" + "9" * 10_000: "1", "HASH": "x"},
        {"a": "\ud800", "HASH": "\ud800"},
    ],
)
def test_what_is_not_signed(fields: dict[str, str]) -> None:
    assert not is_signed(fields, "K")
