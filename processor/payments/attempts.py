"""Begin an attempt, send it, and say what became of it.

The order is the promise: the charge, with its reference and the job that will look it up, is
committed before the first byte goes to a provider.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence

from processor import jobs
from processor.errors import APIError, CardError
from processor.operations import Object, Request
from processor.parameters import BillingDetails
from processor.payment_methods.objects import PaymentMethod
from processor.payments import routes
from processor.payments.objects import (
    Charge,
    ChargeDetails,
    Intent,
    PaymentError,
    Presenter,
    snapshot,
)
from processor.routing.decision import Decision
from providers import boundary
from providers.boundary import Answer, DeclineCode, Verdict
from tenants.database import Connection
from tenants.ids import new_id


def begin(
    decision: Decision,
    intent: Intent,
    method: PaymentMethod,
    request: Request,
    *,
    off_session: bool = False,
) -> Charge:
    """A new charge of this intent, not yet stored, and the intent's state while it is open."""
    details = intent.details
    charge = Charge(
        id=new_id("ch" if method.type == "card" else "py"),
        created=int(time.time()),
        state="submitted",
        payment_intent=intent.id,
        amount=intent.amount,
        currency=intent.currency,
        customer=intent.customer,
        payment_method=method.id,
        provider=decision.accounts[0].name,
        reference=str(uuid.uuid4()),
        metadata=dict(intent.metadata),
        details=ChargeDetails(
            **snapshot(method),
            description=details.description,
            receipt_email=details.receipt_email,
            shipping=details.shipping,
            statement_descriptor=details.statement_descriptor,
            statement_descriptor_suffix=details.statement_descriptor_suffix,
            transfer_group=details.transfer_group,
            capture=details.capture_method != "manual",
            off_session=off_session,
            language=request.language,
            routing=routes.remember(decision),
        ),
    )
    intent.status = "processing"
    intent.latest_charge = charge.id
    details.attempt_hidden = not charge.shown
    details.next_action = None
    details.last_payment_error = None
    return charge


async def store(connection: Connection, charges: Sequence[Charge]) -> None:
    """Store new charges with the jobs that will look them up."""
    await Charge.insert(connection, charges)
    await jobs.enqueue(connection, "look_up", [charge.id for charge in charges], delay_seconds=5)


async def send(presenter: Presenter, charges: Sequence[Charge]) -> list[tuple[str, Answer]]:
    """Send committed charges, all at once within each account's bounds. No transaction is open.

    What could not be sent goes on to the next account that can take it; that is committed first.
    """
    answers: dict[str, Answer] = {}
    router = presenter.processor.router
    while charges:
        found = await _send_round(presenter, charges)
        answers |= found
        moves = [
            (charge, account, found[charge.id])
            for charge in charges
            if (account := routes.next_account(router, charge, found[charge.id])) is not None
        ]
        charges = await routes.move(presenter, moves) if moves else []
    return list(answers.items())


async def _send_round(presenter: Presenter, charges: Sequence[Charge]) -> dict[str, Answer]:
    """Prepare, where the rail has that, commit what came of it, and send."""
    answers = await prepare(presenter, charges)
    ready = [charge for charge in charges if charge.id not in answers]
    router = presenter.processor.router
    sent = await asyncio.gather(
        *(
            router.charge(
                charge.provider, as_sent(presenter, charge), presenter.schema, charge.last_sent
            )
            for charge in ready
        )
    )
    return answers | {charge.id: answer for charge, answer in zip(ready, sent, strict=True)}


async def prepare(presenter: Presenter, charges: Sequence[Charge]) -> dict[str, Answer]:
    """Get and commit the ids that some rails hand out first. Returns the answers of those charges
    that end here."""
    router = presenter.processor.router
    ended = await _asked_before(presenter, charges)
    charges = [charge for charge in charges if charge.id not in ended]
    prepared = await asyncio.gather(
        *(
            router.prepare(
                charge.provider, as_sent(presenter, charge), presenter.schema, charge.last_sent
            )
            for charge in charges
        )
    )
    begun = []
    for charge, answer in zip(charges, prepared, strict=True):
        if answer is None:
            continue
        if answer.verdict is not Verdict.PENDING:
            ended[charge.id] = _unsent(answer)
        elif answer.provider_reference != charge.provider_reference:
            charge.provider_reference = answer.provider_reference
            begun.append(charge)
    if begun:
        async with presenter.processor.database.tenant(presenter.schema) as connection:
            await connection.execute(_KEEP_PREPARED, *_columns(begun))
    return ended


# Both conditions of `charges_asked_idx` are said, for the planner to see that it holds the answer.
_ASKED_BEFORE = """
select g.id, bool_or(g.alone) as alone
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bool[], $6::bigint[])
     as g(id, provider, payer, amount, alone, since)
join charges c on c.details->>'token' = g.payer and c.provider = g.provider and c.id < g.id
where c.state in ('submitted', 'pending', 'unknown') and c.details ? 'mobile_money'
  and (g.alone or c.amount = g.amount and c.created > g.since)
group by g.id
"""
_OPEN_PROMPT = Answer(
    Verdict.DECLINED,
    decline_code=DeclineCode.OPEN_PROMPT,
    evidence={"guard": "the payer has another payment to confirm first"},
)
_REPEATED = Answer(
    Verdict.DECLINED,
    decline_code=DeclineCode.REPEATED,
    evidence={"guard": "the payer has just been asked for the same amount"},
)


async def _asked_before(presenter: Presenter, charges: Sequence[Charge]) -> dict[str, Answer]:
    """Refuse what its provider would take for a repeat, or for a prompt in another one's place.

    Attempts are committed before, so of two at once the younger sees the older. Another tenant's
    are not seen: there the provider's own refusal, or the prompt that it lets lapse, is the end.
    """
    router = presenter.processor.router
    bound = []
    for charge in charges:
        able = router.account(charge.provider).provider.capabilities
        if able.one_open_charge_per_payer or able.repeat_pause:
            since = charge.created - able.repeat_pause
            bound.append((charge, able.one_open_charge_per_payer, since))
    if not bound:
        return {}
    async with presenter.processor.database.tenant(presenter.schema) as connection:
        rows = await connection.fetch(
            _ASKED_BEFORE,
            [charge.id for charge, _, _ in bound],
            [charge.provider for charge, _, _ in bound],
            [charge.details.token for charge, _, _ in bound],
            [charge.amount for charge, _, _ in bound],
            [alone for _, alone, _ in bound],
            [since for _, _, since in bound],
        )
    return {row["id"]: _OPEN_PROMPT if row["alone"] else _REPEATED for row in rows}


# Nobody can have changed the attempt otherwise, because nobody else knows what it is about.
_KEEP_PREPARED = """
update charges c set provider_reference = g.given
from unnest($1::text[], $2::text[], $3::text[]) as g(id, reference, given)
where c.id = g.id and c.reference = g.reference
"""


def _columns(charges: Sequence[Charge]) -> tuple[list[str], list[str], list[str | None]]:
    return (
        [charge.id for charge in charges],
        [charge.reference for charge in charges],
        [charge.provider_reference for charge in charges],
    )


def _unsent(answer: Answer) -> Answer:
    """A preparation that brought nothing: money cannot have moved, whatever became of the call."""
    if answer.verdict is Verdict.DECLINED:
        return answer
    return Answer(Verdict.NOT_SENT, evidence=answer.evidence)


def as_sent(presenter: Presenter, charge: Charge) -> boundary.Charge:
    """A charge as its provider sees it."""
    base, where = presenter.processor.public_url, f"{presenter.schema}/{charge.reference}"
    back = f"{base}/redirects/{where}/{presenter.redirect_state(charge.reference)}"
    details = charge.details
    wallet = details.mobile_money
    return boundary.Charge(
        reference=charge.reference,
        amount=charge.amount,
        currency=charge.currency,
        payer=details.token,
        callback_url=f"{base}/callbacks/{charge.provider}/{where}",
        description=details.description or "",
        external_id=charge.id,
        capture=details.capture,
        return_url=back,
        cancel_url=f"{back}/canceled",
        off_session=details.off_session,
        provider_reference=charge.provider_reference,
        form_url=f"{back}/form",
        network=wallet.network if wallet else None,
        language=details.language,
        billing=_billing(details.billing_details),
        wanted=charge.wanted,
    )


def _billing(given: BillingDetails) -> boundary.Billing:
    address = given.address
    return boundary.Billing(
        name=given.name or "",
        email=given.email or "",
        phone=given.phone or "",
        line1=(address and address.line1) or "",
        city=(address and address.city) or "",
        state=(address and address.state) or "",
        postal_code=(address and address.postal_code) or "",
        country=(address and address.country) or "",
    )


def outcome(presenter: Presenter, intent: Intent, charge: Charge | None) -> Object | APIError:
    """What an attempt answers: the intent (the charge, if it was made directly), or the refusal."""
    if charge is None or charge.state != "failed" or charge.details.failure is None:
        if charge is not None and intent.direct:
            return presenter.charge(charge)
        return presenter.answer(intent)
    failure = charge.details.failure
    fields: Object = {"charge": charge.id}
    if not intent.direct:
        fields["payment_intent"] = presenter.answer(intent)
    if failure.decline_code is not None:
        fields["decline_code"] = failure.decline_code
    return CardError(failure.message, code=failure.code, **fields, **_method_shown(failure))


def _method_shown(failure: PaymentError) -> Object:
    if failure.payment_method is None:
        return {}
    return {
        "payment_method": failure.payment_method,
        "payment_method_type": failure.payment_method_type,
    }
