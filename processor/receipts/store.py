"""Make a charge's receipt once and keep it where nobody can change it."""

from datetime import UTC, datetime, timedelta

import anyio

from processor.engine import Processor
from processor.payments.objects import Charge, Presenter
from processor.receipts.render import RENDERER, Receipt, render_receipt
from storage import content_key

# Commercial documents are kept ten years under the OHADA uniform act on accounting (article 24).
RETENTION = timedelta(days=3653)

_BRANDS = {"mtn": "MTN MoMo", "orange": "Orange Money", "moov": "Moov Flooz", "tmoney": "T-Money"}


async def make(processor: Processor, schema: str, livemode: bool, identifier: str) -> None:
    """Render, store and record the receipt of a paid charge. Doing it twice does it once: the same
    charge gives the same bytes, and the bytes name the object."""
    charge = await processor.gather(_wanting, schema, identifier)
    if charge is None:
        return
    merchant = await processor.database.fetch_platform(
        "select t.name from platform.tenant_schemas s join platform.tenants t on t.id = s.tenant"
        " where s.schema_name = $1",
        schema,
    )
    presenter = Presenter(processor, schema, livemode)
    receipt = _receipt(presenter, charge, merchant[0]["name"])
    body = await anyio.to_thread.run_sync(render_receipt, receipt)
    key = content_key(f"{schema}/receipts", body, "pdf")
    # What was only a test need not outlive its tenant.
    until = datetime.now(UTC) + RETENTION if livemode else None
    await processor.store.put(key, body, "application/pdf", until)
    made = (charge.id, receipt.number, key, len(body))
    await processor.gather(_record, schema, made)


async def _wanting(processor: Processor, schema: str, ids: list[str]) -> list[Charge | None]:
    """The charges that are paid and have no receipt yet."""
    async with processor.database.tenant(schema) as connection:
        charges = {each.id: each for each in await Charge.fetch(connection, ids)}
        rows = await connection.fetch("select charge from receipts where charge = any($1)", ids)
    have = {row["charge"] for row in rows}
    return [
        charge
        if (charge := charges.get(each)) and charge.state == "succeeded" and each not in have
        else None
        for each in ids
    ]


async def _record(
    processor: Processor, schema: str, made: list[tuple[str, str, str, int]]
) -> list[None]:
    """Write down receipts that are stored: charge, number, key, bytes."""
    async with processor.database.tenant(schema) as connection:
        await connection.execute(
            "insert into receipts (charge, number, object_key, size, renderer)"
            " select *, $5 from unnest($1::text[], $2::text[], $3::text[], $4::int[])"
            " on conflict do nothing",
            *(list(column) for column in zip(*made, strict=True)),
            RENDERER,
        )
    return [None] * len(made)


def _receipt(presenter: Presenter, charge: Charge, merchant: str) -> Receipt:
    details = charge.details
    if details.mobile_money is not None:
        name = _BRANDS.get(details.mobile_money.network, details.mobile_money.network)
        method = f"{name} •••• {details.token[-4:]}"
    elif details.card is None:
        method = "PayPal" if details.method_type == "paypal" else "Carte / Card"
    else:
        method = f"{details.card.brand.title()} •••• {details.card.last4}"
    return Receipt(
        number=number(charge),
        merchant_name=merchant,
        amount=charge.amount_captured,
        currency=charge.currency,
        paid_at=datetime.fromtimestamp(charge.created, UTC),
        method=method,
        charge_id=charge.id,
        provider_reference=charge.provider_reference,
        description=details.description,
        url=presenter.receipt_url(charge),
        livemode=presenter.livemode,
        locale=details.language,
    )


def number(charge: Charge) -> str:
    """The receipt's number: the end of the charge's id, in groups that can be read aloud."""
    tail = charge.id[-12:].upper()
    return "-".join((tail[:4], tail[4:8], tail[8:]))


async def read(processor: Processor, schema: str, identifier: str) -> bytes | None:
    """The receipt of a charge as a PDF, made now if the worker has not come to it yet."""
    key = await _key(processor, schema, identifier)
    if key is None:
        await make(processor, schema, schema.endswith("_live"), identifier)
        key = await _key(processor, schema, identifier)
    return None if key is None else await processor.store.get(key)


async def _key(processor: Processor, schema: str, identifier: str) -> str | None:
    async with processor.database.tenant(schema) as connection:
        found: str | None = await connection.fetchval(
            "select object_key from receipts where charge = $1", identifier
        )
    return found
