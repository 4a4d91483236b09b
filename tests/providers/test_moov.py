"""The Moov adapter: the envelopes it writes, and what it makes of every reply."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree.ElementTree import canonicalize

import httpx
import pytest
from sandbox_servers import listen, serve, url_of

from providers.boundary import (
    Answer,
    Balance,
    Balances,
    Charge,
    CredentialChecks,
    DeclineCode,
    ForgedCallback,
    Payout,
    Payouts,
    Provider,
    Refund,
    Refunds,
    Verdict,
    Wallet,
    WalletChecks,
)
from providers.moov import (
    Moov,
    MoovAccount,
    build_about,
    build_push,
    build_status,
    build_transfer,
    moov_capabilities,
)
from providers.moov_replies import (
    COLLECTION_CODES,
    TRANSFER_CODES,
    read_amount,
    read_sent,
    read_status,
    read_wallet,
)
from providers.moov_soap import make_token

ACCOUNT = MoovAccount(
    country="BJ",
    msisdn="+2290194999999",
    user="username",
    password="the-password",
    encryption_key="0123456789abcdef0123456789abcdef",
    base_url="https://moov.example.test/",
)
TOKEN = make_token(ACCOUNT.user, ACCOUNT.password, ACCOUNT.encryption_key)
REFERENCE = "5f0f8a52-6b0f-4f1c-8d57-0d1f4d1f8a11"
CHARGE = Charge(REFERENCE, 5000, "xof", "+2290195000000", external_id="ch_0001")
PAYOUT = Payout(REFERENCE, 5000, "xof", "+2290195000000", external_id="po_0001")


# --- Requests ---


def test_the_token_is_what_openssl_makes() -> None:
    # printf '0:username:the-password' | openssl enc -aes-256-cbc -a -A -K <key> -iv 0...0
    assert TOKEN == "AbfPvpS0mxos4jUHwNwg0DsMrLZQJYC8203AsdSuz44="


def sent(request: httpx.Request) -> str:
    assert (request.method, str(request.url)) == (
        "POST",
        "https://moov.example.test/com.tlc.merchant.api/UssdPush",
    )
    assert request.headers["content-type"] == "application/soap+xml; charset=utf-8"
    return canonicalize(request.content.decode(), strip_text=True)


def envelope(body: str) -> str:
    """In the form of the recorded request."""
    return canonicalize(
        f"""<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
                              xmlns:api="http://api.merchant.tlc.com/">
          <soapenv:Header/><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>""",
        strip_text=True,
    )


def test_push_is_the_recorded_request() -> None:
    charge = replace(CHARGE, description="Paiement de 5000 FCFA")
    assert sent(build_push(ACCOUNT, charge)) == envelope(
        f"""<api:PushWithPending>
          <token>{TOKEN}</token>
          <msisdn>2290195000000</msisdn>
          <message>Paiement de 5000 FCFA</message>
          <amount>5000</amount>
          <externaldata1>{REFERENCE}</externaldata1>
          <externaldata2>ch_0001</externaldata2>
          <fee>0</fee>
        </api:PushWithPending>"""
    )


@pytest.mark.parametrize(
    ("request_", "operation", "fields"),
    [
        (build_status(ACCOUNT, REFERENCE), "getTransactionStatus", {"transid": REFERENCE}),
        (
            build_transfer(ACCOUNT, REFERENCE, "+2290195000000", 1200, "po_1"),
            "transferFlooz",
            {
                "destination": "2290195000000", "amount": "1200", "referenceid": REFERENCE,
                "walletid": "0", "extendeddata": "po_1",
            },
        ),
        (
            build_transfer(
                replace(ACCOUNT, transfers="cashintrans"), REFERENCE, "+2290195000000", 1200, "po_1"
            ),
            "cashintrans",
            {
                "amount": "1200", "destination": "2290195000000", "referenceid": REFERENCE,
                "remarks": "po_1",
            },
        ),
        (
            build_about(ACCOUNT, "getBalance", ACCOUNT.msisdn),
            "getBalance",
            {"msisdn": "2290194999999"},
        ),
        (
            build_about(ACCOUNT, "getMobileAccountStatus", "+2290195000000"),
            "getMobileAccountStatus",
            {"msisdn": "2290195000000"},
        ),
    ],
)  # fmt: skip
def test_calls_with_a_request_inside(
    request_: httpx.Request, operation: str, fields: dict[str, str]
) -> None:
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    assert sent(request_) == envelope(
        f"<api:{operation}><token>{TOKEN}</token><request>{inside}</request></api:{operation}>"
    )


@pytest.mark.parametrize(
    ("description", "language", "message"),
    [
        ("", "en", "<message>Pay 5000 FCFA</message>"),
        ("", "fr", "<message>Paiement de 5000 FCFA</message>"),
        ("</message><amount>1", "fr", "<message>&lt;/message&gt;&lt;amount&gt;1</message>"),
        ("A & B \x00\x08\ud800\uffff", "fr", "<message>A &amp; B</message>"),
        ("é" * 200, "fr", f"<message>{'é' * 160}</message>"),
    ],
)
def test_messages_are_escaped_and_short(description: str, language: str, message: str) -> None:
    charge = replace(CHARGE, description=description, language=language)
    assert message in sent(build_push(ACCOUNT, charge))


@pytest.mark.parametrize(
    "wrong", [{"encryption_key": "short"}, {"country": "FR"}, {"transfers": "airtimetrans"}]
)
def test_an_account_that_moov_never_issues_is_refused(wrong: dict[str, str]) -> None:
    [name] = wrong
    with pytest.raises(ValueError, match=name):
        replace(ACCOUNT, **wrong)


def test_capabilities_are_those_of_the_country() -> None:
    able = moov_capabilities("TG")
    assert (able.countries, able.currencies) == ({"TG"}, {"xof"})
    assert able.one_open_charge_per_payer
    assert moov_capabilities(None).countries == {"BJ", "TG"}


# --- Replies ---


def soap(operation: str, fields: str, wrapper: str = "return") -> bytes:
    """A reply in the form of the recorded one."""
    return f"""<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
      <soap:Body>
        <ns2:{operation}Response xmlns:ns2="http://api.merchant.tlc.com/">
          <{wrapper}>{fields}</{wrapper}>
        </ns2:{operation}Response>
      </soap:Body>
    </soap:Envelope>""".encode()


def with_status(status: str, wrapper: str = "return") -> bytes:
    return soap("PushWithPending", f"<status>{status}</status>", wrapper)


FAULT = b"""<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
  <soap:Fault><faultcode>soap:Server</faultcode><faultstring>For input string</faultstring>
  <detail><ns1:Exception xmlns:ns1="http://api.merchant.tlc.com/"/></detail></soap:Fault>
</soap:Body></soap:Envelope>"""
BOMB = b"""<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><r><return>
<status>0</status><description>&b;</description></return></r></soap:Body></soap:Envelope>"""


def pushed(content: bytes, status: int = 200) -> Answer:
    return read_sent(httpx.Response(status, content=content), REFERENCE, COLLECTION_CODES)


def looked_up(content: bytes, status: int = 200) -> Answer:
    return read_status(httpx.Response(status, content=content), REFERENCE, COLLECTION_CODES)


def test_the_recorded_refusal() -> None:
    answer = pushed(
        soap(
            "PushWithPending",
            "<description>UNAUTHORISED_ERROR</description>"
            "<referenceid>72024103000000009</referenceid><status>4</status>"
            f"<transid>{REFERENCE}</transid>",
        )
    )
    assert answer == Answer(
        Verdict.DECLINED,
        "72024103000000009",
        DeclineCode.CONFIGURATION,
        evidence={
            "http_status": 200,
            "body": {
                "description": "UNAUTHORISED_ERROR",
                "referenceid": "72024103000000009",
                "status": "4",
                "transid": REFERENCE,
                "reason": "4",
            },
        },
    )


CONFIGURATION = (Verdict.DECLINED, DeclineCode.CONFIGURATION)
LIMIT = (Verdict.DECLINED, DeclineCode.LIMIT_EXCEEDED)
NOT_FOUND = (Verdict.DECLINED, DeclineCode.PAYER_NOT_FOUND)
NO_FUNDS = (Verdict.DECLINED, DeclineCode.INSUFFICIENT_FUNDS)
NO_FLOAT = (Verdict.DECLINED, DeclineCode.FLOAT_INSUFFICIENT)
GENERIC = (Verdict.DECLINED, DeclineCode.GENERIC_DECLINE)
ERROR = (Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)
EXPIRED = (Verdict.DECLINED, DeclineCode.EXPIRED)
PAID = (Verdict.SUCCEEDED, None)
PENDING = (Verdict.PENDING, None)
NOT_SENT = (Verdict.NOT_SENT, None)
UNKNOWN = (Verdict.UNKNOWN, None)

# The published table, row by row: to a push, to its look-up, to a transfer, to its look-up.
ROWS = {
    "0": (PAID, PAID, PAID, PAID),
    "1": (CONFIGURATION, UNKNOWN, CONFIGURATION, UNKNOWN),
    "2": (CONFIGURATION, UNKNOWN, CONFIGURATION, UNKNOWN),
    "3": (NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "4": (CONFIGURATION, UNKNOWN, CONFIGURATION, UNKNOWN),
    "6": (CONFIGURATION, CONFIGURATION, GENERIC, GENERIC),
    "7": (NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "8": (NO_FUNDS, NO_FUNDS, NO_FLOAT, NO_FLOAT),
    "9": (NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "10": (NO_FUNDS, NO_FUNDS, NO_FLOAT, NO_FLOAT),
    **{str(code): (LIMIT, LIMIT, LIMIT, LIMIT) for code in range(11, 21)},
    "91": (CONFIGURATION, UNKNOWN, CONFIGURATION, UNKNOWN),
    "92": (PENDING, EXPIRED, UNKNOWN, UNKNOWN),
    "94": (UNKNOWN, NOT_SENT, UNKNOWN, NOT_SENT),
    "95": (ERROR, ERROR, ERROR, ERROR),
    "98": (CONFIGURATION, UNKNOWN, CONFIGURATION, UNKNOWN),
    "99": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "-1": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "100": (PENDING, PENDING, PENDING, PENDING),
    "555": (NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    # In no table.
    "111": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "zero": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}


@pytest.mark.parametrize("wrapper", ["return", "result", "response"])
@pytest.mark.parametrize("status", ROWS)
def test_status_codes(status: str, wrapper: str) -> None:
    reply = httpx.Response(200, content=with_status(status, wrapper))
    answers = [
        read(reply, REFERENCE, codes)
        for codes in (COLLECTION_CODES, TRANSFER_CODES)
        for read in (read_sent, read_status)
    ]
    assert tuple((answer.verdict, answer.decline_code) for answer in answers) == ROWS[status]
    for answer in answers:
        if answer.verdict is Verdict.DECLINED:
            assert answer.evidence["body"]["reason"] == status


@pytest.mark.parametrize("http_status", [200, 400, 500])
@pytest.mark.parametrize(
    "content",
    [
        FAULT,
        BOMB,
        b"",
        b"<html>Bad gateway</html>",
        b"\xff\xfe",
        b"{}",
        b"<a>" * 50_000,
        soap("PushWithPending", ""),
        b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"/>',
        with_status("0").replace(b"xmlsoap.org/soap/envelope/", b"w3.org/2003/05/soap-envelope"),
        soap("PushWithPending", f"<status>0</status><description>{'x' * 9000}</description>"),
    ],
    ids=str,
)
def test_what_is_no_answer_is_unknown(content: bytes, http_status: int) -> None:
    for answer in (pushed(content, http_status), looked_up(content, http_status)):
        assert (answer.verdict, answer.decline_code) == UNKNOWN
        assert len(str(answer.evidence)) < 5000


@pytest.mark.parametrize("http_status", [201, 302, 401, 403, 404, 429, 500, 503])
def test_a_word_of_success_with_another_http_status_is_unknown(http_status: int) -> None:
    assert pushed(with_status("0"), http_status).verdict is Verdict.UNKNOWN
    assert looked_up(with_status("0"), http_status).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "theirs"),
    [
        (f"<referenceid>720</referenceid><transid>{REFERENCE}</transid>", "720"),
        (f"<referenceid>{REFERENCE}</referenceid><transid>020</transid>", "020"),
        (f"<transactionid>{REFERENCE}</transactionid><referenceid>920</referenceid>", "920"),
        (f"<transid>{REFERENCE}</transid>", None),
        ("", None),
    ],
)
def test_their_id_is_the_one_that_is_not_ours(fields: str, theirs: str | None) -> None:
    answer = pushed(soap("any", f"<status>0</status>{fields}"))
    assert answer.provider_reference == theirs


ACTIVE = (
    "<accounttype>MCOM</accounttype><firstname>REUGIE</firstname><lastname>ARIZALA</lastname>"
    "<message>SUCCESS</message><status>0</status><subscriberstatus>ACTIVE</subscriberstatus>"
)


@pytest.mark.parametrize(
    ("content", "wallet"),
    [
        (soap("x", ACTIVE), Wallet(active=True, holder="REUGIE ARIZALA")),
        (soap("x", ACTIVE.replace(">ACTIVE", ">INACTIVE")), Wallet(False, "REUGIE ARIZALA")),
        (soap("x", "<status>0</status><subscriberstatus>ACTIVE</subscriberstatus>"), Wallet(True)),
        (soap("x", "<status>0</status>"), None),
        (with_status("555"), Wallet(active=False)),
        (with_status("9"), Wallet(active=False)),
        (with_status("98"), None),
        (FAULT, None),
    ],
)
def test_wallets(content: bytes, wallet: Wallet | None) -> None:
    assert read_wallet(httpx.Response(200, content=content)) == wallet


@pytest.mark.parametrize(
    ("fields", "balance"),
    [
        ("<balance>382222</balance><status>0</status>", "382222"),
        ("<balance>382222</balance><status>98</status>", None),
        ("<status>0</status>", None),
    ],
)
def test_balances(fields: str, balance: str | None) -> None:
    assert read_amount(httpx.Response(200, content=soap("getBalance", fields))) == balance


# --- The adapter, over HTTP ---


@dataclass
class Scripted:
    """A server that answers each operation with what a test says, and counts."""

    answers: dict[str, bytes]
    seen: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["method"] == "POST"
        message = await receive()
        operation = next(
            name for name in self.answers if f"api:{name}>".encode() in message["body"]
        )
        self.seen.append(operation)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.answers[operation]})


@asynccontextmanager
async def moov_that(**answers: bytes) -> AsyncIterator[tuple[Moov, Scripted]]:
    scripted = Scripted(answers)
    with serve(scripted) as url:
        async with httpx.AsyncClient(timeout=1, trust_env=False) as client:
            yield Moov(replace(ACCOUNT, base_url=url), client), scripted


NEVER_SEEN = with_status("94")
PROMPTED = with_status("100")


async def test_a_charge_is_asked_after_before_it_is_sent() -> None:
    async with moov_that(getTransactionStatus=NEVER_SEEN, PushWithPending=PROMPTED) as (moov, seen):
        assert (await moov.charge(CHARGE)).verdict is Verdict.PENDING
    assert seen.seen == ["getTransactionStatus", "PushWithPending"]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (with_status("0"), PAID),
        (PROMPTED, PENDING),
        (with_status("10"), NO_FUNDS),
        (with_status("98"), CONFIGURATION),
        (with_status("99"), UNKNOWN),
        (FAULT, UNKNOWN),
        (b"<html>", UNKNOWN),
    ],
)
async def test_a_charge_that_may_be_known_is_not_sent_again(
    known: bytes, expected: tuple[Verdict, DeclineCode | None]
) -> None:
    async with moov_that(getTransactionStatus=known) as (moov, seen):
        answer = await moov.charge(CHARGE)
    assert (answer.verdict, answer.decline_code) == expected
    assert seen.seen == ["getTransactionStatus"]


async def test_of_a_transfer_it_is_never_said_that_it_was_not_sent() -> None:
    refund = Refund(REFERENCE, 500, CHARGE)
    async with moov_that(getTransactionStatus=NEVER_SEEN) as (moov, _):
        assert (await moov.look_up(CHARGE)).verdict is Verdict.NOT_SENT
        assert (await moov.look_up_payout(PAYOUT)).verdict is Verdict.UNKNOWN
        assert (await moov.look_up_refund(refund)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "charge", [replace(CHARGE, capture=False), replace(CHARGE, currency="xaf")]
)
async def test_what_moov_cannot_do_never_leaves(charge: Charge) -> None:
    async with moov_that() as (moov, seen):
        assert (await moov.charge(charge)).verdict is Verdict.NOT_SENT
        payout = replace(PAYOUT, currency="eur")
        assert (await moov.pay_out(payout)).verdict is Verdict.NOT_SENT
    assert seen.seen == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (soap("x", "<balance>100</balance><status>0</status>"), PAID),
        (with_status("98"), CONFIGURATION),
        (with_status("4"), CONFIGURATION),
        (with_status("99"), UNKNOWN),
        (FAULT, UNKNOWN),
    ],
)
async def test_credentials(content: bytes, expected: tuple[Verdict, DeclineCode | None]) -> None:
    async with moov_that(getBalance=content) as (moov, _):
        answer = await moov.check_credentials()
    assert (answer.verdict, answer.decline_code) == expected
    assert "100" not in str(answer.evidence)


@pytest.mark.parametrize(
    ("written", "balance"),
    [("382222", Balance(382222, "xof")), ("12.5", None), ("much", None), ("", None)],
)
async def test_balance(written: str, balance: Balance | None) -> None:
    content = soap("x", f"<balance>{written}</balance><status>0</status>")
    async with moov_that(getBalance=content) as (moov, _):
        assert await moov.balance() == balance


async def test_nobody_listens(client: httpx.AsyncClient) -> None:
    with listen() as nobody:
        moov = Moov(replace(ACCOUNT, base_url=url_of(nobody)), client)
        assert (await moov.charge(CHARGE)).verdict is Verdict.NOT_SENT
        assert (await moov.pay_out(PAYOUT)).verdict is Verdict.NOT_SENT
        assert (await moov.look_up(CHARGE)).verdict is Verdict.UNKNOWN
        assert (await moov.look_up_payout(PAYOUT)).verdict is Verdict.UNKNOWN
        assert (await moov.check_credentials()).verdict is Verdict.UNKNOWN
        assert await moov.wallet(CHARGE.payer) is None
        assert await moov.balance() is None


@pytest.mark.parametrize("body", [b"", with_status("0"), b"<?xml version='1.0'?><methodCall/>"])
def test_every_callback_is_forged(body: bytes) -> None:
    with pytest.raises(ForgedCallback):
        Moov(ACCOUNT, httpx.AsyncClient()).read_callback({}, body)


def test_the_adapter_is_a_provider_that_hides_its_secrets() -> None:
    moov = Moov(ACCOUNT, httpx.AsyncClient())
    provider: Provider = moov
    assert provider.name == "moov"
    for protocol in (Balances, CredentialChecks, Payouts, Refunds, WalletChecks):
        assert isinstance(moov, protocol)
    for secret in (ACCOUNT.password, ACCOUNT.encryption_key, TOKEN):
        assert secret not in repr(moov)
