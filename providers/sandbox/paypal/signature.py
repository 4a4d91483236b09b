"""How the PayPal sandbox signs its webhooks, and checks a signature when it is asked to.

https://developer.paypal.com/api/rest/webhooks/rest: the signature is RSA with SHA-256 over
"<transmission id>|<time>|<webhook id>|<CRC-32 of the body, in decimal>", by the key of the
certificate whose address goes along.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from uuid import uuid4
from zlib import crc32

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ALGORITHM: Final = "SHA256withRSA"
CERTIFICATE_PATH: Final = "/v1/notifications/certs/CERT-sandbox"


class Verification(msgspec.Struct):
    """The body of a call that asks whether a webhook is PayPal's. The event is left as it came,
    because its bytes are signed."""

    auth_algo: str
    cert_url: str
    transmission_id: str
    transmission_sig: str
    transmission_time: str
    webhook_id: str
    webhook_event: msgspec.Raw


class Signer:
    """A key and its certificate, both made when they are first needed."""

    def __init__(self, public_url: str) -> None:
        """`public_url` is where clients find this PSP."""
        self.certificate_url = f"{public_url}{CERTIFICATE_PATH}"

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def certificate(self) -> bytes:
        """The certificate in PEM, signed by itself."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PayPal sandbox of CPay")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    def headers(self, webhook_id: str, body: bytes) -> dict[str, str]:
        """The five headers of a webhook."""
        transmission_id = str(uuid4())
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = _signed(transmission_id, at, webhook_id, body)
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return {
            "paypal-transmission-id": transmission_id,
            "paypal-transmission-time": at,
            "paypal-transmission-sig": b64encode(signature).decode(),
            "paypal-cert-url": self.certificate_url,
            "paypal-auth-algo": ALGORITHM,
        }

    def is_ours(self, claim: Verification) -> bool:
        """Whether a webhook was signed here."""
        if (claim.auth_algo, claim.cert_url) != (ALGORITHM, self.certificate_url):
            return False
        event = bytes(claim.webhook_event)
        signed = _signed(claim.transmission_id, claim.transmission_time, claim.webhook_id, event)
        try:
            signature = b64decode(claim.transmission_sig, validate=True)
            public_key = self._key.public_key()
            public_key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except (NotBase64, InvalidSignature):
            return False
        return True


def _signed(transmission_id: str, at: str, webhook_id: str, body: bytes) -> bytes:
    return f"{transmission_id}|{at}|{webhook_id}|{crc32(body)}".encode()
