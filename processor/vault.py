"""Credentials at rest: AES-256-GCM under keys that are not in the database.

A sealed text belongs to its context (whose it is, what it is): moved to another row it does not
open. Every process knows all keys; the first one seals. To rotate: put a new key in front, let
every process start with it, run `cpay providers reseal`, then take the old key away.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12  # bytes, as NIST SP 800-38D wants for a random nonce


class VaultError(Exception):
    """What cannot be sealed or opened: a key is missing, or the text is not what it was."""


@dataclass(frozen=True, slots=True)
class Vault:
    """The keys of an installation, by their ids; the first one seals."""

    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def from_setting(cls, setting: str) -> "Vault":
        """Read `id:64 hexadecimal digits`, several separated by commas. Raises ValueError."""
        keys = {}
        for part in filter(None, (part.strip() for part in setting.split(","))):
            identifier, _, digits = part.partition(":")
            key = bytes.fromhex(digits)
            if not identifier or len(key) != 32:
                raise ValueError("an encryption key is written id:64 hexadecimal digits")
            keys[identifier] = key
        if not keys:
            raise ValueError("there is no encryption key")
        return cls(keys)

    @property
    def current(self) -> str:
        """The id of the key that seals. Raises VaultError where there is none."""
        for key in self.keys:
            return key
        raise VaultError("There is no encryption key.")

    def seal(self, text: bytes, context: str) -> tuple[str, bytes]:
        """The id of the key it was sealed with, and the sealed text. Raises VaultError."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, text, context.encode())
        return self.current, nonce + sealed

    def open(self, key: str, sealed: bytes, context: str) -> bytes:
        """The text. Raises VaultError."""
        if key not in self.keys:
            raise VaultError(f"There is no encryption key {key}.")
        try:
            return AESGCM(self.keys[key]).decrypt(
                sealed[:_NONCE], sealed[_NONCE:], context.encode()
            )
        except InvalidTag:
            raise VaultError("A sealed text was changed, or belongs elsewhere.") from None
