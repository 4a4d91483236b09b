"""What `cpay payouts ...` does: payouts to banks leave in a file, and the bank's answer comes back.

Both commands work on every tenant's live schema in one transaction: a file holds all its payouts or
none was handed out, and a wrong line in an answer stops all of it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import anyio
import asyncpg

from cpay.settings import Settings
from cpay.wiring import build_store
from processor.money import CURRENCIES
from processor.payouts import bank_files, bank_runs
from processor.payouts.bank_files import Confirmation, Debtor, InvalidBankFile, Order
from processor.payouts.objects import Payout
from providers.boundary import Verdict
from storage import ObjectNotFoundError, content_key
from tenants.ids import random_text

# Accounting documents are kept ten years under the OHADA uniform act on accounting (article 24).
RETENTION = timedelta(days=3653)


@dataclass(frozen=True, slots=True)
class _Live:
    """One tenant's live schema."""

    schema: str
    tenant: str
    name: str


class _Run:
    """One transaction that works as one tenant after the other."""

    def __init__(self, connection: asyncpg.Connection, schemas: Sequence[_Live]) -> None:
        self.connection = connection
        self.schemas = schemas

    async def enter(self, live: _Live) -> asyncpg.Connection:
        """Go on with this tenant's rights alone."""
        await self.connection.execute(
            f'set local role "{live.schema}"; set local search_path = "{live.schema}"'
        )
        return self.connection


@asynccontextmanager
async def _run(settings: Settings, tenant: str | None) -> AsyncIterator[_Run]:
    settings.need("database_url")
    connection = await asyncpg.connect(settings.database_url)
    try:
        rows = await connection.fetch(
            "select s.schema_name, t.id, t.name from platform.tenant_schemas s"
            " join platform.tenants t on t.id = s.tenant"
            " where s.livemode and ($1::text is null or t.id = $1) order by s.schema_name",
            tenant,
        )
        if not rows:
            raise LookupError("There is no such tenant." if tenant else "There are no tenants.")
        async with connection.transaction():
            yield _Run(connection, [_Live(*row) for row in rows])
    finally:
        await connection.close()


async def export(
    settings: Settings,
    format: Literal["csv", "pain.001"],
    currency: str,
    file: Path,
    tenant: str | None,
    debtor_name: str | None,
    debtor_account: str | None,
    debtor_bic: str | None,
) -> dict[str, Any]:
    """Hand the waiting payouts of one currency out, and write them to a file.

    The file is kept in the object store before the payouts are said to be in transit, and written
    to `file` afterwards; `fetch` writes it again. Raises LookupError when nothing is waiting.
    """
    if currency not in CURRENCIES:
        raise LookupError(f"The currency is one of: {', '.join(CURRENCIES)}.")
    debtor = None
    if format == "pain.001":
        if not (debtor_name and debtor_account):
            raise LookupError("pain.001 needs --debtor-name and --debtor-account.")
        debtor = Debtor(debtor_name, debtor_account, debtor_bic)
    async with _run(settings, tenant) as run:
        found = await _waiting(run, currency, reversals=debtor is None)
        orders = [
            Order(payout, live.tenant, live.name) for live, payouts in found for payout in payouts
        ]
        if not orders:
            raise LookupError(f"No payout to a bank is waiting in {currency.upper()}.")
        body = _rendered(orders, debtor)
        key = content_key("bank_files", body, "csv" if debtor is None else "xml")
        kind = "text/csv" if debtor is None else "application/xml"
        until = datetime.now(UTC) + RETENTION
        await build_store(settings).put(key, body, kind, until)
        for live, payouts in found:
            await bank_runs.hand_out(await run.enter(live), True, payouts, key)
    try:
        await anyio.Path(file).write_bytes(body)
    except OSError as error:
        raise RuntimeError(
            f"The payouts are handed out in {key}, which could not be written to {file}"
            f" ({error}). `cpay payouts fetch` writes it again."
        ) from None
    amount = sum(order.payout.amount for order in orders)
    return {
        "file": str(file),
        "key": key,
        "payouts": len(orders),
        "amount": amount,
        "currency": currency,
    }


async def _waiting(
    run: _Run, currency: str, *, reversals: bool
) -> list[tuple[_Live, list[Payout]]]:
    found = []
    for live in run.schemas:
        payouts = await bank_runs.waiting(await run.enter(live), currency, reversals=reversals)
        if payouts:
            found.append((live, payouts))
    return found


def _rendered(orders: list[Order], debtor: Debtor | None) -> bytes:
    if debtor is None:
        return bank_files.render_csv(orders)
    now = datetime.now(UTC)
    message = f"CPAY-{now:%Y%m%d%H%M%S}-{random_text(10)}"
    return bank_files.render_pain_001(orders, debtor, message, now)


async def fetch(settings: Settings, key: str, file: Path) -> dict[str, Any]:
    """Write an earlier file again, as it was."""
    if not key.startswith("bank_files/"):
        raise LookupError("A bank file's key begins with bank_files/.")
    try:
        body = await build_store(settings).get(key)
    except ObjectNotFoundError:
        raise LookupError(f"There is no bank file {key}.") from None
    await anyio.Path(file).write_bytes(body)
    return {"file": str(file), "key": key}


async def confirm(settings: Settings, file: Path) -> dict[str, Any]:
    """Apply the bank's answers. Raises RuntimeError, with every wrong line, and applies nothing."""
    try:
        confirmations = bank_files.read_confirmations(await anyio.Path(file).read_bytes())
    except InvalidBankFile as error:
        raise _nothing_applied(str(error)) from None
    async with _run(settings, None) as run:
        found = await _matched(run, confirmations)
        lines = {each.payout: each for each in confirmations}
        known = {payout.id: payout for _, payouts in found for payout in payouts}
        wrong = [
            f"Line {line.line}: {reason}."
            for identifier, line in lines.items()
            if (reason := _objection(identifier, line, known)) is not None
        ]
        if wrong:
            raise _nothing_applied("\n".join(wrong))
        for live, payouts in found:
            answers = [lines[payout.id] for payout in payouts]
            await bank_runs.confirm(await run.enter(live), True, answers)
    paid = sum(each.verdict is Verdict.SUCCEEDED for each in confirmations)
    return {"file": str(file), "paid": paid, "failed": len(confirmations) - paid}


async def _matched(
    run: _Run, confirmations: list[Confirmation]
) -> list[tuple[_Live, list[Payout]]]:
    ids = [each.payout for each in confirmations]
    found = []
    for live in run.schemas:
        known = await bank_runs.known(await run.enter(live), ids)
        if known:
            found.append((live, list(known.values())))
    return found


def _objection(identifier: str, line: Confirmation, known: dict[str, Payout]) -> str | None:
    payout = known.get(identifier)
    if payout is None:
        return f"there is no live payout {identifier[:60]!r} to a bank"
    return bank_runs.objection(payout, line)


def _nothing_applied(lines: str) -> RuntimeError:
    return RuntimeError(f"Nothing was applied.\n{lines}")
