"""`/v1/payment_methods` and a customer's own list of them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, structs

from processor import lists
from processor.customers.objects import Customer
from processor.errors import InvalidRequest, missing, not_found
from processor.events.log import Draft, changed
from processor.operations import Object, Operation, Work
from processor.parameters import (
    BillingDetails,
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    merged_metadata,
)
from processor.payment_methods import store
from processor.payment_methods.objects import PaymentMethod, render
from processor.payment_methods.store import (
    CardParameters,
    MobileMoneyParameters,
    PaymentMethodData,
)
from processor.tokens.objects import Token, usable

Redisplay = Literal["always", "limited", "unspecified"]
Type = Literal["card", "mobile_money"]


class Create(Parameters, kw_only=True):
    """A means of payment, not attached to anybody."""

    type: Type
    card: CardParameters | None = None
    mobile_money: MobileMoneyParameters | None = None
    billing_details: BillingDetails | None = None
    allow_redisplay: Redisplay | None = None
    metadata: Metadata | None = None


class CardUpdate(Struct, forbid_unknown_fields=True):
    """The parts of a card that may change."""

    exp_month: Annotated[int, Meta(ge=1, le=12)] | None = None
    exp_year: Annotated[int, Meta(ge=2000, le=2100)] | None = None


class Update(Parameters, kw_only=True):
    """Only what is given changes."""

    payment_method: Id
    allow_redisplay: Redisplay | None = None
    billing_details: BillingDetails | None = None
    card: CardUpdate | None = None
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which payment method."""

    payment_method: Id


class Attach(Parameters, kw_only=True):
    """To which customer."""

    payment_method: Id
    customer: Id


class Detach(Parameters, kw_only=True):
    """Which payment method."""

    payment_method: Id


class List(ListParameters, kw_only=True):
    """A customer's payment methods, of one type if it is given."""

    customer: Id | None = None
    type: Type | None = None
    allow_redisplay: Redisplay | None = None


class CustomerList(ListParameters, kw_only=True):
    """Whose payment methods."""

    customer: Id
    type: Type | None = None
    allow_redisplay: Redisplay | None = None


class CustomerRetrieve(Parameters, kw_only=True):
    """Which of whose payment methods."""

    customer: Id
    payment_method: Id


async def create(work: Work, parameters: Create) -> Object:
    """Make a payment method from a card or a wallet's number."""
    data = PaymentMethodData(
        type=parameters.type,
        card=parameters.card,
        mobile_money=parameters.mobile_money,
        billing_details=parameters.billing_details,
        allow_redisplay=parameters.allow_redisplay,
        metadata=parameters.metadata,
    )
    named = store.token_named(data)
    tokens = await usable(work.connection, [named]) if named else {}
    method = store.make(work.caller, data, tokens)
    await PaymentMethod.insert(work.connection, [method])
    if tokens:
        await Token.update(work.connection, list(tokens.values()))
    return render(method, work.caller.livemode)


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One payment method."""
    return render(await _found(work, parameters.payment_method), work.caller.livemode)


async def update(work: Work, parameters: Update) -> Object:
    """Change a payment method's billing details, expiry or metadata."""
    method = await _found(work, parameters.payment_method, "for update")
    before = render(method, work.caller.livemode)
    if parameters.allow_redisplay is not None:
        method.details.allow_redisplay = parameters.allow_redisplay
    if parameters.billing_details is not None:
        method.details.billing_details = _merged(method, parameters.billing_details)
    if parameters.card is not None:
        if method.details.card is None:
            raise InvalidRequest("This payment method is not a card.", param="card")
        given = {k: v for k, v in structs.asdict(parameters.card).items() if v is not None}
        method.details.card = structs.replace(method.details.card, **given)
    method.metadata = merged_metadata(method.metadata, parameters.metadata)
    after = render(method, work.caller.livemode)
    if previous := changed(before, after):
        method.version += 1
        await PaymentMethod.update(work.connection, [method])
        work.events.append(
            Draft("payment_method.updated", after, method.version, work.request, previous)
        )
    return after


async def attach(work: Work, parameters: Attach) -> Object:
    """Attach to a customer. A test alias makes a fresh payment method each time."""
    customer = await Customer.find(work.connection, parameters.customer)
    if customer is None or customer.deleted:
        raise missing("customer", parameters.customer, "customer")
    method = await store.attach(work, parameters.payment_method, customer.id)
    return render(method, work.caller.livemode)


async def detach(work: Work, parameters: Detach) -> Object:
    """Take it from its customer. It cannot be attached to another one: Stripe's rule, and ours."""
    method = await _found(work, parameters.payment_method, "for update")
    if method.customer is None:
        raise InvalidRequest(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible.",
            code="payment_method_unexpected_state",
        )
    await store.detach(work, [method])
    return render(method, work.caller.livemode)


async def list_(work: Work, parameters: List) -> Object:
    """A page of payment methods, newest first."""
    return await _page(work, parameters, parameters.customer, "/v1/payment_methods")


async def list_of_customer(work: Work, parameters: CustomerList) -> Object:
    """A page of one customer's payment methods."""
    customer = await Customer.find(work.connection, parameters.customer)
    if customer is None or customer.deleted:
        raise not_found("customer", parameters.customer, "customer")
    url = f"/v1/customers/{customer.id}/payment_methods"
    return await _page(work, parameters, customer.id, url)


async def retrieve_of_customer(work: Work, parameters: CustomerRetrieve) -> Object:
    """One of a customer's payment methods."""
    method = await _found(work, parameters.payment_method)
    if method.customer != parameters.customer:
        raise not_found("PaymentMethod", parameters.payment_method, "payment_method")
    return render(method, work.caller.livemode)


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Payment method objects by id, for expansion."""
    rows = await PaymentMethod.fetch(work.connection, ids)
    return {row.id: render(row, work.caller.livemode) for row in rows}


async def _page(
    work: Work, parameters: List | CustomerList, customer: str | None, url: str
) -> Object:
    table = PaymentMethod.table
    where = []
    if customer is not None:
        where.append(table.c.customer == customer)
    if parameters.type is not None:
        where.append(table.c.type == parameters.type)
    if parameters.allow_redisplay is not None:
        shown = table.c.details["allow_redisplay"].astext
        if parameters.allow_redisplay == "unspecified":
            where.append(shown.is_(None))
        else:
            where.append(shown == parameters.allow_redisplay)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="payment_method",
        url=url,
        render=lambda row: render(PaymentMethod.read(row), work.caller.livemode),
        where=where,
    )


async def _found(work: Work, identifier: str, tail: str = "") -> PaymentMethod:
    method = await PaymentMethod.find(work.connection, identifier, tail)
    if method is None:
        raise not_found("PaymentMethod", identifier, "payment_method")
    return method


def _merged(method: PaymentMethod, given: BillingDetails) -> BillingDetails:
    """Given members replace the old ones; the number of a wallet is who it is, and stays."""
    changes = {k: v for k, v in structs.asdict(given).items() if v is not None}
    if method.type == "mobile_money":
        changes.pop("phone", None)
    return structs.replace(method.details.billing_details, **changes)


OPERATIONS = [
    Operation(
        name="payment_methods.create",
        method="POST",
        path="/v1/payment_methods",
        parameters=Create,
        returns="payment_method",
        summary="Create a payment method from a card or a wallet's number",
        write=create,
        publishable=True,
    ),
    Operation(
        name="payment_methods.retrieve",
        method="GET",
        path="/v1/payment_methods/{payment_method}",
        parameters=Retrieve,
        returns="payment_method",
        summary="Retrieve a payment method",
        read=retrieve,
    ),
    Operation(
        name="payment_methods.update",
        method="POST",
        path="/v1/payment_methods/{payment_method}",
        parameters=Update,
        returns="payment_method",
        summary="Update a payment method",
        write=update,
    ),
    Operation(
        name="payment_methods.list",
        method="GET",
        path="/v1/payment_methods",
        parameters=List,
        returns="list:payment_method",
        summary="List payment methods, newest first",
        read=list_,
    ),
    Operation(
        name="payment_methods.attach",
        method="POST",
        path="/v1/payment_methods/{payment_method}/attach",
        parameters=Attach,
        returns="payment_method",
        summary="Attach a payment method to a customer",
        write=attach,
    ),
    Operation(
        name="payment_methods.detach",
        method="POST",
        path="/v1/payment_methods/{payment_method}/detach",
        parameters=Detach,
        returns="payment_method",
        summary="Detach a payment method from its customer",
        write=detach,
    ),
    Operation(
        name="customers.list_payment_methods",
        method="GET",
        path="/v1/customers/{customer}/payment_methods",
        parameters=CustomerList,
        returns="list:payment_method",
        summary="List a customer's payment methods",
        read=list_of_customer,
    ),
    Operation(
        name="customers.retrieve_payment_method",
        method="GET",
        path="/v1/customers/{customer}/payment_methods/{payment_method}",
        parameters=CustomerRetrieve,
        returns="payment_method",
        summary="Retrieve one of a customer's payment methods",
        read=retrieve_of_customer,
    ),
]
