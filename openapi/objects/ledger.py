"""The balance, and the movements it is the sum of."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from openapi.objects.common import Amount, Currency, Timestamp


class SourceTypes(Struct):
    """The amount by what it came from; for the SDKs' sake all of it is under `card`."""

    card: int


class BalanceAmount(Struct):
    """An amount of one currency. It can be negative, after refunds and disputes."""

    amount: int
    currency: Currency
    source_types: SourceTypes


class Balance(Struct):
    """What the account has: ready to be paid out, and on its way."""

    object: Literal["balance"]
    available: list[BalanceAmount]
    livemode: bool
    pending: list[BalanceAmount]


class FeeDetail(Struct):
    """A part of a fee."""

    amount: Amount
    application: None
    currency: Currency
    description: str
    type: Literal["stripe_fee", "tax"]


class BalanceTransaction(Struct):
    """One movement of the account's money, with its fee."""

    id: str
    object: Literal["balance_transaction"]
    amount: int
    available_on: Timestamp
    balance_type: Literal["payments"]
    created: Timestamp
    currency: Currency
    description: str | None
    exchange_rate: None
    fee: int
    fee_details: list[FeeDetail]
    net: int
    reporting_category: str
    source: Annotated[str, Meta(min_length=1)] | None
    status: Literal["available", "pending"]
    type: str
