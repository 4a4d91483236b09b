"""One POST to a merchant's endpoint, and what came of it. It never raises for what they did."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from webhooks.addresses import AddressRefused, CheckedSockets, PublicResolver

HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "CPay/1.0 (+webhooks)",
    # The answer is kept as it comes and cut: what inflates while it is read could fill the memory.
    "Accept-Encoding": "identity",
}
RESPONSE_BYTES = 2048
LONGEST_RETRY_AFTER = 24 * 3600.0

# Shorter than the 5 s after which common servers (Node, uvicorn) close an idle connection: who
# reuses one at that moment loses the delivery, and a POST is not sent twice without asking.
_KEEP_ALIVE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How one attempt ended: with a status, or with a sentence that says why there is none."""

    status: int | None = None
    error: str | None = None
    response: str | None = None  # the first 2 KB, without control characters
    retry_after: float = 0.0  # seconds that the endpoint asked for, with 429 or 503

    @property
    def delivered(self) -> bool:
        """Whether the endpoint took the event."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint says it will never come back."""
        return self.status == 410

    @property
    def healthy(self) -> bool:
        """Whether the endpoint is at work; it may well have refused this event."""
        return self.status is not None and self.status < 500 and self.status != 429


class Sender:
    """The connections to merchants' endpoints, kept alive between deliveries.

    Live and test share none: test mode may be allowed to reach loopback, live mode never is.
    """

    def __init__(self, *, allow_loopback: bool, total: float, connect: float) -> None:
        self._allow_loopback = allow_loopback
        self._timeout = aiohttp.ClientTimeout(total=total, sock_connect=connect)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for livemode in (False, True):
            allow_loopback = self._allow_loopback and not livemode
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # whoever calls `post` bounds the number of calls
                    resolver=PublicResolver(allow_loopback=allow_loopback),
                    socket_factory=CheckedSockets(allow_loopback=allow_loopback),
                    keepalive_timeout=_KEEP_ALIVE_SECONDS,
                ),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
            self._sessions[livemode] = await self._open.enter_async_context(session)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, livemode: bool
    ) -> Answer:
        """Send `body`, as it is, and read how it was taken."""
        try:
            if livemode and not url.startswith("https://"):
                raise AddressRefused(None, "Live events are sent to https URLs only.")
            target = URL(url, encoded=True)  # the merchant's spelling, not ours
            async with self._sessions[livemode].post(
                target, data=body, headers={**HEADERS, **headers}, allow_redirects=False
            ) as response:
                return Answer(
                    status=response.status,
                    error="Redirects are not followed." if 300 <= response.status < 400 else None,
                    response=await _excerpt(response),
                    retry_after=_retry_after(response),
                )
        except aiohttp.ConnectionTimeoutError:
            return Answer(error=f"No connection within {self._timeout.sock_connect:g} s.")
        except TimeoutError:
            return Answer(error=f"No answer within {self._timeout.total:g} s.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=_failure(error))


def _failure(error: Exception) -> str:
    """Why no answer came, as a sentence for the merchant."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, AddressRefused):
        return str(cause.strerror)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The host name could not be resolved."
    # A bad certificate is a ValueError too, but of the connection.
    if isinstance(error, aiohttp.InvalidURL) or not isinstance(
        error, aiohttp.ClientError | OSError
    ):
        return "The URL is not one that can be sent to."
    detail = _clean(str(error) or type(error).__name__)[:300]
    if isinstance(error, aiohttp.ClientSSLError):
        return f"No trusted TLS connection: {detail}"
    return f"The connection failed: {detail}"


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """The answer's beginning. Once the status is known, a body that breaks off changes nothing."""
    content = b""
    try:
        async for part in response.content.iter_any():
            content += part
            if len(content) >= RESPONSE_BYTES:
                response.close()  # never mind the rest, nor the connection
                break
    except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError):
        pass
    return _clean(content[:RESPONSE_BYTES].decode(errors="replace"))


def _clean(text: str) -> str:
    """Text without control characters: it is stored, and shown to people and terminals."""
    return "".join(character for character in text if character.isprintable() or character == "\n")


def _retry_after(response: aiohttp.ClientResponse) -> float:
    """Seconds to wait by RFC 9110 section 10.2.3: a number of seconds or a date; capped."""
    text = response.headers.get("Retry-After", "").strip()
    if response.status not in (429, 503) or not text:
        return 0.0
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
