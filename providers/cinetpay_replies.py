"""What CinetPay's codes say about money: to the creation of a payment, and to payment/check.

One table of codes serves both calls; what HTTP status comes with them is not documented, so the
body alone is read, unless a server broke (5xx) or throttles (429).
"""

from typing import Any, Final, TypeVar

import httpx
import msgspec

from .boundary import Answer, DeclineCode, Verdict
from .json_replies import decode, evidence
from .money import from_decimal_string

_Shape = TypeVar("_Shape")

PAID: Final = "00"
CREATED: Final = "201"
TAKEN: Final = "620"  # "double payment": the transaction_id was used before

_WAITING: Final = frozenset({CREATED, "623", "662", "663"})
_WRONG_CREDENTIALS: Final = frozenset({"609", "613"})  # key not found, site not valid

# What is wrong with a request: settings, fields, key, method, amount, currency, site, date,
# language, action, configuration, version, signature.
_CONFIGURATION: Final = frozenset({"606", "608", *map(str, range(609, 620))})

_DECLINES: Final = {
    "600": DeclineCode.PROVIDER_ERROR,  # failed, for no reason that is told
    "602": DeclineCode.INSUFFICIENT_FUNDS,
    "604": DeclineCode.AUTHENTICATION_FAILED,  # wrong one-time code
    "625": DeclineCode.EXPIRED,
    "626": DeclineCode.PROVIDER_ERROR,  # Flooz unavailable
    "627": DeclineCode.PAYER_DECLINED,  # cancelled
    "635": DeclineCode.PAYER_NOT_FOUND,  # no such number
    "636": DeclineCode.PAYER_NOT_FOUND,  # number not supported
    "637": DeclineCode.PAYER_NOT_FOUND,  # prefix not supported
    "641": DeclineCode.LIMIT_EXCEEDED,  # amount too low
    "642": DeclineCode.LIMIT_EXCEEDED,  # amount too high
    "804": DeclineCode.PROVIDER_ERROR,  # operator unavailable
    **{str(code): DeclineCode.LIMIT_EXCEEDED for code in range(807, 813)},  # day, week, month
}
# Of a payment, 606 is Orange Money's word for a wrong code, too little money or a repeat at once.
_PAYMENT_DECLINES: Final = _DECLINES | {"606": DeclineCode.GENERIC_DECLINE}

# The answer to a creation holds the page's address and the token that opens it.
_HIDDEN: Final = ("data",)


class _Reply(msgspec.Struct):
    code: str | int
    data: Any = None


class _Page(msgspec.Struct):
    payment_token: str
    payment_url: str


class _Payment(msgspec.Struct):
    amount: str | int
    currency: str
    status: str


def is_taken(reply: httpx.Response) -> bool:
    """Whether a creation was refused because its transaction_id had been used."""
    return _code(reply) == TAKEN


def read_creation(reply: httpx.Response) -> Answer:
    """The reply to a creation. A refusal that is said aloud made no page."""
    code = _code(reply)
    kept = evidence(reply, hidden=_HIDDEN, reason=None if code == CREATED else code)
    if reply.status_code == 429 or code == TAKEN:
        return Answer(Verdict.NOT_SENT, evidence=kept)
    if code == CREATED:
        page = _page(reply)
        if page is None:
            return Answer(Verdict.UNKNOWN, evidence=kept)
        return Answer(
            Verdict.PENDING, page.payment_token, redirect_url=page.payment_url, evidence=kept
        )
    if code in _CONFIGURATION:
        return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=kept)
    if code in _DECLINES:
        return Answer(Verdict.DECLINED, None, _DECLINES[code], evidence=kept)
    return Answer(Verdict.UNKNOWN, evidence=kept)


def read_check(reply: httpx.Response, amount: int, currency: str, token: str | None) -> Answer:
    """What became of a payment. `token` is the one it was asked by, if we have it.

    Only code 00 with ACCEPTED, of the same money, is a success. A payer who has yet to confirm is
    shown as waiting by the status, now and then beside the code of a failure.
    """
    code, payment = _code(reply), _payment(reply)
    final = code == PAID or code in _PAYMENT_DECLINES
    kept = evidence(reply, reason=code if code in _PAYMENT_DECLINES else None)
    if payment is not None and not _is_about(payment, amount, currency):
        return Answer(Verdict.UNKNOWN, token, evidence=kept)
    status = "" if payment is None else payment.status.upper()
    if code in _WAITING or status == "PENDING" or status.startswith("WAITING"):
        return _open(token, kept)
    if code == PAID and status == "ACCEPTED":
        return Answer(Verdict.SUCCEEDED, token, evidence=kept)
    if code in _PAYMENT_DECLINES and status in ("", "REFUSED", "CANCELLED"):
        return Answer(Verdict.DECLINED, token, _PAYMENT_DECLINES[code], evidence=kept)
    if final or not code or code in _CONFIGURATION or reply.status_code == 429:
        return Answer(Verdict.UNKNOWN, token, evidence=kept)
    # CinetPay knows nothing of it, or not what; with which code it says so is not documented.
    return Answer(Verdict.UNKNOWN, token, evidence=kept) if token else _open(None, kept)


def read_credentials(reply: httpx.Response) -> Answer:
    """What the check of a payment that does not exist says about key and site.

    624 says nothing: it is answered to wrong keys, too.
    """
    code, kept = _code(reply), evidence(reply)
    if code in _WRONG_CREDENTIALS:
        return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=kept)
    known = bool(code) and code != "624" and code not in _CONFIGURATION
    return Answer(Verdict.SUCCEEDED if known else Verdict.UNKNOWN, evidence=kept)


def _open(token: str | None, kept: dict[str, Any]) -> Answer:
    """A payment that has not ended. Without the token nobody has its page: it was never sent."""
    return Answer(Verdict.PENDING if token else Verdict.NOT_SENT, token, evidence=kept)


def _reply(reply: httpx.Response) -> _Reply | None:
    return decode(reply.content, _Reply) if reply.status_code < 500 else None


def _code(reply: httpx.Response) -> str:
    body = _reply(reply)
    return "" if body is None else str(body.code)


def _page(reply: httpx.Response) -> _Page | None:
    body = _reply(reply)
    page = None if body is None else _converted(body.data, _Page)
    if page is None or not page.payment_token:
        return None
    return page if page.payment_url.startswith(("https://", "http://")) else None


def _payment(reply: httpx.Response) -> _Payment | None:
    body = _reply(reply)
    return None if body is None else _converted(body.data, _Payment)


def _converted(data: object, type: type[_Shape]) -> _Shape | None:
    try:
        return msgspec.convert(data, type)
    except msgspec.ValidationError:
        return None


def _is_about(payment: _Payment, amount: int, currency: str) -> bool:
    """Whether it speaks of the same money; amounts are compared as numbers, not as text."""
    try:
        told = from_decimal_string(str(payment.amount), currency)
    except ValueError:
        return False
    return told == amount and payment.currency.lower() == currency
