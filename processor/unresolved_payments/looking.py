"""Ask the provider of an unresolved payment now, as its noun's own clock does."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from processor.engine import Processor
from processor.errors import InvalidRequest
from processor.jobs import Job
from processor.payments import janitor
from processor.payouts import sending
from processor.payouts.objects import BANK
from processor.refunds import settlement as refunds
from processor.unresolved_payments import store
from processor.unresolved_payments.objects import UnresolvedPayment

Look = Callable[[Processor, Job, bool], Awaitable[timedelta | None]]

_LOOKS: dict[str, Look] = {
    "charge": janitor.look_up,
    "refund": refunds.look_up,
    "payout": sending.carry_out,
}


async def look(processor: Processor, schema: str, livemode: bool, item: UnresolvedPayment) -> None:
    """One look, with no transaction open meanwhile; what it brings is settled.

    Raises InvalidRequest where nobody can be asked.
    """
    if item.provider == BANK:
        raise InvalidRequest(
            "A bank cannot be asked about a payout. Its answer comes in a file or a statement.",
            code="look_up_unavailable",
        )
    kind = store.LOOK_UPS[item.type]
    await _LOOKS[item.type](processor, Job(0, schema, kind, item.payment, 1), livemode)
