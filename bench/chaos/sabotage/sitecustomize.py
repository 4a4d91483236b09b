"""Break the engine on purpose, to see whether the audit notices.

Python imports a module of this name when it starts, if it finds one; a sabotaged run puts this
folder on the path of the stack's processes. What follows is the mistake that the whole design is
against: an unclear answer is taken for a failure, and the charge is sent again as a new one.
"""

import uuid
from dataclasses import replace

from processor.routing import Router
from providers.boundary import Answer, Charge, Verdict

_charge = Router.charge


async def _charge_again(self: Router, name: str, charge: Charge) -> Answer:
    answer = await _charge(self, name, charge)
    if answer.verdict is not Verdict.UNKNOWN:
        return answer
    return await _charge(self, name, replace(charge, reference=str(uuid.uuid4())))


Router.charge = _charge_again  # type: ignore[method-assign]  # this is the sabotage
