"""CBOR (RFC 8949) from anybody, decoded with care.

What is taken is CBOR's likeness of JSON, and bytes: null, booleans, integers, floats, text, byte
strings, arrays, and maps with text keys, all of definite length. Everything else that CBOR can say
is refused: tags (bignums, dates, shared references and the cycles they make), undefined, streams.

A body is scanned before it is decoded. One byte can stand for an empty list, which takes 64 bytes
of memory; so it is the number of items that must be bounded, and known before any is made.
"""

from typing import Any

import cbor2

from processor.errors import InvalidRequest

MAX_ITEMS = 200_000  # 200 for each of 1,000 calls; a call with 50 metadata keys has about 110
MAX_DEPTH = 24  # the envelope's four levels, and more than any parameter needs

# Major types (RFC 8949, section 3.1). Types 0 and 1 are integers, of at most 64 bits and a sign.
_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE_OR_FLOAT = 2, 3, 4, 5, 6, 7
_SIMPLE = (20, 21, 22, 25, 26, 27)  # false, true, null, floats of 2, 4 and 8 bytes: section 3.3


def decode(body: bytes) -> Any:
    """The one item in `body`, as Python's None, bool, int, float, str, bytes, list and dict.

    Raises InvalidRequest, whose message says what is wrong and near which byte.
    """
    _scan(body)
    try:
        return cbor2.loads(
            body,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
    except cbor2.CBORDecodeError as error:
        raise _invalid(str(error)[:200]) from None


def _scan(body: bytes) -> None:
    """Walk over the heads of all items, making none of them. Raises InvalidRequest.

    The time is bounded by MAX_ITEMS, whatever lengths the heads promise.
    """
    position, seen, expected = 0, 0, 1
    while seen < expected:
        start = position
        if start >= len(body):
            raise _invalid("it ends before it is complete")
        major, argument = body[start] >> 5, body[start] & 31
        position += 1
        if major == _TAG:
            what = "a tag, as dates and integers beyond 64 bits have"
            raise _invalid(f"{what}, at byte {start}")
        if major == _SIMPLE_OR_FLOAT:
            if argument not in _SIMPLE:
                raise _invalid(f"a simple value that is not supported, at byte {start}")
            position += 1 << (argument - 24) if argument > 24 else 0
        elif argument > 27:
            raise _invalid(f"an indefinite or reserved length, at byte {start}")
        elif argument > 23:
            width = 1 << (argument - 24)
            argument = int.from_bytes(body[position : position + width])
            position += width
        if major in (_BYTES, _TEXT):
            position += argument
        elif major == _ARRAY:
            expected += argument
        elif major == _MAP:
            expected += 2 * argument
        seen += 1
        if expected > MAX_ITEMS:
            raise _invalid(f"it has more than {MAX_ITEMS} items")
    if position != len(body):
        where = f"at byte {position}" if position < len(body) else "its last item is cut short"
        raise _invalid(f"it must be one item and nothing after it ({where})")


def _invalid(what: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid request body: it is not valid CBOR for this API: {what}.")
