"""What tests of reconciliation share: statements made of what was paid, and the operator's command
in this process."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from live import Merchant

from cpay import reconcile_command
from cpay.settings import Settings

HEADER = "reference,external_id,provider_reference,amount,currency,kind,time,status"


def settings(merchant: Merchant) -> Settings:
    """The settings of the merchant's stack."""
    return Settings.from_environment(merchant.stack.environment)


def line(**cells: Any) -> str:
    """A line of a statement in the standard mapping."""
    given = {
        "currency": "xaf",
        "kind": "collection",
        "status": "succeeded",
        "time": datetime.now(UTC).isoformat(),
        **cells,
    }
    return ",".join(str(given.get(name, "")) for name in HEADER.split(","))


def import_lines(
    merchant: Merchant, folder: Path, *lines: str, provider: str = "cards_test", **options: Any
) -> list[Any]:
    """Import lines as a statement. Returns the reconciliation, then its open items."""
    file = folder / "statement.csv"
    file.write_text("\n".join([HEADER, *lines]))
    given = {"mapping": "standard", "start": None, "end": None, "by": "awa", "live": False}
    made: list[Any] = asyncio.run(
        reconcile_command.import_file(
            settings(merchant),
            file=file,
            provider=provider,
            tenant=merchant.tenant.id,
            **(given | options),
        )
    )
    return made


def resolve(merchant: Merchant, item: str, action: Any, reason: str = "agreed by phone") -> Any:
    """Resolve an item as the operator."""
    return asyncio.run(
        reconcile_command.resolve(
            settings(merchant), item, action, reason, merchant.tenant.id, live=False, by="awa"
        )
    )


def report(merchant: Merchant, reconciliation: str | None = None) -> list[Any]:
    """What the operator's report shows."""
    return asyncio.run(
        reconcile_command.report(settings(merchant), reconciliation, merchant.tenant.id, live=False)
    )
