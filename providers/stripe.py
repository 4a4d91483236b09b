"""Stripe as a provider of card payments.

Protocol: https://docs.stripe.com/api (payment intents, errors, idempotent requests, search) and
https://docs.stripe.com/webhooks (signatures). Requests are forms, replies are JSON, amounts are
integers in minor units as ours are. Our reference is the Idempotency-Key, and is kept in the
intent's metadata so that an attempt can be found again when its answer was lost.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from .bearer import checked
from .boundary import (
    Answer,
    Capabilities,
    Charge,
    DeclineCode,
    Flow,
    ForgedCallback,
    Refund,
    Verdict,
    Verification,
)
from .connection import exchange
from .stripe_api import (
    Reply,
    Request,
    answer,
    decline_code,
    evidence,
    json_object,
    mapping,
    read_error,
)
from .stripe_refunds import build_look_up_refund, build_refund, read_look_up_refund, read_refund
from .stripe_verifications import build_verification, read_verification

LIVE_URL = "https://api.stripe.com"

# Stripe takes many more; these are what merchants of the region are paid in.
CARDS = Capabilities(
    methods=frozenset({"card"}),
    flow=Flow.DIRECT,
    currencies=frozenset({"xaf", "xof", "mad", "eur", "usd"}),
    signed_callbacks=True,
    look_up_lag=7_200,  # how far the search may be behind in an outage is not said: our margin
)

SIGNATURE_TOLERANCE = 300  # seconds between a webhook's signature and now, as Stripe's own SDKs

_NO_INTENT = Answer(Verdict.NOT_SENT, evidence={"intent": "not found"})
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """A merchant's account at Stripe."""

    secret_key: str = field(repr=False)  # sk_...
    webhook_secret: str = field(default="", repr=False)  # whsec_...
    base_url: str = LIVE_URL


def build_charge(charge: Charge) -> Request:
    """Create a payment intent and confirm it, in one call.

    `metadata[callback_url]` is for sandboxes: Stripe itself has its webhooks configured once per
    account and ignores it.
    """
    form = {
        "amount": str(charge.amount),
        "currency": charge.currency,
        "payment_method": charge.payer,
        "confirm": "true",
        "capture_method": "automatic" if charge.capture else "manual",
        "payment_method_types[0]": "card",
        "metadata[reference]": charge.reference,
    }
    if charge.external_id:
        form["metadata[charge]"] = charge.external_id
    if charge.callback_url:
        form["metadata[callback_url]"] = charge.callback_url
    if charge.description:
        form["description"] = charge.description
    if charge.return_url:
        form["return_url"] = charge.return_url
    if charge.off_session:
        form["off_session"] = "true"
    elif not charge.return_url:
        # A payer who can't come back can't be sent away: a refusal now beats a challenge for ever.
        form["error_on_requires_action"] = "true"
    return Request("POST", "/v1/payment_intents", form, idempotency_key=charge.reference)


def build_look_up(charge: Charge) -> Request:
    """Retrieve the intent by Stripe's id if we know it, else search for our reference."""
    if charge.provider_reference:
        return Request("GET", f"/v1/payment_intents/{charge.provider_reference}")
    query = f"metadata['reference']:'{charge.reference}'"
    return Request("GET", "/v1/payment_intents/search", {"query": query})


def build_capture(intent_id: str, reference: str, amount: int) -> Request:
    """Take `amount` of a held payment; Stripe releases the rest by itself."""
    form = {"amount_to_capture": str(amount)}
    return Request("POST", f"/v1/payment_intents/{intent_id}/capture", form, reference)


def build_cancel(intent_id: str, reference: str) -> Request:
    """Release a held payment, or withdraw one that waits for its payer."""
    return Request("POST", f"/v1/payment_intents/{intent_id}/cancel", {}, reference)


def read_charge(charge: Charge, reply: Reply) -> Answer:
    """The verdict on a create-and-confirm call."""
    if reply.status == 200:
        return read_intent(charge, reply.body, reply)
    return read_error(reply)


def read_look_up(charge: Charge, reply: Reply) -> Answer:
    """The verdict on a retrieve or a search. Anything but an intent or an empty search is UNKNOWN.

    An error here says something about our question and nothing about the attempt.
    """
    if reply.status != 200 or reply.body is None:
        return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=evidence(reply))
    if reply.body.get("object") != "search_result":
        return read_intent(charge, reply.body, reply)
    found = reply.body.get("data")
    if found == []:
        return Answer(Verdict.NOT_SENT, evidence={**evidence(reply), "found": 0})
    first = found[0] if isinstance(found, list) else None
    return read_intent(charge, first, reply)


def read_capture(amount: int, reply: Reply) -> Answer:
    """The verdict on a capture: SUCCEEDED when exactly `amount` was taken, now or before."""
    intent = _intent_in(reply)
    if intent.get("status") == "succeeded":
        taken = intent.get("amount_received") == amount
        return answer(Verdict.SUCCEEDED if taken else Verdict.UNKNOWN, intent, reply)
    if intent.get("status") == "canceled":
        return answer(Verdict.DECLINED, intent, reply, DeclineCode.EXPIRED)
    return _of_a_change(reply)


def read_cancel(reply: Reply) -> Answer:
    """The verdict on a cancellation: SUCCEEDED when nothing is held (any more), DECLINED when the
    money has been taken.
    """
    intent = _intent_in(reply)
    if intent.get("status") == "canceled":
        return answer(Verdict.SUCCEEDED, intent, reply)
    return _of_a_change(reply)


def read_intent(charge: Charge, intent: Any, reply: Reply) -> Answer:
    """The verdict on a payment intent of Stripe's, which must be the one of this charge."""
    intent = mapping(intent)
    known = (intent.get("amount"), intent.get("currency")) == (charge.amount, charge.currency)
    match intent.get("status") if known else None:
        case "succeeded" | "requires_capture":
            return answer(Verdict.SUCCEEDED, intent, reply)
        case "processing":
            return answer(Verdict.PENDING, intent, reply)
        case "requires_action":
            redirect = mapping(mapping(intent.get("next_action")).get("redirect_to_url"))
            return answer(Verdict.PENDING, intent, reply, redirect_url=redirect.get("url"))
        case "requires_payment_method" if intent.get("last_payment_error"):
            error = mapping(intent["last_payment_error"])
            return answer(Verdict.DECLINED, intent, reply, decline_code(error))
        case "canceled":
            return answer(Verdict.DECLINED, intent, reply, _cancel_code(intent))
    return answer(Verdict.UNKNOWN, intent, reply)


def read_webhook(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float
) -> str | None:
    """Our reference in a webhook; None if its object is none of ours. Raises ForgedCallback.

    `Stripe-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`, with several `v1`
    while the endpoint's secret is being rotated: https://docs.stripe.com/webhooks#verify-manually
    """
    header = next((v for name, v in headers.items() if name.lower() == "stripe-signature"), "")
    parts = [part.strip().partition("=") for part in header.split(",")]
    sent_at = next((value for name, _, value in parts if name == "t"), "")
    if not _UNIX_SECONDS.fullmatch(sent_at) or abs(now - int(sent_at)) > SIGNATURE_TOLERANCE:
        raise ForgedCallback("no signature of the last five minutes")
    signed = sent_at.encode() + b"." + body
    expected = [hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in secrets if s]
    given = [value for name, _, value in parts if name == "v1"]
    if not any(hmac.compare_digest(e.encode(), g.encode()) for e in expected for g in given):
        raise ForgedCallback("wrong signature")
    event = json_object(body)
    if event is None:
        raise ForgedCallback("not a JSON object")
    metadata = mapping(mapping(event.get("data")).get("object")).get("metadata")
    reference = mapping(metadata).get("reference")
    return reference if isinstance(reference, str) else None


def _intent_in(reply: Reply) -> Mapping[str, Any]:
    """The intent that a change answers with, or that it refused to change."""
    if reply.status == 200:
        return mapping(reply.body)
    return mapping(reply.error.get("payment_intent"))


def _of_a_change(reply: Reply) -> Answer:
    """The verdict on a capture or cancellation that left the intent in no state we asked for."""
    if reply.status == 200:
        return answer(Verdict.UNKNOWN, _intent_in(reply), reply)
    return read_error(reply)


def _cancel_code(intent: Mapping[str, Any]) -> DeclineCode:
    """Stripe cancels by itself ("automatic") when nobody captured or authenticated in time."""
    if intent.get("cancellation_reason") == "automatic":
        return DeclineCode.EXPIRED
    return DeclineCode.PROVIDER_ERROR


class StripeCards:
    """A Stripe account that takes card payments: `Provider`, `Captures`, `Refunds` and
    `Verifications`."""

    name = "stripe"
    capabilities = CARDS

    def __init__(
        self,
        secret_key: str,
        client: httpx.AsyncClient,
        base_url: str = LIVE_URL,
        webhook_secrets: Sequence[str] = (),
    ) -> None:
        """`client` decides time-outs. `webhook_secrets` (whsec_...): two while one is rotated."""
        self._secret_key = secret_key
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._webhook_secrets = tuple(webhook_secrets)

    async def charge(self, charge: Charge) -> Answer:
        """Create and confirm a payment intent. Stripe replays its answer to a repeated reference
        for at least 24 hours; after that only our own "never send twice" protects the payer.
        """
        reply = await self._send(build_charge(charge))
        return reply if isinstance(reply, Answer) else read_charge(charge, reply)

    async def look_up(self, charge: Charge) -> Answer:
        """Find the intent, by Stripe's id or by our reference. Never creates anything.

        Stripe's search lags behind by up to a minute, and by more during its outages, so NOT_SENT
        is the truth only when asked well after that (`Capabilities.look_up_lag`). UNKNOWN: ask
        again later.
        """
        reply = await self._send(build_look_up(charge))
        if isinstance(reply, Answer):
            # A question that was not sent is no answer, least of all "never seen".
            return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=reply.evidence)
        return read_look_up(charge, reply)

    async def capture(self, charge: Charge, reference: str, amount: int) -> Answer:
        """Take `amount` (minor units) of the held payment. A repeated `reference` is replayed."""
        intent_id = await self._intent_id(charge)
        if intent_id is None:
            return _NO_INTENT
        reply = await self._send(build_capture(intent_id, reference, amount))
        return reply if isinstance(reply, Answer) else read_capture(amount, reply)

    async def cancel(self, charge: Charge, reference: str) -> Answer:
        """Release the held payment, or withdraw one whose payer has not authenticated."""
        intent_id = await self._intent_id(charge)
        if intent_id is None:
            return _NO_INTENT
        reply = await self._send(build_cancel(intent_id, reference))
        return reply if isinstance(reply, Answer) else read_cancel(reply)

    async def refund(self, refund: Refund) -> Answer:
        """Give money back to the card.

        SUCCEEDED means that Stripe took it on: a bank may still send it back days later, which a
        `refund.failed` webhook announces and `look_up_refund` then says: DECLINED.
        """
        intent_id = await self._intent_id(refund.charge)
        if intent_id is None:
            return _NO_INTENT
        reply = await self._send(build_refund(refund, intent_id))
        return reply if isinstance(reply, Answer) else read_refund(refund, reply)

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Find the refund, by Stripe's id or by our reference among the payment's refunds.

        NOT_SENT is the truth only when the call that sent it has ended.
        """
        unknown = Answer(Verdict.UNKNOWN, refund.provider_reference)
        intent_id = None
        if refund.provider_reference is None:
            intent_id = await self._intent_id(refund.charge)
            if intent_id is None:
                return replace(unknown, evidence=_NO_INTENT.evidence)
        reply = await self._send(build_look_up_refund(refund, intent_id))
        if isinstance(reply, Answer):
            # A question that was not sent is no answer, least of all "never seen".
            return replace(unknown, evidence=reply.evidence)
        return read_look_up_refund(refund, reply)

    async def verify(self, verification: Verification) -> Answer:
        """Create and confirm a setup intent, or retrieve the one that is known by its id. Stripe
        replays its answer to a repeated reference for at least 24 hours.
        """
        reply = await self._send(build_verification(verification))
        return reply if isinstance(reply, Answer) else read_verification(verification, reply)

    async def check_credentials(self) -> Answer:
        """Search for a reference that no payment has: a key has to be able to look up."""
        query = {"query": "metadata['reference']:'none'"}
        reply = await self._send(Request("GET", "/v1/payment_intents/search", query))
        if isinstance(reply, Answer):
            return checked(reply, accepted=False)
        return checked(
            Answer(Verdict.UNKNOWN, evidence={"http_status": reply.status}),
            accepted=reply.status == 200,
        )

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Our reference in a signed webhook. Raises ForgedCallback, always if we have no secret."""
        return read_webhook(headers, body, self._webhook_secrets, time.time())

    async def _intent_id(self, charge: Charge) -> str | None:
        """Stripe's id of the charge; None if Stripe does not show it."""
        return charge.provider_reference or (await self.look_up(charge)).provider_reference

    async def _send(self, request: Request) -> Reply | Answer:
        """The reply, or the verdict on a connection that brought none."""
        headers = {"Authorization": f"Bearer {self._secret_key}"}
        if request.method == "POST":  # httpx would leave it out where the form is empty
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if request.idempotency_key:
            headers["Idempotency-Key"] = request.idempotency_key
        response = await exchange(
            self._client,
            self._client.build_request(
                request.method,
                self._base_url + request.path,
                headers=headers,
                params=request.form if request.method == "GET" else None,
                data=request.form if request.method == "POST" else None,
            ),
        )
        if isinstance(response, Answer):
            return response
        return Reply(
            response.status_code,
            json_object(response.content),
            response.headers.get("request-id"),
        )


def connect_stripe(account: StripeAccount, client: httpx.AsyncClient) -> tuple[StripeCards, None]:
    """The adapter of an account."""
    secrets = [account.webhook_secret] if account.webhook_secret else []
    return StripeCards(account.secret_key, client, account.base_url, secrets), None
