"""The `Stripe-Signature` header, by which a receiver knows that a delivery is ours.

Scheme v1 of https://docs.stripe.com/webhooks#verify-manually: HMAC-SHA256 of "<t>.<raw body>" under
the endpoint's whole secret, `whsec_` included. The official SDKs refuse a `t` older than 300 s.
"""

import hashlib
import hmac
from collections.abc import Sequence

HEADER = "Stripe-Signature"


def sign(body: bytes, secrets: Sequence[str], timestamp: int) -> str:
    """The header's value: one `v1` per secret, so that both are good while one replaces the other.

    `timestamp` is the time of this attempt, in unix seconds.
    """
    message = str(timestamp).encode() + b"." + body
    digests = [hmac.digest(secret.encode(), message, hashlib.sha256).hex() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])
