"""MTN MoMo, product "collection": an adapter that asks a wallet's owner to pay."""

from collections.abc import Mapping
from typing import Final

import httpx

from .boundary import Answer, Charge, DeclineCode, PreApproval, impossible
from .mtn_preapproval import (
    PreApprovalStatus,
    build_cancellation,
    build_list,
    build_preapproval,
    read_cancellation,
    read_list,
)
from .mtn_preapproval import build_status as build_approval
from .mtn_preapproval import read_status as read_approval
from .mtn_product import LIVE_URL, SANDBOX_URL, Access, MtnCredentials, MtnProduct
from .mtn_replies import decode, money, party, read_creation, read_status

__all__ = ["LIVE_URL", "SANDBOX_URL", "MtnCollection", "MtnCredentials"]

# Published reasons and those seen live. INVALID_... is CONFIGURATION; the rest is PROVIDER_ERROR,
# INTERNAL_PROCESSING_ERROR included, although it is how MTN words lack of funds in some countries.
COLLECTION_REASONS: Final = {
    "NOT_ENOUGH_FUNDS": DeclineCode.INSUFFICIENT_FUNDS,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": DeclineCode.INSUFFICIENT_FUNDS,
    "PAYER_NOT_FOUND": DeclineCode.PAYER_NOT_FOUND,
    "PAYEE_NOT_FOUND": DeclineCode.PAYER_NOT_FOUND,
    "SENDER_ACCOUNT_NOT_ACTIVE": DeclineCode.PAYER_NOT_FOUND,
    "APPROVAL_REJECTED": DeclineCode.PAYER_DECLINED,
    "TRANSACTION_CANCELED": DeclineCode.PAYER_DECLINED,
    "PAYMENT_NOT_APPROVED": DeclineCode.PAYER_DECLINED,
    "EXPIRED": DeclineCode.EXPIRED,
    "COULD_NOT_PERFORM_TRANSACTION": DeclineCode.EXPIRED,  # the payer let five minutes pass
    "PAYER_LIMIT_REACHED": DeclineCode.LIMIT_EXCEEDED,
    "PAYEE_LIMIT_REACHED": DeclineCode.LIMIT_EXCEEDED,
    "AMOUNT_NOT_ALLOWED": DeclineCode.LIMIT_EXCEEDED,
    "NOT_ALLOWED": DeclineCode.CONFIGURATION,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": DeclineCode.CONFIGURATION,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": DeclineCode.CONFIGURATION,
}


def build_request_to_pay(access: Access, charge: Charge, callback_url: str | None) -> httpx.Request:
    """POST /collection/v1_0/requesttopay."""
    external_id = charge.external_id or charge.reference  # MTN requires one
    body = money(charge.amount, charge.currency, external_id, charge.description)
    body["payer"] = party(charge.payer)
    return access.create("requesttopay", charge.reference, callback_url, body)


class MtnCollection(MtnProduct):
    """Takes money from MTN MoMo wallets: `Provider`, `PreApprovals` and `Balances`."""

    product = "collection"

    async def charge(self, charge: Charge) -> Answer:
        """Ask the payer to approve; PENDING when MTN took the request.

        MTN cannot hold an amount: a charge to be captured later is NOT_SENT.
        """
        if not charge.capture:
            return impossible("MTN MoMo has no manual capture.")
        reply = await self._create(
            lambda access, callback_url: build_request_to_pay(access, charge, callback_url),
            charge.callback_url,
        )
        return reply if isinstance(reply, Answer) else read_creation(reply)

    async def look_up(self, charge: Charge) -> Answer:
        """Read the request's status; whatever prevents reading it is UNKNOWN, not NOT_SENT."""
        reply = await self._ask(lambda access: access.get(f"requesttopay/{charge.reference}"))
        if isinstance(reply, Answer):
            return reply
        return read_status(reply, charge.amount, charge.currency, COLLECTION_REASONS)

    async def ask_approval(self, approval: PreApproval) -> Answer:
        """Ask the wallet's owner to allow later requests; PENDING when MTN took the question."""
        reply = await self._create(
            lambda access, callback_url: build_preapproval(access, approval, callback_url),
            approval.callback_url,
        )
        return reply if isinstance(reply, Answer) else read_creation(reply)

    async def look_up_approval(self, approval: PreApproval) -> Answer:
        """Read the question's status; whatever prevents reading it is UNKNOWN."""
        reply = await self._ask(lambda access: build_approval(access, approval))
        return reply if isinstance(reply, Answer) else read_approval(reply, approval)

    async def approval_stands(self, approval: PreApproval) -> Answer:
        """Seek the approval in the list of its payer's; UNKNOWN if it is not there."""
        reply = await self._ask(lambda access: build_list(access, approval))
        return reply if isinstance(reply, Answer) else read_list(reply, approval)

    async def cancel_approval(self, approval: PreApproval) -> Answer:
        """Take it back. Safe to repeat; UNKNOWN says that it should be."""
        reply = await self._ask(lambda access: build_cancellation(access, approval))
        return reply if isinstance(reply, Answer) else read_cancellation(reply)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """As of every product; a pre-approval's callback has no amount."""
        if decode(body, PreApprovalStatus) is not None:
            return None
        return super().read_callback(headers, body)
