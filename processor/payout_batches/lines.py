"""Read and check the lines of a batch: all of them, before anything moves."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from processor.errors import APIError, InvalidRequest
from processor.external_accounts.store import read_wallet
from processor.payout_batches.objects import BatchLine
from processor.payout_batches.parameters import MOST_LINES, Line
from processor.payouts import making
from processor.payouts.objects import Destination
from processor.routing.router import Router
from tenants.keys import Caller

COLUMNS = ("amount", "phone", "network", "account_holder_name", "description", "reference")
_REQUIRED = frozenset({"amount", "phone"})

# Errors of this many lines are listed in an answer; the rest is counted.
MOST_ERRORS = 100

_AMOUNT = re.compile("[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one line."""

    line: int
    message: str
    code: str | None = None
    param: str | None = None


Read = Iterator[tuple[int, Line | Wrong]]


def from_list(lines: Sequence[Line]) -> Read:
    """Lines with their numbers, from 1."""
    yield from enumerate(lines, start=1)


def from_csv(body: bytes) -> Read:
    """Lines of a CSV file with a header, by their line in the file. `reference` becomes metadata.

    Raises InvalidRequest for a file that is none or has no such columns.
    """
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig")), strict=True)
        names = rows.fieldnames or []
    except (UnicodeDecodeError, csv.Error):
        raise InvalidRequest("The file is not CSV in UTF-8.", param="file") from None
    if not set(names) >= _REQUIRED or not set(names) <= set(COLUMNS):
        raise InvalidRequest(
            f"The file's first line must name its columns, out of: {', '.join(COLUMNS)}; it must"
            " have amount and phone.",
            param="file",
        )
    try:
        for row in rows:
            yield rows.line_num, _from_row(rows.line_num, row)
    except csv.Error as error:
        number = rows.reader.line_num
        yield number, Wrong(number, f"This line is not CSV: {error}.")


def _from_row(number: int, row: dict[str, str | None]) -> Line | Wrong:
    if None in row or None in row.values():
        return Wrong(number, "This line has more or fewer values than there are columns.")
    text = {name: (value or "").strip() for name, value in row.items()}
    if not _AMOUNT.fullmatch(text["amount"]):
        return Wrong(
            number,
            f"Invalid integer: {text['amount'][:40]}",
            "parameter_invalid_integer",
            "amount",
        )
    too_long = next((name for name, value in text.items() if len(value) > 140), None)
    if too_long is not None:
        return Wrong(number, "This value has more than 140 characters.", None, too_long)
    if any("\0" in value for value in text.values()):
        return Wrong(number, "This line holds a NUL byte.")
    reference = text.get("reference")
    return Line(
        amount=int(text["amount"]),
        phone=text["phone"],
        network=text.get("network") or None,
        account_holder_name=text.get("account_holder_name") or None,
        description=text.get("description") or None,
        metadata={"reference": reference} if reference else None,
    )


def check(
    router: Router, caller: Caller, currency: str, lines: Read, param: str
) -> list[BatchLine]:
    """Every line with its wallet and its route. Raises InvalidRequest, which lists what is wrong
    with which line, if one of them is wrong, or if there are none or too many."""
    good: list[BatchLine] = []
    wrong: list[Wrong] = []
    for number, line in lines:
        found = _check(router, caller, currency, number, line)
        if isinstance(found, Wrong):
            wrong.append(found)
        else:
            good.append(found)
        if len(good) + len(wrong) > MOST_LINES:
            raise InvalidRequest(f"A batch has at most {MOST_LINES:,} lines.", param=param)
    if wrong:
        raise _refusal(wrong, len(good) + len(wrong), param)
    if not good:
        raise InvalidRequest("A batch has at least one line.", param=param)
    return good


def _check(
    router: Router, caller: Caller, currency: str, number: int, line: Line | Wrong
) -> BatchLine | Wrong:
    if isinstance(line, Wrong):
        return line
    try:
        msisdn, network = read_wallet(caller, line.phone, line.network)
        destination = Destination(
            kind="mobile_wallet",
            number=msisdn.e164,
            country=msisdn.country,
            holder=line.account_holder_name,
            network=network,
        )
        making.check(line.amount, currency, destination)
        provider = making.route(router, caller.schema, line.amount, currency, destination, "phone")
    except APIError as error:
        return Wrong(number, error.message, error.code, error.param)
    return BatchLine(
        line=number,
        amount=line.amount,
        provider=provider,
        destination=destination,
        description=line.description,
        metadata=line.metadata or {},
    )


def _refusal(wrong: list[Wrong], total: int, param: str) -> InvalidRequest:
    first = wrong[0]
    return InvalidRequest(
        f"{len(wrong)} of {total} lines are wrong and nothing was paid out. Line {first.line}:"
        f" {first.message}",
        param=param,
        code="payout_batch_invalid",
        lines=[
            {"line": each.line, "message": each.message, "code": each.code, "param": each.param}
            for each in wrong[:MOST_ERRORS]
        ],
    )
