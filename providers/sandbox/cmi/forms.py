"""Forms that reach the CMI sandbox by a browser: a shop's, checked, and what a payer types."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from providers.cmi_hash import is_signed
from providers.money import from_decimal_string

from .orders import NUMBERS
from .tables import SHOPS, Card

_FIXED: Final = {"storetype": "3D_PAY_HOSTING", "TranType": "PreAuth", "hashAlgorithm": "ver3"}
_LONGEST_OID: Final = 64
_MOST_FIELDS: Final = 200


def read_form(body: bytes) -> dict[str, str] | None:
    """The fields of a form; None if it is not UTF-8 or a field comes twice."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else None


def problem_of(fields: Mapping[str, str]) -> str:
    """What is wrong with a shop's form; empty if nothing is."""
    return next(_problems(fields), "")


def _problems(fields: Mapping[str, str]) -> Iterator[str]:
    shop = SHOPS.get(fields.get("clientid", ""))
    if shop is None:
        yield "clientid: unknown"
        return
    if not is_signed(fields, shop.store_key):
        yield "HASH: not the hash of these fields under the store key (ver3)"
    for name, value in _FIXED.items():
        if fields.get(name) != value:
            yield f"{name}: not {value}"
    currency = NUMBERS.get(fields.get("currency", ""), "")
    if currency not in shop.currencies:
        yield "currency: not of the contract"
    elif not _is_positive(fields.get("amount", ""), currency):
        yield "amount: not a positive decimal number"
    if not 1 <= len(fields.get("oid", "")) <= _LONGEST_OID:
        yield f"oid: of 1 to {_LONGEST_OID} characters"
    for name in ("okUrl", "failUrl"):
        if not _is_address(fields.get(name, "")):
            yield f"{name}: not an http(s) address"
    callback = callback_url(fields)
    if callback and not _is_address(callback):
        yield "callbackUrl: not an http(s) address"


def callback_url(fields: Mapping[str, str]) -> str:
    """The kits spell its name callbackUrl, callbackURL and CallbackURL."""
    return next((value for name, value in fields.items() if name.lower() == "callbackurl"), "")


def _is_positive(amount: str, currency: str) -> bool:
    try:
        return from_decimal_string(amount, currency) > 0
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def card_error(card: Card | None, typed: Mapping[str, str]) -> str:
    """What the payer has to type again, as a word of the pages; empty if nothing."""
    if card is None:
        return "unknown_card"
    expiry = re.fullmatch(r"(0[1-9]|1[0-2])/([0-9]{2})", typed.get("expiry", "").strip())
    now = datetime.now(UTC)
    if expiry is None or (2000 + int(expiry[2]), int(expiry[1])) < (now.year, now.month):
        return "bad_expiry"
    return "" if re.fullmatch("[0-9]{3}", typed.get("cvv", "")) else "bad_cvv"
