"""Make payouts: check them, route them, and commit them with the money they take."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from processor import jobs
from processor.errors import InvalidRequest
from processor.events import log
from processor.events.log import Draft
from processor.ledger import posting
from processor.ledger.posting import post
from processor.money import check_amount, currency_named, display
from processor.operations import Request
from processor.payouts import movements
from processor.payouts.limits import WALLETS
from processor.payouts.objects import BANK, Destination, Payout, PayoutDetails, render
from processor.payouts.sending import TEST_BANK_SECONDS
from processor.payouts.settlement import JOB
from processor.routing.decision import Payment
from processor.routing.router import Router
from tenants.database import Connection
from tenants.ids import new_id

# A balance grows beyond what one charge can be; this is far beyond any balance.
MAXIMUM = 10**15


def draft(provider: str, amount: int, currency: str, details: PayoutDetails) -> Payout:
    """A new payout, not yet stored."""
    now = int(time.time())
    return Payout(
        id=new_id("po"),
        created=now,
        state="pending",
        amount=amount,
        currency=currency,
        arrival_date=_arrival(now) if provider == BANK else now,
        provider=provider,
        reference=str(uuid.uuid4()),
        details=details,
    )


def check(amount: int, currency: str, destination: Destination, param: str = "amount") -> None:
    """Refuse an amount that the currency or the destination's network does not allow. Raises
    InvalidRequest."""
    unit = currency_named(currency)
    check_amount(amount, replace(unit, maximum=MAXIMUM), param)
    limit = WALLETS.get((destination.network or "", destination.country))
    if limit is None:
        return
    if amount < limit.least:
        raise InvalidRequest(
            f"A payout to this network must be at least {display(limit.least, unit)}.",
            code="amount_too_small",
            param=param,
        )
    if amount > limit.most:
        raise InvalidRequest(
            f"A payout to this network must be no more than {display(limit.most, unit)}.",
            code="amount_too_large",
            param=param,
        )


def route(
    router: Router,
    schema: str,
    amount: int,
    currency: str,
    destination: Destination,
    param: str,
) -> str:
    """The provider account that carries a payout. Raises InvalidRequest when none can."""
    if destination.kind == "bank_account":
        return BANK
    payment = Payment(
        method="mobile_money",
        currency=currency,
        amount=amount,
        network=destination.network,
        country=destination.country,
        use="payout",
    )
    decision = router.decide(schema, payment)
    if decision.accounts:
        return decision.accounts[0].name
    raise InvalidRequest(
        f"No provider of this account pays {currency.upper()} out to {destination.network} wallets"
        f" in {destination.country}.",
        code="payouts_not_allowed",
        param=param,
    )


async def store(
    connection: Connection,
    livemode: bool,
    payouts: Sequence[Payout],
    requests: Sequence[Request | None],
    source: str = posting.AVAILABLE,
) -> None:
    """Commit payouts with the money they take from the account `source`, their events and jobs.
    A reversal takes none: it brings money when it is paid."""
    if not payouts:
        return
    taken = [movements.take(payout, source) for payout in payouts if not payout.original_payout]
    await Payout.insert(connection, payouts)
    await post(connection, taken)
    by_provider = [payout.id for payout in payouts if payout.provider != BANK]
    if by_provider:
        await jobs.enqueue(connection, JOB, by_provider)
    by_bank = [payout.id for payout in payouts if payout.provider == BANK]
    if by_bank and not livemode:
        await jobs.enqueue(connection, JOB, by_bank, delay_seconds=TEST_BANK_SECONDS)
    await log.append(
        connection,
        [
            Draft("payout.created", render(payout, livemode), payout.version, request)
            for payout, request in zip(payouts, requests, strict=True)
        ],
    )


def _arrival(now: int) -> int:
    """Midnight UTC of the next working day, when a bank file of today can have arrived."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day += timedelta(days=1)
    while day.weekday() >= 5:  # Saturday and Sunday
        day += timedelta(days=1)
    return int(day.timestamp())
