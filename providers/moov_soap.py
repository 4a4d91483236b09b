"""How Moov Africa's merchant API speaks: SOAP 1.1 envelopes, and the token inside each of them.

Source: public client libraries and integrations of the Beninese service; Moov publishes nothing.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from .xml import local_name, parse

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE: Final = "http://api.merchant.tlc.com/"
PATH: Final = "/com.tlc.merchant.api/UssdPush"
# That of SOAP 1.2, around an envelope of SOAP 1.1: it is what the service is called with.
CONTENT_TYPE: Final = "application/soap+xml; charset=utf-8"
KEY_LENGTH: Final = 32  # bytes
BLOCK: Final = 16  # bytes, of AES

Fields = Mapping[str, "str | Fields"]

# What XML 1.0 has no way to write, not even escaped.
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def make_token(user: str, password: str, key: str) -> str:
    """The token of an account: "0:user:password" under AES-256-CBC, in base64.

    The initialisation vector is all zeros, so that the token never changes. `key` has 32 bytes.
    """
    padder = PKCS7(8 * BLOCK).padder()
    plain = padder.update(f"0:{user}:{password}".encode()) + padder.finalize()
    encryptor = Cipher(AES256(key.encode()), CBC(bytes(BLOCK))).encryptor()
    return b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def envelope(operation: str, fields: Fields) -> bytes:
    """A call: its fields carry no namespace, and a mapping is an element with elements inside."""
    return (
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:api="{NAMESPACE}">'
        f"<soapenv:Header/><soapenv:Body><api:{operation}>{_elements(fields)}</api:{operation}>"
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


def _elements(fields: Fields) -> str:
    return "".join(
        f"<{name}>{_text(value) if isinstance(value, str) else _elements(value)}</{name}>"
        for name, value in fields.items()
    )


def _text(value: str) -> str:
    return escape(_UNWRITABLE.sub("", value))


def read_result(reply: httpx.Response) -> dict[str, str] | None:
    """The fields of what an operation returned; None for a fault and for anything else.

    The element around them is called "return", "result" or "response", depending on whom one
    believes, so its name is not looked at.
    """
    root = parse(reply.content) if reply.status_code == 200 else None
    answer = None if root is None else root.find(f"{{{SOAP}}}Body/*")
    if answer is None or local_name(answer) == "Fault":
        return None
    result = answer.find("*")
    if result is None:
        return None
    return {local_name(field): (field.text or "").strip() for field in result}
