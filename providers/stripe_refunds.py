"""Stripe's refunds of card payments: https://docs.stripe.com/api/refunds

Our reference is the Idempotency-Key, and is kept in the refund's metadata: a payment's refunds can
be listed, so that one whose answer was lost is found again without the lag of a search.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .boundary import Answer, DeclineCode, Refund, Verdict
from .stripe_api import Reply, Request, answer, evidence, mapping, read_error

# `failure_reason` of a refund that a bank sent back; others are the provider's own.
FAILURES = {
    "declined": DeclineCode.GENERIC_DECLINE,
    "expired_or_canceled_card": DeclineCode.EXPIRED_CARD,
    "insufficient_funds": DeclineCode.FLOAT_INSUFFICIENT,  # those of our Stripe balance
    "lost_or_stolen_card": DeclineCode.LOST_CARD,
}

_LONGEST_PAGE = 100


def build_refund(refund: Refund, intent_id: str) -> Request:
    """Give back a part of the payment `intent_id`, or all of it.

    `metadata[callback_url]` is for sandboxes, as with a charge.
    """
    form = {
        "payment_intent": intent_id,
        "amount": str(refund.amount),
        "metadata[reference]": refund.reference,
    }
    if refund.external_id:
        form["metadata[refund]"] = refund.external_id
    if refund.callback_url:
        form["metadata[callback_url]"] = refund.callback_url
    return Request("POST", "/v1/refunds", form, idempotency_key=refund.reference)


def build_look_up_refund(refund: Refund, intent_id: str | None) -> Request:
    """Retrieve the refund by Stripe's id if we know it, else list the refunds of `intent_id`."""
    if refund.provider_reference:
        return Request("GET", f"/v1/refunds/{refund.provider_reference}")
    form = {"payment_intent": intent_id or "", "limit": str(_LONGEST_PAGE)}
    return Request("GET", "/v1/refunds", form)


def read_refund(refund: Refund, reply: Reply) -> Answer:
    """The verdict on the call that sends a refund."""
    if reply.status == 200:
        return _read(refund, reply.body, reply)
    # What an error is about is the payment, whose id must not be taken for the refund's.
    refused = replace(read_error(reply), provider_reference=None)
    if refused.verdict is Verdict.DECLINED and reply.status not in (401, 403):
        # The payment can't be refunded (so far): refunded before, disputed, not paid, too little
        # left of it. Stripe has a code for some of these and only a sentence for the others.
        return replace(refused, decline_code=_refusal_code(reply))
    return refused


def read_look_up_refund(refund: Refund, reply: Reply) -> Answer:
    """The verdict on a retrieve or a list; anything but a refund or a whole list is UNKNOWN."""
    unknown = Answer(Verdict.UNKNOWN, refund.provider_reference, evidence=evidence(reply))
    if reply.status != 200 or reply.body is None:
        return unknown
    if reply.body.get("object") != "list":
        return _read(refund, reply.body, reply)
    listed = reply.body.get("data")
    if not isinstance(listed, list):
        return unknown
    for found in listed:
        if mapping(mapping(found).get("metadata")).get("reference") == refund.reference:
            return _read(refund, found, reply)
    # Nobody refunds one payment a hundred times; but if so, what we seek may be on the next page.
    return unknown if reply.body.get("has_more") is not False else _never_seen(reply)


def _never_seen(reply: Reply) -> Answer:
    return Answer(Verdict.NOT_SENT, evidence={**evidence(reply), "found": 0})


def _read(refund: Refund, found: Any, reply: Reply) -> Answer:
    """The verdict on a refund of Stripe's, which must be of the money we meant."""
    found = mapping(found)
    meant = (refund.amount, refund.charge.currency)
    known = (found.get("amount"), found.get("currency")) == meant
    match found.get("status") if known else None:
        case "succeeded":
            return answer(Verdict.SUCCEEDED, found, reply)
        case "pending" | "requires_action":
            return answer(Verdict.PENDING, found, reply)
        case "failed":
            return answer(Verdict.DECLINED, found, reply, _failure_code(found))
        case "canceled":
            return answer(Verdict.DECLINED, found, reply, DeclineCode.PROVIDER_ERROR)
    return answer(Verdict.UNKNOWN, found, reply)


def _failure_code(found: Mapping[str, Any]) -> DeclineCode:
    return FAILURES.get(str(found.get("failure_reason")), DeclineCode.PROVIDER_ERROR)


def _refusal_code(reply: Reply) -> DeclineCode:
    if reply.error.get("code") in ("balance_insufficient", "insufficient_funds"):
        return DeclineCode.FLOAT_INSUFFICIENT
    return DeclineCode.PROVIDER_ERROR
