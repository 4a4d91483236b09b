"""A mandate's row, and the object the API shows."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.rows import Row
from tenants import tables

Status = Literal["pending", "active", "inactive"]


class Online(Struct):
    """Where the payer accepted."""

    ip_address: str | None = None
    user_agent: str | None = None


class Acceptance(Struct, omit_defaults=True):
    """How the payer accepted. Offline: on paper, by telephone, or as only the merchant knows."""

    type: Literal["offline", "online"] = "offline"
    accepted_at: int | None = None  # unix seconds
    online: Online | None = None


class SingleUse(Struct):
    """The one charge that was agreed to, in minor units."""

    amount: int
    currency: str


class Details(Struct, omit_defaults=True):
    """What the payer agreed to."""

    method_type: str
    acceptance: Acceptance
    single_use: SingleUse | None = None  # None: several charges
    # Where a provider keeps the approval: the setup attempt that asked for it, and its end.
    attempt: str | None = None
    expires_at: int | None = None  # unix seconds


class Mandate(Row, kw_only=True):
    """A row of `mandates`."""

    table = tables.mandates

    status: Status
    payment_method: str
    setup_intent: str
    details: Details


def render(mandate: Mandate, livemode: bool) -> Object:
    """The mandate object. Stripe's has no time of creation and no metadata."""
    details = mandate.details
    kind = "multi_use" if details.single_use is None else "single_use"
    return {
        "id": mandate.id,
        "object": "mandate",
        "customer_acceptance": _acceptance(details.acceptance),
        "livemode": livemode,
        "payment_method": mandate.payment_method,
        "payment_method_details": {"type": details.method_type, details.method_type: {}},
        "status": mandate.status,
        "type": kind,
        kind: msgspec.to_builtins(details.single_use) or {},
    }


def _acceptance(acceptance: Acceptance) -> Object:
    shown: dict[str, Any] = {"accepted_at": acceptance.accepted_at, "type": acceptance.type}
    if acceptance.type == "online":
        shown["online"] = msgspec.to_builtins(acceptance.online or Online())
    else:
        shown["offline"] = {}
    return shown
