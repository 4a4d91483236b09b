"""A payout's row, and the object the API shows."""

from typing import Any, Literal

from msgspec import Struct

from processor.external_accounts.objects import ExternalAccount
from processor.operations import Object
from processor.payouts.states import STATUSES, PayoutState
from processor.rows import Row
from tenants import tables

# The provider of payouts to bank accounts: the operator, with a file.
BANK = "bank"


class Destination(Struct, omit_defaults=True):
    """Where the money goes, as it was known when the payout was made."""

    kind: Literal["bank_account", "mobile_wallet"]
    number: str  # an IBAN, or an E.164 number
    country: str
    holder: str | None = None
    bank_name: str | None = None
    routing_number: str | None = None
    network: str | None = None

    @classmethod
    def of(cls, account: ExternalAccount) -> "Destination":
        """A snapshot of an external account."""
        return cls(
            kind=account.kind,
            number=account.number,
            country=account.country,
            holder=account.details.account_holder_name,
            bank_name=account.details.bank_name,
            routing_number=account.details.routing_number,
            network=account.details.network,
        )


class PayoutDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    destination: Destination
    method: str = "standard"
    source_type: str = "card"
    description: str | None = None
    statement_descriptor: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    reversed_by: str | None = None
    submitted_at: int | None = None  # unix seconds; when a provider was last told
    waits_for_float: bool = False
    spent_references: list[str] = []  # refused for want of float, each for good
    evidence: dict[str, Any] = {}  # the provider's last words, scrubbed
    sent_again_at: int | None = None  # after its provider had not seen it, in unix seconds
    unresolved_payment: str | None = None  # where nobody could explain it, then or now
    decided_at: int | None = None  # when a person last said what became of it, in unix seconds


class Payout(Row, kw_only=True):
    """A row of `payouts`. A negative amount is asked back: a reversal."""

    table = tables.payouts

    state: PayoutState
    amount: int
    currency: str
    arrival_date: int
    provider: str
    reference: str
    provider_reference: str | None = None
    destination: str | None = None
    original_payout: str | None = None
    batch: str | None = None
    line: int | None = None
    bank_file: str | None = None
    details: PayoutDetails

    @property
    def last_sent(self) -> int:
        """When it was last on its way to its provider, in unix seconds."""
        times = (self.created, self.details.submitted_at, self.details.sent_again_at)
        return max(time for time in times if time is not None)


def render(payout: Payout, livemode: bool) -> Object:
    """The payout object."""
    details = payout.details
    shown: Object = {
        "id": payout.id,
        "object": "payout",
        "amount": payout.amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": payout.arrival_date,
        "automatic": False,
        "balance_transaction": details.balance_transaction,
        "batch": payout.batch,
        "created": payout.created,
        "currency": payout.currency,
        "description": details.description,
        "destination": payout.destination,
        "destination_details": _destination(details.destination),
        "failure_balance_transaction": details.failure_balance_transaction,
        "failure_code": details.failure_code,
        "failure_message": details.failure_message,
        "livemode": livemode,
        "metadata": payout.metadata,
        "method": details.method,
        "original_payout": payout.original_payout,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": details.reversed_by,
        "source_type": details.source_type,
        "statement_descriptor": details.statement_descriptor,
        "status": STATUSES[payout.state],
        "trace_id": {
            "status": "supported" if payout.provider_reference else "pending",
            "value": payout.provider_reference,
        },
        "type": _type(details.destination),
    }
    if payout.state == "pending" and details.waits_for_float:
        shown["pending_reason"] = "insufficient_float"
    if details.unresolved_payment is not None:
        shown["unresolved_payment"] = details.unresolved_payment
    return shown


def _type(destination: Destination) -> str:
    return "bank_account" if destination.kind == "bank_account" else "mobile_money"


def _destination(destination: Destination) -> Object:
    shown: Object = {
        "account_holder_name": destination.holder,
        "country": destination.country,
        "last4": destination.number[-4:],
    }
    if destination.kind == "mobile_wallet":
        shown["network"] = destination.network
    else:
        shown["bank_name"] = destination.bank_name
    return {"type": _type(destination), _type(destination): shown}
