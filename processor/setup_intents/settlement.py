"""Send the checks of setting up, and write what came of them.

No money moves here, so a check whose answer was lost is simply sent again, with its reference.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from processor import jobs
from processor.engine import Processor
from processor.errors import APIError, CardError
from processor.events import log
from processor.events.log import Draft
from processor.jobs import Job
from processor.mandates.objects import Details as MandateDetails
from processor.mandates.objects import Mandate
from processor.mandates.store import FOLLOW_JOB
from processor.operations import Object, Request
from processor.payment_methods import objects as payment_methods
from processor.payment_methods.objects import PaymentMethod
from processor.payments import janitor, prompts
from processor.payments.declines import decline_of_setup
from processor.payments.objects import PaymentError, Presenter
from processor.routing.router import Router
from processor.setup_intents import approvals
from processor.setup_intents.objects import SetupAttempt, SetupIntent, for_caller, render
from processor.setup_intents.states import OPEN, TRANSITIONS
from providers.boundary import Answer, Verdict, Verification
from tenants.database import Connection
from tenants.ids import new_id

JOB = "look_up_setup"


@dataclass(slots=True)
class Settled:
    """An attempt, its setup intent and its payment method after an answer, and what follows."""

    intent: SetupIntent
    attempt: SetupAttempt
    method: PaymentMethod
    changed: bool = False
    mandate: Mandate | None = None
    drafts: list[Draft] = field(default_factory=list)


async def send(
    router: Router, presenter: Presenter, attempts: Sequence[SetupAttempt], *, again: bool = False
) -> list[tuple[str, Answer]]:
    """Send committed checks, or ask what came of them. No transaction is open."""
    answers = await asyncio.gather(
        *(_send_one(router, presenter, attempt, again=again) for attempt in attempts)
    )
    return [(attempt.id, answer) for attempt, answer in zip(attempts, answers, strict=True)]


async def _send_one(
    router: Router, presenter: Presenter, attempt: SetupAttempt, *, again: bool
) -> Answer:
    if attempt.provider is None:
        # A wallet's consent is what its owner gave to the merchant, where no provider keeps it, or
        # the owner will be there. Each charge asks anyway.
        return Answer(Verdict.SUCCEEDED)
    if attempt.details.mobile_money is not None:
        ask = approvals.look_up if again else approvals.ask
        return await ask(router, presenter, attempt)
    base = presenter.processor.public_url
    where = f"{presenter.schema}/{attempt.reference}"
    verification = Verification(
        reference=attempt.reference,
        payer=attempt.details.token,
        off_session=attempt.details.usage == "off_session",
        callback_url=f"{base}/callbacks/{attempt.provider}/{where}",
        return_url=f"{base}/redirects/{where}/{presenter.redirect_state(attempt.reference)}",
        external_id=attempt.id,
        provider_reference=attempt.provider_reference,
    )
    return await router.verify(attempt.provider, verification, presenter.schema, again=again)


_LOCK = f"""
select {SetupAttempt.columns("a", "a_")}, {SetupIntent.columns("s", "s_")},
       {PaymentMethod.columns("m", "m_")}
from setup_attempts a join setup_intents s on s.id = a.setup_intent
join payment_methods m on m.id = a.payment_method
where a.id = any($1) order by s.id, a.id for update of s, a, m
"""


async def settle(
    connection: Connection,
    presenter: Presenter,
    answers: Sequence[tuple[str, Answer]],
    requests: Mapping[str, Request] | None = None,
) -> dict[str, Settled]:
    """Apply answers to attempts by id, and write all that follows. Returns the rows as they are.

    `requests` are those behind an answer, by attempt id, for the events.
    """
    records = await connection.fetch(_LOCK, [attempt for attempt, _ in answers])
    methods: dict[str, PaymentMethod] = {}
    settled: dict[str, Settled] = {}
    for record in records:
        attempt = SetupAttempt.read(record, "a_")
        method = methods.setdefault(record["m_id"], PaymentMethod.read(record, "m_"))
        settled[attempt.id] = Settled(SetupIntent.read(record, "s_"), attempt, method)
    for identifier, answer in answers:
        _apply(presenter, settled[identifier], answer, (requests or {}).get(identifier))
    await _write(connection, [each for each in settled.values() if each.changed])
    return settled


async def _write(connection: Connection, changed: Sequence[Settled]) -> None:
    if not changed:
        return
    await SetupAttempt.update(connection, [each.attempt for each in changed])
    await SetupIntent.update(connection, [each.intent for each in changed])
    succeeded = [each for each in changed if each.attempt.state == "succeeded"]
    if succeeded:
        methods = {each.method.id: each.method for each in succeeded}
        await PaymentMethod.update(connection, list(methods.values()))
    mandates = [each.mandate for each in changed if each.mandate is not None]
    if mandates:
        await Mandate.insert(connection, mandates)
    kept = [mandate.id for mandate in mandates if mandate.details.attempt is not None]
    if kept:
        delay = approvals.BETWEEN_LOOKS.total_seconds()
        await jobs.enqueue(connection, FOLLOW_JOB, kept, delay_seconds=delay)
    await log.append(connection, [draft for each in changed for draft in each.drafts])
    final = [each.attempt.id for each in changed if each.attempt.state not in OPEN]
    if final:
        await jobs.forget(connection, JOB, final)


def _apply(presenter: Presenter, settled: Settled, answer: Answer, request: Request | None) -> None:
    """Let one answer change an attempt and its setup intent, in memory."""
    attempt, intent = settled.attempt, settled.intent
    state = TRANSITIONS.get((attempt.state, answer.verdict))
    if state is None:
        return
    attempt.state = state
    attempt.provider_reference = answer.provider_reference or attempt.provider_reference
    attempt.details.evidence = dict(answer.evidence)
    attempt.version += 1
    intent.version += 1
    settled.changed = True
    match state:
        case "succeeded":
            _succeed(presenter, settled, answer, request)
        case "failed":
            attempt.details.failure = _failure(presenter, settled, answer)
            intent.status = "requires_payment_method"
            intent.payment_method = None
            intent.details.next_action = None
            intent.details.last_setup_error = attempt.details.failure
            _announce(presenter, settled, "setup_intent.setup_failed", request)
        case "pending" if attempt.details.mobile_money is not None:
            intent.status = "requires_action"
            intent.details.next_action = _prompt(attempt, attempt.details.mobile_money)
            _announce(presenter, settled, "setup_intent.requires_action", request)
        case "pending" if answer.redirect_url is not None:
            intent.status = "requires_action"
            intent.details.next_action = {
                "type": "redirect_to_url",
                "redirect_to_url": {
                    "return_url": intent.details.return_url,
                    "url": answer.redirect_url,
                },
            }
            _announce(presenter, settled, "setup_intent.requires_action", request)


def _prompt(attempt: SetupAttempt, wallet: payment_methods.MobileMoney) -> Object:
    details = attempt.details
    message, ends = prompts.ALLOW[details.language], attempt.created + prompts.PROMPT_SECONDS
    return prompts.await_confirmation(wallet, details.token, message, ends)


def _succeed(
    presenter: Presenter, settled: Settled, answer: Answer, request: Request | None
) -> None:
    """Save the payment method on its customer, with the mandate for what comes later."""
    intent, method, details = settled.intent, settled.method, settled.intent.details
    intent.status = "succeeded"
    details.next_action = None
    method.token = answer.token or method.token
    if intent.customer is not None and method.customer is None:
        method.customer = intent.customer
        method.version += 1
        shown = payment_methods.render(method, presenter.livemode)
        settled.drafts.append(Draft("payment_method.attached", shown, method.version, request))
    if details.usage == "off_session" or details.single_use is not None:
        settled.mandate = _mandate(settled)
        details.mandate = settled.mandate.id
        _keep_approval(settled, settled.mandate, answer)
    _announce(presenter, settled, "setup_intent.succeeded", request)


def _mandate(settled: Settled) -> Mandate:
    details = settled.intent.details
    return Mandate(
        id=new_id("mandate"),
        created=int(time.time()),
        status="active",
        payment_method=settled.method.id,
        setup_intent=settled.intent.id,
        details=MandateDetails(
            method_type=settled.method.type,
            acceptance=details.acceptance,
            single_use=details.single_use,
        ),
    )


def _keep_approval(settled: Settled, mandate: Mandate, answer: Answer) -> None:
    """Remember with whom a wallet's owner left the approval, if it was with a provider."""
    attempt, wallet = settled.attempt, settled.method.details.mobile_money
    if wallet is None or attempt.provider is None or answer.provider_reference is None:
        return
    mandate.details.attempt = attempt.id
    mandate.details.expires_at = attempt.created + approvals.APPROVAL_SECONDS
    wallet.mandated = payment_methods.Mandated(mandate.id, attempt.provider)


def _failure(presenter: Presenter, settled: Settled, answer: Answer) -> PaymentError:
    code = answer.decline_code if answer.verdict is Verdict.DECLINED else None
    method = settled.method
    told = decline_of_setup(method.type, code)
    return PaymentError(
        code=told.code,
        message=told.message(settled.attempt.details.language),
        decline_code=told.decline_code,
        payment_method=payment_methods.render(method, presenter.livemode),
        payment_method_type=method.type,
    )


def _announce(presenter: Presenter, settled: Settled, event: str, request: Request | None) -> None:
    intent = settled.intent
    settled.drafts.append(Draft(event, render(presenter, intent), intent.version, request))


def outcome(
    presenter: Presenter, intent: SetupIntent, attempt: SetupAttempt | None
) -> Object | APIError:
    """What a confirmation answers: the setup intent, or the refusal of the attempt it made."""
    shown = for_caller(presenter, intent)
    if attempt is None or attempt.details.failure is None:
        return shown
    failure = attempt.details.failure
    fields: Object = {
        "payment_method": failure.payment_method,
        "payment_method_type": failure.payment_method_type,
        "setup_intent": shown,
    }
    if failure.decline_code is not None:
        fields["decline_code"] = failure.decline_code
    return CardError(failure.message, code=failure.code, **fields)


async def look_up(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """The job: ask what became of a check. Returns when to ask again; None when it is decided."""
    state = await look(processor, job.schema, livemode, job.subject)
    return janitor.delay(job.attempts) if state in OPEN else None


async def look(processor: Processor, schema: str, livemode: bool, identifier: str) -> str | None:
    """Ask the provider, and settle what it says. Returns the attempt's state."""
    async with processor.database.tenant(schema) as connection:
        attempt = await SetupAttempt.find(connection, identifier)
    if attempt is None or attempt.state not in OPEN:
        return None
    presenter = Presenter(processor, schema, livemode)
    ((_, answer),) = await send(processor.router, presenter, [attempt], again=True)
    if answer.verdict in (Verdict.NOT_SENT, Verdict.UNKNOWN):
        # A question that got no answer says nothing of the check, which may be running right now.
        return attempt.state
    async with processor.database.tenant(schema) as connection:
        settled = await settle(connection, presenter, [(attempt.id, answer)])
    return settled[attempt.id].attempt.state
