"""Knocks from outside: a provider's callback, and a payer who comes back from a provider's page.

Neither is believed. A callback is checked for its form, stored once, answered at once, and makes
us look up. A returning payer makes us look up before the merchant's page is shown.
"""

import hashlib
import re
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get, route
from litestar.handlers import HTTPRouteHandler

from processor import jobs
from processor.engine import Processor
from processor.payments import janitor
from processor.payments.objects import Intent
from processor.setup_intents import settlement as setup_intents
from processor.setup_intents.objects import SetupIntent
from providers.boundary import ForgedCallback
from tenants.provision import SCHEMA_NAME

MAX_CALLBACK = 100_000  # bytes

_REFERENCE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

# What a reference of ours is about, and the job that asks what became of it.
_SUBJECT = """
select id, provider, 'look_up' as job from charges where reference = $1
union all
select id, provider, 'look_up_refund' from refunds where reference = $1
union all
select id, provider, 'look_up_setup' from setup_attempts where reference = $1
union all
select id, provider, 'payout' from payouts where reference = $1
"""

# Who comes back from a page: an attempt to pay or to set up.
_RETURNING = """
select id, payment_intent as intent, true as payment from charges where reference = $1
union all
select id, setup_intent, false from setup_attempts where reference = $1
"""

# What Stripe adds to the merchant's URL, by the intent's status; any other has failed.
_REDIRECT_STATUSES = {
    "processing": "pending",
    "requires_action": "pending",
    "requires_capture": "succeeded",
    "succeeded": "succeeded",
}

_STORE = """
insert into callbacks (reference, provider, body_hash, body) values ($1, $2, $3, $4)
on conflict do nothing
"""


def handlers(processor: Processor) -> list[HTTPRouteHandler]:
    """The routes of this page."""

    @route(
        "/callbacks/{account:str}/{schema:str}/{reference:str}",
        http_method=["POST", "PUT"],
        status_code=200,
        request_max_body_size=MAX_CALLBACK,
        include_in_schema=False,
    )
    async def callback(
        request: Request[Any, Any, Any], account: str, schema: str, reference: str
    ) -> Response[None]:
        return Response(
            None, status_code=await _knock(processor, request, account, schema, reference)
        )

    @get("/redirects/{schema:str}/{reference:str}", include_in_schema=False)
    async def returning(schema: str, reference: str) -> Response[str]:
        return await _return(processor, schema, reference)

    return [callback, returning]


async def _knock(
    processor: Processor,
    request: Request[Any, Any, Any],
    account: str,
    schema: str,
    reference: str,
) -> int:
    """Store a callback and ask for a look-up. Returns the HTTP status."""
    if not _known_shape(schema, reference):
        return 404
    body = await request.body()
    try:
        provider = processor.router.account(account).provider
        provider.read_callback(dict(request.headers), body)
    except KeyError:
        return 404
    except ForgedCallback:
        return 400
    if not await _schema_exists(processor, schema):
        return 404
    async with processor.database.tenant(schema) as connection:
        subject = await connection.fetchrow(_SUBJECT, reference)
        if subject is None or subject["provider"] != account:
            return 404
        digest = hashlib.sha256(body).digest()
        await connection.execute(_STORE, reference, account, digest, body)
        await jobs.enqueue(connection, subject["job"], [subject["id"]])
    return 200


async def _return(processor: Processor, schema: str, reference: str) -> Response[str]:
    """Look up, then send the payer on to the merchant, as Stripe does after a redirect."""
    if not _known_shape(schema, reference) or not await _schema_exists(processor, schema):
        return _page("This payment is not known. / Ce paiement est inconnu.", 404)
    intent = await _returned(processor, schema, reference)
    if intent is None:
        return _page("This payment is not known. / Ce paiement est inconnu.", 404)
    url = intent.details.return_url
    if url is None:
        return _page("You can close this page. / Vous pouvez fermer cette page.", 200)
    kind = "setup_intent" if isinstance(intent, SetupIntent) else "payment_intent"
    query = urlencode(
        {
            kind: intent.id,
            f"{kind}_client_secret": processor.secrets.client_secret(schema, intent.id),
            "redirect_status": _REDIRECT_STATUSES.get(intent.status, "failed"),
        }
    )
    base, mark, fragment = url.partition("#")
    target = f"{base}{'&' if '?' in base else '?'}{query}{mark}{fragment}"
    return Response("", status_code=303, headers={"Location": target})


async def _returned(
    processor: Processor, schema: str, reference: str
) -> Intent | SetupIntent | None:
    """The payment or setup intent that a payer comes back from, after a look-up."""
    livemode = schema.endswith("_live")
    async with processor.database.tenant(schema) as connection:
        subject = await connection.fetchrow(_RETURNING, reference)
    if subject is None:
        return None
    look = janitor.look if subject["payment"] else setup_intents.look
    await look(processor, schema, livemode, subject["id"])
    async with processor.database.tenant(schema) as connection:
        if subject["payment"]:
            return await Intent.find(connection, subject["intent"])
        return await SetupIntent.find(connection, subject["intent"])


def _known_shape(schema: str, reference: str) -> bool:
    return bool(SCHEMA_NAME.fullmatch(schema) and _REFERENCE.fullmatch(reference))


async def _schema_exists(processor: Processor, schema: str) -> bool:
    """Whether it is a tenant's: its name comes from a URL and goes into `set local role`."""
    found = await processor.database.fetch_platform(
        "select 1 from platform.tenant_schemas where schema_name = $1", schema
    )
    return bool(found)


def _page(sentence: str, status: int) -> Response[str]:
    return Response(
        f'<!doctype html><html lang="fr"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>CPay</title><p>{sentence}</p>',
        status_code=status,
        media_type="text/html",
    )
