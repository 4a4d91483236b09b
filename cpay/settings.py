"""Every setting, read from environment variables; `cpay settings` prints them as a manual."""

import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Annotated, Literal, Self, get_args

import msgspec
from msgspec.structs import force_setattr


class SettingsError(Exception):
    """An environment variable has a value that can't be, or one that is needed is missing."""


class Secret(str):
    """Text that is used like any other but never shown by `repr`, hence not by logs or traces."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


def _says(sentence: str) -> msgspec.Meta:
    return msgspec.Meta(description=sentence)


_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


def _variable(field: str) -> str:
    return f"CPAY_{field.upper()}"


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename=_variable):
    """What an installation may choose. The field `port` is the variable CPAY_PORT, and so on."""

    host: Annotated[str, _says("Address that `cpay serve` listens on.")] = "127.0.0.1"
    port: Annotated[_Port, _says("Port of the API, the dashboard and the hosted checkout.")] = 8420
    public_url: Annotated[
        str,
        _says(
            "Base of the links that others get from us (receipts, checkout, provider callbacks), "
            "without a slash at its end; http://127.0.0.1:PORT when not given."
        ),
    ] = ""
    state_dir: Annotated[
        Path,
        _says(
            "Directory of what `make run` keeps: its database, books of the sandbox PSPs, logs. In "
            "a read-only checkout it is a folder of the user's home instead."
        ),
    ] = Path(".cpay")
    database_url: Annotated[
        Secret,
        _says(
            "PostgreSQL 16 or newer for serving, as postgresql://user:password@host:port/database; "
            "its role needs no more than `cpay_app` has. `make run` embeds one when not given."
        ),
    ] = Secret("")
    admin_database_url: Annotated[
        Secret,
        _says(
            "The same database as a role that may create roles and schemas, for `cpay migrate` and "
            "`cpay tenant`; CPAY_DATABASE_URL when not given."
        ),
    ] = Secret("")
    replica_url: Annotated[
        Secret,
        _says(
            "A streaming replica of that database, with the same role: reads that are sent with "
            "`CPay-Read-From: replica` go there. They go to the primary when not given."
        ),
    ] = Secret("")
    database_pool: Annotated[
        int, msgspec.Meta(ge=1), _says("Most connections to the database that one process opens.")
    ] = 16
    key_pepper: Annotated[
        Secret,
        _says(
            "Secret with which API keys are hashed (HMAC-SHA256); keep it outside the database. "
            "Every key stops working when it changes."
        ),
    ] = Secret("")
    encryption_keys: Annotated[
        Secret,
        _says(
            "Keys of the provider credentials at rest (AES-256-GCM), written id:64 hexadecimal "
            "digits; the first one seals, the others (after commas) still open what they sealed. "
            "Without one, no provider account can be kept."
        ),
    ] = Secret("")
    ledger_key: Annotated[
        Secret,
        _says(
            "Ed25519 seed, 64 hexadecimal digits, that closed days are signed with; "
            "`cpay ledger key` shows the public key that auditors need."
        ),
    ] = Secret("")
    approval_limits: Annotated[
        str,
        msgspec.Meta(pattern="^[a-z]{3}:[0-9]{1,15}(,[a-z]{3}:[0-9]{1,15})*$"),
        _says(
            "The most that one person alone may decide about a payment nobody can explain, by "
            "currency in its minor unit; above it a second person approves. A currency that is not "
            "named always needs two."
        ),
    ] = "xaf:100000,xof:100000,mad:150000,eur:15000,usd:15000"
    dev: Annotated[
        bool,
        _says("Allow webhooks to loopback addresses in test mode; only for one's own machine."),
    ] = False
    sandbox_url: Annotated[
        str, _says("Where `cpay sandbox` answers: the PSPs of all test-mode payments.")
    ] = "http://127.0.0.1:8421"
    store_dir: Annotated[
        Path,
        _says(
            "Directory of receipts and documents when no S3 is given; "
            "`store` in CPAY_STATE_DIR when not given."
        ),
    ] = Path()
    s3_endpoint: Annotated[
        str, _says("Host and port of an S3 object store; documents are files when it is not given.")
    ] = ""
    s3_bucket: Annotated[str, _says("Bucket of the documents; it must exist.")] = "cpay"
    s3_region: Annotated[str, _says("Region of the bucket.")] = "us-east-1"
    s3_access_key: Annotated[Secret, _says("Access key of the object store.")] = Secret("")
    s3_secret_key: Annotated[Secret, _says("Secret key of the object store.")] = Secret("")
    s3_secure: Annotated[bool, _says("Speak TLS to the object store.")] = True
    sentry_dsn: Annotated[
        Secret, _says("Where errors are reported, without personal data; nowhere when not given.")
    ] = Secret("")
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _says("Least severe line that is logged.")
    ] = "info"

    def __post_init__(self) -> None:
        """Fill in what follows from other settings."""
        local = f"http://127.0.0.1:{self.port}"
        force_setattr(self, "public_url", self.public_url.rstrip("/") or local)
        force_setattr(self, "sandbox_url", self.sandbox_url.rstrip("/"))
        force_setattr(self, "admin_database_url", self.admin_database_url or self.database_url)
        force_setattr(self, "state_dir", self.state_dir.absolute())
        store = self.state_dir / "store" if self.store_dir == Path() else self.store_dir
        force_setattr(self, "store_dir", store.absolute())

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; an empty one counts as not given. Raises SettingsError."""
        given = {name: value for name, value in environment.items() if value}
        if not os.access(Path.cwd(), os.W_OK):
            given.setdefault("CPAY_STATE_DIR", str(_home_state_dir()))
        try:
            return msgspec.convert(given, cls, strict=False, dec_hook=_construct)
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$.")
            name = path.rstrip("`")
            raise SettingsError(f"{name} can't be {given[name]!r}: {what}.") from None

    def need(self, *fields: str) -> None:
        """Raise SettingsError unless every one of the named fields has a value."""
        for field in fields:
            if not getattr(self, field):
                raise SettingsError(f"{_variable(field)} must be set; `cpay settings` explains it.")

    def manual(self) -> str:
        """Return every variable with the value in force and its sentence; secrets are hidden."""
        paragraphs = []
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            shown = repr(value) if isinstance(value, Secret) else str(value)
            sentences = [
                note.description
                for note in get_args(field.type)
                if isinstance(note, msgspec.Meta) and note.description
            ]
            text = fill(" ".join(sentences), 96, initial_indent="    ", subsequent_indent="    ")
            paragraphs.append(f"{field.encode_name}={shown}\n{text}")
        return "\n\n".join(paragraphs)


def _construct(kind: type, text: str) -> object:
    """Build the types that msgspec leaves to us (paths, secrets) from a variable's text."""
    return kind(text)


def _home_state_dir() -> Path:
    """Return the user's own folder for what a program keeps (XDG base directory specification)."""
    base = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(base, "cpay", "-".join(Path.cwd().parts[1:]))
