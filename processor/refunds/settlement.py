"""Send refunds, and book what becomes of them.

The merchant's balance pays when the refund is made, so that the same money cannot be paid out
meanwhile. What the provider then says moves it on, or back.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from processor import jobs
from processor.engine import Processor
from processor.events import log
from processor.events.log import Draft
from processor.jobs import Job
from processor.ledger import posting
from processor.ledger.posting import Transaction, post
from processor.operations import Request
from processor.payments import janitor
from processor.payments.attempts import as_sent
from processor.payments.objects import Charge, Presenter
from processor.refunds.objects import OPEN, TRANSITIONS, Refund, render
from processor.routing.router import Router
from processor.unresolved_payments import heard, queue, rules, store
from providers import boundary
from providers.boundary import Answer, Verdict
from tenants.database import Connection
from tenants.ids import new_id

# A card refund that succeeded can be sent back by the payer's bank for up to thirty days
# (https://docs.stripe.com/refunds#failed-refunds). The provider knocks then; if nobody hears it,
# these later looks, counted from the refund's making, find it.
LOOKS_AFTER_SUCCESS = (timedelta(days=1), timedelta(days=7), timedelta(days=31))


@dataclass(slots=True)
class Settled:
    """A refund and its charge after an answer, and what follows."""

    refund: Refund
    charge: Charge
    changed: bool = False
    drafts: list[Draft] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)


def take(refund: Refund) -> Transaction:
    """The merchant pays for a refund that is being made."""
    refund.details.balance_transaction = new_id("txn")
    return Transaction(
        id=refund.details.balance_transaction,
        kind=_kind(refund, "refund"),
        source=refund.id,
        currency=refund.currency,
        amount=-refund.amount,
        description="REFUND FOR CHARGE",
        entries={
            posting.AVAILABLE: -refund.amount,
            posting.REFUNDS_IN_TRANSIT: refund.amount,
        },
    )


async def send(
    router: Router, presenter: Presenter, pairs: Sequence[tuple[Refund, Charge]]
) -> list[tuple[str, Answer]]:
    """Send committed refunds. No transaction is open."""
    answers = await asyncio.gather(
        *(_send_one(router, presenter, refund, charge) for refund, charge in pairs)
    )
    return [(refund.id, answer) for (refund, _), answer in zip(pairs, answers, strict=True)]


async def _send_one(router: Router, presenter: Presenter, refund: Refund, charge: Charge) -> Answer:
    return await router.refund(
        refund.provider, _as_sent(presenter, refund, charge), presenter.schema, refund.created
    )


def _as_sent(presenter: Presenter, refund: Refund, charge: Charge) -> boundary.Refund:
    base = presenter.processor.public_url
    return boundary.Refund(
        reference=refund.reference,
        amount=refund.amount,
        charge=as_sent(presenter, charge),
        callback_url=f"{base}/callbacks/{refund.provider}/{presenter.schema}/{refund.reference}",
        external_id=refund.id,
        provider_reference=refund.provider_reference,
    )


_LOCK = f"""
select {Refund.columns("r", "r_")}, {Charge.columns("c", "c_")}
from refunds r join charges c on c.id = r.charge
where r.id = any($1) order by c.id, r.id for update of c, r
"""


async def settle(
    connection: Connection,
    presenter: Presenter,
    answers: Sequence[tuple[str, Answer]],
    requests: Mapping[str, Request] | None = None,
) -> dict[str, Settled]:
    """Apply answers to refunds by id, and write all that follows."""
    records = await connection.fetch(_LOCK, [refund for refund, _ in answers])
    charges: dict[str, Charge] = {}
    settled: dict[str, Settled] = {}
    for record in records:
        charge = charges.setdefault(record["c_id"], Charge.read(record, "c_"))
        refund = Refund.read(record, "r_")
        settled[refund.id] = Settled(refund, charge)
    for identifier, answer in answers:
        _apply(presenter, settled[identifier], answer, (requests or {}).get(identifier))
    changed = [each for each in settled.values() if each.changed]
    if changed:
        await _write(connection, changed)
    said = [
        heard.of_refund(settled[refund].refund, answer.verdict, answer.evidence)
        for refund, answer in answers
    ]
    await queue.hear(connection, presenter.livemode, said)
    return settled


async def _write(connection: Connection, changed: Sequence[Settled]) -> None:
    await Refund.update(connection, [each.refund for each in changed])
    charges = {each.charge.id: each.charge for each in changed}
    await Charge.update(connection, list(charges.values()))
    await post(connection, [entry for each in changed for entry in each.transactions])
    await log.append(connection, [draft for each in changed for draft in each.drafts])
    final = [each.refund.id for each in changed if each.refund.state not in OPEN]
    if final:
        await jobs.forget(connection, "look_up_refund", final)
    returnable = [each.refund.id for each in changed if _can_return(each.refund)]
    if returnable:
        first = LOOKS_AFTER_SUCCESS[0].total_seconds()
        await jobs.enqueue(connection, "look_up_refund", returnable, delay_seconds=first)


def _apply(presenter: Presenter, settled: Settled, answer: Answer, request: Request | None) -> None:
    refund, charge = settled.refund, settled.charge
    state = TRANSITIONS.get((refund.state, answer.verdict))
    if state is None or state == refund.state:
        return
    returning = refund.state == "succeeded"  # the money had gone, and came back
    refund.state = state
    refund.provider_reference = answer.provider_reference or refund.provider_reference
    refund.details.evidence = dict(answer.evidence)
    refund.version += 1
    settled.changed = True
    if state == "succeeded":
        settled.transactions.append(_done(refund))
    elif state == "failed":
        refund.details.failure_reason = answer.decline_code or "unknown"
        charge.amount_refunded -= refund.amount
        charge.version += 1
        settled.transactions.append(_give_back(refund, returning=returning))
    settled.drafts += announce(presenter, refund, charge, request)


def announce(
    presenter: Presenter, refund: Refund, charge: Charge, request: Request | None
) -> list[Draft]:
    """The events of a refund's change, under both of Stripe's names for it."""
    shown = render(refund)
    drafts = [
        Draft("refund.updated", shown, refund.version, request),
        Draft("charge.refund.updated", shown, refund.version, request),
    ]
    if refund.state == "succeeded":
        charge.version += 1
        drafts.append(Draft("charge.refunded", presenter.charge(charge), charge.version, request))
    elif refund.state == "failed":
        drafts.append(Draft("refund.failed", shown, refund.version, request))
    return drafts


def _done(refund: Refund) -> Transaction:
    """The provider has given the money back: it owes that much less."""
    return Transaction(
        kind="refund_settled",
        source=refund.id,
        currency=refund.currency,
        shown=False,
        entries={
            posting.REFUNDS_IN_TRANSIT: -refund.amount,
            posting.clearing(refund.provider): refund.amount,
        },
    )


def _give_back(refund: Refund, *, returning: bool) -> Transaction:
    """The refund failed: the merchant has its money again."""
    refund.details.failure_balance_transaction = new_id("txn")
    source = posting.clearing(refund.provider) if returning else posting.REFUNDS_IN_TRANSIT
    return Transaction(
        id=refund.details.failure_balance_transaction,
        kind=_kind(refund, "refund_failure"),
        source=refund.id,
        currency=refund.currency,
        amount=refund.amount,
        description="REFUND FAILURE",
        entries={source: -refund.amount, posting.AVAILABLE: refund.amount},
    )


def _kind(refund: Refund, kind: str) -> str:
    """Stripe's name of a movement: wallets are not cards."""
    if refund.details.method_type == "card":
        return kind
    return {"refund": "payment_refund", "refund_failure": "payment_failure_refund"}[kind]


async def look_up(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """Ask what became of a refund; send it (again, with its reference) if it never arrived. One
    that succeeded is asked about when its provider knocks, and now and then: it may have come
    back. So is one that a person has decided: its provider may know better."""
    presenter = Presenter(processor, job.schema, livemode)
    refund, charge = await processor.gather(_find, job.schema, job.subject)
    if refund is None or charge is None:
        return None
    if refund.state == "failed" and refund.details.decided_at is None:
        return None
    refunder = processor.router.refunds(refund.provider)
    assert refunder is not None, "a refund is only made where the rail has refunds"
    sent = _as_sent(presenter, refund, charge)
    answer = await refunder.look_up_refund(sent)
    age = time.time() - refund.created
    grace = janitor.grace(refund.state)
    unseen = answer.verdict is Verdict.NOT_SENT and refund.state in ("submitted", "unknown")
    if unseen and not processor.router.account(refund.provider).remembers(refund.created):
        unseen, answer = False, Answer(Verdict.UNKNOWN, evidence=answer.evidence)
    if unseen and age >= grace:
        async with processor.database.tenant(job.schema) as connection:
            if not await store.may_send_again(connection, "refunds", refund.id):
                return janitor.delay(job.attempts)
        answer = await processor.router.refund(refund.provider, sent, job.schema)
    if refund.state == "submitted" and answer.verdict is Verdict.UNKNOWN and age < grace:
        return janitor.delay(job.attempts)
    tenant = (job.schema, livemode)
    now = await processor.gather(_settle, tenant, (refund.id, answer), apart=charge.id)
    return janitor.delay(job.attempts) if now.state in OPEN else _next_look(now)


async def _find(
    processor: Processor, schema: str, ids: list[str]
) -> list[tuple[Refund | None, Charge | None]]:
    """Refunds with their charges, for look-ups that come at the same time."""
    async with processor.database.tenant(schema) as connection:
        refunds = {refund.id: refund for refund in await Refund.fetch(connection, ids)}
        paid = sorted({refund.charge for refund in refunds.values()})
        charges = {charge.id: charge for charge in await Charge.fetch(connection, paid)}
    found = [refunds.get(identifier) for identifier in ids]
    return [(refund, charges.get(refund.charge) if refund else None) for refund in found]


async def _settle(
    processor: Processor, tenant: tuple[str, bool], answers: list[tuple[str, Answer]]
) -> list[Refund]:
    """Settle the answers of look-ups that came at the same time."""
    schema, livemode = tenant
    async with processor.database.tenant(schema) as connection:
        settled = await settle(connection, Presenter(processor, schema, livemode), answers)
    return [settled[identifier].refund for identifier, _ in answers]


def _can_return(refund: Refund) -> bool:
    return refund.state == "succeeded" and refund.details.method_type == "card"


def _next_look(refund: Refund) -> timedelta | None:
    """How long until a refund that has found its end is looked at again; None: it never is."""
    now = time.time()
    age = timedelta(seconds=now - refund.created)
    looks = LOOKS_AFTER_SUCCESS if _can_return(refund) else ()
    returning = next((look - age for look in looks if look > age), None)
    deciding = rules.next_look(refund.details.decided_at, now)
    return min((look for look in (returning, deciding) if look is not None), default=None)
