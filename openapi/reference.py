"""The reference that developers read, rendered from the OpenAPI document.

One page that needs nothing else: no script, no font, no other host.
"""

from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from openapi.document import JSON, MULTIPART, REFUSALS
from openapi.members import Member, Members
from openapi.schemas import Schema, class_name
from openapi.text import curl, json_block, prose
from processor.errors import InvalidRequest

_CSS = Path(__file__).with_name("reference.css")

Located = tuple[str, str, dict[str, Any]]  # path, method, operation


def render(document: dict[str, Any], base: str) -> str:
    """The page. `base` is the address of this installation, without a slash at the end."""
    found: list[Located] = sorted(
        (
            (path, method.upper(), operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        ),
        key=lambda located: (located[2]["tags"][0], _rank(located)),
    )
    groups = {
        tag: list(located)
        for tag, located in groupby(found, key=lambda located: located[2]["tags"][0])
    }
    page = _Page(document, base)
    body = page.opening() + "".join(
        page.resource(tag["name"], tag["description"], groups[tag["name"]])
        for tag in document["tags"]
    )
    title = escape(document["info"]["title"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title} reference</title><style>{_CSS.read_text()}</style></head><body>"
        f'<a class="skip" href="#content">Skip to the content</a>{_navigation(title, groups)}'
        f'<main id="content">{body}</main></body></html>'
    )


_ORDER = ("create", "retrieve", "update", "delete", "list", "search")


def _rank(located: Located) -> tuple[int, str]:
    """Create, retrieve, update, then what is special, then lists."""
    action = located[2]["operationId"].rpartition(".")[2]
    places = {name: place if place < 3 else place + 10 for place, name in enumerate(_ORDER)}
    return places.get(action, 5), action


def _navigation(title: str, groups: dict[str, list[Located]]) -> str:
    links = "".join(
        f'<li><a href="#{tag}">{_spoken(tag)}</a><ul>'
        + "".join(
            f'<li><a href="#{operation["operationId"]}">'
            f"{_spoken(operation['operationId'].rpartition('.')[2])}</a></li>"
            for _, _, operation in located
        )
        + "</ul></li>"
        for tag, located in groups.items()
    )
    basics = "".join(f'<li><a href="#{name}">{_spoken(name)}</a></li>' for name in _BASICS)
    menu = f"<ul>{basics}</ul><ul>{links}</ul>"
    return (
        f'<header><a class="brand" href="#content">{title}</a>'
        f"<details><summary>Contents</summary><nav>{menu}</nav></details></header>"
        f'<aside><a class="brand" href="#content">{title}</a><nav>{menu}</nav></aside>'
    )


def _spoken(name: str) -> str:
    """`payment_intents` to `Payment intents`."""
    return escape(name.replace("_", " ").capitalize())


# --- what holds for all calls -------------------------------------------------------------------

_BASICS: dict[str, str] = {
    "authentication": "Send a secret key with each call, as a Bearer token or as the user name of"
    " Basic authentication. `sk_test_` keys reach test mode only: no real money, but real HTTP and"
    " the behaviour of real providers. A restricted key can do what its scopes name; each call says"
    " which one it needs. Publishable keys `pk_` are for browsers and apps, and open only the calls"
    " marked so.",
    "requests": "Send forms with bracketed names, or JSON. An empty text unsets what can be unset."
    " Unknown parameters are refused, so that a misspelt one is never ignored.",
    "idempotency": "Send an `Idempotency-Key` of your own with each POST and DELETE. If the"
    " connection breaks, send the same call with the same key again: it is done once, and answered"
    " as the first time. The SDKs do this by themselves.",
    "pages": "Lists answer with `data` and `has_more`, newest first. Give the last object's ID as"
    " `starting_after` for the next page, or the first one's as `ending_before` to go back.",
    "expansion": "Members marked expandable are IDs. Name them in `expand[]`, with `data.` in front"
    " on a list, and the whole object stands in the ID's place. Up to four levels.",
    "errors": "Every refusal has the same shape. `type` and `code` are for your program, `message`"
    " for the reader, `param` names what is wrong.",
}


class _Page:
    """Renders the sections; holds what all of them need."""

    def __init__(self, document: dict[str, Any], base: str) -> None:
        self._base = base
        components = document["components"]
        self._info = document["info"]
        self._schemas: dict[str, Schema] = components["schemas"]
        self._examples: dict[str, Any] = components["examples"]
        self._asked = Members(self._schemas, asked=True)
        self._answered = Members(self._schemas, asked=False)

    def opening(self) -> str:
        """The top of the page, and what holds for all calls."""
        sections = "".join(
            f'<section id="{name}"><div class="text"><h2>{_spoken(name)}</h2><p>{prose(text)}</p>'
            f"{self._statuses() if name == 'errors' else ''}</div>{self._aside(name)}</section>"
            for name, text in _BASICS.items()
        )
        first = f'export CPAY_KEY=sk_test_...\ncurl {self._base}/v1/customers -u "$CPAY_KEY:"'
        return (
            f'<section class="opening"><div class="text"><h1>{escape(self._info["title"])}</h1>'
            f"<p>{prose(self._info['description'])}</p>"
            f'<p><a href="/openapi.json">OpenAPI 3.1 document</a> · version'
            f" <code>{escape(self._info['version'])}</code></p></div>"
            f'<div class="code">{_code("Your first call", escape(first))}</div></section>{sections}'
        )

    def _aside(self, name: str) -> str:
        """The example beside a basic."""
        customers = f"{self._base}/v1/customers"
        create = curl("POST", customers, {"name": "Awa Ngono"})
        json = f'{curl("POST", customers, {})} \\\n  --json \'{{"name": "Awa Ngono"}}\''
        missing = InvalidRequest(
            "Missing required param: amount.", code="parameter_missing", param="amount"
        )
        intents = f"{self._base}/v1/payment_intents"
        title, html = {
            "authentication": (
                "Bearer or Basic",
                escape(f'curl {customers} -H "Authorization: Bearer $CPAY_KEY"'),
            ),
            "requests": ("The same call twice", escape(f"{create}\n\n{json}")),
            "idempotency": (
                "Safe to repeat",
                escape(f"{create} \\\n  -H 'Idempotency-Key: awa-1'"),
            ),
            "pages": ("A page", json_block({"object": "list", "data": ["..."], "has_more": True})),
            "expansion": (
                "Intents with their charges",
                escape(curl("GET", intents, {"expand": ["data.latest_charge"]})),
            ),
            "errors": ("An error", json_block(missing.body())),
        }[name]
        return f'<div class="code">{_code(title, html)}</div>'

    def _statuses(self) -> str:
        rows = "".join(
            f"<div><dt><code>{status}</code></dt><dd><p>{prose(text)}</p></dd></div>"
            for status, (_, text) in REFUSALS.items()
        )
        return f'<dl class="members">{rows}</dl>'

    def resource(self, tag: str, description: str, operations: list[Located]) -> str:
        """A resource: its object, then its operations."""
        listed = "".join(
            f'<li><a href="#{operation["operationId"]}"><b class="{method.lower()}">{method}</b>'
            f" <code>{escape(path)}</code></a></li>"
            for path, method, operation in operations
        )
        kind = tag.removesuffix("s")
        return (
            f'<section class="resource" id="{tag}"><div class="text"><h2>{_spoken(tag)}</h2>'
            f"<p>{prose(description)}</p>{self._object(kind)}</div>"
            f'<div class="code"><ul class="calls">{listed}</ul>{self._example(kind)}</div>'
            "</section>" + "".join(self._operation(*located) for located in operations)
        )

    def _object(self, kind: str) -> str:
        schema = self._schemas.get(class_name(kind))
        if schema is None:
            return ""
        members = self._answered.html(self._answered.of_schema(schema))
        return (
            f'<details class="object"><summary>The {_spoken(kind).lower()} object</summary>'
            f"{members}</details>"
        )

    def _example(self, kind: str) -> str:
        example = self._examples.get(class_name(kind))
        if example is None:
            return ""
        return _code(f"The {_spoken(kind).lower()} object", json_block(example["value"]))

    def _operation(self, path: str, method: str, operation: dict[str, Any]) -> str:
        name = operation["operationId"]
        badges = f"<span>scope <code>{escape(operation['x-scope'])}</code></span>"
        if operation["x-publishable-key"]:
            badges += "<span>publishable keys too</span>"
        members = self._asked.html(self._parameters(operation))
        return (
            f'<section class="operation" id="{name}"><div class="text">'
            f'<h3><a href="#{name}">{prose(operation["summary"])}</a></h3>'
            f'<p class="call"><b class="{method.lower()}">{method}</b>'
            f" <code>{escape(path)}</code></p>"
            f"<p>{prose(operation['description'])}</p>"
            f'<p class="badges">{badges}</p>'
            f"{f'<h4>Parameters</h4>{members}' if members else ''}</div>"
            f'<div class="code">{self._call(path, method, operation)}</div></section>'
        )

    def _parameters(self, operation: dict[str, Any]) -> list[Member]:
        found = [
            Member(p["name"], p["schema"], p["description"], p["required"])
            for p in operation["parameters"]
            if "$ref" not in p
        ]
        if "requestBody" in operation:
            (media, *_) = operation["requestBody"]["content"].values()
            found += self._asked.of_schema(media["schema"])
        return found

    def _call(self, path: str, method: str, operation: dict[str, Any]) -> str:
        """The call in curl, and what it answers."""
        parameters: dict[str, Any] = {}
        for parameter in operation["parameters"]:
            if parameter.get("in") == "path":
                path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
            elif "example" in parameter:
                parameters[parameter["name"].removesuffix("[]")] = parameter["example"]
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            parameters = media.get("example", {})
        call = curl(method, self._base + path, parameters, in_parts=MULTIPART in content)
        return _code("Call", escape(call)) + self._answer(path, operation)

    def _answer(self, path: str, operation: dict[str, Any]) -> str:
        content = operation["responses"]["200"]["content"].get(JSON)
        if content is None:
            return ""
        value: Any = None
        for example in content.get("examples", {}).values():
            value = self._examples[example["$ref"].rpartition("/")[2]]["value"]
        page = self._schemas.get(content["schema"].get("$ref", "").rpartition("/")[2], {})
        items = page.get("properties", {}).get("data", {}).get("items", {}).get("$ref", "")
        if listed := self._examples.get(items.rpartition("/")[2]):
            kind = page["properties"]["object"]["const"]
            value = {"object": kind, "data": [listed["value"]], "has_more": False, "url": path}
        if value is None:
            return ""
        return f"<details><summary>Answer</summary>{_code('', json_block(value))}</details>"


def _code(title: str, html: str) -> str:
    heading = f"<figcaption>{title}</figcaption>" if title else ""
    return f'<figure>{heading}<pre tabindex="0"><code>{html}</code></pre></figure>'
