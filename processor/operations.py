"""What an operation is. `processor/table.py` lists them all.

An operation is a plain async function over typed parameters plus a line of description. Three
styles, because money needs three:

- `Read`: one transaction that changes nothing.
- `Write`: one transaction; the idempotency key, the effect, its events and the stored answer commit
  together.
- `Batch`: takes a list and manages its own transactions, because it talks to providers between two
  commits or because it is on the hot path. REST passes a list of one.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from processor.errors import APIError
from processor.parameters import Parameters
from tenants.database import Connection
from tenants.keys import Caller

if TYPE_CHECKING:
    from processor.engine import Processor
    from processor.events.log import Draft

P = TypeVar("P", bound=Parameters)
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What a door knows about one call beside its parameters."""

    id: str  # req_...
    idempotency_key: str | None = None
    api_version: str | None = None
    language: Literal["en", "fr"] = "en"  # of the sentences that payers read
    from_replica: bool = False  # a read may show what was true a moment ago


@dataclass(slots=True)
class Work:
    """One transaction of one caller, and the events it will leave behind."""

    processor: "Processor"
    caller: Caller
    request: Request
    connection: Connection
    events: list["Draft"] = field(default_factory=list)


@dataclass(slots=True)
class Item(Generic[P]):
    """One call of a batch: its parameters, and in the end its outcome."""

    request: Request
    parameters: P
    hash: bytes  # of the parameters, compared when the idempotency key comes again
    outcome: "Object | APIError | Stored | None" = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer already encoded: a replay, or one that was stored in the operation's own commit."""

    status: int
    body: bytes
    replayed: bool = False
    media_type: str = "application/json"
    filename: str | None = None  # what a download is saved as


@dataclass(slots=True)
class BatchWork(Generic[P]):
    """The items of one operation that arrived together from one caller."""

    processor: "Processor"
    caller: Caller
    items: list[Item[P]]


# A read may answer with bytes that are no JSON: a file's content.
RunRead = Callable[[Work, Any], Awaitable[Object | Stored]]
RunWrite = Callable[[Work, Any], Awaitable[Object]]
RunBatch = Callable[[BatchWork[Any]], Coroutine[Any, Any, None]]
RunLinked = Callable[[BatchWork[Any], Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One line of the table."""

    name: str  # "payment_intents.create": also the scope's resource, and the RPC method
    method: Literal["GET", "POST", "DELETE"]
    path: str  # "/v1/payment_intents/{intent}/confirm"
    parameters: type[Parameters]
    returns: str  # the object's name; "list:charge" for a page of them
    summary: str
    read: RunRead | None = None
    write: RunWrite | None = None
    batch: RunBatch | None = None
    linked: RunLinked | None = None  # of a batch: in a transaction that others share
    largest_body: int = 1_000_000  # bytes
    publishable: bool = False  # may be called with a publishable key and a client secret

    @property
    def resource(self) -> str:
        """The noun: `payment_intents`."""
        return self.name.rpartition(".")[0]

    @property
    def scope(self) -> str:
        """What a restricted key must hold: `payment_intents:read` or `:write`."""
        return f"{self.resource}:{'read' if self.read else 'write'}"

    @property
    def idempotent(self) -> bool:
        """Whether an idempotency key protects it. Reads need none."""
        return self.read is None

    @property
    def path_parameters(self) -> list[str]:
        """The names in braces."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def rounds(items: dict[int, Item[Any]]) -> list[dict[int, Item[Any]]]:
    """Split a batch so that no idempotency key is twice in one part: the second then replays."""
    rounds: list[dict[int, Item[Any]]] = []
    seen: list[set[str]] = []
    for index, item in items.items():
        key = item.request.idempotency_key
        turn = next((i for i, keys in enumerate(seen) if key not in keys), len(rounds))
        if turn == len(rounds):
            rounds.append({})
            seen.append(set())
        rounds[turn][index] = item
        if key is not None:
            seen[turn].add(key)
    return rounds
