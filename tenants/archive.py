"""A tenant in one file: to keep it, to bring it back alone, to move it to another database.

The file is a tar archive: `schemas.dump` (both schemas, in pg_dump's custom format),
`platform.json` (the tenant's rows of the shared tables), `documents/...` (its objects in the store,
each with the end of its retention as the modification time), and last `manifest.json` with the
SHA-256 of every other member. Rows are of one moment; documents never change, so that they may be
read later.

Names, ids and hashes stay as they are. What was derived from the installation's pepper (keys,
webhook secrets) and sealed with its keys (credentials of providers) therefore works where the same
CPAY_KEY_PEPPER and CPAY_ENCRYPTION_KEYS are set, and only there.
"""

import asyncio
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

FORMAT = 1

# The shared tables that know a tenant, in the order in which they can be filled: the column that
# names it, and what PostgreSQL numbers by itself.
SHARED: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "tenants": ("id", frozenset({"number"})),
    "tenant_schemas": ("tenant", frozenset()),
    "api_keys": ("schema_name", frozenset()),
    "price_plans": ("tenant", frozenset({"id"})),
    "routing_changes": ("schema_name", frozenset()),
    "jobs": ("schema_name", frozenset({"id"})),
    "deliveries": ("schema_name", frozenset({"id"})),
}

SCHEMAS, ROWS, MANIFEST, DOCUMENTS = "schemas.dump", "platform.json", "manifest.json", "documents/"

Progress = Callable[[str], None]


class ArchiveError(RuntimeError):
    """The file is not a whole archive, or what is in it has no place here. One sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself."""

    format: int
    tenant: dict[str, str]
    revision: str  # of both schemas
    exported_at: str  # ISO 8601, UTC
    members: dict[str, str]  # SHA-256 by name


@dataclass(frozen=True, slots=True)
class Tools:
    """PostgreSQL's own programs, which must not be older than the server."""

    pg_dump: str = "pg_dump"
    pg_restore: str = "pg_restore"


def add(
    archive: tarfile.TarFile, name: str, body: bytes, retain_until: datetime | None = None
) -> str:
    """Write a member. Returns its SHA-256."""
    member = tarfile.TarInfo(name)
    member.size = len(body)
    member.mtime = 0 if retain_until is None else int(retain_until.timestamp())
    archive.addfile(member, io.BytesIO(body))
    return hashlib.sha256(body).hexdigest()


def opened(source: Path) -> tarfile.TarFile:
    """An archive, to be read. Raises ArchiveError."""
    try:
        return tarfile.open(source, "r:")
    except (OSError, tarfile.TarError) as error:
        raise ArchiveError(f"{source} cannot be read: {error}") from None


def read(archive: tarfile.TarFile, name: str) -> bytes:
    """The bytes of a member. Raises KeyError."""
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()


def extract(archive: tarfile.TarFile, name: str, target: Path) -> None:
    """Write a member to a file. Raises KeyError."""
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    with target.open("wb") as copy:
        shutil.copyfileobj(file, copy)


def checked(archive: tarfile.TarFile) -> Manifest:
    """The manifest, if the archive holds what it says and nothing else. Raises ArchiveError."""
    try:
        manifest = Manifest(**json.loads(read(archive, MANIFEST)))
        digests = {
            member.name: _digest_of(archive, member)
            for member in archive
            if member.name != MANIFEST
        }
    except (tarfile.TarError, KeyError, TypeError, ValueError, EOFError):
        raise ArchiveError("This is not an archive of a tenant, or its end is missing.") from None
    if manifest.format != FORMAT:
        raise ArchiveError(f"The archive is of format {manifest.format}, and this reads {FORMAT}.")
    for name in sorted(manifest.members.keys() | digests.keys()):
        if manifest.members.get(name) != digests.get(name):
            raise ArchiveError(f"{name} in the archive is not what was exported.")
    return manifest


def _digest_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    if file is None:  # no regular file
        raise KeyError(member.name)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads


async def run_program(program: str, dsn: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs. Raises RuntimeError with what it says."""
    address, password = _without_password(dsn)
    process = await asyncio.create_subprocess_exec(
        program,
        f"--dbname={address}",
        *arguments,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PGCONNECT_TIMEOUT": "10", "PGPASSWORD": password},
    )
    _, errors = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(errors.decode(errors="replace").strip())


def _without_password(dsn: str) -> tuple[str, str]:
    """A database's URL as everybody on the machine may see it in the list of processes, and the
    password that was in it."""
    parts = urlsplit(dsn)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    public = parts._replace(netloc=f"{name}@{host}" if name else host)
    return urlunsplit(public), unquote(parts.password or os.environ.get("PGPASSWORD", ""))
