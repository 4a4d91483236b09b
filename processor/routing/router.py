"""The one place that calls providers.

A breaker and a gate stand around what moves money; a look-up always goes through, because truth
has to.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from processor.routing.accounts import Account
from processor.routing.decision import Decision, Payment, decide
from processor.routing.directory import Directory
from processor.routing.health import Health
from providers.boundary import (
    Answer,
    Balance,
    Balances,
    Captures,
    Charge,
    DeclineCode,
    Payout,
    PayoutPreparations,
    Payouts,
    PreApproval,
    PreApprovals,
    Preparations,
    Refund,
    Refunds,
    Verdict,
    Verification,
    Verifications,
    WalletChecks,
)

# How long what an account holds is remembered: a burst of payouts asks once.
FLOAT_SECONDS = 5.0

# How long a call may wait for its turn at a busy account.
QUEUE_SECONDS = 15.0

# A call begins within this time after it was committed, or never. With the provider's own time-out
# that is less than the time after which the janitor believes that it was never sent, and sends it.
BEGIN_SECONDS = 20.0

# How long a wallet check may take, before the payment goes on without it.
WALLET_SECONDS = 3.0


class Router:
    """Finds accounts and calls them. `tenant`, the schema on whose behalf, decides whose turn it
    is at a busy account."""

    def __init__(self, directory: Directory, health: Health) -> None:
        self.directory = directory
        self.health = health

    async def load(self, schema: str, name: str | None = None) -> None:
        """Know the accounts and rules of a tenant, and this account if it is there at all. To be
        called before anything is routed."""
        await self.directory.load(schema, name)

    def decide(self, schema: str, payment: Payment) -> Decision:
        """The accounts that can take a tenant's payment, best first, and why."""
        return decide(self.directory.of(schema), self.directory.rules(schema), payment)

    def account(self, name: str) -> Account:
        """The account with this name. Raises `directory.UnknownAccount`."""
        return self.directory.account(name)

    async def prepare(
        self, name: str, charge: Charge, tenant: str, since: float | None = None
    ) -> Answer | None:
        """What has to be known before a charge is sent; None if nothing has. `since`: see `charge`.

        PENDING brings the provider's id of the attempt, to be committed first. DECLINED: the wallet
        is known not to exist, so that nothing is sent.
        """
        account = self.account(name)
        if account.checks_wallets and isinstance(account.provider, WalletChecks):
            refused = await _missing_wallet(account.provider, charge.payer)
            if refused is not None:
                return refused
        if not isinstance(account.provider, Preparations):
            return None
        provider = account.provider
        return await self._guarded(
            account, "charge", tenant, lambda: provider.prepare(charge), since
        )

    async def charge(
        self, name: str, charge: Charge, tenant: str, since: float | None = None
    ) -> Answer:
        """Send a charge, unless the breaker is open, or it was committed too long ago: then nothing
        was sent. `since`: when that was, in unix seconds; None: just now."""
        account = self.account(name)
        provider = account.provider
        return await self._guarded(
            account, "charge", tenant, lambda: provider.charge(charge), since
        )

    def verifier(self, schema: str, *, method: str) -> Account | None:
        """The account that can check such a means of payment without charging it, if any can."""
        able = [
            account
            for account in self.directory.of(schema)
            if method in account.provider.capabilities.methods
            and isinstance(account.provider, Verifications)
            and account.disabled is None
        ]
        return min(able, key=lambda account: account.state("setup") == "open", default=None)

    async def verify(
        self, name: str, verification: Verification, tenant: str, *, again: bool = False
    ) -> Answer:
        """Check a means of payment, unless the breaker is open. `again` only asks what came of a
        check, and is never blocked."""
        account = self.account(name)
        provider = account.provider
        assert isinstance(provider, Verifications), f"{name} cannot verify"
        if again:
            account.gate.count()
            return await provider.verify(verification)
        return await self._guarded(account, "setup", tenant, lambda: provider.verify(verification))

    def approver(self, schema: str, *, network: str, country: str) -> Account | None:
        """The account that can keep the approval of such a wallet's owner, if any can."""
        able = [
            account
            for account in self.directory.of(schema)
            if isinstance(account.provider, PreApprovals)
            and network in account.provider.capabilities.networks
            and country in account.provider.capabilities.countries
            and account.disabled is None
        ]
        return min(able, key=lambda account: account.state("setup") == "open", default=None)

    async def ask_approval(self, name: str, approval: PreApproval, tenant: str) -> Answer:
        """Ask a wallet's owner to allow later charges, unless the breaker is open."""
        account = self.account(name)
        provider = account.provider
        assert isinstance(provider, PreApprovals), f"{name} keeps no approvals"
        return await self._guarded(
            account, "setup", tenant, lambda: provider.ask_approval(approval)
        )

    async def look_up_approval(self, name: str, approval: PreApproval) -> Answer:
        """What the owner said. Never blocked by a breaker."""
        return await self._approvals(name).look_up_approval(approval)

    async def approval_stands(self, name: str, approval: PreApproval) -> Answer:
        """Whether an approval still holds. Never blocked by a breaker."""
        return await self._approvals(name).approval_stands(approval)

    async def cancel_approval(self, name: str, approval: PreApproval) -> Answer:
        """Take an approval back. Never blocked by a breaker."""
        return await self._approvals(name).cancel_approval(approval)

    def _approvals(self, name: str) -> PreApprovals:
        """Whom to ask about an approval, out of turn."""
        account = self.account(name)
        assert isinstance(account.provider, PreApprovals), f"{name} keeps no approvals"
        account.gate.count()
        return account.provider

    async def look_up(self, name: str, charge: Charge) -> Answer:
        """Ask what became of a charge. Never blocked by a breaker, and waits for nobody."""
        account = self.account(name)
        account.gate.count()
        return await account.provider.look_up(charge)

    def refunds(self, name: str) -> Refunds | None:
        """Who gives money of this account's charges back; None where the rail has no refund."""
        account = self.account(name)
        if isinstance(account.provider, Refunds):
            return account.provider
        return account.disbursement if isinstance(account.disbursement, Refunds) else None

    async def refund(
        self, name: str, refund: Refund, tenant: str, since: float | None = None
    ) -> Answer:
        """As `charge`, for a refund."""
        refunder = self.refunds(name)
        assert refunder is not None, f"{name} cannot refund"
        account = self.account(name)
        return await self._guarded(
            account, "refund", tenant, lambda: refunder.refund(refund), since
        )

    def payouts(self, name: str) -> Payouts | None:
        """Who sends money out of this account; None where the rail does not."""
        account = self.account(name)
        if isinstance(account.provider, Payouts):
            return account.provider
        return account.disbursement if isinstance(account.disbursement, Payouts) else None

    async def prepare_payout(
        self, name: str, payout: Payout, tenant: str, since: float | None = None
    ) -> Answer | None:
        """As `prepare`, for a payout."""
        account = self.account(name)
        payer = self.payouts(name)
        if account.checks_wallets and isinstance(payer, WalletChecks):
            refused = await _missing_wallet(payer, payout.recipient)
            if refused is not None:
                return refused
        if not isinstance(payer, PayoutPreparations):
            return None
        return await self._guarded(
            account, "payout", tenant, lambda: payer.prepare_payout(payout), since
        )

    async def pay_out(
        self, name: str, payout: Payout, tenant: str, since: float | None = None
    ) -> Answer:
        """As `charge`, for a payout."""
        payer = self.payouts(name)
        assert payer is not None, f"{name} cannot pay out"
        account = self.account(name)
        return await self._guarded(account, "payout", tenant, lambda: payer.pay_out(payout), since)

    async def float_of(self, name: str) -> Balance | None:
        """What this account holds for payouts, at most `FLOAT_SECONDS` old; None if nobody says."""
        account, payer = self.account(name), self.payouts(name)
        if not isinstance(payer, Balances):
            return None
        if time.monotonic() >= account.float_until:
            account.float_seen = await payer.balance()
            account.float_until = time.monotonic() + FLOAT_SECONDS
        return account.float_seen

    async def capture(self, name: str, charge: Charge, reference: str, amount: int) -> Answer:
        """Take a held amount, in minor units."""
        provider = self.account(name).provider
        assert isinstance(provider, Captures), f"{name} cannot capture"
        return await provider.capture(charge, reference, amount)

    async def cancel(self, name: str, charge: Charge, reference: str) -> Answer:
        """Release a held amount or withdraw an open attempt."""
        provider = self.account(name).provider
        assert isinstance(provider, Captures), f"{name} cannot cancel"
        return await provider.cancel(charge, reference)

    def can_capture(self, name: str) -> bool:
        """Whether this account can hold an amount first."""
        return isinstance(self.account(name).provider, Captures)

    async def _guarded(
        self,
        account: Account,
        operation: str,
        tenant: str,
        call: Callable[[], Awaitable[Answer]],
        since: float | None = None,
    ) -> Answer:
        """Make a call in its turn and within an account's bounds, unless nothing may be sent there
        now."""
        if account.disabled is not None:
            return Answer(Verdict.NOT_SENT, evidence={"account": "disabled"})
        breaker = account.breakers[operation]
        probing = breaker.state == "half_open"
        allowed = breaker.allow()
        if allowed and probing and not await self.health.may_probe(account, operation):
            breaker.abandon()
            allowed = False
        if not allowed:
            return Answer(Verdict.NOT_SENT, evidence={"breaker": "open"})
        begin_by = (time.time() if since is None else since) + BEGIN_SECONDS
        patience = min(QUEUE_SECONDS, begin_by - time.time())
        try:
            await asyncio.wait_for(account.gate.enter(tenant), max(0.0, patience))
        except TimeoutError:
            breaker.abandon()
            return Answer(Verdict.NOT_SENT, evidence={"queue": "full"})
        if time.time() > begin_by:  # this process has stood still
            account.gate.leave(tenant)
            breaker.abandon()
            return Answer(Verdict.NOT_SENT, evidence={"queue": "late"})
        try:
            answer = await call()
        except BaseException:
            breaker.abandon()
            raise
        finally:
            account.gate.leave(tenant)
        if not answer.asked:
            breaker.abandon()
            return answer
        breaker.report(answered=answer.verdict not in (Verdict.NOT_SENT, Verdict.UNKNOWN))
        if breaker.state == "open":
            await self.health.opened(account, operation)
        elif probing and breaker.state == "closed":
            await self.health.closed(account, operation)
        return answer


async def _missing_wallet(provider: WalletChecks, msisdn: str) -> Answer | None:
    """A refusal, if the provider says that there is no such wallet; silence stops nothing."""
    try:
        wallet = await asyncio.wait_for(provider.wallet(msisdn), WALLET_SECONDS)
    except TimeoutError:
        return None
    if wallet is None or wallet.active:
        return None
    return Answer(
        Verdict.DECLINED,
        decline_code=DeclineCode.PAYER_NOT_FOUND,
        evidence={"wallet_check": "inactive"},
    )
