"""The PDF itself, read back with another library."""

import hashlib
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.receipts import RENDERER, Receipt, render_receipt
from processor.receipts.printable import CHARACTERS

RECEIPT = Receipt(
    number="RC-2026-000142",
    merchant_name="Boulangerie Étoile d’Akwa",
    amount=5000,
    currency="xaf",
    paid_at=datetime(2026, 11, 21, 8, 56, 12, tzinfo=UTC),
    method="MTN MoMo •••• 0000",
    charge_id="ch_3Qx7Yk2eZvKYlo2C1a2b3c4d",
    provider_reference="7f3e2a90-1c4d-4b7e-9a55-0d6f2b8c1e77",
    description="Commande nº 88",
    url="https://pay.example.cm/r/ch_3Qx7?k=Zk9sT2",
    livemode=True,
    locale="fr",
)


def read(receipt: Receipt) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(render_receipt(receipt)))


def page_text(receipt: Receipt) -> str:
    """The text of the only page, on one line, without the places where long words may break."""
    (page,) = read(receipt).pages
    return " ".join(page.extract_text().replace("\u200b", "").split())


@pytest.mark.parametrize(
    ("locale", "in_order"),
    [
        (
            "fr",
            [
                *("REÇU DE PAIEMENT", "Payment receipt", "Boulangerie Étoile d’Akwa"),
                *("5 000 FCFA", "Payé", "Paid", "21 novembre 2026 à 08:56 UTC"),
                *("Moyen de paiement", "Payment method", "MTN MoMo •••• 0000", "Commande nº 88"),
                *("Reçu nº", "Receipt no.", "RC-2026-000142", "ch_3Qx7Yk2eZvKYlo2C1a2b3c4d"),
                *("Réf. opérateur", "7f3e2a90-1c4d-4b7e-9a55-0d6f2b8c1e77"),
                *("Scannez", "Scan to verify", "https://pay.example.cm/r/ch_3Qx7?k=Zk9sT2"),
            ],
        ),
        (
            "en",
            [
                *("PAYMENT RECEIPT", "Reçu de paiement", "Boulangerie Étoile d’Akwa"),
                *("FCFA 5,000", "Paid", "Payé", "21 November 2026 at 08:56 UTC"),
                *("Payment method", "Moyen de paiement", "MTN MoMo •••• 0000", "Commande nº 88"),
                *("Receipt no.", "Reçu nº", "RC-2026-000142", "ch_3Qx7Yk2eZvKYlo2C1a2b3c4d"),
                *("Provider ref.", "7f3e2a90-1c4d-4b7e-9a55-0d6f2b8c1e77"),
                *("Scan to verify", "Scannez", "https://pay.example.cm/r/ch_3Qx7?k=Zk9sT2"),
            ],
        ),
    ],
)
def test_says_it_in_both_languages(locale: str, in_order: list[str]) -> None:
    text = page_text(replace(RECEIPT, locale=locale))
    for words in in_order:
        before, found, text = text.partition(words)
        assert found, f"{words!r} is missing after {before!r}"


@pytest.mark.parametrize(
    ("currency", "written"),
    [
        ("xaf", "1 234 567 FCFA"),
        ("xof", "1 234 567 FCFA"),
        ("mad", "12 345,67 MAD"),
        ("eur", "12 345,67 €"),
        ("usd", "12 345,67 $US"),
        ("tnd", "1 234,567 TND"),
    ],
)
def test_says_the_amount(currency: str, written: str) -> None:
    assert written in page_text(replace(RECEIPT, amount=1_234_567, currency=currency))


def test_only_test_mode_says_that_no_money_moved() -> None:
    live, test = page_text(RECEIPT), page_text(replace(RECEIPT, livemode=False))
    for words in ("TEST", "Mode test", "no money has moved"):
        assert words in test
        assert words not in live


@pytest.mark.parametrize("blank", [None, "", "  \n"])
def test_leaves_out_what_is_not_known(blank: str | None) -> None:
    text = page_text(replace(RECEIPT, provider_reference=blank, description=blank))
    assert "Objet" not in text
    assert "Réf. opérateur" not in text


def test_is_one_a6_page_with_a_link_and_dates() -> None:
    pdf = read(RECEIPT)
    (page,) = pdf.pages
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [105, 148]
    links = [note.get_object()["/A"]["/URI"] for note in page["/Annots"]]
    assert links == [RECEIPT.url]
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Reçu de paiement RC-2026-000142"
    assert pdf.metadata.creation_date == RECEIPT.paid_at
    assert pdf.trailer["/Root"]["/Lang"] == "fr"


def test_claims_to_be_archivable_and_accessible() -> None:
    claims = read(RECEIPT).trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in claims
    assert "<pdfuaid:part>1</pdfuaid:part>" in claims


def test_carries_its_fonts() -> None:
    (page,) = read(RECEIPT).pages
    for font in page["/Resources"]["/Font"].values():
        (descendant,) = font.get_object()["/DescendantFonts"]
        descriptor = descendant.get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & descriptor.keys()


MARKUP = [
    '#panic("run")',
    "*bold* _it_ `raw` $x^2$ = heading",
    "@label <label> \\ // comment /* ... */",
    '"quoted", }) #sys.inputs',
    "https://evil.example/pay",
    '#image("/etc/passwd")',
]


@pytest.mark.parametrize("markup", MARKUP)
def test_markup_is_only_text(markup: str) -> None:
    text = page_text(replace(RECEIPT, merchant_name=markup, description=markup))
    assert text.count(markup) == 2


def test_a_url_in_a_text_is_not_a_link() -> None:
    (page,) = read(replace(RECEIPT, merchant_name="https://evil.example/pay")).pages
    assert len(page["/Annots"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "W" * 100_000,
        "mot " * 25_000,
        "نجمة" * 25_000,
        "line\nline\r\n\n\n\n",
        "👩‍👩‍👧‍👦" * 1000,
        "z\u0335\u0336\u0337" * 1000,
        "\u202e\u2066\x00\x1b\ud800\ufffe\U0010ffff",
        "北京 አዲስ ⵣ",
    ],
)
def test_any_text_fits_on_one_page(text: str) -> None:
    receipt = replace(
        RECEIPT,
        merchant_name=text,
        description=text,
        method=text,
        number=text,
        charge_id=text,
        provider_reference=text,
        currency=text,
        amount=10**18,
        livemode=False,
        url="https://pay.example.cm/r/" + "k9Zq" * 68,
    )
    (page,) = read(receipt).pages
    assert "novembre" in page.extract_text()


def test_texts_that_are_not_measured_have_room() -> None:
    """The longest that `receipt.typ` lays out as they are, of the widest letters there are."""
    receipt = replace(
        RECEIPT,
        merchant_name="W" * 40,
        description="W" * 50,
        method="W" * 40,
        number="W" * 40,
        charge_id="W" * 64,
        provider_reference="W" * 64,
        currency="WWW",
        amount=10**18,
        livemode=False,
        url="https://pay.example.cm/r/".ljust(160, "W"),
    )
    assert len(read(receipt).pages) == 1


def test_a_long_text_is_cut() -> None:
    text = page_text(replace(RECEIPT, description="mot " * 25_000))
    assert 20 < text.count("mot") < 40
    assert "…" in text


def test_every_character_that_we_let_through_can_be_shown() -> None:
    # PDF/A makes typst refuse a character without a glyph, so that rendering is the check.
    shown = sorted(CHARACTERS)
    for start in range(0, len(shown), 50):
        some = "x" + " x".join(shown[start : start + 50])
        receipt = replace(RECEIPT, merchant_name=some, number=some[50:])
        assert len(read(replace(receipt, description=some, charge_id=some)).pages) == 1


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=sorted(CHARACTERS), max_size=60))
def test_any_mixture_of_them_too(text: str) -> None:
    receipt = replace(RECEIPT, merchant_name=text, description=text, provider_reference=text)
    assert len(read(receipt).pages) == 1


def test_the_same_receipt_is_the_same_bytes_in_every_thread() -> None:
    with ThreadPoolExecutor(4) as threads:
        documents = set(threads.map(lambda _: render_receipt(RECEIPT), range(12)))
    assert len(documents) == 1


def test_the_same_receipt_is_the_same_bytes_in_every_process() -> None:
    program = (
        "import datetime, hashlib;"
        "from processor.receipts import Receipt, render_receipt;"
        f"print(hashlib.sha256(render_receipt({RECEIPT!r})).hexdigest())"
    )
    for zone, seed in (("UTC", "1"), ("Africa/Douala", "2")):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONHASHSEED": seed,
            "TZ": zone,
        }
        printed = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert printed.strip() == hashlib.sha256(render_receipt(RECEIPT)).hexdigest()


def test_the_same_moment_in_another_zone_is_the_same_receipt() -> None:
    elsewhere = RECEIPT.paid_at.astimezone(timezone(timedelta(hours=1)))
    assert render_receipt(replace(RECEIPT, paid_at=elsewhere)) == render_receipt(RECEIPT)


def test_another_receipt_is_other_bytes() -> None:
    assert render_receipt(replace(RECEIPT, amount=5001)) != render_receipt(RECEIPT)


def test_names_its_renderer() -> None:
    metadata = read(RECEIPT).metadata
    assert metadata is not None
    assert metadata.creator == RENDERER.title()


@pytest.mark.parametrize(
    "wrong",
    [
        {"paid_at": datetime(2026, 11, 21, 8, 56)},  # noqa: DTZ001 - naive is what is refused
        {"url": ""},
        {"url": "https://pay.example.cm/" + "x" * 300},
        {"url": "https://pay.example.cm/é"},
        {"url": "https://pay.example.cm/a b"},
        {"url": "https://pay.example.cm/a\nb"},
    ],
)
def test_refuses_what_it_cannot_print(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        render_receipt(replace(RECEIPT, **wrong))
