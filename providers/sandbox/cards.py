"""A small Stripe for card payments: payment intents over HTTP as Stripe speaks.

https://docs.stripe.com/api: forms in, JSON out, a bearer key, idempotency keys whose answers are
replayed, Stripe's errors, test cards and signed webhooks. Real Stripe has its webhook endpoints
configured once per account; this one sends the events of an intent or refund to its
`metadata[callback_url]`, signed with `webhook_secret(key)`. Every `sk_test_...` key is an account
of its own.

The script's operations are `charge`, `look_up`, `capture`, `cancel`, `refund`, `look_up_refund` and
`payment_method`. Its outcomes are those of `card_intents` for a charge, of `card_refunds` for a
refund, and "not_indexed" for a look-up: a search that comes back empty, as Stripe's own does for up
to a minute.
"""

import asyncio
import hashlib
import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from contextlib import suppress
from time import time
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from litestar import HttpMethod, Litestar, Request, Response, get, post, route
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ASGIApp

from .book import Book
from .callbacks import Callback, Callbacks
from .card_calls import ApiCall, Effect, Refused, Subject
from .card_intents import EVENTS, OUTCOMES, Intent, declined, resolve
from .card_operations import NOT_INDEXED, CardOperations
from .card_refunds import REFUND_OUTCOMES, CardRefund, as_json, event_of, finish
from .card_setups import SETUP_EVENTS, CardSetup, checked, refused
from .control import create_control
from .gateway import Call, Gateway, step_of
from .requests import RequestLog
from .script import Script
from .three_d_secure import authentication_page, return_address


def webhook_secret(secret_key: str) -> str:
    """The signing secret of the webhooks of that key's account."""
    return _webhook_secret_of(_account_of(secret_key))


def create_app(book: Book, script: Script, public_url: str) -> ASGIApp:
    """The card PSP; its pages for payers are below `<public_url>/cards`."""
    cards = Cards(book, f"{public_url}/cards")
    log = RequestLog()

    @route("/v1/{path:path}", http_method=[HttpMethod.GET, HttpMethod.POST])
    async def api(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await cards.serve(request)

    @get("/3ds/{intent_id:str}", media_type="text/html")
    async def show(intent_id: FromPath[str]) -> Response[str]:
        intent = cards.challenged(intent_id)
        if intent is None:
            return Response("No such payment.", status_code=404)
        return Response(authentication_page(intent))

    @post("/3ds/{intent_id:str}", media_type="text/html")
    async def authenticate(
        intent_id: FromPath[str], request: Request[Any, Any, Any]
    ) -> Response[Any]:
        form = await request.form()
        intent = await cards.authenticate(intent_id, passed=form.get("result") == "complete")
        if intent is None or intent.return_url is None:
            return Response("No such payment.", status_code=404)
        return Redirect(return_address(intent), status_code=303)

    app = Litestar([api, show, authenticate], openapi_config=None, logging_config=None)
    outcomes = tuple(dict.fromkeys((*OUTCOMES, NOT_INDEXED, *REFUND_OUTCOMES)))
    control = create_control("cards", outcomes, book, script, log)
    return Gateway(app, control, script, log, describe)


# The script's names for calls, by the kind of object that they make or look up.
_CREATED = {"payment_intents": "charge", "refunds": "refund", "setup_intents": "verify"}
_LOOK_UPS = {
    "payment_intents": "look_up",
    "refunds": "look_up_refund",
    "setup_intents": "look_up_verification",
}


def describe(method: str, path: str, body: bytes) -> Call | None:
    """What a request asks for, in the words of the script."""
    match method, path.strip("/").split("/"):
        case "POST", ["v1", kind] if kind in _CREATED:
            return _call_about_a_card(_CREATED[kind], body)
        case "GET", ["v1", kind, *_] if kind in _LOOK_UPS:
            return Call(_LOOK_UPS[kind])
        case "POST", ["v1", "payment_intents", _, ("capture" | "cancel") as operation]:
            return Call(operation)
        case "POST", ["v1", "payment_methods"]:
            return Call("payment_method")
    return None


def _call_about_a_card(operation: str, body: bytes) -> Call:
    form = dict(parse_qsl(body.decode("utf-8", "replace")))
    amount = form.get("amount", "")
    return Call(operation, form.get("payment_method"), int(amount) if amount.isdecimal() else None)


# Under which name the book keeps what an operation changes.
_KINDS: dict[type[Subject], str] = {Intent: "intent", CardRefund: "refund", CardSetup: "setup"}


class Cards:
    """What stands around the operations: keys, idempotency, the book, webhooks and the clock."""

    def __init__(self, book: Book, public_url: str) -> None:
        self.operations = CardOperations(book, public_url)
        self._book = book
        self._callbacks = Callbacks()
        self._resumed = False

    async def serve(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """One API request. An answer to an idempotency key is kept for ever and replayed."""
        self._resume()
        body = await request.body()
        headers = {"request-id": f"req_{uuid4().hex[:14]}"}
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key:
            headers["idempotency-key"] = key
        try:
            account = _account(request.headers.get("authorization", ""))
            fingerprint = hashlib.sha256(request.scope["path"].encode() + b"?" + body).hexdigest()
            if key and (answer := self._answer_before(account, key, fingerprint)):
                headers["idempotent-replayed"] = "true"
                return _reply(answer["status"], answer["body"], headers)
            # Nothing may await between the look at the key and the write that takes it.
            effect = self._run(request, account, body)
        except Refused as refused:
            return _reply(refused.status, {"error": refused.error}, headers)
        answer = {"fingerprint": fingerprint, "status": effect.status, "body": effect.body}
        await self._record(effect, {f"{account} {key}": answer} if key else {})
        return _reply(effect.status, effect.body, headers)

    def challenged(self, intent_id: str) -> Intent | CardSetup | None:
        """The payment or set-up that a 3-D Secure page is about."""
        return self.operations.find(intent_id) or self.operations.setups.find(intent_id)

    async def authenticate(self, intent_id: str, *, passed: bool) -> Intent | CardSetup | None:
        """The payer did 3-D Secure, or failed it. Returns what it was for as it is now."""
        intent = self.challenged(intent_id)
        if intent is None or intent.status != "requires_action":
            return intent
        if isinstance(intent, CardSetup):
            setup = checked(intent) if passed else refused(intent, "authentication_failed")
            await self._record(self.operations.setups.leave(setup))
            return setup
        after = resolve(intent) if passed else declined(intent, "authentication_failed")
        await self._record(self.operations.leave(after))
        return after

    def _run(self, request: Request[Any, Any, Any], account: str, body: bytes) -> Effect:
        operation, id_in_path = self.operations.route(request.method, request.scope["path"])
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        form |= dict(request.query_params.items())
        return operation(ApiCall(account, id_in_path, form, step_of(request.scope)))

    def _answer_before(self, account: str, key: str, fingerprint: str) -> dict[str, Any] | None:
        answer = self._book.resource("answer", f"{account} {key}")
        if answer and answer["fingerprint"] != fingerprint:
            message = "This idempotency key was used with other parameters."
            raise Refused(400, message, type="idempotency_error")
        return answer

    async def _record(
        self, effect: Effect, answers: Mapping[str, dict[str, Any]] | None = None
    ) -> None:
        """Make an effect true, durable and known."""
        changed = effect.changed
        resources = {"card": effect.cards, "answer": dict(answers or {})}
        is_new = False
        if changed:
            kind = _KINDS[type(changed)]
            is_new = self._book.resource(kind, changed.id) is None
            resources[kind] = {changed.id: msgspec.to_builtins(changed)}
        written = {kind: states for kind, states in resources.items() if states}
        if written:
            await self._book.write(written, effect.movements)
        if changed:
            self._knock(changed, is_new=is_new)
            self._set_clock(changed)

    def _knock(self, subject: Subject, *, is_new: bool) -> None:
        """Send the event of the state that `subject` has just entered."""
        url = subject.metadata.get("callback_url")
        if not url:
            return
        if isinstance(subject, CardRefund):
            kind, shown = event_of(subject, is_new=is_new), as_json(subject)
        elif isinstance(subject, CardSetup):
            kind, shown = SETUP_EVENTS[subject.status], self.operations.setups.show(subject)
        else:
            kind, shown = EVENTS[subject.status], self.operations.show(subject)
        event = {
            "id": f"evt_{uuid4().hex[:24]}",
            "object": "event",
            "created": int(time()),
            "data": {"object": shown},
            "livemode": False,
            "pending_webhooks": 1,
            "type": kind,
        }
        body = msgspec.json.encode(event)
        signature = _signature(body, _webhook_secret_of(subject.account), int(time()))
        self._callbacks.send(Callback(url, body, {"stripe-signature": signature}), subject.step)

    def _set_clock(self, subject: Subject) -> None:
        if subject.due is None:
            return
        if isinstance(subject, CardRefund):
            self._callbacks.run(self._finish_refund(subject.id, subject.due))
        else:
            self._callbacks.run(self._finish_intent(subject.id, subject.due))

    async def _finish_intent(self, intent_id: str, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time()))
        intent = self.operations.find(intent_id)
        if intent and intent.status == "processing":
            await self._record(self.operations.leave(resolve(intent)))

    async def _finish_refund(self, refund_id: str, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time()))
        refund = self.operations.refunds.find(refund_id)
        if refund and refund.due is not None:
            await self._record(self.operations.refunds.leave(finish(refund)))

    def _resume(self) -> None:
        """Set the clocks that were running when the sandbox was killed."""
        if self._resumed:
            return
        self._resumed = True
        for intent in self._book.resources("intent").values():
            if intent["due"] is not None:
                self._set_clock(msgspec.convert(intent, Intent))
        for refund in self._book.resources("refund").values():
            if refund["due"] is not None:
                self._set_clock(msgspec.convert(refund, CardRefund))


def _account(authorization: str) -> str:
    """The account of the key, which Stripe takes as a bearer token or as a user without password:
    https://docs.stripe.com/api/authentication"""
    scheme, _, given = authorization.partition(" ")
    key = given if scheme.lower() == "bearer" else ""
    if scheme.lower() == "basic":
        with suppress(NotBase64, UnicodeDecodeError):
            key = b64decode(given, validate=True).decode().removesuffix(":")
    if not key.startswith("sk_test_"):
        raise Refused(401, "Invalid API key.")
    return _account_of(key)


def _account_of(secret_key: str) -> str:
    # A digest, so that no key is ever in the book.
    return "acct_" + hashlib.sha256(secret_key.encode()).hexdigest()[:16]


def _webhook_secret_of(account: str) -> str:
    return "whsec_" + hashlib.sha256(f"webhooks of {account}".encode()).hexdigest()[:32]


def _signature(body: bytes, secret: str, at: int) -> str:
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def _reply(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=dict(headers),
        media_type="application/json",
    )
