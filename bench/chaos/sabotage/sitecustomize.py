"""Break the engine on purpose, to see whether the audit notices.

Python imports a module of this name when it starts, if it finds one; a sabotaged run puts this
folder on the path of the stack's processes. What follows is the mistake that the whole design is
against: an unclear answer is taken for a failure, and what was sent is sent again as a new one. In
which direction, the environment says.
"""

import os
import uuid
from dataclasses import replace

import msgspec

from processor.payments.objects import Charge, Presenter
from processor.refunds import settlement as refunds
from processor.refunds.objects import Refund
from processor.routing.router import Router
from providers import boundary
from providers.boundary import Answer, Verdict

_charge = Router.charge
_refund = refunds._send_one


async def _charge_again(
    self: Router, name: str, charge: boundary.Charge, tenant: str, since: float | None = None
) -> Answer:
    answer = await _charge(self, name, charge, tenant, since)
    if answer.verdict is not Verdict.UNKNOWN:
        return answer
    return await _charge(self, name, replace(charge, reference=str(uuid.uuid4())), tenant)


async def _refund_again(
    router: Router, presenter: Presenter, refund: Refund, charge: Charge
) -> Answer:
    answer = await _refund(router, presenter, refund, charge)
    if answer.verdict is not Verdict.UNKNOWN:
        return answer
    other = msgspec.structs.replace(refund, reference=str(uuid.uuid4()))
    return await _refund(router, presenter, other, charge)


if os.environ["CHAOS_SABOTAGE"] == "refunds":
    refunds._send_one = _refund_again
else:
    Router.charge = _charge_again  # type: ignore[method-assign]  # this is the sabotage
