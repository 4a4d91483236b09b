"""The only way a payout changes after it was handed out: one guarded update for a whole set, with
its ledger entries and events in the same transaction."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from processor import jobs
from processor.events import log
from processor.events.log import Draft
from processor.ledger.posting import Transaction, post
from processor.payouts import movements
from processor.payouts.failures import MESSAGES, code_of
from processor.payouts.objects import Payout, render
from processor.payouts.states import FINAL, STATUSES, TRANSITIONS
from processor.unresolved_payments import heard, queue
from providers.boundary import Answer, DeclineCode, Verdict
from tenants.database import Connection

# The job that carries a payout out, and looks it up; its subject is the payout.
JOB = "payout"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What somebody who can know says of a payout."""

    payout: str
    verdict: Verdict
    reference: str | None = None  # that it is about; None: whichever the payout has
    provider_reference: str | None = None
    failure_code: str = "could_not_process"
    failure_message: str | None = None  # without one, the code's own
    float_missing: bool = False  # refused because our account at the provider holds too little
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, payout: Payout, answer: Answer) -> "Outcome":
        """A provider's answer about a payout as it was sent."""
        return cls(
            payout.id,
            answer.verdict,
            payout.reference,
            answer.provider_reference,
            code_of(answer.decline_code),
            float_missing=answer.decline_code is DeclineCode.FLOAT_INSUFFICIENT,
            evidence=answer.evidence,
        )


@dataclass(slots=True)
class _Changes:
    """What a set of outcomes leads to."""

    payouts: list[Payout] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


async def settle(
    connection: Connection, livemode: bool, outcomes: Sequence[Outcome]
) -> dict[str, Payout]:
    """Apply outcomes, and write all that follows. Returns the payouts by id."""
    found = await Payout.fetch(connection, [each.payout for each in outcomes], "for update")
    payouts = {payout.id: payout for payout in found}
    changes = _Changes()
    for outcome in outcomes:
        _apply(payouts[outcome.payout], outcome, livemode, changes)
    if changes.payouts:
        await Payout.update(connection, changes.payouts)
        await post(connection, changes.transactions)
        await log.append(connection, changes.drafts)
        final = [payout.id for payout in changes.payouts if payout.state in FINAL]
        await jobs.forget(connection, JOB, final)
    said = [
        heard.of_payout(payouts[each.payout], each.verdict, each.evidence)
        for each in outcomes
        if each.reference in (None, payouts[each.payout].reference)
    ]
    await queue.hear(connection, livemode, said)
    return payouts


def _apply(payout: Payout, outcome: Outcome, livemode: bool, changes: _Changes) -> None:
    # A slow answer about a reference that was given up says nothing of the one that followed it.
    if outcome.reference not in (None, payout.reference):
        return
    # Once it has been sent again, that one call was not sent proves nothing any more.
    if outcome.verdict is Verdict.NOT_SENT and payout.details.sent_again_at is not None:
        return
    state = TRANSITIONS.get((payout.state, outcome.verdict))
    if state is None or (payout.state == "paid" and is_final(payout)):
        return
    before, arrived = STATUSES[payout.state], payout.state == "paid"
    payout.state = state
    payout.provider_reference = outcome.provider_reference or payout.provider_reference
    payout.details.evidence = dict(outcome.evidence)
    payout.version += 1
    changes.payouts.append(payout)
    if state == "paid":
        changes.transactions.append(movements.paid(payout))
    elif state == "failed" and outcome.float_missing:
        _wait_for_float(payout)
    elif state == "failed":
        payout.details.failure_code = outcome.failure_code
        payout.details.failure_message = outcome.failure_message or MESSAGES[outcome.failure_code]
        if payout.original_payout is None:
            changes.transactions.append(
                movements.give_back(payout, "payout_failure", returned=arrived)
            )
    now = STATUSES[payout.state]
    if now != before:
        name = now if now in ("paid", "failed") else "updated"
        shown = render(payout, livemode)
        previous = {"status": before} if name == "updated" else None
        changes.drafts.append(Draft(f"payout.{name}", shown, payout.version, previous=previous))


def is_final(payout: Payout) -> bool:
    """Whether a paid payout stays paid: a reversal, or one whose money comes back by a reversal."""
    return payout.original_payout is not None or payout.details.reversed_by is not None


def _wait_for_float(payout: Payout) -> None:
    """Keep a payout that its provider refused for our want of money there. The refusal was said
    aloud and its reference will never move money, so the next sending has a new one."""
    payout.state = "pending"
    payout.details.waits_for_float = True
    payout.details.spent_references.append(payout.reference)
    payout.reference = str(uuid.uuid4())
