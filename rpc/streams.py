"""A batch without end: a CBOR sequence (RFC 8742) of calls, answered by a sequence of answers.

Calls are carried out in parts while the rest is still arriving, and each part is answered once it
is committed. So neither side ever holds more than a part, and the client sees how far it is. When
the client sends faster than we work, or reads slower, TCP holds one side up.

The last item is about the stream itself, and says `batch`, the name under which its progress can be
asked for. A stream that does not end with it was cut off: what has no answer may or may not have
been carried out, and is sent again with the same keys.
"""

from contextlib import aclosing
from typing import Any

from processor.engine import Processor
from processor.errors import InvalidRequest
from rpc.arrival import Arrival
from rpc.body import Body, parts
from rpc.calls import Envelope, answers, entry
from rpc.encoder import encode
from rpc.naming import Naming, named, new_name
from rpc.reply import Reply
from tenants.ids import new_id

SEQUENCE = "application/cbor-seq"


async def stream(processor: Processor, arrival: Arrival, reply: Reply) -> None:
    """Carry out a stream. Raises APIError for what is refused before anything was answered, and
    Stalled if the client does not read."""
    caller = arrival.visit.caller
    naming = named(processor, caller, arrival.headers) or Naming(processor, caller, new_name(), 0)
    reply.add("batch-id", naming.name)
    first = naming.first
    failed = 0
    last: dict[str, Any] = {"status": 200, "request_id": arrival.identifier, "batch": naming.name}
    try:
        async with aclosing(parts(Body(arrival.receive, arrival.headers, None))) as arriving:
            async for calls in arriving:
                failed += await _part(processor, arrival, reply, naming, calls)
    except InvalidRequest as error:
        if not reply.started:
            raise
        last |= {"status": error.status} | error.body()
    last |= {"calls": naming.first - first, "failed": failed}
    await reply.piece(SEQUENCE, encode(last))
    await reply.end()


async def _part(
    processor: Processor, arrival: Arrival, reply: Reply, naming: Naming, calls: list[Envelope]
) -> int:
    """Carry out a part and answer it. Returns how many of its calls failed. Raises Stalled."""
    failed = 0
    entries = [entry(processor, arrival.visit, call, new_id("req")) for call in calls]
    await naming.received(len(calls))
    async with aclosing(answers(processor, arrival.visit, entries)) as answered:
        async for answer in answered:
            failed += answer.status != 200
            await reply.piece(SEQUENCE, answer.body)
    await naming.answered(len(calls), failed)
    await reply.flush()
    return failed
