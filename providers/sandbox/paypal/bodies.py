"""The JSON that clients of the PayPal sandbox send."""

from typing import Final, NoReturn

import msgspec

from providers.money import from_decimal_string

from .calls import invalid, unprocessable
from .tables import CURRENCIES

_LIKE_ALL_OF_THEM: Final = "eur"  # every currency of the table has two decimals


class Amount(msgspec.Struct):
    """An amount as clients write it."""

    currency_code: str
    value: str

    def minor_units(self) -> int:
        """The amount in minor units, or refuse."""
        if self.currency_code not in CURRENCIES:
            raise unprocessable("INVALID_CURRENCY_CODE")
        try:
            minor = from_decimal_string(self.value, _LIKE_ALL_OF_THEM)
        except ValueError:
            _refuse_number(self.value)
        if minor <= 0:
            raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE")
        return minor


def _refuse_number(value: str) -> NoReturn:
    digits = value.replace(".", "", 1)
    if digits.isdecimal() and digits.isascii():
        raise unprocessable("DECIMAL_PRECISION")
    raise invalid("INVALID_PARAMETER_SYNTAX", "amount.value")


class Unit(msgspec.Struct):
    """What is bought; PayPal takes up to ten, this sandbox one."""

    amount: Amount
    invoice_id: str = ""
    custom_id: str = ""
    description: str = ""


class Experience(msgspec.Struct):
    """What the payer's page is like, and where it leads."""

    return_url: str = ""
    cancel_url: str = ""
    locale: str = "en-US"


class Wallet(msgspec.Struct):
    """A payment by PayPal wallet."""

    experience_context: Experience = msgspec.field(default_factory=Experience)


class Source(msgspec.Struct):
    """What is paid with; other sources than a wallet are read as none."""

    paypal: Wallet | None = None


class OrderBody(msgspec.Struct):
    """A new order."""

    intent: str
    purchase_units: list[Unit]
    payment_source: Source | None = None

    @property
    def experience(self) -> Experience:
        """The wallet's page."""
        wallet = (self.payment_source or Source()).paypal or Wallet()
        return wallet.experience_context


class CaptureBody(msgspec.Struct):
    """A capture of an authorization: of all of it without an amount."""

    amount: Amount | None = None


class RefundBody(msgspec.Struct):
    """A refund of a capture: of what is left without an amount."""

    amount: Amount | None = None
    invoice_id: str = ""
    custom_id: str = ""
