"""A payer's receipt, at an address that cannot be guessed."""

import hmac
import re

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from processor.engine import Processor
from processor.receipts import store

_SCHEMA = re.compile(r"t[0-9]{1,18}_(test|live)")


def handlers(processor: Processor) -> list[HTTPRouteHandler]:
    """The routes of this page."""

    @get("/receipts/{schema:str}/{charge:str}/{token:str}", include_in_schema=False)
    async def receipt(schema: str, charge: str, token: str) -> Response[bytes]:
        expected = processor.secrets.receipt_token(schema, charge)
        if not (_SCHEMA.fullmatch(schema) and hmac.compare_digest(expected, token)):
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

    return [receipt]


def _not_found() -> Response[bytes]:
    return Response(
        "There is no such receipt. / Ce reçu n'existe pas.\n".encode(),
        status_code=404,
        media_type="text/plain; charset=utf-8",
    )
