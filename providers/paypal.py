"""PayPal as a provider: the payer approves on PayPal's page, in euros, dollars and the like.

Protocol: https://developer.paypal.com/docs/api/orders/v2 and .../payments/v2. `provider_reference`
is always the id of the order, from which authorizations, captures and refunds are found.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from .bearer import Bearer, asked, checked
from .boundary import (
    Answer,
    Capabilities,
    Charge,
    DeclineCode,
    Flow,
    ForgedCallback,
    Refund,
    Verdict,
    impossible,
)
from .json_replies import decode
from .paypal_api import (
    CAPTURE_ENDS,
    CURRENCIES,
    LIVE_URL,
    SANDBOX_URL,
    Access,
    PayPalAccount,
    build_token,
    evidence,
    read_payment,
    read_refusal,
    read_token,
)
from .paypal_orders import (
    Order,
    build_completion,
    build_look_up,
    build_order,
    read_completion,
    read_creation,
    read_look_up,
    read_order_in,
)
from .paypal_payments import (
    build_capture,
    build_look_up_refund,
    build_refund,
    build_void,
    cancel_empty,
    only_capture,
    read_capture,
    read_look_up_refund,
    read_refund,
    read_refund_in_order,
    read_void,
)

__all__ = ["LIVE_URL", "PAYPAL", "SANDBOX_URL", "PayPal", "PayPalAccount", "connect_paypal"]

PAYPAL: Final = Capabilities(
    methods=frozenset({"paypal"}),
    flow=Flow.REDIRECT,
    currencies=CURRENCIES,
    # Ours: how long PayPal shows an order that nobody approved is not documented (three hours, from
    # memory). Nothing is taken on one that we have given up before it is gone.
    page_seconds=7200,
)

_NO_ORDER: Final = Answer(Verdict.NOT_SENT, evidence={"order": "never made, or never shown"})
_NOBODY: Final = "NOBODYHASTHISORDER"  # the form of an order's id, and none
_TRANSMISSION: Final = (
    "paypal-transmission-id", "paypal-transmission-time", "paypal-transmission-sig",
    "paypal-cert-url", "paypal-auth-algo",
)  # fmt: skip


class PayPal:
    """A PayPal account that takes payments: `Provider`, `Captures` and `Refunds`.

    Keep one per account: it holds that account's token. `client` decides time-outs.
    """

    name = "paypal"
    capabilities = PAYPAL

    def __init__(self, account: PayPalAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client
        self._bearer = Bearer(client, lambda: build_token(account), read_token)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    async def charge(self, charge: Charge) -> Answer:
        """Make an order for the payer to approve: PENDING, with PayPal's page.

        NOT_SENT for a payer who is not there to approve, and for a currency PayPal has not.
        """
        if charge.off_session:
            return impossible("PayPal needs the payer on its page.")
        if charge.currency not in CURRENCIES:
            return impossible(f"PayPal does not take {charge.currency.upper()}.")
        reply = await self._call(lambda access: build_order(access, charge))
        return reply if isinstance(reply, Answer) else read_creation(charge, reply)

    async def look_up(self, charge: Charge) -> Answer:
        """Ask what became of the order, and complete it when the payer has approved it.

        PayPal moves no money before we say so, and nobody but a look-up learns that the payer is
        done: completing is the rest of the charge, sent late. It may be repeated, and raced, as its
        request id is always the same. What is not `wanted` any more is left approved, and so is
        never paid. An order whose id never came back can't be asked for; its
        page was shown to nobody, so that it is as good as never sent.
        """
        order_id = charge.provider_reference
        if order_id is None:
            return _NO_ORDER
        reply = asked(await self._call(lambda access: build_look_up(access, order_id)))
        if isinstance(reply, Answer):
            return Answer(reply.verdict, order_id, evidence=reply.evidence)
        answer = read_look_up(charge, reply)
        order = read_order_in(reply)
        approved = order is not None and order.status == "APPROVED"
        if order is not None and approved and charge.wanted and answer.verdict is Verdict.PENDING:
            return await self._complete(charge, order)
        return answer

    async def capture(self, charge: Charge, reference: str, amount: int) -> Answer:
        """Take `amount` (minor units) of what the order holds. A repeated `reference` is replayed
        for 45 days; what was taken before is found in the order anyhow."""
        reply = await self._order_of(charge)
        if isinstance(reply, Answer):
            return reply
        order = read_order_in(reply)
        if order is None or not order.is_of(charge) or not order.payments.authorizations:
            return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=evidence(reply))
        taken = only_capture(order)
        if taken is not None:
            answer = read_payment(taken, CAPTURE_ENDS, amount, charge.currency, reply)
            return replace(answer, provider_reference=order.id)
        held = order.payments.authorizations[0].id
        done = await self._call(
            lambda access: build_capture(access, held, reference, amount, charge.currency)
        )
        if isinstance(done, Answer):
            return done
        return read_capture(order.id, amount, charge.currency, done)

    async def cancel(
        self,
        charge: Charge,
        reference: str,  # noqa: ARG002 - the boundary's signature; a void has no request id
    ) -> Answer:
        """Release what the order holds.

        An order that holds nothing needs no call, and PayPal has none for it: nobody but we could
        complete it, and an attempt that is not `wanted` is never completed.
        """
        reply = await self._order_of(charge)
        if isinstance(reply, Answer):
            return reply
        order = read_order_in(reply)
        if order is None or not order.is_of(charge):
            return Answer(Verdict.UNKNOWN, charge.provider_reference, evidence=evidence(reply))
        if not order.payments.authorizations:
            return cancel_empty(order, reply)
        held = order.payments.authorizations[0].id
        done = await self._call(lambda access: build_void(access, held))
        return done if isinstance(done, Answer) else read_void(order.id, done)

    async def refund(self, refund: Refund) -> Answer:
        """Give money back. A repeated reference is replayed for 45 days; after that PayPal refuses
        the invoice as a duplicate."""
        reply = await self._order_of(refund.charge)
        if isinstance(reply, Answer):
            return Answer(reply.verdict, evidence=reply.evidence)
        order = read_order_in(reply)
        if order is None or not order.is_of(refund.charge):
            return Answer(Verdict.UNKNOWN, evidence=evidence(reply))
        taken = only_capture(order)
        if taken is None:  # not paid: there is nothing to give back
            code = DeclineCode.PROVIDER_ERROR
            return Answer(Verdict.DECLINED, None, code, evidence=evidence(reply))
        done = await self._call(lambda access: build_refund(access, refund, taken.id))
        return done if isinstance(done, Answer) else read_refund(refund, done)

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Find the refund, by PayPal's id or among the refunds of the order.

        NOT_SENT is the truth only when the call that sent it has ended.
        """
        refund_id = refund.provider_reference
        if refund_id is not None:
            reply = asked(await self._call(lambda access: build_look_up_refund(access, refund_id)))
            return reply if isinstance(reply, Answer) else read_look_up_refund(refund, reply)
        reply = asked(await self._order_of(refund.charge))
        return reply if isinstance(reply, Answer) else read_refund_in_order(refund, reply)

    async def check_credentials(self) -> Answer:
        """Ask for an order that nobody has: "not found" takes a good token to hear."""
        reply = await self._call(lambda access: build_look_up(access, _NOBODY))
        accepted = (
            not isinstance(reply, Answer)
            and reply.status_code == 404
            and read_refusal(reply) is not None
        )
        return checked(reply, accepted=accepted)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Check the form of a webhook; our reference if its resource bears it as invoice."""
        return read_webhook(headers, body, self._account.base_url)

    async def _complete(self, charge: Charge, order: Order) -> Answer:
        reply = asked(await self._call(lambda access: build_completion(access, charge, order.id)))
        if isinstance(reply, Answer):
            return Answer(reply.verdict, order.id, evidence=reply.evidence)
        return read_completion(charge, order, reply)

    async def _order_of(self, charge: Charge) -> httpx.Response | Answer:
        """What PayPal says of the order of a charge."""
        order_id = charge.provider_reference
        if order_id is None:
            return _NO_ORDER
        return await self._call(lambda access: build_look_up(access, order_id))

    async def _call(self, build: Callable[[Access], httpx.Request]) -> httpx.Response | Answer:
        """Send a business call; a 401 comes from the gateway, before anything is done."""
        return await self._bearer.send(lambda token: build(Access(self._account, token)))


# --- Webhooks -------------------------------------------------------------------------------------


class _Event(msgspec.Struct):
    event_type: str
    resource: dict[str, Any]


def read_webhook(headers: Mapping[str, str], body: bytes, base_url: str) -> str | None:
    """Our reference in a webhook, None if its resource bears none. Raises ForgedCallback.

    PayPal signs "<transmission id>|<time>|<webhook id>|<CRC-32 of the body>" with the key of a
    certificate that has to be fetched first, or has the signature checked by another call of its
    API. Neither can be done while a callback is read, so that only the form is checked: all five
    headers, the algorithm, a signature that could be one, and a certificate on PayPal's own hosts
    (or on the server at `base_url`). A knock makes us ask PayPal itself, and is harmless if forged.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if any(not given.get(name) for name in _TRANSMISSION):
        raise ForgedCallback("not signed as PayPal signs")
    if given["paypal-auth-algo"] != "SHA256withRSA":
        raise ForgedCallback("not PayPal's algorithm")
    if not _is_of_paypal(given["paypal-cert-url"], base_url):
        raise ForgedCallback("the certificate is not PayPal's")
    try:
        signature = b64decode(given["paypal-transmission-sig"], validate=True)
    except NotBase64:
        signature = b""
    if len(signature) not in _RSA_SIGNATURES:
        raise ForgedCallback("not an RSA signature")
    event = decode(body, _Event)
    if event is None:
        raise ForgedCallback("a PayPal webhook is a JSON object with event_type and resource")
    return _invoice_in(event.resource)


_RSA_SIGNATURES: Final = (256, 384, 512)  # bytes, of keys of 2048 to 4096 bits
_PAYPAL_HOST: Final = re.compile(r"(api|api-m)(\.sandbox)?\.paypal\.com")


def _is_of_paypal(url: str, base_url: str) -> bool:
    try:
        parts, ours = urlsplit(url), urlsplit(base_url)
    except ValueError:  # no address at all
        return False
    of_paypal = parts.scheme == "https" and _PAYPAL_HOST.fullmatch(parts.netloc) is not None
    return of_paypal or (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)


def _invoice_in(resource: Mapping[str, Any]) -> str | None:
    """The invoice of a payment, or of the only purchase unit of an order."""
    units = resource.get("purchase_units")
    first = units[0] if isinstance(units, list) and units else resource
    invoice = first.get("invoice_id") if isinstance(first, dict) else None
    return invoice if isinstance(invoice, str) else None


def connect_paypal(account: PayPalAccount, client: httpx.AsyncClient) -> tuple[PayPal, None]:
    """The adapter of an account."""
    return PayPal(account, client), None
