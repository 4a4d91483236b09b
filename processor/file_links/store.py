"""Make and find links; files need them too."""

import time
from typing import TYPE_CHECKING

from processor.errors import InvalidRequest
from processor.file_links.objects import FileLink, FileLinkDetails, render
from processor.files.contents import read
from processor.files.objects import File
from processor.operations import Object, Stored, Work
from tenants.ids import new_id

if TYPE_CHECKING:
    from processor.engine import Processor


async def create(
    work: Work, file: str, expires_at: int | None, metadata: dict[str, str] | None
) -> Object:
    """Make a link to a file that exists. Raises InvalidRequest."""
    check_expiry(expires_at)
    link = FileLink(
        id=new_id("link"),
        created=int(time.time()),
        file=file,
        expires_at=expires_at,
        metadata=metadata or {},
        details=FileLinkDetails(),
    )
    await FileLink.insert(work.connection, [link])
    return render(work, link)


async def of_file(work: Work, file: str) -> list[Object]:
    """A file's links, newest first."""
    records = await work.connection.fetch(
        f"select {FileLink.columns('file_links')} from file_links"
        " where file = $1 order by id desc limit 10",
        file,
    )
    return [render(work, FileLink.read(record)) for record in records]


def check_expiry(expires_at: int | None) -> None:
    """Refuse a time that has passed. Raises InvalidRequest."""
    if expires_at is not None and expires_at <= time.time():
        raise InvalidRequest("expires_at must be in the future.", param="expires_at")


async def content(processor: "Processor", schema: str, identifier: str) -> Stored | None:
    """What a link leads to; None when there is no such link, or no longer."""
    async with processor.database.tenant(schema) as connection:
        link = await FileLink.find(connection, identifier)
        file = await File.find(connection, link.file) if link and not link.expired else None
    if file is None:
        return None
    return await read(processor.store, file)
