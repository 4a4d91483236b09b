"""CBOR (RFC 8949) from anybody, decoded with care.

What is taken is CBOR's likeness of JSON, and bytes: null, booleans, integers, floats, text, byte
strings, arrays, and maps with text keys, all of definite length. Everything else that CBOR can say
is refused: tags (bignums, dates, shared references and the cycles they make), undefined, streams.

A body is scanned before it is decoded. One byte can stand for an empty list, which takes 64 bytes
of memory; so it is the number of items that must be bounded, and known before any is made.
"""

from collections.abc import Iterator
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
    scan = Scan()
    if not scan.advance(body):
        raise _invalid("it ends before it is complete")
    if scan.position < len(body):
        raise _invalid(f"it must be one item and nothing after it (at byte {scan.position})")
    return _decoded(body)


class Sequence:
    """A CBOR sequence (RFC 8742), whose items are taken as soon as their bytes are there."""

    def __init__(self, longest: int) -> None:
        """`longest` is the most bytes that one item may have."""
        self._longest = longest
        self._buffer = bytearray()  # what has come and is not yet an item
        self._scan = Scan()
        self._before = 0  # bytes of the sequence that were taken out of the buffer

    def feed(self, data: bytes) -> Iterator[tuple[Any, int]]:
        """The items that these bytes complete, each with its length. Raises InvalidRequest at what
        is not CBOR for us, after the items before it: nothing more can be read then."""
        self._buffer += data
        start = 0
        try:
            while self._scan.advance(self._buffer):
                end = self._scan.position
                yield _decoded(bytes(self._buffer[start:end])), end - start
                start, self._scan = end, Scan(end, self._before)
            if self._scan.position - start > self._longest:
                raise _invalid(f"an item of a sequence has at most {self._longest} bytes")
        finally:
            del self._buffer[:start]
            self._before += start
            self._scan.shift(start)

    def end(self) -> None:
        """Nothing more will come. Raises InvalidRequest if an item is not complete."""
        if self._buffer:
            raise _invalid("it ends before its last item is complete")


class Scan:
    """A walk over the heads of one item and of those inside it, making none of them.

    It goes as far as the bytes reach, and further when there are more: no byte is looked at twice.
    """

    __slots__ = ("_before", "_expected", "_seen", "position")

    def __init__(self, start: int = 0, before: int = 0) -> None:
        """Begin at byte `start` of a buffer, before which `before` bytes were taken out of it."""
        self.position = start  # in the end, of the first byte after the item
        self._before = before
        self._seen, self._expected = 0, 1

    def shift(self, count: int) -> None:
        """The buffer has lost its first bytes."""
        self.position -= count
        self._before += count

    def advance(self, body: bytes | bytearray) -> bool:
        """Go on. True once the whole item is there. Raises InvalidRequest.

        The time is bounded by MAX_ITEMS, whatever lengths the heads promise.
        """
        position, seen, expected, size = self.position, self._seen, self._expected, len(body)
        while seen < expected and position < size:
            start = position
            major, argument = body[start] >> 5, body[start] & 31
            position += 1
            if major == _TAG:
                what = "a tag, as dates and integers beyond 64 bits have"
                raise _invalid(f"{what}, at byte {self._before + start}")
            if major == _SIMPLE_OR_FLOAT:
                if argument not in _SIMPLE:
                    what = "a simple value that is not supported"
                    raise _invalid(f"{what}, at byte {self._before + start}")
                position += 1 << (argument - 24) if argument > 24 else 0
            elif argument > 27:
                what = "an indefinite or reserved length"
                raise _invalid(f"{what}, at byte {self._before + start}")
            elif argument > 23:
                width = 1 << (argument - 24)
                if position + width > size:
                    position = start
                    break
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
        self.position, self._seen, self._expected = position, seen, expected
        return seen == expected and position <= size


def _decoded(body: bytes) -> Any:
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


def _invalid(what: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid request body: it is not valid CBOR for this API: {what}.")
