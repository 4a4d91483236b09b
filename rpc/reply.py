"""What goes out: a body at once, or a stream of them, packed if the client asked for it."""

import asyncio
import zlib
from collections.abc import Mapping

from litestar.types import Send

# How long a client may take no bytes. One that sends all before it reads anything would hold its
# place, and its answers in memory, for ever.
STALL_SECONDS = 60.0

# 500 intents are 556 KB. The quickest level makes 36 KB of them in 2 ms, the slowest 33 KB in 5.
_LEVEL = 1
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say that the header is gzip's (RFC 1952)
_WORTH_PACKING = 1_000  # bytes
_PIECE = 65_536  # bytes of a stream that are sent without waiting for more

Headers = list[tuple[bytes, bytes]]


class Stalled(Exception):
    """The client does not take what it is sent."""


class Reply:
    """One response, sent at once with `whole` or in pieces with `piece` and `end`."""

    def __init__(
        self,
        send: Send,
        headers: Mapping[str, str],
        identifier: str,
        patience: float = STALL_SECONDS,
    ) -> None:
        """`headers` are the request's, and `identifier` is the request's id."""
        self._send = send
        self._patience = patience
        self._headers: Headers = [
            (b"request-id", identifier.encode()),
            (b"vary", b"accept-encoding"),
        ]
        packs = _takes_gzip(headers.get("accept-encoding", ""))
        self._packer = zlib.compressobj(_LEVEL, wbits=_GZIP) if packs else None
        self._waiting = bytearray()
        self.started = False

    def add(self, name: str, value: str) -> None:
        """Add a header, before anything is sent."""
        self._headers.append((name.encode(), value.encode()))

    async def whole(self, status: int, media_type: str, body: bytes) -> None:
        """Send everything. Raises Stalled."""
        if self._packer is not None and len(body) >= _WORTH_PACKING:
            self.add("content-encoding", "gzip")
            body = self._packer.compress(body) + self._packer.flush()
        self.add("content-length", str(len(body)))
        await self._start(status, media_type)
        await self._put(body, more=False)

    async def piece(self, media_type: str, body: bytes) -> None:
        """Add to a response of status 200, and send what is enough to be sent. Raises Stalled."""
        if not self.started:
            if self._packer is not None:
                self.add("content-encoding", "gzip")
            await self._start(200, media_type)
        self._waiting += self._packer.compress(body) if self._packer is not None else body
        if len(self._waiting) >= _PIECE:
            await self._send_waiting()

    async def flush(self) -> None:
        """Send all that was added. Raises Stalled."""
        if self._packer is not None:
            self._waiting += self._packer.flush(zlib.Z_SYNC_FLUSH)
        await self._send_waiting()

    async def _send_waiting(self) -> None:
        body, self._waiting = bytes(self._waiting), bytearray()
        await self._put(body, more=True)

    async def end(self) -> None:
        """Nothing more follows the pieces. Raises Stalled."""
        rest = bytes(self._waiting) + (self._packer.flush() if self._packer is not None else b"")
        await self._put(rest, more=False)

    async def _put(self, body: bytes, *, more: bool) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError:
            raise Stalled from None

    async def _start(self, status: int, media_type: str) -> None:
        self.started = True
        self.add("content-type", media_type)
        await self._send(
            {"type": "http.response.start", "status": status, "headers": self._headers}
        )


def _takes_gzip(accepted: str) -> bool:
    """Whether `Accept-Encoding` names gzip, and not to forbid it."""
    for choice in accepted.lower().split(","):
        coding, _, weight = choice.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
