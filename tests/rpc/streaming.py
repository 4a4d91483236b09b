"""A client that sends a stream and reads its answers meanwhile, as few HTTP libraries can."""

import http.client
import io
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import urlsplit

import cbor2
from live import Merchant


class Stream:
    """One request to `/rpc.batch`, open at both ends."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._response: http.client.HTTPResponse | None = None
        self._decoder: cbor2.CBORDecoder

    @classmethod
    @contextmanager
    def open(cls, merchant: Merchant, **headers: str) -> Iterator[Self]:
        """Begin a request; its body is still to come."""
        connection = http.client.HTTPConnection(urlsplit(merchant.stack.base).netloc, timeout=30)
        sent = {
            "Authorization": f"Bearer {merchant.secret_key}",
            "Content-Type": "application/cbor-seq",
            "Transfer-Encoding": "chunked",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest("POST", "/rpc.batch", skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        stream = cls(connection)
        try:
            yield stream
        finally:
            stream._close()

    def _close(self) -> None:
        """Hang up, even on a thread that is still sending."""
        if self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def send(self, *items: Any) -> None:
        """Send calls, or bytes as they are."""
        data = b"".join(i if isinstance(i, bytes) else cbor2.dumps(i) for i in items)
        self._connection.send(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """Nothing more will be sent."""
        self._connection.send(b"0\r\n\r\n")

    @property
    def response(self) -> http.client.HTTPResponse:
        """The response, once its head is there."""
        if self._response is None:
            assert self._connection.sock is not None
            self._response = http.client.HTTPResponse(self._connection.sock, method="POST")
            self._response.begin()
            self._decoder = cbor2.CBORDecoder(self._response)
        return self._response

    def next(self) -> Any:
        """Wait for one more item of the answer."""
        assert self.response.status == 200
        return self._decoder.decode()

    def rest(self) -> list[Any]:
        """All items that are left."""
        body = self.response.read()
        if self.response.getheader("content-encoding") == "gzip":
            body = zlib.decompress(body, wbits=31)
        return items(body)


def items(body: bytes) -> list[Any]:
    """The items of a sequence."""
    file = io.BytesIO(body)
    decoder = cbor2.CBORDecoder(file)
    found = []
    while file.tell() < len(body):
        found.append(decoder.decode())
    return found
