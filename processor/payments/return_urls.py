"""Merchants' addresses that payers come back to."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from processor.errors import InvalidRequest

# What a URL may hold as it is (RFC 3986, section 2), "%" of what is encoded already included.
_KEPT = "!#$%&'()*+,/:;=?@[]~"

# Where a browser would run or read something instead of going somewhere.
_REFUSED = frozenset({"javascript", "data", "file", "vbscript", "blob", "about"})


def check(url: str) -> None:
    """Refuse what a payer could not be sent to: it needs a scheme, an app's own for instance, and
    for the web a host in ASCII (as `xn--...` if it is not). Raises InvalidRequest."""
    try:
        parts = urlsplit(url)
        valid = bool(parts.scheme) and parts.scheme not in _REFUSED
        if parts.scheme in ("http", "https"):
            valid = bool(parts.hostname) and parts.netloc.isascii() and parts.port != 0
    except ValueError:  # no address at all, or a port that is no number
        valid = False
    # Neither blanks nor line breaks, nor marks that turn the direction of text.
    if not valid or " " in url or not url.isprintable():
        raise InvalidRequest("Invalid URL: return_url must be an absolute URL.", param="return_url")


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """The address with these parameters behind its own, as a header can hold it: what is not ASCII
    is percent-encoded, as a browser would do it."""
    base, mark, fragment = quote(url, safe=_KEPT).partition("#")
    return f"{base}{'&' if '?' in base else '?'}{urlencode(parameters)}{mark}{fragment}"
