"""The control API of a sandbox PSP: its book, its last requests and its script."""

from typing import Any

import msgspec
from litestar import Litestar, Request, Response, delete, get, post
from litestar.exceptions import ClientException
from litestar.response import Redirect
from litestar.types import ASGIApp

from .book import Book
from .control_page import control_page
from .page import language_of
from .requests import RequestLog
from .scenarios import SCENARIOS, Scenario
from .script import Rule, Script


def create_control(
    name: str, outcomes: tuple[str, ...], book: Book, script: Script, log: RequestLog
) -> ASGIApp:
    """The routes below `/control`. `outcomes` are the names that a rule of this PSP may use.

    - `GET /control` page for people; `?lang=en|fr`, `&live=1`
    - `GET /control/book` `{"movements": [...], "moved_more_than_once": {reference: count}}`
    - `GET /control/requests` the last requests, newest first, scrubbed
    - `GET /control/script`, `DELETE /control/script`
    - `POST /control/script` a `Rule`, `{"scenario": name}` or `{"outage": true|false}`; 400 for
      what is none of them
    - `GET /control/scenarios` `{name: what it does}`
    """

    @get("/control", media_type="text/html")
    async def page(request: Request[Any, Any, Any]) -> str:
        live = request.query_params.get("live") == "1"
        language = language_of(request)
        return control_page(name, outcomes, book, script, log, language=language, live=live)

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
        back = f"../control?lang={language_of(request)}"
        return Redirect(back, status_code=303) if is_form else Response(script.as_json())

    @delete("/control/script", status_code=200)
    async def clear_script() -> dict[str, Any]:
        script.clear()
        return script.as_json()

    @get("/control/scenarios")
    async def show_scenarios() -> dict[str, str]:
        return {name: scenario.english for name, scenario in SCENARIOS.items()}

    return Litestar(
        [page, show_book, show_requests, show_script, change_script, clear_script, show_scenarios],
        openapi_config=None,
        logging_config=None,
    )


def _obey(script: Script, outcomes: tuple[str, ...], wish: Any) -> None:
    """Change the script as a JSON object or a form says. Form fields left empty are left out."""
    if not isinstance(wish, dict):
        raise ClientException('Send a JSON object: a rule, {"scenario": name} or {"outage": true}.')
    wish = {key: value for key, value in wish.items() if value != ""}
    try:
        if "clear" in wish:
            script.clear()
        elif "outage" in wish:
            script.outage = msgspec.convert(wish["outage"], bool, strict=False)
        elif "scenario" in wish:
            _scenario(wish["scenario"]).begin(script)
        else:
            rule = msgspec.convert(wish, Rule, strict=False)
            if rule.outcome not in (None, *outcomes):
                raise ClientException(f"outcome: one of {', '.join(outcomes)}.")
            script.add(rule)
    except msgspec.ValidationError as error:
        raise ClientException(str(error)) from error


def _scenario(name: Any) -> Scenario:
    if not isinstance(name, str) or name not in SCENARIOS:
        raise ClientException(f"scenario: one of {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]
