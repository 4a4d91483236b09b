"""`/v1/mandates`."""

from processor.errors import not_found
from processor.mandates.objects import Mandate, render
from processor.operations import Object, Operation, Work
from processor.parameters import Id, Parameters


class Retrieve(Parameters, kw_only=True):
    """Which mandate."""

    mandate: Id


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One mandate."""
    mandate = await Mandate.find(work.connection, parameters.mandate)
    if mandate is None:
        raise not_found("mandate", parameters.mandate)
    return render(mandate, work.caller.livemode)


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Mandate objects by id, for expansion."""
    rows = await Mandate.fetch(work.connection, ids)
    return {row.id: render(row, work.caller.livemode) for row in rows}


OPERATIONS = [
    Operation(
        name="mandates.retrieve",
        method="GET",
        path="/v1/mandates/{mandate}",
        parameters=Retrieve,
        returns="mandate",
        summary="Retrieve a mandate",
        read=retrieve,
    ),
]
