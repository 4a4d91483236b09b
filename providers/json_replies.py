"""Replies in JSON: read into a shape or not at all, and kept as evidence without their secrets."""

from collections.abc import Collection
from typing import Any, Final, TypeVar

import httpx
import msgspec

_Shape = TypeVar("_Shape")
_LONGEST_EVIDENCE: Final = 4000  # bytes; what a provider says fits, a proxy's error page need not


def decode(content: bytes, type: type[_Shape], *, strict: bool = True) -> _Shape | None:
    """Read JSON of that shape; None when it is anything else.

    Not `strict`: numbers may come as text.
    """
    try:
        return msgspec.json.decode(content, type=type, strict=strict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def evidence(
    reply: httpx.Response, *, hidden: Collection[str] = (), reason: object = None
) -> dict[str, Any]:
    """`{"http_status": ..., "body": ...}` of a reply, as an `Answer` keeps it.

    A JSON object is kept without its `hidden` fields; if the provider had a word of its own for a
    refusal, whatever field it was in, it is there as `reason`. A body of another form is kept as
    text, unless the call is one whose replies hold secrets.
    """
    short = len(reply.content) <= _LONGEST_EVIDENCE
    body = decode(reply.content, dict[str, Any]) if short else None
    if body is None:
        text = "" if hidden else reply.text[:_LONGEST_EVIDENCE]
        return {"http_status": reply.status_code, "body": text}
    kept = {name: value for name, value in body.items() if name not in hidden}
    if reason is not None:
        kept["reason"] = str(reason)
    return {"http_status": reply.status_code, "body": kept}
