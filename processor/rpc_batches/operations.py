"""`/v1/rpc_batches`: how far a batch has come. They are made by the CBOR door."""

from processor.errors import not_found
from processor.operations import Object, Operation, Work
from processor.parameters import Id, Parameters

_COUNTS = """
select min(created) as created, sum(calls) as received,
       coalesce(sum(calls) filter (where failed is not null), 0) as done,
       coalesce(sum(failed), 0) as failed
from rpc_batch_parts where batch = $1 having count(*) > 0
"""


class Retrieve(Parameters, kw_only=True):
    """Which batch, by the name that its client gave it."""

    rpc_batch: Id


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One batch."""
    row = await work.connection.fetchrow(_COUNTS, parameters.rpc_batch)
    if row is None:
        raise not_found("RPC batch", parameters.rpc_batch)
    return {
        "id": parameters.rpc_batch,
        "object": "rpc_batch",
        "created": row["created"],
        "done": row["done"],
        "failed": row["failed"],
        "livemode": work.caller.livemode,
        "received": row["received"],
    }


OPERATIONS = [
    Operation(
        name="rpc_batches.retrieve",
        method="GET",
        path="/v1/rpc_batches/{rpc_batch}",
        parameters=Retrieve,
        returns="rpc_batch",
        summary="Retrieve how far a batch of RPC calls has come",
        read=retrieve,
    ),
]
