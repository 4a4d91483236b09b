"""Amounts as providers write them: decimal strings instead of minor units. Exact, never a float."""

import re
from decimal import Decimal

# Digits after the decimal point, from ISO 4217. CFA and Guinean francs have no smaller unit.
MINOR_DIGITS = {"xaf": 0, "xof": 0, "gnf": 0, "eur": 2, "usd": 2, "mad": 2}

# Bounded, without exponents: "1e999999" would be a number of a million digits.
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")


def to_decimal_string(amount: int, currency: str) -> str:
    """`amount` in minor units as a provider's decimal string: 1250 EUR is "12.50", 500 XAF "500".

    `currency` is an ISO 4217 code in any case. Raises ValueError for one we don't know.
    """
    return f"{Decimal(amount).scaleb(-_digits(currency)):f}"


def from_decimal_string(text: str, currency: str) -> int:
    """A provider's decimal string in minor units: "12.5" EUR is 1250, "500" and "500.0" XAF 500.

    Raises ValueError for text that is not a plain number, has more digits than the currency, or is
    in a currency we don't know: an amount is never rounded.
    """
    digits = _digits(currency)
    if not _PLAIN_NUMBER.fullmatch(text):
        raise ValueError(f"not an amount: {text[:40]!r}")
    minor = Decimal(text).scaleb(digits)
    if minor != minor.to_integral_value():
        raise ValueError(f"{currency} has no such fraction: {text!r}")
    return int(minor)


def _digits(currency: str) -> int:
    try:
        return MINOR_DIGITS[currency.lower()]
    except KeyError:
        raise ValueError(f"unknown currency: {currency!r}") from None
