"""Files that an operator takes to the bank, and the answers that come back from it.

Two formats go out: CSV, for people and for banks' own upload pages, and ISO 20022 pain.001.001.03
(CustomerCreditTransferInitiation), which most banks' systems read. One comes back: CSV with the
columns `payout`, `status` and `reason`, for instance the exported file with two columns filled in.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

from processor.external_accounts.numbers import is_iban
from processor.money import CURRENCIES
from processor.payouts.objects import Destination, Payout
from providers.boundary import Verdict

COLUMNS = (
    "payout",
    "account",
    "amount",
    "currency",
    "beneficiary",
    "account_number",
    "country",
    "bank_name",
    "routing_number",
    "description",
    "status",
    "reason",
)

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Order:
    """One payout as a bank sees it."""

    payout: Payout
    account: str  # the merchant's: acct_...
    merchant: str  # its name, which is the beneficiary's where the holder was not named

    @property
    def beneficiary(self) -> str:
        """Whose account it is."""
        return self.payout.details.destination.holder or self.merchant

    @property
    def amount(self) -> str:
        """In units of the currency: `5000` XAF, `12.50` EUR; negative is to be asked back."""
        return _decimal(self.payout.amount, self.payout.currency)


@dataclass(frozen=True, slots=True)
class Debtor:
    """The operator's own bank account, which pays."""

    name: str
    account: str  # an IBAN, or the bank's own number
    bic: str | None = None


def render_csv(orders: Sequence[Order]) -> bytes:
    """The orders as CSV (RFC 4180, UTF-8 with a byte order mark, as spreadsheets expect)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for order in orders:
        payout, destination = order.payout, order.payout.details.destination
        texts = (
            order.beneficiary,
            destination.number,
            destination.country,
            destination.bank_name or "",
            destination.routing_number or "",
            payout.details.statement_descriptor or payout.details.description or "",
        )
        fixed = (payout.id, order.account, order.amount, payout.currency.upper())
        writer.writerow([*fixed, *map(_inert, texts), "", ""])
    return out.getvalue().encode("utf-8-sig")


def _inert(text: str) -> str:
    """A merchant's text that no spreadsheet of the operator's takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def render_pain_001(
    orders: Sequence[Order], debtor: Debtor, message: str, created: datetime
) -> bytes:
    """The orders, all of one currency and none of them a reversal, as pain.001.001.03.

    `message` identifies the file at the bank: at most 35 characters, never used before.
    """
    currency = orders[0].payout.currency
    total = _decimal(sum(order.payout.amount for order in orders), currency)
    document = ElementTree.Element("Document", {"xmlns": _NAMESPACE})
    initiation = _in(document, "CstmrCdtTrfInitn")
    header = _in(initiation, "GrpHdr")
    _in(header, "MsgId", message)
    _in(header, "CreDtTm", created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    _in(header, "NbOfTxs", str(len(orders)))
    _in(header, "CtrlSum", total)
    _in(header, "InitgPty", "Nm", _text(debtor.name, 140))
    payment = _in(initiation, "PmtInf")
    _in(payment, "PmtInfId", message)
    _in(payment, "PmtMtd", "TRF")
    _in(payment, "NbOfTxs", str(len(orders)))
    _in(payment, "CtrlSum", total)
    _in(payment, "ReqdExctnDt", created.astimezone(UTC).date().isoformat())
    _in(payment, "Dbtr", "Nm", _text(debtor.name, 140))
    _account(_in(payment, "DbtrAcct"), debtor.account)
    _agent(payment, "DbtrAgt", debtor.bic)
    for order in orders:
        _transfer(_in(payment, "CdtTrfTxInf"), order)
    ElementTree.indent(document)
    body: bytes = ElementTree.tostring(document, encoding="UTF-8", xml_declaration=True)
    return body + b"\n"


def _transfer(parent: ElementTree.Element, order: Order) -> None:
    payout, destination = order.payout, order.payout.details.destination
    _in(parent, "PmtId", "EndToEndId", payout.id)
    amount = _in(_in(parent, "Amt"), "InstdAmt", order.amount)
    amount.set("Ccy", payout.currency.upper())
    if _bic(destination) is not None:
        _agent(parent, "CdtrAgt", _bic(destination))
    _in(parent, "Cdtr", "Nm", _text(order.beneficiary, 140))
    _account(_in(parent, "CdtrAcct"), destination.number)
    remittance = payout.details.statement_descriptor or payout.details.description or payout.id
    _in(parent, "RmtInf", "Ustrd", _text(remittance, 140))


def _bic(destination: Destination) -> str | None:
    number = (destination.routing_number or "").replace(" ", "").upper()
    return number if _BIC.fullmatch(number) else None


def _in(parent: ElementTree.Element, *path: str) -> ElementTree.Element:
    """A new element; `_in(x, "Nm", "text")` has text, `_in(x, "Dbtr", "Nm", "text")` is nested."""
    element = ElementTree.SubElement(parent, path[0])
    if len(path) == 2:
        element.text = path[1]
    elif len(path) > 2:
        return _in(element, *path[1:])
    return element


def _account(parent: ElementTree.Element, number: str) -> None:
    if is_iban(number):
        _in(parent, "Id", "IBAN", number)
    else:
        _in(parent, "Id", "Othr", "Id", _text(number, 34))


def _agent(parent: ElementTree.Element, name: str, bic: str | None) -> None:
    institution = _in(_in(parent, name), "FinInstnId")
    if bic is not None:
        _in(institution, "BIC", bic)
    else:
        _in(institution, "Othr", "Id", "NOTPROVIDED")


def _text(text: str, longest: int) -> str:
    return _NOT_XML.sub(" ", text)[:longest].strip() or "-"


def _decimal(amount: int, currency: str) -> str:
    exponent = CURRENCIES[currency].exponent
    units, rest = divmod(abs(amount), 10**exponent)
    return f"{'-' if amount < 0 else ''}{units}" + (f".{rest:0{exponent}d}" if exponent else "")


# --- what comes back ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One line of the bank's answer."""

    line: int  # of the file; the header is line 1
    payout: str
    verdict: Verdict  # SUCCEEDED or DECLINED
    reason: str | None = None  # one of Stripe's failure codes, or the bank's own words


_VERDICTS = {"paid": Verdict.SUCCEEDED, "failed": Verdict.DECLINED}


class InvalidBankFile(ValueError):
    """The file has wrong lines; the message names each of them."""


def read_confirmations(body: bytes) -> list[Confirmation]:
    """The lines that say what became of a payout; those without a status are left for later.

    Raises InvalidBankFile, with every wrong line.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidBankFile("The file is not UTF-8 text.") from error
    rows = csv.DictReader(io.StringIO(text), strict=True)
    found: dict[str, Confirmation] = {}
    wrong = []
    try:
        missing = {"payout", "status"} - set(rows.fieldnames or ())
        if missing:
            raise InvalidBankFile(f"Line 1: the columns {', '.join(sorted(missing))} are missing.")
        for row in rows:
            payout, status = (row["payout"] or "").strip(), (row["status"] or "").strip().lower()
            reason = (row.get("reason") or "").strip() or None
            if not payout:
                wrong.append(f"Line {rows.line_num}: the payout is missing.")
            elif payout in found:
                wrong.append(
                    f"Line {rows.line_num}: {payout} is also on line {found[payout].line}."
                )
            elif status in _VERDICTS:
                found[payout] = Confirmation(rows.line_num, payout, _VERDICTS[status], reason)
            elif status:
                wrong.append(f"Line {rows.line_num}: {status[:40]!r} is neither paid nor failed.")
    except csv.Error as error:
        raise InvalidBankFile(f"Line {rows.reader.line_num}: {error}.") from error
    if wrong:
        raise InvalidBankFile("\n".join(wrong))
    return list(found.values())
