"""`/v1/payment_intents/search` and `/v1/charges/search`.

The fields are Stripe's (https://docs.stripe.com/search#query-fields-for-charges), and a wallet's.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_

from processor import search as language
from processor.operations import Object, Operation, Work
from processor.payments.charges import SHOWN as SHOWN_CHARGES
from processor.payments.intents import SHOWN as SHOWN_INTENTS
from processor.payments.objects import Charge, Intent, Presenter
from processor.search import Search

_INTENTS = language.columns(Intent.table, "amount", "created", "currency", "customer", "status")


def _charge_fields() -> language.Fields:
    table = Charge.table
    card, wallet = table.c.details["card"], table.c.details["mobile_money"]
    address = table.c.details["billing_details"]["address"]
    refunded = or_(
        table.c.state == "canceled",
        and_(table.c.amount_captured > 0, table.c.amount_refunded == table.c.amount_captured),
    )
    disputed = table.c.details["disputed"].astext == "true"
    by_card, by_wallet = "payment_method_details.card", "payment_method_details.mobile_money"
    return {
        **language.columns(table, "amount", "created", "currency", "customer"),
        "billing_details.address.postal_code": address["postal_code"].astext,
        "disputed": _truth(disputed),
        f"{by_card}.brand": card["brand"].astext,
        f"{by_card}.exp_month": card["exp_month"].as_integer(),
        f"{by_card}.exp_year": card["exp_year"].as_integer(),
        f"{by_card}.last4": card["last4"].astext,
        f"{by_wallet}.last4": case(
            (wallet.is_not(None), func.right(table.c.details["token"].astext, 4))
        ),
        f"{by_wallet}.network": wallet["network"].astext,
        "refunded": _truth(refunded),
        "status": case(
            (table.c.state.in_(("succeeded", "authorized", "canceled")), "succeeded"),
            (table.c.state == "failed", "failed"),
            else_="pending",
        ),
    }


def _truth(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    """A condition as queries write it: `refunded:"true"`."""
    return case((condition, "true"), else_="false")


async def search_intents(work: Work, parameters: Search) -> Object:
    """Payment intents that match a query, newest first."""
    presenter = Presenter.of(work.processor, work.caller)
    return await language.page(
        work.connection,
        Intent.table,
        parameters,
        fields=_INTENTS,
        url="/v1/payment_intents/search",
        render=lambda row: presenter.intent(Intent.read(row)),
        where=[SHOWN_INTENTS],
    )


async def search_charges(work: Work, parameters: Search) -> Object:
    """Charges that match a query, newest first."""
    presenter = Presenter.of(work.processor, work.caller)
    return await language.page(
        work.connection,
        Charge.table,
        parameters,
        fields=_charge_fields(),
        url="/v1/charges/search",
        render=lambda row: presenter.charge(Charge.read(row)),
        where=[SHOWN_CHARGES],
    )


OPERATIONS = [
    Operation(
        name="payment_intents.search",
        method="GET",
        path="/v1/payment_intents/search",
        parameters=Search,
        returns="search_result:payment_intent",
        summary="Search payment intents by status, amount, customer, metadata and the like",
        read=search_intents,
    ),
    Operation(
        name="charges.search",
        method="GET",
        path="/v1/charges/search",
        parameters=Search,
        returns="search_result:charge",
        summary="Search charges by card, status, amount, customer, metadata and the like",
        read=search_charges,
    ),
]
