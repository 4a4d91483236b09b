"""A batch's name, under which its client can ask how far it has come."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from processor.engine import Processor
from processor.errors import AuthenticationFailed, InvalidRequest
from processor.rpc_batches import store
from processor.rpc_batches.store import Part
from tenants.ids import new_id
from tenants.keys import Caller

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_POSITION = re.compile(r"[0-9]{1,15}")


@dataclass(slots=True)
class Naming:
    """Writes down the parts of one batch as they come and are answered."""

    processor: Processor
    caller: Caller
    name: str
    first: int  # position of the next part's first call

    async def received(self, calls: int) -> None:
        """A part is about to be carried out."""
        async with self.processor.database.tenant(self.caller.schema) as connection:
            await store.received(connection, Part(self.name, self.first, calls))

    async def answered(self, calls: int, failed: int) -> None:
        """It was carried out, and `failed` of its calls were refused."""
        async with self.processor.database.tenant(self.caller.schema) as connection:
            await store.answered(connection, Part(self.name, self.first, calls), failed)
        self.first += calls


def named(processor: Processor, caller: Caller, headers: Mapping[str, str]) -> Naming | None:
    """What `Batch-Id` and `Batch-First` say; None without a name. Raises APIError."""
    name, first = headers.get("batch-id"), headers.get("batch-first", "0")
    if not _POSITION.fullmatch(first):
        raise InvalidRequest(
            f"Invalid Batch-First: {first[:40]!r}. It is the position of the body's first call in"
            " the batch, from 0."
        )
    if name is None:
        return None
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"Invalid Batch-Id: {name[:100]!r}. It has up to 100 letters, digits and _ . : -"
        )
    if caller.kind == "publishable":
        raise AuthenticationFailed(
            "A publishable API key cannot name a batch. Please use a secret API key.",
            code="secret_key_required",
        )
    return Naming(processor, caller, name, int(first))


def new_name() -> str:
    """A name for a batch whose client gave none."""
    return new_id("batch")
