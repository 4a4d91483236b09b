"""What a bank file does to the payouts in it: all of one schema, in the caller's transaction."""

from collections.abc import Sequence

from processor.payouts.bank_files import Confirmation
from processor.payouts.failures import MESSAGES
from processor.payouts.objects import BANK, Payout
from processor.payouts.settlement import Outcome, is_final, settle
from providers.boundary import Verdict
from tenants.database import Connection


async def waiting(connection: Connection, currency: str, *, reversals: bool) -> list[Payout]:
    """The payouts to banks that no file holds yet, locked."""
    records = await connection.fetch(
        f"select {Payout.columns('payouts')} from payouts"
        " where provider = 'bank' and state = 'pending' and currency = $1"
        " and (amount > 0 or $2) order by id for update",
        currency,
        reversals,
    )
    return [Payout.read(record) for record in records]


async def hand_out(
    connection: Connection, livemode: bool, payouts: Sequence[Payout], file: str
) -> None:
    """Mark locked payouts as handed out with the bank file that has this key."""
    ids = [payout.id for payout in payouts]
    await connection.execute("update payouts set bank_file = $2 where id = any($1)", ids, file)
    await settle(connection, livemode, [Outcome(each, Verdict.PENDING) for each in ids])


async def known(connection: Connection, ids: Sequence[str]) -> dict[str, Payout]:
    """Which of these payouts are payouts of this schema to banks, locked."""
    found = await Payout.fetch(connection, ids, "for update")
    return {payout.id: payout for payout in found if payout.provider == BANK}


def objection(payout: Payout, confirmation: Confirmation) -> str | None:
    """Why a payout cannot be what the bank says it is; None if it can, or already is."""
    paid = confirmation.verdict is Verdict.SUCCEEDED
    if payout.state == ("paid" if paid else "failed"):
        return None
    if payout.state == "in_transit":
        return None
    if payout.state == "paid" and not paid:
        if not is_final(payout):
            return None
        return f"{payout.id} was paid and is being asked back: confirm its reversal"
    wanted = "paid" if paid else "failed"
    return f"{payout.id} is {payout.state} and cannot become {wanted}"


async def confirm(
    connection: Connection, livemode: bool, confirmations: Sequence[Confirmation]
) -> None:
    """Apply the bank's answers to payouts that `objection` lets through."""
    await settle(connection, livemode, [_outcome(each) for each in confirmations])


def _outcome(confirmation: Confirmation) -> Outcome:
    reason = confirmation.reason
    if reason is None or reason in MESSAGES:
        return Outcome(
            confirmation.payout,
            confirmation.verdict,
            failure_code=reason or "could_not_process",
        )
    # The bank's own words: a person may understand what we cannot classify.
    return Outcome(confirmation.payout, confirmation.verdict, failure_message=reason[:500])
