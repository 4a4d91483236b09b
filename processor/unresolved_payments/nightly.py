"""Every night, let in what nobody has spoken of: a payout in a bank's file, a forgotten look-up."""

import time
from typing import TypeVar

from processor.payments.objects import Charge
from processor.payouts.objects import Payout
from processor.refunds.objects import Refund
from processor.routing.router import Router
from processor.rows import Row
from processor.unresolved_payments import heard, rules
from processor.unresolved_payments.queue import hear
from processor.unresolved_payments.rules import Type
from tenants.database import Connection

R = TypeVar("R", bound=Row)

# How many of each type enter in one night; the oldest go first.
MOST = 1000


async def enter_overdue(connection: Connection, router: Router, livemode: bool) -> None:
    """Bring what is open for too long into the queue. What somebody settles at this moment is heard
    of there."""
    charges = [heard.of_charge(router, each) for each in await _old(connection, "charge", Charge)]
    refunds = [heard.of_refund(each) for each in await _old(connection, "refund", Refund)]
    payouts = [heard.of_payout(each) for each in await _old(connection, "payout", Payout)]
    await hear(connection, livemode, [*charges, *refunds, *payouts])


async def _old(connection: Connection, noun: Type, kind: type[R]) -> list[R]:
    """Open payments that may be old enough, and are not in the queue."""
    states = {key[1] for key in rules.PATIENCE if key[0] == noun}
    table = kind.table.name
    records = await connection.fetch(
        f"select {kind.columns(table)} from {table} where state = any($1) and created < $2"
        " and not details ? 'unresolved_payment' order by created limit $3 for update skip locked",
        sorted(states),
        int(time.time()) - rules.LEAST_PATIENCE,
        MOST,
    )
    return [kind.read(record) for record in records]
