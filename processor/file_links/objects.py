"""A file link's row, and the object the API shows."""

import time

from msgspec import Struct

from processor.operations import Object, Work
from processor.rows import Row
from tenants import tables


class FileLinkDetails(Struct, omit_defaults=True):
    """Nothing more than the row."""


class FileLink(Row, kw_only=True):
    """A row of `file_links`."""

    table = tables.file_links

    file: str
    expires_at: int | None = None
    details: FileLinkDetails

    @property
    def expired(self) -> bool:
        """Whether the address has stopped working."""
        return self.expires_at is not None and self.expires_at <= time.time()


def render(work: Work, link: FileLink) -> Object:
    """The file link object. An expired one has no address any more."""
    token = work.processor.secrets.file_link_token(work.caller.schema, link.id)
    base = f"{work.processor.public_url}/links/{work.caller.schema}"
    return {
        "id": link.id,
        "object": "file_link",
        "created": link.created,
        "expired": link.expired,
        "expires_at": link.expires_at,
        "file": link.file,
        "livemode": work.caller.livemode,
        "metadata": link.metadata,
        "url": None if link.expired else f"{base}/{link.id}/{token}",
    }
