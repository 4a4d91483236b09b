"""Around every call, once: permission, parameters, idempotency, the transaction, errors.

A door finds the caller and passes bytes turned into trees; what comes back is a status and a body.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

import asyncpg
import msgspec

from processor import idempotency, linked
from processor.errors import (
    APIError,
    AuthenticationFailed,
    IdempotencyInProgress,
    InvalidRequest,
    PermissionDenied,
    ServerError,
    Unavailable,
)
from processor.events import log
from processor.expansion import Expander
from processor.gathering import Gathering, retry_stale
from processor.ledger.fees import PriceBook
from processor.operations import (
    BatchWork,
    Item,
    Object,
    Operation,
    Request,
    Stored,
    Work,
    rounds,
)
from processor.parameters import parse
from processor.routing.router import Router
from processor.secrets import Secrets
from storage import ObjectStore
from tenants.connections import DATABASE_ERRORS
from tenants.database import Connection, Database
from tenants.keys import Caller, KeyRefused, KeyRing, TenantSuspended

logger = logging.getLogger(__name__)

encode = msgspec.json.Encoder().encode

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Call:
    """One call as a door hands it over: an operation's name and a tree of parameters."""

    operation: Operation
    raw: dict[str, Any]
    request: Request


@dataclass(slots=True)
class Processor:
    """What the engine works with. The doors and the worker hold one each."""

    database: Database
    keys: KeyRing
    secrets: Secrets
    router: Router
    store: ObjectStore
    prices: PriceBook
    expander: Expander
    operations: dict[str, Operation]
    # The most that one person decides about an unresolved payment, by currency, in minor units.
    approval_limits: Mapping[str, int]
    public_url: str  # base of the links we hand out, without a slash at the end
    replica: Database | None = None  # for reads that may show what was true a moment ago
    _gatherings: dict[Any, Gathering[Any, Any, Any]] = field(default_factory=dict, repr=False)

    async def authenticate(self, key: str | None) -> Caller:
        """Whose key this is. Raises AuthenticationFailed and Unavailable."""
        if not key:
            raise AuthenticationFailed(
                "You did not provide an API key. You need to provide your API key in the"
                " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
                " YOUR_SECRET_KEY')."
            )
        try:
            return await self.keys.caller(key)
        except KeyRefused as refused:
            raise AuthenticationFailed(str(refused)) from None
        except TenantSuspended:
            raise Unavailable(
                "This account is being moved. Nothing was done; ask again in a few minutes."
            ) from None

    async def gather(
        self,
        carry_out: "Callable[[Processor, K, list[T]], Awaitable[list[R]]]",
        key: K,
        item: T,
        apart: Hashable = None,
    ) -> R:
        """Have a function, which is one transaction, work on an item together with others of the
        same key that come to it at the same time (`gathering.py`)."""
        gathering = self._gatherings.get(carry_out)
        if gathering is None:
            gathering = self._gatherings[carry_out] = Gathering(partial(carry_out, self))
        found: R = await gathering.add(key, item, apart)
        return found

    async def call(self, caller: Caller, call: Call, *, strict: bool) -> Stored:
        """Carry out one call. Never raises: a refusal and a defect are answers too."""
        return (await self.call_many(caller, [call], strict=strict))[0]

    async def call_many(
        self, caller: Caller, calls: Sequence[Call], *, strict: bool
    ) -> list[Stored]:
        """Carry out calls in order, neighbours with the same operation together.

        Each succeeds or fails by itself. `strict`: the door's own types stand ("5" is no number).
        """
        answers: list[Stored] = []
        for _, group in groupby(calls, key=lambda call: call.operation.name):
            neighbours = list(group)
            answers += await self._call_alike(caller, neighbours, strict)
        return answers

    async def call_linked(
        self, caller: Caller, calls: Sequence[Call | APIError], *, strict: bool
    ) -> list[Stored]:
        """Carry out all of these calls in one transaction, or none of them.

        A call that its door has refused already breaks all. Never raises, as `call`.
        """
        items: list[linked.Member] = []
        for position, call in enumerate(calls):
            try:
                if isinstance(call, APIError):
                    raise call
                linked.check(call.operation)
                items.append((call.operation, self._item(caller, call, strict)))
            except APIError as error:
                return linked.undone(len(calls), linked.Broken(position, error))
        failure = await _guarded(lambda: retry_stale(lambda: linked.carry_out(self, caller, items)))
        if isinstance(failure, linked.Broken):
            return linked.undone(len(calls), failure)
        return [_answer(failure or item.outcome) for _, item in items]

    async def _call_alike(self, caller: Caller, calls: list[Call], strict: bool) -> list[Stored]:
        operation = calls[0].operation
        answers: dict[int, Stored] = {}
        items: dict[int, Item[Any]] = {}
        for index, call in enumerate(calls):
            try:
                items[index] = self._item(caller, call, strict)
            except APIError as error:
                answers[index] = refusal(error)
        if operation.batch is not None:
            for part in rounds(items):
                answers |= await self._run_batch(caller, operation, part)
        else:
            for index, item in items.items():
                answers[index] = await self._run_single(caller, operation, item)
        return [answers[index] for index in range(len(calls))]

    def _item(self, caller: Caller, call: Call, strict: bool) -> Item[Any]:
        authorize(caller, call.operation)
        idempotency.check_key(call.request.idempotency_key)
        parameters = parse(call.operation.parameters, call.raw, strict=strict)
        for kind in self.expander.check(call.operation.returns, parameters.expand):
            authorize_expansion(caller, kind)
        return Item(
            call.request, parameters, idempotency.parameters_hash(call.operation, parameters)
        )

    async def _run_batch(
        self, caller: Caller, operation: Operation, items: dict[int, Item[Any]]
    ) -> dict[int, Stored]:
        run = operation.batch
        assert run is not None
        work = BatchWork(self, caller, list(items.values()))
        failure = await _guarded(lambda: self._routed(caller, lambda: run(work)))
        return {
            index: _answer(item.outcome if failure is None else _despite(failure, item.outcome))
            for index, item in items.items()
        }

    async def _run_single(self, caller: Caller, operation: Operation, item: Item[Any]) -> Stored:
        run = self._write if operation.write is not None else self._read
        failure = await _guarded(
            lambda: self._routed(caller, lambda: retry_stale(lambda: run(caller, operation, item)))
        )
        return _answer(failure or item.outcome)

    async def _routed(self, caller: Caller, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run with the caller's own provider accounts and rules known."""
        await self.router.load(caller.schema)
        await run()

    async def _read(self, caller: Caller, operation: Operation, item: Item[Any]) -> None:
        if item.request.from_replica and self.replica is not None:
            try:
                return await self._read_in(self.replica, caller, operation, item)
            except DATABASE_ERRORS as problem:
                # It is down, has not heard of the tenant yet, or cut the read off to catch up.
                logger.warning("a read goes to the primary instead: %r", problem)
        return await self._read_in(self.database, caller, operation, item)

    async def _read_in(
        self, database: Database, caller: Caller, operation: Operation, item: Item[Any]
    ) -> None:
        assert operation.read is not None
        async with database.tenant(caller.schema) as connection:
            work = Work(self, caller, item.request, connection)
            result = await operation.read(work, item.parameters)
            if not isinstance(result, Stored):
                await self.expander.expand(work, result, item.parameters.expand)
            item.outcome = result

    async def _write(self, caller: Caller, operation: Operation, item: Item[Any]) -> None:
        async with self.database.tenant(caller.schema) as connection:
            await self.write_in(connection, caller, operation, item)

    async def write_in(
        self, connection: Connection, caller: Caller, operation: Operation, item: Item[Any]
    ) -> None:
        """Key, effect, events and answer in one transaction."""
        assert operation.write is not None
        key = item.request.idempotency_key
        earlier = await idempotency.claim(connection, operation.name, [item], int(time.time()))
        if key in earlier:
            item.outcome = item.outcome or earlier[key].answer
            return
        work = Work(self, caller, item.request, connection)
        result = await operation.write(work, item.parameters)
        await self.expander.expand(work, result, item.parameters.expand)
        await log.append(connection, work.events)
        item.outcome = Stored(200, encode(result))
        if key is not None:
            await idempotency.finish(connection, {key: item.outcome})


async def _guarded(run: Callable[[], Coroutine[Any, Any, None]]) -> APIError | None:
    """Run to the end and turn what was raised into an answer."""
    try:
        # A caller who hangs up does not cut a payment in two.
        await asyncio.shield(asyncio.ensure_future(run()))
    except APIError as error:
        return error
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        return IdempotencyInProgress(
            "Another request is at work on this object or with this idempotency key."
            " Try again in a moment.",
            code="lock_timeout",
        )
    except Exception:
        logger.exception("unexpected failure")
        return ServerError("An unexpected error occurred. The operators have been told.")
    return None


def authorize(caller: Caller, operation: Operation) -> None:
    """Refuse what the caller's key may not do.

    Raises AuthenticationFailed for a publishable key (Stripe's answer: a key, but not for this
    door) and PermissionDenied for a missing scope.
    """
    if caller.kind == "publishable" and not operation.publishable:
        raise AuthenticationFailed(
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    if caller.scopes is None:
        return
    _need_scope(caller.scopes, operation.scope)


def authorize_expansion(caller: Caller, kind: str) -> None:
    """Refuse to show an object inside another one to a key that could not read it by itself.

    Raises PermissionDenied.
    """
    if caller.kind == "publishable" and kind != "payment_method":
        raise PermissionDenied(
            f"A publishable API key cannot expand a {kind}. Please use a secret API key.",
            code="secret_key_required",
            param="expand",
        )
    if caller.scopes is not None:
        _need_scope(caller.scopes, f"{kind}s:read")


def _need_scope(scopes: frozenset[str], scope: str) -> None:
    """Raise PermissionDenied without this scope. The right to write includes the right to read."""
    if scope not in scopes and scope.replace(":read", ":write") not in scopes:
        raise PermissionDenied(
            "The provided key does not have the required permissions for this endpoint."
            f" Having the '{scope}' permission would allow this request to continue.",
            code="more_permissions_required",
        )


def refusal(error: APIError) -> Stored:
    """An error as an answer."""
    return Stored(error.status, encode(error.body()))


def _despite(
    failure: APIError, outcome: Object | APIError | Stored | None
) -> Object | APIError | Stored | None:
    """What an item of a batch that broke off is answered. A success was written down before the
    commit that would have made it true, so only refusals and replays still stand."""
    stands = isinstance(outcome, APIError) or (isinstance(outcome, Stored) and outcome.replayed)
    return outcome if stands else failure


def _answer(outcome: Object | APIError | Stored | None) -> Stored:
    if isinstance(outcome, Stored):
        return outcome
    if isinstance(outcome, APIError):
        return refusal(outcome)
    assert outcome is not None, "an operation left an item without an outcome"
    return Stored(200, encode(outcome))


__all__ = ["Call", "InvalidRequest", "Processor", "authorize", "encode", "refusal"]
