"""The reference page stands alone, and every call on it works as it stands there."""

import re
import shlex
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest
from contract import document
from live import Merchant, Stack

from openapi.reference import render
from openapi.text import curl, json_block, prose
from processor.table import OPERATIONS


class _Links(HTMLParser):
    """Collects what a page refers to, and notices what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.seen.add(tag)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.targets += [given[name] or "" for name in ("href", "src") if name in given]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(stack: Stack) -> str:
    """The page as a browser gets it."""
    response = httpx.get(f"{stack.base}/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    return response.text


def test_it_needs_nothing_from_elsewhere(page: str) -> None:
    links = _Links()
    links.feed(page)
    assert links.open == []
    assert not links.seen & {"script", "link", "img", "iframe", "form"}
    assert "url(" not in page
    assert "@import" not in page
    assert {target for target in links.targets if not target.startswith("#")} == {"/openapi.json"}


def test_its_links_lead_somewhere_and_every_call_has_a_place(page: str) -> None:
    links = _Links()
    links.feed(page)
    assert len(links.ids) == len(set(links.ids))
    assert {target[1:] for target in links.targets if target.startswith("#")} <= set(links.ids)
    assert OPERATIONS.keys() <= set(links.ids)


def _calls(page: str) -> dict[str, str]:
    """The command of each operation."""
    sections = re.findall(
        r'<section class="operation" id="([^"]+)">(.*?)</section>', page, re.DOTALL
    )
    return {
        name: unescape(re.search(r"<code>(curl .*?)</code>", text, re.DOTALL)[1])  # type: ignore[index]
        for name, text in sections
    }


# Calls whose example names an object in a parameter, or needs one.
NAMING = {
    "file_links.create",
    "payment_methods.attach",
    "payout_batches.create",
    "payouts.create",
    "reconciliations.create",
    "refunds.create",
    "reporting.report_runs.create",  # of a month before the account was made
}


def test_each_command_does_what_the_page_says(page: str, merchant: Merchant) -> None:
    """IDs in the examples are made up, so a call that names one finds nothing, and no worse."""
    calls = _calls(page)
    assert calls.keys() == OPERATIONS.keys()
    for name, command in calls.items():
        status = _run(command, merchant)
        path = OPERATIONS[name].path
        expected = 400 if name in NAMING else 404 if "{" in path else 200
        assert status == (403 if "{account}" in path else expected), command


def _run(command: str, merchant: Merchant) -> int:
    """What curl would do with a command of the page."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words.pop(0) == "curl"
    method, in_query, in_parts, url, pairs = "GET", False, False, "", []
    while words:
        match words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-G":
                in_query = True
            case "-u":
                assert words.pop(0) == "$CPAY_KEY:"
            case "-F":
                in_parts = True
                pairs.append(tuple(words.pop(0).split("=", 1)))
            case "-d":
                pairs.append(httpx.QueryParams(words.pop(0)).multi_items()[0])
            case "--data-urlencode":
                name, _, value = words.pop(0).partition("=")
                pairs.append((name, value))
            case word:
                url = word
    if pairs and not in_query:
        method = "POST"
    if in_parts:
        named = {name: value for name, value in pairs if value.startswith("@")}
        return httpx.post(
            url,
            data={name: value for name, value in pairs if name not in named},
            files={name: (value[1:], b"\x89PNG\r\n\x1a\n") for name, value in named.items()},
            auth=(merchant.secret_key, ""),
        ).status_code
    form = str(httpx.QueryParams(pairs))
    response = httpx.request(
        method,
        f"{url}?{form}" if in_query else url,
        content=form if pairs and not in_query else None,
        auth=(merchant.secret_key, ""),
        timeout=30,
    )
    return response.status_code


def test_text_is_escaped() -> None:
    assert prose("a < b in `x<y>`") == "a &lt; b in <code>x&lt;y&gt;</code>"
    assert "<script" not in json_block({"</code><script>": "<script>"})
    assert curl("POST", "http://h/v1/x", {"a": {"b": "it's + that"}}) == (
        "curl http://h/v1/x \\\n  -u \"$CPAY_KEY:\" \\\n  --data-urlencode 'a[b]=it'\"'\"'s + that'"
    )


def test_an_address_cannot_break_out() -> None:
    assert "<b>evil" not in render(document(), "http://h/<b>evil")
