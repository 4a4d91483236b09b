"""SOAP 1.1 from the side of Moov's platform: calls read, tokens opened, answers and faults made."""

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from providers.moov_soap import BLOCK, NAMESPACE, SOAP
from providers.xml import local_name, parse

from .tables import MERCHANTS, Merchant

LONGEST_BODY: Final = 100_000  # bytes

# Public client libraries write encoding="utf-16" above UTF-8; the HTTP header has the last word.
_DECLARATION: Final = re.compile(rb"\s*<\?xml[^>]*\?>")


class Fault(Exception):
    """The call is answered with a SOAP fault. "Client": the envelope is to blame."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Call:
    """What an envelope asks for; `fields` are those of the operation and of its <request>."""

    operation: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def amount(self) -> int:
        """Whole francs. Raises Fault, as Java's own parser of numbers does there."""
        text = self.fields.get("amount", "")
        if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
            raise Fault("Server", f'For input string: "{text}"')
        return int(text)


def read_call(body: bytes) -> Call:
    """Read an envelope. Raises Fault."""
    if len(body) > LONGEST_BODY:
        raise Fault("Client", "The message is too long.")
    envelope = parse(_DECLARATION.sub(b"", body, count=1))
    if envelope is None:
        raise Fault("Client", "Error reading XMLStreamReader.")
    if envelope.tag != f"{{{SOAP}}}Envelope":
        raise Fault("VersionMismatch", "The envelope is not one of SOAP 1.1.")
    operation = envelope.find(f"{{{SOAP}}}Body/*")
    if operation is None or operation.tag != f"{{{NAMESPACE}}}{local_name(operation)}":
        raise Fault("Client", "Message part was not recognized.")
    return Call(local_name(operation), dict(_leaves(operation)))


def _leaves(operation: Element) -> list[tuple[str, str]]:
    request = operation.find("request")
    elements = [*operation, *(() if request is None else request)]
    return [(element.tag, (element.text or "").strip()) for element in elements]


def merchant_of(token: str) -> Merchant | None:
    """Whose token this is; None if it is nobody's."""
    try:
        sealed = b64decode(token, validate=True)
    except ValueError:
        return None
    if not sealed or len(sealed) % BLOCK:
        return None
    for merchant in MERCHANTS.values():
        expected = f"0:{merchant.user}:{merchant.password}".encode()
        if _open(sealed, merchant.encryption_key) == expected:
            return merchant
    return None


def _open(sealed: bytes, key: str) -> bytes | None:
    decryptor = Cipher(AES256(key.encode()), CBC(bytes(BLOCK))).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    unpadder = PKCS7(8 * BLOCK).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:  # another merchant's key
        return None


def answer(operation: str, result: Mapping[str, str]) -> bytes:
    """What an operation returns."""
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in result.items())
    return _envelope(
        f'<ns2:{operation}Response xmlns:ns2="{NAMESPACE}"><return>{fields}</return>'
        f"</ns2:{operation}Response>"
    )


def fault(fault: Fault) -> bytes:
    """A fault, with the detail that the platform puts into every one."""
    return _envelope(
        f"<soap:Fault><faultcode>soap:{fault.code}</faultcode>"
        f"<faultstring>{escape(fault.text)}</faultstring>"
        f'<detail><ns1:Exception xmlns:ns1="{NAMESPACE}"/></detail></soap:Fault>'
    )


def _envelope(content: str) -> bytes:
    return (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>{content}</soap:Body></soap:Envelope>'
    ).encode()
