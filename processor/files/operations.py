"""`/v1/files`."""

import time
from typing import Annotated

from msgspec import Meta, Struct

from processor import lists
from processor.errors import InvalidRequest, not_found
from processor.file_links import store as links
from processor.files.contents import read
from processor.files.kinds import LARGEST, PURPOSES, kind_of, media_type
from processor.files.objects import File, FileDetails, render
from processor.operations import Object, Operation, Stored, Work
from processor.parameters import Id, ListParameters, Metadata, Parameters, ShortText, Timestamp
from storage import content_key
from tenants.ids import new_id


class Upload(Struct, forbid_unknown_fields=True):
    """A file as it came: a part of a multipart form, or a map through the CBOR door."""

    data: bytes
    name: Annotated[str, Meta(max_length=1000)] | None = None


class FileLinkData(Struct, forbid_unknown_fields=True):
    """Make a link at once."""

    create: bool
    expires_at: Timestamp | None = None
    metadata: Metadata | None = None


class Create(Parameters, kw_only=True):
    """A file, and what it is for."""

    file: Upload
    purpose: ShortText
    file_link_data: FileLinkData | None = None


class Retrieve(Parameters, kw_only=True):
    """Which file."""

    file: Id


class Contents(Parameters, kw_only=True):
    """Which file."""

    file: Id


class List(ListParameters, kw_only=True):
    """Filter by purpose."""

    purpose: ShortText | None = None


async def create(work: Work, parameters: Create) -> Object:
    """Keep an upload. The bytes are stored before the row that names them commits: a crash in
    between leaves an object that nothing names, never a file without its content."""
    _check(parameters)
    data, name = parameters.file.data, parameters.file.name
    kind = kind_of(name, data)
    key = content_key(f"{work.caller.schema}/files", data, kind or "bin")
    await work.processor.store.put(key, data, media_type(kind), None)
    file = File(
        id=new_id("file"),
        created=int(time.time()),
        purpose=parameters.purpose,
        details=FileDetails(filename=name, kind=kind, size=len(data), object_key=key),
    )
    await File.insert(work.connection, [file])
    made = parameters.file_link_data
    if made is None or not made.create:
        return render(file, work.processor.public_url)
    link = await links.create(work, file.id, made.expires_at, made.metadata)
    return render(file, work.processor.public_url, [link])


def _check(parameters: Create) -> None:
    largest = PURPOSES.get(parameters.purpose)
    if largest is None:
        raise InvalidRequest(
            f"Invalid purpose: {parameters.purpose[:40]} must be one of {', '.join(PURPOSES)}.",
            param="purpose",
        )
    size = len(parameters.file.data)
    if size == 0:
        raise InvalidRequest("The file is empty.", param="file")
    if size > largest:
        raise InvalidRequest(
            f"The file has {size} bytes; for {parameters.purpose} it may have {largest}.",
            code="file_too_large",
            param="file",
        )


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One file, with its links."""
    file = await found(work, parameters.file)
    return render(file, work.processor.public_url, await links.of_file(work, file.id))


async def contents(work: Work, parameters: Contents) -> Stored:
    """A file's bytes, as they were uploaded."""
    return await read(work.processor.store, await found(work, parameters.file))


async def list_(work: Work, parameters: List) -> Object:
    """A page of files, newest first."""
    table = File.table
    where = [table.c.purpose == parameters.purpose] if parameters.purpose else []
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="file",
        url="/v1/files",
        render=lambda row: render(File.read(row), work.processor.public_url),
        where=where,
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """File objects by id, for expansion."""
    files = await File.fetch(work.connection, ids)
    return {file.id: render(file, work.processor.public_url) for file in files}


async def found(work: Work, identifier: str) -> File:
    """The file with this id. Raises NotFound."""
    file = await File.find(work.connection, identifier)
    if file is None:
        raise not_found("file upload", identifier)
    return file


OPERATIONS = [
    Operation(
        name="files.create",
        method="POST",
        path="/v1/files",
        parameters=Create,
        returns="file",
        summary="Upload a file",
        write=create,
        largest_body=LARGEST + 100_000,
    ),
    Operation(
        name="files.retrieve",
        method="GET",
        path="/v1/files/{file}",
        parameters=Retrieve,
        returns="file",
        summary="Retrieve a file's description",
        read=retrieve,
    ),
    Operation(
        name="files.contents",
        method="GET",
        path="/v1/files/{file}/contents",
        parameters=Contents,
        returns="binary",
        summary="Download a file",
        read=contents,
    ),
    Operation(
        name="files.list",
        method="GET",
        path="/v1/files",
        parameters=List,
        returns="list:file",
        summary="List files, newest first",
        read=list_,
    ),
]
