"""A file's row, and the object the API shows."""

from msgspec import Struct

from processor.operations import Object
from processor.rows import Row
from tenants import tables


class FileDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    filename: str | None = None
    kind: str | None = None  # png, pdf, ...
    size: int = 0
    object_key: str = ""  # in the object store: it ends in the content's SHA-256
    more_keys: list[str] = []  # of a long report: what comes after, each in the same way


class File(Row, kw_only=True):
    """A row of `files`."""

    table = tables.files

    purpose: str
    details: FileDetails


def render(file: File, public_url: str, links: list[Object] | None = None) -> Object:
    """The file object, with its links if they are known. Its address opens to a secret key."""
    return {
        "id": file.id,
        "object": "file",
        "created": file.created,
        "expires_at": None,
        "filename": file.details.filename,
        "links": {
            "object": "list",
            "data": links or [],
            "has_more": False,
            "url": f"/v1/file_links?file={file.id}",
        },
        "purpose": file.purpose,
        "size": file.details.size,
        "title": None,
        "type": file.details.kind,
        "url": f"{public_url}/v1/files/{file.id}/contents",
    }
