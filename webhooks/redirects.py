"""Payers on their way to a provider's page, and back from it.

The addresses are signed, so that nobody can make them up. Whoever comes back is not believed: we
look up before the merchant's page is shown.
"""

import asyncio
import hmac
from contextlib import suppress
from typing import Any

from litestar import Response, get, route
from litestar.handlers import HTTPRouteHandler

from processor.engine import Processor
from processor.payments import janitor, moved, pages
from processor.payments.attempts import as_sent
from processor.payments.objects import Charge, Intent, Presenter
from processor.payments.return_urls import with_parameters
from processor.routing.directory import UnknownAccount
from processor.setup_intents import settlement as setup_intents
from processor.setup_intents.objects import SetupIntent
from providers.boundary import Form, Forms
from webhooks import payer_pages, references
from webhooks.callbacks import MAX_CALLBACK
from webhooks.references import Subject

# How long a payer waits for a provider to say what became of the payment. After that the merchant's
# page is shown all the same, with the payment pending.
LOOK_SECONDS = 8

# What Stripe adds to the merchant's URL, by the intent's status; any other has failed.
REDIRECT_STATUSES = {
    "processing": "pending",
    "requires_action": "pending",
    "requires_capture": "succeeded",
    "succeeded": "succeeded",
}

_PATH = "/redirects/{schema:str}/{reference:str}/{signed:str}"


def handlers(processor: Processor) -> list[HTTPRouteHandler]:
    """The routes of this page."""

    # Some providers send the payer's browser back with a POST. Nothing in it is read.
    options: dict[str, Any] = {
        "http_method": ["GET", "POST"],
        "status_code": 200,
        "request_max_body_size": MAX_CALLBACK,
        "include_in_schema": False,
    }

    @route(_PATH, **options)
    async def returning(schema: str, reference: str, signed: str) -> Response[str]:
        return await _return(processor, schema, reference, signed)

    @route(f"{_PATH}/canceled", **options)
    async def canceling(schema: str, reference: str, signed: str) -> Response[str]:
        return await _return(processor, schema, reference, signed, canceled=True)

    @get(f"{_PATH}/form", include_in_schema=False)
    async def leaving(schema: str, reference: str, signed: str) -> Response[str]:
        return await _leave(processor, schema, reference, signed)

    return [returning, canceling, leaving]


async def _return(
    processor: Processor, schema: str, reference: str, signed: str, *, canceled: bool = False
) -> Response[str]:
    """Look up, then send the payer on to the merchant, as Stripe does after a redirect."""
    subject = await _subject(processor, schema, reference, signed)
    if subject is None:
        return payer_pages.unknown()
    # Too long a wait, and an account that is gone, leave it as it is. The janitor goes on.
    with suppress(TimeoutError, UnknownAccount):
        async with asyncio.timeout(LOOK_SECONDS):
            await _look(processor, schema, subject, canceled=canceled)
    intent = await _intent(processor, schema, subject)
    if intent is None:
        return payer_pages.unknown()
    if intent.details.return_url is None:
        return payer_pages.happened(intent)
    parameters = {
        subject.kind: intent.id,
        f"{subject.kind}_client_secret": processor.secrets.client_secret(schema, intent.id),
        "redirect_status": REDIRECT_STATUSES.get(intent.status, "failed"),
    }
    location = with_parameters(intent.details.return_url, parameters)
    return Response("", status_code=303, headers={**payer_pages.PRIVATE, "Location": location})


async def _look(processor: Processor, schema: str, subject: Subject, *, canceled: bool) -> None:
    """Ask what became of the attempt; if its payer gave it up, end it where that can be done."""
    livemode = schema.endswith("_live")
    await processor.router.load(schema)
    if subject.job == moved.JOB:
        await moved.look(processor, schema, livemode, subject.id)
    elif subject.kind == "setup_intent":
        await setup_intents.look(processor, schema, livemode, subject.id)
    else:
        open_ = await janitor.look(processor, schema, livemode, subject.id)
        if canceled and open_ is not None:
            await pages.give_up(processor, schema, livemode, subject.id)


async def _leave(processor: Processor, schema: str, reference: str, signed: str) -> Response[str]:
    """The page that posts the payer's browser to a provider, while the attempt waits for it."""
    subject = await _subject(processor, schema, reference, signed)
    if subject is None:
        return payer_pages.unknown()
    form = await _form(processor, schema, subject)
    if form is None:  # the payer went back, or kept the address
        return await _return(processor, schema, reference, signed)
    return payer_pages.posting(form)


async def _form(processor: Processor, schema: str, subject: Subject) -> Form | None:
    """The form of an attempt that may still be paid on its provider's page."""
    async with processor.database.tenant(schema) as connection:
        charge = await Charge.find(connection, subject.id)
    if charge is None or not charge.wanted:
        return None
    await processor.router.load(schema, charge.provider)
    try:
        provider = processor.router.account(charge.provider).provider
    except UnknownAccount:
        return None
    if not isinstance(provider, Forms):
        return None
    return provider.form(as_sent(Presenter(processor, schema, schema.endswith("_live")), charge))


async def _subject(
    processor: Processor, schema: str, reference: str, signed: str
) -> Subject | None:
    """The attempt that an address of ours is about; None for an address that we never gave out."""
    expected = processor.secrets.redirect_state(schema, reference)
    if not hmac.compare_digest(expected.encode(), signed.encode()):
        return None
    if not references.is_reference(reference):
        return None
    if not await references.schema_exists(processor, schema):
        return None
    async with processor.database.tenant(schema) as connection:
        subject = await references.find(connection, reference)
    return subject if subject is not None and subject.intent is not None else None


async def _intent(
    processor: Processor, schema: str, subject: Subject
) -> Intent | SetupIntent | None:
    async with processor.database.tenant(schema) as connection:
        kind = SetupIntent if subject.kind == "setup_intent" else Intent
        found: Intent | SetupIntent | None = await kind.find(connection, subject.intent or "")
        return found
