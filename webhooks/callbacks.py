"""Knocks of providers. None is believed: a callback is checked for its form, stored once, answered
at once, and makes us look up.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from processor import jobs
from processor.engine import Processor
from processor.payments.attempts import as_sent
from processor.payments.objects import Charge, Presenter
from processor.routing.accounts import Account
from processor.routing.directory import UnknownAccount
from providers import boundary
from providers.boundary import CallbackReplies, ForgedCallback
from webhooks import references

MAX_CALLBACK = 100_000  # bytes

# How many different callbacks about one reference are kept. Where nothing is signed, whoever has
# seen a reference, its payer for one, could send more for ever; each still makes us look up.
MOST_KEPT = 50

# Where our answer to a callback is what moves the money, the look-up waits until it was heard.
REPLY_SECONDS = 2

# Materialized for Citus, which else has the tenant's node draw the row's number; only on its
# coordinator is there a right to.
_STORE = """
with wanted as materialized (
    select $1::text as reference, $2::text as provider, $3::bytea as body_hash, $4::bytea as body
    where (select count(*) from callbacks where reference = $1) < $5
)
insert into callbacks (reference, provider, body_hash, body)
select reference, provider, body_hash, body from wanted
on conflict do nothing
"""


def handlers(processor: Processor) -> list[HTTPRouteHandler]:
    """The routes of this page."""

    async def knock(
        request: Request[Any, Any, Any], account: str, schema: str, reference: str | None = None
    ) -> Response[str]:
        if request.method == "GET":  # as some providers try whether an address answers
            return Response("", media_type="text/plain")
        knocked = await _knock(processor, request, account, schema, reference)
        return Response(knocked.text, status_code=knocked.status, media_type="text/plain")

    @route(
        "/callbacks/{account:str}/{schema:str}/{reference:str}",
        http_method=["GET", "POST", "PUT"],
        status_code=200,
        request_max_body_size=MAX_CALLBACK,
        include_in_schema=False,
    )
    async def callback(
        request: Request[Any, Any, Any], account: str, schema: str, reference: str
    ) -> Response[str]:
        return await knock(request, account, schema, reference)

    # Of providers who know one address per account: the body says what it is about.
    @route(
        "/callbacks/{account:str}/{schema:str}",
        http_method=["GET", "POST", "PUT"],
        status_code=200,
        request_max_body_size=MAX_CALLBACK,
        include_in_schema=False,
    )
    async def callback_of_account(
        request: Request[Any, Any, Any], account: str, schema: str
    ) -> Response[str]:
        return await knock(request, account, schema)

    return [callback, callback_of_account]


@dataclass(frozen=True, slots=True)
class _Knocked:
    """What a callback is answered with."""

    status: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Callback:
    """A callback of an account that this tenant may have heard of."""

    account: Account
    headers: Mapping[str, str]
    body: bytes

    def reply(self, charge: boundary.Charge | None) -> str:
        """The words that a provider waits for. A charge that nobody waits for is not taken."""
        provider = self.account.provider
        if not isinstance(provider, CallbackReplies):
            return ""
        return provider.reply(charge, self.headers, self.body)


async def _knock(
    processor: Processor,
    request: Request[Any, Any, Any],
    account: str,
    schema: str,
    in_path: str | None,
) -> _Knocked:
    """Check a callback and say what to answer."""
    if not await references.schema_exists(processor, schema):
        return _Knocked(404)
    await processor.router.load(schema, account)
    body, headers = await request.body(), dict(request.headers)
    try:
        found = processor.router.account(account)
        named = found.provider.read_callback(headers, body)
    except UnknownAccount:
        return _Knocked(404)
    except ForgedCallback:
        return _Knocked(400)
    reference = in_path or named or ""
    # A true callback at the address of another payment is about neither.
    is_ours = references.is_reference(reference) and named in (None, reference)
    if not is_ours or found.owner not in (None, schema):
        return _Knocked(404)
    return await _take(processor, schema, reference, _Callback(found, headers, body))


async def _take(processor: Processor, schema: str, reference: str, callback: _Callback) -> _Knocked:
    """Store a callback and ask for a look-up."""
    account = callback.account
    acts = isinstance(account.provider, CallbackReplies)
    charge = None
    async with processor.database.tenant(schema) as connection:
        subject = await references.find(connection, reference)
        if subject is None or subject.provider != account.name:
            return _Knocked(404, callback.reply(None))
        digest = hashlib.sha256(callback.body).digest()
        await connection.execute(_STORE, reference, account.name, digest, callback.body, MOST_KEPT)
        await jobs.enqueue(connection, subject.job, [subject.id], REPLY_SECONDS if acts else 0)
        if acts and subject.job == "look_up":
            charge = await Charge.find(connection, subject.id)
    # A look-up may have been faster: what it found to be ours stays ours when the callback arrives.
    if charge is None or not (charge.wanted or charge.state in ("authorized", "succeeded")):
        return _Knocked(200, callback.reply(None))
    presenter = Presenter(processor, schema, schema.endswith("_live"))
    return _Knocked(200, callback.reply(as_sent(presenter, charge)))
