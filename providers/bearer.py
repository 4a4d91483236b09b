"""Bearer tokens: fetched with the account's credentials, kept, renewed in time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import httpx

from .boundary import Answer, DeclineCode, Verdict
from .connection import exchange

RENEW_BEFORE_EXPIRY: Final = 60.0  # seconds; a token must not expire on its way to the provider


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the moment of this machine's monotonic clock to replace it at."""

    value: str = field(repr=False)
    renew_at: float

    @classmethod
    def living(cls, value: str, seconds: float) -> "Token":
        """A token that lives `seconds` from now."""
        return cls(value, monotonic() + max(seconds - RENEW_BEFORE_EXPIRY, 0))


class Bearer:
    """The token of one account. Concurrent calls share one renewal, and its failure."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        build: Callable[[], httpx.Request],
        read: Callable[[httpx.Response], Token | None],
    ) -> None:
        """`build` makes the token call; `read` finds the token in its reply, None if none is."""
        self._client = client
        self._build = build
        self._read = read
        self._token: Token | None = None
        self._renewal: asyncio.Task[Token | Answer] | None = None

    async def send(self, build: Callable[[str], httpx.Request]) -> httpx.Response | Answer:
        """Send a call with a token, which is renewed once if the provider answers 401.

        `build` is given the token. For calls whose repetition is safe after a 401, as it is
        wherever a gateway checks the token before anybody else sees the call. NOT_SENT when no
        token was to be had.
        """
        token = await self.current()
        if isinstance(token, Answer):
            return token
        reply = await exchange(self._client, build(token.value))
        if isinstance(reply, Answer) or reply.status_code != 401:
            return reply
        token = await self.current(refused=token)
        if isinstance(token, Answer):
            return token
        return await exchange(self._client, build(token.value))

    async def current(self, refused: Token | None = None) -> Token | Answer:
        """A token to call with, other than the `refused` one; NOT_SENT when none is to be had."""
        token = self._token
        if token is not None and token != refused and monotonic() < token.renew_at:
            return token
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
        # Shielded: a caller who gives up must not take the token away from the others.
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> Token | Answer:
        """Fetch a token. Without one nothing was sent, however the fetch failed."""
        try:
            reply = await exchange(self._client, self._build())
        finally:
            self._renewal = None
        if isinstance(reply, Answer):
            return Answer(Verdict.NOT_SENT, evidence={"call": "token", **reply.evidence})
        token = self._read(reply)
        if token is None:
            # The body is left out: a reply that we misread may hold a token.
            evidence = {"call": "token", "http_status": reply.status_code}
            return Answer(Verdict.NOT_SENT, evidence=evidence)
        self._token = token
        return token


def asked(reply: httpx.Response | Answer) -> httpx.Response | Answer:
    """The reply to a question about money. A question that was not sent is no answer, least of
    all "never seen": it is UNKNOWN."""
    if isinstance(reply, Answer):
        return Answer(Verdict.UNKNOWN, evidence=reply.evidence)
    return reply


def checked(reply: httpx.Response | Answer, *, accepted: bool) -> Answer:
    """The verdict of a credentials check whose call brought `reply`; `accepted` if it went well."""
    if isinstance(reply, Answer):
        status = reply.evidence.get("http_status")  # of a token call
        evidence = dict(reply.evidence)
    else:
        status = reply.status_code
        evidence = {"http_status": status}
    if accepted:
        return Answer(Verdict.SUCCEEDED, evidence=evidence)
    if status in (400, 401, 403):
        return Answer(Verdict.DECLINED, decline_code=DeclineCode.CONFIGURATION, evidence=evidence)
    return Answer(Verdict.UNKNOWN, evidence=evidence)
