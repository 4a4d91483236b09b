"""The cells of a report: exact amounts, times in a zone, and texts that no spreadsheet runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

import msgspec

from processor.money import CURRENCIES

# "code": ours or a fixed word. "text": anybody's words. "metadata": one of a merchant's own pairs.
# "amount": minor units of the row's currency. "utc" and "local": unix seconds, shown in UTC or in
# the zone that was asked for.
Kind = Literal["code", "text", "amount", "utc", "local", "metadata"]

# A cell that begins so is a formula to a spreadsheet, also in full width (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column's cells come from: a column of the statement."""

    source: str
    kind: Kind = "code"
    key: str = ""  # of the pair, for metadata


def cell(row: Mapping[str, Any], column: Column, zone: tzinfo) -> str:
    """One cell as it stands in the file; what is null is empty."""
    value = row[column.source]
    if value is None:
        return ""
    match column.kind:
        case "amount":
            text = decimal(value, row["currency"])
        case "utc":
            text = local_time(value, UTC)
        case "local":
            text = local_time(value, zone)
        case "text":
            text = inert(value)
        case "metadata":
            text = inert(msgspec.json.decode(value).get(column.key, ""))
        case "code":
            text = str(value)
    return text


def decimal(amount: int, currency: str) -> str:
    """An amount in the currency's major unit, exactly: `-5000` XAF, `10.00` EUR."""
    exponent = CURRENCIES[currency].exponent
    units, rest = divmod(abs(amount), 10**exponent)
    decimals = f".{rest:0{exponent}d}" if exponent else ""
    return f"{'-' if amount < 0 else ''}{units}{decimals}"


def local_time(seconds: int, zone: tzinfo) -> str:
    """A time as Stripe's reports write it: `2026-11-21 14:05:00`, without its zone."""
    return f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%d %H:%M:%S}"


def inert(text: str) -> str:
    """A text that begins with no formula; an apostrophe before it is what spreadsheets hide."""
    return f"'{text}" if text.startswith(_FORMULA) else text
