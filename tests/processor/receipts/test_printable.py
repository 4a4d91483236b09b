"""What becomes of text that was not written with a receipt in mind."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.receipts.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Café de l’Étoile", "Café de l’Étoile"),
        ("Cafe\u0301", "Café"),
        ("مقهى النجمة", "مقهى النجمة"),
        ("Ẹ̀kọ́ Ɓuntu Ðé", "Ẹ̀kọ́ Ɓuntu Ðé"),
        ("  two\r\n\tlines\u2028three ", "two lines three"),
        ("Chez Awa 🎉👩‍👧", "Chez Awa"),
        ("北京", "□□"),
        ("አዲስ 7", "□□□ 7"),
        ("🎉", "—"),
        ("", "—"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("5\u202e000\u2066 FCFA\ufeff", "5000 FCFA"),
        ("\ud800lone", "lone"),
        ("z" + "\u0335" * 50, "z" + "\u0335" * 2),
        ("\u0301 1\u0301 ن\u0301 x\u064b نَ", "1 ن x نَ"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        ("word " * 20_000, "word word word word…"),
        (" " * 100_000 + "late", "…"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text, 20) == shown


@given(st.text(), st.integers(2, 50))
def test_is_short_and_on_one_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert 1 <= len(shown) <= limit
    assert not any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl"} for character in shown
    )


@given(st.text(), st.integers(2, 50))
def test_what_is_printable_stays_as_it_is(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert printable(shown, limit) == shown
