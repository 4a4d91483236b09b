"""A Python client of the CBOR door.

    client = Client("sk_test_...", "https://pay.example.com")
    intent = client.payment_intents.create(amount=5000, currency="xaf")

    orders = (calls.payment_intents.create(amount=a, currency="xaf") for a in amounts)
    for call, outcome in client.stream(orders, name="orders-of-monday", progress=print):
        ...

`Client` blocks, `AsyncClient` is awaited; otherwise they are the same. This folder stands alone: it
needs httpx and cbor2, and nothing else of CPay.

Every call carries an idempotency key, its own if the caller gives none. So each can be sent again
when the connection breaks, when the server fails or when it asks to come back, and is still
carried out once.
"""

from .asynchronous import AsyncClient
from .batches import Progress
from .blocking import Client
from .calls import Call, Object, Outcome, calls
from .errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    CardError,
    IdempotencyError,
    InvalidRequestError,
    NotSentError,
    PermissionDeniedError,
    RateLimitError,
    RpcError,
)

__all__ = [
    "APIConnectionError",
    "APIError",
    "AsyncClient",
    "AuthenticationError",
    "Call",
    "CardError",
    "Client",
    "IdempotencyError",
    "InvalidRequestError",
    "NotSentError",
    "Object",
    "Outcome",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "RpcError",
    "calls",
]
