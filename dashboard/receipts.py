"""Documents at addresses that cannot be guessed: a payer's receipt, a file that was linked to."""

import hmac

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from processor.engine import Processor
from processor.file_links import store as file_links
from processor.files.contents import attachment
from processor.receipts import store
from tenants.provision import SCHEMA_NAME


def handlers(processor: Processor) -> list[HTTPRouteHandler]:
    """The routes of this page."""

    @get("/receipts/{schema:str}/{charge:str}/{token:str}", include_in_schema=False)
    async def receipt(schema: str, charge: str, token: str) -> Response[bytes]:
        expected = processor.secrets.receipt_token(schema, charge)
        if not (
            SCHEMA_NAME.fullmatch(schema) and hmac.compare_digest(expected.encode(), token.encode())
        ):
            return _not_found()
        body = await store.read(processor, schema, charge)
        if body is None:
            return _not_found()
        return Response(
            body,
            media_type="application/pdf",
            headers={
                "Content-Disposition": f'inline; filename="receipt-{charge}.pdf"',
                "Cache-Control": "private, max-age=86400, immutable",
                "X-Content-Type-Options": "nosniff",
            },
        )

    @get("/links/{schema:str}/{link:str}/{token:str}", include_in_schema=False)
    async def linked(schema: str, link: str, token: str) -> Response[bytes]:
        expected = processor.secrets.file_link_token(schema, link)
        if not (
            SCHEMA_NAME.fullmatch(schema) and hmac.compare_digest(expected.encode(), token.encode())
        ):
            return _not_found()
        found = await file_links.content(processor, schema, link)
        if found is None:
            return _not_found()
        return Response(
            found.body,
            media_type=found.media_type,
            headers={
                "Content-Disposition": attachment(found.filename),
                "X-Content-Type-Options": "nosniff",
            },
        )

    return [receipt, linked]


def _same(expected: str, given: str) -> bool:
    """Compared as bytes: a text that is not ASCII cannot be."""
    return hmac.compare_digest(expected.encode(), given.encode())


def _not_found() -> Response[bytes]:
    return Response(
        b"There is no such document. / Ce document n'existe pas.\n",
        status_code=404,
        media_type="text/plain; charset=utf-8",
    )
