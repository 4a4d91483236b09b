"""The CMI adapter: the form and calls it builds, and what it makes of every reply and callback."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.sax.saxutils import escape

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.boundary import (
    Answer,
    Billing,
    CallbackReplies,
    Captures,
    Charge,
    CredentialChecks,
    DeclineCode,
    ForgedCallback,
    Forms,
    Provider,
    Refund,
    Refunds,
    Verdict,
)
from providers.cmi import Cmi
from providers.cmi_account import CmiAccount, order_id, reference_of
from providers.cmi_api import DECLINES, Reply, build_request, read_movement, read_reply
from providers.cmi_form import CANCEL, CAPTURE, RECEIVED
from providers.cmi_hash import is_signed, sign
from providers.cmi_orders import History, Order, minor_units, read_check, read_history, read_order
from providers.cmi_refunds import read_refund

ACCOUNT = CmiAccount(
    client_id="600000000",
    store_key="the|store\\key",
    api_user="api<user>",
    api_password="the&password",
    base_url="https://cmi.example.test/",
)
CHARGE = Charge(
    reference="5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11",
    amount=12050,
    currency="mad",
    payer="",
    callback_url="https://api.example.test/cb/cmi",
    return_url="https://pay.example.test/back",
    form_url="https://pay.example.test/form",
    language="fr",
    billing=Billing(name="Amina\n Benali", email="amina@example.test", city="Fès"),
)
OID = "5f0f8a526b0f4f1c8d570d1f4d1f8a11"
HELD = replace(CHARGE, capture=False)
ADAPTER = Cmi(ACCOUNT, httpx.AsyncClient())


# --- The account, the order id and the form ---


def test_the_adapter_has_every_protocol_of_its_rail_and_shows_no_secret() -> None:
    for protocol in (Forms, CallbackReplies, Captures, Refunds, CredentialChecks):
        assert isinstance(ADAPTER, protocol)
    provider: Provider = ADAPTER
    assert provider.name == "cmi"
    for secret in ("the|store", "the&password"):
        assert secret not in f"{ADAPTER!r} {ACCOUNT!r}"


def test_capabilities_follow_the_contract() -> None:
    assert ADAPTER.capabilities.currencies == {"mad"}
    wide = Cmi(replace(ACCOUNT, currencies="MAD,eur,xyz"), httpx.AsyncClient())
    assert wide.capabilities.currencies == {"mad", "eur"}


@given(st.uuids(version=4))
def test_an_order_id_leads_back_to_the_reference(reference: Any) -> None:
    oid = order_id(str(reference))
    assert len(oid) == 32
    assert oid.isalnum()
    assert reference_of(oid) == str(reference)


@pytest.mark.parametrize(
    "oid", ["", "ch_0001", CHARGE.reference, OID.upper(), OID + "0", "{" + OID]
)
def test_an_order_id_of_somebody_else_is_nobodys(oid: str) -> None:
    assert reference_of(oid) is None


async def test_a_charge_sends_nothing() -> None:
    answer = await ADAPTER.charge(CHARGE)
    assert (answer.verdict, answer.redirect_url) == (Verdict.PENDING, CHARGE.form_url)
    for changed in ({"currency": "eur"}, {"form_url": None}, {"callback_url": None}):
        assert (await ADAPTER.charge(replace(CHARGE, **changed))).verdict is Verdict.NOT_SENT


def test_the_form() -> None:
    form = ADAPTER.form(CHARGE)
    assert form.url == "https://cmi.example.test/fim/est3Dgate"
    fields = dict(form.fields)
    assert is_signed(fields, ACCOUNT.store_key)
    assert len(fields.pop("HASH")) == 88
    assert fields.pop("rnd")
    assert fields == {
        "clientid": "600000000",
        "storetype": "3D_PAY_HOSTING",
        "TranType": "PreAuth",
        "amount": "120.50",
        "currency": "504",
        "oid": OID,
        "okUrl": "https://pay.example.test/back",
        "failUrl": "https://pay.example.test/back",
        "shopurl": "https://pay.example.test/back",
        "callbackUrl": "https://api.example.test/cb/cmi",
        "lang": "fr",
        "hashAlgorithm": "ver3",
        "encoding": "UTF-8",
        "refreshtime": "5",
        "AutoRedirect": "true",
        "BillToName": "Amina Benali",
        "email": "amina@example.test",
        "BillToCity": "Fès",
    }


def test_a_form_is_the_same_for_a_charge_and_another_for_another() -> None:
    assert ADAPTER.form(replace(CHARGE)) == ADAPTER.form(CHARGE)
    other = replace(CHARGE, reference="5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a12")
    assert ADAPTER.form(other).fields["rnd"] != ADAPTER.form(CHARGE).fields["rnd"]
    bare = ADAPTER.form(replace(CHARGE, billing=Billing(), return_url=None, currency="eur"))
    assert (bare.fields["BillToName"], bare.fields["email"]) == ("", "")
    assert (bare.fields["okUrl"], bare.fields["currency"]) == (CHARGE.form_url, "978")
    assert "tel" not in bare.fields


# --- Calls ---


def test_calls_byte_for_byte() -> None:
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><CC5Request><Name>api&lt;user&gt;</Name>'
        "<Password>the&amp;password</Password><ClientId>600000000</ClientId>"
    )
    for call, tail in (
        ({"type": "PostAuth", "amount": ("120.50", "504")},
         (f"<Type>PostAuth</Type><OrderId>{OID}</OrderId>"
          "<Total>120.50</Total><Currency>504</Currency></CC5Request>")),
        ({"type": "Void"}, f"<Type>Void</Type><OrderId>{OID}</OrderId></CC5Request>"),
        ({"query": "ORDERSTATUS"}, (f"<OrderId>{OID}</OrderId><Extra>"
          "<ORDERSTATUS>QUERY</ORDERSTATUS></Extra></CC5Request>")),
    ):  # fmt: skip
        request = build_request(ACCOUNT, OID, **call)  # type: ignore[arg-type] # one per case
        assert str(request.url) == "https://cmi.example.test/fim/api"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert parse_qs(request.content.decode()) == {"DATA": [head + tail]}


# --- Replies ---


def document(extra: Mapping[str, str] | None = None, **elements: str) -> bytes:
    """A CC5Response."""
    head = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
    below = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in (extra or {}).items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><CC5Response>{head}<Extra>{below}</Extra>'
        "</CC5Response>"
    ).encode()


def read(content: bytes, status: int = 200) -> Reply:
    reply = read_reply(httpx.Response(status, content=content), OID)
    assert isinstance(reply, Reply)
    return reply


APPROVED = {"OrderId": OID, "Response": "Approved", "ProcReturnCode": "00", "TransId": "T1"}
# Recorded from another bank of the platform, with our order id and dirhams.
STATUS = {
    "AUTH_CODE": "P90325",
    "AUTH_DTTM": "2026-10-30 12:29:53.773",
    "CAPTURE_AMT": "",
    "CAPTURE_DTTM": "",
    "CHARGE_TYPE_CD": "S",
    "HOST_REF_NUM": "230300671782",
    "MDSTATUS": "",
    "NUMCODE": "0",
    "ORD_ID": OID,
    "ORIG_TRANS_AMT": "12050",
    "PAN": "4355 08** **** 4358",
    "PROC_RET_CD": "00",
    "TRANS_STAT": "A",
}
TAKEN = {"TRANS_STAT": "C", "CAPTURE_AMT": "12050"}
NO_RECORD = {
    "ErrMsg": f"No record found for {OID}",
    "ProcReturnCode": "99",
    "Response": "Declined",
    "OrderId": "",
    "TransId": "",
}


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, document(**APPROVED)),
        (302, document(**APPROVED)),
        (404, b""),
        (200, b""),
        (200, b"<html>OK</html>"),
        (200, b"<CC5Response>"),
        (200, b"\xff\xfe"),
        (200, b'<!DOCTYPE x [<!ENTITY e "e">]>' + document(**APPROVED)[38:]),
        (200, document(**APPROVED | {"OrderId": "another"})),
        (200, document({"ORD_ID": "another"}, **APPROVED | {"OrderId": ""})),
        (200, document(**APPROVED, ErrMsg="x" * 300_000)),
    ],
)
def test_what_is_no_answer_about_our_order_is_unknown(status: int, content: bytes) -> None:
    answer = read_reply(httpx.Response(status, content=content), OID)
    assert isinstance(answer, Answer)
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.evidence == {"http_status": status}  # the body might quote our password


def test_evidence_has_the_reason_and_no_card() -> None:
    extra = STATUS | {"TRANS_STAT": "D", "PROC_RET_CD": "51"}
    body = read(document(extra, **APPROVED)).evidence["body"]
    assert body["reason"] == "51"
    assert "4358" not in str(body)
    assert "reason" not in read(document(STATUS, **APPROVED)).evidence["body"]
    error = document({"ERRORCODE": "CORE-2508"}, Response="Error", ProcReturnCode="99")
    assert read(error).evidence["body"]["reason"] == "CORE-2508"


def looked_up(charge: Charge, content: bytes) -> Answer:
    order = read_order(read(content), charge)
    return order.outcome(charge) if isinstance(order, Order) else order


def status(**changes: str) -> bytes:
    return document(STATUS | changes, **APPROVED)


@pytest.mark.parametrize(
    ("charge", "content", "verdict", "code"),
    [
        (CHARGE, status(**TAKEN), Verdict.SUCCEEDED, None),
        (CHARGE, status(TRANS_STAT="S", CAPTURE_AMT="12050"), Verdict.SUCCEEDED, None),
        (CHARGE, status(TRANS_STAT="S"), Verdict.SUCCEEDED, None),
        (CHARGE, status(**TAKEN, ORIG_TRANS_AMT="120.50"), Verdict.SUCCEEDED, None),
        (CHARGE, status(TRANS_STAT="C", CAPTURE_AMT="120.5"), Verdict.SUCCEEDED, None),
        (CHARGE, status(), Verdict.PENDING, None),  # authorised, and our yes not heard
        (HELD, status(), Verdict.SUCCEEDED, None),
        (HELD, status(TRANS_STAT="C", CAPTURE_AMT="900"), Verdict.SUCCEEDED, None),
        (CHARGE, status(TRANS_STAT="PN"), Verdict.PENDING, None),
        (CHARGE, status(TRANS_STAT="NW"), Verdict.PENDING, None),
        (CHARGE, status(TRANS_STAT="R"), Verdict.PENDING, None),
        (CHARGE, status(TRANS_STAT=""), Verdict.PENDING, None),
        (CHARGE, status(TRANS_STAT="c"), Verdict.PENDING, None),
        (CHARGE, status(TRANS_STAT="V"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (CHARGE, status(TRANS_STAT="CNCL"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (
            CHARGE,
            status(TRANS_STAT="ERR", PROC_RET_CD="99", MDSTATUS="0"),
            Verdict.DECLINED,
            DeclineCode.AUTHENTICATION_FAILED,
        ),
        (
            CHARGE,
            status(TRANS_STAT="ERR", PROC_RET_CD="99", MDSTATUS="1"),
            Verdict.DECLINED,
            DeclineCode.PROVIDER_ERROR,
        ),
        (CHARGE, document(**NO_RECORD), Verdict.NOT_SENT, None),
        # Money that is not the charge's is never a success.
        (CHARGE, status(TRANS_STAT="C", CAPTURE_AMT="12049"), Verdict.UNKNOWN, None),
        (CHARGE, status(TRANS_STAT="C", CAPTURE_AMT="a lot"), Verdict.UNKNOWN, None),
        (CHARGE, status(**TAKEN, ORIG_TRANS_AMT="100"), Verdict.UNKNOWN, None),
        (CHARGE, status(**TAKEN, ORIG_TRANS_AMT=""), Verdict.UNKNOWN, None),
        (CHARGE, status(**TAKEN, CHARGE_TYPE_CD="C"), Verdict.UNKNOWN, None),  # a refund
        (CHARGE, document(TAKEN, **APPROVED), Verdict.UNKNOWN, None),
        # Only "No record found" says that there is none.
        (CHARGE, document(**NO_RECORD | {"ErrMsg": "Session expired"}), Verdict.UNKNOWN, None),
        (CHARGE, document(**NO_RECORD | {"ErrMsg": ""}), Verdict.UNKNOWN, None),
        (
            CHARGE,
            document({"ERRORCODE": "CORE-2201"}, Response="Error", ProcReturnCode="99"),
            Verdict.UNKNOWN,
            None,
        ),
        (
            CHARGE,
            document(STATUS | TAKEN, **APPROVED | {"ProcReturnCode": "99"}),
            Verdict.UNKNOWN,
            None,
        ),
        (CHARGE, document(), Verdict.UNKNOWN, None),
    ],
)  # fmt: skip
def test_look_up(
    charge: Charge, content: bytes, verdict: Verdict, code: DeclineCode | None
) -> None:
    answer = looked_up(charge, content)
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.evidence["http_status"] == 200
    assert answer.redirect_url is None


@pytest.mark.parametrize(
    ("changes", "md_status", "state", "awaited"),
    [
        ({}, "1", "A", True),
        ({}, "4", "A", True),
        ({}, "0", "A", False),  # without an authentication nothing is taken
        ({}, "", "A", False),
        ({}, "1", "C", False),
        ({}, "1", "PN", False),
        ({"capture": False}, "1", "A", False),
        ({"wanted": False}, "1", "A", False),
    ],
)
def test_whose_yes_is_awaited(
    changes: dict[str, bool], md_status: str, state: str, *, awaited: bool
) -> None:
    charge = replace(CHARGE, **changes)
    order = read_order(read(status(MDSTATUS=md_status, TRANS_STAT=state)), charge)
    assert isinstance(order, Order)
    assert order.awaits_a_yes(charge) is awaited
    assert order.outcome(charge).untouched is (state == "PN")


CODES = {
    DeclineCode.DO_NOT_HONOR: "01 02 05",
    DeclineCode.PROCESSING_ERROR: "09 12",
    DeclineCode.GENERIC_DECLINE: "28 57 62 77",
    DeclineCode.INSUFFICIENT_FUNDS: "51",
    DeclineCode.EXPIRED_CARD: "54",
    DeclineCode.PROVIDER_ERROR: "99 42 XX",
}


@pytest.mark.parametrize(
    ("word", "code"), [(word, code) for code, words in CODES.items() for word in words.split()]
)
def test_return_codes(word: str, code: DeclineCode) -> None:
    answer = looked_up(CHARGE, status(TRANS_STAT="D", PROC_RET_CD=word, MDSTATUS="1"))
    assert (answer.verdict, answer.decline_code) == (Verdict.DECLINED, code)
    assert answer.evidence["body"]["reason"] == word


def test_every_return_code_of_the_table_was_tried() -> None:
    tried = {word for words in CODES.values() for word in words.split()}
    assert set(DECLINES) <= tried


def failed(code: str, word: str = "Error", proc: str = "99") -> bytes:
    return document({"ERRORCODE": code}, OrderId=OID, Response=word, ProcReturnCode=proc)


@pytest.mark.parametrize(
    ("content", "verdict", "code"),
    [
        (document(**APPROVED), Verdict.SUCCEEDED, None),
        (failed("", "Declined", "05"), Verdict.DECLINED, DeclineCode.DO_NOT_HONOR),
        (failed("", "Declined", "99"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (failed("CORE-2201"), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (failed("CORE-2254"), Verdict.DECLINED, DeclineCode.CONFIGURATION),
        (failed("CORE-2503"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        (failed("CORE-2509"), Verdict.DECLINED, DeclineCode.PROVIDER_ERROR),
        # Not now, or not known: neither is a refusal.
        (failed("CORE-2508"), Verdict.UNKNOWN, None),
        (failed("CORE-2304"), Verdict.UNKNOWN, None),
        (failed("CORE-3000"), Verdict.UNKNOWN, None),
        (failed("BM-9102"), Verdict.UNKNOWN, None),
        (failed(""), Verdict.UNKNOWN, None),
        (failed("", "Declined", "42"), Verdict.UNKNOWN, None),
        (failed("", "Approved", "99"), Verdict.UNKNOWN, None),
        (failed("", "Error", "00"), Verdict.UNKNOWN, None),
        (document(), Verdict.UNKNOWN, None),
    ],
)
def test_movements(content: bytes, verdict: Verdict, code: DeclineCode | None) -> None:
    answer = read_movement(read(content))
    assert (answer.verdict, answer.decline_code) == (verdict, code)
    assert answer.provider_reference == ("T1" if verdict is Verdict.SUCCEEDED else None)


@pytest.mark.parametrize(
    ("content", "capture", "cancel"),
    [
        (status(), None, None),  # still to be done
        (status(TRANS_STAT="C", CAPTURE_AMT="900"), Verdict.SUCCEEDED, Verdict.DECLINED),
        (status(TRANS_STAT="S", CAPTURE_AMT="900"), Verdict.SUCCEEDED, Verdict.DECLINED),
        (status(**TAKEN), Verdict.DECLINED, Verdict.DECLINED),  # another amount was taken
        (status(TRANS_STAT="C"), Verdict.UNKNOWN, Verdict.DECLINED),
        (status(TRANS_STAT="V"), Verdict.DECLINED, Verdict.SUCCEEDED),
        (status(TRANS_STAT="D"), Verdict.DECLINED, Verdict.DECLINED),
        (status(TRANS_STAT="PN"), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (document(**NO_RECORD), Verdict.DECLINED, Verdict.SUCCEEDED),
    ],
)
def test_what_is_left_to_do_with_a_hold(
    content: bytes, capture: Verdict | None, cancel: Verdict | None
) -> None:
    order = read_order(read(content), HELD)
    assert isinstance(order, Order)
    outcomes = (order.capture_outcome(900), order.cancel_outcome())
    assert tuple(outcome and outcome.verdict for outcome in outcomes) == (capture, cancel)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("101", 101), ("0", 0), ("1.01", 101), ("1.5", 150), ("", None), ("1.015", None),
     ("-1", -100), ("1e3", None), ("٣", None), ("9" * 40, None)],
)  # fmt: skip
def test_amounts_of_queries(text: str, amount: int | None) -> None:
    assert minor_units(text, "mad") == amount


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (document(**NO_RECORD), Verdict.SUCCEEDED),
        (status(), Verdict.SUCCEEDED),
        (failed("CORE-2201"), Verdict.DECLINED),
        (failed("CORE-2202"), Verdict.DECLINED),
        (failed("CORE-1001"), Verdict.UNKNOWN),
        (document(), Verdict.UNKNOWN),
    ],
)
def test_credential_checks(content: bytes, verdict: Verdict) -> None:
    assert read_check(read(content)).verdict is verdict


# --- Histories and refunds ---


def line(kind: str, state: str, amount: int, id: str = "T1") -> str:
    """Recorded: kind, state, two amounts, three moments, reference, code, return code, id."""
    moment = "2026-10-30 12:58:42.906"
    return f"{kind}\t{state}\t{amount}\t{amount}\t{moment}\t{moment}\t\t\t\t00\t{id}"


def history(*lines: str) -> bytes:
    extra = {f"TRX{number}": line for number, line in enumerate(reversed(lines), 1)}
    return document(extra | {"TRXCOUNT": str(len(lines))}, **APPROVED)


PAID = line("S", "S", 12050)


def refund_of(amount: int, provider_reference: str | None = None) -> Refund:
    return Refund("5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a99", amount, CHARGE,
                  provider_reference=provider_reference)  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "refund", "verdict", "transaction"),
    [
        ([], refund_of(12050), Verdict.NOT_SENT, None),
        ([PAID], refund_of(12050), Verdict.NOT_SENT, None),
        ([PAID, line("C", "S", 12050, "C1")], refund_of(12050), Verdict.SUCCEEDED, "C1"),
        ([PAID, line("C", "C", 12050, "C1")], refund_of(12050), Verdict.SUCCEEDED, "C1"),
        ([PAID, line("C", "D", 12050, "C1")], refund_of(12050), Verdict.NOT_SENT, None),
        ([PAID, line("C", "PN", 12050, "C1")], refund_of(12050), Verdict.PENDING, "C1"),
        ([PAID, line("C", "S", 5000)], refund_of(6000), Verdict.NOT_SENT, None),
        # Two of 50 fit into 120.50: whose is this one?
        ([PAID, line("C", "S", 5000)], refund_of(5000), Verdict.UNKNOWN, None),
        # A third does not, so ours is one of the two.
        ([PAID, line("C", "S", 5000, "C1"), line("C", "S", 5000, "C2")], refund_of(5000),
         Verdict.SUCCEEDED, "C2"),
        ([PAID, line("C", "S", 7000), line("C", "S", 5000, "C2")], refund_of(5000),
         Verdict.SUCCEEDED, "C2"),
        ([PAID, line("C", "S", 5000, "C1")], refund_of(5000, "C1"), Verdict.SUCCEEDED, "C1"),
        ([PAID, line("C", "V", 5000, "C1")], refund_of(5000, "C1"), Verdict.DECLINED, "C1"),
        ([PAID, line("C", "S", 5000, "C1")], refund_of(5000, "C9"), Verdict.UNKNOWN, None),
        # A part was captured, and all of it was given back.
        ([line("S", "S", 900), line("C", "S", 900, "C1")], refund_of(900),
         Verdict.SUCCEEDED, "C1"),
    ],
)  # fmt: skip
def test_which_credit_is_ours(
    lines: list[str], refund: Refund, verdict: Verdict, transaction: str | None
) -> None:
    read_lines = read_history(read(history(*lines)), "mad")
    assert isinstance(read_lines, History)
    answer = read_refund(refund, read_lines)
    assert (answer.verdict, answer.provider_reference) == (verdict, transaction)
    assert len(answer.evidence["credits"]) == len([each for each in lines if each[0] == "C"])


@pytest.mark.parametrize(
    "content",
    [
        history("S\tS\t12050"),
        history(PAID, line("X", "S", 100)),
        history(PAID, line("C", "S", 100).replace("100", "a lot")),
        document({"TRXCOUNT": "2", "TRX1": PAID}, **APPROVED),
        document({"TRX1": PAID}, **APPROVED),
        document({"TRXCOUNT": "99999999999999"}, **APPROVED),
        document({"TRXCOUNT": "0"}, **NO_RECORD | {"ErrMsg": "Try again later"}),
        failed("CORE-2201"),
    ],
)
def test_a_history_with_anything_unreadable_is_unknown(content: bytes) -> None:
    answer = read_history(read(content), "mad")
    assert isinstance(answer, Answer)
    assert answer.verdict is Verdict.UNKNOWN


def test_an_order_that_nobody_knows_has_no_history() -> None:
    none = NO_RECORD | {"ProcReturnCode": "05", "OrderId": OID}
    read_lines = read_history(read(document({"TRXCOUNT": "0"}, **none)), "mad")
    assert isinstance(read_lines, History)
    assert read_lines.credits == ()


# --- Callbacks ---

CALLED_BACK = {
    **{name: value for name, value in ADAPTER.form(CHARGE).fields.items() if name != "HASH"},
    "ReturnOid": OID,
    "Response": "Approved",
    "ProcReturnCode": "00",
    "mdStatus": "1",
    "AuthCode": "P12345",
    "TransId": "26321KMNB12345",
    "maskedCreditCard": "4000 00** **** 0010",
    "EXTRA.TRXDATE": "20261121 10:15:30",
    "ErrMsg": "",
    "rnd": "abcDEF123",
}


def signed(changes: Mapping[str, str] | None = None, key: str = ACCOUNT.store_key) -> bytes:
    fields = CALLED_BACK | dict(changes or {})
    return urlencode(fields | {"HASH": sign(fields, key)}).encode()


@pytest.mark.parametrize(
    ("charge", "changes", "reply"),
    [
        (CHARGE, {}, CAPTURE),
        (HELD, {}, RECEIVED),
        (CHARGE, {"mdStatus": "2"}, CAPTURE),
        (CHARGE, {"mdStatus": "3"}, CAPTURE),
        (CHARGE, {"mdStatus": "4"}, CAPTURE),
        (CHARGE, {"amount": "120.5"}, CAPTURE),
        (CHARGE, {"Response": "Declined", "ProcReturnCode": "51"}, RECEIVED),
        (CHARGE, {"Response": "Error", "ProcReturnCode": "99", "mdStatus": "0"}, RECEIVED),
        (CHARGE, {"ProcReturnCode": "51"}, RECEIVED),
        (CHARGE, {"Response": "Declined"}, RECEIVED),
        *((CHARGE, {"mdStatus": md_status}, CANCEL) for md_status in ("0", "5", "6", "7", "8", "")),
        (HELD, {"mdStatus": "0"}, CANCEL),
        (None, {}, CANCEL),  # nobody knows it, or nobody wants it any more
        (CHARGE, {"amount": "120.51"}, CANCEL),
        (CHARGE, {"amount": "12050"}, CANCEL),
        (CHARGE, {"amount": "1e2"}, CANCEL),
        (CHARGE, {"amount": ""}, CANCEL),
        (CHARGE, {"currency": "978"}, CANCEL),
        (CHARGE, {"oid": OID[::-1]}, CANCEL),
        (CHARGE, {"clientid": "600000001"}, CANCEL),
        (replace(CHARGE, currency="xaf"), {}, CANCEL),
    ],
)
def test_replies(charge: Charge | None, changes: Mapping[str, str], reply: str) -> None:
    assert ADAPTER.reply(charge, {}, signed(changes)) == reply


def test_a_callback_names_our_reference_whatever_it_says() -> None:
    for changes in ({}, {"Response": "Declined", "ProcReturnCode": "51"}):
        assert ADAPTER.read_callback({}, signed(changes)) == CHARGE.reference


FORGED = {
    "another key": signed(key="another"),
    "a changed amount": signed().replace(b"120.50", b"1.00"),
    "a field more": signed() + b"&extra=1",
    "a field twice": signed() + b"&amount=120.50",
    "two hashes": signed() + b"&hash=x",
    "no hash": urlencode(CALLED_BACK).encode(),
    "nothing": b"",
    "no form": b"<xml/>",
    "no UTF-8": b"oid=\xff",
    "no UTF-8, encoded": b"oid=%ff",
    "too long": signed({"ErrMsg": "x" * 70_000}),
    "too many fields": signed({f"x{number}": "" for number in range(600)}),
}


@pytest.mark.parametrize("body", FORGED.values(), ids=FORGED)
def test_forged_callbacks_are_refused_and_cancelled(body: bytes) -> None:
    with pytest.raises(ForgedCallback):
        ADAPTER.read_callback({}, body)
    assert ADAPTER.reply(CHARGE, {}, body) == CANCEL


def test_a_callback_about_an_order_of_another_system_is_refused() -> None:
    with pytest.raises(ForgedCallback):
        ADAPTER.read_callback({}, signed({"oid": "ch_0001"}))


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_forged(body: bytes) -> None:
    assert ADAPTER.reply(CHARGE, {}, body) == CANCEL
