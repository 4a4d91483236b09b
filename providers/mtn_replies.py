"""What MTN MoMo says about money: the reply to a call that moves it, and its status afterwards.

The same for a request to pay, a transfer and a refund; only what a reason of FAILED means depends
on who pays. Protocol: momodeveloper.mtn.com, and what the live service was seen to answer.
"""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import httpx
import msgspec

from .boundary import Answer, DeclineCode, Verdict
from .money import from_decimal_string, to_decimal_string

_Shape = TypeVar("_Shape")
_NOTE_LENGTH: Final = 160

# Errors with HTTP status 500 that say the request was refused before anything was created.
_REFUSALS: Final = {
    "INVALID_CALLBACK_URL_HOST",
    "INVALID_CURRENCY",
    "NOT_ALLOWED",
    "NOT_ALLOWED_TARGET_ENVIRONMENT",
}


def money(amount: int, currency: str, external_id: str, description: str) -> dict[str, Any]:
    """The fields that every body with money has. `amount` is in minor units."""
    note = plain(description)
    return {
        "amount": to_decimal_string(amount, currency),
        "currency": currency.upper(),
        "externalId": external_id,
        "payerMessage": note,
        "payeeNote": note,
    }


def party(msisdn: str) -> dict[str, str]:
    """The owner of a wallet; `msisdn` is E.164."""
    return {"partyIdType": "MSISDN", "partyId": msisdn.removeprefix("+")}


def plain(text: str) -> str:
    """Keep unaccented letters, digits and spaces: an apostrophe alone has cost a 400 (measured)."""
    decomposed = unicodedata.normalize("NFKD", text)
    unaccented = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return re.sub(r"[^A-Za-z0-9]+", " ", unaccented).strip()[:_NOTE_LENGTH].rstrip()


def read_creation(reply: httpx.Response) -> Answer:
    """202 is the only acceptance; 409 means that an earlier request with this reference stands.

    403 is the gateway's: disbursements want our address on MTN's list, and the product granted.
    """
    kept = evidence(reply)
    match reply.status_code:
        case 202 | 409:
            return Answer(Verdict.PENDING, evidence=kept)
        case 400 | 401 | 403:
            return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=kept)
        case 429:
            return Answer(Verdict.NOT_SENT, evidence=kept)
        case 500 if error_code(reply) in _REFUSALS:
            return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=kept)
    return Answer(Verdict.UNKNOWN, evidence=kept)


class Reason(msgspec.Struct):
    """A reason of FAILED, as the published schema has it."""

    code: str = ""


def decline_code(reason: str | Reason | None, reasons: Mapping[str, DeclineCode]) -> DeclineCode:
    """What the reason of FAILED means to us."""
    word = reason.code if isinstance(reason, Reason) else reason or ""
    if word.startswith("INVALID_"):
        return DeclineCode.CONFIGURATION
    return reasons.get(word, DeclineCode.PROVIDER_ERROR)


class Status(msgspec.Struct, rename="camel"):
    """A movement of money, as the status call and the callback show it."""

    status: str
    amount: Decimal  # normalised by MTN: "12.50" comes back as "12.5"
    currency: str
    financial_transaction_id: str | int | None = None  # missing while PENDING
    # A bare string on the wire since January 2024, an object in the published schema.
    reason: str | Reason | None = None

    def is_about(self, amount: int, currency: str) -> bool:
        """Whether it speaks of the same money; amounts are compared as numbers, not as text."""
        return minor_units(self.amount, currency) == amount and self.currency.lower() == currency


def read_status(
    reply: httpx.Response, amount: int, currency: str, reasons: Mapping[str, DeclineCode]
) -> Answer:
    """Only SUCCESSFUL and FAILED are final; CREATED, PENDING and words of tomorrow are PENDING.

    A 404 is believed when MTN itself says RESOURCE_NOT_FOUND. A gateway's or proxy's 404 proves
    nothing, and sending again on the strength of it would move the money twice.
    """
    kept = evidence(reply)
    if reply.status_code == 404 and error_code(reply) == "RESOURCE_NOT_FOUND":
        return Answer(Verdict.NOT_SENT, evidence=kept)
    body = decode(reply.content, Status) if reply.status_code == 200 else None
    if body is None or not body.is_about(amount, currency):
        return Answer(Verdict.UNKNOWN, evidence=kept)
    reference = str(body.financial_transaction_id) if body.financial_transaction_id else None
    match body.status:
        case "SUCCESSFUL":
            return Answer(Verdict.SUCCEEDED, reference, evidence=kept)
        case "FAILED":
            code = decline_code(body.reason, reasons)
            return Answer(Verdict.DECLINED, reference, code, evidence=kept)
    return Answer(Verdict.PENDING, reference, evidence=kept)


def decode(content: bytes, type: type[_Shape], *, strict: bool = True) -> _Shape | None:
    """Read JSON of that shape; None when it is anything else."""
    try:
        return msgspec.json.decode(content, type=type, strict=strict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def minor_units(amount: Decimal, currency: str) -> int | None:
    """None for what is no amount of that currency: NaN, "12.5" XAF."""
    try:
        return from_decimal_string(str(amount), currency)
    except ValueError:
        return None


class _ErrorBody(msgspec.Struct):
    code: str = ""


def error_code(reply: httpx.Response) -> str:
    """MTN's own code of an error; empty for a success and for a gateway's error."""
    body = decode(reply.content, _ErrorBody)
    return "" if body is None else body.code


_LONGEST_EVIDENCE: Final = 4000  # bytes; what MTN says fits, a proxy's error page need not


def evidence(reply: httpx.Response) -> dict[str, Any]:
    """The reply to a business call; such bodies hold no secret, unlike those of the token call."""
    short = len(reply.content) <= _LONGEST_EVIDENCE
    body = decode(reply.content, dict[str, Any]) if short else None
    return {
        "http_status": reply.status_code,
        "body": reply.text[:_LONGEST_EVIDENCE] if body is None else body,
    }
