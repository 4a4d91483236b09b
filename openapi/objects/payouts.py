"""The payout, and the external account that it goes to."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from openapi.objects.common import Country, Currency, Last4, Metadata, Timestamp
from openapi.objects.payment_methods import Network

AccountKind = Literal["bank_account", "mobile_wallet"]


class ExternalAccount(Struct, kw_only=True):
    """A bank account or a mobile money wallet of yours, to which payouts go."""

    id: str
    object: AccountKind
    account: str
    account_holder_name: str | None
    account_holder_type: Literal["company", "individual"] | None
    account_type: None | UnsetType = UNSET
    available_payout_methods: list[Literal["standard"]]
    bank_name: str | None | UnsetType = UNSET
    country: Country
    currency: Currency
    default_for_currency: bool
    fingerprint: str
    future_requirements: None | UnsetType = UNSET
    last4: Last4
    metadata: Metadata
    network: Network | UnsetType = UNSET
    requirements: None | UnsetType = UNSET
    routing_number: str | None | UnsetType = UNSET
    status: Literal["new"]


class DeletedExternalAccount(Struct):
    """What is left of an external account after its deletion."""

    id: str
    object: AccountKind
    currency: Currency
    deleted: Literal[True]


class PayoutBankAccount(Struct):
    """The bank account as it was when the payout was made."""

    account_holder_name: str | None
    bank_name: str | None
    country: Country
    last4: Last4


class PayoutWallet(Struct):
    """The wallet as it was when the payout was made."""

    account_holder_name: str | None
    country: Country
    last4: Last4
    network: Network


class PayoutDestination(Struct, kw_only=True):
    """Where the money goes; `type` names the member that says it."""

    type: Literal["bank_account", "mobile_money"]
    bank_account: PayoutBankAccount | UnsetType = UNSET
    mobile_money: PayoutWallet | UnsetType = UNSET


class TraceId(Struct):
    """The number by which the bank or the network knows the payout."""

    status: Literal["pending", "supported"]
    value: str | None


class Payout(Struct, kw_only=True):
    """Money that leaves your balance for a bank account or a wallet of yours."""

    id: str
    object: Literal["payout"]
    amount: int
    application_fee: None
    application_fee_amount: None
    arrival_date: Timestamp
    automatic: bool
    balance_transaction: str | None
    batch: str | None
    created: Timestamp
    currency: Currency
    description: str | None
    destination: str | None
    destination_details: PayoutDestination
    failure_balance_transaction: str | None
    failure_code: str | None
    failure_message: str | None
    livemode: bool
    metadata: Metadata
    method: Literal["instant", "standard"]
    original_payout: str | None
    payout_method: None
    pending_reason: Literal["insufficient_float"] | UnsetType = UNSET
    reconciliation_status: Literal["not_applicable"]
    reversed_by: str | None
    source_type: Literal["bank_account", "card", "fpx"]
    statement_descriptor: str | None
    status: Literal["canceled", "failed", "in_transit", "paid", "pending"]
    trace_id: TraceId
    type: Literal["bank_account", "mobile_money"]
    unresolved_payment: str | UnsetType = UNSET


class BatchPart(Struct):
    """The payouts of a batch that have one status."""

    amount: int
    count: int


class BatchProgress(Struct):
    """A batch's payouts by their status; what has yet to be made is pending."""

    pending: BatchPart
    in_transit: BatchPart
    paid: BatchPart
    failed: BatchPart
    canceled: BatchPart


class PayoutBatch(Struct):
    """Thousands of payouts to wallets that were accepted together."""

    id: str
    object: Literal["payout_batch"]
    amount: int
    count: int
    created: Timestamp
    currency: Currency
    description: str | None
    livemode: bool
    metadata: Metadata
    progress: BatchProgress
    status: Literal["completed", "processing"]
