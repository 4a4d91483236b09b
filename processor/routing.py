"""Which provider account takes a charge, and the one place that calls providers.

A route is found from the means of payment, its network and country, the currency and the mode. The
breaker stands around the sending of charges; a look-up always goes through, because truth has to.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from processor.breaker import Breaker
from providers.boundary import (
    Answer,
    Balance,
    Balances,
    Captures,
    Charge,
    Payouts,
    Provider,
    Refunds,
    Verdict,
    Verification,
    Verifications,
)

# How long what an account holds is remembered: a burst of payouts asks once.
FLOAT_SECONDS = 5.0


# How long a call may wait for its turn at a busy account. With the provider's own time-out it is
# less than the time after which the janitor believes that a charge was never sent.
QUEUE_SECONDS = 15.0


@dataclass(slots=True)
class Account:
    """One account at a provider, and what may be charged through it."""

    name: str  # stored with each charge: "mtn_cameroon", "cards"
    provider: Provider
    livemode: bool
    method: str  # the payment method type: "card" or "mobile_money"
    currencies: frozenset[str]
    networks: frozenset[str] = frozenset()  # of wallets; empty for cards
    countries: frozenset[str] = frozenset()  # of wallets; empty: any
    concurrency: int = 64  # calls at once from one process
    # The provider's other product, where sending money out is one: refunds and payouts go there.
    disbursement: object | None = None
    breaker: Breaker = field(default_factory=Breaker)
    gate: asyncio.Semaphore = field(init=False)
    float_seen: Balance | None = None
    float_until: float = 0.0  # of the monotonic clock

    def __post_init__(self) -> None:
        self.gate = asyncio.Semaphore(self.concurrency)

    def takes(
        self, livemode: bool, method: str, currency: str, network: str | None, country: str | None
    ) -> bool:
        """Whether this account can take such a charge."""
        return (
            self.livemode == livemode
            and self.method == method
            and currency in self.currencies
            and (not self.networks or network in self.networks)
            and (not self.countries or country in self.countries)
        )


class Router:
    """Knows the accounts of an installation."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._accounts = {account.name: account for account in accounts}

    def candidates(
        self,
        *,
        livemode: bool,
        method: str,
        currency: str,
        network: str | None = None,
        country: str | None = None,
    ) -> list[Account]:
        """The accounts that can take such a charge, best first: closed breakers before open."""
        able = [
            account
            for account in self._accounts.values()
            if account.takes(livemode, method, currency, network, country)
        ]
        return sorted(able, key=lambda account: account.breaker.state == "open")

    def account(self, name: str) -> Account:
        """The account with this name. A charge outlives a configuration: KeyError if it is gone."""
        return self._accounts[name]

    async def charge(self, name: str, charge: Charge) -> Answer:
        """Send a charge, unless the breaker is open: then nothing was sent."""
        account = self.account(name)
        return await _guarded(account, lambda: account.provider.charge(charge))

    def verifier(self, *, livemode: bool, method: str) -> Account | None:
        """The account that can check such a means of payment without charging it, if any can."""
        able = [
            account
            for account in self._accounts.values()
            if account.livemode == livemode
            and account.method == method
            and isinstance(account.provider, Verifications)
        ]
        return min(able, key=lambda account: account.breaker.state == "open", default=None)

    async def verify(self, name: str, verification: Verification, *, again: bool = False) -> Answer:
        """Check a means of payment, unless the breaker is open. `again` only asks what came of a
        check, and is never blocked."""
        account = self.account(name)
        provider = account.provider
        assert isinstance(provider, Verifications), f"{name} cannot verify"
        if again:
            return await provider.verify(verification)
        return await _guarded(account, lambda: provider.verify(verification))

    async def look_up(self, name: str, charge: Charge) -> Answer:
        """Ask what became of a charge. Never blocked by a breaker."""
        return await self.account(name).provider.look_up(charge)

    def refunds(self, name: str) -> Refunds | None:
        """Who gives money of this account's charges back; None where the rail has no refund."""
        account = self.account(name)
        if isinstance(account.provider, Refunds):
            return account.provider
        return account.disbursement if isinstance(account.disbursement, Refunds) else None

    def payouts(self, name: str) -> Payouts | None:
        """Who sends money out of this account; None where the rail does not."""
        account = self.account(name)
        if isinstance(account.provider, Payouts):
            return account.provider
        return account.disbursement if isinstance(account.disbursement, Payouts) else None

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


async def _guarded(account: Account, call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make a call within an account's bounds, unless its breaker is open: nothing was sent then."""
    if not account.breaker.allow():
        return Answer(Verdict.NOT_SENT, evidence={"breaker": "open"})
    try:
        await asyncio.wait_for(account.gate.acquire(), QUEUE_SECONDS)
    except TimeoutError:
        account.breaker.abandon()
        return Answer(Verdict.NOT_SENT, evidence={"queue": "full"})
    try:
        answer = await call()
    except BaseException:
        account.breaker.abandon()
        raise
    finally:
        account.gate.release()
    account.breaker.report(answered=answer.verdict not in (Verdict.NOT_SENT, Verdict.UNKNOWN))
    return answer
