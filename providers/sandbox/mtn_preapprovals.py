"""Pre-approvals of the MTN sandbox: asked, answered on the phone, expired or taken back.

No money moves by them, and a request to pay goes on as if there were none: what MTN does with one
whose payer has approved is not published. That the id of the list and of the cancellation is the
X-Reference-Id, and that one whose owner has not answered can be canceled, are our assumptions.
"""

import asyncio
import json
from time import gmtime, strftime, time
from typing import Annotated, Any, Final

import msgspec

from .book import Book
from .callbacks import Callback, Callbacks
from .mtn_bodies import Party, check_party
from .mtn_http import Refused, decode
from .mtn_tables import WITHDRAWN, outcome_for
from .mtn_transactions import Settings
from .script import Step

_KIND: Final = "preapproval"  # of resource in the book, by reference
_LISTED_AS: Final = {"SUCCESSFUL": "APPROVED", "FAILED": "REJECTED"}


class Wish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a merchant asks for."""

    payer: Party
    payer_currency: str
    payer_message: Annotated[str, msgspec.Meta(max_length=160)] = ""
    validity_time: Annotated[int, msgspec.Meta(gt=0)]  # seconds


class PreApproval(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One question and its answer, as the book keeps it."""

    status: str  # CREATED, PENDING, SUCCESSFUL, FAILED
    payer: Party
    payer_currency: str
    payer_message: str = ""
    reason: str = ""
    # What follows is not shown by the status call.
    user: str  # id of the API user who asked
    callback_url: str | None = None
    created_at: float
    due_at: float | None  # unix time of the owner's answer
    expires_at: float  # unix time
    outcome: str
    step: Step
    canceled_at: float | None = None

    def shown(self) -> dict[str, Any]:
        """What the status call and the callback say."""
        state = msgspec.to_builtins(self)
        names = ("payer", "payerCurrency", "payerMessage", "status", "reason")
        shown = {name: state[name] for name in names if name in state}
        return shown | {"expirationDateTime": _clock(self.expires_at)}

    def listed(self, reference: str) -> dict[str, Any]:
        """What the list of a payer's approvals says."""
        status = _LISTED_AS.get(self.status, "PENDING")
        if status != "REJECTED" and self.canceled_at is not None and self.canceled_at <= time():
            status = "CANCELLED"
        elif status != "REJECTED" and self.expires_at <= time():
            status = "EXPIRED"
        return {
            "preApprovalId": reference,
            "fromFri": f"FRI:{self.payer.party_id}/MSISDN",
            "fromCurrency": self.payer_currency,
            "createdTime": _clock(self.created_at),
            "expiryTime": _clock(self.expires_at),
            "status": status,
            "message": self.payer_message,
        }


class PreApprovals:
    """The pre-approvals of one book, and what answers them in the background."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self._callbacks = Callbacks()
        self._resumed = False

    def get(self, reference: str) -> PreApproval | None:
        """The one with that reference."""
        state = self._book.resource(_KIND, reference)
        return None if state is None else msgspec.convert(state, PreApproval)

    def of_payer(self, user: str, msisdn: str) -> list[dict[str, Any]]:
        """What this API user asked a payer for, newest first."""
        found = [
            approval.listed(reference)
            for reference, approval in self._all()
            if (approval.user, approval.payer.party_id) == (user, msisdn)
        ]
        return found[::-1]

    async def begin(
        self, reference: str, user: str, wish: Wish, callback_url: str | None, step: Step
    ) -> None:
        """Accept; nothing is awaited before the question is in the book."""
        outcome = step.outcome or outcome_for(_KIND, wish.payer.party_id)
        status, delay = "PENDING", self._settings.approval_delay
        if outcome == "PENDING":
            outcome, delay = "EXPIRED", self._settings.expiry
        elif outcome == "DELAYED":
            status, outcome, delay = "CREATED", "SUCCESSFUL", self._settings.delayed_approval
        now = time()
        approval = PreApproval(
            status=status,
            payer=wish.payer,
            payer_currency=wish.payer_currency,
            payer_message=wish.payer_message,
            user=user,
            callback_url=callback_url,
            created_at=now,
            due_at=now + (step.delay or delay),
            expires_at=now + wish.validity_time,
            outcome=outcome,
            step=step,
        )
        await self._keep(reference, approval)
        self._wait_for(reference, approval)

    async def cancel(self, reference: str, approval: PreApproval) -> None:
        """Take it back; one that nobody has answered will have been refused."""
        changes: dict[str, Any] = {"canceled_at": time()}
        if approval.due_at is not None:
            changes |= {"status": "FAILED", "reason": "TRANSACTION_CANCELED", "due_at": None}
        await self._keep(reference, msgspec.structs.replace(approval, **changes))

    def resume(self) -> None:
        """Wait again, once, for the answers that an earlier process waited for."""
        if self._resumed:
            return
        self._resumed = True
        for reference, approval in self._all():
            self._wait_for(reference, approval)

    def _all(self) -> list[tuple[str, PreApproval]]:
        return [
            (reference, msgspec.convert(state, PreApproval))
            for reference, state in self._book.resources(_KIND).items()
        ]

    def _wait_for(self, reference: str, approval: PreApproval) -> None:
        if approval.due_at is not None:
            self._callbacks.run(self._answer(reference, approval.due_at))

    async def _answer(self, reference: str, due_at: float) -> None:
        """The owner answers, and MTN tells."""
        await asyncio.sleep(max(0.0, due_at - time()))
        approval = self.get(reference)
        if approval is None or approval.due_at is None:  # answered, or canceled meanwhile
            return
        allowed = approval.outcome in ("SUCCESSFUL", WITHDRAWN)
        reason = "" if allowed or approval.outcome == "FAILED" else approval.outcome
        withdrawn = time() + self._settings.approval_delay
        approval = msgspec.structs.replace(
            approval,
            status="SUCCESSFUL" if allowed else "FAILED",
            reason=reason,
            due_at=None,
            canceled_at=withdrawn if approval.outcome == WITHDRAWN else None,
        )
        await self._keep(reference, approval)
        if approval.callback_url is not None:
            body = json.dumps(approval.shown()).encode()
            method = self._settings.callback_method
            callback = Callback(approval.callback_url, body, {}, method)
            self._callbacks.send(callback, approval.step)

    async def _keep(self, reference: str, approval: PreApproval) -> None:
        await self._book.write({_KIND: {reference: msgspec.to_builtins(approval)}})


def read_preapproval(body: bytes) -> Wish:
    """Check a body as MTN does, or refuse."""
    if b"'" in body:  # as in the bodies that move money
        raise Refused(400)
    wish = decode(body, Wish)
    check_party(wish.payer)
    return wish


def _clock(at: float) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(at))
