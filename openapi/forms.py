"""`a[b][0]=c` to a tree, as Stripe's SDKs write forms and query strings.

Both spellings of arrays are taken, `x[0]=` with indices in any order and `x[]=`. Whether numbered
keys are an array or a hash (`metadata[2024]=`) is for the parameter's type to say, so they stay an
`Indexed` here.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any
from urllib.parse import unquote_to_bytes

from processor.errors import InvalidRequest
from processor.parameters import Indexed

MAX_PAIRS = 2_000
MAX_DEPTH = 10

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode(encoded: bytes) -> dict[str, Any]:
    """The tree behind an `application/x-www-form-urlencoded` text. Raises InvalidRequest."""
    pairs = [pair for pair in encoded.split(b"&") if pair]
    if len(pairs) > MAX_PAIRS:
        raise InvalidRequest(f"A request can have at most {MAX_PAIRS} parameters.")
    fields = []
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        key = _text(name)
        fields.append((key, _text(value, key)))
    return tree(fields)


def tree(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The tree behind names in brackets and their values. Raises InvalidRequest."""
    root: dict[str, Any] = {}
    for key, value in fields:
        _put(root, key, value)
    return {key: _settled(value) for key, value in root.items()}


def _text(encoded: bytes, param: str | None = None) -> str:
    """A name, or the value of `param`."""
    try:
        return unquote_to_bytes(encoded.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        what = "a parameter's name" if param is None else param[:80]
        shown = None if param is None else param[:80]
        raise InvalidRequest(f"Invalid string: {what} is not UTF-8", param=shown) from None


def _put(root: dict[str, Any], key: str, value: Any) -> None:
    match = _KEY.fullmatch(key)
    path = [match[1], *_PART.findall(match[2])] if match else []
    if not path or len(path) > MAX_DEPTH:
        raise InvalidRequest(f"Invalid parameter name: {key[:80]}", param=key[:80])
    node = root
    for here, following in pairwise(path):
        name = here or str(len(node))  # `[]` appends
        if following == "" and here == "":
            raise InvalidRequest(f"Invalid parameter name: {key[:80]}", param=key[:80])
        child = node.setdefault(name, {})
        if not isinstance(child, dict):
            raise InvalidRequest(
                f"Invalid parameter: {key[:80]} is given as a value and as a hash", param=key[:80]
            )
        node = child
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise InvalidRequest(
            f"Invalid parameter: {key[:80]} is given as a value and as a hash", param=key[:80]
        )
    node[last] = value


def _settled(node: Any) -> Any:
    """Mark the hashes whose keys could be an array's indices."""
    if not isinstance(node, dict):
        return node
    settled = {key: _settled(value) for key, value in node.items()}
    if settled and all(key.isascii() and key.isdigit() and len(key) < 7 for key in settled):
        return Indexed(sorted(settled.items(), key=lambda pair: int(pair[0])))
    return settled
