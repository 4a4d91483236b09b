"""A file's content, on its way to who downloads it."""

import re
from urllib.parse import quote

from processor.files.kinds import media_type
from processor.files.objects import File
from processor.operations import Stored
from storage import ObjectStore

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]")


async def read(store: ObjectStore, file: File) -> Stored:
    """The bytes as they were stored, with their kind and the file's name."""
    details = file.details
    body = b"".join([await store.get(key) for key in (details.object_key, *details.more_keys)])
    kind = media_type(details.kind)
    return Stored(200, body, media_type=kind, filename=details.filename)


def attachment(filename: str | None) -> str:
    """`Content-Disposition` for a download (RFC 6266): to be saved under its name, and never shown
    in place, where an uploaded page would run under our address."""
    if filename is None:
        return "attachment"
    plain = _NOT_PLAIN.sub("_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
