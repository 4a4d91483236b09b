"""Telephone numbers of payers: one spelling for each, and a hint of the network behind it.

`phonenumbers` says whether a number exists in its country's numbering plan. The network comes from
our own table of prefixes, because that library answers with marketing names of different years
("Areeba" for MTN Guinea, "Togo Telecom" for Yas) and knows nothing of wallets.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers

Network = Literal["mtn", "orange", "moov", "tmoney"]


class InvalidMsisdn(ValueError):
    """The text is not one mobile number; the message is a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Msisdn:
    """A mobile number of a subscriber (MSISDN), as `parse_msisdn` made it."""

    e164: str  # "+237670000000"
    country: str  # ISO 3166-1 alpha-2, upper case: "CM"
    national: str  # digits without the country code, leading zero kept: "670000000", "0197000000"


# National prefixes of each network that runs a wallet we can reach, by country; "from-to" holds
# both ends. The ranges are those phonenumbers 9.0.43 carries. Networks without such a wallet
# (Camtel and Nexttel in Cameroon, Celtiis in Benin, Airtel...) are left out on purpose.
_RANGES: Final[dict[str, dict[Network, str]]] = {
    "BF": {
        "moov": "01-03 50-53 60-63 70-73",
        "orange": "04-07 44-46 54-57 64-67 74-77",
    },
    "BJ": {
        "mtn": "0142 0146 0150-0154 0156-0157 0159 0161-0162 0166-0167 0169 0190-0191 0196-0197",
        "moov": "0145 0155 0158 0160 0163-0165 0168 0194-0195 0198-0199",
    },
    "CF": {"orange": "72-74"},
    "CG": {"mtn": "06"},
    "CI": {"moov": "01", "mtn": "05", "orange": "07"},
    "CM": {"mtn": "650-654 670-683", "orange": "640-642 655-659 686-699"},
    "GA": {"moov": "65"},
    "GN": {"mtn": "66", "orange": "61-62"},
    "ML": {"moov": "60-69 89 95-99", "orange": "70-79 82-85 90-94"},
    "SN": {"orange": "71 77-78"},
    "TD": {"moov": "90-99"},
    "TG": {"tmoney": "70-73 90-93", "moov": "78-79 96-99"},
}


def _expand(ranges: dict[Network, str]) -> dict[str, Network]:
    """Turn {"mtn": "05-06"} into {"05": "mtn", "06": "mtn"}."""
    prefixes: dict[str, Network] = {}
    for network, text in ranges.items():
        for item in text.split():
            first, _, last = item.partition("-")
            for number in range(int(first), int(last or first) + 1):
                prefixes[str(number).zfill(len(first))] = network
    return prefixes


_NETWORKS: Final = {country: _expand(ranges) for country, ranges in _RANGES.items()}

# What people put between digits: blanks (no-break ones come with copy and paste), dots, dashes,
# brackets. Anything else, a slash or comma between two numbers for instance, is refused.
_SEPARATORS: Final = re.compile(r"[ \u00a0\u202f.()\-]")
_DIGITS: Final = re.compile(r"(\+|00)?([0-9]{4,17})", re.ASCII)
_LONGEST_TEXT: Final = 40

# Numbers of MTN's official sandbox table. They are well-formed Swedish mobile numbers, so that only
# an explicit rule keeps them out of live mode.
_MTN_SANDBOX: Final = re.compile(r"467331234[0-9]{2}", re.ASCII)

_WITH_WALLET_TYPES: Final = (
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
)


def parse_msisdn(text: str, country: str | None = None, *, sandbox: bool = False) -> Msisdn:
    """Read one mobile number, however it is spaced, into its only spelling.

    `country` (ISO 3166-1 alpha-2) is where a number without country code belongs. Without it the
    number must be international ("+237...", "00237...", or "237..." for the countries we serve);
    a number with a country code keeps its own country whatever `country` says.

    The 8-digit numbers that Benin used until November 2024 come back with their "01". Numbers of
    MTN's sandbox (467331234xx) pass only with `sandbox=True`. Raises InvalidMsisdn.
    """
    marked = _DIGITS.fullmatch(_SEPARATORS.sub("", text)) if len(text) <= _LONGEST_TEXT else None
    if marked is None:
        raise InvalidMsisdn("A phone number is one number made of digits, like +237 6 70 00 00 00.")
    international, digits = marked[1] is not None, marked[2]
    if _MTN_SANDBOX.fullmatch(digits):
        if not sandbox:
            raise InvalidMsisdn("This phone number works in MTN's sandbox only, not in live mode.")
        return Msisdn(f"+{digits}", "SE", digits.removeprefix("46"))
    if international:
        return _checked(f"+{digits}", None)
    if country is not None:
        return _checked(digits, country.upper())
    msisdn = _checked(f"+{digits}", None)
    if msisdn.country not in _RANGES:  # a national number that happens to look like a foreign one
        raise InvalidMsisdn("This phone number lacks its country code, like +237 for Cameroon.")
    return msisdn


def network_of(msisdn: Msisdn) -> Network | None:
    """Guess the network from the prefix; None when no wallet of ours is known there.

    A hint only: numbers are portable in Cameroon, Benin and elsewhere, so that a network named by
    the caller, or a past success on this number, is worth more. MTN's sandbox numbers are MTN's.
    """
    if _MTN_SANDBOX.fullmatch(msisdn.e164[1:]):
        return "mtn"
    prefixes = _NETWORKS.get(msisdn.country, {})
    for length in (2, 3, 4):  # no prefix of a country begins another one, so any order would do
        network = prefixes.get(msisdn.national[:length])
        if network is not None:
            return network
    return None


def _checked(digits: str, country: str | None) -> Msisdn:
    """Ask the numbering plan; `digits` are "+237..." or, within `country`, national ones."""
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException as error:
        raise InvalidMsisdn(f"{digits} is not a phone number of any country we know.") from error
    national = phonenumbers.national_significant_number(number)
    if number.country_code == 229 and len(national) == 8:
        number = phonenumbers.parse(f"+22901{national}")
        national = f"01{national}"
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number(number):
        raise InvalidMsisdn(f"{digits} is not a valid phone number in its country.")
    if phonenumbers.number_type(number) not in _WITH_WALLET_TYPES:
        raise InvalidMsisdn(f"{digits} is not a mobile number, and only those have a wallet.")
    return Msisdn(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), region, national
    )
