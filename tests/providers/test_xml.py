"""Documents from outside: read when they are harmless, refused when they are not."""

import pytest

from providers.xml import local_name, parse, text

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<r>&c;</r>"""


def test_a_document_is_read() -> None:
    root = parse(b'<?xml version="1.0" encoding="UTF-8"?><n:r xmlns:n="urn:x"><a> 1 </a></n:r>')
    assert root is not None
    assert (local_name(root), text(root, "a"), text(root, "b")) == ("r", "1", "")


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
        b"<!DOCTYPE r><r/>",
        b"<r>&unknown;</r>",
        b"<r>",
        b"",
        b"\x00\xff",
        b'<?xml version="1.0" encoding="nonsense"?><r/>',
        b'<?xml version="1.0" encoding="utf-16"?><r/>',
    ],
)
def test_what_could_harm_is_not_read(document: bytes) -> None:
    assert parse(document) is None
