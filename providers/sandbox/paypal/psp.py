"""What stands around the operations of the PayPal sandbox: tokens, request ids, the book, webhooks
and the clock."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import time
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from litestar import Request, Response

from providers.sandbox.book import Book
from providers.sandbox.callbacks import Callbacks
from providers.sandbox.gateway import step_of

from .access import Access
from .calls import ApiCall, Effect, Refused, invalid
from .notifications import Notifications
from .operations import Operations, known_issue, pressed
from .resources import Order, Refund, ended, movements_of, reviewed, show_capture
from .signature import CERTIFICATE_PATH, Signer
from .tables import COMPLETED

_LONGEST_REQUEST_ID: Final = 108
_COMPLETIONS: Final = ("/capture", "/authorize")
_ALWAYS_SHOWN: Final = {"id", "status", "links"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the sandbox is, in seconds."""

    token_lifetime: float = 32_400.0  # nine hours, as PayPal's


class PayPalSandbox:
    """The PSP."""

    def __init__(self, book: Book, public_url: str, settings: Settings) -> None:
        """`public_url` is where a payer's browser, and clients, find this PSP."""
        self.operations = Operations(book, public_url)
        self._book = book
        self._access = Access(settings.token_lifetime)
        self._callbacks = Callbacks()
        self._signer = Signer(public_url)
        self._notifications = Notifications(book, self._callbacks, self._signer, self.operations)
        self._resumed = False

    async def serve(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """One API request."""
        self._resume()
        path, body = request.scope["path"], await request.body()
        if (request.method, path) == ("GET", CERTIFICATE_PATH):
            return Response(self._signer.certificate, media_type="application/x-pem-file")
        debug_id = uuid4().hex[:13]
        try:
            effect = await self._answer(request, path, body)
            if "return=representation" not in request.headers.get("prefer", ""):
                effect = _minimal(request.method, path, effect)
        except Refused as refused:
            shown = refused.body | ({"debug_id": debug_id} if "name" in refused.body else {})
            effect = Effect(refused.status, shown)
        content = b"" if effect.body is None else msgspec.json.encode(effect.body)
        return Response(
            content,
            status_code=effect.status,
            headers={"paypal-debug-id": debug_id},
            media_type="application/json" if content else "text/plain",
        )

    async def press(self, order: Order, choice: str) -> Order:
        """The payer has pressed a button of the page. Returns the order as it is now."""
        self._resume()
        after = pressed(order, choice)
        if after != order:
            await self._record(Effect(200, None, after, event="CHECKOUT.ORDER.APPROVED"))
        return after

    async def _answer(self, request: Request[Any, Any, Any], path: str, body: bytes) -> Effect:
        authorization = request.headers.get("authorization", "")
        if (request.method, path) == ("POST", "/v1/oauth2/token"):
            form = dict(parse_qsl(body.decode("utf-8", "replace")))
            return Effect(200, self._access.create_token(authorization, form))
        client = self._access.client_of(authorization)
        if path.startswith("/v1/notifications/"):
            return await self._notifications.serve(client, request.method, path, body)
        operation, id_in_path = self.operations.route(request.method, path)
        request_id = request.headers.get("paypal-request-id", "")
        if len(request_id) > _LONGEST_REQUEST_ID:
            raise invalid("INVALID_STRING_LENGTH", "PayPal-Request-Id")
        mock = _mock(request.headers.get("paypal-mock-response", ""))
        call = ApiCall(client, id_in_path, body, step_of(request.scope), request_id, mock)
        # Nothing may await between the look at the request id and the write that takes it.
        key = f"{client} {path} {request_id}" if request_id and request.method == "POST" else ""
        before = self._book.resource("request", key) if key else None
        if before is not None:
            return self._replayed(before)
        effect = operation(call)
        await self._record(effect, key)
        return effect

    def _replayed(self, before: Mapping[str, Any]) -> Effect:
        """The answer to a repeated request id: 200, and what was made as it is now."""
        refund = self.operations.refund(before["id"])
        if refund is not None:
            return Effect(200, self.operations.shown(refund))
        order = self.operations.order(before["id"])
        assert order is not None
        if before["shows"] == "capture":
            return Effect(200, show_capture(order, self.operations.refunds_of(order)))
        return Effect(200, self.operations.shown(order))

    async def _record(self, effect: Effect, key: str = "") -> None:
        """Make an effect true, durable and known."""
        changed = effect.changed
        if changed is None:
            return
        kind = "refund" if isinstance(changed, Refund) else "order"
        resources = {kind: {changed.id: msgspec.to_builtins(changed)}}
        if key:
            shows = "capture" if "/authorizations/" in key else kind
            resources["request"] = {key: {"id": changed.id, "shows": shows}}
        await self._book.write(resources, effect.movements)
        if effect.event:
            self._notifications.send(changed, effect.event)
        self._set_clock(changed)

    # --- The clock --------------------------------------------------------------------------------

    def _set_clock(self, subject: Order | Refund) -> None:
        if subject.due is None:
            return
        if isinstance(subject, Refund):
            self._callbacks.run(self._finish_refund(subject.id, subject.due))
        else:
            self._callbacks.run(self._finish_order(subject.id, subject.due))

    async def _finish_order(self, order_id: str, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time()))
        order = self.operations.order(order_id)
        if order is None or order.due is None:
            return
        order = reviewed(order)
        event = "PAYMENT.CAPTURE.COMPLETED" if order.capture else "PAYMENT.AUTHORIZATION.CREATED"
        await self._record(Effect(200, None, order, movements_of(order), event))

    async def _finish_refund(self, refund_id: str, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time()))
        refund = self.operations.refund(refund_id)
        if refund is None or refund.due is None:
            return
        refund = ended(refund)
        event = "PAYMENT.CAPTURE.REFUNDED" if refund.status == COMPLETED else ""
        await self._record(Effect(200, None, refund, movements_of(refund), event))

    def _resume(self) -> None:
        """Set the clocks that were running when the sandbox was killed."""
        if self._resumed:
            return
        self._resumed = True
        for state in self._book.resources("order").values():
            self._set_clock(msgspec.convert(state, Order))
        for state in self._book.resources("refund").values():
            self._set_clock(msgspec.convert(state, Refund))


def _minimal(method: str, path: str, effect: Effect) -> Effect:
    """What PayPal shows of a new resource to clients who do not prefer the whole: its id, status
    and links; of a voided authorization nothing. A completed order always shows its payments."""
    if method != "POST" or not path.startswith("/v2/"):
        return effect
    if path.endswith("/void"):
        return replace(effect, status=204, body=None)
    if effect.body is None or (path.startswith("/v2/checkout/") and path.endswith(_COMPLETIONS)):
        return effect
    return replace(effect, body={k: v for k, v in effect.body.items() if k in _ALWAYS_SHOWN})


class _Mock(msgspec.Struct):
    mock_application_codes: str


def _mock(header: str) -> str:
    """The issue that PayPal-Mock-Response asks for; "" for none."""
    try:
        return known_issue(msgspec.json.decode(header, type=_Mock).mock_application_codes)
    except (msgspec.DecodeError, RecursionError):
        return ""
