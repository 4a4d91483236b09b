"""`/openapi.json` and `/docs`: what is published of the table of operations."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from openapi.document import build, encoded
from openapi.reference import render
from processor.engine import Processor


@dataclass(frozen=True, slots=True)
class Published:
    """Bytes that stay the same while the process lives."""

    plain: bytes
    compressed: bytes
    tag: str
    media_type: str

    @classmethod
    def of(cls, plain: bytes, media_type: str) -> Self:
        """Compress once, for all readers."""
        tag = f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"'
        return cls(plain, gzip.compress(plain, mtime=0), tag, media_type)

    def answer(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """What this reader gets: nothing, if it has these bytes already."""
        headers = {
            "ETag": self.tag,
            "Cache-Control": "public, max-age=300",
            "Vary": "Accept-Encoding",
            # The page has a style of its own and nothing else, so nothing else may run.
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == self.tag:
            return Response(b"", status_code=304, headers=headers, media_type=self.media_type)
        body = self.plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = self.compressed
        return Response(body, headers=headers, media_type=self.media_type)


def routes(processor: Processor) -> list[HTTPRouteHandler]:
    """The two routes. Both answers are made when somebody first asks, and kept."""

    @cache
    def document() -> dict[str, Any]:
        return build(processor.operations.values(), processor.expander)

    @cache
    def specification() -> Published:
        return Published.of(encoded(document()), "application/json")

    @cache
    def page() -> Published:
        return Published.of(render(document(), processor.public_url).encode(), "text/html")

    @get("/openapi.json", include_in_schema=False)
    async def openapi_document(request: Request[Any, Any, Any]) -> Response[bytes]:
        return specification().answer(request)

    @get("/docs", include_in_schema=False)
    async def reference(request: Request[Any, Any, Any]) -> Response[bytes]:
        return page().answer(request)

    return [openapi_document, reference]
