"""Stripe's setup intents, which verify a card: https://docs.stripe.com/api/setup_intents

Our reference is the Idempotency-Key: one whose answer was lost is sent again, and the answer is
replayed. Nothing is charged, so that nothing worse than a second challenge of the payer can happen
once Stripe has forgotten the key.
"""

from dataclasses import replace
from typing import Any

from .boundary import Answer, DeclineCode, Verdict, Verification
from .stripe_api import Reply, Request, answer, decline_code, evidence, mapping, read_error


def build_verification(verification: Verification) -> Request:
    """Retrieve the setup intent that is known, or create and confirm it in one call.

    `metadata[callback_url]` is for sandboxes, as with a charge.
    """
    if verification.provider_reference:
        return Request("GET", f"/v1/setup_intents/{verification.provider_reference}")
    form = {
        "payment_method": verification.payer,
        "confirm": "true",
        "usage": "off_session" if verification.off_session else "on_session",
        "payment_method_types[0]": "card",
        "metadata[reference]": verification.reference,
    }
    if verification.external_id:
        form["metadata[setup_attempt]"] = verification.external_id
    if verification.callback_url:
        form["metadata[callback_url]"] = verification.callback_url
    if verification.return_url:
        form["return_url"] = verification.return_url
    return Request("POST", "/v1/setup_intents", form, idempotency_key=verification.reference)


def read_verification(verification: Verification, reply: Reply) -> Answer:
    """The verdict on a card; an error to a retrieve says nothing about it and is UNKNOWN."""
    if reply.status == 200:
        return _read(reply.body, reply)
    known = verification.provider_reference
    if known:
        return Answer(Verdict.UNKNOWN, known, evidence=evidence(reply))
    # What a refusal is about is the setup intent, not a payment.
    setup = mapping(reply.error.get("setup_intent"))
    return replace(read_error(reply), provider_reference=setup.get("id"))


def _read(setup: Any, reply: Reply) -> Answer:
    setup = mapping(setup)
    match setup.get("status"):
        case "succeeded":
            method = setup.get("payment_method")
            verdict = answer(Verdict.SUCCEEDED, setup, reply)
            return replace(verdict, token=method if isinstance(method, str) else None)
        case "requires_action":
            redirect = mapping(mapping(setup.get("next_action")).get("redirect_to_url"))
            return answer(Verdict.PENDING, setup, reply, redirect_url=redirect.get("url"))
        case "processing":
            return answer(Verdict.PENDING, setup, reply)
        case "requires_payment_method" if setup.get("last_setup_error"):
            error = mapping(setup["last_setup_error"])
            return answer(Verdict.DECLINED, setup, reply, decline_code(error))
        case "canceled":
            return answer(Verdict.DECLINED, setup, reply, DeclineCode.PROVIDER_ERROR)
    return answer(Verdict.UNKNOWN, setup, reply)
