"""PayPal's REST API as its calls share it: access, amounts, replies, refusals.

Protocol: https://developer.paypal.com/api/rest (authentication, requests, responses) and PayPal's
published OpenAPI documents (checkout_orders_v2, payments_payment_v2 in
github.com/paypal/paypal-rest-api-specifications), from which the shapes and the issues are taken.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

from .bearer import Token
from .boundary import Answer, DeclineCode, Verdict
from .json_replies import decode
from .money import from_decimal_string, to_decimal_string

LIVE_URL: Final = "https://api-m.paypal.com"
SANDBOX_URL: Final = "https://api-m.sandbox.paypal.com"

# PayPal takes two dozen; these are what merchants of the region are paid in. All have two decimals.
# XAF, XOF and MAD are not among PayPal's currencies (from memory of its list, which is official).
CURRENCIES: Final = frozenset({"cad", "chf", "eur", "gbp", "usd"})

_LIKE_ALL_OF_THEM: Final = "eur"  # for `money`, which need not know the others


@dataclass(frozen=True, slots=True)
class PayPalAccount:
    """An app of PayPal's developer dashboard, and through it the merchant's account."""

    client_id: str
    client_secret: str = field(repr=False)
    base_url: str = LIVE_URL


@dataclass(frozen=True, slots=True)
class Access:
    """What every business call begins with."""

    account: PayPalAccount
    token: str = field(repr=False)

    def get(self, path: str) -> httpx.Request:
        """A question."""
        return httpx.Request("GET", self._url(path), headers=self._headers())

    def post(
        self, path: str, body: Mapping[str, Any], request_id: str | None = None
    ) -> httpx.Request:
        """A call that changes something. `request_id` is its idempotency key: PayPal answers a
        repeated one as before and does nothing, for 6 hours with an order and 45 days with a
        payment. "representation" asks for the whole resource, amounts included.
        """
        headers = self._headers() | {"Prefer": "return=representation"}
        if request_id is not None:
            headers["PayPal-Request-Id"] = request_id
        return httpx.Request("POST", self._url(path), headers=headers, json=body)

    def _url(self, path: str) -> str:
        return f"{self.account.base_url.rstrip('/')}{path}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


# --- Token ----------------------------------------------------------------------------------------


def build_token(account: PayPalAccount) -> httpx.Request:
    """POST /v1/oauth2/token."""
    pair = f"{account.client_id}:{account.client_secret}".encode()
    return httpx.Request(
        "POST",
        f"{account.base_url.rstrip('/')}/v1/oauth2/token",
        headers={"Authorization": f"Basic {b64encode(pair).decode()}"},
        data={"grant_type": "client_credentials"},
    )


class _TokenBody(msgspec.Struct):
    access_token: str
    expires_in: float  # seconds, nine hours as a rule


def read_token(reply: httpx.Response) -> Token | None:
    """The token, or None when PayPal gave none."""
    body = decode(reply.content, _TokenBody) if reply.status_code == 200 else None
    if body is None or not body.access_token:
        return None
    return Token.living(body.access_token, body.expires_in)


# --- Shapes ---------------------------------------------------------------------------------------


class Money(msgspec.Struct):
    """An amount."""

    currency_code: str
    value: str  # "12.30"

    def is_about(self, amount: int, currency: str) -> bool:
        """Whether this is `amount` (minor units) of `currency`, compared as money."""
        try:
            minor = from_decimal_string(self.value, _LIKE_ALL_OF_THEM)
        except ValueError:
            return False
        return (minor, self.currency_code.lower()) == (amount, currency)


def money(amount: int, currency: str) -> dict[str, str]:
    """`amount` (minor units of one of CURRENCIES) as PayPal writes it."""
    value = to_decimal_string(amount, _LIKE_ALL_OF_THEM)
    return {"currency_code": currency.upper(), "value": value}


class Link(msgspec.Struct):
    """A link to what can be done next."""

    href: str = ""
    rel: str = ""


class Payment(msgspec.Struct):
    """An authorization, a capture or a refund: what they have in common."""

    id: str
    status: str
    amount: Money
    invoice_id: str = ""


class _Detail(msgspec.Struct):
    issue: str = ""


class Error(msgspec.Struct):
    """How PayPal words a refusal."""

    name: str  # "UNPROCESSABLE_ENTITY"; a gateway's page has none
    details: list[_Detail] = []
    links: list[Link] = []

    @property
    def issue(self) -> str:
        """The reason, as exact as PayPal says it."""
        return next((detail.issue for detail in self.details if detail.issue), self.name)


def read_refusal(reply: httpx.Response) -> Error | None:
    """PayPal's own refusal; None for a success, and for an error page of somebody else."""
    return decode(reply.content, Error) if reply.status_code >= 400 else None


def approval_url(links: list[Link]) -> str | None:
    """Where the payer goes to approve, or to try again: "approve" without a payment source in the
    order, "payer-action" with one, "redirect" in a refusal."""
    wanted = ("payer-action", "approve", "redirect")
    return next((link.href for link in links if link.rel in wanted and link.href), None)


# --- Verdicts -------------------------------------------------------------------------------------

# What a refusal with status 400, 404 or 422 means, by its issue. Each was said before any money
# moved; any other issue is PROVIDER_ERROR.
ISSUES: Final = {
    "AGREEMENT_ALREADY_CANCELLED": DeclineCode.PAYER_DECLINED,
    "AUTHORIZATION_DENIED": DeclineCode.GENERIC_DECLINE,
    "AUTHORIZATION_EXPIRED": DeclineCode.EXPIRED,
    "AUTHORIZATION_VOIDED": DeclineCode.EXPIRED,
    "AUTH_CAPTURE_NOT_ENABLED": DeclineCode.CONFIGURATION,
    "CANNOT_BE_ZERO_OR_NEGATIVE": DeclineCode.CONFIGURATION,
    "COMPLIANCE_VIOLATION": DeclineCode.GENERIC_DECLINE,
    "DECIMAL_PRECISION": DeclineCode.CONFIGURATION,
    "DECLINED_DUE_TO_RELATED_TXN": DeclineCode.GENERIC_DECLINE,
    "DOMESTIC_TRANSACTION_REQUIRED": DeclineCode.GENERIC_DECLINE,
    "INSTRUMENT_DECLINED": DeclineCode.GENERIC_DECLINE,
    "INVALID_CURRENCY_CODE": DeclineCode.CONFIGURATION,
    "INVALID_PARAMETER_SYNTAX": DeclineCode.CONFIGURATION,
    "INVALID_PARAMETER_VALUE": DeclineCode.CONFIGURATION,
    "INVALID_STRING_LENGTH": DeclineCode.CONFIGURATION,
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": DeclineCode.LIMIT_EXCEEDED,
    "MISSING_REQUIRED_PARAMETER": DeclineCode.CONFIGURATION,
    "ORDER_EXPIRED": DeclineCode.EXPIRED,
    "PAYEE_ACCOUNT_INVALID": DeclineCode.CONFIGURATION,
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED": DeclineCode.CONFIGURATION,
    "PAYEE_ACCOUNT_RESTRICTED": DeclineCode.CONFIGURATION,
    "PAYEE_BLOCKED_TRANSACTION": DeclineCode.FRAUDULENT,  # by the fraud filters of our own account
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": DeclineCode.PAYER_NOT_FOUND,
    "PAYER_ACCOUNT_RESTRICTED": DeclineCode.GENERIC_DECLINE,
    "PAYER_CANNOT_PAY": DeclineCode.GENERIC_DECLINE,
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING": DeclineCode.GENERIC_DECLINE,
    "REFUND_FAILED_INSUFFICIENT_FUNDS": DeclineCode.FLOAT_INSUFFICIENT,
    "TRANSACTION_BLOCKED_BY_PAYEE": DeclineCode.FRAUDULENT,
    "TRANSACTION_LIMIT_EXCEEDED": DeclineCode.LIMIT_EXCEEDED,
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED": DeclineCode.LIMIT_EXCEEDED,
    "TRANSACTION_REFUSED": DeclineCode.GENERIC_DECLINE,
}

# Refusals that speak of another call with the same aim, whose outcome they do not say. A duplicate
# invoice is ours: our reference is the invoice, so that money has moved for it before.
_ABOUT_ANOTHER_CALL: Final = {
    "AUTHORIZATION_ALREADY_CAPTURED",
    "DUPLICATE_INVOICE_ID",
    "ORDER_ALREADY_AUTHORIZED",
    "ORDER_ALREADY_CAPTURED",
    "ORDER_COMPLETED_OR_VOIDED",
    "ORDER_COMPLETION_IN_PROGRESS",
    "PREVIOUS_REQUEST_IN_PROGRESS",
}


def read_error(reply: httpx.Response) -> Answer:
    """The verdict on a call that should have done something, when the reply is no success.

    Only what PayPal itself refused is DECLINED. 401 and 403 come before anything is done, 429 from
    the door; 409 and 5xx say nothing about the money.
    """
    error = read_refusal(reply)
    kept = evidence(reply)
    if reply.status_code == 429:
        return Answer(Verdict.NOT_SENT, evidence=kept)
    if error is None or error.issue in _ABOUT_ANOTHER_CALL:
        return Answer(Verdict.UNKNOWN, evidence=kept)
    if reply.status_code in (401, 403):
        return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=kept)
    if reply.status_code in (400, 404, 422):
        code = ISSUES.get(error.issue, DeclineCode.PROVIDER_ERROR)
        return Answer(Verdict.DECLINED, None, code, evidence=kept)
    return Answer(Verdict.UNKNOWN, evidence=kept)


# What the status of a payment means. A PENDING one is reviewed by PayPal, or waits for an e-cheque.
_Ends = Mapping[str, tuple[Verdict, DeclineCode | None]]
_PENDING: Final = (Verdict.PENDING, None)
_SUCCEEDED: Final = (Verdict.SUCCEEDED, None)
_REFUSED: Final = (Verdict.DECLINED, DeclineCode.GENERIC_DECLINE)
_UNDONE: Final = (Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)

AUTHORIZATION_ENDS: Final[_Ends] = {
    "CREATED": _SUCCEEDED,
    "CAPTURED": _SUCCEEDED,
    "PARTIALLY_CAPTURED": _SUCCEEDED,
    "PENDING": _PENDING,
    "DENIED": _REFUSED,
    "VOIDED": (Verdict.DECLINED, DeclineCode.EXPIRED),  # by us, or by PayPal after 29 days
}
CAPTURE_ENDS: Final[_Ends] = {
    "COMPLETED": _SUCCEEDED,
    "PARTIALLY_REFUNDED": _SUCCEEDED,
    "REFUNDED": _SUCCEEDED,
    "PENDING": _PENDING,
    "DECLINED": _REFUSED,
    "FAILED": _REFUSED,
}
REFUND_ENDS: Final[_Ends] = {
    "COMPLETED": _SUCCEEDED,
    "PENDING": _PENDING,
    "CANCELLED": _UNDONE,
    "FAILED": _UNDONE,
}


def read_payment(
    payment: Payment, ends: _Ends, amount: int, currency: str, reply: httpx.Response
) -> Answer:
    """The verdict on a payment that `reply` shows: UNKNOWN if it is of other money than `amount`
    (minor units) of `currency`, or in a state we have never heard of."""
    verdict, code = Verdict.UNKNOWN, None
    if payment.amount.is_about(amount, currency):
        verdict, code = ends.get(payment.status, (Verdict.UNKNOWN, None))
    return Answer(verdict, payment.id, code, evidence=evidence(reply, payment))


_WORD: Final = re.compile(r"[A-Z0-9_]{1,100}")


def evidence(reply: httpx.Response, payment: Payment | None = None) -> dict[str, Any]:
    """What is worth keeping of a reply. No body is kept whole: orders name the payer.

    `reason` is PayPal's own word for a refusal.
    """
    kept: dict[str, Any] = {"http_status": reply.status_code}
    if debug_id := reply.headers.get("paypal-debug-id"):
        kept["debug_id"] = debug_id[:100]
    error = read_refusal(reply)
    if error is not None and _WORD.fullmatch(error.issue):
        kept["body"] = {"reason": error.issue}
    elif reply.status_code < 400:
        body = decode(reply.content, dict[str, Any]) or {}
        kept["body"] = {name: body[name] for name in ("id", "status", "intent") if name in body}
    if payment is not None:
        kept["payment"] = msgspec.to_builtins(payment)
    return kept
