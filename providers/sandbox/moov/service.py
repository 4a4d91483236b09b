"""The one address of the Moov sandbox, and the operations behind it."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from providers.moov_soap import PATH
from providers.sandbox.book import Book
from providers.sandbox.control import create_control
from providers.sandbox.gateway import Call as Scripted
from providers.sandbox.gateway import Gateway, step_of
from providers.sandbox.requests import RequestLog
from providers.sandbox.script import Script, Step

from .soap import Call, Fault, answer, fault, merchant_of, read_call
from .tables import (
    CALLER_REFUSED,
    COMPLETED,
    INVALID_CREDENTIALS,
    NEVER_SEEN,
    OUTCOMES,
    PARAMETERS_INCOMPLETE,
    PENDING,
    STATUSES,
    Merchant,
    outcome_for,
)
from .transactions import Settings, Transaction, Transactions

DEFAULT_SETTINGS: Final = Settings()

# The first is how the service is called by the book, the others by several public integrations.
_CONTENT_TYPES: Final = ("application/soap+xml", "application/xml", "text/xml")
_XML: Final = b"text/xml; charset=UTF-8"
_MSISDN: Final = re.compile(r"22[89][0-9]{8,10}", re.ASCII)

_SCRIPTED: Final = {
    "Push": "charge",
    "PushWithPending": "charge",
    "transferFlooz": "transfer",
    "cashintrans": "transfer",
    "getTransactionStatus": "look_up",
    "getBalance": "balance",
    "getMobileAccountStatus": "wallet",
}

Result = dict[str, str]


def create_app(
    book: Book,
    script: Script,
    public_url: str,  # noqa: ARG001 - the kit's signature; Moov shows the payer no page
    settings: Settings = DEFAULT_SETTINGS,
) -> ASGIApp:
    """The sandbox PSP, with the kit's faults and `/control` in front of it."""
    transactions = Transactions(book, settings)
    operations = Operations(transactions)

    async def moov(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        transactions.resume()
        message = await receive()  # the kit's gateway hands over the body in one piece
        body = message["body"] if message["type"] == "http.request" else b""
        refusal = _refusal(scope)
        if refusal is not None:
            await _send(send, refusal, b"")
            return
        try:
            content, status = await operations.serve(read_call(body), step_of(scope)), 200
        except Fault as broken:
            content, status = fault(broken), 500  # as SOAP 1.1 binds faults to HTTP
        await _send(send, status, content)

    log = RequestLog()
    control = create_control("moov", OUTCOMES, book, script, log)
    return Gateway(moov, control, script, log, _describe)


class Operations:
    """One method per operation of the service."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._operations: dict[str, Callable[[Merchant, Call, Step], Awaitable[Result]]] = {
            "Push": self._push,
            "PushWithPending": self._push_with_pending,
            "getTransactionStatus": self._status,
            "transferFlooz": self._transfer,
            "cashintrans": self._transfer,
            "getBalance": self._balance,
            "getMobileAccountStatus": self._wallet,
        }

    async def serve(self, call: Call, step: Step) -> bytes:
        """The answer to a call. Raises Fault."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise Fault("Client", f"Unknown operation: {call.operation}")
        merchant = merchant_of(call.fields.get("token", ""))
        if merchant is None:
            return answer(call.operation, _status(INVALID_CREDENTIALS))
        return answer(call.operation, await operation(merchant, call, step))

    async def _push_with_pending(self, merchant: Merchant, call: Call, step: Step) -> Result:
        """The prompt is on its way; of a pending push there is neither id nor echo yet."""
        return await self._begin_push(merchant, call, step, wait=False)

    async def _push(self, merchant: Merchant, call: Call, step: Step) -> Result:
        """The same, but nothing is answered before the payer has."""
        return await self._begin_push(merchant, call, step, wait=True)

    async def _begin_push(
        self, merchant: Merchant, call: Call, step: Step, *, wait: bool
    ) -> Result:
        msisdn = call.fields.get("msisdn", "")
        if not msisdn or not call.fields.get("amount"):
            return _status(PARAMETERS_INCOMPLETE)
        amount = call.amount()
        if refused := _refused(msisdn, amount):
            return _status(refused)
        reference = call.fields.get("externaldata1", "")
        transaction = await self._transactions.push(merchant, msisdn, amount, reference, step)
        if transaction is None:
            return _status(step.outcome or outcome_for(msisdn))
        if wait:
            await self._transactions.end(transaction)
            transaction = self._transactions.get(transaction.id) or transaction
        if transaction.status == PENDING:
            return _status(PENDING)
        return _shown(transaction) | {"transid": reference}

    async def _status(self, merchant: Merchant, call: Call, step: Step) -> Result:  # noqa: ARG002
        name = call.fields.get("transid", "")
        if not name:
            return _status(PARAMETERS_INCOMPLETE)
        transaction = self._transactions.find(merchant, name)
        return _status(NEVER_SEEN) if transaction is None else _shown(transaction)

    async def _transfer(self, merchant: Merchant, call: Call, step: Step) -> Result:
        """Final at once. The two kinds of transfer disagree about which id is whose."""
        msisdn, reference = call.fields.get("destination", ""), call.fields.get("referenceid", "")
        if not msisdn or not reference or not call.fields.get("amount"):
            return _status(PARAMETERS_INCOMPLETE)
        amount = call.amount()
        if refused := _refused(msisdn, amount):
            return _status(refused)
        sent = await self._transactions.transfer(merchant, msisdn, amount, reference, step)
        if sent is None:
            return _status(step.outcome or outcome_for(msisdn))
        result = {"status": sent.status, "message": STATUSES[sent.status]}
        if call.operation == "cashintrans":
            return result | {"referenceid": reference, "transid": sent.id}
        after = self._transactions.balance(merchant)
        moved = amount if sent.status == COMPLETED else 0
        return result | {
            "transactionid": reference,
            "referenceid": sent.id,
            "senderkeycost": "0",
            "senderbonus": "0",
            "senderbalancebefore": str(after + moved),
            "senderbalanceafter": str(after),
        }

    async def _balance(self, merchant: Merchant, call: Call, step: Step) -> Result:  # noqa: ARG002
        """The merchant's own balance; others' are refused, which is our assumption."""
        if call.fields.get("msisdn") != merchant.msisdn:
            return _status(CALLER_REFUSED)
        balance = str(self._transactions.balance(merchant))
        return {"balance": balance, "message": STATUSES[COMPLETED], "status": COMPLETED}

    async def _wallet(self, merchant: Merchant, call: Call, step: Step) -> Result:  # noqa: ARG002
        msisdn = call.fields.get("msisdn", "")
        fate = outcome_for(msisdn)
        if not _MSISDN.fullmatch(msisdn):
            fate = "3"
        if fate in ("3", "7", "555"):
            return {"status": fate, "message": STATUSES[fate]}
        return {
            "accounttype": "MCOM",
            "allowedtransfer": "0",
            "city": "COTONOU" if merchant.country == "BJ" else "LOME",
            "dateofbirth": "1987-11-01 00:00:00.0",
            "firstname": "SAND",
            "lastname": "BOX",
            "message": STATUSES[COMPLETED],
            "msisdn": msisdn,
            "region": "",
            "secondname": "",
            "status": COMPLETED,
            "street": "",
            "subscriberstatus": "INACTIVE" if fate == "9" else "ACTIVE",
        }


def _status(code: str) -> Result:
    return {"description": STATUSES[code], "status": code}


def _shown(transaction: Transaction) -> Result:
    return {
        "description": STATUSES[transaction.status],
        "referenceid": transaction.id,
        "status": transaction.status,
    }


def _refused(msisdn: str, amount: int) -> str | None:
    if not _MSISDN.fullmatch(msisdn):
        return "3"
    return "12" if amount == 0 else None


def _refusal(scope: HTTPScope) -> int | None:
    """The HTTP status for what is no SOAP call at all."""
    if scope["path"] != PATH:
        return 404
    if scope["method"] != "POST":
        return 405
    headers = dict(scope["headers"])
    media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
    return None if media_type.strip().lower() in _CONTENT_TYPES else 415


def _describe(method: str, path: str, body: bytes) -> Scripted | None:
    """The call in the words of the script."""
    if method != "POST" or path != PATH:
        return None
    try:
        call = read_call(body)
    except Fault:
        return None
    operation = _SCRIPTED.get(call.operation)
    if operation is None:
        return None
    payer = call.fields.get("msisdn") or call.fields.get("destination")
    try:
        return Scripted(operation, payer, call.amount())
    except Fault:
        return Scripted(operation, payer)


async def _send(send: Send, status: int, content: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(content))]
    if content:
        headers.append((b"content-type", _XML))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
