"""All sandbox PSPs as one ASGI app, each below its own name."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from litestar import Litestar, get
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from . import cards, mtn
from .book import Book
from .script import Script

PSPS: dict[str, Callable[[Book, Script, str], ASGIApp]] = {
    "cards": cards.create_app,
    "mtn": mtn.create_app,
}


def create_sandbox(data_dir: Path, public_url: str, *, fsync: bool = True) -> ASGIApp:
    """Every PSP at `/<name>`, an index at `/`, and `/healthz`.

    Books are `<data_dir>/<name>.jsonl`. `public_url` (no trailing slash) is where a payer's browser
    reaches this app, which may differ from the address it listens on. `fsync` False is for
    measurements only. Other apps may dispatch to this one but not wrap `send` (see `Gateway`).
    """
    books = {name: Book(data_dir / f"{name}.jsonl", fsync=fsync) for name in PSPS}
    apps = {name: PSPS[name](book, Script(), public_url) for name, book in books.items()}

    async def close() -> None:
        for book in books.values():
            book.close()

    front_page = Litestar(
        [index, healthz], on_shutdown=[close], openapi_config=None, logging_config=None
    )

    async def sandbox(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")  # the lifespan has none: it is the front page's to handle
        name, _, rest = path.removeprefix("/").partition("/")
        if scope["type"] == ScopeType.HTTP and name in apps:
            scope["path"] = f"/{rest}"
            scope["raw_path"] = scope["path"].encode()
            await apps[name](scope, receive, send)
        else:
            await front_page(scope, receive, send)

    return sandbox


@get("/", media_type="text/html")
async def index() -> str:
    """The PSPs, by name."""
    links = "".join(
        f'<li><a href="{escape(name)}/control">{escape(name)}</a></li>' for name in PSPS
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox PSPs</title>'
        f"<h1>Sandbox PSPs</h1><ul>{links}</ul></html>"
    )


@get("/healthz")
async def healthz() -> dict[str, str]:
    """That this process answers."""
    return {"status": "ok"}
