"""`multipart/form-data` to a tree: fields as in a form, files as a map of their name and bytes."""

import io
from typing import Any

from multipart import MultipartError, MultipartParser, parse_options_header

from openapi import forms
from processor.errors import InvalidRequest

MAX_PARTS = 100


def decode(content_type: str, body: bytes) -> dict[str, Any]:
    """The tree behind a multipart body. Raises InvalidRequest."""
    boundary = parse_options_header(content_type)[1].get("boundary")
    if not boundary:
        raise InvalidRequest("Invalid content type: a multipart body needs its boundary.")
    try:
        parts = MultipartParser(
            io.BytesIO(body),
            boundary,
            len(body),
            strict=True,
            part_limit=MAX_PARTS,
            memory_limit=len(body) + 1,
            spool_limit=len(body) + 1,  # everything is in memory already
        ).parts()
        fields = [(part.name, _value(part)) for part in parts]
    except (MultipartError, UnicodeDecodeError):
        raise InvalidRequest("Invalid request body: it is not a valid multipart form.") from None
    return forms.tree(fields)


def _value(part: Any) -> Any:
    """A file as a map, a field as its text."""
    if part.filename is None and part.content_type in (None, "", "text/plain"):
        return part.value
    return {"name": part.filename, "data": part.raw}
