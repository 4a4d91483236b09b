"""Currencies, their minor units and the amounts we accept.

Amounts are integers in the currency's minor unit everywhere: 500 XAF is 500, 5.00 EUR is 500.
Exponents are ISO 4217's. Lower bounds follow Stripe's (about half a dollar) for currencies that
cards settle in, and the rails' own smaller minimum for the CFA francs; the upper bound is
Stripe's eight digits.
"""

from dataclasses import dataclass

from processor.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency: `exponent` decimals, amounts between `minimum` and `maximum`."""

    code: str
    exponent: int
    minimum: int
    maximum: int = 99_999_999


CURRENCIES = {
    currency.code: currency
    for currency in (
        Currency("xaf", 0, 5),  # the smallest coin in use
        Currency("xof", 0, 5),
        Currency("mad", 2, 100),
        Currency("eur", 2, 50),
        Currency("usd", 2, 50),
    )
}


def currency_named(code: str, param: str = "currency") -> Currency:
    """The currency with this code, in any case. Raises InvalidRequest."""
    currency = CURRENCIES.get(code.lower())
    if currency is None:
        raise InvalidRequest(
            f"Invalid currency: {code[:40]}. This account can charge in: {', '.join(CURRENCIES)}.",
            param=param,
        )
    return currency


def check_amount(amount: int, currency: Currency, param: str = "amount") -> None:
    """Refuse an amount outside the currency's bounds. Raises InvalidRequest."""
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=param,
        )
    if amount < currency.minimum:
        raise InvalidRequest(
            f"Amount must be at least {display(currency.minimum, currency)}.",
            code="amount_too_small",
            param=param,
        )
    if amount > currency.maximum:
        raise InvalidRequest(
            f"Amount must be no more than {display(currency.maximum, currency)}.",
            code="amount_too_large",
            param=param,
        )


def display(amount: int, currency: Currency) -> str:
    """An amount for a message: `5 XAF`, `0.50 USD`."""
    units, rest = divmod(amount, 10**currency.exponent)
    decimals = f".{rest:0{currency.exponent}d}" if currency.exponent else ""
    return f"{units:,}{decimals} {currency.code.upper()}"
