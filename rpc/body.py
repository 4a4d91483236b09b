"""What comes in: a request's body as it arrives, unpacked, bounded in its size and its pauses."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Mapping

from litestar.types import Receive

from processor.errors import InvalidRequest
from rpc.calls import Envelope, typed
from rpc.decoder import Sequence

IDLE_SECONDS = 60.0  # how long a client may say nothing in the middle of a body

# A part of a stream: what is carried out together while the rest is still arriving.
PART_CALLS = 500
PART_BYTES = 1_000_000
LULL_SECONDS = 0.02  # a part is not kept waiting for more calls than have come by then
LONGEST_CALL = 1_000_000  # bytes

_PIECE = 65_536  # bytes unpacked at a time: a bomb of zeros never lies in memory whole
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say that the header is gzip's (RFC 1952)


class Body:
    """The bytes of one request. Nothing is read before it is asked for, so a client that sends
    faster than we work is held up by TCP."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], limit: int | None) -> None:
        """`limit` is the most bytes, unpacked; None for a stream, which is bounded by its parts.

        Raises InvalidRequest for an encoding that is not gzip, and for a length beyond the limit.
        """
        self._receive = receive
        self._limit = limit
        self._length = 0
        self._more = True
        self._packed = b""
        self._unpacker = _unpacker(headers.get("content-encoding", ""))
        announced = headers.get("content-length", "")
        if announced.isdecimal():
            self._check(int(announced[:20]))

    async def read(self) -> bytes:
        """The next bytes, empty at the end. Raises InvalidRequest."""
        while self._more or self._packed:
            data = self._unpacked(self._packed or await self._received())
            if data:
                self._length += len(data)
                self._check(self._length)
                return data
        if self._unpacker is not None and not self._unpacker.eof:
            raise refused(400, "The gzip data of the request body ends before it is complete.")
        return b""

    async def whole(self) -> bytes:
        """All of it. Raises InvalidRequest."""
        body = bytearray()
        while data := await self.read():
            body += data
        return bytes(body)

    def _check(self, length: int) -> None:
        if self._limit is not None and length > self._limit:
            raise refused(413, f"The request body is larger than {self._limit} bytes.")

    async def _received(self) -> bytes:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise refused(408, f"Nothing came for {IDLE_SECONDS:.0f} seconds.") from None
        if message["type"] != "http.request":
            raise refused(400, "The connection ended before the request was complete.")
        self._more = message["more_body"]
        return message["body"]

    def _unpacked(self, data: bytes) -> bytes:
        if self._unpacker is None:
            return data
        if self._unpacker.eof and data:
            raise refused(400, "Something follows the gzip data of the request body.")
        try:
            unpacked = self._unpacker.decompress(data, _PIECE)
        except zlib.error:
            raise refused(400, "The request body is not valid gzip data.") from None
        self._packed = self._unpacker.unconsumed_tail or self._unpacker.unused_data
        return unpacked


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(_GZIP)
    raise refused(415, f"Invalid content encoding: {encoding[:40]!r}. Send gzip, or none.")


def refused(status: int, message: str) -> InvalidRequest:
    """A refusal of the whole request."""
    error = InvalidRequest(message)
    error.status = status
    return error


async def parts(body: Body) -> AsyncGenerator[list[Envelope], None]:
    """The calls of a stream, as many at a time as are there and are carried out together.

    Raises InvalidRequest at what is no call, after the calls before it. It ends the stream: to
    answer each of a million bytes that mean nothing would cost us a thousand times what they cost.
    """
    sequence = Sequence(LONGEST_CALL)
    part: list[Envelope] = []
    size = 0
    reading = asyncio.ensure_future(body.read())
    try:
        while True:
            await asyncio.wait({reading}, timeout=LULL_SECONDS if part else None)
            if reading.done():
                data = reading.result()
                for tree, length in sequence.feed(data):
                    part.append(typed(tree, Envelope))
                    size += length
                    if len(part) == PART_CALLS or size >= PART_BYTES:
                        yield part
                        part, size = [], 0
                if not data:
                    break
                reading = asyncio.ensure_future(body.read())
            elif part:
                yield part
                part, size = [], 0
        sequence.end()
    except InvalidRequest:
        if part:
            yield part
        raise
    finally:
        reading.cancel()
    if part:
        yield part
