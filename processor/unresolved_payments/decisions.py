"""What people decide about unresolved payments: below a limit one of them, above it two.

A decision settles its payment by the same `settle` as a provider's answer, in the same transaction
as its record. The payment's row is locked first and the item after it, as everywhere: of two
approvals, or of an approval and a provider's answer, the second finds what the first has done.
"""

import time
from dataclasses import dataclass

from processor import jobs
from processor.errors import InvalidRequest, PermissionDenied, missing, not_found
from processor.operations import Request
from processor.payments import settlement as charges
from processor.payments.objects import Charge, Presenter
from processor.payouts import settlement as payouts
from processor.payouts.objects import Payout
from processor.refunds import settlement as refunds
from processor.refunds.objects import Refund
from processor.unresolved_payments import rules, store
from processor.unresolved_payments.books import Payment, align
from processor.unresolved_payments.objects import Action, Author, Deed, UnresolvedPayment
from processor.unresolved_payments.rules import Outcome
from providers.boundary import Answer, DeclineCode, Verdict
from tenants.database import Connection
from tenants.ids import new_id

_ROWS: dict[str, type[Charge] | type[Refund] | type[Payout]] = {
    "charge": Charge,
    "refund": Refund,
    "payout": Payout,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody says became of a payment, how that is known, and who."""

    outcome: Outcome
    reason: str
    by: Author
    provider_reference: str | None = None
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What a second person says of a proposal."""

    proposal: str
    by: Author
    reason: str | None = None
    request: Request | None = None


async def resolve(
    connection: Connection, presenter: Presenter, identifier: str, decision: Decision
) -> UnresolvedPayment:
    """Decide, or propose to, in the caller's transaction.

    Raises NotFound, and InvalidRequest for an item that is resolved or waits for an approval, or
    without a number of the provider's for money that has moved.
    """
    item = await _lock(connection, identifier)
    _check_open(item)
    await _check_reference(connection, item, decision)
    limits = presenter.processor.approval_limits
    # What a merchant says of real money is no evidence for what the operator owes it.
    of_merchant = presenter.livemode and decision.by.type == "api_key"
    if of_merchant or rules.needs_two(limits, item.amount, item.currency):
        deed = _deed(item, "propose", decision.by, decision)
        await deed.write(connection)
        item.status, item.proposal = "awaiting_approval", deed.id
        await _change(connection, presenter, item, "proposed", decision.request)
        return item
    deed = _deed(item, "resolve", decision.by, decision)
    await deed.write(connection)
    await _carry_out(connection, presenter, item, deed, decision.request)
    return item


async def approve(
    connection: Connection, presenter: Presenter, identifier: str, review: Review
) -> UnresolvedPayment:
    """Carry out what another person has proposed, in the caller's transaction.

    Raises NotFound, InvalidRequest if there is no such proposal (any more), and PermissionDenied
    for who made it, and for a merchant's key with real money.
    """
    item = await _lock(connection, identifier)
    proposed = await _proposal(connection, item, review.proposal)
    if presenter.livemode and review.by.type == "api_key":
        raise PermissionDenied(
            "Only the operator of this installation can approve a proposal in live mode, because"
            " that moves money in the ledger.",
            code="operator_required",
        )
    if review.by.same_person(proposed.by):
        raise PermissionDenied(
            "A proposal is approved by another person than the one who made it.",
            code="approval_by_proposer",
        )
    deed = _review(item, "approve", review, proposed)
    await deed.write(connection)
    await _carry_out(connection, presenter, item, deed, review.request)
    return item


async def reject(
    connection: Connection, presenter: Presenter, identifier: str, review: Review
) -> UnresolvedPayment:
    """Turn a proposal down, or take one's own back: the item waits for another decision.

    Raises NotFound, and InvalidRequest if there is no such proposal (any more).
    """
    item = await _lock(connection, identifier)
    proposed = await _proposal(connection, item, review.proposal)
    await _review(item, "reject", review, proposed).write(connection)
    item.status, item.proposal = "open", None
    await _change(connection, presenter, item, "rejected", review.request)
    return item


_LOCKS = {
    "charge": "select 1 from charges c join payment_intents i on i.id = c.payment_intent"
    " where c.id = $1 for update of i, c",
    "refund": "select 1 from refunds r join charges c on c.id = r.charge"
    " where r.id = $1 for update of c, r",
    "payout": "select 1 from payouts where id = $1 for update",
}


async def _lock(connection: Connection, identifier: str) -> UnresolvedPayment:
    """An item, behind the rows that its settlement locks."""
    found = await UnresolvedPayment.find(connection, identifier)
    if found is None:
        raise not_found("unresolved payment", identifier)
    await connection.execute(_LOCKS[found.type], found.payment)
    item = await UnresolvedPayment.find(connection, identifier, "for update")
    assert item is not None, "unresolved payments are never deleted"
    return item


def _check_open(item: UnresolvedPayment) -> None:
    if item.status == "resolved":
        raise InvalidRequest(
            f"{item.id} has been resolved already: its {item.type} has {item.outcome}.",
            code="unresolved_payment_resolved",
        )
    if item.status == "awaiting_approval":
        raise InvalidRequest(
            f"{item.id} waits for the approval of {item.proposal}. Approve or reject that first.",
            code="unresolved_payment_awaiting_approval",
        )


async def _proposal(connection: Connection, item: UnresolvedPayment, identifier: str) -> Deed:
    """The proposal that an item waits for. Raises InvalidRequest if it does not, for this one."""
    if item.status == "resolved":
        _check_open(item)
    if item.proposal != identifier:
        raise missing("proposal", identifier, "proposal")
    (proposed,) = await store.deeds(connection, [identifier])
    return proposed


async def _check_reference(
    connection: Connection, item: UnresolvedPayment, decision: Decision
) -> None:
    """Money that has moved has a number at its provider, and only one payment of ours has it."""
    reference = decision.provider_reference
    if reference is None:
        if decision.outcome == "succeeded":
            raise InvalidRequest(
                "Say by which number the provider knows this transaction.",
                code="parameter_missing",
                param="provider_reference",
            )
        return
    other = await connection.fetchval(
        f"select id from {store.TABLES[item.type]}"
        " where provider = $1 and provider_reference = $2 and id <> $3 limit 1",
        item.provider,
        reference,
        item.payment,
    )
    if other is not None:
        raise InvalidRequest(
            f"The provider's transaction {reference} is that of {other}.",
            code="provider_reference_taken",
            param="provider_reference",
        )


def _deed(item: UnresolvedPayment, action: Action, by: Author, decision: Decision) -> Deed:
    """What was done, and what the provider had said until then."""
    last = item.details.last_answer
    return Deed(
        id=new_id("upd"),
        created=int(time.time()),
        unresolved_payment=item.id,
        action=action,
        by=by,
        outcome=decision.outcome,
        provider_reference=decision.provider_reference,
        reason=decision.reason,
        evidence={} if last is None else {"verdict": last.verdict, "at": last.at, **last.evidence},
    )


def _review(item: UnresolvedPayment, action: Action, review: Review, proposed: Deed) -> Deed:
    assert proposed.outcome is not None, "a proposal says an outcome"
    decision = Decision(
        proposed.outcome, review.reason or "", review.by, proposed.provider_reference
    )
    deed = _deed(item, action, review.by, decision)
    deed.reason = review.reason
    return deed


async def _carry_out(
    connection: Connection,
    presenter: Presenter,
    item: UnresolvedPayment,
    deed: Deed,
    request: Request | None,
) -> None:
    """Settle the payment as decided, and write the item's end.

    A contradiction is over when somebody has weighed both words: the payment keeps the state that
    the state machine allows, and its provider's account says what was decided now.
    """
    outcome, now = deed.outcome, int(time.time())
    assert outcome is not None, "what is carried out has an outcome"
    await _check_quiet(connection, item, now)
    await store.mark(connection, store.TABLES[item.type], [item.payment], decided_at=now)
    await _settle(connection, presenter, item, deed)
    payment = await _payment(connection, item)
    if item.reason != "contradiction":
        _check_settled(item, payment, outcome)
    await align(connection, item, payment, outcome, f"decided in {deed.id}")
    item.status, item.outcome, item.proposal = "resolved", outcome, None
    item.details.resolved_by, item.details.resolved_at = "decision", now
    item.details.decided, item.details.said = True, outcome
    first = rules.LOOKS_AFTER_DECISION[0].total_seconds()
    await jobs.enqueue(connection, store.LOOK_UPS[item.type], [item.payment], delay_seconds=first)
    await store.leave(connection, [item])
    await _change(connection, presenter, item, "resolved", request)


async def _payment(connection: Connection, item: UnresolvedPayment) -> Payment:
    payment = await _ROWS[item.type].find(connection, item.payment)
    assert payment is not None, "payments are never deleted"
    return payment


async def _check_quiet(connection: Connection, item: UnresolvedPayment, now: int) -> None:
    """What may be on its way to the provider at this moment is nobody's to decide."""
    payment = await _payment(connection, item)
    open_ = (item.type, payment.state) not in rules.OUTCOMES
    if open_ and now - payment.last_sent < rules.SENDING_SECONDS:
        raise InvalidRequest(
            f"{payment.id} has just been sent to its provider. Decide when that has ended, in"
            f" {rules.SENDING_SECONDS} seconds.",
            code="payment_being_sent",
        )


async def _settle(
    connection: Connection, presenter: Presenter, item: UnresolvedPayment, deed: Deed
) -> None:
    """Bring the decision to the noun's own `settle`, as an answer like any other."""
    succeeded = deed.outcome == "succeeded"
    verdict = Verdict.SUCCEEDED if succeeded else Verdict.DECLINED
    evidence = {"unresolved_payment": item.id, "deed": deed.id}
    if item.type == "payout":
        outcome = payouts.Outcome(
            item.payment, verdict, provider_reference=deed.provider_reference, evidence=evidence
        )
        await payouts.settle(connection, presenter.livemode, [outcome])
        return
    code = None if succeeded else DeclineCode.PROVIDER_ERROR
    answer = Answer(verdict, deed.provider_reference, code, evidence=evidence)
    if item.type == "charge":
        await charges.settle(connection, presenter, [(item.payment, answer)])
    else:
        await refunds.settle(connection, presenter, [(item.payment, answer)])


def _check_settled(item: UnresolvedPayment, payment: Payment, outcome: Outcome) -> None:
    if rules.OUTCOMES.get((item.type, payment.state)) != outcome:
        raise InvalidRequest(
            f"{payment.id} cannot be settled so: it is {payment.state}.",
            code="unresolved_payment_not_settleable",
            param="outcome",
        )


async def _change(
    connection: Connection,
    presenter: Presenter,
    item: UnresolvedPayment,
    word: str,
    request: Request | None,
) -> None:
    item.version += 1
    await UnresolvedPayment.update(connection, [item])
    await store.announce(connection, presenter.livemode, [(item, word)], request)
