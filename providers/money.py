"""Amounts as providers write them: decimal strings instead of minor units. Exact, never a float."""

from decimal import Decimal, InvalidOperation

# Digits after the decimal point, from ISO 4217. CFA and Guinean francs have no smaller unit.
MINOR_DIGITS = {"xaf": 0, "xof": 0, "gnf": 0, "eur": 2, "usd": 2, "mad": 2}


def to_decimal(amount: int, currency: str) -> str:
    """`amount` in minor units as a provider's decimal string: 1250 EUR is "12.50", 500 XAF "500".

    `currency` is an ISO 4217 code in any case. Raises ValueError for one we don't know.
    """
    return f"{Decimal(amount).scaleb(-_digits(currency)):f}"


def from_decimal(text: str, currency: str) -> int:
    """A provider's decimal string in minor units: "12.5" EUR is 1250, "500" and "500.0" XAF 500.

    Raises ValueError for text that is not a plain number, has more digits than the currency, or is
    in a currency we don't know: an amount is never rounded.
    """
    try:
        minor = Decimal(text).scaleb(_digits(currency))
    except InvalidOperation:
        raise ValueError(f"not an amount: {text!r}") from None
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise ValueError(f"not an amount in {currency}: {text!r}")
    return int(minor)


def _digits(currency: str) -> int:
    try:
        return MINOR_DIGITS[currency.lower()]
    except KeyError:
        raise ValueError(f"unknown currency: {currency!r}") from None
