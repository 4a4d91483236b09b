"""How amounts and moments are written, currency by currency."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.receipts.formats import Locale, format_amount, format_moment


@pytest.mark.parametrize(
    ("amount", "currency", "french", "english"),
    [
        (5000, "xaf", "5 000 FCFA", "FCFA 5,000"),
        (5000, "XOF", "5 000 FCFA", "FCFA 5,000"),
        (0, "xaf", "0 FCFA", "FCFA 0"),
        (999, "xof", "999 FCFA", "FCFA 999"),
        (99_999_999, "xaf", "99 999 999 FCFA", "FCFA 99,999,999"),
        (123_450, "mad", "1 234,50 MAD", "MAD 1,234.50"),
        (5000, "eur", "50,00 €", "€50.00"),
        (5, "eur", "0,05 €", "€0.05"),
        (123_456_789, "usd", "1 234 567,89 $US", "$1,234,567.89"),
        (-5050, "eur", "−50,50 €", "−€50.50"),
        (-5000, "xaf", "−5 000 FCFA", "−FCFA 5,000"),
        (1500, "jpy", "1 500 JPY", "JPY 1,500"),
        (25_000, "gnf", "25 000 GNF", "GNF 25,000"),
        (12_345, "tnd", "12,345 TND", "TND 12.345"),
        (10_050, "ngn", "100,50 NGN", "NGN 100.50"),
    ],
)
def test_an_amount(amount: int, currency: str, french: str, english: str) -> None:
    assert format_amount(amount, currency, "fr") == french.replace(" ", "\u202f")
    assert format_amount(amount, currency, "en") == english.replace(" ", "\u202f")


@given(
    st.integers(-(10**15), 10**15),
    st.sampled_from(["xaf", "mad", "eur", "usd", "kwd", "ghs"]),
    st.sampled_from(["fr", "en"]),
)
def test_no_digit_is_lost(amount: int, currency: str, locale: Locale) -> None:
    written = format_amount(amount, currency, locale)
    digits = "".join(character for character in written if character.isdecimal())
    assert int(digits) == abs(amount)
    assert written.startswith("−") == (amount < 0)


@pytest.mark.parametrize(
    ("moment", "french", "english"),
    [
        (
            datetime(2026, 3, 1, 8, 5, 59, tzinfo=UTC),
            "1er mars 2026 à 08:05 UTC",
            "1 March 2026 at 08:05 UTC",
        ),
        (
            datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
            "31 décembre 2026 à 23:59 UTC",
            "31 December 2026 at 23:59 UTC",
        ),
        (
            datetime(2027, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "31 décembre 2026 à 23:30 UTC",
            "31 December 2026 at 23:30 UTC",
        ),
    ],
)
def test_a_moment(moment: datetime, french: str, english: str) -> None:
    assert format_moment(moment, "fr") == french
    assert format_moment(moment, "en") == english
