"""The refund."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from openapi.objects.common import Amount, Currency, Metadata, Timestamp
from openapi.objects.payment_methods import MethodType


class CardDestination(Struct):
    """How the payer can find the refund at the card's issuer."""

    reference: str | None
    reference_status: Literal["available", "pending"]
    reference_type: Literal["acquirer_reference_number"]
    type: Literal["refund"]


class ProviderReference(Struct):
    """How the payer can find the refund at the network."""

    reference: str | None


class Destination(Struct, kw_only=True):
    """Where the money went; `type` names the member that says it."""

    type: MethodType
    card: CardDestination | UnsetType = UNSET
    hosted_card: ProviderReference | UnsetType = UNSET
    mobile_money: ProviderReference | UnsetType = UNSET
    paypal: ProviderReference | UnsetType = UNSET


class Refund(Struct, kw_only=True):
    """Money that goes back to the payer."""

    id: str
    object: Literal["refund"]
    amount: Amount
    balance_transaction: str | None
    charge: str
    created: Timestamp
    currency: Currency
    customer: None
    customer_account: None
    destination_details: Destination
    failure_balance_transaction: str | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET
    metadata: Metadata
    payment_intent: str | None
    payment_method: None
    pending_reason: Literal["processing"] | UnsetType = UNSET
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None
    receipt_number: None
    source_transfer_reversal: None
    status: Literal["failed", "pending", "succeeded"]
    transfer_reversal: None
    unresolved_payment: str | UnsetType = UNSET
