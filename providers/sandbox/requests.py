"""The last requests a sandbox PSP received, without what nobody may keep."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .card_table import has_valid_check_digit

SECRET_HEADERS = frozenset({"authorization", "cookie", "ocp-apim-subscription-key", "x-auth-token"})
HIDDEN = "[hidden]"

# A secret by the name in front of it, in JSON (`"cvc": "123"`) or in a form (`card[cvc]=123`).
_NAMED_SECRET = re.compile(
    r"""((?:cvc|cvv|pin|password|secret|api_?key|client_secret|access_token)["\]]*\s*[=:]\s*"?)"""
    r"""[^"&,}\s]+""",
    re.IGNORECASE,
)
_SECRET_BY_SHAPE = re.compile(r"\b(?:[sr]k_(?:test|live)|whsec)_\w+|\bpi_\w+_secret_\w+")
# As people type it, in groups, and as forms carry the blanks between them.
_BLANK = r"(?:[ +]|%20)"
_CARD_NUMBER = re.compile(rf"(?<!\d)\d(?:{_BLANK}?\d){{12,18}}(?!\d)")
_BLANKS = re.compile(_BLANK)


def _hide_card_number(match: re.Match[str]) -> str:
    digits = _BLANKS.sub("", match.group())
    # Only numbers with a card's check digit: an MSISDN or an id must stay readable.
    if not has_valid_check_digit(digits):
        return match.group()
    return digits[:6] + "*" * (len(digits) - 10) + digits[-4:]


def scrub(text: str) -> str:
    """`text` without keys, passwords and tokens; card numbers keep their first 6 and last 4."""
    text = _NAMED_SECRET.sub(rf"\g<1>{HIDDEN}", text)
    text = _SECRET_BY_SHAPE.sub(HIDDEN, text)
    return _CARD_NUMBER.sub(_hide_card_number, text)


class Entry(msgspec.Struct):
    """One request, scrubbed, and what became of it."""

    at: float  # unix seconds
    method: str
    path: str  # with the query string
    headers: dict[str, str]
    body: str
    fault: str | None = None
    status: int | None = None  # None: the connection was closed without an answer
    seconds: float = 0.0


class RequestLog:
    """The last `size` requests, newest first."""

    def __init__(self, size: int = 200) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)

    def add(
        self, at: float, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> Entry:
        """Remember a request; the caller fills in the answer on the entry it gets back."""
        entry = Entry(
            at=at,
            method=method,
            path=scrub(path),
            headers=_scrub_headers(
                {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
            ),
            body=scrub(body.decode("utf-8", "replace")),
        )
        self._entries.appendleft(entry)
        return entry

    def entries(self, limit: int | None = None) -> list[Entry]:
        """The newest `limit` entries, or all of them."""
        return list(self._entries)[:limit]

    def as_json(self) -> list[dict[str, Any]]:
        """The entries as the control API shows them."""
        entries: list[dict[str, Any]] = msgspec.to_builtins(self.entries())
        return entries


def _scrub_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: HIDDEN if name in SECRET_HEADERS else scrub(value) for name, value in headers.items()
    }
