"""What a provider's account gained by a payment, and how it is moved to another word about it."""

from processor.ledger import balances
from processor.ledger.posting import RECONCILIATION, Transaction, clearing, post
from processor.payments.objects import Charge
from processor.payouts.objects import Payout
from processor.refunds.objects import Refund
from processor.unresolved_payments.objects import UnresolvedPayment
from processor.unresolved_payments.rules import Outcome
from tenants.database import Connection

Payment = Charge | Refund | Payout


def gain(payment: Payment) -> int | None:
    """What the provider's account gains when the payment succeeds, in minor units: a refund takes
    away, a payout's reversal brings back. None for an amount that is only held: it moves nothing.
    """
    if not isinstance(payment, Charge):
        return -payment.amount
    if payment.amount_captured:
        return payment.amount_captured
    return payment.amount if payment.details.capture else None


async def align(
    connection: Connection, item: UnresolvedPayment, payment: Payment, outcome: Outcome, why: str
) -> None:
    """Let the clearing account say what `outcome` says, whatever was booked before.

    Where the state machine has no way (money that we booked and the provider denies, a refund that
    was given up and went through), the difference goes to the account `reconciliation`, as that of
    a statement does. The merchant's balance is not touched. The payment's row is locked.
    """
    gained = gain(payment)
    if gained is None:
        return
    account = clearing(item.provider)
    await balances.lock_account(connection, account, item.currency)
    booked = await balances.cleared(connection, payment.id, item.provider, item.currency)
    difference = (gained if outcome == "succeeded" else 0) - booked
    if difference == 0:
        return
    adjustment = Transaction(
        kind="reconciliation_adjustment",
        source=payment.id,
        currency=item.currency,
        shown=False,
        description=f"{item.id}: {why}",
        entries={account: -difference, RECONCILIATION: difference},
    )
    await post(connection, [adjustment])
