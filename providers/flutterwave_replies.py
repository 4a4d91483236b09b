"""What Flutterwave's API v4 says about money: charges, refunds, refusals, networks.

An answer is `{"status": "success", "data": ...}`, a refusal `{"status": "failed", "error": {"type",
"code", "message", "validation_errors"}}`. The letters of status words are not always of the same
case. Little of a reply is kept: charges show the payer's name, address and number, and links that
open pages.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import httpx
import msgspec

from .boundary import Answer, Charge, DeclineCode, Refund, Verdict
from .flutterwave_calls import LISTED
from .json_replies import decode
from .money import from_decimal_string

_Shape = TypeVar("_Shape")

# By `processor_response.code`, two digits.
_PROCESSOR_CODES: Final = {
    "05": DeclineCode.DO_NOT_HONOR,
    "51": DeclineCode.INSUFFICIENT_FUNDS,
    "54": DeclineCode.EXPIRED_CARD,
    "55": DeclineCode.AUTHENTICATION_FAILED,  # a wrong PIN
    "91": DeclineCode.PROCESSING_ERROR,  # the network behind it cannot be reached
}
_CHARGE_ENDS: Final = {
    "succeeded": Verdict.SUCCEEDED,
    "successful": Verdict.SUCCEEDED,  # the word of transfers, and of one page about charges
    "failed": Verdict.DECLINED,
    "voided": Verdict.DECLINED,
}
_REFUND_ENDS: Final = {
    "succeeded": Verdict.SUCCEEDED,
    "completed": Verdict.SUCCEEDED,
    "failed": Verdict.DECLINED,
    "cancelled": Verdict.DECLINED,
}
_REFUSALS: Final = frozenset({400, 401, 403, 404})
_KEPT: Final = (
    "id", "status", "amount", "amount_refunded", "currency", "reference", "charge_id",
    "processor_response",
)  # fmt: skip
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")  # as it may stand in a path


class _Error(msgspec.Struct):
    type: str
    code: str | int
    message: str = ""
    validation_errors: list[dict[str, Any]] | None = None


class _Reply(msgspec.Struct):
    status: str
    data: Any = None
    error: _Error | None = None


class _Processor(msgspec.Struct):
    code: str = ""


class _Charge(msgspec.Struct):
    id: str
    amount: Decimal
    currency: str
    status: str
    reference: str
    next_action: dict[str, Any] | None = None
    processor_response: _Processor | None = None

    def is_of(self, charge: Charge) -> bool:
        """Whether it speaks of this attempt and the same money."""
        return (
            self.reference == charge.reference
            and self.currency.lower() == charge.currency
            and _minor(self.amount, charge.currency) == charge.amount
        )


class _Refund(msgspec.Struct):
    id: str
    amount_refunded: Decimal
    status: str
    meta: dict[str, Any] | None = None


class _Network(msgspec.Struct):
    network: str
    name: str = ""


# --- Charges --------------------------------------------------------------------------------------


def is_taken(reply: httpx.Response) -> bool:
    """Whether a charge was refused because its reference had been used."""
    return reply.status_code == 409


def read_creation(reply: httpx.Response, charge: Charge) -> Answer:
    """The reply to a charge. Creation is answered with 201."""
    data = _data(reply) if reply.status_code in (200, 201) else None
    return _refused(reply) if data is None else _read_charge(reply, data, charge)


def read_look_up(reply: httpx.Response, charge: Charge) -> Answer:
    """What became of a charge that was asked for by Flutterwave's id."""
    data = _data(reply) if reply.status_code == 200 else None
    if data is None:
        return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=evidence(reply))
    return _read_charge(reply, data, charge)


def read_search(reply: httpx.Response, charge: Charge) -> Answer:
    """What became of a charge whose id is not known, among those listed by its reference.

    An empty list says "never seen" even if Flutterwave should not heed the reference: then there
    would be no charge at all. Others in the list, and not ours, say nothing.
    """
    listed = _data(reply) if reply.status_code == 200 else None
    if not isinstance(listed, list):
        return Answer(Verdict.UNKNOWN, evidence=evidence(reply))
    for found in listed:
        if isinstance(found, dict) and found.get("reference") == charge.reference:
            return _read_charge(reply, found, charge)
    kept = evidence(reply) | {"listed": len(listed)}
    return Answer(Verdict.UNKNOWN if listed else Verdict.NOT_SENT, evidence=kept)


def _read_charge(reply: httpx.Response, data: Any, charge: Charge) -> Answer:
    """The verdict on a charge of Flutterwave's, which must be this one.

    What its payer has to do first (a code, a PIN, a transfer) is between the two of them, but for a
    page to go to: nobody here has such secrets, and nothing is said of the money meanwhile.
    """
    found = _converted(data, _Charge)
    kept = evidence(reply, data)
    if found is None or not found.is_of(charge) or not _ID.fullmatch(found.id):
        return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=kept)
    verdict = _CHARGE_ENDS.get(found.status.lower(), Verdict.PENDING)
    if verdict is Verdict.DECLINED:
        code = found.processor_response.code if found.processor_response else ""
        decline = _PROCESSOR_CODES.get(code, DeclineCode.PROVIDER_ERROR)
        return Answer(verdict, found.id, decline, evidence=kept)
    page = _page(found.next_action) if verdict is Verdict.PENDING else None
    return Answer(verdict, found.id, redirect_url=page, evidence=kept)


def _page(action: Mapping[str, Any] | None) -> str | None:
    """The page that the payer has to go to, if that is what comes next."""
    if action is None or action.get("type") != "redirect_url":
        return None
    target = action.get("redirect_url")
    url = target.get("url") if isinstance(target, dict) else None
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None


# --- Refunds --------------------------------------------------------------------------------------


def read_refund(reply: httpx.Response, refund: Refund) -> Answer:
    """The reply to a refund.

    A conflict is UNKNOWN: it "typically" means that the charge has been refunded, which may be our
    own doing.
    """
    data = _data(reply) if reply.status_code in (200, 201) else None
    return _refused(reply) if data is None else _read_refund(reply, data, refund)


def read_look_up_refund(reply: httpx.Response, refund: Refund) -> Answer:
    """What became of a refund, asked for by its id or found in a list by our reference.

    That it is not in the list is no proof that there is none: see the head of the adapter.
    """
    data = _data(reply) if reply.status_code == 200 else None
    if isinstance(data, dict):
        return _read_refund(reply, data, refund)
    for found in data if isinstance(data, list) else []:
        if isinstance(found, dict) and _reference_in(found.get("meta")) == refund.reference:
            return _read_refund(reply, found, refund)
    return Answer(Verdict.UNKNOWN, refund.provider_reference, evidence=evidence(reply))


def is_full_page(reply: httpx.Response) -> bool:
    """Whether a page of a list may have another one behind it."""
    data = _data(reply)
    return isinstance(data, list) and len(data) >= LISTED


def _read_refund(reply: httpx.Response, data: Any, refund: Refund) -> Answer:
    found = _converted(data, _Refund)
    kept = evidence(reply, data)
    meant = (
        found is not None
        and _minor(found.amount_refunded, refund.charge.currency) == refund.amount
        and _reference_in(found.meta) in (None, refund.reference)
    )
    if found is None or not meant or not _ID.fullmatch(found.id):
        return Answer(Verdict.UNKNOWN, refund.provider_reference, evidence=kept)
    verdict = _REFUND_ENDS.get(found.status.lower(), Verdict.PENDING)
    code = DeclineCode.PROVIDER_ERROR if verdict is Verdict.DECLINED else None
    return Answer(verdict, found.id, code, evidence=kept)


def _reference_in(meta: Any) -> str | None:
    reference = meta.get("reference") if isinstance(meta, dict) else None
    return reference if isinstance(reference, str) else None


# --- What all share -------------------------------------------------------------------------------


def read_networks(reply: httpx.Response) -> dict[str, str] | None:
    """The networks of a country: what a charge calls each, and its commercial name."""
    data = _data(reply) if reply.status_code == 200 else None
    listed = _converted(data, list[_Network])
    return None if listed is None else {found.network: found.name for found in listed}


def evidence(reply: httpx.Response, subject: Any = None) -> dict[str, Any]:
    """What is worth keeping of a reply: a few named fields of `subject`, or the refusal."""
    kept: dict[str, Any] = {"http_status": reply.status_code}
    body = decode(reply.content, _Reply)
    if body is None:
        return kept | {"body": "not an answer of Flutterwave's"}
    if body.error is not None:
        kept["error"] = msgspec.to_builtins(body.error)
    if isinstance(subject, dict):
        kept |= {name: subject[name] for name in _KEPT if subject.get(name) is not None}
        action = subject.get("next_action")
        if isinstance(action, dict):
            kept["next_action"] = str(action.get("type"))
    return kept


def _data(reply: httpx.Response) -> Any:
    body = decode(reply.content, _Reply)
    return None if body is None or body.status.lower() != "success" else body.data


def _refused(reply: httpx.Response) -> Answer:
    """The verdict on a call that moves money, when it brought no charge or refund."""
    kept = evidence(reply)
    if reply.status_code == 429:
        return Answer(Verdict.NOT_SENT, evidence=kept)
    if reply.status_code in _REFUSALS and "error" in kept:
        # By Flutterwave itself, not by a proxy, and before anything was made.
        return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=kept)
    return Answer(Verdict.UNKNOWN, evidence=kept)


def _converted(data: Any, type: type[_Shape]) -> _Shape | None:
    try:
        return msgspec.convert(data, type)
    except msgspec.ValidationError:
        return None


def _minor(amount: Decimal, currency: str) -> int | None:
    """None for what is no amount of that currency."""
    try:
        return from_decimal_string(str(amount), currency)
    except ValueError:
        return None
