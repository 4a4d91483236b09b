"""All sandbox PSPs as one ASGI app, each below its own name."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, get
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from . import cards, cinetpay, cmi, flutterwave, moov, mtn, orange_cm, orange_web, paygate, paypal
from .book import Book
from .page import language_of
from .script import Script
from .welcome import welcome_page

PSPS: dict[str, Callable[[Book, Script, str], ASGIApp]] = {
    "cards": cards.create_app,
    "cinetpay": cinetpay.create_app,
    "cmi": cmi.create_app,
    "flutterwave": flutterwave.create_app,
    "moov": moov.create_app,
    "mtn": mtn.create_app,
    "orange_cm": orange_cm.create_app,
    "orange_web": orange_web.create_app,
    "paygate": paygate.create_app,
    "paypal": paypal.create_app,
}


def create_sandbox(
    data_dir: Path, public_url: str, names: Iterable[str] = PSPS, *, fsync: bool = True
) -> ASGIApp:
    """Every PSP of `names` at `/<name>`, a page about them at `/`, and `/healthz`.

    Books are `<data_dir>/<name>.jsonl`. `public_url` (no trailing slash) is where a payer's browser
    reaches this app, which may differ from the address it listens on. `fsync` False is for
    measurements only. Other apps may dispatch to this one but not wrap `send` (see `Gateway`).
    """
    books = {name: Book(data_dir / f"{name}.jsonl", fsync=fsync) for name in names}
    apps = {name: PSPS[name](book, Script(), public_url) for name, book in books.items()}

    async def close() -> None:
        for book in books.values():
            book.close()

    @get("/", media_type="text/html")
    async def welcome(request: Request[Any, Any, Any]) -> str:
        return welcome_page(apps, public_url, language_of(request))

    front_page = Litestar(
        [welcome, healthz], on_shutdown=[close], openapi_config=None, logging_config=None
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


@get("/healthz")
async def healthz() -> dict[str, str]:
    """That this process answers."""
    return {"status": "ok"}
