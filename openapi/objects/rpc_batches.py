"""How far a batch of RPC calls has come."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from openapi.objects.common import Timestamp

Count = Annotated[int, Meta(ge=0)]


class RpcBatch(Struct):
    """The calls that were sent to the CBOR door under one name, counted."""

    id: str
    object: Literal["rpc_batch"]
    created: Timestamp
    done: Count
    failed: Count
    livemode: bool
    received: Count
