"""`POST /fim/api`: the XML API of the CMI sandbox.

PostAuth, Void and Credit, and the queries ORDERSTATUS and ORDERHISTORY, in the form of answers
recorded from other banks of the platform. Every answer has HTTP status 200; what is wrong is in it.
A card is never taken here: a shop of CMI's has its page for that (assumed: CORE-2202).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs
from xml.etree.ElementTree import Element, SubElement, tostring

from providers import xml
from providers.money import from_decimal_string
from providers.sandbox.script import Step

from .orders import NUMBERS, Order, Orders, Refused, Transaction
from .tables import SHOPS

OPERATIONS: Final = {"PostAuth": "capture", "Void": "cancel", "Credit": "refund"}
QUERIES: Final = {"ORDERSTATUS": "look_up", "ORDERHISTORY": "history"}

# No character that XML forbids: what a client sent is quoted in answers.
_UNPRINTABLE: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A CC5Request; what it leaves out is empty."""

    user: str
    password: str
    client_id: str
    type: str
    oid: str
    total: str
    currency: str
    queries: tuple[str, ...]

    @property
    def operation(self) -> str:
        """Its name in the script."""
        query = next((QUERIES[name] for name in self.queries if name in QUERIES), "other")
        return OPERATIONS.get(self.type, query)

    @property
    def amount(self) -> int | None:
        """`Total` in minor units; None if it is left out or no amount."""
        try:
            return from_decimal_string(self.total, NUMBERS.get(self.currency, "mad"))
        except ValueError:
            return None


def read_request(body: bytes) -> Request | None:
    """The request: XML as it is, or in the form field DATA. None for what is neither."""
    document = body.strip()
    if not document.startswith(b"<"):
        text = body.decode("utf-8", "replace")
        document = "".join(parse_qs(text).get("DATA", [])).encode()
    root = xml.parse(document.strip())
    if root is None or xml.local_name(root) != "CC5Request":
        return None
    return Request(
        user=xml.text(root, "Name"),
        password=xml.text(root, "Password"),
        client_id=xml.text(root, "ClientId"),
        type=xml.text(root, "Type"),
        oid=xml.text(root, "OrderId"),
        total=xml.text(root, "Total"),
        currency=xml.text(root, "Currency"),
        queries=tuple(xml.local_name(child) for child in root.findall("Extra/*")),
    )


async def serve(orders: Orders, body: bytes, step: Step) -> bytes:
    """The CC5Response to a request."""
    request = read_request(body)
    if request is None:
        return _response(_refusal("", Refused("CORE-2014")))
    try:
        _authenticate(request)
        if request.type:
            return _response(await _operate(orders, request, step))
    except Refused as refused:
        return _response(_refusal(request.oid, refused))
    order = orders.get(request.client_id, request.oid)
    if "ORDERHISTORY" in request.queries:
        return _response(_history(request.oid, order))
    if "ORDERSTATUS" in request.queries:
        return _response(_status(request.oid, order))
    return _response(_refusal(request.oid, Refused("CORE-2001")))


def _authenticate(request: Request) -> None:
    shop = SHOPS.get(request.client_id)
    given = (request.user, request.password)
    if shop is None or given != (shop.api_user, shop.api_password):
        raise Refused("CORE-2201")


async def _operate(orders: Orders, request: Request, step: Step) -> "_Content":
    """Move money, or refuse to. Nothing is awaited between looking at an order and writing it."""
    if request.type in ("Auth", "PreAuth"):
        raise Refused("CORE-2202")
    if request.type not in OPERATIONS:
        raise Refused("CORE-2001")
    if step.outcome not in (None, "00"):
        raise Refused(step.outcome)
    order = orders.get(request.client_id, request.oid)
    if order is None:
        raise Refused({"PostAuth": "CORE-2509", "Void": "CORE-2008"}.get(request.type, "CORE-2117"))
    if request.currency and NUMBERS.get(request.currency) != order.currency:
        raise Refused("CORE-2119")
    if request.total and request.amount is None:
        raise Refused("CORE-2014")
    if request.type == "PostAuth":
        return _movement(request.oid, await orders.capture(order, request.amount))
    if request.type == "Void":
        return _movement(request.oid, await orders.void(order))
    return _movement(request.oid, await orders.credit(order, request.amount))


_Content = tuple[Mapping[str, str], Mapping[str, str]]  # elements, and those of Extra


def _movement(oid: str, line: Transaction) -> _Content:
    return {
        "OrderId": oid,
        "GroupId": oid,
        "Response": "Approved",
        "AuthCode": line.authorisation_code,
        "HostRefNum": line.host_reference,
        "ProcReturnCode": "00",
        "TransId": line.id,
        "ErrMsg": "",
    }, {"TRXDATE": _clock(line.authorised_at)[:17], "ERRORCODE": "", "NUMCODE": "00"}


def _refusal(oid: str, refused: Refused) -> _Content:
    extra = {"ERRORCODE": refused.error, "NUMCODE": f"99{refused.error[5:]}"}
    return {
        "OrderId": oid,
        "GroupId": oid,
        "Response": refused.response,
        "AuthCode": "",
        "HostRefNum": "",
        "ProcReturnCode": refused.return_code,
        "TransId": "",
        "ErrMsg": refused.message,
    }, extra if refused.error else {}


def _status(oid: str, order: Order | None) -> _Content:
    line = None if order is None else order.payment
    if order is None or line is None:
        head = {
            "ErrMsg": f"No record found for {oid}",
            "ProcReturnCode": "99",
            "Response": "Declined",
            "OrderId": "",
            "TransId": "",
        }
        return head, {"NUMCODE": "0", "ORDERSTATUS": _summary({})}
    told = {
        "ORD_ID": oid,
        "CHARGE_TYPE_CD": line.kind,
        "ORIG_TRANS_AMT": str(line.amount),
        "CAPTURE_AMT": "" if line.captured is None else str(line.captured),
        "TRANS_STAT": line.state,
        "AUTH_DTTM": _moment(line.authorised_at),
        "CAPTURE_DTTM": _moment(line.captured_at),
        "AUTH_CODE": line.authorisation_code,
    }
    head = {
        "ErrMsg": f"Record(s) found for {oid}",
        "ProcReturnCode": "00",
        "Response": "Approved",
        "OrderId": oid,
        "TransId": line.id,
    }
    return head, told | {
        "HOST_REF_NUM": line.host_reference,
        "MDSTATUS": order.md_status,
        "NUMCODE": "0",
        "ORDERSTATUS": _summary(told | {"TRANS_ID": line.id}),
        "PAN": order.card,
        "PROC_RET_CD": line.return_code,
        "TRANS_ID": line.id,
        "VOID_DTTM": _moment(line.voided_at),
    }


def _summary(told: Mapping[str, str]) -> str:
    """All of a status in one line, which is empty but for its names when there is nothing."""
    names = (
        "ORD_ID", "CHARGE_TYPE_CD", "ORIG_TRANS_AMT", "CAPTURE_AMT", "TRANS_STAT", "AUTH_DTTM",
        "CAPTURE_DTTM", "AUTH_CODE",
    )  # fmt: skip
    return "\t".join(f"{name}:{told.get(name, '')}" for name in (*names, *(told.keys() - names)))


def _history(oid: str, order: Order | None) -> _Content:
    lines = [] if order is None else [_history_line(each) for each in reversed(order.transactions)]
    extra = {f"TRX{number}": line for number, line in enumerate(lines, 1)}
    head = {
        "ErrMsg": "" if lines else f"No record found for {oid}",
        "ProcReturnCode": "00" if lines else "05",
        "Response": "Approved" if lines else "Declined",
        "OrderId": oid,
    }
    return head, {"NUMCODE": "0", "TRXCOUNT": str(len(lines))} | extra


def _history_line(line: Transaction) -> str:
    captured = "" if line.captured is None else str(line.captured)
    moments = (line.authorised_at, line.captured_at, line.voided_at)
    return "\t".join(
        (
            line.kind,
            line.state,
            str(line.amount),
            captured,
            *map(_moment, moments),
            line.host_reference,
            line.authorisation_code,
            line.return_code,
            line.id,
        )
    )


def _moment(at: float | None) -> str:
    if at is None:
        return ""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%d %H:%M:%S}"


def _response(content: _Content) -> bytes:
    root = Element("CC5Response")
    elements, extra = content
    for name, value in elements.items():
        SubElement(root, name).text = _UNPRINTABLE.sub("", value)
    below = SubElement(root, "Extra")
    for name, value in extra.items():
        SubElement(below, name).text = _UNPRINTABLE.sub("", value)
    document: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return document
