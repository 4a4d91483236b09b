"""Stripe's API as its calls share it: requests, replies, errors, and what is kept of them.

Protocol: https://docs.stripe.com/api (errors, idempotent requests). Requests are forms, replies are
JSON, amounts are integers in minor units as ours are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .boundary import Answer, DeclineCode, Verdict

# Stripe's `decline_code`, or `code` where there is none; whatever is missing is a generic decline.
# https://docs.stripe.com/declines/codes and https://docs.stripe.com/error-codes
DECLINE_CODES = {
    "authentication_not_handled": DeclineCode.AUTHENTICATION_REQUIRED,
    "authentication_required": DeclineCode.AUTHENTICATION_REQUIRED,
    "card_velocity_exceeded": DeclineCode.CARD_VELOCITY_EXCEEDED,
    "do_not_honor": DeclineCode.DO_NOT_HONOR,
    "expired_card": DeclineCode.EXPIRED_CARD,
    "fraudulent": DeclineCode.FRAUDULENT,
    "incorrect_cvc": DeclineCode.INCORRECT_CVC,
    "incorrect_number": DeclineCode.INCORRECT_NUMBER,
    "insufficient_funds": DeclineCode.INSUFFICIENT_FUNDS,
    "invalid_cvc": DeclineCode.INCORRECT_CVC,
    "invalid_number": DeclineCode.INCORRECT_NUMBER,
    "issuer_not_available": DeclineCode.PROCESSING_ERROR,
    "lost_card": DeclineCode.LOST_CARD,
    "payment_intent_authentication_failure": DeclineCode.AUTHENTICATION_FAILED,
    "processing_error": DeclineCode.PROCESSING_ERROR,
    "setup_intent_authentication_failure": DeclineCode.AUTHENTICATION_FAILED,
    "stolen_card": DeclineCode.STOLEN_CARD,
    "withdrawal_count_limit_exceeded": DeclineCode.LIMIT_EXCEEDED,
}

# The only fields of a reply that are kept. No object of Stripe's is kept whole: intents carry a
# client secret, errors and payment methods carry the payer's details.
_EVIDENCE = (
    "id", "status", "amount", "amount_capturable", "amount_received", "currency",
    "latest_charge", "canceled_at", "cancellation_reason",
    "payment_intent", "failure_reason", "pending_reason",
)  # fmt: skip
_EVIDENCE_OF_ERROR = ("type", "code", "decline_code", "param", "message", "charge")
_SECRET = re.compile(r"\b[sr]k_\w+|\b\w+_secret_\w+|\d{12,19}")


@dataclass(frozen=True, slots=True)
class Request:
    """A call of Stripe's API, before it meets a connection."""

    method: str
    path: str
    form: Mapping[str, str] = field(default_factory=dict)  # the body, or a GET's query string
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a status and its JSON object; None if the body was something else."""

    status: int
    body: Mapping[str, Any] | None
    request_id: str | None = None

    @property
    def error(self) -> Mapping[str, Any]:
        """Stripe's `error` object; empty if the reply has none."""
        return mapping(mapping(self.body).get("error"))


def read_error(reply: Reply) -> Answer:
    """The verdict on a call that should have moved money, when the reply is an error.

    https://docs.stripe.com/api/errors: 402 is a decline. Of the other 4xx, 409 and an
    `idempotency_error` say that our reference has been there before, with an outcome that they
    don't say; 429 was turned away at the door; the rest were refused before anything was done.
    """
    error = reply.error
    intent = mapping(error.get("payment_intent"))
    if reply.status == 429:
        return answer(Verdict.NOT_SENT, intent, reply)
    if reply.status == 402 and error.get("type") == "card_error":
        return answer(Verdict.DECLINED, intent, reply, decline_code(error))
    if error.get("code") == "payment_intent_unexpected_state":
        return answer(Verdict.DECLINED, intent, reply, DeclineCode.PROVIDER_ERROR)
    refused = error.get("type") not in (None, "idempotency_error")  # by Stripe, not by a proxy
    if reply.status in (400, 401, 403, 404) and refused:
        return answer(Verdict.DECLINED, intent, reply, DeclineCode.CONFIGURATION)
    return answer(Verdict.UNKNOWN, intent, reply)


def answer(
    verdict: Verdict,
    subject: Mapping[str, Any],
    reply: Reply,
    code: DeclineCode | None = None,
    redirect_url: str | None = None,
) -> Answer:
    """A verdict on `subject`, the intent or refund that the reply is about; {} if there is none."""
    return Answer(verdict, subject.get("id"), code, redirect_url, evidence(reply, subject))


def evidence(reply: Reply, subject: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is worth keeping of a reply: a few named fields, without secrets."""
    subject = subject or {}
    error = reply.error or mapping(subject.get("last_payment_error"))
    kept: dict[str, Any] = {"http_status": reply.status, "request_id": reply.request_id}
    if reply.body is None:
        kept["body"] = "not a JSON object"
    kept |= {name: subject[name] for name in _EVIDENCE if subject.get(name) is not None}
    said = {name: error[name] for name in _EVIDENCE_OF_ERROR if error.get(name) is not None}
    if said:
        # Stripe quotes what it was sent, a wrong key for instance.
        kept["error"] = {name: _SECRET.sub("[hidden]", str(v)) for name, v in said.items()}
    return kept


def decline_code(error: Mapping[str, Any]) -> DeclineCode:
    """Our word for a card's refusal."""
    for word in (error.get("decline_code"), error.get("code")):
        if word in DECLINE_CODES:
            return DECLINE_CODES[word]
    return DeclineCode.GENERIC_DECLINE


def json_object(content: bytes) -> dict[str, Any] | None:
    """The JSON object that `content` is; None if it is anything else."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is a JSON object, else an empty one: a reply may hold anything anywhere."""
    return value if isinstance(value, dict) else {}
