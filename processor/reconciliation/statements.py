"""Read a statement: every line or none, and all that is wrong with it at once."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from processor.files.kinds import PURPOSES
from processor.money import CURRENCIES
from processor.reconciliation.mappings import Kind, Mapping

LARGEST = PURPOSES["provider_statement"]  # bytes

_LONGEST_WORD = 255
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_INTEGER = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one line. Line 1 is the header."""

    line: int
    message: str


class StatementError(Exception):
    """A statement that cannot be read. Nothing of it was stored."""

    def __init__(self, errors: list[LineError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"line {each.line}: {each.message}" for each in errors))


@dataclass(frozen=True, slots=True)
class Line:
    """One movement as the provider tells it. `amount` is positive, in minor units."""

    number: int  # in the file
    reference: str | None
    external_id: str | None
    provider_reference: str | None
    amount: int
    currency: str
    kind: Kind
    moved: bool
    time: int  # unix seconds


class _Wrong(Exception):
    """What is wrong with the line at hand."""


def read(data: bytes, mapping: Mapping) -> list[Line]:
    """The lines of a CSV file in UTF-8. Raises StatementError with everything that is wrong."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StatementError([LineError(1, "the file is not UTF-8")]) from None
    lines: list[Line] = []
    errors: list[LineError] = []
    try:
        for number, row in _rows(text, mapping):
            try:
                lines.append(_line(number, row, mapping))
            except _Wrong as wrong:
                errors.append(LineError(number, str(wrong)))
    except csv.Error as error:
        errors.append(LineError(1 if not lines else lines[-1].number + 1, f"no CSV: {error}"))
    if not lines and not errors:
        errors.append(LineError(1, "the statement has no lines"))
    if errors:
        raise StatementError(errors)
    return lines


def _rows(text: str, mapping: Mapping) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows that are not empty, by the names in the header, with their place in the file."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in mapping.columns if name not in header]
    if missing:
        raise StatementError([LineError(1, f"there is no column {', '.join(missing)}")])
    for cells in reader:
        if not any(cells):
            continue
        # A line of another length has its values under the wrong names.
        named = dict(zip(header, cells, strict=True)) if len(cells) == len(header) else {}
        yield reader.line_num, named


def _line(number: int, row: dict[str, str], mapping: Mapping) -> Line:
    if not row:
        raise _Wrong("it has not as many columns as the header")
    reference, external_id, provider_reference = (
        _word(row, name) if name else None
        for name in (mapping.reference, mapping.external_id, mapping.provider_reference)
    )
    if not (reference or external_id or provider_reference):
        raise _Wrong("it names no transaction: every reference is empty")
    currency = _needed(row, mapping.currency).lower()
    if currency not in CURRENCIES:
        raise _Wrong(f"{mapping.currency} {currency!r} is no currency of ours")
    kind = mapping.kinds.get(_needed(row, mapping.kind).lower())
    if kind is None:
        raise _Wrong(f"{mapping.kind} {row[mapping.kind]!r} is not one of {_list(mapping.kinds)}")
    return Line(
        number=number,
        reference=reference,
        external_id=external_id,
        provider_reference=provider_reference,
        amount=_amount(_needed(row, mapping.amount), currency, mapping),
        currency=currency,
        kind=kind,
        moved=_moved(row, mapping),
        time=_time(_needed(row, mapping.time), mapping),
    )


def _word(row: dict[str, str], name: str) -> str | None:
    """A cell's text; None if it is empty."""
    word = row[name].strip()
    if len(word) > _LONGEST_WORD or "\0" in word:
        raise _Wrong(f"{name} is no text of at most {_LONGEST_WORD} characters")
    return word or None


def _needed(row: dict[str, str], name: str) -> str:
    word = _word(row, name)
    if word is None:
        raise _Wrong(f"{name} is empty")
    return word


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _amount(text: str, currency: str, mapping: Mapping) -> int:
    """The amount in minor units, without its sign: the kind says which way it went."""
    major = mapping.unit == "major"
    if not (_DECIMAL if major else _INTEGER).fullmatch(text):
        wanted = "a decimal number such as 12.50" if major else "a whole number of minor units"
        raise _Wrong(f"{mapping.amount} {text!r} is not {wanted}")
    exponent = CURRENCIES[currency].exponent if major else 0
    scaled = abs(Decimal(text).scaleb(exponent))
    if scaled == 0 or scaled != scaled.to_integral_value():
        raise _Wrong(f"{mapping.amount} {text!r} is no amount in {currency.upper()}")
    return int(scaled)


def _moved(row: dict[str, str], mapping: Mapping) -> bool:
    if mapping.status is None:
        return True
    moved = mapping.statuses.get(_needed(row, mapping.status).lower())
    if moved is None:
        known = _list(mapping.statuses)
        raise _Wrong(f"{mapping.status} {row[mapping.status]!r} is not one of {known}")
    return moved


def _time(text: str, mapping: Mapping) -> int:
    try:
        if mapping.time_format is None:
            parsed = datetime.fromisoformat(text)
        else:
            # The zone is set below: what these exports call a time is in UTC.
            parsed = datetime.strptime(text, mapping.time_format)  # noqa: DTZ007
        seconds = int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise _Wrong(f"{mapping.time} {text!r} is no time") from None
    if seconds < 0:
        raise _Wrong(f"{mapping.time} {text!r} is before 1970")
    return seconds
