"""Calls, and their outcomes."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2

from .errors import RpcError
from .operations import Operations

Object = dict[str, Any]
Outcome = Object | RpcError


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Without an idempotency key it gets one when it is sent."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None

    def keyed(self, otherwise: str | None = None) -> "Call":
        """With a key: its own, or else this one, or else a new one."""
        return replace(self, idempotency_key=self.idempotency_key or otherwise or str(uuid.uuid4()))

    def encoded(self) -> bytes:
        """What is sent of it."""
        envelope = {
            "method": self.method,
            "params": dict(self.params),
            "idempotency_key": self.idempotency_key,
        }
        return cbor2.dumps(envelope)


AnyCall = Call | tuple[str, Mapping[str, Any]]


def as_call(given: AnyCall) -> Call:
    """A call, from itself or from its method and parameters."""
    return given if isinstance(given, Call) else Call(*given)


def _later(method: str, params: Mapping[str, Any], *, idempotency_key: str | None = None) -> Call:
    return Call(method, params, idempotency_key)


# Makes calls without sending them, typed like the client's methods:
# `calls.payment_intents.create(amount=5000, currency="xaf")`.
calls: Operations[Call] = Operations(_later)
