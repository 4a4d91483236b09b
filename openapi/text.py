"""Words, calls and answers as HTML. Everything is escaped here, once."""

import json
import re
import shlex
from collections.abc import Iterator
from html import escape
from typing import Any

_CODE = re.compile(r"`([^`]+)`")
_PLAIN = re.compile(r"[\w.:/*-]*", re.ASCII)
# A name, a text, a number or a word of JSON, in text that has been escaped.
_JSON = re.compile(r"(&quot;(?:[^&]|&(?!quot;))*&quot;)(:)?|\b(true|false|null|-?\d+)\b")


def prose(text: str) -> str:
    """A sentence, with its `code` as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def json_block(value: Any) -> str:
    """An answer, coloured."""
    return _JSON.sub(_coloured, escape(json.dumps(value, indent=2, ensure_ascii=False)))


def _coloured(match: re.Match[str]) -> str:
    text, colon, word = match.groups()
    if word is not None:
        return f"<b>{word}</b>"
    return f"<i>{text}</i>{colon}" if colon else f"<s>{text}</s>"


def curl(method: str, url: str, parameters: dict[str, Any], *, in_parts: bool = False) -> str:
    """A call that can be pasted into a shell; the key comes from $CPAY_KEY.

    `in_parts` sends a multipart form, in which `@logo.png` is a file.
    """
    words = ["curl"]
    if method == "DELETE" or (method == "POST" and not parameters):
        words.append(f"-X {method}")
    if method == "GET" and parameters:
        words.append("-G")
    lines = [f"{' '.join(words)} {url}", '  -u "$CPAY_KEY:"']
    for name, value in pairs(parameters):
        # `--data-urlencode` encodes what follows the first `=`: a plus would be a space otherwise.
        option = "-d" if _PLAIN.fullmatch(value) else "--data-urlencode"
        option = "-F" if in_parts else option
        lines.append(f"  {option} {shlex.quote(f'{name}={value}')}")
    return " \\\n".join(lines)


def pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """A tree as the pairs of a form: `metadata[order]=7`, `enabled_events[]=charge.succeeded`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from pairs(item, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            # With `[]` each member of a hash would begin a new one.
            yield from pairs(item, f"{name}[{index if isinstance(item, dict) else ''}]")
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
