"""Requests as bytes on a socket, so that nothing on our side corrects what is wrong with them."""

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from contract import document, violations
from live import Merchant


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object, which must be one that the document describes."""
        assert self.headers["content-type"] == "application/json"
        assert self.headers["request-id"].startswith("req_")
        assert violations(document()["components"]["schemas"]["Error"], self.json) == []
        error: dict[str, Any] = self.json["error"]
        return error


def send(
    merchant: Merchant,
    method: str,
    target: str | bytes,
    body: bytes = b"",
    *,
    content_type: bytes | None = b"application/x-www-form-urlencoded",
    authorization: bytes | None = b"",
    headers: tuple[bytes, ...] = (),
    length: int | None = None,
) -> Answer:
    """One request on a connection of its own. An empty `authorization` is the merchant's key."""
    if authorization == b"":
        authorization = b"Bearer " + merchant.secret_key.encode()
    lines = [
        b"%s %s HTTP/1.1"
        % (method.encode(), target.encode() if isinstance(target, str) else target),
        b"Host: localhost",
        b"Connection: close",
        b"Content-Length: %d" % (len(body) if length is None else length),
    ]
    if content_type is not None:
        lines.append(b"Content-Type: " + content_type)
    if authorization is not None:
        lines.append(b"Authorization: " + authorization)
    address = urlsplit(merchant.stack.base)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        # The answer may come, and the connection close, before the whole body is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"\r\n".join([*lines, *headers, b"", body]))
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
