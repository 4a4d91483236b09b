"""`/v1/charges`: read attempts, and note things on them."""

from msgspec import UNSET, structs
from sqlalchemy import and_, not_, or_

from processor import lists
from processor.customers.operations import check_exists
from processor.errors import InvalidRequest, not_found
from processor.events.log import Draft, changed
from processor.operations import Object, Operation, Work
from processor.parameters import merged_metadata
from processor.payments.objects import Charge, Presenter
from processor.payments.parameters import ChargeList, ChargeRetrieve, ChargeUpdate
from tenants.tables import charges as table

# A card that waits, or waited in vain, for 3-D Secure is no charge; see `Charge.shown`.
SHOWN = not_(
    and_(
        table.c.payment_intent.startswith("pi_", autoescape=True),
        table.c.id.startswith("ch_", autoescape=True),
        or_(
            table.c.state.in_(("submitted", "pending")),
            and_(table.c.state == "canceled", not_(table.c.details.has_key("held"))),
        ),
    )
)


async def retrieve(work: Work, parameters: ChargeRetrieve) -> Object:
    """One charge."""
    charge = await Charge.find(work.connection, parameters.charge)
    if charge is None or not charge.shown:
        raise not_found("charge", parameters.charge)
    return Presenter.of(work.processor, work.caller).charge(charge)


async def update(work: Work, parameters: ChargeUpdate) -> Object:
    """Note something on a charge. The money does not change."""
    charge = await Charge.find(work.connection, parameters.charge, "for update")
    if charge is None or not charge.shown:
        raise not_found("charge", parameters.charge)
    presenter = Presenter.of(work.processor, work.caller)
    before = presenter.charge(charge)
    for name in ("description", "receipt_email", "shipping", "transfer_group"):
        if (value := getattr(parameters, name)) is not UNSET:
            setattr(charge.details, name, value)
    if parameters.fraud_details is not UNSET:
        given = structs.asdict(parameters.fraud_details)
        charge.details.fraud_details = {k: v for k, v in given.items() if v is not None}
    if parameters.customer is not UNSET:
        if charge.customer not in (None, parameters.customer):
            raise InvalidRequest(
                "This charge already has a customer, which cannot be changed.", param="customer"
            )
        await check_exists(work, parameters.customer)
        charge.customer = parameters.customer
    charge.metadata = merged_metadata(charge.metadata, parameters.metadata)
    after = presenter.charge(charge)
    if previous := changed(before, after):
        charge.version += 1
        await Charge.update(work.connection, [charge])
        work.events.append(Draft("charge.updated", after, charge.version, work.request, previous))
    return after


async def list_(work: Work, parameters: ChargeList) -> Object:
    """A page of charges, newest first."""
    where = [SHOWN]
    if parameters.customer is not None:
        where.append(table.c.customer == parameters.customer)
    if parameters.payment_intent is not None:
        where.append(table.c.payment_intent == parameters.payment_intent)
    if parameters.transfer_group is not None:
        where.append(table.c.details["transfer_group"].astext == parameters.transfer_group)
    presenter = Presenter.of(work.processor, work.caller)
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="charge",
        url="/v1/charges",
        render=lambda row: presenter.charge(Charge.read(row)),
        where=where,
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Charge objects by id, for expansion."""
    presenter = Presenter.of(work.processor, work.caller)
    return {row.id: presenter.charge(row) for row in await Charge.fetch(work.connection, ids)}


OPERATIONS = [
    Operation(
        name="charges.retrieve",
        method="GET",
        path="/v1/charges/{charge}",
        parameters=ChargeRetrieve,
        returns="charge",
        summary="Retrieve a charge",
        read=retrieve,
    ),
    Operation(
        name="charges.update",
        method="POST",
        path="/v1/charges/{charge}",
        parameters=ChargeUpdate,
        returns="charge",
        summary="Update a charge's description, metadata and the like",
        write=update,
    ),
    Operation(
        name="charges.list",
        method="GET",
        path="/v1/charges",
        parameters=ChargeList,
        returns="list:charge",
        summary="List charges, newest first",
        read=list_,
    ),
]
