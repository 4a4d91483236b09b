"""Deterministic CBOR: equal trees have equal bytes (RFC 8949, section 4.2.1).

The library can do this too, and sorts the keys of every map anew; that took a third of a batch's
time. Our objects come in few shapes, so what a shape's keys look like is remembered.
"""

from collections.abc import Callable
from functools import lru_cache
from struct import pack
from typing import Any


class Encoded(bytes):
    """An item that is CBOR already, and is put into a tree as it is."""


def encode(tree: Any) -> bytes:
    """A tree of None, bool, int of 64 bits and a sign, float, str, bytes, list and dict as CBOR.

    Keys are text. Floats have 64 bits. Raises KeyError for other types.
    """
    return _ENCODERS[type(tree)](tree)


def _head(major: int, argument: int) -> bytes:
    """The beginning of an item: its major type, and its length or value in as few bytes as can be
    (section 3)."""
    if argument < 24:
        return bytes([major << 5 | argument])
    if argument < 2**8:
        return bytes([major << 5 | 24, argument])
    if argument < 2**16:
        return pack(">BH", major << 5 | 25, argument)
    if argument < 2**32:
        return pack(">BI", major << 5 | 26, argument)
    return pack(">BQ", major << 5 | 27, argument)


_HEADS_OF_TEXTS = [_head(3, length) for length in range(256)]


def _integer(value: int) -> bytes:
    return _head(0, value) if value >= 0 else _head(1, -1 - value)


def _bytes(value: bytes) -> bytes:
    return _head(2, len(value)) + value


def _text(value: str) -> bytes:
    encoded = value.encode()
    length = len(encoded)
    return (_HEADS_OF_TEXTS[length] if length < 256 else _head(3, length)) + encoded


def _array(value: list[Any]) -> bytes:
    parts = [_ENCODERS[type(item)](item) for item in value]
    return _head(4, len(value)) + b"".join(parts)


def _map(value: dict[str, Any]) -> bytes:
    head, keys = _shape(tuple(value))
    parts = [head]
    for encoded, key in keys:
        item = value[key]
        parts.append(encoded)
        parts.append(_ENCODERS[type(item)](item))
    return b"".join(parts)


@lru_cache(maxsize=512)
def _shape(keys: tuple[str, ...]) -> tuple[bytes, list[tuple[bytes, str]]]:
    """The head of a map with these keys, and the keys with their bytes, in the order of these."""
    return _head(5, len(keys)), sorted((_text(key), key) for key in keys)


def _boolean(value: bool) -> bytes:
    return b"\xf5" if value else b"\xf4"


def _null(_: None) -> bytes:
    return b"\xf6"


def _float(value: float) -> bytes:
    return pack(">Bd", 0xFB, value)


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    Encoded: lambda item: item,
    type(None): _null,
    bool: _boolean,
    int: _integer,
    float: _float,
    bytes: _bytes,
    str: _text,
    list: _array,
    dict: _map,
}
