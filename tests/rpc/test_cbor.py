"""CBOR from anybody: what is no call is refused, in bounded time and memory."""

import contextlib
import time
import tracemalloc
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.errors import InvalidRequest
from rpc.decoder import MAX_ITEMS, Sequence, decode
from rpc.encoder import encode

SCALARS = st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.text() | st.binary()
TREES = st.recursive(
    SCALARS | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(TREES)
def test_a_tree_comes_back_as_it_was(tree: Any) -> None:
    assert decode(encode(tree)) == tree


WITHOUT_FLOATS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


@given(WITHOUT_FLOATS)
def test_the_encoding_is_deterministic(tree: Any) -> None:
    assert encode(tree) == cbor2.dumps(tree, canonical=True)


@given(st.binary())
def test_any_bytes_are_a_tree_or_a_refusal(body: bytes) -> None:
    try:
        tree = decode(body)
    except InvalidRequest:
        return
    assert isinstance(tree, (type(None), bool, int, float, str, bytes, list, dict))


@given(TREES, st.data())
def test_a_body_cut_short_is_refused(tree: Any, data: st.DataObject) -> None:
    body = encode(tree)
    shorter = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(InvalidRequest):
        decode(body[:shorter])


CYCLE = bytes.fromhex("d81c81d81d00")  # tag 28: a shared array, whose only item is itself (tag 29)

REFUSED = {
    "nothing": (b"", "ends before"),
    "trailing bytes": (b"\xa0\x00", "one item and nothing after it"),
    "two items": (cbor2.dumps({}) * 2, "one item and nothing after it"),
    "text cut short": (b"\x65ab", "ends before"),
    "text that is not UTF-8": (b"\x62\xff\xfe", "text string"),
    "a key of bytes twice": (b"\xa2\x41a\x00\x41a\x01", "Duplicate"),
    "a date": (cbor2.dumps(datetime.now(UTC)), "a tag"),
    "an integer beyond 64 bits": (cbor2.dumps(2**64), "a tag"),
    "a cycle": (CYCLE, "a tag"),
    "self-described CBOR": (b"\xd9\xd9\xf7\xa0", "a tag"),
    "undefined": (b"\xf7", "simple value"),
    "an unassigned simple value": (b"\xe0", "simple value"),
    "a break without a beginning": (b"\xff", "simple value"),
    "an indefinite array": (b"\x9f\xff", "indefinite"),
    "an indefinite text": (b"\x7f\x61a\xff", "indefinite"),
    "an indefinite map": (b"\xbf\xff", "indefinite"),
    "a reserved length": (b"\x1c", "reserved"),
    "a key twice": (b"\xa2\x61a\x01\x61a\x02", "Duplicate"),
    "a key that is a number": (b"\xa1\x01\x02", "map key"),
    "a key that is null": (b"\xa1\xf6\x02", "map key"),
    "a key that is an array": (b"\xa1\x80\x02", "map key"),
    "an array of 2^64 - 1 items": (b"\x9b" + b"\xff" * 8, "more than"),
    "a map of 2^64 - 1 items": (b"\xbb" + b"\xff" * 8, "more than"),
    "a text of 2^64 - 1 bytes": (b"\x7b" + b"\xff" * 8 + b"abc", "ends before"),
    "arrays in arrays": (b"\x81" * 1_000_000 + b"\x00", "more than"),
    "deep nesting": (b"\x81" * 30 + b"\x00", "depth"),
}


@pytest.mark.parametrize(("body", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        decode(body)


# --- sequences ----------------------------------------------------------------------------------


def taken(sequence: Sequence, pieces: list[bytes]) -> list[Any]:
    return [tree for piece in pieces for tree, _ in sequence.feed(piece)]


@given(st.lists(TREES), st.data())
def test_a_sequence_is_the_same_however_it_is_cut(trees: list[Any], data: st.DataObject) -> None:
    body = b"".join(map(encode, trees))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)))))
    pieces = [body[a:b] for a, b in pairwise([0, *cuts, len(body)])]
    sequence = Sequence(1_000_000)
    assert taken(sequence, pieces) == trees
    sequence.end()


@given(st.lists(st.binary()), st.integers(1, 40))
def test_any_bytes_are_a_sequence_or_a_refusal(pieces: list[bytes], longest: int) -> None:
    sequence = Sequence(longest)
    for piece in pieces:
        try:
            taken(sequence, [piece])
        except InvalidRequest:
            return
        # What is kept of an item that is not complete: at most all of it, or its head.
        assert len(sequence._buffer) <= max(longest, 9)


@given(TREES, st.data())
def test_a_sequence_cut_short_is_refused(tree: Any, data: st.DataObject) -> None:
    body = encode(tree)
    sequence = Sequence(1_000_000)
    taken(sequence, [body, body[: data.draw(st.integers(1, len(body)))]])
    if sequence._buffer:
        with pytest.raises(InvalidRequest, match="last item"):
            sequence.end()


def test_a_message_names_the_byte_of_the_whole_sequence() -> None:
    sequence = Sequence(1_000)
    assert taken(sequence, [b"\x01\x02\x81", b"\x03\x82\x00"]) == [1, 2, [3]]
    with pytest.raises(InvalidRequest, match="at byte 6"):
        taken(sequence, [b"\xf7"])


@pytest.mark.parametrize("size", [1, 7, 100])
def test_an_item_that_comes_in_drops_is_looked_at_once(size: int) -> None:
    body = encode([[]] * 100_000)
    sequence = Sequence(1_000_000)
    began = time.process_time()
    trees = taken(sequence, [body[at : at + size] for at in range(0, len(body), size)])
    assert len(trees[0]) == 100_000
    assert time.process_time() - began < 10  # 0.1 s; minutes if each drop were a new beginning


BOMBS = {
    "empty arrays": b"\x9a\x00\x7a\x12\x00" + b"\x80" * 8_000_000,
    "as many empty maps as are allowed": b"\x9a\x00\x03\x0d\x3f" + b"\xa0" * (MAX_ITEMS - 1),
    "pairs of maps": b"\xba\x00\x3d\x09\x00" + b"\x60\xa0" * 4_000_000,
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_little_memory_and_time(body: bytes) -> None:
    began = time.process_time()
    with contextlib.suppress(InvalidRequest):
        decode(body)
    assert time.process_time() - began < 1  # 0.04 s on a laptop
    tracemalloc.start()
    with contextlib.suppress(InvalidRequest):
        decode(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32_000_000
