"""Calls of the card sandbox: what a request holds, and what becomes true with its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .book import Movement
from .card_intents import Intent
from .card_refunds import CardRefund
from .card_setups import CardSetup
from .script import Step


class Refused(Exception):
    """A request that is refused before anything is made. Its idempotency key stays free."""

    def __init__(self, status: int, message: str, **error: Any) -> None:
        """`error` holds more fields of Stripe's error object: code, param, another type."""
        super().__init__(message)
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, **error}


@dataclass(frozen=True, slots=True)
class ApiCall:
    """An authenticated request. `form` is flat: `{"metadata[reference]": "..."}`."""

    account: str
    id: str  # of the object in the path; empty if there is none
    form: Mapping[str, str]
    step: Step


Subject = Intent | CardRefund | CardSetup
"""What an account has, what an operation changes and what an event is about."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The answer to a request, and what becomes true with it."""

    status: int
    body: dict[str, Any]
    changed: Subject | None = None
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)  # by payment method
    movements: tuple[Movement, ...] = ()


Operation = Callable[[ApiCall], Effect]


def missing(kind: str, id: str, status: int, param: str) -> Refused:
    """The refusal of an id that names nothing."""
    return Refused(status, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def check_names(form: Mapping[str, str], known: frozenset[str]) -> None:
    """Refuse a parameter that the operation does not have."""
    for name in form:
        if name.partition("[")[0] not in known:
            message = f"Received unknown parameter: {name}"
            raise Refused(400, message, code="parameter_unknown", param=name)


def required(form: Mapping[str, str], name: str) -> str:
    """The parameter's value, or refuse."""
    value = form.get(name, "")
    if not value:
        message = f"Missing required param: {name}."
        raise Refused(400, message, code="parameter_missing", param=name)
    return value


def positive(form: Mapping[str, str], name: str) -> int:
    """The parameter's value as a positive integer, or refuse."""
    value = required(form, name)
    if not value.isdecimal() or int(value) == 0:
        message = f"Invalid positive integer: {value}"
        raise Refused(400, message, code="parameter_invalid_integer", param=name)
    return int(value)


def metadata_of(form: Mapping[str, str]) -> dict[str, str]:
    """`{"metadata[charge]": "ch_1"}` as `{"charge": "ch_1"}`."""
    start = "metadata["
    return {
        key.removeprefix(start).removesuffix("]"): value
        for key, value in form.items()
        if key.startswith(start)
    }
