"""`/v1/customers`."""

import re
import time
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from processor import lists
from processor.customers import search
from processor.customers.objects import Customer, Details, InvoiceSettings, render
from processor.errors import InvalidRequest, missing, not_found
from processor.events.log import Draft, changed
from processor.operations import Object, Operation, Work
from processor.parameters import (
    Address,
    Amount,
    Id,
    ListParameters,
    Metadata,
    MetadataUpdate,
    Parameters,
    Shipping,
    ShortText,
    Text,
    merged_metadata,
)
from processor.payment_methods import store as payment_methods
from tenants.ids import new_id

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")

TaxExempt = Literal["none", "exempt", "reverse"]
InvoicePrefix = Annotated[str, Meta(pattern=r"^[A-Z0-9]{3,12}$")]
Locales = Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=20)]


class CustomField(Struct, forbid_unknown_fields=True):
    """A line that a customer's invoices carry."""

    name: Annotated[str, Meta(max_length=40)]
    value: Annotated[str, Meta(max_length=140)]


class InvoiceSettingsParameters(Struct, forbid_unknown_fields=True):
    """What a customer's invoices use unless they say otherwise."""

    custom_fields: Annotated[list[CustomField], Meta(max_length=4)] | None | UnsetType = UNSET
    default_payment_method: Id | None | UnsetType = UNSET
    footer: Text | None | UnsetType = UNSET


class Fields(Parameters, kw_only=True):
    """What can be given when a customer is made, and changed afterwards."""

    address: Address | None | UnsetType = UNSET
    balance: Amount | UnsetType = UNSET
    business_name: ShortText | None | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    email: Annotated[str, Meta(max_length=512)] | None | UnsetType = UNSET
    individual_name: ShortText | None | UnsetType = UNSET
    invoice_prefix: InvoicePrefix | UnsetType = UNSET
    invoice_settings: InvoiceSettingsParameters | UnsetType = UNSET
    name: ShortText | None | UnsetType = UNSET
    next_invoice_sequence: Annotated[int, Meta(ge=1, le=2**31)] | UnsetType = UNSET
    phone: Annotated[str, Meta(max_length=40)] | None | UnsetType = UNSET
    preferred_locales: Locales | UnsetType = UNSET
    shipping: Shipping | None | UnsetType = UNSET
    source: Id | UnsetType = UNSET
    tax_exempt: TaxExempt | None | UnsetType = UNSET


class Create(Fields, kw_only=True):
    """A new customer. Nothing is required."""

    metadata: Metadata | None = None
    payment_method: Id | None = None


class Update(Fields, kw_only=True):
    """Only what is given changes; an empty value unsets."""

    customer: Id
    default_source: Id | UnsetType = UNSET
    metadata: MetadataUpdate = UNSET


class Retrieve(Parameters, kw_only=True):
    """Which customer."""

    customer: Id


class Delete(Parameters, kw_only=True):
    """Which customer."""

    customer: Id


class List(ListParameters, kw_only=True):
    """Filter by e-mail address, exactly."""

    email: Annotated[str, Meta(max_length=512)] | None = None


async def create(work: Work, parameters: Create) -> Object:
    """Make a customer, with a payment method attached if one is given."""
    customer = Customer(
        id=new_id("cus"), created=int(time.time()), metadata=parameters.metadata or {}
    )
    _apply(customer, parameters)
    if parameters.payment_method is not None:
        await payment_methods.attach(work, parameters.payment_method, customer.id)
    await _take_source(work, customer, parameters)
    await _check_default(work, customer, parameters)
    await Customer.insert(work.connection, [customer])
    return _record(work, customer, "customer.created")


async def update(work: Work, parameters: Update) -> Object:
    """Change a customer."""
    customer = await _locked(work, parameters.customer)
    before = render(customer, work.caller.livemode)
    _apply(customer, parameters)
    customer.metadata = merged_metadata(customer.metadata, parameters.metadata)
    if parameters.default_source is not UNSET:
        await payment_methods.check_attached(
            work, parameters.default_source, customer.id, "default_source"
        )
        customer.details.default_source = parameters.default_source
    await _take_source(work, customer, parameters)
    await _check_default(work, customer, parameters)
    after = render(customer, work.caller.livemode)
    if previous := changed(before, after):
        customer.version += 1
        await Customer.update(work.connection, [customer])
        work.events.append(
            Draft("customer.updated", after, customer.version, work.request, previous)
        )
    return after


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One customer. A deleted one stays readable as such."""
    customer = await Customer.find(work.connection, parameters.customer)
    if customer is None:
        raise not_found("customer", parameters.customer)
    return render(customer, work.caller.livemode)


async def delete(work: Work, parameters: Delete) -> Object:
    """Delete a customer for good. Its payments stay, its payment methods are detached."""
    customer = await _locked(work, parameters.customer)
    work.events.append(
        Draft(
            "customer.deleted",
            render(customer, work.caller.livemode),
            customer.version + 1,
            work.request,
        )
    )
    customer.deleted = True
    customer.version += 1
    customer.email = customer.name = customer.phone = None
    customer.details, customer.metadata = Details(), {}
    await Customer.update(work.connection, [customer])
    await payment_methods.detach_all(work, customer.id)
    return render(customer, work.caller.livemode)


async def list_(work: Work, parameters: List) -> Object:
    """A page of customers, newest first."""
    table = Customer.table
    where = [~table.c.deleted]
    if parameters.email is not None:
        where.append(table.c.email == parameters.email)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="customer",
        url="/v1/customers",
        render=lambda row: render(Customer.read(row), work.caller.livemode),
        where=where,
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Customer objects by id, for expansion."""
    rows = await Customer.fetch(work.connection, ids)
    return {row.id: render(row, work.caller.livemode) for row in rows}


async def check_exists(work: Work, identifier: str, param: str = "customer") -> None:
    """Refuse an id that names no living customer. Raises InvalidRequest."""
    customer = await Customer.find(work.connection, identifier)
    if customer is None or customer.deleted:
        raise missing("customer", identifier, param)


def _record(work: Work, customer: Customer, event: str) -> Object:
    shown = render(customer, work.caller.livemode)
    work.events.append(Draft(event, shown, customer.version, work.request))
    return shown


async def _locked(work: Work, identifier: str) -> Customer:
    customer = await Customer.find(work.connection, identifier, "for update")
    if customer is None or customer.deleted:
        raise not_found("customer", identifier)
    return customer


def _apply(customer: Customer, parameters: Fields) -> None:
    """Write the given fields into the row."""
    if isinstance(parameters.email, str) and not _EMAIL.fullmatch(parameters.email):
        raise InvalidRequest(
            f"Invalid email address: {parameters.email[:80]}", code="email_invalid", param="email"
        )
    for name in ("email", "name", "phone"):
        if (value := getattr(parameters, name)) is not UNSET:
            setattr(customer, name, value)
    for name in Details.__struct_fields__:
        value = getattr(parameters, name, UNSET)
        if value is not UNSET and name not in ("default_source", "invoice_settings"):
            setattr(
                customer.details, name, "none" if (name, value) == ("tax_exempt", None) else value
            )
    if isinstance(parameters.invoice_settings, InvoiceSettingsParameters):
        given = msgspec.to_builtins(parameters.invoice_settings)
        current = msgspec.to_builtins(customer.details.invoice_settings)
        customer.details.invoice_settings = msgspec.convert(current | given, InvoiceSettings)


async def _take_source(work: Work, customer: Customer, parameters: Fields) -> None:
    """Attach the card of a token: what charges without a payment method are made with."""
    if parameters.source is not UNSET:
        method = await payment_methods.attach_token(work, parameters.source, customer.id)
        customer.details.default_source = method.id


async def _check_default(work: Work, customer: Customer, parameters: Fields) -> None:
    """A default payment method must be the customer's own."""
    if not isinstance(parameters.invoice_settings, InvoiceSettingsParameters):
        return
    wanted = parameters.invoice_settings.default_payment_method
    if isinstance(wanted, str):
        await payment_methods.check_attached(
            work, wanted, customer.id, "invoice_settings[default_payment_method]"
        )


OPERATIONS = [
    Operation(
        name="customers.create",
        method="POST",
        path="/v1/customers",
        parameters=Create,
        returns="customer",
        summary="Create a customer",
        write=create,
    ),
    Operation(
        name="customers.search",
        method="GET",
        path="/v1/customers/search",
        parameters=search.Search,
        returns="search_result:customer",
        summary="Search customers by e-mail, name, phone or metadata",
        read=search.search,
    ),
    Operation(
        name="customers.retrieve",
        method="GET",
        path="/v1/customers/{customer}",
        parameters=Retrieve,
        returns="customer",
        summary="Retrieve a customer",
        read=retrieve,
    ),
    Operation(
        name="customers.update",
        method="POST",
        path="/v1/customers/{customer}",
        parameters=Update,
        returns="customer",
        summary="Update a customer",
        write=update,
    ),
    Operation(
        name="customers.delete",
        method="DELETE",
        path="/v1/customers/{customer}",
        parameters=Delete,
        returns="deleted_customer",
        summary="Delete a customer",
        write=delete,
    ),
    Operation(
        name="customers.list",
        method="GET",
        path="/v1/customers",
        parameters=List,
        returns="list:customer",
        summary="List customers, newest first",
        read=list_,
    ),
]
