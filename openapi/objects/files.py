"""Files, and links to them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from openapi.objects.common import Metadata, Timestamp


class FileLink(Struct):
    """An address under which anybody can read a file, until it expires."""

    id: str
    object: Literal["file_link"]
    created: Timestamp
    expired: bool
    expires_at: Timestamp | None
    file: str
    livemode: bool
    metadata: Metadata
    url: str | None


class FileLinks(Struct):
    """The file's links."""

    object: Literal["list"]
    data: list[FileLink]
    has_more: bool
    url: str


class File(Struct):
    """Something you uploaded, or a report that was made for you."""

    id: str
    object: Literal["file"]
    created: Timestamp
    expires_at: None
    filename: str | None
    links: FileLinks
    purpose: str
    size: Annotated[int, Meta(ge=0)]
    title: None
    type: str | None
    url: str
