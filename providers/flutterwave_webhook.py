"""Flutterwave's webhooks: `flutterwave-signature` is the Base64 of an HMAC-SHA256 of the raw body,
under the secret hash of the dashboard. (`verif-hash` was v3's.)
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from .boundary import ForgedCallback
from .json_replies import decode

HEADER: Final = "flutterwave-signature"


class _Event(msgspec.Struct):
    type: str
    data: dict[str, Any]


def sign(body: bytes, secret_hash: str) -> str:
    """The signature of a body."""
    return b64encode(hmac.digest(secret_hash.encode(), body, "sha256")).decode()


def read_webhook(headers: Mapping[str, str], body: bytes, secret_hash: str) -> str | None:
    """Our reference; None if the event is about nothing of ours. Raises ForgedCallback, always
    if there is no secret hash.

    A charge has our reference as its own; a refund keeps it in `meta`.
    """
    given = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    expected = sign(body, secret_hash)
    if not secret_hash or not hmac.compare_digest(given.strip().encode(), expected.encode()):
        raise ForgedCallback("The signature of a Flutterwave webhook is wrong.")
    event = decode(body, _Event)
    if event is None:
        raise ForgedCallback("A Flutterwave webhook is a JSON object with type and data.")
    about = event.data
    if event.type == "refund.completed":
        meta = about.get("meta")
        about = meta if isinstance(meta, dict) else {}
    reference = about.get("reference")
    return reference if isinstance(reference, str) else None
