"""A receipt as a PDF: one A6 page, in French and English, with a QR code that leads back to us.

The page is laid out by `receipt.typ` and made by typst, as PDF/A-2a (for archives) and PDF/UA-1
(for screen readers). The same `Receipt` gives the same bytes on every machine, so that a receipt
can be named by its digest, and made again if it is lost. That holds under one version of typst
(`RENDERER`) and one template: store RENDERER beside the receipt.
"""

import io
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import cast

import segno
import typst

from processor.receipts.formats import Locale, format_amount, format_moment
from processor.receipts.printable import printable

RENDERER = f"typst {version('typst')}"

_LONGEST_URL = 300  # characters; with more, phones fail to read the QR code from paper


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says. Texts may hold anything: see `printable` for what becomes of them."""

    number: str
    merchant_name: str
    amount: int  # minor units
    currency: str  # ISO 4217, any case
    paid_at: datetime  # aware; printed in UTC
    method: str  # "MTN MoMo •••• 0000", "Visa •••• 4242"
    charge_id: str
    provider_reference: str | None
    description: str | None
    url: str  # where the receipt can be verified: at most 300 printable ASCII characters
    livemode: bool  # False: the page says that no money has moved
    locale: Locale  # the language that comes first


def render_receipt(receipt: Receipt) -> bytes:
    """Make the PDF. Takes 10 to 20 ms of CPU time: call it in a thread or a job. Thread-safe.

    Raises ValueError if `paid_at` is naive, or if `url` is too long or not printable ASCII.
    """
    if receipt.paid_at.tzinfo is None:
        raise ValueError("paid_at must be an aware datetime")
    if not (receipt.url.isascii() and receipt.url.isprintable() and " " not in receipt.url):
        raise ValueError("the URL of a receipt must be printable ASCII without spaces")
    if not 0 < len(receipt.url) <= _LONGEST_URL:
        raise ValueError(f"the URL of a receipt must have 1 to {_LONGEST_URL} characters")
    pdf = _compiler().compile(
        input=_template(),
        format="pdf",
        pdf_standards=["a-2a", "ua-1"],
        timestamp=receipt.paid_at.astimezone(UTC),
        sys_inputs={"receipt": json.dumps(_fields(receipt))},
    )
    return cast(bytes, pdf)  # a list of pages only for images


def _fields(receipt: Receipt) -> dict[str, object]:
    """What the template prints; the limits keep the page readable whatever is asked of it."""
    paid_at = receipt.paid_at.astimezone(UTC)
    return {
        "number": printable(receipt.number, 40),
        "merchant": printable(receipt.merchant_name, 60),
        "amount": format_amount(receipt.amount, printable(receipt.currency, 3), receipt.locale),
        "paid_at": format_moment(paid_at, receipt.locale),
        "document_date": {
            name: getattr(paid_at, name)
            for name in ("year", "month", "day", "hour", "minute", "second")
        },
        "method": printable(receipt.method, 60),
        "charge_id": printable(receipt.charge_id, 64),
        "provider_reference": _optional(receipt.provider_reference, 64),
        "description": _optional(receipt.description, 140),
        "url": receipt.url,
        "qr": _qr_code(receipt.url),
        "livemode": receipt.livemode,
        "locale": receipt.locale,
    }


def _optional(text: str | None, limit: int) -> str | None:
    return printable(text, limit) if text and text.strip() else None


# Readers take any of the eight masks. To seek the one with the best contrast for each receipt takes
# half of the QR code's time; for addresses like ours it is most often this one.
_MASK = 2


def _qr_code(url: str) -> str:
    svg = io.BytesIO()
    segno.make_qr(url, error="m", mask=_MASK).save(svg, kind="svg", border=0, dark="#17211d")
    return svg.getvalue().decode()


_of_this_thread = threading.local()


def _compiler() -> typst.Compiler:
    """One for each thread: two threads may not meet in it. A new one for each call would leave
    50 KB behind every time, which typst's cache keeps until the process ends."""
    if not hasattr(_of_this_thread, "compiler"):
        _of_this_thread.compiler = typst.Compiler(font_paths=_fonts())
    compiler: typst.Compiler = _of_this_thread.compiler
    return compiler


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)  # what a machine has must not change a receipt


@cache
def _template() -> bytes:
    return files("processor.receipts").joinpath("receipt.typ").read_bytes()
