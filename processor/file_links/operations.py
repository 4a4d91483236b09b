"""`/v1/file_links`."""

import time
from typing import Literal

from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, or_

from processor import lists
from processor.errors import missing, not_found
from processor.file_links import store
from processor.file_links.objects import FileLink, render
from processor.files.objects import File
from processor.operations import Object, Operation, Work
from processor.parameters import (
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    Timestamp,
    merged_metadata,
)


class Create(Parameters, kw_only=True):
    """A link to a file; without `expires_at` it never expires."""

    file: Id
    expires_at: Timestamp | None = None
    metadata: Metadata | None = None


class Update(Parameters, kw_only=True):
    """Only what is given changes; `now` ends the link at once."""

    link: Id
    expires_at: Timestamp | Literal["now"] | None | UnsetType = UNSET
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which link."""

    link: Id


class List(ListParameters, kw_only=True):
    """Filter by file, or by whether they have expired."""

    expired: bool | None = None
    file: Id | None = None


async def create(work: Work, parameters: Create) -> Object:
    """Make a link."""
    if await File.find(work.connection, parameters.file) is None:
        raise missing("file", parameters.file, "file")
    return await store.create(work, parameters.file, parameters.expires_at, parameters.metadata)


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One link."""
    return render(work, await _found(work, parameters.link))


async def update(work: Work, parameters: Update) -> Object:
    """Change when a link ends, or its metadata."""
    link = await _found(work, parameters.link, "for update")
    if parameters.expires_at == "now":
        link.expires_at = int(time.time())
    elif not isinstance(parameters.expires_at, (UnsetType, str)):
        store.check_expiry(parameters.expires_at)
        link.expires_at = parameters.expires_at
    link.metadata = merged_metadata(link.metadata, parameters.metadata)
    link.version += 1
    await FileLink.update(work.connection, [link])
    return render(work, link)


async def list_(work: Work, parameters: List) -> Object:
    """A page of links, newest first."""
    table = FileLink.table
    where: list[ColumnElement[bool]] = []
    if parameters.file is not None:
        where.append(table.c.file == parameters.file)
    if parameters.expired is not None:
        ends, now = table.c.expires_at, int(time.time())
        where.append(ends <= now if parameters.expired else or_(ends.is_(None), ends > now))
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="file_link",
        url="/v1/file_links",
        render=lambda row: render(work, FileLink.read(row)),
        where=where,
    )


async def _found(work: Work, identifier: str, tail: str = "") -> FileLink:
    link = await FileLink.find(work.connection, identifier, tail)
    if link is None:
        raise not_found("file link", identifier)
    return link


OPERATIONS = [
    Operation(
        name="file_links.create",
        method="POST",
        path="/v1/file_links",
        parameters=Create,
        returns="file_link",
        summary="Create a link at which anybody can download a file",
        write=create,
    ),
    Operation(
        name="file_links.retrieve",
        method="GET",
        path="/v1/file_links/{link}",
        parameters=Retrieve,
        returns="file_link",
        summary="Retrieve a file link",
        read=retrieve,
    ),
    Operation(
        name="file_links.update",
        method="POST",
        path="/v1/file_links/{link}",
        parameters=Update,
        returns="file_link",
        summary="Update a file link, or end it",
        write=update,
    ),
    Operation(
        name="file_links.list",
        method="GET",
        path="/v1/file_links",
        parameters=List,
        returns="list:file_link",
        summary="List file links, newest first",
        read=list_,
    ),
]
