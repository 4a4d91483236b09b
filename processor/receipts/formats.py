"""Amounts and moments as French and English readers write them."""

from datetime import UTC, datetime
from typing import Literal

from processor.money import CURRENCIES

Locale = Literal["fr", "en"]

# ISO 4217 exponents that are not two, of currencies that we do not charge in (yet).
_EXPONENTS = dict.fromkeys(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "pyg", "rwf", "ugx", "vnd", "vuv", "xpf"), 0
) | dict.fromkeys(("bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"), 3)

_SPACE = "\u202f"  # narrow and unbreakable: an amount never ends a line in its middle
_MINUS = "\u2212"

# What readers call a currency; the others go by their code.
_NAMES = {"xaf": "FCFA", "xof": "FCFA"}
_SYMBOLS = {"fr": {"eur": "€", "usd": "$US"}, "en": {"eur": "€", "usd": "$"}}

_MONTHS = {
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}


def format_amount(amount: int, currency: str, locale: Locale) -> str:
    """Write `amount` (minor units) of `currency` (ISO 4217, any case).

    Follows CLDR's `fr` and `en`, with one kind of space (U+202F) and "FCFA" for both CFA francs:
    `5 000 FCFA`, `50,00 €`, `1 234,50 MAD`; `FCFA 5,000`, `€50.00`, `MAD 1,234.50`.
    """
    code = currency.lower()
    known = CURRENCIES.get(code)
    exponent = known.exponent if known else _EXPONENTS.get(code, 2)
    units, rest = divmod(abs(amount), 10**exponent)
    minus = _MINUS if amount < 0 else ""
    point = "," if locale == "fr" else "."
    decimals = f"{point}{rest:0{exponent}d}" if exponent else ""
    symbol = _SYMBOLS[locale].get(code)
    name = symbol or _NAMES.get(code, code.upper())
    if locale == "fr":
        return f"{minus}{units:,}".replace(",", _SPACE) + f"{decimals}{_SPACE}{name}"
    return f"{minus}{name}{'' if symbol else _SPACE}{units:,}{decimals}"


def format_moment(moment: datetime, locale: Locale) -> str:
    """Write an aware datetime to the minute, in UTC: `1er mars 2026 à 08:05 UTC`."""
    at = moment.astimezone(UTC)
    month = _MONTHS[locale][at.month - 1]
    if locale == "fr":
        day = "1er" if at.day == 1 else str(at.day)
        return f"{day} {month} {at.year} à {at:%H:%M} UTC"
    return f"{at.day} {month} {at.year} at {at:%H:%M} UTC"
