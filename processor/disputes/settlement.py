"""Open and decide disputes, and book what they take and give back.

A card network's notice of a dispute reaches us through the card PSP; the sandbox has none, so in
test mode the card decides, as Stripe's test cards do: `TEST_DISPUTES`.
"""

import time
from datetime import timedelta

from processor.disputes.objects import TRANSITIONS, Dispute, DisputeDetails, DisputeStatus, render
from processor.engine import Processor
from processor.events import log
from processor.events.log import Draft
from processor.jobs import Job
from processor.ledger import posting
from processor.ledger.objects import TRANSACTION_COLUMNS, render_transaction
from processor.ledger.posting import Transaction, post
from processor.operations import Object, Request
from processor.payment_methods.test_aliases import TEST_DISPUTES
from processor.payments.objects import Charge, Presenter
from tenants.database import Connection
from tenants.ids import new_id

# Card networks give merchants some two weeks.
RESPONSE_SECONDS = 14 * 86_400


async def open_test_dispute(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """The job behind a test card that disputes its charge."""
    presenter = Presenter(processor, job.schema, livemode)
    async with processor.database.tenant(job.schema) as connection:
        charge = await Charge.find(connection, job.subject, "for update")
        if charge is None or livemode or charge.details.disputed:
            return None
        if charge.amount_refunded == charge.amount_captured:
            return None  # the payer has it all back, and nothing is left to take
        await open_dispute(connection, presenter, charge, TEST_DISPUTES[charge.details.token])
    return None


async def open_dispute(
    connection: Connection, presenter: Presenter, charge: Charge, reason: str
) -> Dispute:
    """Open a dispute of a locked, paid charge: its amount leaves the merchant's balance."""
    now = int(time.time())
    card = charge.details.card
    dispute = Dispute(
        id=new_id("dp"),
        created=now,
        status="needs_response",
        charge=charge.id,
        payment_intent=charge.payment_intent,
        amount=charge.amount_captured - charge.amount_refunded,
        currency=charge.currency,
        reason=reason,
        details=DisputeDetails(
            provider=charge.provider,
            due_by=now + RESPONSE_SECONDS,
            card_brand=card.brand if card else None,
        ),
    )
    taken = _movement(
        dispute,
        -dispute.amount,
        {posting.AVAILABLE: -dispute.amount, posting.DISPUTES: dispute.amount},
        f"Chargeback withdrawal for {charge.id}",
    )
    charge.details.disputed = True
    charge.version += 1
    await Dispute.insert(connection, [dispute])
    await Charge.update(connection, [charge])
    await post(connection, [taken])
    shown = await shown_with_transactions(connection, presenter.livemode, dispute)
    await log.append(
        connection,
        [
            Draft("charge.dispute.created", shown, dispute.version),
            Draft("charge.dispute.funds_withdrawn", shown, dispute.version),
            Draft("charge.updated", presenter.charge(charge), charge.version),
        ],
    )
    return dispute


async def decide(
    connection: Connection,
    livemode: bool,
    dispute: Dispute,
    status: DisputeStatus,
    request: Request | None,
) -> list[Draft]:
    """Move a locked dispute on, with its money. Returns the events; the caller writes both."""
    assert status in TRANSITIONS[dispute.status], f"{dispute.status} to {status}"
    dispute.status = status
    dispute.version += 1
    if status == "won":
        back = _movement(
            dispute,
            dispute.amount,
            {posting.DISPUTES: -dispute.amount, posting.AVAILABLE: dispute.amount},
            f"Chargeback reversal for {dispute.charge}",
        )
        await post(connection, [back])
    elif status == "lost":
        # The provider keeps what the payer's bank took: it owes that much less.
        gone = Transaction(
            kind="dispute_lost",
            source=dispute.id,
            currency=dispute.currency,
            shown=False,
            entries={
                posting.DISPUTES: -dispute.amount,
                posting.clearing(dispute.details.provider): dispute.amount,
            },
        )
        await post(connection, [gone])
    await Dispute.update(connection, [dispute])
    shown = await shown_with_transactions(connection, livemode, dispute)
    names = {
        "under_review": ["charge.dispute.updated"],
        "won": ["charge.dispute.closed", "charge.dispute.funds_reinstated"],
        "lost": ["charge.dispute.closed"],
    }[status]
    return [Draft(name, shown, dispute.version, request) for name in names]


def _movement(
    dispute: Dispute, amount: int, entries: dict[str, int], description: str
) -> Transaction:
    transaction = Transaction(
        kind="adjustment",
        source=dispute.id,
        currency=dispute.currency,
        amount=amount,
        description=description,
        entries=entries,
    )
    dispute.details.transactions.append(transaction.id)
    return transaction


async def shown_with_transactions(
    connection: Connection, livemode: bool, dispute: Dispute
) -> Object:
    """The dispute object with its balance transactions, oldest first."""
    rows = await connection.fetch(
        f"select {TRANSACTION_COLUMNS} from ledger_transactions where id = any($1) order by id",
        dispute.details.transactions,
    )
    return render(dispute, livemode, [render_transaction(row) for row in rows])
