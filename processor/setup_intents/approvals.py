"""What a wallet's owner approves on the phone, and a provider keeps: asked, followed, withdrawn.

No money moves here. A question whose answer was lost is looked up; one that never arrived is asked
again with the same reference while its payer waits.
"""

import time
from datetime import timedelta

from processor.engine import Processor
from processor.jobs import Job
from processor.mandates import store as mandates
from processor.mandates.objects import Mandate
from processor.payments import janitor
from processor.payments.objects import Presenter
from processor.routing.directory import UnknownAccount
from processor.routing.router import Router
from processor.setup_intents.objects import SetupAttempt
from providers.boundary import Answer, DeclineCode, PreApproval, Verdict

# How long an approval is to hold. No provider publishes a bound; a year is what we ask for.
APPROVAL_SECONDS = 365 * 86_400

# How often a provider is asked whether its approval still holds: nobody tells when a payer takes
# one back.
BETWEEN_LOOKS = timedelta(days=1)

# How often a withdrawal is tried. We charge nothing under it in any case.
WITHDRAWALS = 12

_QUESTION = {"en": "Allow coming payments", "fr": "Autoriser les prochains paiements"}


async def ask(router: Router, presenter: Presenter, attempt: SetupAttempt) -> Answer:
    """Send a committed question to the wallet's owner.

    A provider that does not grant its approvals to this account leaves what there was before: the
    consent that the owner gave to the merchant. Each charge asks the payer anyway.
    """
    assert attempt.provider is not None
    asked = approval(router, presenter, attempt)
    answer = await router.ask_approval(attempt.provider, asked, presenter.schema)
    refused = answer.verdict is Verdict.DECLINED
    if refused and answer.decline_code is DeclineCode.CONFIGURATION:
        return Answer(Verdict.SUCCEEDED, evidence={"approval": "not granted", **answer.evidence})
    return answer


async def look_up(router: Router, presenter: Presenter, attempt: SetupAttempt) -> Answer:
    """What became of a question: asked again if it never arrived, given up if nobody waits."""
    assert attempt.provider is not None
    asked = approval(router, presenter, attempt)
    answer = await router.look_up_approval(attempt.provider, asked)
    if answer.verdict is not Verdict.NOT_SENT:
        return answer
    if time.time() - attempt.created < janitor.RESEND_WITHIN:
        return await ask(router, presenter, attempt)
    return Answer(Verdict.DECLINED, decline_code=DeclineCode.EXPIRED, evidence=answer.evidence)


def approval(router: Router, presenter: Presenter, attempt: SetupAttempt) -> PreApproval:
    """An attempt as its provider sees it."""
    assert attempt.provider is not None
    where = f"{attempt.provider}/{presenter.schema}/{attempt.reference}"
    (currency,) = router.account(attempt.provider).provider.capabilities.currencies
    return PreApproval(
        reference=attempt.reference,
        payer=attempt.details.token,
        currency=currency,
        seconds=APPROVAL_SECONDS,
        callback_url=f"{presenter.processor.public_url}/callbacks/{where}",
        description=_QUESTION[attempt.details.language],
    )


async def follow(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """The job: end a mandate when its time is over, or its payer has taken it back."""
    presenter = Presenter(processor, job.schema, livemode)
    async with processor.database.tenant(job.schema) as connection:
        mandate = await Mandate.find(connection, job.subject)
        if mandate is None or mandate.status != "active":
            return None
        attempt = await SetupAttempt.find(connection, mandate.details.attempt or "")
    left = (mandate.details.expires_at or 0) - time.time()
    if left > 0 and not await _taken_back(processor.router, presenter, attempt):
        return min(BETWEEN_LOOKS, timedelta(seconds=left))
    async with processor.database.tenant(job.schema) as connection:
        await mandates.end(connection, job.subject, livemode)
    return None


async def _taken_back(router: Router, presenter: Presenter, attempt: SetupAttempt | None) -> bool:
    """Whether the provider says that the approval has ended. Silence says nothing."""
    if attempt is None or attempt.provider is None:
        return False
    await router.load(presenter.schema, attempt.provider)
    try:
        asked = approval(router, presenter, attempt)
    except UnknownAccount:  # deleted: nobody is left to ask
        return False
    answer = await router.approval_stands(attempt.provider, asked)
    return answer.verdict is Verdict.DECLINED


async def withdraw(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """The job: take back at the provider what no mandate stands for any more."""
    presenter = Presenter(processor, job.schema, livemode)
    async with processor.database.tenant(job.schema) as connection:
        attempt = await SetupAttempt.find(connection, job.subject)
    if attempt is None or attempt.provider is None:
        return None
    await processor.router.load(job.schema, attempt.provider)
    try:
        asked = approval(processor.router, presenter, attempt)
    except UnknownAccount:
        return None
    answer = await processor.router.cancel_approval(attempt.provider, asked)
    if answer.verdict in (Verdict.SUCCEEDED, Verdict.NOT_SENT) or job.attempts >= WITHDRAWALS:
        return None
    return janitor.delay(job.attempts)
