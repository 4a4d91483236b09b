"""MTN MoMo, product "disbursement": an adapter that sends money to wallets, and back to payers."""

from typing import Final

import httpx

from .boundary import Answer, DeclineCode, Payout, Refund
from .mtn_product import Access, MtnProduct
from .mtn_replies import money, party, read_creation, read_status

# Here the payer is our own account, and the payee the wallet. INVALID_... is CONFIGURATION; the
# rest is PROVIDER_ERROR.
DISBURSEMENT_REASONS: Final = {
    "NOT_ENOUGH_FUNDS": DeclineCode.FLOAT_INSUFFICIENT,
    "PAYEE_NOT_FOUND": DeclineCode.PAYER_NOT_FOUND,  # no such wallet, whichever way money flows
    "PAYEE_LIMIT_REACHED": DeclineCode.LIMIT_EXCEEDED,
    "PAYER_LIMIT_REACHED": DeclineCode.LIMIT_EXCEEDED,
    "AMOUNT_NOT_ALLOWED": DeclineCode.LIMIT_EXCEEDED,
    "EXPIRED": DeclineCode.EXPIRED,
    # Nobody is prompted, so "the payer refused" would name the wrong person.
    "APPROVAL_REJECTED": DeclineCode.GENERIC_DECLINE,
    "PAYMENT_NOT_APPROVED": DeclineCode.GENERIC_DECLINE,
    "REJECTED": DeclineCode.GENERIC_DECLINE,
    "TRANSACTION_CANCELED": DeclineCode.GENERIC_DECLINE,
    # One word for three reasons: our float, the wallet's limit, or a ban.
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": DeclineCode.GENERIC_DECLINE,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": DeclineCode.GENERIC_DECLINE,
    "PAYER_NOT_FOUND": DeclineCode.CONFIGURATION,
    "SENDER_ACCOUNT_NOT_ACTIVE": DeclineCode.CONFIGURATION,
    "NOT_ALLOWED": DeclineCode.CONFIGURATION,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": DeclineCode.CONFIGURATION,
}


def build_transfer(access: Access, payout: Payout, callback_url: str | None) -> httpx.Request:
    """POST /disbursement/v1_0/transfer."""
    external_id = payout.external_id or payout.reference  # MTN requires one
    body = money(payout.amount, payout.currency, external_id, payout.description)
    body["payee"] = party(payout.recipient)
    return access.create("transfer", payout.reference, callback_url, body)


def build_refund(access: Access, refund: Refund, callback_url: str | None) -> httpx.Request:
    """POST /disbursement/v1_0/refund; the original is named by its X-Reference-Id."""
    external_id = refund.external_id or refund.reference
    body = money(refund.amount, refund.charge.currency, external_id, "")
    body["referenceIdToRefund"] = refund.charge.reference
    return access.create("refund", refund.reference, callback_url, body)


class MtnDisbursement(MtnProduct):
    """Sends money to MTN MoMo wallets: `Payouts`, `Refunds` and `Balances` of the boundary.

    It refunds what `MtnCollection` took in the same target environment, out of the same account.
    """

    product = "disbursement"

    async def pay_out(self, payout: Payout) -> Answer:
        """Transfer to a wallet; PENDING when MTN took the request."""
        reply = await self._create(
            lambda access, callback_url: build_transfer(access, payout, callback_url),
            payout.callback_url,
        )
        return reply if isinstance(reply, Answer) else read_creation(reply)

    async def look_up_payout(self, payout: Payout) -> Answer:
        """Read the transfer's status; whatever prevents reading it is UNKNOWN, not NOT_SENT."""
        reply = await self._ask(lambda access: access.get(f"transfer/{payout.reference}"))
        if isinstance(reply, Answer):
            return reply
        return read_status(reply, payout.amount, payout.currency, DISBURSEMENT_REASONS)

    async def refund(self, refund: Refund) -> Answer:
        """Give back a charge, in whole or in part; PENDING when MTN took the request."""
        reply = await self._create(
            lambda access, callback_url: build_refund(access, refund, callback_url),
            refund.callback_url,
        )
        return reply if isinstance(reply, Answer) else read_creation(reply)

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Read the refund's status; whatever prevents reading it is UNKNOWN, not NOT_SENT."""
        reply = await self._ask(lambda access: access.get(f"refund/{refund.reference}"))
        if isinstance(reply, Answer):
            return reply
        return read_status(reply, refund.amount, refund.charge.currency, DISBURSEMENT_REASONS)
