"""Calls that are linked: all of them are carried out, in one transaction, or none.

Only what is one transaction by itself can be linked. What asks a provider cannot: the provider's
deed would stand when ours was undone.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from processor.errors import APIError, InvalidRequest
from processor.operations import BatchWork, Item, Operation, Stored, rounds
from tenants.database import Connection
from tenants.keys import Caller

if TYPE_CHECKING:
    from processor.engine import Processor

Member = tuple[Operation, Item[Any]]

encode = msgspec.json.Encoder().encode


class Broken(APIError):
    """A member was refused, so nothing of what the others did may stand."""

    def __init__(self, position: int, refusal: APIError | Stored) -> None:
        super().__init__(f"Call {position} was refused.")
        self.position = position
        self.refusal = refusal


def check(operation: Operation) -> None:
    """Raises InvalidRequest for an operation that cannot be linked."""
    if operation.write is None and operation.linked is None:
        raise InvalidRequest(
            f"{operation.name} cannot be linked. Only what changes our own books, and asks no"
            " provider, can be all or nothing.",
            param="method",
        )


async def carry_out(processor: "Processor", caller: Caller, members: Sequence[Member]) -> None:
    """Give each member its outcome and commit, or raise Broken and leave no trace."""
    numbered = list(enumerate(members))
    async with processor.database.tenant(caller.schema) as connection:
        for _, group in groupby(numbered, key=lambda entry: entry[1][0].name):
            neighbours = list(group)
            operation = neighbours[0][1][0]
            for part in rounds({position: item for position, (_, item) in neighbours}):
                await _together(processor, connection, caller, operation, list(part.values()))
                for position, item in part.items():
                    if (refused := _refusal(item)) is not None:
                        raise Broken(position, refused)


async def _together(
    processor: "Processor",
    connection: Connection,
    caller: Caller,
    operation: Operation,
    items: list[Item[Any]],
) -> None:
    for item in items:
        item.outcome = None  # this may be the second try
    if operation.linked is not None:
        await operation.linked(BatchWork(processor, caller, items), connection)
        return
    for item in items:
        try:
            await processor.write_in(connection, caller, operation, item)
        except APIError as error:
            item.outcome = error
            return


def _refusal(item: Item[Any]) -> APIError | Stored | None:
    outcome = item.outcome
    if isinstance(outcome, Stored):
        return outcome if outcome.status != 200 else None
    return outcome if isinstance(outcome, APIError) else None


def undone(count: int, broken: Broken) -> list[Stored]:
    """The answers to calls of which one was refused."""
    others = InvalidRequest(
        f"Nothing of this linked batch was carried out, because call {broken.position} (from 0) was"
        " refused.",
        code="linked_call_refused",
    )
    others.status = 424  # Failed Dependency: RFC 4918, section 11.4
    answers = [_stored(others)] * count
    answers[broken.position] = _stored(broken.refusal)
    return answers


def _stored(refusal: APIError | Stored) -> Stored:
    if isinstance(refusal, Stored):
        return refusal
    return Stored(refusal.status, encode(refusal.body()))
