"""Makes any text fit for print: what our fonts can show, on one line, of a bounded length."""

import re
import unicodedata

# Latin, Greek, Cyrillic, Arabic and common signs, as far as the fonts inside typst 0.15 (Libertinus
# Serif, DejaVu Sans Mono) have all of them. PDF/A refuses a character that no font can show.
_RANGES = (
    *((0x20, 0x7E), (0xA0, 0x377), (0x37A, 0x37F), (0x384, 0x38A), (0x38E, 0x3A1), (0x3A3, 0x482)),
    *((0x48A, 0x4FF), (0x60C, 0x60C), (0x61B, 0x61B), (0x61F, 0x61F), (0x621, 0x63A)),
    *((0x640, 0x655), (0x660, 0x66D), (0x67E, 0x67E), (0x686, 0x686), (0x6A4, 0x6A4)),
    *((0x6A9, 0x6A9), (0x6AF, 0x6AF), (0x6BE, 0x6BE), (0x6CC, 0x6CC), (0x6F0, 0x6F9)),
    *((0x1E00, 0x1EFF), (0x2010, 0x2027), (0x202F, 0x2040), (0x2044, 0x2052), (0x20A0, 0x20C0)),
    *((0x2116, 0x2116), (0x2122, 0x2122), (0x2190, 0x21FF), (0x25A1, 0x25A1)),
)
CHARACTERS = frozenset(
    character
    for start, end in _RANGES
    for character in map(chr, range(start, end + 1))
    # Unassigned, and formatting characters: direction overrides could disguise other text.
    if unicodedata.category(character) not in {"Cn", "Cf"}
)
_MARK = r"[\u0300-\u036f\u064b-\u0655]"
# Accents as languages use them: at most two, on a letter of their own script. For other
# combinations no font may have a glyph, and a heap of accents would reach into the lines above.
_ODD_MARKS = re.compile(
    rf"(?<={_MARK}{{2}}){_MARK}+"
    r"|(?<![A-Za-z\u00c0-\u04ff\u1e00-\u1eff])[\u0300-\u036f]+"
    r"|(?<![\u0621-\u0655\u067e-\u06cc])[\u064b-\u0655]+"
)
_NOT_SHOWN = "□"


def printable(text: str, limit: int) -> str:
    """Return at most `limit` characters that the receipt's fonts can show, never an empty text.

    Line breaks and runs of blanks become one space. A letter or digit of another script becomes
    "□"; signs, emoji and control characters are dropped. What is cut ends in "…".
    """
    # The bound before anything else: a description may be of any size.
    bounded = unicodedata.normalize("NFC", text[: limit * 4])
    shown = "".join(_shown(character) for character in bounded)
    clean = " ".join(_ODD_MARKS.sub("", shown).split())
    if len(clean) > limit or len(text) > limit * 4:
        clean = clean[: limit - 1].rstrip() + "…"
    return clean or "—"


def _shown(character: str) -> str:
    if character in CHARACTERS:
        return character
    if character.isspace():
        return " "
    return _NOT_SHOWN if unicodedata.category(character)[0] in "LN" else ""
