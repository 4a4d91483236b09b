"""The control API of a sandbox PSP: its book, its last requests and its script."""

from datetime import UTC, datetime
from html import escape
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, delete, get, post
from litestar.exceptions import ClientException
from litestar.response import Redirect
from litestar.types import ASGIApp

from .book import Book
from .requests import RequestLog
from .script import CallbackBehaviour, Fault, Rule, Script

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem;
text-align:left;vertical-align:top;overflow-wrap:anywhere}code{font-size:13px}
form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}label{display:grid;font-size:13px}
"""


def create_control(
    name: str, outcomes: tuple[str, ...], book: Book, script: Script, log: RequestLog
) -> ASGIApp:
    """The routes below `/control`. `outcomes` are the names that a rule of this PSP may use.

    - `GET /control` page for people
    - `GET /control/book` `{"movements": [...], "moved_more_than_once": {reference: count}}`
    - `GET /control/requests` the last requests, newest first, scrubbed
    - `GET /control/script`, `DELETE /control/script`
    - `POST /control/script` a `Rule`, or `{"outage": true|false}`; 400 for what is neither
    """

    @get("/control", media_type="text/html")
    async def page() -> str:
        return _page(name, outcomes, book, script, log)

    @get("/control/book")
    async def show_book() -> dict[str, Any]:
        return {
            "movements": msgspec.to_builtins(book.movements()),
            "moved_more_than_once": book.moved_more_than_once(),
        }

    @get("/control/requests")
    async def show_requests() -> list[dict[str, Any]]:
        return log.as_json()

    @get("/control/script")
    async def show_script() -> dict[str, Any]:
        return script.as_json()

    @post("/control/script", status_code=200)
    async def change_script(request: Request[Any, Any, Any]) -> Response[Any]:
        is_form = request.content_type[0] == "application/x-www-form-urlencoded"
        wish: Any = dict(await request.form()) if is_form else await request.json()
        _obey(script, outcomes, wish)
        return Redirect("../control", status_code=303) if is_form else Response(script.as_json())

    @delete("/control/script", status_code=200)
    async def clear_script() -> dict[str, Any]:
        script.clear()
        return script.as_json()

    handlers = [page, show_book, show_requests, show_script, change_script, clear_script]
    return Litestar(handlers, openapi_config=None, logging_config=None)


def _obey(script: Script, outcomes: tuple[str, ...], wish: Any) -> None:
    """Change the script as a JSON object or a form says. Form fields left empty are left out."""
    if not isinstance(wish, dict):
        raise ClientException('Send a JSON object: a rule, or {"outage": true}.')
    wish = {key: value for key, value in wish.items() if value != ""}
    try:
        if "clear" in wish:
            script.clear()
        elif "outage" in wish:
            script.outage = msgspec.convert(wish["outage"], bool, strict=False)
        else:
            rule = msgspec.convert(wish, Rule, strict=False)
            if rule.outcome not in (None, *outcomes):
                raise ClientException(f"outcome: one of {', '.join(outcomes)}.")
            script.add(rule)
    except msgspec.ValidationError as error:
        raise ClientException(str(error)) from error


def _page(name: str, outcomes: tuple[str, ...], book: Book, script: Script, log: RequestLog) -> str:
    doubled = book.moved_more_than_once()
    verdict = f"Moved more than once: {doubled}" if doubled else "No reference moved money twice."
    movements = [
        [_clock(m.at), m.kind, m.direction, m.reference, f"{m.amount} {m.currency}", m.payer]
        for m in reversed(book.movements()[-50:])
    ]
    requests = [
        [_clock(e.at), f"{e.method} {e.path}", str(e.status or "no answer"), e.fault or "", e.body]
        for e in log.entries(50)
    ]
    rules = [[msgspec.json.encode(rule).decode()] for rule in script.rules]
    outage = "on" if script.outage else "off"
    return f"""<!doctype html><html lang="en"><meta charset="utf-8">
<title>Sandbox {escape(name)}</title><style>{_STYLE}</style><h1>Sandbox PSP: {escape(name)}</h1>
<h2>Script</h2>{_form(outcomes)}{_table(["rule"], rules)}
<form method="post" action="control/script"><span>Outage: {outage}</span>
<button name="outage" value="{"false" if script.outage else "true"}">Switch</button>
<button name="clear" value="all">Clear the script</button></form>
<h2>Book</h2><p>{escape(verdict)}</p>
{_table(["time (UTC)", "kind", "direction", "reference", "amount (minor)", "payer"], movements)}
<h2>Requests</h2>{_table(["time (UTC)", "request", "status", "fault", "body"], requests)}</html>"""


def _form(outcomes: tuple[str, ...]) -> str:
    return f"""<form method="post" action="control/script">
<label>operation<input name="operation" value="charge" size="10"></label>
<label>payer<input name="payer" size="22"></label>
<label>amount (minor)<input name="amount" size="8"></label>
<label>times (empty: always)<input name="times" value="1" size="4"></label>
<label>outcome{_choice("outcome", outcomes)}</label>
<label>delay (s)<input name="delay" size="4"></label>
<label>callback{_choice("callback", tuple(CallbackBehaviour))}</label>
<label>fault{_choice("fault", tuple(Fault))}</label>
<label>fault (s)<input name="fault_seconds" size="4"></label><button>Add</button></form>"""


def _choice(name: str, values: tuple[str, ...]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in ("", *values))
    return f'<select name="{name}">{options}</select>'


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "<p>Nothing yet.</p>"
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td><code>{escape(cell)}</code></td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]
