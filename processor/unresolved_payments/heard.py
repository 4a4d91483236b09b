"""What was said of a payment, as the queue hears it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from processor.payments.objects import Charge
from processor.payouts.objects import BANK, Payout
from processor.refunds.objects import Refund
from processor.routing.directory import UnknownAccount
from processor.routing.router import Router
from processor.unresolved_payments import rules
from processor.unresolved_payments.books import Payment
from processor.unresolved_payments.rules import Outcome, Rail, Type
from providers.boundary import Verdict


@dataclass(frozen=True, slots=True)
class Heard:
    """A payment as it is now stored, its row locked, and what was said of it."""

    type: Type
    payment: Payment
    sent: int  # when it was sent, in unix seconds
    rail: Rail
    page_seconds: int | None = None  # how long its page can be paid on
    verdict: Verdict | None = None  # None: nobody was asked
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def patience(self) -> int | None:
        """Seconds that it may be open; None if it is not."""
        return rules.patience(self.type, self.payment.state, self.rail, self.page_seconds)

    @property
    def said(self) -> Outcome | None:
        """What was said of the money, if anything clear was. That a provider does not know a
        payment (any more) is nothing to hold against who has decided it."""
        if self.verdict is Verdict.SUCCEEDED:
            return "succeeded"
        return "failed" if self.verdict is Verdict.DECLINED else None


def of_charge(
    router: Router,
    charge: Charge,
    verdict: Verdict | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> Heard:
    """What was said of a charge."""
    rail: Rail = "card" if charge.details.method_type == "card" else "wallet"
    page_seconds = None
    if charge.state == "pending" and charge.details.redirect_url is not None:
        rail, page_seconds = "page", _page_seconds(router, charge.provider)
    return Heard("charge", charge, charge.sent, rail, page_seconds, verdict, evidence or {})


def _page_seconds(router: Router, account: str) -> int | None:
    try:
        return router.account(account).provider.capabilities.page_seconds
    except UnknownAccount:  # taken away since; it says nothing of its pages any more
        return None


def of_refund(
    refund: Refund, verdict: Verdict | None = None, evidence: Mapping[str, Any] | None = None
) -> Heard:
    """What was said of a refund."""
    rail: Rail = "card" if refund.details.method_type == "card" else "wallet"
    return Heard("refund", refund, refund.created, rail, None, verdict, evidence or {})


def of_payout(
    payout: Payout, verdict: Verdict | None = None, evidence: Mapping[str, Any] | None = None
) -> Heard:
    """What was said of a payout."""
    rail: Rail = "bank" if payout.provider == BANK else "wallet"
    sent = payout.details.submitted_at or payout.created
    return Heard("payout", payout, sent, rail, None, verdict, evidence or {})
