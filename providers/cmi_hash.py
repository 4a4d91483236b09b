"""HASH "ver3": how CMI and a merchant sign what a payer's browser carries between them.

The parameters sorted by name, in natural order and without regard to case, as PHP's `natcasesort`
does it; each value trimmed, its backslashes and bars escaped; joined by bars, the escaped store key
last; base64 of the SHA-512 of that. Source: CMI's PHP kit, with which the vectors in the tests
were computed. Requests and answers are signed alike.

Names are not signed, only the order of the values: somebody who has a say in one of them (the
payer's name, say) can label it `amount`. Whoever relies on a signed field compares it with what was
meant.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha512
from hmac import compare_digest
from string import digits
from typing import Final

# Never part of what is signed, however spelled. The last is left out of answers by a library that
# speaks to other banks of this platform; nobody sends it to CMI.
_UNSIGNED: Final = frozenset({"hash", "encoding", "nationalidno"})

_PART: Final = re.compile(r"[0-9]+|[^0-9]")
_TRIMMED_BY_PHP: Final = " \t\n\r\0\x0b"


def sign(fields: Mapping[str, str], store_key: str) -> str:
    """The HASH of `fields`: 88 characters. Their order, and a HASH among them, do not matter."""
    names = sorted((name for name in fields if name.lower() not in _UNSIGNED), key=_natural)
    signed = "|".join(_escape(text) for text in [*(fields[name] for name in names), store_key])
    return b64encode(sha512(signed.encode("utf-8", "replace")).digest()).decode()


def is_signed(fields: Mapping[str, str], store_key: str) -> bool:
    """Whether the HASH among `fields`, in any spelling, is theirs."""
    given = [value for name, value in fields.items() if name.lower() == "hash"]
    expected = sign(fields, store_key).encode()
    return len(given) == 1 and compare_digest(given[0].encode("utf-8", "replace"), expected)


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key: digits compare as numbers, other characters by their upper case.

    Names that are equal so far compare as they are, so that the order they came in never matters.
    """
    parts = _PART.findall(name)
    return [_digits(part) if part[0] in digits else (_code(part), 0, "") for part in parts], name


def _digits(run: str) -> tuple[int, int, str]:
    # By length, then by digit: no number is made of text from outside, which may be very long.
    significant = run.lstrip("0")
    return ord("0"), len(significant), significant


def _code(character: str) -> int:
    return ord(character.upper() if character.isascii() else character)


def _escape(value: str) -> str:
    return value.strip(_TRIMMED_BY_PHP).replace("\\", "\\\\").replace("|", "\\|")
