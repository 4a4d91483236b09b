"""What Orange Money Cameroon says about money, and what we make of it.

pay, push and paymentstatus answer with the same record of the payment, `{"message", "data"}`. A
refusal is HTTP 417 as a rule, yet some merchants saw it with HTTP 200: `inittxnstatus` ("200" or
the code of a refusal; `txnstatus` of a cash-in) is read whatever the HTTP status. The sources of
the protocol are those of `orange_cm_calls`.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import httpx
import msgspec

from . import xml
from .bearer import Token
from .boundary import Answer, DeclineCode, Verdict, Wallet
from .json_replies import decode
from .money import from_decimal_string

# Codes of refusals that the public clients know; the others in circulation are hearsay and become
# PROVIDER_ERROR, their raw form being kept. Where a record has no code, its status is the reason.
_NO_SUCH_WALLET: Final = {
    "00671": DeclineCode.PAYER_NOT_FOUND,  # unknown number
    "99051": DeclineCode.PAYER_NOT_FOUND,  # not a subscriber of Orange Money
    "0066111": DeclineCode.PAYER_NOT_FOUND,  # invalid subscriber
}
PAYMENT_REASONS: Final = _NO_SUCH_WALLET | {
    "60019": DeclineCode.INSUFFICIENT_FUNDS,
    "CANCELLED": DeclineCode.PAYER_DECLINED,
    "EXPIRED": DeclineCode.EXPIRED,
}
CASH_IN_REASONS: Final = _NO_SUCH_WALLET | {
    "60019": DeclineCode.FLOAT_INSUFFICIENT,  # who pays is our own number
    "CANCELLED": DeclineCode.GENERIC_DECLINE,  # nobody is prompted who could have refused
    "EXPIRED": DeclineCode.EXPIRED,
}

_ACCEPTED: Final = "200"  # of inittxnstatus and its like
_CODE_OF_MESSAGE: Final = re.compile(r"(\w{1,20}) :: ", re.ASCII)
_PAY_TOKEN: Final = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)  # it goes into a path

_LONGEST_FAULT: Final = 4000  # bytes
_LONGEST_TEXT: Final = 500  # characters; what Orange says fits

# What is kept of a record. Never the whole: the request that it answers holds our PIN.
_KEPT: Final = (
    "id", "createtime", "payToken", "status", "amount", "subscriberMsisdn", "channelUserMsisdn",
    "txnid", "txnmode", "orderId", "txnstatus", "inittxnstatus", "inittxnmessage",
    "confirmtxnstatus", "confirmtxnmessage",
)  # fmt: skip


class _TokenBody(msgspec.Struct):
    access_token: str
    expires_in: float  # seconds left to a token that all clients of the account share


def read_token(reply: httpx.Response) -> Token | None:
    """The token, or None when the gateway gave none."""
    body = decode(reply.content, _TokenBody, strict=False) if reply.status_code == 200 else None
    if body is None or not body.access_token:
        return None
    return Token.living(body.access_token, body.expires_in)


class _Init(msgspec.Struct, rename="camel"):
    pay_token: str


class _InitBody(msgspec.Struct):
    data: _Init


def read_init(reply: httpx.Response) -> Answer:
    """PENDING with the payToken. Without one nothing was sent, however the call failed."""
    evidence = _evidence(reply)
    body = decode(reply.content, _InitBody) if reply.status_code == 200 else None
    if body is not None and is_pay_token(body.data.pay_token):
        return Answer(Verdict.PENDING, body.data.pay_token, evidence=evidence)
    if _turned_away(reply):
        return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=evidence)
    return Answer(Verdict.NOT_SENT, evidence=evidence)


def is_pay_token(text: str) -> bool:
    """Whether `text` can be a payToken: "MP22120771FEB7B21FD2381C3786", or "CI..." of a cash-in.

    Only what would be dangerous in a path is refused, as the exact shape is not documented.
    """
    return _PAY_TOKEN.fullmatch(text) is not None


_SPELLINGS: Final = {
    "pay_token": "payToken",
    "subscriber_msisdn": "subscriberMsisdn",
    "transaction_id": "txnid",
    "init_status": "inittxnstatus",
    "confirm_status": "confirmtxnstatus",
    "cash_in_status": "txnstatus",
}


class _Record(msgspec.Struct, rename=_SPELLINGS):
    """A payment or cash-in. Any field may be null, and those of the other kind are missing."""

    pay_token: str | None = None
    status: str | None = None
    amount: Decimal | None = None  # a number in recorded replies, a string in one client's types
    subscriber_msisdn: str | None = None
    transaction_id: str | None = None
    init_status: str | int | None = None
    confirm_status: str | int | None = None
    cash_in_status: str | int | None = None

    @property
    def refusal(self) -> str | None:
        """The code with which the core refused to begin; None if it did not say so."""
        return _refusal(self.init_status, self.cash_in_status)

    @property
    def reason(self) -> str | None:
        """Orange's own word for a failure: a code where there is one, else the status."""
        return self.refusal or _refusal(self.confirm_status) or self.status

    @property
    def is_blank(self) -> bool:
        """Whether it knows nothing but its token: pay never arrived."""
        told = (self.amount, self.subscriber_msisdn, self.transaction_id, self.init_status)
        return all(value is None for value in (*told, self.cash_in_status))


def _refusal(*statuses: str | int | None) -> str | None:
    codes = [str(status) for status in statuses if status not in (None, "")]
    return next((code for code in codes if code != _ACCEPTED), None)


class _Body(msgspec.Struct):
    message: str | None = None
    data: _Record | None = None


def read_pay(
    reply: httpx.Response, amount: int, token: str, reasons: Mapping[str, DeclineCode]
) -> Answer:
    """The verdict on a call of pay. `amount` is in minor units, `token` the payToken it used.

    422 says that the token was used before, with an outcome that only paymentstatus tells.
    """
    evidence = _evidence(reply)
    if reply.status_code == 429:  # the gateway's throttling
        return Answer(Verdict.NOT_SENT, token, evidence=evidence)
    if _turned_away(reply):
        return Answer(Verdict.DECLINED, token, DeclineCode.CONFIGURATION, evidence=evidence)
    body = decode(reply.content, _Body)
    if reply.status_code == 417 and body is not None and body.message and body.data is None:
        code = reasons.get(_code_of(body.message) or "", DeclineCode.PROVIDER_ERROR)
        return Answer(Verdict.DECLINED, token, code, evidence=evidence)
    answer = read_status(reply, amount, token, reasons)
    if answer.verdict is Verdict.NOT_SENT:  # a record that knows nothing of a pay that was answered
        return Answer(Verdict.UNKNOWN, token, evidence=evidence)
    return answer


def read_status(
    reply: httpx.Response, amount: int, token: str, reasons: Mapping[str, DeclineCode]
) -> Answer:
    """What a record says: of paymentstatus and push, and of pay. UNKNOWN where there is none.

    The payToken stays the `provider_reference`, because nothing else can be looked up by.
    `confirmtxnstatus` does not decide a success: a client that wanted "200" there had to give it
    up. Statuses of tomorrow are PENDING.
    """
    evidence = _evidence(reply)
    body = decode(reply.content, _Body) if reply.status_code in (200, 417) else None
    record = None if body is None else body.data
    unknown = Answer(Verdict.UNKNOWN, token, evidence=evidence)
    if record is None or record.pay_token != token or not _is_about(record, amount):
        return unknown
    verdict = _verdict(record)
    if verdict is Verdict.DECLINED:
        code = reasons.get(record.reason or "", DeclineCode.PROVIDER_ERROR)
        return Answer(Verdict.DECLINED, token, code, evidence=evidence)
    if reply.status_code == 417:  # a refusal that does not say so
        return unknown
    return Answer(verdict, token, evidence=evidence)


def _is_about(record: _Record, amount: int) -> bool:
    """Whether it speaks of the same money, as far as it speaks of money."""
    if record.amount is None:
        return True
    try:
        return from_decimal_string(str(record.amount), "xaf") == amount
    except ValueError:
        return False


def _verdict(record: _Record) -> Verdict:
    match record.status:
        case "SUCCESSFULL" | "SUCCESSFUL" | "SUCCESS":  # the first is the usual spelling
            return Verdict.UNKNOWN if record.refusal else Verdict.SUCCEEDED
        case "FAILED" | "CANCELLED":
            return Verdict.DECLINED
        case "EXPIRED":
            return Verdict.NOT_SENT if record.is_blank else Verdict.DECLINED
        case "INITIATED" if record.is_blank:
            return Verdict.NOT_SENT
        case None if not record.refusal:
            return Verdict.UNKNOWN
    return Verdict.DECLINED if record.refusal else Verdict.PENDING


def has_expired(reply: httpx.Response) -> bool:
    """Whether a record says that its payToken's life is over."""
    body = decode(reply.content, _Body)
    return body is not None and body.data is not None and body.data.status == "EXPIRED"


class _Subscriber(msgspec.Struct, rename="camel"):
    first_name: str | None = None
    last_name: str | None = None


class _SubscriberBody(msgspec.Struct):
    message: str = ""
    data: _Subscriber | None = None


def read_subscriber(reply: httpx.Response) -> Wallet | None:
    """The wallet behind a number; None when Orange did not say.

    How an unknown number is answered is not documented; we assume as everywhere else: HTTP 417 with
    a message that begins with the code.
    """
    body = decode(reply.content, _SubscriberBody)
    if body is None:
        return None
    if reply.status_code == 417 and _code_of(body.message) in _NO_SUCH_WALLET:
        return Wallet(active=False)
    if reply.status_code != 200 or body.data is None:
        return None
    name = f"{body.data.first_name or ''} {body.data.last_name or ''}".strip()
    return Wallet(active=True, holder=name) if name else None


def _code_of(message: str) -> str | None:
    """The code in "60019 :: Le solde du compte du payeur est insuffisant"."""
    code = _CODE_OF_MESSAGE.match(message)
    return None if code is None else code[1]


def _turned_away(reply: httpx.Response) -> bool:
    """Whether the gateway, or the API at its door, refused the caller: nobody did anything."""
    if reply.status_code in (401, 403):
        return True
    return 400 <= reply.status_code < 500 and reply.status_code != 429 and bool(_fault(reply))


def _fault(reply: httpx.Response) -> dict[str, str]:
    """A fault of the WSO2 gateway, `{"fault": {"code", "message", "description"}}` or its XML."""
    body = decode(reply.content, dict[str, Any])
    if body is not None:
        fault = body.get("fault")
        said = fault if isinstance(fault, dict) else {}
    else:
        root = xml.parse(reply.content[:_LONGEST_FAULT])
        children = [] if root is None or xml.local_name(root) != "fault" else list(root)
        said = {xml.local_name(child): (child.text or "").strip() for child in children}
    return {name: str(said[name])[:_LONGEST_TEXT] for name in ("code", "message") if said.get(name)}


def _evidence(reply: httpx.Response) -> dict[str, Any]:
    """What is worth keeping of a reply: named fields, and the reason of a refusal as `reason`.

    A text we cannot read is left out: an error page may quote the request, and so our PIN.
    """
    if fault := _fault(reply):
        return {"http_status": reply.status_code, "fault": fault}
    body = decode(reply.content, dict[str, Any])
    if body is None:
        return {"http_status": reply.status_code, "body": "not a JSON object"}
    data = body.get("data")
    record = data if isinstance(data, dict) else {}
    kept = {name: record[name] for name in _KEPT if isinstance(record.get(name), (str, int, float))}
    if isinstance(message := body.get("message"), str):
        kept["message"] = message
    kept = {
        name: said[:_LONGEST_TEXT] if isinstance(said, str) else said for name, said in kept.items()
    }
    if reason := _reason(reply, kept.get("message", "")):
        kept["reason"] = reason
    return {"http_status": reply.status_code, "body": kept}


def _reason(reply: httpx.Response, message: str) -> str | None:
    body = decode(reply.content, _Body)
    if body is not None and body.data is not None and _verdict(body.data) is Verdict.DECLINED:
        return body.data.reason
    return _code_of(message)
