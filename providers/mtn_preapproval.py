"""MTN MoMo's pre-approvals: a wallet's owner allows later requests to pay, on the phone.

Protocol: v2_0/preapproval, v1_0/preapprovals and v1_0/preapproval of the product "collection". MTN
publishes their shapes and little else. Where it is silent:

- **What an approval does to a later request to pay** is not said, nor is there a field that names
  it in one. A request to pay is sent as ever, and its payer may be asked as ever.
- **The id to cancel one by** ("preapprovalid") is taken to be its X-Reference-Id, the id of every
  resource that is made with one; so is `preApprovalId` in the list of a payer's approvals. One that
  is not in the list under that id is not known to have ended.
- **How long an approval may hold**, and how long its owner has to answer, is not said.
"""

from typing import Any, Final

import httpx
import msgspec

from .boundary import Answer, DeclineCode, PreApproval, Verdict
from .mtn_product import Access
from .mtn_replies import Reason, decline_code, decode, error_code, evidence, party, plain

# Published reasons of FAILED. INVALID_... is CONFIGURATION; the rest is PROVIDER_ERROR.
_REASONS: Final = {
    "APPROVAL_REJECTED": DeclineCode.PAYER_DECLINED,
    "PAYMENT_NOT_APPROVED": DeclineCode.PAYER_DECLINED,
    "TRANSACTION_CANCELED": DeclineCode.PAYER_DECLINED,
    "EXPIRED": DeclineCode.EXPIRED,
    "PAYER_NOT_FOUND": DeclineCode.PAYER_NOT_FOUND,
    "NOT_ALLOWED": DeclineCode.CONFIGURATION,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": DeclineCode.CONFIGURATION,
}
_STANDING: Final = frozenset({"APPROVED", "PENDING"})
_ENDED: Final = frozenset({"CANCELLED", "EXPIRED", "REJECTED"})


class PreApprovalStatus(msgspec.Struct, rename="camel"):
    """A pre-approval, as the status call and the callback show it."""

    payer: dict[str, Any]
    payer_currency: str
    status: str  # CREATED, PENDING, SUCCESSFUL, FAILED
    reason: str | Reason | None = None

    def is_of(self, approval: PreApproval) -> bool:
        """Whether it speaks of the same wallet and currency."""
        return (
            self.payer.get("partyId") == party(approval.payer)["partyId"]
            and self.payer_currency.lower() == approval.currency
        )


class _Listed(msgspec.Struct, rename="camel"):
    pre_approval_id: str
    status: str


def build_preapproval(
    access: Access, approval: PreApproval, callback_url: str | None
) -> httpx.Request:
    """POST /collection/v2_0/preapproval. `validityTime` is in seconds."""
    body = {
        "payer": party(approval.payer),
        "payerCurrency": approval.currency.upper(),
        "payerMessage": plain(approval.description),
        "validityTime": approval.seconds,
    }
    return access.create("preapproval", approval.reference, callback_url, body, version="v2_0")


def build_status(access: Access, approval: PreApproval) -> httpx.Request:
    """GET /collection/v2_0/preapproval/{reference}."""
    return access.get(f"preapproval/{approval.reference}", version="v2_0")


def build_list(access: Access, approval: PreApproval) -> httpx.Request:
    """GET /collection/v1_0/preapprovals/msisdn/{digits}: all that this payer was asked."""
    return access.get(f"preapprovals/msisdn/{approval.payer.removeprefix('+')}")


def build_cancellation(access: Access, approval: PreApproval) -> httpx.Request:
    """DELETE /collection/v1_0/preapproval/{reference}."""
    return access.delete(f"preapproval/{approval.reference}")


def read_status(reply: httpx.Response, approval: PreApproval) -> Answer:
    """Only SUCCESSFUL and FAILED are final. A 404 is believed when MTN itself says it."""
    kept = evidence(reply)
    if reply.status_code == 404 and error_code(reply) == "RESOURCE_NOT_FOUND":
        return Answer(Verdict.NOT_SENT, evidence=kept)
    body = decode(reply.content, PreApprovalStatus) if reply.status_code == 200 else None
    if body is None or not body.is_of(approval):
        return Answer(Verdict.UNKNOWN, evidence=kept)
    match body.status:
        case "SUCCESSFUL":
            return Answer(Verdict.SUCCEEDED, approval.reference, evidence=kept)
        case "FAILED":
            code = decline_code(body.reason, _REASONS)
            return Answer(Verdict.DECLINED, None, code, evidence=kept)
    return Answer(Verdict.PENDING, evidence=kept)


def read_list(reply: httpx.Response, approval: PreApproval) -> Answer:
    """Whether an approval that was given still holds."""
    kept: dict[str, Any] = {"http_status": reply.status_code}  # the list is about others, too
    listed = decode(reply.content, list[_Listed]) if reply.status_code == 200 else None
    for found in listed or ():
        if found.pre_approval_id == approval.reference:
            kept["status"] = found.status
            if found.status in _STANDING:
                return Answer(Verdict.SUCCEEDED, approval.reference, evidence=kept)
            if found.status in _ENDED:
                return Answer(Verdict.DECLINED, evidence=kept)
    return Answer(Verdict.UNKNOWN, evidence=kept)


def read_cancellation(reply: httpx.Response) -> Answer:
    """Whether it was taken back."""
    kept = evidence(reply)
    if reply.status_code == 200:
        return Answer(Verdict.SUCCEEDED, evidence=kept)
    if reply.status_code == 404 and error_code(reply) == "RESOURCE_NOT_FOUND":
        return Answer(Verdict.NOT_SENT, evidence=kept)
    return Answer(Verdict.UNKNOWN, evidence=kept)
