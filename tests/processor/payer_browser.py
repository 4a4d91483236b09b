"""A payer's browser, as far as payments need one: it follows redirections and posts forms.

It stops at the shop, whose pages do not exist.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

SHOP = "https://shop.example"


@dataclass
class Form:
    """A form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """What the browser shows: an address, and for a page that exists what came from there."""

    url: str
    status: int = 0
    html: str = ""
    headers: httpx.Headers = field(default_factory=httpx.Headers)

    @property
    def form(self) -> Form:
        """Its only form, or its first."""
        return _forms(self.html)[0]

    @property
    def at_shop(self) -> bool:
        """Whether the payer is back."""
        return f"{SHOP}/" in self.url


class Browser:
    """One payer's browser."""

    def __init__(self) -> None:
        self.never_return = False  # it is closed before it would follow an address of ours back
        self.way_back: str | None = None  # the last such address

    def open(self, url: str) -> Page:
        """Go to an address."""
        return self._go("GET", url)

    def submit(self, page: Page, **typed: str) -> Page:
        """Post the page's form with what was typed or pressed."""
        form = page.form
        return self._go("POST", urljoin(page.url, form.action), form.fields | typed)

    def _go(self, method: str, url: str, data: dict[str, str] | None = None) -> Page:
        while not url.startswith(SHOP):
            if "/redirects/" in url and not url.endswith("/form"):
                self.way_back = url
                if self.never_return:
                    return Page(url)
            # Without `verify=False`, every call would build a TLS context, which takes 20 ms.
            reply = httpx.request(method, url, data=data, verify=False, timeout=30)
            if reply.status_code not in (302, 303):
                return Page(url, reply.status_code, reply.text, reply.headers)
            method, data, url = "GET", None, urljoin(url, reply.headers["location"])
        return Page(url)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(named.get("action", "")))
        if tag == "input" and self.forms and named.get("type") != "radio":
            self.forms[-1].fields[named["name"]] = named.get("value", "")


def _forms(html: str) -> list[Form]:
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(httpx.QueryParams(urlsplit(url).query))
