"""Secrets that are derived instead of stored: a stolen database does not hold them.

Each is an HMAC-SHA256 of what it belongs to, under the installation's pepper.
"""

import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secrets:
    """Derives the secrets of one installation."""

    pepper: bytes = field(repr=False)

    def _derive(self, *parts: str) -> str:
        return hmac.digest(self.pepper, "\0".join(parts).encode(), "sha256").hex()

    def client_secret(self, schema: str, intent: str) -> str:
        """What a payer's browser shows to act on one payment intent: `pi_..._secret_...`."""
        return f"{intent}_secret_{self._derive('client_secret', schema, intent)[:32]}"

    def webhook_secret(self, schema: str, endpoint: str, generation: int) -> str:
        """What an endpoint's deliveries are signed with: `whsec_...`, whole, is the HMAC key."""
        return f"whsec_{self._derive('webhook', schema, endpoint, str(generation))}"

    def redirect_state(self, schema: str, reference: str) -> str:
        """The signed part of the address a payer comes back to."""
        return self._derive("redirect", schema, reference)[:16]

    def file_link_token(self, schema: str, link: str) -> str:
        """The unguessable part of a file link's address."""
        return self._derive("file_link", schema, link)[:32]

    def receipt_token(self, schema: str, charge: str) -> str:
        """The unguessable part of a receipt's address."""
        return self._derive("receipt", schema, charge)[:32]
