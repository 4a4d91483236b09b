"""Bank account numbers, read into one spelling: an IBAN.

IBANs are ISO 13616: country, two check digits (modulo 97), the bank's own number (BBAN). Where the
BBAN is what people know, the RIB of the CEMAC, the UEMOA and Morocco, it is taken too and completed
with its check digits. Lengths are those of SWIFT's IBAN registry, and for Cameroon and its CEMAC
neighbours, which do not register, those their banks print.
"""

import re

# Characters of an IBAN in the countries whose RIB we complete.
_LENGTHS = {
    **dict.fromkeys(("CM", "CF", "CG", "GA", "GQ", "TD"), 27),
    **dict.fromkeys(("BJ", "BF", "CI", "ML", "NE", "SN", "TG"), 28),
    "MA": 28,
}

_SEPARATORS = re.compile(r"[ \u00a0\u202f.\-]")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BBAN = re.compile(r"[A-Z0-9]{11,30}")

# Stripe's test numbers (docs.stripe.com/connect/testing), which decide what becomes of a payout in
# test mode: None is paid, a word is its failure code. The last digits of Germany's are for any
# country that has no list of its own.
TEST_NUMBERS: dict[str, str | None] = {
    "000123456789": None,
    "000111111116": "no_account",
    "000111111113": "account_closed",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
    "DE89370400440532013000": None,
    "DE62370400440532013001": "no_account",
    "DE89370400440532013002": "account_closed",
    "DE89370400440532013003": "insufficient_funds",
    "DE89370400440532013004": "debit_not_authorized",
    "DE89370400440532013005": "invalid_currency",
}


class InvalidAccountNumber(ValueError):
    """The text is no account number of its country; the message is for the person who typed it."""


def read_number(text: str, country: str, *, test: bool) -> str:
    """An IBAN from an IBAN or a RIB, however it is spaced. `country` is ISO 3166-1 alpha-2.

    In test mode Stripe's test numbers pass too, as they are. Raises InvalidAccountNumber.
    """
    number = _SEPARATORS.sub("", text).upper()
    if test and number in TEST_NUMBERS:
        return number
    length = _LENGTHS.get(country)
    if length is not None and len(number) == length - 4 and _BBAN.fullmatch(number):
        return _with_check_digits(country, number)
    if not _IBAN.fullmatch(number) or _remainder(number) != 1:
        raise InvalidAccountNumber("The account number is not a valid IBAN or RIB.")
    if number[:2] != country:
        raise InvalidAccountNumber(f"The account number is not one of {country}.")
    if length is not None and len(number) != length:
        raise InvalidAccountNumber(f"An IBAN of {country} has {length} characters.")
    return number


def is_iban(number: str) -> bool:
    """Whether a number that was read is an IBAN: test numbers need not be."""
    return bool(_IBAN.fullmatch(number))


def _with_check_digits(country: str, bban: str) -> str:
    digits = 98 - _remainder(f"{country}00{bban}")
    return f"{country}{digits:02d}{bban}"


def _remainder(iban: str) -> int:
    """ISO 7064 MOD 97-10: the first four characters go last, letters count from 10."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97
