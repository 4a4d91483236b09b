"""The webhook worker: claims deliveries, sends them, records what came of it.

At least once, oldest first per endpoint as far as concurrency allows; `object_sequence` in the body
lets a consumer drop what is stale. No transaction is open while we talk to an endpoint. Workers
share nothing but the database, so there may be any number of them.
"""

import asyncio
import logging
import math
import time
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from prometheus_client import Counter, Histogram

from processor.breaker import Breaker
from processor.engine import Processor
from processor.secrets import Secrets
from processor.webhook_endpoints.objects import WebhookEndpoint
from tenants.connections import DATABASE_ERRORS
from webhooks import queue
from webhooks.policy import Policy
from webhooks.queue import Attempt, Delivery, Key, Parcel
from webhooks.sending import Answer, Sender
from webhooks.signature import HEADER, sign

logger = logging.getLogger(__name__)

ATTEMPTS = Counter(
    "cpay_webhook_attempts", "Attempts to deliver an event to an endpoint.", ["outcome"]
)
DURATION = Histogram("cpay_webhook_attempt_seconds", "How long endpoints take to answer.")


async def run(
    processor: Processor,
    stop: asyncio.Event,
    *,
    allow_loopback: bool,
    policy: Policy = Policy(),  # noqa: B008 - it is frozen
) -> None:
    """Deliver until `stop` is set, then finish what is on its way and return.

    `allow_loopback`: endpoints of test mode may be on this machine. When cancelled instead, what
    was claimed and not recorded is sent again after the lease.
    """
    async with Sender(
        allow_loopback=allow_loopback, total=policy.answer_within, connect=policy.connect_within
    ) as sender:
        worker = _Worker(processor, sender, policy, stop)
        try:
            await worker.run()
        finally:
            await worker.close()


class _Endpoint:
    """What one worker remembers of one endpoint while it has deliveries for it."""

    def __init__(self, policy: Policy) -> None:
        self.claimed = 0
        self.reading = asyncio.Lock()  # an older parcel reaches the gate before a younger one
        self.gate = asyncio.Semaphore(policy.endpoint_requests)
        self.breaker = Breaker(policy.breaker)
        self._failed_at = -math.inf

    @property
    def troubled(self) -> bool:
        """Whether it failed lately."""
        lately = time.monotonic() - self._failed_at < self.breaker.limits.window
        return lately or self.breaker.state != "closed"

    def report(self, answer: Answer) -> None:
        """Tell the breaker. Of an endpoint in good health no count is kept: it may be thousands a
        second, and the breaker walks over its whole window each time."""
        if not answer.healthy:
            self._failed_at = time.monotonic()
        if self.troubled:
            self.breaker.report(answered=answer.healthy)

    @property
    def takes_more(self) -> bool:
        """Whether to claim for it: not while it rests, nor while a probe is still on its way."""
        state = self.breaker.state
        return state == "closed" or (state == "half_open" and not self.claimed)


@dataclass(frozen=True, slots=True)
class _Sent:
    delivery: Delivery
    attempt: Attempt | None  # None: it was not sent after all


class _Worker:
    def __init__(
        self, processor: Processor, sender: Sender, policy: Policy, stop: asyncio.Event
    ) -> None:
        self._processor = processor
        self._database = processor.database
        self._sender = sender
        self._policy = policy
        self._stop = stop
        self._endpoints: dict[Key, _Endpoint] = {}
        self._parcels: set[asyncio.Task[None]] = set()
        self._held: dict[int, Delivery] = {}  # claimed and not recorded yet
        self._room = asyncio.Event()  # something has changed: look at the queue at once

    async def run(self) -> None:
        """Claim until told to stop, then wait for the parcels on their way."""
        stopping = asyncio.ensure_future(self._stop.wait())
        stopping.add_done_callback(lambda _: self._room.set())
        renewing = asyncio.ensure_future(self._renew())
        try:
            while not self._stop.is_set():
                self._room.clear()
                if not await self._claim():
                    await self._wait()
            await asyncio.gather(*self._parcels)
        finally:
            stopping.cancel()
            renewing.cancel()

    async def close(self) -> None:
        """Cut off whatever still runs."""
        for parcel in self._parcels:
            parcel.cancel()
        await asyncio.gather(*self._parcels, return_exceptions=True)

    async def _wait(self) -> None:
        """Until something may be due."""
        # Not `_room` yet: each parcel that ends sets it, and a busy worker would claim, read and
        # record the events of a moment one by one.
        await asyncio.sleep(self._policy.pause)
        try:
            await asyncio.wait_for(self._room.wait(), self._policy.poll)
        except TimeoutError:
            return

    async def _claim(self) -> bool:
        """Claim once and send off the parcels. Returns whether there may well be more to claim."""
        policy = self._policy
        limit = policy.claimed - sum(endpoint.claimed for endpoint in self._endpoints.values())
        if limit < policy.parcel:
            return False
        try:
            parcels = await queue.claim(
                self._database,
                limit,
                policy.parcel,
                policy.lease,
                full_schemas=self._full_schemas(),
                passed_over=self._passed_over(),
            )
        except DATABASE_ERRORS as error:
            logger.warning("the database does not answer (%s); waiting for it", error)
            await asyncio.sleep(1)
            return False
        for parcel in parcels:
            key = (parcel.schema, parcel.endpoint)
            endpoint = self._endpoints.setdefault(key, _Endpoint(policy))
            endpoint.claimed += len(parcel.deliveries)
            self._held |= {delivery.id: delivery for delivery in parcel.deliveries}
            task = asyncio.ensure_future(self._deliver(parcel, endpoint))
            self._parcels.add(task)
            task.add_done_callback(self._parcels.discard)
        return any(len(parcel.deliveries) == policy.parcel for parcel in parcels)

    async def _renew(self) -> None:
        """Keep what is held from coming due, until cancelled."""
        while True:
            await asyncio.sleep(self._policy.renew_every)
            try:
                await queue.renew(self._database, list(self._held.values()), self._policy.lease)
            except DATABASE_ERRORS as error:
                logger.warning("claimed deliveries were not renewed: %s", error)

    def _let_go(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self._held.pop(delivery.id, None)

    def _full_schemas(self) -> list[str]:
        claimed: Tally[str] = Tally()
        for (schema, _), endpoint in self._endpoints.items():
            claimed[schema] += endpoint.claimed
        return [schema for schema, n in claimed.items() if n >= self._policy.tenant_claimed]

    def _passed_over(self) -> list[Key]:
        most = self._policy.endpoint_claimed - self._policy.parcel
        return [
            key
            for key, endpoint in self._endpoints.items()
            if endpoint.claimed > most or not endpoint.takes_more
        ]

    async def _deliver(self, parcel: Parcel, state: _Endpoint) -> None:
        """Carry one parcel from the claim to the record."""
        try:
            async with state.reading:
                found = await self._read(parcel)
                sends = self._start(parcel, state, *found) if found else set()
            if found:
                await self._record_all(parcel, found[0], sends)
        except Exception:  # one parcel's trouble must not stop the worker
            logger.exception("a parcel of deliveries failed; it comes due again after its lease")
        finally:
            self._let_go(parcel.deliveries)
            state.claimed -= len(parcel.deliveries)
            if not state.claimed and not state.troubled:
                self._endpoints.pop((parcel.schema, parcel.endpoint), None)
            self._room.set()

    async def _read(self, parcel: Parcel) -> tuple[WebhookEndpoint, dict[str, bytes]] | None:
        try:
            return await queue.read(self._processor, parcel)
        except asyncpg.InvalidCachedStatementError:  # a migration changed a table under it
            return await queue.read(self._processor, parcel)

    def _start(
        self, parcel: Parcel, state: _Endpoint, endpoint: WebhookEndpoint, bodies: dict[str, bytes]
    ) -> set[asyncio.Task[_Sent]]:
        """Have the parcel queue up at the endpoint's gate, oldest first."""
        secrets = valid_secrets(self._processor.secrets, parcel.schema, endpoint)
        return {
            asyncio.ensure_future(
                self._send(parcel, state, delivery, endpoint.url, bodies[delivery.event], secrets)
            )
            for delivery in parcel.deliveries
        }

    async def _record_all(
        self, parcel: Parcel, endpoint: WebhookEndpoint, pending: set[asyncio.Task[_Sent]]
    ) -> None:
        """Record answers as they come: a slow one holds up no other's record."""
        try:
            while pending and endpoint.status == "enabled":
                done, pending = await asyncio.wait(pending, timeout=self._policy.record_every)
                endpoint = await self._record(parcel, endpoint, [task.result() for task in done])
        finally:
            for task in pending:
                task.cancel()

    async def _send(
        self,
        parcel: Parcel,
        state: _Endpoint,
        delivery: Delivery,
        url: str,
        body: bytes,
        secrets: Sequence[str],
    ) -> _Sent:
        """Make one attempt, unless the breaker has opened meanwhile or we are to stop."""
        async with state.gate:
            if self._stop.is_set() or not state.breaker.allow():
                return _Sent(delivery, None)
            started, at = time.perf_counter(), datetime.now(UTC)
            headers = {HEADER: sign(body, secrets, int(at.timestamp()))}
            try:
                answer = await self._sender.post(url, body, headers, livemode=parcel.livemode)
            except asyncio.CancelledError:
                state.breaker.abandon()
                raise
            seconds = time.perf_counter() - started
        state.report(answer)
        DURATION.observe(seconds)
        attempt = self._attempt(delivery, parcel.endpoint, answer, at, seconds)
        return _Sent(delivery, attempt)

    def _attempt(
        self, delivery: Delivery, endpoint: str, answer: Answer, at: datetime, seconds: float
    ) -> Attempt:
        number = delivery.attempts + 1
        delay = None
        if not answer.delivered and not answer.gone:
            delay = self._policy.delay(number, answer.retry_after)
        outcome = "delivered" if answer.delivered else "given_up" if delay is None else "failed"
        ATTEMPTS.labels(outcome).inc()
        return Attempt(
            id=delivery.id,
            event=delivery.event,
            endpoint=endpoint,
            attempt=number,
            attempted_at=at,
            duration_ms=round(seconds * 1000),
            status=answer.status,
            error=answer.error,
            response=answer.response,
            next_attempt_at=None if delay is None else datetime.now(UTC) + timedelta(seconds=delay),
        )

    async def _record(
        self, parcel: Parcel, endpoint: WebhookEndpoint, sent: Sequence[_Sent]
    ) -> WebhookEndpoint:
        """Record what was sent and put back what was not. Returns the endpoint as it is now."""
        attempts: list[Attempt] = []
        unsent: list[Delivery] = []
        for one in sent:
            if one.attempt is None:
                unsent.append(one.delivery)
            else:
                attempts.append(one.attempt)
        self._let_go(one.delivery for one in sent)
        if unsent:
            await queue.release(self._database, unsent)
        if not attempts:
            return endpoint
        return await queue.record(
            self._database,
            parcel.schema,
            parcel.livemode,
            endpoint,
            attempts,
            self._policy.disable_after,
        )


def valid_secrets(secrets: Secrets, schema: str, endpoint: WebhookEndpoint) -> list[str]:
    """What to sign with, newest first: during a rotation the secret before is good as well."""
    details = endpoint.details
    generations = [details.secret_generation]
    if details.previous_secret_until is not None and time.time() < details.previous_secret_until:
        generations.append(details.secret_generation - 1)
    return [secrets.webhook_secret(schema, endpoint.id, number) for number in generations]
