"""CMI's server-to-server API, "CC5": XML to and from `POST /fim/api`.

CMI runs the NestPay platform, which several banks of other countries run too; what CMI's kits leave
open is taken from that platform's merchant API manual (as its open-source clients quote it) and
from answers recorded at those banks. Its parts are said here as "recorded".

An answer has a word (`Response`: Approved, Declined, Error), the bank's code (`ProcReturnCode`: 00
is approved) and, for an error of the platform's own, `Extra/ERRORCODE` ("CORE-2508").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

import httpx

from . import xml
from .boundary import Answer, DeclineCode, Verdict
from .cmi_account import CmiAccount

API: Final = "/fim/api"
_LONGEST_REPLY: Final = 262_144  # bytes

# What a bank's code means to us, row by row; one that is not here is PROVIDER_ERROR.
DECLINES: Final = {
    "01": DeclineCode.DO_NOT_HONOR,  # call the bank
    "02": DeclineCode.DO_NOT_HONOR,  # call the bank
    "05": DeclineCode.DO_NOT_HONOR,  # refused
    "09": DeclineCode.PROCESSING_ERROR,  # try again
    "12": DeclineCode.PROCESSING_ERROR,  # invalid transaction
    "28": DeclineCode.GENERIC_DECLINE,  # refused
    "51": DeclineCode.INSUFFICIENT_FUNDS,
    "54": DeclineCode.EXPIRED_CARD,
    "57": DeclineCode.GENERIC_DECLINE,  # not permitted to the holder
    "62": DeclineCode.GENERIC_DECLINE,  # restricted card
    "77": DeclineCode.GENERIC_DECLINE,  # refused
    "99": DeclineCode.PROVIDER_ERROR,  # general; ErrMsg says more
}

# Errors about who asks, not about what is asked (manual).
NOT_ALLOWED: Final = {
    "CORE-1011": "no user name",
    "CORE-1013": "no client id",
    "CORE-2105": "currency not of the contract",
    "CORE-2126": "shop closed",
    "CORE-2201": "not authenticated",
    "CORE-2202": "no permission",
    "CORE-2254": "address not on the list",
}
# Errors that say an operation was refused before anything happened, for good (manual). The others
# are the platform's trouble with itself or with the bank, and prove nothing.
REFUSED: Final = {
    "CORE-2008": "nothing to void",
    "CORE-2115": "PostAuth of what is no PreAuth",
    "CORE-2116": "no successful transaction in the order",
    "CORE-2117": "Credit of what was not captured",
    "CORE-2119": "another currency than the order's",
    "CORE-2120": "Void of what did not succeed",
    "CORE-2123": "no order to refund",
    "CORE-2503": "refund above what is left",
    "CORE-2504": "nothing is left to refund",
    "CORE-2505": "capture above what is left",
    "CORE-2506": "nothing is left to capture",
    "CORE-2509": "no PreAuth to capture",
    "CORE-2511": "Void after settlement",
    "CORE-2512": "capture above the PreAuth",
    "CORE-2513": "capture too late",
    "CORE-2514": "refund too late",
    "CORE-2517": "refunds are not allowed to this card",
}

# What may be kept of an answer. A card number comes masked, and is left out all the same.
_KEPT: Final = ("OrderId", "Response", "ProcReturnCode", "TransId", "HostRefNum", "ErrMsg")
_KEPT_EXTRA: Final = (
    "ERRORCODE",
    "CHARGE_TYPE_CD",
    "TRANS_STAT",
    "ORIG_TRANS_AMT",
    "CAPTURE_AMT",
    "PROC_RET_CD",
    "MDSTATUS",
)


def build_request(
    account: CmiAccount,
    oid: str,
    *,
    type: str | None = None,
    amount: tuple[str, str] | None = None,
    query: str | None = None,
) -> httpx.Request:
    """A call about an order.

    `type` moves money: "PostAuth", "Void", "Credit", with the `amount` as a decimal string and a
    currency's number. `query` asks: "ORDERSTATUS", "ORDERHISTORY". The XML goes in the form field
    DATA, as the kits of this platform send it.
    """
    root = Element("CC5Request")
    for name, value in (
        ("Name", account.api_user),
        ("Password", account.api_password),
        ("ClientId", account.client_id),
        ("Type", type),
        ("OrderId", oid),
        *zip(("Total", "Currency"), amount or (), strict=False),
    ):
        if value is not None:
            SubElement(root, name).text = value
    if query is not None:
        SubElement(SubElement(root, "Extra"), query).text = "QUERY"
    document = '<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, encoding="unicode")
    return httpx.Request("POST", account.base_url.rstrip("/") + API, data={"DATA": document})


@dataclass(frozen=True, slots=True)
class Reply:
    """A CC5Response; what it leaves out is empty."""

    oid: str = ""
    response: str = ""  # "Approved", "Declined", "Error"
    code: str = ""  # of the bank: "00", "51"...
    message: str = ""
    transaction: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def approved(self) -> bool:
        """Whether it says yes, in both of its ways of saying so."""
        return self.response == "Approved" and self.code == "00"

    @property
    def error_code(self) -> str:
        """The platform's own code of an error; empty if there is none."""
        return self.extra.get("ERRORCODE", "")

    @property
    def nothing_known(self) -> bool:
        """Whether a query found no such order: recorded as "No record found for" its id."""
        return not self.approved and self.message.startswith("No record found")

    def answer(self, verdict: Verdict, code: DeclineCode | None = None) -> Answer:
        """An answer with this reply as its evidence."""
        return Answer(verdict, self.transaction, code, evidence=self.evidence)


def read_reply(reply: httpx.Response, oid: str) -> Reply | Answer:
    """The reply to a call about `oid`; UNKNOWN for what is no CC5Response or about another order.

    The body of such a reply is not kept: a proxy's page may quote the request and its password.
    """
    unknown = Answer(Verdict.UNKNOWN, evidence={"http_status": reply.status_code})
    if reply.status_code != 200 or len(reply.content) > _LONGEST_REPLY:
        return unknown
    root = xml.parse(reply.content)
    if root is None or xml.local_name(root) != "CC5Response":
        return unknown
    # Tabs are not trimmed: they separate the columns of a history, of which the last may be empty.
    extra = {
        xml.local_name(child): (child.text or "").strip(" \r\n")
        for child in root.findall("Extra/*")
    }
    if {xml.text(root, "OrderId"), extra.get("ORD_ID", "")} - {"", oid}:
        return unknown
    return Reply(
        oid=oid,
        response=xml.text(root, "Response"),
        code=xml.text(root, "ProcReturnCode"),
        message=xml.text(root, "ErrMsg"),
        transaction=xml.text(root, "TransId") or None,
        extra=extra,
        evidence={"http_status": 200, "body": _kept(root, extra)},
    )


def _kept(root: Element, extra: Mapping[str, str]) -> dict[str, str]:
    body = {name: xml.text(root, name) for name in _KEPT}
    body |= {name: extra.get(name, "") for name in _KEPT_EXTRA}
    # The word for why, wherever this reply has it, under the name that other rails have for it.
    body["reason"] = body["ERRORCODE"] or body["PROC_RET_CD"] or body["ProcReturnCode"]
    if body["reason"] == "00":
        del body["reason"]
    return {name: value for name, value in body.items() if value}


def read_movement(reply: Reply) -> Answer:
    """The verdict on a PostAuth, Void or Credit: only an approval or a refusal said aloud is one.

    "Declined" is a bank's refusal. "Error" is the platform's, and only some of its codes say that
    nothing happened. CORE-2508 (a Credit before the day was settled) is not final either: the same
    Credit will do once the day is settled.
    """
    if reply.approved:
        return reply.answer(Verdict.SUCCEEDED)
    if reply.error_code in NOT_ALLOWED:
        return reply.answer(Verdict.DECLINED, DeclineCode.CONFIGURATION)
    if reply.error_code in REFUSED:
        return reply.answer(Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)
    if reply.response == "Declined" and reply.code in DECLINES and not reply.error_code:
        return reply.answer(Verdict.DECLINED, DECLINES[reply.code])
    return reply.answer(Verdict.UNKNOWN)
