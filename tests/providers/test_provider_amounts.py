"""Amounts between minor units and providers' decimal strings: exact or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.money import MINOR_DIGITS, from_decimal_string, to_decimal_string


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (500, "xaf", "500"),
        (500, "XOF", "500"),
        (0, "gnf", "0"),
        (1250, "eur", "12.50"),
        (5, "usd", "0.05"),
        (-120, "mad", "-1.20"),
        (10**17, "xaf", "100000000000000000"),
    ],
)
def test_to_decimal_string(amount: int, currency: str, text: str) -> None:
    assert to_decimal_string(amount, currency) == text
    assert from_decimal_string(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("12.5", "eur", 1250), ("12.500", "eur", 1250), ("500.0", "xaf", 500), ("007", "xof", 7)],
)
def test_other_spellings_of_an_amount(text: str, currency: str, amount: int) -> None:
    assert from_decimal_string(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.345", "eur"),
        ("0.5", "xaf"),
        ("", "xaf"),
        (" 5", "xaf"),
        ("5\n", "xaf"),
        ("1_000", "xaf"),
        ("1,000", "xaf"),
        ("1e3", "xaf"),
        ("1E+999999", "xaf"),
        ("NaN", "xaf"),
        ("Infinity", "xaf"),
        ("٣", "xaf"),
        ("5", "xxx"),
    ],
)
def test_what_is_no_amount(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_decimal_string(text, currency)


def test_an_unknown_currency_has_no_decimal_string() -> None:
    with pytest.raises(ValueError, match="unknown currency"):
        to_decimal_string(5, "xxx")


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(MINOR_DIGITS)))
def test_there_and_back_is_exact(amount: int, currency: str) -> None:
    assert from_decimal_string(to_decimal_string(amount, currency), currency) == amount
