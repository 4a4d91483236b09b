"""Payers on a provider's page: how long they are waited for, and those who give it up.

Some providers never say that a page is over. What they take late all the same is booked when they
knock.
"""

import time

from processor.engine import Processor
from processor.payments.attempts import as_sent
from processor.payments.objects import Charge, Presenter
from processor.payments.settlement import settle
from processor.routing.router import Router
from providers.boundary import Answer, DeclineCode, Verdict

# How long after its time a page is looked at once more before it is given up.
MARGIN = 120


def seconds_left(router: Router, charge: Charge) -> float:
    """How long the payer is still waited for; 0 when no longer, or when the provider will say."""
    seconds = router.account(charge.provider).provider.capabilities.page_seconds
    if seconds is None or charge.state != "pending":
        return 0
    return max(charge.sent + seconds + MARGIN - time.time(), 0)


def is_over(router: Router, charge: Charge, answer: Answer) -> bool:
    """Whether a look-up's answer is about a page whose time is over and that nobody paid on.

    A payer who has agreed to pay is waited for as long as it takes.
    """
    seconds = router.account(charge.provider).provider.capabilities.page_seconds
    nobody_paid = answer.verdict is Verdict.NOT_SENT or (
        answer.verdict is Verdict.PENDING and answer.untouched
    )
    waited = charge.state == "pending" and seconds is not None and nobody_paid
    return waited and seconds_left(router, charge) == 0


def expired(answer: Answer) -> Answer:
    """What becomes of a charge whose page is over."""
    evidence = {"page": "its time is over", **answer.evidence}
    return Answer(Verdict.DECLINED, decline_code=DeclineCode.EXPIRED, evidence=evidence)


async def give_up(processor: Processor, schema: str, livemode: bool, identifier: str) -> None:
    """End the attempt of a payer who came back without paying, if its provider lets it be
    withdrawn; otherwise the payer could still go back and pay, and it stays open.

    The withdrawal needs no step of its own: who looks up an attempt that was withdrawn is told so.
    """
    async with processor.database.tenant(schema) as connection:
        charge = await Charge.find(connection, identifier)
    if charge is None or charge.state != "pending" or not charge.wanted:
        return
    if not processor.router.can_capture(charge.provider):
        return
    presenter = Presenter(processor, schema, livemode)
    answer = await processor.router.cancel(
        charge.provider, as_sent(presenter, charge), charge.reference
    )
    if answer.verdict is not Verdict.SUCCEEDED:
        return
    evidence = {"page": "its payer gave it up", **answer.evidence}
    refusal = Answer(Verdict.DECLINED, decline_code=DeclineCode.PAYER_DECLINED, evidence=evidence)
    async with processor.database.tenant(schema) as connection:
        await settle(connection, presenter, [(charge.id, refusal)])
