"""Phone numbers: every accepted spelling, every refused shape, and each row of the prefix table."""

import pytest

from providers.phone import InvalidMsisdn, Msisdn, network_of, parse_msisdn

MTN_CAMEROON = Msisdn("+237670000000", "CM", "670000000")


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+237670000000", None),
        ("+237670000000", "CM"),
        ("+237670000000", "TG"),  # its own country code is stronger than the hint
        ("237670000000", None),
        ("237670000000", "CM"),
        ("00237670000000", None),
        ("00237670000000", "CM"),
        ("670000000", "CM"),
        ("670000000", "cm"),
        ("6 70 00 00 00", "CM"),
        ("+237 6 70 00 00 00", None),
        ("+237 6 70-00.00-00", None),
        ("(+237) 670 000 000", None),
        ("+237\u00a0670\u202f000\u202f000", None),
        ("  +237670000000 ", None),
    ],
)
def test_every_spelling_of_a_number_is_the_same_number(text: str, country: str | None) -> None:
    assert parse_msisdn(text, country) == MTN_CAMEROON


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("", None),
        ("", "CM"),
        ("   ", "CM"),
        ("+", None),
        ("abc", "CM"),
        ("67000000O", "CM"),  # the letter O
        ("1-800-FLOWERS", "US"),  # phonenumbers alone would read the letters
        ("6700000", "CM"),
        ("67000000", "CM"),
        ("6700000000", "CM"),
        ("+23767000000", None),
        ("+2376700000000", None),
        ("+23700000000000000000", None),
        ("+237" + " " * 60 + "670000000", None),
        ("670000000", None),  # which country?
        ("0707070707", None),
        ("+237670000000 ext. 5", None),
        ("+237670000000x5", None),
        ("+237670000000;ext=5", None),
        ("tel:+237670000000", None),
        ("+237670000000/+237690000000", None),
        ("670000000, 690000000", "CM"),
        ("670000000 690000000", "CM"),
        ("+237+670000000", None),
        ("++237670000000", None),
        ("\uff0b237670000000", None),  # full-width plus
        ("\uff16\uff17\uff10\uff10\uff10\uff10\uff10\uff10\uff10", "CM"),  # full-width digits
        ("\u0666\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660", "CM"),  # Arabic-Indic digits
        ("670000000\n", "CM"),
        ("670000000\x00", "CM"),
        ("+237222000000", None),  # a land line of Yaoundé
        ("+22874000000", None),  # not assigned in Togo
        ("+999123456789", None),
        ("670000000", "XX"),
        ("46733123450", None),
        ("+46733123450", None),
        ("+46 733 123 450", "SE"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(text: str, country: str | None) -> None:
    with pytest.raises(InvalidMsisdn, match=r"^[^.]*[^.\n]+\.$"):
        parse_msisdn(text, country)


@pytest.mark.parametrize(
    "text", ["46733123450", "+46733123450", "+46 733 123 450", "0046733123450"]
)
def test_sandbox_numbers_of_mtn_pass_in_test_mode_only(text: str) -> None:
    msisdn = parse_msisdn(text, "CM", sandbox=True)
    assert msisdn == Msisdn("+46733123450", "SE", "733123450")
    assert network_of(msisdn) == "mtn"


def test_test_mode_accepts_no_other_wrong_number() -> None:
    with pytest.raises(InvalidMsisdn):
        parse_msisdn("+4673312345", sandbox=True)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("97000000", "BJ"),
        ("0197000000", "BJ"),
        ("+22997000000", None),
        ("22997000000", None),
        ("+2290197000000", None),
        ("2290197000000", "BJ"),
    ],
)
def test_both_spellings_of_benin_are_the_ten_digit_one(text: str, country: str | None) -> None:
    assert parse_msisdn(text, country) == Msisdn("+2290197000000", "BJ", "0197000000")


def test_a_wrong_number_of_benin_stays_wrong() -> None:
    with pytest.raises(InvalidMsisdn):
        parse_msisdn("+22912345678")


NETWORKS = [
    # country, network, prefixes at the edges of each range (and inside where ranges are lists)
    ("CM", "mtn", "650 652 654 670 676 679 680 683"),
    ("CM", "orange", "640 642 655 659 686 689 690 693 699"),
    ("CM", None, "620 629 660 669 684 685"),  # Camtel and Nexttel have no wallet with us
    ("TG", "tmoney", "70 73 90 93"),
    ("TG", "moov", "78 79 96 99"),
    ("CI", "moov", "01"),
    ("CI", "mtn", "05"),
    ("CI", "orange", "07"),
    ("SN", "orange", "71 77 78"),
    ("SN", None, "70 75 76"),
    ("BJ", "mtn", "0142 0146 0150 0151 0152 0153 0154 0156 0157 0159 0161 0162 0166 0167 0169"),
    ("BJ", "mtn", "0190 0191 0196 0197"),
    ("BJ", "moov", "0145 0155 0158 0160 0163 0164 0165 0168 0194 0195 0198 0199"),
    ("BJ", None, "0128 0140 0141 0143 0144 0147 0149 0192 0193"),  # Celtiis
    ("GA", "moov", "65"),
    ("GA", None, "60 62 66 74 76 77"),  # Libertis and Airtel
    ("CG", "mtn", "06"),
    ("CG", None, "04 05"),  # Airtel
    ("BF", "moov", "01 03 50 53 60 63 70 73"),
    ("BF", "orange", "04 07 44 46 54 57 64 67 74 77"),
    ("BF", None, "58 68 69 78 79"),  # Telecel
    ("ML", "moov", "60 69 89 95 99"),
    ("ML", "orange", "70 79 82 85 90 94"),
    ("ML", None, "50 53"),
    ("GN", "orange", "610 620 629"),
    ("GN", "mtn", "660 669"),
    ("GN", None, "650"),
    ("TD", "moov", "90 99"),
    ("TD", None, "60 66"),  # Airtel
    ("CF", "orange", "72 74"),
    ("CF", None, "70 75"),
]
NATIONAL_DIGITS = {"CM": 9, "TG": 8, "CI": 10, "SN": 9, "BJ": 10, "GA": 8, "CG": 9, "BF": 8}
NATIONAL_DIGITS |= {"ML": 8, "GN": 9, "TD": 8, "CF": 8}


@pytest.mark.parametrize(("country", "network", "prefixes"), NETWORKS)
def test_networks_by_prefix(country: str, network: str | None, prefixes: str) -> None:
    for prefix in prefixes.split():
        national = prefix.ljust(NATIONAL_DIGITS[country], "1")
        msisdn = parse_msisdn(national, country)
        assert (msisdn.country, msisdn.national) == (country, national)
        assert network_of(msisdn) == network, f"{country} {prefix}"


def test_a_country_without_wallets_of_ours_has_no_network() -> None:
    assert network_of(parse_msisdn("+33612345678")) is None
